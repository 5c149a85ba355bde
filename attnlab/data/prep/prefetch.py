"""Batches for training: made between updates where that is cheap, else ahead, by a thread or by processes."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from attnlab.data.prep.batching import Indices
from attnlab.sets import Batch

DEPTH = 2
"""Batches that a thread makes ahead."""
CHEAP, ENOUGH = 5e-4, 3
"""Seconds in which a batch is made that no thread is worth: it and training would wait for Python's lock in turn. It takes
a few costly batches in succession to tell them from a disturbance."""


def batches_ahead(split: Any, shares: Sequence[Indices], epoch: int, workers: int) -> Iterator[Batch]:
    """The batches of these examples, in order. They are functions of (seed, epoch, index), whoever makes them.

    workers: processes; 0: none, which is enough unless augmentation costs more than training.
    """
    if workers:
        batches = _Batches(split, shares, epoch)
        yield from DataLoader(batches, batch_size=None, num_workers=workers, generator=torch.Generator())
    else:
        owed = iter(shares)
        yield from _while_cheap(split, owed, epoch)
        yield from _by_a_thread(split, owed, epoch)


def _while_cheap(split: Any, owed: Iterator[Indices], epoch: int) -> Iterator[Batch]:
    """Batches made when they are asked for, until `ENOUGH` in succession have taken long."""
    costly = 0
    for indices in owed:
        began = time.perf_counter()
        batch = split.batch(indices, epoch)
        costly = costly + 1 if time.perf_counter() - began > CHEAP else 0
        yield batch
        if costly == ENOUGH:
            return


def _by_a_thread(split: Any, owed: Iterator[Indices], epoch: int) -> Iterator[Batch]:
    # One thread alone: a team of its own would fight with that of training for the cores, and halve its speed.
    pool = ThreadPoolExecutor(1, "batches", initializer=torch.set_num_threads, initargs=(1,))
    waiting: deque[Future[Batch]] = deque()
    try:
        for indices in owed:
            waiting.append(pool.submit(split.batch, indices, epoch))
            if len(waiting) > DEPTH:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class _Batches(Dataset):
    """The batches of one epoch by number."""

    def __init__(self, split: Any, shares: Sequence[Indices], epoch: int) -> None:
        self.split, self.shares, self.epoch = split, shares, epoch

    def __len__(self) -> int:
        return len(self.shares)

    def __getitem__(self, i: int) -> Batch:
        return self.split.batch(self.shares[i], self.epoch)
