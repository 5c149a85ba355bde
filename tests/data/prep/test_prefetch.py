"""Batches come in order, whole and once, whoever makes them; an error in the making reaches whoever waits."""

import threading
import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from attnlab.data.prep.prefetch import CHEAP, ENOUGH, batches_ahead


class Numbers:
    """Stands in for a split: its batch is the sum of the numbers and the epoch; −1 is bad. makers: threads that made one."""

    def __init__(self, costly: bool) -> None:
        self.costly, self.makers = costly, []

    def batch(self, indices: np.ndarray, epoch: int) -> int:
        if self.costly:
            time.sleep(1.5 * CHEAP)
        if (indices < 0).any():
            raise ValueError("bad example")
        self.makers.append(threading.current_thread())
        return int(indices.sum()) + epoch


SHARES = [np.array([i, i + 1]) for i in range(ENOUGH + 5)]
SUMS = [2 * i + 1 for i in range(ENOUGH + 5)]


@pytest.mark.parametrize(("workers", "costly"), [(0, False), (0, True), (2, False)])
def test_in_order_and_once(workers: int, costly: bool) -> None:
    assert list(batches_ahead(partial(Numbers(costly).batch, epoch=100), SHARES, workers)) == [
        100 + n for n in SUMS
    ]


def test_a_thread_makes_what_is_costly() -> None:
    split = Numbers(costly=True)
    list(batches_ahead(partial(split.batch, epoch=0), SHARES, workers=0))
    here = threading.current_thread()
    assert [maker is here for maker in split.makers] == [True] * ENOUGH + [False] * 5


@pytest.mark.parametrize("costly", [False, True])
def test_an_error_comes_where_its_batch_would(costly: bool) -> None:
    shares = [*SHARES[: ENOUGH + 2], np.array([-1]), *SHARES]
    batches: Iterator = batches_ahead(partial(Numbers(costly).batch, epoch=0), shares, workers=0)
    assert [next(batches) for _ in range(ENOUGH + 2)] == SUMS[: ENOUGH + 2]
    with pytest.raises(ValueError, match="bad example"):
        next(batches)


def test_leaving_early_leaves_no_thread() -> None:
    batches = batches_ahead(partial(Numbers(costly=True).batch, epoch=0), SHARES, workers=0)
    for _ in range(ENOUGH + 1):
        next(batches)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
