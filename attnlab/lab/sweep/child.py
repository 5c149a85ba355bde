"""One `attnlab train` in a process of its own, which ends with ours and can be continued where it stopped."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from attnlab import plugins
from attnlab.command_words import quoted, text_word
from attnlab.config import Config
from attnlab.config.keys import threads_allowed
from attnlab.runs import RunFolder, is_held

TRAIN = (sys.executable, "-m", "attnlab", "train")
PATIENCE = 60.0
"""Seconds that a run has to save itself."""
STOPPED = {128 + signal.SIGTERM, 128 + signal.SIGINT}
"""Exit codes of a run that was asked to stop, and has saved itself."""


class Child:
    """A run in training. Made again for the same folder, it continues that run. words: of a new run. environment:
    variables of its process besides ours. command: what trains."""

    def __init__(
        self, folder: RunFolder, words: Sequence[str], environment: Mapping[str, str], command: Sequence[str] = TRAIN
    ) -> None:  # fmt: skip
        self.folder = folder
        # One that was killed a moment ago may still hold its lock.
        for _ in range(100):
            if not is_held(folder.lock):
                break
            time.sleep(0.1)
        self._asked_to_stop: float | None = None  # when
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        new = [*words, f"folder={quoted(str(folder.path))}"]
        self._process = subprocess.Popen(
            [*command, *([text_word("run", str(folder.path))] if folder.config.exists() else new), *plugins.words()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._errors,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is ours to pass on
            preexec_fn=end_with(os.getpid()) if sys.platform == "linux" else None,
        )  # fmt: skip

    def exit_code(self) -> int | None:
        """None while it runs; negative where a signal killed it."""
        return self._process.poll()

    def stop(self) -> None:
        """Ask it to save and end; kill it where a minute later it is asked again."""
        if self._process.poll() is not None:
            return
        if self._asked_to_stop is None:
            self._asked_to_stop = time.monotonic()
            self._process.terminate()
        elif time.monotonic() - self._asked_to_stop > PATIENCE:
            self.kill()

    def kill(self) -> None:
        """End it now, with all processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Stop it and wait until it has ended."""
        while self._process.poll() is None:
            self.stop()
            time.sleep(0.02)

    def error(self) -> str:
        """Why it failed, in one sentence: its last error, or else its last line on stderr."""
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        errors = re.findall(r"^attnlab: (?!warning: )(.*)", "\n".join(lines), re.MULTILINE)
        return (errors or lines or [f"it ended with exit code {self._process.returncode} and said nothing"])[-1]


def resources(config: Config, parallel: int, slot: int) -> tuple[list[str], dict[str, str]]:
    """Words for a new run, and variables for its processes, of one of `parallel` trials: threads are dealt out evenly, GPUs in turn;
    `trainer.threads=` and `trainer.device=cpu` are kept to."""
    threads = config.trainer.threads or max(1, threads_allowed() // (parallel * (config.trainer.ranks or 1)))
    words = [] if config.trainer.threads else [f"trainer.threads={threads}"]
    environment = {"OMP_NUM_THREADS": str(threads)}
    gpus = visible_gpus() if config.trainer.device != "cpu" and parallel > 1 else []
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
    return words, environment


def visible_gpus() -> list[str]:
    """As `CUDA_VISIBLE_DEVICES` names them."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is not None:
        return [name for name in names.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def end_with(parent: int) -> Callable[[], None]:
    """For Linux, to be called in a new child: have the kernel kill it when its parent dies, however that happens."""
    library = ctypes.CDLL(None, use_errno=True)

    def before_start() -> None:
        library.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return before_start
