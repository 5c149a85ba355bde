"""Whatever lies in a run folder, the verbs do their work or say in one sentence why not, and write nowhere else."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest
import torch
from conftest import write_pairs, write_treebank
from run_mutations import STRANGE, mutate, with_digests
from safetensors.torch import load_file, save_file

from attnlab.cli import main
from attnlab.lab.sweep.command import sweep

TINY = (
    "trainer.epochs=2 encoder.width=16 encoder.depth=1 encoder.heads=2 trainer.threads=1 trainer.batch_vectors=100 "
    "baselines=false"
).split()
TEXTS = (
    "task=translation data=parallel data.source_language=en data.target_language=de data.tokens=bpe data.subwords=100 "
    "head.depth=1 head.heads=2 trainer.average_best=2 trainer.average=0 trainer.updates=4 trainer.validate_every=2"
).split()


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tags words, and one that translates; neither is changed."""
    folder = tmp_path_factory.mktemp("originals")
    treebank, pairs = write_treebank(folder / "treebank"), write_pairs(folder / "pairs")
    assert main(["train", "data=ud_ewt", f"data.path={treebank}", f"folder={folder / 'tags'}", *TINY]) == 0
    assert main(["train", *TEXTS, f"data.path={pairs}", f"folder={folder / 'texts'}", *TINY]) == 0
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Somebody's own file, and folder."""
    (tmp_path / "outside" / "folder").mkdir(parents=True)
    (tmp_path / "outside" / "file").write_text("{}")
    return tmp_path / "outside"


def copied(original: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(original, folder))


def set_value(folder: Path, file: str, key: str, value: object) -> None:
    whole = json.loads((folder / file).read_text())
    node = whole
    *way, last = key.split(".")
    for name in way:
        node = node[name]
    node[last] = value
    (folder / file).write_text(json.dumps(whole))


def append(file: str, line: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).open("a").write(line + "\n")


def change_tensors(file: str, name: str, tensor: torch.Tensor) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / file)
        save_file(tensors | {name: tensor}, folder / file)
        with_digests((folder / file).parent)
        shutil.rmtree(folder / "last.previous", ignore_errors=True)

    return change


def state(key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        set_value(folder, "last/state.json", key, value)
        shutil.rmtree(folder / "last.previous", ignore_errors=True)

    return change


CASES: dict[str, tuple[Callable[[Path], object], str]] = {
    "updates that are a word": (state("progress.update", "x"), "`progress.update`: 'x' where a whole number should be"),
    "batches below 0": (state("progress.cursor", -1), "-1 where a whole number of at least 0 should be"),
    "batches beyond the epoch": (state("progress.cursor", 10**9), "1000000000 batches of an epoch of 4 are done"),
    "scores that are a list": (state("progress.best", []), "`progress.best`: a list where an object should be"),
    "another monitor": (state("progress.monitor", "x"), "'x' is none of the scores in `progress.best`"),
    "no seconds": (state("progress.seconds", 0), "`progress.seconds`: 0 for an update"),
    "data that are a number": (state("data", 7), "`data`: 7 where text should be"),
    "a class that is a number": (
        lambda f: set_value(f, "spec.json", "targets.tags.classes", [1, 2]),
        "spec.json: not a data description written by attnlab: `targets.tags.classes[0]`: 1 where text should be",
    ),
    "more counts than classes": (
        lambda f: set_value(f, "spec.json", "targets.tags.counts", [1]), "classes, but 1 counts",
    ),
    "coordinates below 0": (lambda f: set_value(f, "spec.json", "num_coords", -1), "`num_coords`: -1 where"),
    "other coordinates": (
        lambda f: set_value(f, "spec.json", "num_coords", 2),
        "these are ids with 1 coordinates, but the run has learned from ids with 2 coordinates",
    ),
    "a validation of no number": (append("metrics.jsonl", "[]"), "metrics.jsonl:3: a list where an object should be"),
    "a word twice": (append("vocabulary-words.tsv", "saw\t1"), "a word that stands above already"),
    "an optimizer of another shape": (
        change_tensors("last/optimizer.safetensors", "exp_avg/encoder.norm.weight", torch.zeros(3)),
        "the optimizer's 'exp_avg/encoder.norm.weight' is torch.float32 (3,)",
    ),
    "an optimizer of another type": (
        change_tensors("last/optimizer.safetensors", "step/encoder.norm.weight", torch.zeros((), dtype=torch.int64)),
        "the optimizer's 'step/encoder.norm.weight' is torch.int64 ()",
    ),
    "weights of another shape": (
        change_tensors("last/model.safetensors", "encoder.norm.weight", torch.zeros(17)),
        "encoder.norm.weight is float32 (17,), not float32 (16,)",
    ),
    "weights of another type": (
        change_tensors("last/model.safetensors", "encoder.norm.weight", torch.zeros(16, dtype=torch.int32)),
        "encoder.norm.weight is int32 (16,), not float32 (16,)",
    ),
    "a model of some terabytes": (
        lambda f: (f / "config.yaml").write_text((f / "config.yaml").read_text().replace("width: 16", "width: 65536")),
        "these tensors don't fit config.yaml and spec.json: ",
    ),
    "a configuration without end": (lambda f: (f / "config.yaml").write_text("[" * 10**5), "nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_damaged_run_is_not_continued(
    case: str, originals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, sentence = CASES[case]
    folder = copied(originals / "tags", tmp_path / "run")
    damage(folder)
    assert main(["train", f"run={folder}", "trainer.epochs=3"]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


LINKED = [
    "log.txt", "config.yaml", "run.lock", "hypotheses", "last", "best.previous", "candidates", "candidates/4", "metrics.jsonl",
    "best/state.json", "predictions-test.jsonl", "config.yaml.new.txt", "results.json.new.txt", "fold-1",
]  # fmt: skip


@pytest.mark.parametrize("name", LINKED)
def test_a_link_is_told_before_anything_is_written(
    name: str, originals: Path, outside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(originals / "texts", tmp_path / "run")
    is_folder = (folder / name).is_dir() or name == "fold-1"
    if (folder / name).exists():
        (folder / name).rename(folder / ".aside")
    (folder / name).symlink_to(outside / ("folder" if is_folder else "file"))
    if name == "config.yaml":
        (outside / "file").write_text((folder / ".aside").read_text())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for verb in ("eval", "train"):
        assert main([verb, f"run={folder}"]) == 2
        error = capsys.readouterr().err
        assert f"{folder / name}: a link" in error and len(error.splitlines()) == 1
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


def test_the_run_folder_itself_may_be_a_link(originals: Path, tmp_path: Path) -> None:
    folder = copied(originals / "texts", tmp_path / "elsewhere" / "run")
    (tmp_path / "run").symlink_to(folder)
    assert main(["train", f"run={tmp_path / 'run'}", "trainer.updates=6"]) == 0
    assert main(["eval", f"run={tmp_path / 'run'}"]) == 0


def test_what_a_killed_process_was_writing_is_removed(originals: Path, tmp_path: Path) -> None:
    folder = copied(originals / "tags", tmp_path / "run")
    (folder / ".config.yaml.0123.new").write_text("task")
    assert main(["train", f"run={folder}"]) == 0
    assert not list(folder.glob(".*.new"))


@pytest.mark.parametrize("value", ["null", "[]", '"x"', '{"files": {}}', "[" * 100_000])
def test_the_previous_state_is_used_whatever_the_last_one_holds(
    value: str, originals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(originals / "tags", tmp_path / "run")
    shutil.copytree(folder / "last", folder / "last.previous")  # as of a run that hasn't finished
    (folder / "last" / "state.json").write_text(value)
    assert main(["train", f"run={folder}", "trainer.epochs=3"]) == 0
    assert f"using {folder}/last.previous instead" in capsys.readouterr().out


def test_a_list_of_runs_is_spoilt_by_none(
    originals: Path, outside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = copied(originals / "tags", tmp_path / "runs" / "good")
    for number, value in enumerate(STRANGE):
        for file in ("config.yaml", "results.json", "metrics.jsonl"):
            folder = copied(good, tmp_path / "runs" / f"{file}-{number}")
            (folder / file).write_text(value + "\n")
    linked = copied(good, tmp_path / "runs" / "linked")
    (linked / "results.json").unlink()
    (linked / "results.json").symlink_to(outside / "file")
    os.mkfifo(copied(good, tmp_path / "runs" / "piped") / "last.jsonl")
    waiting = copied(good, tmp_path / "runs" / "waiting")
    (waiting / "metrics.jsonl").unlink()
    os.mkfifo(waiting / "metrics.jsonl")
    for words in (
        [],
        ["sort=-score"],
        ["sort=seconds"],
        ["--json"],
        ["state=finished,damaged", "show=encoder.depth"],
    ):
        assert main(["runs", f"outputs={tmp_path / 'runs'}", *words]) == 0
    assert main(["runs", f"outputs={tmp_path / 'runs'}", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out.rpartition("\n[\n")[2].join(["[", ""]))
    states = {row["run"]: row["state"] for row in rows}
    assert states["good"] == states["piped"] == "finished"
    assert states["linked"] == states["waiting"] == "damaged"
    assert all(states[f"metrics.jsonl-{number}"] == "damaged" for number in range(len(STRANGE)))


class Hang(BaseException):
    """Nothing may take so long."""


def tried(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is wrong with how a verb ended; "" where nothing is."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang(f"{words}")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    try:
        code = main(words)
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" not in line]
    return "" if (code, len(said)) in ((0, 0), (2, 1)) else f"exit code {code}: {said}"


@pytest.mark.slow
def test_mutated_runs_end_in_one_sentence(
    originals: Path, outside: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, wrong = tmp_path / "runs" / "run", []
    for seed in range(120):
        copied(originals / ("tags", "texts")[seed % 2], folder)
        how = mutate(folder, seed, outside)
        for words in (["runs", f"outputs={folder.parent}"], ["eval", f"run={folder}"], ["train", f"run={folder}", "trainer.updates=12"]):  # fmt: skip
            if problem := tried(words, capsys):
                wrong.append(f"{seed}, {how}: {words[0]}: {problem}")
        assert (outside / "file").read_text() == "{}" and not list((outside / "folder").iterdir()), how
    assert wrong == []


@pytest.mark.slow
def test_mutated_sweeps_end_in_one_sentence(
    originals: Path,
    outside: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["data=ud_ewt", f"data.path={originals / 'treebank'}", f"outputs={tmp_path / 'first'}", *TINY]
    sweep([*words, "encoder.depth=1,2", "trainer.updates=1"])
    (original,) = (path.parent for path in (tmp_path / "first").glob("*/*/sweep.yaml"))
    wrong = []
    for seed in range(40):
        folder = copied(original, tmp_path / "sweeps" / "pos" / "sweep")
        how = mutate(folder, seed, outside)
        for words in (["runs", f"outputs={folder.parents[1]}"], ["sweep", f"sweep={folder}"]):
            if problem := tried(words, capsys):
                wrong.append(f"{seed}, {how}: {words[0]}: {problem}")
        assert (outside / "file").read_text() == "{}" and not list((outside / "folder").iterdir()), how
    assert wrong == []


def test_a_run_without_weights_asks_for_no_more_memory_than_there_is(
    originals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(originals / "tags", tmp_path / "run")
    shutil.rmtree(folder / "last")
    (folder / "config.yaml").write_text((folder / "config.yaml").read_text().replace("width: 16", "width: 65536"))
    assert main(["train", f"run={folder}"]) == 2
    assert re.search(r"config\.yaml: a model of [\d,]+ GiB, of which this machine has ", capsys.readouterr().err)
