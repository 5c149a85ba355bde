"""`trainer.ranks`: several processes from one command, stopped, killed and continued."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import write_treebank
from launched import await_save, left, processes_of, start

from attnlab.cli import main


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = write_treebank(tmp_path_factory.mktemp("treebank"), train=120)
    return [
        "data=ud_ewt", f"data.path={path}", "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "trainer.threads=1",
        "trainer.batch_vectors=60", "trainer.accumulate=2", "trainer.epochs=30", "encoder.dropout=0.2", "baselines=false",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def alone(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run by one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    assert main(["train", *words, f"folder={folder}"]) == 0
    return folder


def kill(launcher: subprocess.Popen[str]) -> None:
    os.kill(processes_of(launcher)[1], signal.SIGKILL)


def kill_launcher(launcher: subprocess.Popen[str]) -> None:
    launcher.kill()


def end_one(launcher: subprocess.Popen[str]) -> None:
    os.kill(processes_of(launcher)[1], signal.SIGTERM)


def interrupt_all(launcher: subprocess.Popen[str]) -> None:
    launcher.send_signal(signal.SIGINT)


@pytest.mark.parametrize("stop, code", [
    (kill, 0), pytest.param(kill_launcher, -9, marks=pytest.mark.slow), (end_one, 143), (interrupt_all, 130),
])  # fmt: skip
def test_the_same_bytes_whatever_happens_in_between(
    stop: Callable[[subprocess.Popen[str]], None], code: int, words: list[str], alone: Path, tmp_path: Path
) -> None:
    """Where a process is killed, all start again from the last save; signals stop all after the same update."""
    folder = tmp_path / "run"
    process = start(*words, f"folder={folder}", "trainer.ranks=2")
    await_save(folder, process)
    stop(process)
    # After 30 seconds the launcher would kill what doesn't end by itself.
    output, _ = process.communicate(timeout=25 if stop is interrupt_all else 180)
    assert process.returncode == code, output
    if code:
        assert code < 0 or "saved." in output
        assert not (folder / "results.json").exists()
        assert main(["train", f"run={folder}", "trainer.ranks=1"]) == 0
    else:
        assert "starting again from the last save" in output
    assert left(folder) == left(alone)


def test_more_processes_than_batches(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words, "trainer.ranks=4"]) == 2
    told = capsys.readouterr().err
    assert "`trainer.accumulate=4 trainer.batch_vectors=30` is an update of the same size" in told


def test_from_python_one_process_trains(words: list[str], tmp_path: Path) -> None:
    from attnlab import train
    from attnlab.errors import UserError

    with pytest.raises(UserError, match="a run from Python is one"):
        train(*words, "trainer.ranks=2", f"folder={tmp_path / 'run'}", quiet=True)
