"""Batches made ahead come in order, whole and once; an error in the making reaches whoever waits."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from attnlab.data.ahead import batches_ahead


class Numbers:
    """Stands in for a split: its batch is the sum of the numbers and the epoch; −1 is bad."""

    def batch(self, indices: np.ndarray, epoch: int) -> int:
        if (indices < 0).any():
            raise ValueError("bad example")
        return int(indices.sum()) + epoch


SHARES = [np.array([i, i + 1]) for i in range(7)]


@pytest.mark.parametrize("workers", [0, 2])
def test_in_order_and_once(workers: int) -> None:
    assert list(batches_ahead(Numbers(), SHARES, 100, workers)) == [100 + 2 * i + 1 for i in range(7)]


def test_an_error_comes_where_its_batch_would() -> None:
    batches: Iterator = batches_ahead(Numbers(), [*SHARES[:4], np.array([-1]), *SHARES], 0, workers=0)
    assert [next(batches) for _ in range(4)] == [1, 3, 5, 7]
    with pytest.raises(ValueError, match="bad example"):
        next(batches)


def test_leaving_early_leaves_no_thread() -> None:
    batches = batches_ahead(Numbers(), SHARES, 0, workers=0)
    next(batches)
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("batches")]
