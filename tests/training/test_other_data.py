"""Data that are given to be scored are scored whole, whatever they are; a run's own data stay divided as they were."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from conftest import WORDS, tiny_sentences, verdicts, write_tables
from pictures import noise, write_picture
from recordings import RATE, tone

from attnlab import train
from attnlab.cli import main
from attnlab.config import TableData
from attnlab.training.cross_validation import CrossValidation
from attnlab.training.run import load_run
from attnlab.training.score_again import file_name

TINY = ["encoder.width=8", "encoder.depth=1", "encoder.heads=2", "trainer.updates=1", "baselines=false"]
"""A run of less than a second."""


def table(place: Path, count: int, seed: int) -> list[str]:
    path = place.with_suffix(".csv")
    path.write_text(
        "text,label\n"
        + "".join(f'"{i} {seed} {text}",{label}\n' for i, (text, label) in enumerate(verdicts(count, seed)))
    )
    return ["task=sentiment", "data=csv", f"data.path={path}"]


def tagged(place: Path, count: int, seed: int) -> list[str]:
    path = place.with_suffix(".tsv")
    blocks = ("".join(f"{word}\t{tag}\n" for word, tag in s) for s in tiny_sentences(count, seed))
    path.write_text("\n".join(blocks))
    return ["task=pos", "data=tagged", f"data.path={path}"]


def pairs(place: Path, count: int, seed: int) -> list[str]:
    path = place.with_suffix(".csv")
    words = list(WORDS.items())
    rows = [(words[i % 6], words[(i // 6 + seed) % 6], i) for i in range(count)]
    path.write_text("en,de\n" + "".join(f"{a[0]} {b[0]} {i},{b[1]} {a[1]} {i}\n" for a, b, i in rows))
    return ["task=translation", "data=parallel", "data.source=table", "data.tokens=words", f"data.path={path}"]


def recordings(place: Path, count: int, seed: int) -> list[str]:
    for i in range(count):
        path = place / ("high" if i % 2 else "low") / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(i % 2, seed, i), RATE)
    return ["task=keywords", "data=speech_folder", f"data.path={place}", f"data.rate={RATE}", "data.bands=8"]


def pictures(place: Path, count: int, seed: int) -> list[str]:
    for i in range(count):
        write_picture(place / ("red" if i % 2 else "green") / f"{i}.png", noise(4, 4, 3, seed=100 * seed + i))
    return ["task=digits", "data=image_folder", f"data.path={place}"]


def graphs(place: Path, count: int, seed: int) -> list[str]:
    path = place.with_suffix(".jsonl")
    lines = (
        json.dumps({"nodes": ["C"] * (2 + i), "edges": [[0, 1]], "label": "ab"[(i + seed) % 2]})
        for i in range(count)
    )
    path.write_text("".join(f"{line}\n" for line in lines))
    return ["task=graph", "data=graph_jsonl", f"data.path={path}"]


@pytest.mark.parametrize("make", [table, tagged, pairs, recordings, pictures, graphs])
def test_data_that_are_given_to_be_scored_are_scored_whole(
    make: Callable[[Path, int, int], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = make(tmp_path / "own", 40, 1)
    run = f"run={tmp_path / 'run'}"
    train(*words, *TINY, "data.limit=25", f"folder={tmp_path / 'run'}", quiet=True)
    for count in (13, 1):
        (place,) = [word for word in make(tmp_path / f"other{count}", count, 2) if word.startswith("data.path=")]
        capsys.readouterr()
        assert main(["eval", run, place]) == 0
        shown = capsys.readouterr().out
        assert f"Scored: {'all 13 examples' if count == 13 else 'the only example'} of {place[10:]}" in shown
        assert f"Changed from training: {place} (it was {tmp_path / 'own'}" in shown
        (line,) = [line for line in shown.splitlines() if line.startswith("│ examples")]
        assert line.split()[3] == str(count)
        (path,) = [p for p in (tmp_path / "run").glob("predictions-other*.jsonl") if len(lines(p)) == count]
        assert len({line["key"] for line in lines(path)}) == count
        path.unlink()
    assert len(load_run(tmp_path / "run", [place]).evaluate().predictions) == 1, "from Python, too"
    assert main(["eval", run]) == 0, "its own data are divided as they were"
    assert ", the test split of" in capsys.readouterr().out
    assert 3 <= len(lines(tmp_path / "run" / "predictions-test.jsonl")) <= 6


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A run on a file that names no split."""
    train(*table(tmp_path / "own", 40, 1), *TINY, f"folder={tmp_path / 'run'}", quiet=True)
    return tmp_path / "run"


def test_splits_that_are_named_are_kept(own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_tables(tmp_path / "other", train=30, others=7)
    for split, count in (("train", 30), ("validation", 7), ("test", 7)):
        assert main(["eval", f"run={own}", f"data.path={folder}", f"split={split}"]) == 0
        assert f"Scored: {count} examples, the {split} split of {folder}" in capsys.readouterr().out
    dev = folder / "dev.csv"
    assert main(["eval", f"run={own}", f"data.path={dev}"]) == 0, "it is the only one"
    assert f"Scored: 7 examples, the validation split of {dev}" in capsys.readouterr().out
    assert main(["eval", f"run={own}", f"data.path={dev}", "split=train"]) == 2
    assert "`split=train`: the data have validation" in capsys.readouterr().err
    (folder / "test.csv").unlink()
    assert main(["eval", f"run={own}", f"data.path={folder}"]) == 2
    assert "`split=test`: the data have train, validation" in capsys.readouterr().err


def test_the_runs_own_data_in_another_place_are_divided_as_they_were(own: Path, tmp_path: Path, capsys) -> None:
    capsys.readouterr()
    moved = tmp_path / "moved.csv"
    shutil.move(tmp_path / "own.csv", moved)
    assert main(["eval", f"run={own}"]) == 2
    assert capsys.readouterr().err == f"attnlab: `data.path={tmp_path / 'own.csv'}`: no such file or folder\n"
    assert main(["eval", f"run={own}", f"data.path={moved}"]) == 0
    assert "Scored: 4 examples, the test split of" in capsys.readouterr().out
    assert main(["eval", f"run={own}", f"data.path={moved}", "data.test=0.5"]) == 0
    assert "Scored: 20 examples, the test split of" in capsys.readouterr().out, "who says how gets it so"


def test_labels_that_the_run_doesnt_know_are_told(own: Path, tmp_path: Path, capsys) -> None:
    other = tmp_path / "other.csv"
    other.write_text("text,label\nIt is fine!,good\nIt is so so!,mixed\n")
    assert main(["eval", f"run={own}", f"data.path={other}"]) == 0
    assert "labels of these data never seen in training count as wrong: mixed" in capsys.readouterr().out
    other.write_text("text,label\nIt is so so!,mixed\n")
    assert main(["eval", f"run={own}", f"data.path={other}"]) == 2
    assert "no label of these data (mixed) was learned; the run knows bad, good" in capsys.readouterr().err


def test_every_fold_scores_all_of_other_data(tmp_path: Path, capsys) -> None:
    words = graphs(tmp_path / "own", 24, 1)
    run = train(*words, *TINY, "data.folds=3", f"outputs={tmp_path / 'outputs'}", quiet=True)
    assert isinstance(run, CrossValidation)
    (place,) = [word for word in graphs(tmp_path / "other", 9, 2) if word.startswith("data.path=")]
    assert main(["eval", f"run={run.folder.path}", place]) == 0
    shown = capsys.readouterr().out
    assert shown.count("Scored: all 9 examples of") == 3
    for line in (line for line in shown.splitlines() if line.startswith(("│ 0", "│ 1", "│ 2"))):
        assert line.split()[3] == "9"


def test_a_run_finds_its_data_from_any_folder(tmp_path: Path, monkeypatch, capsys) -> None:
    """Files are named as they lie from where the command is typed: a run remembers where that was."""
    words = table(tmp_path / "mine", 40, seed=0)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("fine 1 2\ndull 2 1\n")
    monkeypatch.chdir(tmp_path)
    place = ["embedding=pretrained", "embedding.path=vectors.txt", "data.path=mine.csv", "folder=run"]
    assert main(["train", *words[:2], *TINY, *place]) == 0
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    capsys.readouterr()
    assert main(["eval", "run=../run"]) == 0
    assert (
        "test (at training)" in (shown := capsys.readouterr().out)
        and f"the test split of {tmp_path}/mine.csv" in shown
    )
    assert main(["eval", "run=../run", "data.path=../mine.csv"]) == 0
    assert "test (at training)" in capsys.readouterr().out, "the same file, named from here"
    assert main(["train", "run=../run", "trainer.updates=2"]) == 0


@pytest.mark.parametrize(
    ("path", "split", "name"),
    [
        ("/x/new.csv", "", "new"),
        ("/x/new.jsonl.gz", "", "new"),
        ("/x/June, 2nd batch.csv", "", "June-2nd-batch"),
        ("/x/release-1.0", "validation", "release-1.0-validation"),
        ("/x/july/test.csv", "test", "july-test"),  # else it would be the run's own predictions-test.jsonl
        ("/x/july/test.previous.csv", "", "july-test.previous"),
        ("/test.csv", "", "other-test"),
        ("/test/test.csv", "", "other-test"),
        ("/x/.csv", "", "csv"),
        ("/x/" + "long" * 60, "", "long" * 30),
    ],
)
def test_predictions_of_other_data_are_named_after_their_file(path: str, split: str, name: str) -> None:
    assert file_name(TableData(path=path), split) == name


def test_a_table_without_labels_is_predicted_and_says_which_column_lacks(
    own: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "new.csv").write_text("text\n" + "it is fine\n" * 3)
    before = (own / "predictions-test.jsonl").read_bytes()
    assert main(["eval", f"run={own}", f"data.path={tmp_path / 'new.csv'}"]) == 0
    assert "; no column `label` in new.csv, so no scores" in capsys.readouterr().out
    assert len(lines(own / "predictions-new.jsonl")) == 3 and (own / "predictions-new.csv").exists()
    assert (own / "predictions-test.jsonl").read_bytes() == before
