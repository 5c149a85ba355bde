"""`trainer.ranks=4`: several processes on this machine, started by torch's elastic launcher, that compute one run."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from attnlab import compose
from attnlab.command_words import shell_word, text
from attnlab.config import Config, JointConfig, Trainer
from attnlab.errors import UserError
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


def launch(config: Config | JointConfig, words: Sequence[str]) -> int:
    """Train with `config.trainer.ranks` processes, again from the last save where one of them dies; the exit code. words: those
    of `attnlab train`. Raises UserError where updates have fewer batches than there are processes."""
    trainer = config.trainer
    assert trainer.ranks is not None
    check(trainer, trainer.ranks)
    if not any(word.startswith(("run=", "folder=")) for word in words):
        words = [*words, shell_word("folder", str(new_folder(Path(config.outputs) / config.task)))]
    if trainer.threads is None:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // trainer.ranks)))
    logging.disable()  # the launcher's own lines: what happened is said below
    for attempt in range(trainer.restarts + 1):
        code = _attempt(trainer.ranks, words)
        if code in (0, USER_ERROR, 128 + 2, 128 + 15):
            return code
        again = "; starting again from the last save" if attempt < trainer.restarts else ""
        print(f"attnlab: a process of this run has ended (exit code {code}){again}", file=sys.stderr, flush=True)
    return 1


def check(trainer: Trainer, ranks: int) -> None:
    """Raises UserError where some processes would have nothing to do."""
    if ranks > trainer.accumulate:
        budget = max(1, trainer.batch_vectors * trainer.accumulate // ranks)
        raise UserError(
            f"`trainer.ranks={ranks}`: {ranks} processes need {ranks} batches an update; `trainer.accumulate={ranks} "
            f"trainer.batch_vectors={budget}` is an update of the same size"
        )


def _attempt(ranks: int, words: Sequence[str]) -> int:
    """The exit code of the first process that failed; 0 where none did."""
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=ranks, run_id="attnlab", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        max_restarts=0, monitor_interval=0.1,
    )  # fmt: skip
    try:
        elastic_launch(config, sys.executable)("-m", "attnlab", "train", *words)
    except ChildFailedError as error:
        codes = [failure.exitcode for _, failure in sorted(error.failures.items())]
        told = [code for code in codes if code not in (1, -15)]  # 1, -15: because another one had failed
        return (told or codes)[0]
    except SignalException as error:
        return 128 + int(error.sigval)
    return 0
