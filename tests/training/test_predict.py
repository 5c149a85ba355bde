"""`attnlab predict` as a user meets it: any input, in order, alone as among others, and what cannot be read keeps its place."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import networkx
import numpy as np
import pytest
import recordings
import soundfile
import torch
from conftest import write_pairs, write_tables, write_treebank
from pictures import noise, write_picture
from torch_geometric.data import Data
from torchvision.io import read_image

from attnlab import load_run
from attnlab.cli import main
from attnlab.data.text.given import SentenceReader
from attnlab.errors import UserError

SMALL = (
    "encoder.width=16 encoder.depth=1 encoder.heads=2 trainer.batch_vectors=100 trainer.epochs=2 baselines=false "
    "defaults=plain optimizer.lr=0.02"
).split()


def trained(outputs: Path, *words: str) -> Path:
    assert main(["train", *SMALL, *words, f"outputs={outputs}"]) == 0
    (run,) = outputs.glob("*/*")
    return run


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("films"))


@pytest.fixture(scope="module")
def reader(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells good texts from bad ones."""
    words = (
        "task=sentiment",
        "data=csv",
        f"data.path={films}",
        "encoder.position=learned",
        "encoder.max_position=12",
    )
    return trained(tmp_path_factory.mktemp("reader"), *words, "trainer.epochs=6", "data.unknown=0.1")


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    treebank = write_treebank(tmp_path_factory.mktemp("treebank"))
    words = ("data=ud_ewt", f"data.path={treebank}", "embedding=word_char")
    return trained(tmp_path_factory.mktemp("tagger"), *words)


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = ("task=translation", "data=parallel", f"data.path={write_pairs(tmp_path_factory.mktemp('pairs'))}")
    return trained(
        tmp_path_factory.mktemp("translator"), *words, "data.tokens=words", "head.heads=2", "head.depth=1"
    )


def give(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def answers(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[dict]:
    """The lines of JSON that a command prints."""
    capsys.readouterr()
    assert main(["predict", *words, *([] if "--json" in words else ["--json"])]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def without_gold(run: Path) -> list[dict]:
    """The predictions of training's end."""
    lines = [json.loads(line) for line in (run / "predictions-test.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if "gold" not in name} for line in lines]


def alike(one: dict, other: dict) -> None:
    """The same but for the last digits of probabilities, which depend on what is computed together."""
    assert {
        name: value for name, value in one.items() if "probab" not in name and name not in ("key", "predicted")
    } == {
        name: value for name, value in other.items() if "probab" not in name and name not in ("key", "predicted")
    }
    assert one["predicted"] == pytest.approx(other["predicted"], abs=1e-5)
    if one["probability"] is not None:
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)


def test_a_table_is_answered_as_training_answered_it(reader: Path, films: Path, capsys) -> None:
    expected = without_gold(reader)
    assert answers(capsys, str(reader), str(films / "test.csv")) == expected
    texts = [row["text"] for row in csv.DictReader((films / "test.csv").open())]
    for line, text in zip(expected[:3], texts, strict=False):
        (alone,) = answers(capsys, str(reader), text)
        assert alone["key"] == "argument:1"
        alike(alone, line)


def test_lines_of_text_are_answered_as_training_answered_them(
    tagger: Path, translator: Path, tmp_path: Path, capsys
) -> None:
    for run, name in ((tagger, "words"), (translator, "source")):
        expected, lines = without_gold(run), tmp_path / f"{name}.txt"
        texts = [" ".join(line[name]) if name == "words" else line[name] for line in expected]
        lines.write_text("".join(f"{text}\n" for text in texts))
        found = answers(capsys, str(run), str(lines))
        assert [line["key"] for line in found] == [f"{name}.txt:{i}" for i in range(1, len(texts) + 1)]
        for one, other in zip(found, expected, strict=True):
            alike(one, other)


def test_a_number_is_answered_as_training_answered_it(films: Path, tmp_path: Path, capsys) -> None:
    for path in films.glob("*.csv"):
        text = path.read_text().replace('!",good', '!",2.5').replace('!",bad', '!",-1')
        (tmp_path / path.name).write_text(text)
    run = trained(tmp_path / "outputs", "task=regression", "data=csv", f"data.path={tmp_path}")
    assert answers(capsys, str(run), str(tmp_path / "test.csv")) == without_gold(run)
    assert main(["predict", str(run), "It is fine!"]) == 0
    value, text = capsys.readouterr().out.split("  ")
    assert float(value) == pytest.approx(load_run(run).predict(["It is fine!"])[0].value, abs=1e-4)
    assert text == "It is fine!\n"


def test_an_answer_depends_neither_on_its_place_nor_on_its_neighbours(reader: Path, monkeypatch, capsys) -> None:
    from attnlab.data.text.given import SentenceReader

    texts = [f"It is {'very ' * (i % 7)}{'fine' if i % 3 else 'dull'}!" for i in range(50)]
    give(monkeypatch, "".join(f"{text}\n" for text in texts).encode())
    whole = answers(capsys, str(reader))
    assert [" ".join(line["words"]) for line in whole] == [text.replace("!", " !") for text in texts], "in order"
    monkeypatch.setattr(SentenceReader, "block", 3)
    give(monkeypatch, "".join(f"{text}\n" for text in texts).encode())
    for one, other in zip(answers(capsys, str(reader), "-"), whole, strict=True):
        assert one["key"] == other["key"]
        alike(one, other)
    give(monkeypatch, "".join(f"{text}\n" for text in texts).encode())
    rest = answers(capsys, str(reader), "--skip", "48")
    assert [line["key"] for line in rest] == ["stdin:49", "stdin:50"]
    for one, other in zip(rest, whole[48:], strict=True):
        alike(one, other)


def test_what_cannot_be_read_keeps_its_place_and_the_others_are_answered(
    reader: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    table = tmp_path / "mixed.csv"
    table.write_text('id,text\n1,It is fine!\n2,"It is\n3\n4,\n5,It is dull!\n')
    table.write_text("id,text\n1,It is fine!\n2\n3,\n4,It is dull!\n")
    (tmp_path / "sound.wav").write_bytes(b"RIFF")
    words = (str(table), str(tmp_path / "sound.wav"), "missing.csv", "so dull", "very " * 13)
    found = answers(capsys, str(reader), *words, code=1)
    assert [(line["key"].rpartition("/")[2], line.get("predicted")) for line in found] == [
        ("mixed.csv:2", "good"), ("mixed.csv:3", None), ("mixed.csv:4", None), ("mixed.csv:5", "bad"),
        ("sound.wav", None), ("missing.csv", None), ("argument:4", "bad"), ("argument:5", None),
    ]  # fmt: skip
    reasons = [line["error"] for line in found if "error" in line]
    for reason, expected in zip(
        reasons, ["1 columns, where", "at least one word", "reads a sentence", "no such file", "learned positions"],
        strict=True,
    ):  # fmt: skip
        assert expected in reason and "\n" not in reason
    give(monkeypatch, b"It is fine!\n\xff\nso\0\nso dull")
    found = answers(capsys, str(reader), code=1)
    assert [line.get("predicted") for line in found] == ["good", None, None, "bad"]
    assert "not UTF-8" in found[1]["error"] and "NUL" in found[2]["error"]
    assert main(["predict", str(reader), "", "fine", "--csv"]) == 1
    told = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(told.out), strict=True))
    assert [row["key"] for row in rows] == ["argument:1", "argument:2"]
    assert rows[0]["error"].startswith("the text is empty") and not rows[1]["error"]
    assert told.err == (
        "attnlab: 1 of 2 inputs could not be answered; the first: argument:1: the text is empty: give at least one word\n"
    )


def test_answers_for_a_terminal(reader: Path, tagger: Path, translator: Path, capsys) -> None:
    def said(*words: str) -> str:
        capsys.readouterr()
        assert main(["predict", *words]) == 0
        return capsys.readouterr().out

    assert said(str(reader), "It is fine!", "zonk it is dull").splitlines()[0].startswith("good 0.")
    assert said(str(reader), "zonk is dull").endswith("  zonk is dull  (unknown: zonk)\n")
    line = said(str(reader), "It is fine!", "--top", "2")
    assert line.startswith("good 0.") and ", bad 0." in line
    words = said(str(tagger), "they saw the book .").split()
    assert [word.partition("/")[0] for word in words] == ["they", "saw", "the", "book", "."]
    first = said(str(tagger), "they saw", "--top=2").splitlines()[0]
    assert first.startswith("they\t") and len(first.split()) == 5
    (best,) = said(str(translator), "old dog").splitlines()
    several = said(str(translator), "old dog", "--top", "3").splitlines()
    assert several[0] == best and len(several) == 3 and all(line.startswith("    ") for line in several[1:])


def test_a_file_of_answers_is_whole_and_of_the_form_of_its_name(
    reader: Path, films: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    for name in ("answers.jsonl", "answers.csv", "answers.txt"):
        assert main(["predict", str(reader), str(films / "test.csv"), "--out", str(tmp_path / name)]) == 0
    assert capsys.readouterr().out == ""
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert lines == without_gold(reader)
    rows = list(csv.DictReader((tmp_path / "answers.csv").open(), strict=True))
    assert [row["predicted"] for row in rows] == [line["predicted"] for line in lines]
    assert len((tmp_path / "answers.txt").read_text().splitlines()) == len(lines)
    before = (tmp_path / "answers.csv").read_bytes()
    monkeypatch.setattr("attnlab.training.run.Run.answers", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["predict", str(reader), "fine", "--out", str(tmp_path / "answers.csv")])
    assert (tmp_path / "answers.csv").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"answers.jsonl", "answers.csv", "answers.txt"}


MISTAKES = {
    (): "no run is named;",
    (
        "A fine film",
    ): "`A fine film` is not a run folder; the first argument must be one, or `latest`; write `attnlab predict RUN INPUT…`",
    ("run=latest", "fine"): "write `latest`",
    ("RUN", "fine", "--jsn"): "`--jsn`: no such option; did you mean `--json`?",
    ("RUN", "fine", "--json", "--csv"): "choose one of them",
    ("RUN", "fine", "--top"): "`--top`: give it a value",
    ("RUN", "fine", "--top", "0"): "`--top 0`: give a whole number, 1 or more",
    ("RUN", "fine", "--skip", "-1"): "`--skip -1`: give a whole number, 0 or more",
    ("RUN", "fine", "--skip", "1"): "`--skip 1`: there is only 1 input",
    ("RUN", "fine", "--out", "answers.csv", "--json"): "its name says csv; leave out --json",
    ("RUN", "fine", "--out", "answers.xlsx"): "let its name end in .jsonl, .csv or .txt",
    ("RUN", "fine", "RUN"): "a second run folder",
    ("RUN", "new.csv", "data.id=ticket"): "`attnlab predict` takes no keys; `attnlab eval run=",
}


@pytest.mark.parametrize("words", MISTAKES, ids=" ".join)
def test_a_mistake_is_one_sentence(
    words: tuple[str, ...], reader: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["predict", *(str(reader) if word == "RUN" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert MISTAKES[words] in error and len(error.splitlines()) == 1


def test_files_of_another_form_are_told_with_the_command_that_reads_them(
    reader: Path, tagger: Path, tmp_path: Path, capsys
) -> None:
    tagged, table = tmp_path / "tagged.txt", tmp_path / "body.csv"
    tagged.write_text("they\tPRON\nsaw\tVERB\n\nthe\tDET\n")
    (found,) = answers(capsys, str(tagger), str(tagged), code=1)
    assert "its lines are a word with its tag, not texts" in found["error"]
    table.write_text("n,body\n1,It is fine!\n2,so dull\n")
    assert main(["predict", str(reader), str(table)]) == 1
    told = capsys.readouterr()
    command = told.out.split("`")[-2]
    assert command == f"attnlab eval run={reader} data.path={table} data.text=body"
    assert told.err == "attnlab: 1 of 1 input could not be answered\n"
    assert main(command.split()[1:]) == 0
    predicted = [json.loads(line)["predicted"] for line in (reader / "predictions-body.jsonl").open()]
    assert predicted == [answer.value for answer in load_run(reader).predict(["It is fine!", "so dull"])]
    (reader / "predictions-body.jsonl").unlink()
    out = tmp_path / "answers.csv"
    assert main(["predict", str(reader), "fine", "so dull", "--out", str(out)]) == 0
    assert capsys.readouterr().err.endswith(f"attnlab: predicted 2 inputs; the answers are in {out}\n")


def test_words_that_look_like_options_are_inputs_behind_two_dashes(reader: Path, capsys) -> None:
    (found,) = answers(capsys, str(reader), "--json", "--", "--fine")
    assert found["words"] == ["-", "-", "fine"]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = (
        "task=keywords",
        "data=fsdd",
        f"data.path={recordings.digits()}",
        "data.bands=12",
        "data.normalise=training",
    )
    return trained(tmp_path_factory.mktemp("listener"), *words)


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run that has learned from pictures, and their folder."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(40):
        level = noise(8 + number % 3, 9, 3, seed=number) // 2 + (number % 2) * 120
        path = folder / ("dark", "bright")[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        write_picture(path, level)
    words = ("task=classification", "data=image_folder", f"data.path={folder}", "data.patch=4", "data.test=0.3")
    return trained(tmp_path_factory.mktemp("viewer"), *words), folder


def test_files_are_answered_as_training_answered_them(
    listener: Path, viewer: tuple[Path, Path], monkeypatch, capsys
) -> None:
    for run, folder in ((listener, recordings.digits()), viewer):
        expected = without_gold(run)
        files = [folder / line["key"] for line in expected]
        found = answers(capsys, str(run), *map(str, files))
        assert [line["key"] for line in found] == [str(file) for file in files] and len(files) > 5
        for one, other in zip(found, expected, strict=True):
            other.pop("said", None)  # which is the right answer
            alike(one | {"recording": ""}, other | {"recording": ""})
        give(monkeypatch, "".join(f"{file}\n" for file in files[:2]).encode())
        assert [line["predicted"] for line in answers(capsys, str(run), "-")] == [
            line["predicted"] for line in expected[:2]
        ]
        below = answers(capsys, str(run), str(folder))
        assert [line["key"] for line in below] == sorted(line["key"] for line in below) and len(below) > len(files)


def test_arrays_are_answered_as_their_files(listener: Path, viewer: tuple[Path, Path]) -> None:
    sound = recordings.digits() / "1_bob_3.wav"
    run, (samples, rate) = load_run(listener), soundfile.read(sound, dtype="int16")
    floats = samples.astype(np.float32) / 32768
    given = [sound, str(sound), (samples, rate), (floats, rate), (np.stack([floats, floats], 1), rate)]
    assert len({answer.probability for answer in run.predict(given)}) == 1
    viewing, folder = load_run(viewer[0]), viewer[1]
    file = next(folder.glob("dark/*.png"))
    pixels = read_image(str(file)).permute(1, 2, 0).numpy()
    assert len({answer.probability for answer in viewing.predict([file, str(file), pixels])}) == 1
    assert viewing.predict([noise(9, 9)])[0].value in ("dark", "bright"), "levels of grey"
    for asked, wrong, told in (
        (run, (samples.astype(np.int64), rate), "recording 1 of 1: give each recording as a file"),
        (run, samples, "recording 1 of 1: give each recording as a file"),
        (run, (samples[:0], rate), "not (0,)"),
        (viewing, pixels / 255, "not of float64"),
        (viewing, pixels[0, 0], "not (3,)"),
        (viewing, noise(2000, 2000), "more than the 4,096 that this run reads"),
        (viewing, "nothing.png", "no such file"),
    ):
        with pytest.raises(UserError) as refused:
            asked.predict([wrong])
        assert told in str(refused.value)


def test_a_file_that_cannot_be_used_keeps_its_place(
    listener: Path, viewer: tuple[Path, Path], tmp_path: Path, capsys
) -> None:
    sound, picture = recordings.digits() / "1_bob_3.wav", next(viewer[1].glob("dark/*.png"))
    for name, content in {"cut.wav": sound.read_bytes()[:300], "cut.png": picture.read_bytes()[:60]}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "empty").mkdir()
    for run, good, bad, other in ((listener, sound, "cut.wav", picture), (viewer[0], picture, "cut.png", sound)):
        words = (str(tmp_path / bad), str(good), str(other), "a text", str(tmp_path / "empty"))
        found = answers(capsys, str(run), *words, code=1)
        assert [line["key"] for line in found] == list(words)
        assert ["error" in line for line in found] == [True, False, True, True, True]
        assert bad in found[0]["error"] and "this run reads a " in found[2]["error"]


def graph_line(i: int) -> dict:
    """A ring or a path of named atoms with named bonds, in turn."""
    size = 4 + i % 5
    edges = [[a, a + 1, "ab"[(a + i) % 2]] for a in range(size - 1)] + ([[size - 1, 0, "a"]] if i % 2 else [])
    return {"nodes": ["CNO"[(a * i) % 3] for a in range(size)], "edges": edges, "label": ["path", "ring"][i % 2]}


@pytest.fixture(scope="module")
def chemist(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """A run that has learned from graphs, and the lines of its file."""
    folder, lines = tmp_path_factory.mktemp("graphs"), [graph_line(i) for i in range(60)]
    (folder / "graphs.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    words = ("task=graph", "data=graph_jsonl", f"data.path={folder / 'graphs.jsonl'}", "data.test=0.3")
    return trained(
        folder / "outputs", *words, "data.structure=[degree,random_walk:3]", "encoder.scope=full"
    ), lines


def test_graphs_are_answered_as_training_answered_them(
    chemist: tuple[Path, list[dict]], tmp_path: Path, monkeypatch, capsys
) -> None:
    run, lines = chemist
    expected = {line["key"].rpartition(":")[2]: line for line in without_gold(run)}
    text = "".join(json.dumps({"nodes": line["nodes"], "edges": line["edges"]}) + "\n" for line in lines)
    (tmp_path / "new.jsonl").write_text(text)
    found = answers(capsys, str(run), str(tmp_path / "new.jsonl"))
    assert len(found) == 60 and len(expected) > 5
    for number, other in expected.items():
        alike(found[int(number) - 1], other)
    give(
        monkeypatch, (text.splitlines()[0] + '\n{"nodes": 2, "edges": [[0, 1]]}\n{"nodes": ["C"]}\nno\n').encode()
    )
    found = answers(capsys, str(run), "-", code=1)
    alike(found[0], answers(capsys, str(run), text.splitlines()[0])[0])
    for line, told in zip(
        found[1:], ("names of nodes: none, where the run", "no `edges`", "not a JSON"), strict=True
    ):
        assert told in line["error"]


def test_unknown_names_of_nodes_are_pointed_out(chemist: tuple[Path, list[dict]], capsys) -> None:
    run, _ = chemist
    graph = '{"nodes": ["C", "Xx"], "edges": [[0, 1, "zz"]]}'
    assert main(["predict", str(run), graph]) == 0
    assert capsys.readouterr().out.endswith("(unknown: Xx, zz)\n")
    assert main(["predict", str(run), graph, "--json"]) == 0
    assert "names that training never saw, which the model cannot tell apart: Xx, zz\n" in capsys.readouterr().err
    (found,) = answers(capsys, str(run), '{"nodes": ["C", "O"], "edges": [[0, 1]]}', code=1)
    assert found["error"] == "names of edges: none, where the run has learned from graphs with a, b"


def test_graphs_of_other_libraries_are_answered_as_their_lines(chemist: tuple[Path, list[dict]], tmp_path) -> None:
    run, line = load_run(chemist[0]), chemist[1][7]
    graph = networkx.Graph()
    graph.add_nodes_from((i, {"label": name}) for i, name in enumerate(line["nodes"]))
    graph.add_edges_from((a, b, {"label": name}) for a, b, name in line["edges"])
    assert len({answer.probability for answer in run.predict([json.dumps(line), line, graph])}) == 1
    numbers = [
        {"nodes": [[float(n), 1.0] for n in range(i % 3 + 2)], "edges": [[0, 1, [i * 0.5]]], "label": i % 2}
        for i in range(40)
    ]
    (tmp_path / "numbers.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in numbers))
    measured = load_run(
        trained(tmp_path / "outputs", "task=graph", "data=graph_jsonl", f"data.path={tmp_path / 'numbers.jsonl'}")
    )
    x, edges = torch.tensor(numbers[4]["nodes"]), torch.tensor([[0, 1], [1, 0]])
    same = Data(x=x, edge_index=edges, edge_attr=torch.tensor([[2.0], [2.0]]))
    assert len({answer.probability for answer in measured.predict([numbers[4], same])}) == 1
    for wrong, told in (
        (Data(edge_index=edges, num_nodes=2), "numbers of each node: none"),
        (3, "graph 1 of 1: give each graph"),
    ):
        with pytest.raises(UserError, match=told):
            measured.predict([wrong])


def test_a_table_of_answers_names_its_rows_and_keeps_columns(films: Path, tmp_path: Path, capsys) -> None:
    for path in films.glob("*.csv"):
        first, *rows = path.read_text().splitlines()
        numbered = [f"id,day,{first}", *(f"t{i},mon,{row}" for i, row in enumerate(rows))]
        (tmp_path / path.name).write_text("\n".join(numbered) + "\n")
    words = ("task=sentiment", "data=csv", f"data.path={tmp_path}", "data.id=id", "data.keep=[day]")
    run = trained(tmp_path / "outputs", *words)
    assert answers(capsys, str(run), str(tmp_path / "test.csv")) == without_gold(run)
    (tmp_path / "new.csv").write_text('day,text,id\n"tue, late",It is fine!,a7\nwed,,a8\nthu,so dull,\n')
    (tmp_path / "bare.csv").write_text("text\nIt is fine!\n")
    out = tmp_path / "answers.csv"
    given = [str(tmp_path / "new.csv"), str(tmp_path / "bare.csv"), "so dull"]
    assert main(["predict", str(run), *given, "--out", str(out)]) == 1
    rows = list(csv.DictReader(out.open(), strict=True))
    assert [(row["key"], row["day"]) for row in rows] == [
        ("a7", "tue, late"), ("a8", "wed"), ("new.csv:4", "thu"), ("bare.csv:2", ""), ("argument:3", ""),
    ]  # fmt: skip
    assert [bool(row["error"]) for row in rows] == [False, True, False, False, False]


def test_as_many_classes_are_told_as_are_asked_for(tmp_path: Path, capsys) -> None:
    classes = [f"c{i}" for i in range(13)]
    lines = [json.dumps({"words": [f"w{i}", "x"], "tags": [classes[i % 13], "c0"]}) for i in range(60)]
    (tmp_path / "tags.jsonl").write_text("\n".join(lines) + "\n")
    run = trained(
        tmp_path / "outputs",
        "task=tagging",
        "data=tagged",
        f"data.path={tmp_path / 'tags.jsonl'}",
        "data.test=0.2",
    )
    (line,) = answers(capsys, str(run), "w1 x", "--top", "12")
    assert [len(each) for each in line["probabilities"]] == [12, 12]
    for of_vector, probability in zip(line["probabilities"], line["probability"], strict=True):
        values = list(of_vector.values())
        assert values == sorted(values, reverse=True) and values[0] == pytest.approx(probability, abs=1e-6)
    (line,) = answers(capsys, str(run), "w1 x")
    assert [len(each) for each in line["probabilities"]] == [3, 3]


def test_a_stream_that_was_stopped_is_continued(reader: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    from attnlab.training.predict import Options, Stream

    monkeypatch.setattr(SentenceReader, "block", 4)
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(f"It is {'very ' * (i % 5)}{'fine' if i % 3 else 'dull'}!\n" for i in range(14)))
    assert main(["predict", str(reader), str(lines), "--json"]) == 0
    whole = capsys.readouterr().out
    run = load_run(reader)
    pieces = Stream(run, run.reader(), Options(str(reader), (str(lines),), "json")).pieces(lambda done: None, ())
    written = next(pieces) + next(pieces)
    assert written.count("\n") == 8 and whole.startswith(written)
    assert main(["predict", str(reader), str(lines), "--json", "--skip", "8"]) == 0
    assert written + capsys.readouterr().out == whole


def started(*words: str, out: Path) -> subprocess.Popen[bytes]:
    """`attnlab predict` as a process of its own, with one thread, that reads a pipe and writes a file."""
    with out.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "attnlab", "predict", *words], stdin=subprocess.PIPE, stdout=file,
            stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def many(count: int) -> bytes:
    """Lines of the films' words, no two blocks of them alike."""
    return b"".join(b"It is %s%s!\n" % (b"very " * (i % 7), b"fine" if i % 11 else b"dull") for i in range(count))


@pytest.mark.parametrize(("form", "ending"), [("--json", ".jsonl"), ("--csv", ".csv")])
def test_what_a_killed_stream_did_not_answer_is_answered_later(
    reader: Path, tmp_path: Path, form: str, ending: str
) -> None:
    block, count = SentenceReader.block, SentenceReader.block + 300
    lines, answered, kept = many(count), tmp_path / f"answered{ending}", tmp_path / f"kept{ending}"
    kept.write_text("what was there before\n")
    streams = [started(str(reader), form, out=answered)]
    streams += [started(str(reader), "--out", str(kept), out=tmp_path / "nothing")]
    for stream in streams:
        assert stream.stdin is not None
        stream.stdin.write(lines[:-1])  # the last line has no end yet: both wait for the rest of it
        stream.stdin.flush()
    header = int(form == "--csv")
    deadline = time.monotonic() + 120
    while answered.read_bytes().count(b"\n") < block + header or not list(tmp_path.glob(f".{kept.name}.*")):
        assert time.monotonic() < deadline and streams[0].poll() is None
        time.sleep(0.05)
    for stream in streams:
        stream.kill()
        stream.communicate()
        assert stream.returncode == -signal.SIGKILL
    assert kept.read_text() == "what was there before\n"
    done = answered.read_bytes()
    assert done.count(b"\n") - header == block, "whole blocks"
    rest, whole = tmp_path / f"rest{ending}", tmp_path / f"whole{ending}"
    source = tmp_path / "lines.txt"
    source.write_bytes(lines)
    for out, skip in ((rest, ["--skip", str(block)]), (whole, [])):
        assert main(["predict", str(reader), str(source), *skip, "--out", str(out)]) == 0
    of_stdin = done.replace(b"stdin:", b"lines.txt:")
    names, _, behind_names = rest.read_bytes().partition(b"\n")
    assert not header or of_stdin.startswith(names)
    assert of_stdin + (behind_names if header else rest.read_bytes()) == whole.read_bytes()


@pytest.mark.slow
def test_many_lines_take_the_memory_of_few(reader: Path, tmp_path: Path) -> None:
    most = {}
    for count in (20_000, 200_000):
        source = tmp_path / f"{count}.txt"
        source.write_bytes(many(count))
        stream = started(str(reader), str(source), "--json", out=tmp_path / "answers")
        _, status, used = os.wait4(stream.pid, 0)
        assert status == 0
        most[count] = used.ru_maxrss / 1024  # MiB
    assert most[200_000] < most[20_000] + 30, most


def test_a_file_of_another_format_is_told_the_right_way(
    reader: Path, tagger: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "tags.jsonl").write_text('{"words": ["a", "b"], "tags": ["X", "Y"]}\n')
    (tmp_path / "tags.tsv").write_text("a\tX\nb\tY\n")
    (tmp_path / "new.conllu").write_text("1\ta\t_\tX\n")
    for run in (reader, tagger):
        for name in ("tags.jsonl", "tags.tsv", "new.conllu"):
            (line,) = answers(capsys, str(run), str(tmp_path / name), code=1)
            assert f"`attnlab eval run={run} data.path={tmp_path / name}" in line["error"]
