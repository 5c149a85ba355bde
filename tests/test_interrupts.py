"""Ctrl-C in a real process: the first asks for an end, the second ends at once, and nothing that was saved is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import sys, time
from attnlab import cli
{slow}
sys.exit(cli.main())
"""
SLOW_VALIDATION = """
from attnlab.training import loop
fast = loop.evaluate
def evaluate(*given, **named):
    print("HERE", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.01)
    return fast(*given, **named)
loop.evaluate = evaluate
"""
SLOW_PREPARATION = """
from attnlab.training import running
def load_data(*given, **named):
    try:
        print("HERE", flush=True)
        time.sleep(60)
    finally:
        time.sleep(60)  # an end that takes its time
running.load_data = load_data
"""
SLOW_RESULTS = """
from attnlab.training import train
def finish(*given, **named):
    try:
        print("HERE", flush=True)
        time.sleep(60)
    finally:
        time.sleep(60)
train.finish = finish
"""
SLOW_SAVING = """
from attnlab.training import checkpoint
fast = checkpoint.write_flushed
def write_flushed(path, data):
    fast(path, data)
    if "last" in str(path) and path.name == "state.json" and (path.parents[1] / "metrics.jsonl").read_text().count("\\n") == 2:
        print("HERE", flush=True)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.01)
checkpoint.write_flushed = write_flushed
"""


def start(slow: str, words: list[str]) -> subprocess.Popen[str]:
    """`attnlab train` that says HERE, where it then waits."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(slow=slow), "train", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, cwd=Path(__file__).parents[1],
    )  # fmt: skip


def interrupted_twice(process: subprocess.Popen[str]) -> str:
    """Two interrupts half a second apart, once it has said HERE; what it said on stderr. It ends within a second after."""
    assert process.stdout is not None
    while (line := process.stdout.readline()) and "HERE" not in line:
        pass
    assert line, process.communicate()[1]
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one waits for something"
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=20)[1]
    assert process.returncode == 130 and "Traceback" not in error and "ignored" not in error
    return error


def finished(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "attnlab", "train", *words], check=True, stdout=subprocess.DEVNULL)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """What a run leaves that depends on no clock."""
    names = [
        "last/model.safetensors",
        "last/optimizer.safetensors",
        "best/model.safetensors",
        "predictions-test.jsonl",
    ]
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture
def words(tiny: list[str]) -> list[str]:
    return [*tiny, "trainer.epochs=3", "trainer.threads=1", "baselines=false"]


def test_while_data_are_prepared(words: list[str], tmp_path: Path) -> None:
    interrupted_twice(start(SLOW_PREPARATION, [*words, f"folder={tmp_path / 'run'}"]))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "slow",
    [SLOW_VALIDATION, SLOW_SAVING, SLOW_RESULTS],
    ids=["in validation", "while saving", "in the last evaluation"],
)
def test_a_run_that_was_ended_twice_goes_on_as_if_it_had_not(slow: str, words: list[str], tmp_path: Path) -> None:
    finished([*words, f"folder={tmp_path / 'whole'}"])
    interrupted_twice(start(slow, [*words, f"folder={tmp_path / 'cut'}"]))
    finished([f"run={tmp_path / 'cut'}"])
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")


@pytest.mark.slow
def test_a_sweep_leaves_no_process_behind(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "trainer.epochs=100000", "encoder.heads=1,2", "sweep.parallel=2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "attnlab", "sweep", *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    wait(lambda: len(list(tmp_path.glob("outputs/*/*/trial-*/metrics.jsonl"))) == 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGSTOP)  # so that they don't end by themselves
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate(timeout=20)[1] and process.returncode == 130
    assert len(children) == 2
    wait(lambda: not any(map(is_alive, children)))


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(child: str) -> bool:
    stat = Path(f"/proc/{child}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
