"""`trainer.ranks=4`: several processes on this machine, started by torch's elastic launcher, that compute one run."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from attnlab import compose
from attnlab.command_words import text, text_word
from attnlab.config import Config, JointConfig, Trainer
from attnlab.errors import UserError
from attnlab.local_files import user_path
from attnlab.runs import RunFolder, new_folder

USER_ERROR = 2
"""The exit code of a mistake that the first process has told; to start again would change nothing."""


def wanted(config: Config | JointConfig) -> bool:
    """Whether this process should start others: with `trainer.ranks`, unless a launcher has started it."""
    return (config.trainer.ranks or 1) > 1 and "WORLD_SIZE" not in os.environ


def continued(words: Sequence[str]) -> Config | JointConfig:
    """The configuration with which `run=` among the words of `attnlab train` goes on. Raises UserError as `train` does."""
    run = [text(word) for word in words if word.startswith("run=")][-1]
    others = [word for word in words if not word.startswith("run=")]
    outputs = [text(word) for word in others if word.startswith("outputs=")]
    folder = RunFolder.find(run, outputs[-1] if outputs else "outputs")
    return (compose.load_saved_joint if folder.is_joint else compose.load_saved)(folder.config, others)


def new_run(config: Config | JointConfig, words: Sequence[str]) -> tuple[int, RunFolder]:
    """`attnlab train` with these words, of a new run, as `launch` does: the exit code, and where the run is. Raises UserError where
    updates have fewer batches than there are processes."""
    check(config.trainer, config.trainer.ranks or 1)
    if config.folder is not None:
        return launch("train", words, config.trainer), RunFolder(user_path(config.folder))
    path = new_folder(Path(config.outputs) / config.task)  # known here, so that another attempt goes on in it
    code = launch("train", [*words, text_word("folder", str(path))], config.trainer)
    with contextlib.suppress(OSError):
        path.rmdir()  # empty where no run has begun
    return code, RunFolder(path)


def launch(verb: str, words: Sequence[str], trainer: Trainer) -> int:
    """Run a command of attnlab in `trainer.ranks` processes, again where one of them dies, which goes on from the last save of a
    run; the exit code."""
    assert trainer.ranks is not None
    logging.disable()  # the launcher's own lines: what happened is said below
    for attempt in range(trainer.restarts + 1):
        with _environment(trainer):
            code = _attempt(trainer.ranks, (verb, *words))
        if code in (0, USER_ERROR, 128 + 2, 128 + 15):
            return code
        last = " from the last save" if verb == "train" else ""
        again = f"; starting again{last}" if attempt < trainer.restarts else ""
        print(f"attnlab: a process of this run has ended (exit code {code}){again}", file=sys.stderr, flush=True)
    return 1


@contextlib.contextmanager
def _environment(trainer: Trainer) -> Iterator[None]:
    """Variables of the processes: with whom they end; and where nothing says how many threads each has, its share of the cores."""
    new = {"ATTNLAB_LAUNCHER": str(os.getpid())}
    if trainer.threads is None and "OMP_NUM_THREADS" not in os.environ:
        new["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // (trainer.ranks or 1)))
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


def check(trainer: Trainer, ranks: int) -> None:
    """Raises UserError where some processes would have nothing to do."""
    if ranks > trainer.accumulate:
        budget = max(1, trainer.batch_vectors * trainer.accumulate // ranks)
        raise UserError(
            f"`trainer.ranks={ranks}`: {ranks} processes need {ranks} batches an update; `trainer.accumulate={ranks} "
            f"trainer.batch_vectors={budget}` is an update of the same size"
        )


def _attempt(ranks: int, words: Sequence[str]) -> int:
    """The exit code of the first process that failed; 0 where none did. words: of a command of attnlab."""
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=ranks, run_id="attnlab", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        max_restarts=0, monitor_interval=0.1,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", "attnlab", *words)
    except ChildFailedError as error:
        codes = [failure.exitcode for _, failure in sorted(error.failures.items())]
        told = [code for code in codes if code not in (1, -15)]  # 1, -15: because another one had failed
        return (told or codes)[0]
    except SignalException as error:
        return 128 + int(error.sigval)
    return 0
