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
from typing import Any

from attnlab.runs import RunFolder, is_held

TRAIN = (sys.executable, "-m", "attnlab", "train")
STOPPED = {128 + signal.SIGTERM, 128 + signal.SIGINT}
"""Exit codes of a run that was asked to stop, and has saved itself."""


class Child:
    """A run in training. Made again for the same folder, it continues that run.

    words: of a new run. environment: what it gets besides ours, such as its share of threads.
    command: what trains.
    """

    def __init__(
        self, folder: RunFolder, words: Sequence[str], environment: dict[str, str], command: Sequence[str] = TRAIN
    ) -> None:
        self.folder = folder
        # One that was killed a moment ago may still hold its lock.
        for _ in range(100):
            if not is_held(folder.lock):
                break
            time.sleep(0.1)
        begun = folder.config.exists()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [*command, *([f"run={folder.path}"] if begun else [*words, f"folder={folder.path}"])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            env=os.environ | environment,
            start_new_session=True,  # Ctrl-C is ours to pass on
            preexec_fn=_end_with(os.getpid()) if sys.platform == "linux" else None,
        )

    def ended(self) -> int | None:
        """The exit code, or None while it runs; negative where a signal killed it."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask it to save and leave."""
        if self._process.poll() is None:
            self._process.terminate()

    def leave(self, seconds: float = 60.0) -> None:
        """Stop, wait, and kill what doesn't hear, with all processes that it started."""
        self.stop()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def error(self) -> str:
        """Why it failed, in one sentence: what it said last."""
        self._errors.seek(0)
        lines = [
            line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()
        ]
        own = [line.removeprefix("attnlab: ") for line in lines if line.startswith("attnlab: ")]
        own = [line for line in own if not line.startswith("warning: ")]
        return (own or lines or [f"it ended with exit code {self._process.returncode} and said nothing"])[-1]


def _end_with(parent: int) -> Any:
    """For Linux: have the kernel kill the child when its parent dies, however that happens."""
    library = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        library.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return ask
