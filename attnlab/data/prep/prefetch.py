"""Batches for training: made between updates where that is cheap, else ahead, by a thread or by processes."""

import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch
from torch.utils.data import DataLoader

from attnlab.sets import Batch

T = TypeVar("T")

DEPTH = 2
"""Batches that a thread makes ahead, at least."""
CHEAP, ENOUGH = 5e-4, 3
"""Seconds within which making a batch is no work for a thread, which would wait for Python's lock in turn with training;
and how many batches in succession must take longer before a thread takes over."""


def batches_ahead(
    make: Callable[[T], Batch], shards: Sequence[T], workers: int, ahead: int = DEPTH
) -> Iterator[Batch]:
    """The batch that `make` gives of each of these shards, in order; they are functions of (seed, epoch, index), whatever the
    workers.

    ahead: how many a thread makes while those before are computed. workers: processes; 0: none, which is enough unless augmentation costs more than training.
    """
    if workers:
        generator = torch.Generator()
        yield from DataLoader(
            shards, None, collate_fn=make, num_workers=workers, generator=generator, worker_init_fn=_leave_signals,  # type: ignore[arg-type]
        )  # fmt: skip
    else:
        upcoming = iter(shards)
        yield from _while_cheap(make, upcoming)
        yield from _by_a_thread(make, upcoming, max(DEPTH, ahead))


def _leave_signals(worker: int) -> None:
    """Ctrl-C is for the training process, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _while_cheap(make: Callable[[T], Batch], shards: Iterator[T]) -> Iterator[Batch]:
    """Batches made when they are asked for, until `ENOUGH` in succession have taken long."""
    costly = 0
    for shard in shards:
        began = time.perf_counter()
        batch = make(shard)
        costly = costly + 1 if time.perf_counter() - began > CHEAP else 0
        yield batch
        if costly == ENOUGH:
            return


def _by_a_thread(make: Callable[[T], Batch], shards: Iterator[T], ahead: int) -> Iterator[Batch]:
    # With threads of its own, torch would compete there with training for the cores, which halves the speed.
    pool = ThreadPoolExecutor(1, "batches", initializer=torch.set_num_threads, initargs=(1,))
    waiting: deque[Future[Batch]] = deque()
    try:
        for shard in shards:
            waiting.append(pool.submit(make, shard))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
