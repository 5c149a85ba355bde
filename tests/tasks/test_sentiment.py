"""`task=sentiment` as a user meets it: files of several kinds, scores that repeat, one sentence for each mistake."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from conftest import shared_data, verdicts, write_tables, write_treebank
from sklearn.metrics import (
    mean_absolute_error,
    precision_recall_fscore_support,
    r2_score,
    root_mean_squared_error,
)

from attnlab import load_run, train
from attnlab.cli import main
from attnlab.errors import UserError
from attnlab.runs import Results


def small(path: Path, outputs: Path, *others: str) -> list[str]:
    """Words of a run of a second."""
    return [
        "train", "task=sentiment", "data=csv", f"data.path={path}", f"outputs={outputs}", "encoder.width=16",
        "encoder.depth=1", "encoder.position=none", "defaults=plain", "data.unknown=0.1", "optimizer.lr=0.02",
        "trainer.batch_vectors=100", "trainer.epochs=2", *others,
    ]  # fmt: skip


def only_run(outputs: Path) -> Path:
    (found,) = outputs.glob("*/*")
    return found


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def finished(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("sentiment")
    assert main(small(films, outputs, "trainer.epochs=6")) == 0
    return only_run(outputs)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copied"))


def test_it_is_learned_and_baselines_stand_beside(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    assert results["test"]["accuracy"] == 1.0 and results["test"]["roc_auc"] == 1.0
    assert results["baselines"]["most_frequent_class"]["accuracy"] < 0.9
    assert results["baselines"]["naive_bayes"]["accuracy"] == 1.0 and "ceiling" not in results["baselines"]
    line = json.loads((finished / "predictions-test.jsonl").read_text().splitlines()[0])
    assert line["gold"] == line["predicted"] and 0.5 <= line["probability"] <= 1
    assert line["key"] == "test.csv:2" and line["words"][:2] == ["It", "is"] and line["words"][-1] == "!"


def test_predict_answers_as_evaluation_does(finished: Path) -> None:
    run = load_run(finished)
    lines = [json.loads(line) for line in (finished / "predictions-test.jsonl").read_text().splitlines()]
    for sentences in ([line["words"] for line in lines], [text for text, _ in verdicts(20, seed=2)]):
        answers = run.predict(sentences)
        assert [answer.value for answer in answers] == [line["predicted"] for line in lines]
        assert [a.probability for a in answers] == pytest.approx([line["probability"] for line in lines], abs=1e-5)
    assert run.predict(["a word never seen: floccinaucinihilipilification"])[0].value in ("good", "bad")
    with pytest.raises(UserError, match="sentence 2 of 2"):
        run.predict(["fine", " "])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def test_predictions_are_a_table_too_with_the_probability_of_each_class(finished: Path) -> None:
    lines = [json.loads(line) for line in (finished / "predictions-test.jsonl").read_text().splitlines()]
    rows = table(finished / "predictions-test.csv")
    assert list(rows[0]) == [
        "key", "words", "gold", "predicted", "probability", "p(bad)", "p(good)", "unknown_words",
    ]  # fmt: skip
    answers = load_run(finished).predict([line["words"] for line in lines])
    for line, row, answer in zip(lines, rows, answers, strict=True):
        assert [row[name] for name in ("key", "gold", "predicted")] == [
            line[n] for n in ("key", "gold", "predicted")
        ]
        assert row["words"] == " ".join(line["words"]) and float(row["unknown_words"]) == line["unknown_words"]
        assert next(iter(line["probabilities"])) == line["predicted"] and len(line["probabilities"]) == 2
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert line["probabilities"][line["predicted"]] == pytest.approx(line["probability"], abs=1e-6)
        for label in ("bad", "good"):
            assert float(row[f"p({label})"]) == pytest.approx(line["probabilities"][label], abs=1e-5)
        assert answer.probabilities[answer.value] == answer.probability


def test_texts_without_labels_are_predicted_and_not_scored(copied: Path, tmp_path: Path, capsys) -> None:
    own, new = (copied / "predictions-test.jsonl").read_bytes(), tmp_path / "new.csv"
    new.write_text("id;text\na1;It is fine, zonk!\na2;It is dull, so dull\n")
    assert main(["eval", f"run={copied}", f"data.path={new}", "data.id=id"]) == 0
    told = capsys.readouterr().out
    assert f"Predicted: 2 examples of {new}; no column `label` in new.csv, so no scores" in told
    assert "score" not in told.replace("so no scores", "")
    (path,) = copied.glob("predictions-new.csv")
    rows = table(path)
    assert [(row["key"], row["gold"], row["predicted"]) for row in rows] == [("a1", "", "good"), ("a2", "", "bad")]
    assert 0 < float(rows[0]["unknown_words"]) < 1
    lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["gold"] for line in lines] == [None, None]
    assert (copied / "predictions-test.jsonl").read_bytes() == own
    assert main(["eval", f"run={copied}", f"data.path={new}", "data.label=null"]) == 0
    assert main(small(new, tmp_path / "outputs", "data.label=null")) == 2
    assert "`data.label=null`: nothing says what is to be learned" in capsys.readouterr().err


def test_columns_beside_a_runs_own_predictions_change_no_answer(copied: Path) -> None:
    before = table(copied / "predictions-test.csv")
    assert main(["eval", f"run={copied}", "data.keep=[text,label]"]) == 0
    after = table(copied / "predictions-test.csv")
    assert len(list(copied.glob("predictions-test*"))) == 2, "the same files, written anew"
    assert all(
        row.pop("label") == row["gold"] and row.pop("text").split()[:2] == row["words"].split()[:2]
        for row in after
    )
    assert after == before


NO_SENTENCES = {
    "one string": ("fine", "give a list of sentences, not `'fine'`"),
    "bytes": (b"fine", "give a list of sentences, not"),
    "a table": ({"fine": 1}, "give a list of sentences, not"),
    "nothing": (None, "give a list of sentences, not `None`"),
    "a number": (["fine", 1], "each sentence as a string or a list of words, not `1`"),
    "a missing one": ([None], "each sentence as a string or a list of words, not `None`"),
    "a file": ([Path("x")], "each sentence as a string or a list of words, not"),
    "bytes in a list": ([b"fine"], "each sentence as a string or a list of words, not"),
    "numbers": ([[1, 2]], "sentence 1 of 1"),
}


def test_only_sentences_are_predicted(finished: Path) -> None:
    run = load_run(finished)
    assert run.predict([]) == []
    for case, (given, told) in NO_SENTENCES.items():
        with pytest.raises(UserError) as refused:
            run.predict(given)
        assert told in str(refused.value), case


def test_overrides_are_strings_in_a_list(finished: Path) -> None:
    with pytest.raises(UserError, match=r"`seed=3`: give a list of overrides, as in \['seed=3'\]"):
        load_run(finished, "seed=3")
    with pytest.raises(UserError, match="give each override as a string of its own"):
        train(["task=pos"])


def test_a_tagger_predicts_a_tag_for_each_word(tiny: list[str], tmp_path: Path) -> None:
    assert main(["train", *tiny, "trainer.epochs=1", "embedding=word_char", "baselines=false"]) == 0
    run = only_run(tmp_path / "outputs")
    lines = [json.loads(line) for line in (run / "predictions-test.jsonl").read_text().splitlines()]
    words = [
        (line["key"], str(i), word, gold, tag, list(probabilities)[:2])
        for line in lines
        for i, (word, gold, tag, probabilities) in enumerate(
            zip(*(line[name] for name in ("words", "gold", "predicted", "probabilities")), strict=True)
        )
    ]
    names = ("key", "position", "word", "gold", "predicted")
    rows = table(run / "predictions-test.csv")
    assert words == [(*(row[name] for name in names), [row["predicted"], row["predicted_2"]]) for row in rows]
    for sentences in ([line["words"] for line in lines], [" ".join(line["words"]) for line in lines]):
        assert [answer.value for answer in load_run(run).predict(sentences)] == [
            line["predicted"] for line in lines
        ]


@pytest.mark.parametrize("labels", [("[/quote]", "[spam]"), (":cat: [b]", "[red]ham")])
def test_labels_are_shown_as_they_are_whatever_their_characters(labels, tmp_path: Path, capsys) -> None:
    for seed, split in enumerate(("train", "dev", "test")):
        rows = ["text,label\n", *(f"{text},{labels[label == 'good']}\n" for text, label in verdicts(20, seed))]
        (tmp_path / f"{split}.csv").write_text("".join(rows))
    assert main(small(tmp_path, tmp_path / "outputs")) == 0
    shown, log = capsys.readouterr().out, (only_run(tmp_path / "outputs") / "log.txt").read_text()
    assert main(["data", "task=sentiment", "data=csv", f"data.path={tmp_path}"]) == 0
    for told in (shown, log, capsys.readouterr().out):
        assert all(label in told for label in labels)


def test_a_file_of_another_kind_scores_a_run(copied: Path, tmp_path: Path) -> None:
    text = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in verdicts(20, seed=2))
    (tmp_path / "test.jsonl").write_text(text)
    assert main(["eval", f"run={copied}", f"data.path={tmp_path / 'test.jsonl'}"]) == 0
    path = copied / f"predictions-{tmp_path.name}-test.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 20 and all(line["predicted"] == line["gold"] for line in lines)


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """Texts with a price in thousands and two questions, one of which is open for some."""
    rows = "fine {i},105000,1,0\ndull {i},101000,,1\nso {i},103000,0,0\n"
    for split in ("train", "dev", "test"):
        text = "text,price,funny,sad\n" + "".join(rows.format(i=i) for i in range(20))
        (tmp_path / f"{split}.csv").write_text(text)
    return tmp_path


def learn(judged: Path, kind: str, label: str) -> tuple[Path, Results]:
    words = [f"data.label={label}", f"data.target_kind={kind}", "trainer.epochs=20", "head.readout=mean"]
    assert main(small(judged, judged / "outputs", *words)) == 0
    run = only_run(judged / "outputs")
    return run, load_run(run).results


def test_numbers_are_learned_and_scored_in_their_own_unit(judged: Path) -> None:
    run, results = learn(judged, "number", "price")
    test, simple = results["test"], results["baselines"]["median"]
    assert simple["mae"] == pytest.approx(4000 / 3) and simple["r2"] == pytest.approx(0)
    assert test["mae"] < 700 and test["mae"] <= test["rmse"] < simple["rmse"] and 0.5 < test["r2"] < 1
    lines = [json.loads(line) for line in (run / "predictions-test.jsonl").read_text().splitlines()]
    gold, predicted = [line["gold"] for line in lines], [line["predicted"] for line in lines]
    assert test["mae"] == pytest.approx(mean_absolute_error(gold, predicted))
    assert test["rmse"] == pytest.approx(root_mean_squared_error(gold, predicted))
    assert test["r2"] == pytest.approx(r2_score(gold, predicted))
    assert results["intervals"]["test"].keys() == {"mae", "rmse", "r2"}


def test_several_questions_are_learned_and_each_is_shown(judged: Path, capsys) -> None:
    run, results = learn(judged, "classes", "[funny,sad]")
    test, simple = results["test"], results["baselines"]["most_frequent_answers"]
    assert test["roc_auc"] > 0.95 and test["accuracy"] > 0.9
    assert test.keys() > {"average_precision", "macro_f1", "micro_f1"} == simple.keys() - {"accuracy", "roc_auc"}
    # Funny is half of what is known; sad a third. No, the answer to both, is right of 20 and of 40 in 100.
    assert simple["accuracy"] == 0.6 and simple["roc_auc"] == 0.5 and simple["macro_f1"] == 0
    assert simple["average_precision"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    lines = [json.loads(line) for line in (run / "predictions-test.jsonl").read_text().splitlines()]
    assert list(results["questions"]) == ["funny", "sad"]
    shown = capsys.readouterr().out
    for question, (name, of) in enumerate(results["questions"].items()):
        known = [(line["gold"][question], line["predicted"][question]) for line in lines]
        gold, predicted = zip(*[(g, p) for g, p in known if g >= 0], strict=True)
        expected = [float(part[0]) for part in precision_recall_fscore_support(gold, predicted, labels=[1])]
        assert [of[key] for key in ("precision", "recall", "f1", "support")] == pytest.approx(expected)
        (row,) = [line.replace("│", " ").split() for line in shown.splitlines() if line.startswith(f"│ {name} ")]
        assert row == [name, *(f"{of[key]:.4f}" for key in ("precision", "recall", "f1")), "20"]
    assert "Each question: the answer yes" in shown
    assert lines[0]["gold"] == lines[0]["predicted"] == [1, 0]
    assert lines[0]["gold_labels"] == lines[0]["predicted_labels"] == ["funny"]
    assert list(lines[0]["probabilities"].values()) == pytest.approx(lines[0]["probability"], abs=1e-6)
    row = table(run / "predictions-test.csv")[0]
    assert (row["gold"], row["predicted"]) == ("funny", "funny") and row["p(funny)"] > row["p(sad)"]


TEXT = "text,label\n" + "".join(f"it is fine {i},good\nit is dull {i},bad\n" for i in range(30))
MISTAKES = {
    "no path": (None, TEXT, ["data.path=null"], "`data.path` is missing"),
    "no such place": (None, TEXT, ["data.path=/nowhere"], "`data.path=/nowhere`: no such file or folder"),
    "another kind of file": ("train.txt", TEXT, [], "must end in .csv, .tsv, .jsonl"),
    "words with tags": ("train.txt", "a\tO\n\nb\tO\n", [], "; for words with tags choose data=tagged"),
    "words with tags in .tsv": (
        "train.tsv", "a\tO\n\nb\tO\n", [], "its columns are a, O (`data.text=`); a word and its tag on each line are read by data=tagged",
    ),
    "ids as labels": (
        "train.csv", "id,text,label\n" + "".join(f"T{i},it is {i},{i % 3}\n" for i in range(60)), ["data.label=id"],
        "`data.label=id`: each of its 60 values occurs once, as in a column of ids, so there is nothing to learn; columns that "
        "look like labels: `label` (3 values)",
    ),
    "folder without tables": (None, TEXT, [], "no file called train or test"),
    "column": ("train.csv", TEXT, ["data.label=labels"], "train.csv:1: no column `labels`; did you mean `label`?"),
    "names and numbers": ("train.csv", TEXT, ["data.text=1"], "give either names"),
    "column 0": ("train.csv", TEXT, ["data.text=0", "data.label=1"], "numbered from 1"),
    "same column": ("train.csv", TEXT, ["data.label=text"], "the same column twice"),
    "list for one class": ("train.csv", TEXT, ["data.label=[text,label]"], "needs one column"),
    "one column for several": ("train.csv", TEXT, ["data.target_kind=classes"], "needs a list of columns"),
    "empty label": ("train.csv", TEXT + "so so,\n", [], "train.csv:62: empty label in column `label`"),
    "empty text": ("train.csv", TEXT + " ,good\n", [], "train.csv:62: no words in column `text`"),
    "large number": ("train.csv", "text,label\na,1e39\n", ["data.target_kind=number"], "`1e39` is not a number up to 3.4e+38"),
    "no number": ("train.csv", TEXT, ["data.target_kind=number"], "train.csv:2: label `good` is not a number"),
    "no yes or no": (
        "train.csv", TEXT, ["data.label=[label]", "data.target_kind=classes"], "train.csv:2: label `good`: write 1",
    ),
    "nothing in it": ("train.csv", "text,label\n", [], "train.csv: no rows in it"),
    "no validation": ("train.csv", TEXT, ["data.validation=0"], "hold one out by `data.validation=0.1`"),
    "too long": ("train.csv", TEXT, ["data.max_length=2"], "train.csv:2: 4 words, more than `data.max_length=2`"),
    "another target": ("train.csv", TEXT, ["head.target=tags"], "the data have `label` (class) for head=classification"),
    "another head": ("train.csv", TEXT, ["head=tagging"], "`head.readout`: task=sentiment sets it"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, text, words, expected = MISTAKES[case]
    folder = tmp_path / "data"
    folder.mkdir()
    if name:
        (folder / name).write_text(text)
    path = folder / name if name == "train.txt" else folder
    assert main(small(path, tmp_path / "outputs", *words)) == 2
    error = capsys.readouterr().err
    assert expected in error and len(error.splitlines()) == 1 and "Traceback" not in error
    assert not (tmp_path / "outputs").exists(), "a run folder is made only once the data are accepted"


def test_a_misspelt_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "films.csv").write_text(TEXT)
    assert main(small(tmp_path / "films.cvs", tmp_path / "outputs")) == 2
    assert f"no such file or folder; did you mean `{tmp_path / 'films.csv'}`?" in capsys.readouterr().err


def test_bad_rows_are_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"it is fine {i},good\nit is dull {i},bad\n" for i in range(60))
    (tmp_path / "train.csv").write_text("text,label\n" + rows + "so so,\n,bad\na,b,c\n")
    words = small(tmp_path, tmp_path / "outputs", "trainer.epochs=1", "data.skip_bad=true")
    for _ in range(2):  # the second time from the prepared data
        assert main(words) == 0
        said = capsys.readouterr().out
        assert said.count("3 bad rows were left out") == 1 and "train.csv:122: empty label" in said


def test_bad_sentences_of_a_treebank_are_left_out_too(tiny: list[str], tmp_path: Path, capsys) -> None:
    folder = write_treebank(tmp_path / "bad")
    path = folder / "toy-ud-train.conllu"
    path.write_text("1\tthey\n2\n\n" + path.read_text())
    assert main(["train", *tiny, f"data.path={folder}", "trainer.epochs=1", "data.skip_bad=true"]) == 0
    assert "1 bad row was left out (data.skip_bad=true); the first: " in capsys.readouterr().out


def test_labels_never_seen_in_training_count_as_wrong(copied: Path, tmp_path: Path, capsys) -> None:
    path = tmp_path / "test.csv"
    path.write_text("text,label\nIt is fine,good\nIt is fine,mixed\n")
    assert main(["eval", f"run={copied}", f"data.path={path}"]) == 0
    assert "never seen in training count as wrong: mixed" in capsys.readouterr().out
    assert load_run(copied, [f"data.path={path}"]).evaluate("test").scores["accuracy"] == 0.5
    path.write_text("text,label\nIt is fine,1\nIt is dull,0\n")
    assert main(["eval", f"run={copied}", f"data.path={path}"]) == 2
    assert "no label of the test split (0, 1) was learned; the run knows bad, good" in capsys.readouterr().err


def test_naive_bayes_on_the_real_sentences(tmp_path: Path, capsys) -> None:
    """What the data's authors and others measured: 0.820 on test."""
    words = ["task=sentiment", "data=sst2", f"data.path={shared_data('sst2')}", "trainer.updates=1"]
    words += ["encoder.width=8", "encoder.depth=1", "encoder.heads=1", f"outputs={tmp_path}"]
    assert main(["train", *words]) == 0
    assert load_run(only_run(tmp_path)).results["baselines"]["naive_bayes"]["accuracy"] == pytest.approx(
        0.820, abs=2e-3
    )


@pytest.mark.slow
def test_generated_reviews_are_read_well(tmp_path: Path) -> None:
    assert main(["train", "task=sentiment", f"outputs={tmp_path}"]) == 0
    results = load_run(only_run(tmp_path)).results
    baselines = results["baselines"]
    assert results["test"]["accuracy"] >= 0.95 * baselines["ceiling"]["accuracy"]
    assert baselines["naive_bayes"]["accuracy"] <= 0.80
