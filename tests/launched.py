"""Runs of several processes as a user starts them, and what they leave."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path

from loops import weights

CLOCKS = ("vectors_per_second",)


def left(folder: Path) -> tuple[dict[str, bytes], list[dict[str, object]], str]:
    """All that depends on no clock: weights and moments, the validations, the predictions."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    validations = [{name: value for name, value in line.items() if name not in CLOCKS} for line in lines]
    return weights(folder), validations, (folder / "predictions-test.jsonl").read_text(encoding="utf-8")


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "attnlab", "train", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def last_save(folder: Path) -> int:
    """After which update a run was saved last; 0 where it hasn't been."""
    try:
        return json.loads((folder / "last" / "state.json").read_text(encoding="utf-8"))["progress"]["update"]
    except FileNotFoundError:
        return 0


def await_save(folder: Path, process: subprocess.Popen[str], after: int = 0) -> None:
    """Until a run was saved after a later update than this."""
    deadline = time.monotonic() + 120
    while last_save(folder) <= after:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


def processes_of(launcher: subprocess.Popen[str]) -> list[int]:
    """The ids of the processes that a launcher has started, in the order of ranks."""
    found = {}
    for line in subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout.splitlines()[1:]:
        pid, parent = map(int, line.split())
        if parent == launcher.pid:
            with contextlib.suppress(OSError):  # it has ended
                words = Path(f"/proc/{pid}/environ").read_text().split("\0")
                found |= {int(word[5:]): pid for word in words if word.startswith("RANK=")}
    return [found[rank] for rank in sorted(found)]
