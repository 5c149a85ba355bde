"""Processes that run one command of attnlab together, as torch's launcher starts them."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"  # as the command sets it, before torch is imported
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["loops", "attnlab.cli", "attnlab.training.train", "attnlab.training.score_again",
                                  "attnlab.data.text.loader"])  # fmt: skip


def as_it_is(rank: int) -> None:
    """What a test does with a process before it begins: nothing."""


def crew(count: int, *words: str, before: Callable[[int], None] = as_it_is) -> list[tuple[int, str]]:
    """The exit code, and all that it told, of each of `count` processes with these words. before: is called in each with its number, and
    may break something."""
    with TemporaryDirectory() as told:
        members = start(count, words, Path(told), before)
        for member in members:
            member.join(300)
        return [(member.exitcode, (Path(told) / str(rank)).read_text()) for rank, member in enumerate(members)]


def start(
    count: int, words: Sequence[str], told: Path, before: Callable[[int], None] = as_it_is
) -> list[BaseProcess]:
    """As `crew`, without waiting for them. told: the folder of a file for each, named by its number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    members: list[BaseProcess] = [
        PROCESSES.Process(target=_member, args=(rank, count, port, words, before, str(told / str(rank))))
        for rank in range(count)
    ]
    for member in members:
        member.start()
    return members


def _member(
    rank: int, count: int, port: int, words: Sequence[str], before: Callable[[int], None], output: str
) -> None:
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }  # fmt: skip
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    from attnlab.cli import main

    before(rank)
    sys.exit(main(words))
