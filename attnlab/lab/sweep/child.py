"""One `attnlab train` in a process of its own, which ends with us and can be continued where it stopped."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attnlab import plugins
from attnlab.compose import quoted
from attnlab.config import Config
from attnlab.runs import RunFolder, is_held

TRAIN = (sys.executable, "-m", "attnlab", "train")
PATIENCE = 60.0
"""Seconds that a run has to save itself."""
STOPPED = {128 + signal.SIGTERM, 128 + signal.SIGINT}
"""Exit codes of a run that was asked to stop, and has saved itself."""


class Child:
    """A run in training. Made again for the same folder, it continues that run.

    words: of a new run. share: what it may use. command: what trains.
    """

    def __init__(
        self, folder: RunFolder, words: Sequence[str], share: "Share", command: Sequence[str] = TRAIN
    ) -> None:
        self.folder = folder
        # One that was killed a moment ago may still hold its lock.
        for _ in range(100):
            if not is_held(folder.lock):
                break
            time.sleep(0.1)
        begun = folder.config.exists()
        self._asked: float | None = None  # when it was asked to stop
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        anew = [*words, *share.words, f"folder={quoted(str(folder.path))}"]
        self._process = subprocess.Popen(
            [*command, *([f"run={folder.path}"] if begun else anew), *plugins.words()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=os.environ | share.environment,
            start_new_session=True,  # Ctrl-C is ours to pass on
            preexec_fn=_end_with(os.getpid()) if sys.platform == "linux" else None,
        )

    def ended(self) -> int | None:
        """The exit code, or None while it runs; negative where a signal killed it."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask it to save and leave; said again after a minute, kill it."""
        if self._process.poll() is not None:
            return
        if self._asked is None:
            self._asked = time.monotonic()
            self._process.terminate()
        elif time.monotonic() - self._asked > PATIENCE:
            self._kill()

    def leave(self) -> None:
        """Stop it and wait until it is gone."""
        while self._process.poll() is None:
            self.stop()
            time.sleep(0.02)

    def _kill(self) -> None:
        """With all processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def error(self) -> str:
        """Why it failed, in one sentence: what it said last."""
        self._errors.seek(0)
        lines = [
            line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()
        ]
        own = [line.removeprefix("attnlab: ") for line in lines if line.startswith("attnlab: ")]
        own = [line for line in own if not line.startswith("warning: ")]
        return (own or lines or [f"it ended with exit code {self._process.returncode} and said nothing"])[-1]


@dataclass(frozen=True)
class Share:
    """What one of several trials at a time may use. words: for a new run; environment: for its process."""

    words: list[str]
    environment: dict[str, str]


def shares(config: Config, parallel: int, place: int) -> Share:
    """Threads dealt out evenly, GPUs in turn; `trainer.threads=` and `trainer.device=cpu` have their way."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = config.trainer.threads or max(1, cores // parallel)
    words = [] if config.trainer.threads else [f"trainer.threads={threads}"]
    environment = {"OMP_NUM_THREADS": str(threads)}
    gpus = visible_gpus() if config.trainer.device != "cpu" and parallel > 1 else []
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[place % len(gpus)]
    return Share(words, environment)


def visible_gpus() -> list[str]:
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _end_with(parent: int) -> Any:
    """For Linux: have the kernel kill the child when its parent dies, however that happens."""
    library = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        library.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask
