"""Work on the pieces of a file by several processes, with the results in order."""

import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

from attnlab import interrupts, plugins
from attnlab.errors import UserError

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def mapped(work: Callable[[Piece], Result], pieces: Iterable[Piece], processes: int) -> Iterator[Result]:
    """`work` of each piece, in order, whatever the number of processes; only a few pieces are in memory.

    Errors are raised in order, too: those of a piece before the UserError that kept the next one from being read.
    """
    if processes < 2:
        yield from map(work, pieces)
        return
    # A forked process has `work` already, and doesn't run the user's script once more.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    started_with = cast(Callable[[object], object], work), os.getpid(), plugins.words()
    with ProcessPoolExecutor(processes, context, _begin, started_with) as pool:
        waiting: deque[Future[Result]] = deque()
        unread: UserError | None = None
        upcoming, do = iter(pieces), cast(Callable[[Piece], Result], _do)
        try:
            while unread is None:
                try:
                    waiting.append(pool.submit(do, next(upcoming)))
                except StopIteration:
                    break
                except UserError as error:
                    unread = error
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
            if unread is not None:
                raise unread
        finally:
            for future in waiting:
                future.cancel()


def processes_for(files: Iterable[Path]) -> int:
    """How many processes read these files fastest: one for each core, but one alone for small files."""
    if sum(path.stat().st_size for path in files) < 1 << 24:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_work: Callable[[object], object]


def _begin(work: Callable[[object], object], parent: int, words: list[str]) -> None:
    """What a process does first: it ends when the one that started it ends, leaves Ctrl-C to that one, and has its
    plugins."""
    global _work
    _work = work
    plugins.load(words)  # a forked process has them already
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    interrupts.end_with_parent(parent)


def _do(piece: object) -> object:
    return _work(piece)
