"""What finished runs keep only to be trained further is listed, and removed where it is asked for; nothing else is."""

import re
import shutil
from pathlib import Path

import pytest

from attnlab.cli import main
from attnlab.lab.prune import free, spare_of
from attnlab.runs import RunFolder
from attnlab.training import checkpoint


@pytest.fixture
def run(tiny: list[str], tmp_path: Path) -> Path:
    folder = tmp_path / "outputs" / "pos" / "one"
    words = ["trainer.average_best=2", "trainer.validate_every=2", "baselines=false"]
    assert main(["train", *tiny, *words, f"folder={folder}"]) == 0
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_keeps_no_checkpoint_before_its_last_and_its_best(run: Path) -> None:
    assert {path.name for path in run.iterdir() if path.is_dir()} == {"best", "last", "candidates"}


def test_it_is_listed_and_removed_on_demand(run: Path, tmp_path: Path, capsys) -> None:
    outputs, before = tmp_path / "outputs", content(run)
    for name in ("cut off", "failed"):
        shutil.copytree(run, outputs / name)
        (outputs / name / "results.json").unlink()
    (outputs / "failed" / "error.json").write_text("{}")
    shutil.copytree(run, outputs / "damaged")
    (outputs / "damaged" / "best" / "model.safetensors").write_bytes(b"")
    others = {name: content(outputs / name) for name in ("cut off", "failed", "damaged")}
    capsys.readouterr()
    assert main(["prune", f"outputs={outputs}"]) == 0
    listed = capsys.readouterr().out
    size = sum(len(data) for name, data in before.items() if name.split("/")[0] in ("last", "candidates"))
    assert [line.split() for line in listed.splitlines()[:1]] == [[f"{size / 1e6:.1f}", "MB", str(run)]]
    assert f"Pruning frees {size / 1e6:.1f} MB of 1 finished run" in listed and content(run) == before
    (line,) = re.findall("Free it with: attnlab (.*)", listed)
    assert main(line.split()) == 0
    assert f"Freed {size / 1e6:.1f} MB of 1 finished run." in capsys.readouterr().out
    kept = {name: data for name, data in before.items() if name.split("/")[0] not in ("last", "candidates")}
    assert content(run) == kept and {name: content(outputs / name) for name in others} == others
    assert main(line.split()) == 0 and "Nothing to free" in capsys.readouterr().out
    assert main(["eval", f"run={run}"]) == 0
    capsys.readouterr()
    assert main(["train", f"run={run}", "trainer.epochs=9"]) == 2
    said = capsys.readouterr().err
    assert f"{run}: `attnlab prune` removed what this run would be trained further from" in said
    assert len(said.splitlines()) == 1


def test_one_that_is_ended_while_it_removes_leaves_a_run_that_is_whole(run: Path, monkeypatch) -> None:
    spare, before = spare_of(RunFolder(run)), content(run)
    removed = checkpoint.shutil.rmtree

    def ended(path: Path, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            next(Path(path).glob("*.safetensors")).unlink()
            raise KeyboardInterrupt
        removed(path, ignore_errors=ignore_errors)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.shutil, "rmtree", ended)
        with pytest.raises(KeyboardInterrupt):
            free(spare)
    assert not checkpoint.exists(run / "last"), "not one that would be trained further from half a checkpoint"
    free(spare_of(RunFolder(run)))
    assert content(run).keys() == {name for name in before if name.split("/")[0] not in ("last", "candidates")}


def test_what_cannot_be_meant_is_refused(tmp_path: Path, capsys) -> None:
    for words, expected in {
        ("run=/nowhere",): "`run=/nowhere`: no such folder",
        ("task=pos",): "`task=pos`: no such word; `attnlab prune` takes run=FOLDER, outputs=FOLDER and --yes",
        ("--force",): "`--force`: no such option; write key=value",
    }.items():
        assert main(["prune", *words]) == 2
        assert expected in capsys.readouterr().err
    assert main(["prune", f"outputs={tmp_path}"]) == 0 and "Nothing to free" in capsys.readouterr().out
