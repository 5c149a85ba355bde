"""What is told of data before training: by `attnlab data` and by `attnlab train` alike."""

import json
import time
from pathlib import Path

import pytest
from pictures import noise, write_picture

from attnlab import compose
from attnlab.cli import main
from attnlab.data import open_data
from attnlab.data.warnings import warnings
from attnlab.plural import plural


def words(folder: Path, **files: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text)
    return ["task=sentiment", "data=csv", f"data.path={folder}"]


def told(text: str) -> list[str]:
    return [line.removeprefix("Warning: ") for line in text.splitlines() if line.startswith("Warning: ")]


def test_train_gives_the_warnings_that_data_gives_once_and_again_when_continued(tmp_path: Path, capsys) -> None:
    rows = {"train": "text,label\nseen before,a\nbad row,\nfine,b\n", "dev": "text,label\nfine,a\nnew,b\n"}
    rows["test"] = "text,label\nseen before,a\nsomething new,c\n"
    given = [*words(tmp_path / "data", **rows), "data.skip_bad=true"]
    assert main(["data", *given, f"outputs={tmp_path}"]) == 0
    expected = told(capsys.readouterr().out)
    assert "1 of 2 examples of the test split occur in training, too, such as test.csv:2" in expected
    assert any(sentence.startswith("1 bad row was left out") for sentence in expected)
    assert len(expected) == len(set(expected))
    run = tmp_path / "run"
    tiny = ["encoder.width=8", "encoder.depth=1", "trainer.updates=1"]
    assert main(["train", *given, *tiny, f"folder={run}"]) == 0
    assert told(capsys.readouterr().out) == expected == told((run / "log.txt").read_text())
    assert json.loads((run / "results.json").read_text())["warnings"] == expected
    assert main(["train", f"run={run}", "trainer.updates=2"]) == 0
    assert told(capsys.readouterr().out) == expected
    assert main(["eval", f"run={run}", "split=validation"]) == 0
    assert not [sentence for sentence in told(capsys.readouterr().out) if sentence.startswith("the test split")]


def told_of_tags(folder: Path, sentences: list[str]) -> list[str]:
    """What is told of sentences of tags that are all for training; a sentence's key is the line of its first word."""
    rows = [line for tags in sentences for line in (*(f"w\t{tag}" for tag in tags.split()), "")]
    (folder / "tags.txt").write_text("\n".join(rows))
    given = ["task=pos", "data=tagged", f"data.path={folder / 'tags.txt'}", "data.validation=0", "data.test=0"]
    return warnings(open_data(compose.compose(given).data, 1))


def test_a_tag_that_turns_the_scores_of_spans_off_is_told(tmp_path: Path) -> None:
    found = told_of_tags(tmp_path, ["B-PER I-PER O", "O O PER", "B-LOC O"])
    assert "tags.txt:5, word 3: tag `PER` has no B- or I-, so spans aren't scored" in found
    assert not [line for line in told_of_tags(tmp_path, ["B-PER I-PER O", "O O", "B-LOC O"]) if "no B-" in line]
    assert not [line for line in told_of_tags(tmp_path, ["NOUN VERB DET", "B-a"]) if "no B-" in line]


def test_a_type_of_spans_that_is_likely_misspelled_is_told(tmp_path: Path) -> None:
    found = told_of_tags(tmp_path, ["B-LOC I-LOC"] * 10 + ["O B-LOK"] + ["B-LAC"] * 2)
    assert [line for line in found if "misspelling" in line] == [
        "tags: a type of spans that differs by one letter from a frequent one may be a misspelling: `LOK` (1) beside `LOC` "
        "(20); `B-LOK` is at tags.txt:31, word 2"
    ], "LAC is a tenth as frequent"


def test_numbers_as_texts_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "area,rooms,label\n" + "".join(f"{i}.5,{i % 7},{'ab'[i % 2]}\n" for i in range(60))
    )
    given = ["task=sentiment", "data=csv", f"data.path={tmp_path / 't.csv'}", "data.text=[area,rooms]"]
    sentence = (
        "`area` and `rooms`: only numbers, which are read as words; attnlab has no numeric features in tables"
    )
    assert sentence in helped(given)
    (tmp_path / "t.csv").write_text(
        "area,rooms,label\n" + "".join(f"{i},{i} rooms,{'ab'[i % 2]}\n" for i in range(60))
    )
    assert sentence not in helped(given)


def test_a_table_of_few_different_texts_is_told(tmp_path: Path) -> None:
    rows = "".join(f"text number {i % 36},{'ab'[i % 36 % 2]}\n" for i in range(400))
    (tmp_path / "t.csv").write_text("text,label\n" + rows)
    sentence = "36 different texts in 400 rows; equal texts stay in one split, so scores rest on few of them"
    given = ["task=sentiment", "data=csv", f"data.path={tmp_path / 't.csv'}"]
    assert sentence in helped(given)
    rows = "".join(f"text number {i % 200},{'ab'[i % 2]}\n" for i in range(400))
    (tmp_path / "t.csv").write_text("text,label\n" + rows)
    assert not [line for line in helped(given) if "different texts" in line]


BEGINS = "tags: in training, {} neither B- nor I- of the same type, such as tags.txt:{}; each is read as the beginning of a span"
IOB1 = (
    "tags: 3 of 5 spans in training begin with I-, such as tags.txt:1, as in IOB1, where B- only parts a span from one of its "
    "type before it; they are read so"
)


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        ("B-a I-a O / O B-b I-b / B-a", []),
        ("B-a I-a / O I-a / B-b / B-b", [BEGINS.format("1 tag I- follows", 4)]),
        ("B-a I-b I-b / B-a / B-b / I-b", [BEGINS.format("2 tags I- follow", 1)]),
        ("I-a I-a O / I-a B-a O I-b / B-b", [IOB1]),
        ("B-a I-a L-a / U-a / B-a L-a", []),
        ("I-a I-a O / O I-b", []),  # no B-: not taken for tags of spans
        ("NOUN VERB / I-a B-a", []),
    ],
)
def test_tags_that_begin_no_span_are_counted(sentences: str, expected: list[str], tmp_path: Path) -> None:
    """The examples are all for training; a sentence's key is the line of its first word."""
    rows, word = list[str](), 0
    for sentence in sentences.split(" / "):
        for tag in sentence.split():
            rows.append(f"w{(word := word + 1)}\t{tag}")
        rows.append("")
    (tmp_path / "tags.txt").write_text("\n".join(rows))
    words = ["task=pos", "data=tagged", f"data.path={tmp_path / 'tags.txt'}", "data.validation=0"]
    found = warnings(open_data(compose.compose([*words, "data.test=0"]).data, 1))
    assert [sentence for sentence in found if "I-" in sentence] == expected


@pytest.mark.parametrize(
    ("kind", "cells", "sentence"),
    [
        ("class", ["good"], "label: all training examples have the same label, good"),
        ("number", ["3.5"], "label: all training examples have the same answer, 3.5"),
        ("classes", ["1,0", "1,1"], "label: in training, the answer to `a` is always yes"),
        ("classes", ["0,", "1,"], "label: in training, the answer to `b` is always unknown"),
    ],
)
def test_a_target_that_teaches_nothing_is_told(kind: str, cells: list[str], sentence: str, tmp_path: Path) -> None:
    header = "text,a,b" if kind == "classes" else "text,label"
    rows = "".join(f"film {i},{cells[i % len(cells)]}\n" for i in range(40))
    given = [*words(tmp_path, train=f"{header}\n{rows}"), f"data.target_kind={kind}"]
    config = compose.compose([*given, *(["data.label=[a,b]"] if kind == "classes" else [])])
    found = warnings(open_data(config.data, 1))
    assert [line for line in found if line.startswith("label: ")] == [sentence]


def test_data_without_any_label_are_refused_as_training_refuses_them(tmp_path: Path, capsys) -> None:
    (tmp_path / "x.jsonl").write_text(
        "".join(f'{{"words": ["a", "b{i}"], "tags": [null, null]}}\n' for i in range(20))
    )
    for verb in ("data", "train"):
        assert (
            main([verb, "task=pos", "data=tagged", f"data.path={tmp_path / 'x.jsonl'}", f"outputs={tmp_path}"])
            == 2
        )
        assert "no label in the training data says what is right" in capsys.readouterr().err


def test_warnings_of_many_examples_cost_little(tmp_path: Path) -> None:
    rows = "".join(f"film number {i} of many,{'ab'[i % 2]}\n" for i in range(20_000))
    data = open_data(compose.compose(words(tmp_path, train="text,label\n" + rows)).data, 1)
    started = time.process_time()
    assert warnings(data) == []
    assert time.process_time() - started < 2, "it takes 0.1 s"


def test_one_of_something_is_singular() -> None:
    assert [plural(count, "example") for count in (0, 1, 1234)] == ["0 examples", "1 example", "1,234 examples"]
    assert plural(2, "class") == "2 classes"


def test_equal_texts_with_different_classes_are_told(tmp_path: Path) -> None:
    rows = "".join(f"film {i},{'good' if i % 2 else 'bad'}\n" for i in range(40))
    train = f"text,label\n{rows}film 3,bad\nfilm 3,good\nfilm 4,bad\nfilm 5,bad\n"
    given = words(
        tmp_path,
        train=train,
        dev=f"text,label\n{rows.replace('film', 'play')}",
        test=f"text,label\n{rows.replace('film', 'song')}",
    )
    config = compose.compose(given)
    assert warnings(open_data(config.data, seed=1)) == [
        "label: 2 training examples repeat an earlier one with another label, such as train.csv:42"
    ]


def test_equal_pictures_with_different_classes_are_told(tmp_path: Path) -> None:
    for label in "ab":
        for i in range(40):
            write_picture(tmp_path / label / f"{label}{i}.png", noise(8, 8, 3, seed=i + 100 * (label == "b")))
    (tmp_path / "b" / "copy.png").write_bytes((tmp_path / "a" / "a0.png").read_bytes())
    config = compose.compose(
        ["task=digits", "data=image_folder", f"data.path={tmp_path}", "data.validation=0", "data.test=0"]
    )
    (sentence,) = warnings(open_data(config.data, seed=1))
    assert sentence.startswith("label: 1 training example repeats an earlier one with another label, such as ")


def helped(given: list[str], *more: str) -> list[str]:
    """What a run on these words is told, besides what `warnings` finds for whoever only scores the data."""
    config = compose.compose([*given, *more])
    data = open_data(config.data, config.seed)
    without = warnings(data)
    return [sentence for sentence in warnings(data, config=config) if sentence not in without]


def table(counts: dict[str, int], files: int = 1) -> str:
    labels = [label for label, n in counts.items() for _ in range(n)]
    return "text,label\n" + "".join(f"film {files} {i},{label}\n" for i, label in enumerate(labels))


def test_rare_classes_are_told_in_one_line_with_the_rarest_and_what_helps(tmp_path: Path) -> None:
    given = {"dev": table({"a": 40, "b": 40, "c": 40}, 2), "test": table({"a": 40, "b": 40, "c": 40}, 3)}
    begins = "less than a tenth of an equal share, the rarest"
    helps = "`head.class_weights=balanced` gives every class the same weight"
    few = words(tmp_path / "one", train=table({"a": 200, "b": 90, "c": 9}), **given)
    assert helped(few) == [f"label: 1 of 3 classes has {begins} `c`: 9 of 299 training examples (3.01 %); {helps}"]
    several = words(tmp_path / "two", train=table({"a": 400, "c": 9, "b": 2}), **given)
    assert helped(several) == [
        f"label: 2 of 3 classes have {begins} `b`: 2 of 411 training examples (0.49 %); {helps}"
    ]
    assert helped(several, "head.class_weights=balanced") == []
    enough = words(tmp_path / "three", train=table({"a": 200, "b": 90, "c": 10}), **given)
    assert helped(enough) == [], "10 is a tenth of an equal share of 300"


def test_rare_tags_are_not_told_since_tags_are_so_by_nature(tmp_path: Path) -> None:
    lines = [{"words": [f"w{i}", "of", "it"], "tags": ["X" if i < 3 else "N", "P", "N"]} for i in range(200)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = ["task=pos", "data=tagged", f"data.path={tmp_path}/x.jsonl", "data.validation=0", "data.test=0"]
    assert helped(given) == []


@pytest.mark.parametrize(("number", "said"), [(20, True), (99, True), (100, False)])
def test_few_training_examples_are_told_once(number: int, said: bool, tmp_path: Path) -> None:
    rest = table({"a": 20, "b": 20}, 2)
    given = words(
        tmp_path, train=table({"a": number // 2, "b": number - number // 2}), dev=rest, test=rest.replace("2", "3")
    )
    config = compose.compose(given)
    sentence = f"there are only {number} training examples: scores will vary from seed to seed; `-m seed=1,2,3` shows how much"
    found = warnings(open_data(config.data, 1), config=config)
    assert found == ([sentence] if said else []), "of the train split nothing else is said"


def test_folds_help_where_data_can_be_divided(tmp_path: Path) -> None:
    lines = [{"nodes": ["C", "O"] * (1 + i % 7), "edges": [[0, 1]], "label": "ab"[i % 2]} for i in range(60)]
    for i, line in enumerate(lines):
        line["nodes"] = [*line["nodes"], *["N"] * i]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = ["task=graph", "data=graph_jsonl", f"data.path={tmp_path}/x.jsonl"]
    (sentence,) = helped(given)
    assert "; `-m seed=1,2,3` shows how much, `data.folds=5` tests on every example" in sentence
    (sentence,) = helped(given, "data.folds=5", "data.fold=0")
    assert "data.folds" not in sentence


VOICES_AND_PAIRS = ["keywords", "voice_activity", "translation", "transcription"]


@pytest.mark.parametrize(
    "task",
    ["pos", "sentiment", "digits", "graph", "social"]
    + [pytest.param(task, marks=pytest.mark.slow) for task in VOICES_AND_PAIRS],
)
def test_data_that_come_with_the_program_need_no_help(task: str) -> None:
    assert helped([f"task={task}"]) == []


def test_hours_of_attention_are_told_before_training(tmp_path: Path) -> None:
    texts = {
        name: "".join(f"{f'{name}{i} ' * 20_000},{'ab'[i % 2]}\n" for i in range(8))
        for name in ("train", "dev", "test")
    }
    given = words(tmp_path, **{name: f"text,label\n{rows}" for name, rows in texts.items()})
    given += ["data.max_length=20000", "encoder.heads=4", "trainer.device=cpu", "trainer.threads=1"]
    few = helped(given, "encoder.depth=2")
    # 8 sets, 20,000² pairs, 4 heads, 20 layers, 5 ns: 1,280 s.
    assert helped(given, "encoder.depth=20") == [
        *few,
        "sets of up to 20,000 vectors, each of which attends to all: about 21 minutes an epoch or more on 1 thread; "
        "`encoder.scope=window:64`, or `data.max_length=1000 data.too_long=cut`, takes a fraction of it",
    ]
    assert len(few) == 1 and few[0].startswith("there are only 8 training examples"), "128 s are no matter"
    assert helped(given, "encoder.depth=20", "encoder.scope=window:64") == few
    assert helped(given, "encoder.depth=20", "encoder.scope=[full,window:64]") == [
        *few,
        *helped(given, "encoder.depth=10")[1:],
    ]
    assert helped(given, "encoder.depth=20", "embedding=strided_convolution", "embedding.stride=20") == few
