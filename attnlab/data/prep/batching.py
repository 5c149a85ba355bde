"""Which examples are computed together: sets of similar size under a budget of vectors.

Batches are a pure function of (seed, epoch, lengths), so that a resumed run, and any number of ranks,
deal out the same ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Batching:
    """lengths: as of a `Split`. budget: vectors per batch, sources and targets together; a longer example is a batch of
    its own."""

    lengths: NDArray[np.int64]
    budget: int
    seed: int

    def epoch(self, epoch: int) -> list[Indices]:
        """(B,) numbers of examples for each batch of one pass, in random order; within a batch, sorted by length."""
        random = np.random.default_rng([self.seed, epoch])
        batches = self._cut(random.permutation(len(self.lengths)))
        return [batches[i] for i in random.permutation(len(batches))]

    def in_order(self) -> list[Indices]:
        """The batches of one pass for evaluation: always the same."""
        return self._cut(np.arange(len(self.lengths)))

    def _cut(self, order: Indices) -> list[Indices]:
        # Every epoch has equally many batches, as sorted lengths don't depend on the order. Targets of one length come
        # together, as they are decoded together; among them, sources of one length.
        lengths = np.atleast_2d(self.lengths[order].T)
        by_length = np.lexsort(lengths)  # stable; the last row counts most
        order, ends = order[by_length], np.cumsum(lengths[:, by_length].sum(axis=0))
        batches, start = [], 0
        while start < len(order):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + self.budget, side="right")), start + 1)
            batches.append(order[start:stop])
            start = stop
        return batches


def uniform(seed: int, epoch: int, indices: NDArray[np.int64], draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """A number in [0, 1) for each (example index, number of the draw): a pure function of its arguments.

    Augmentation drawn from it doesn't depend on batches, workers or where a run was resumed. The hash is
    SplitMix64 (Steele, Lea & Flood 2014).
    """
    with np.errstate(over="ignore"):
        x = indices.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        for part in (draws.astype(np.uint64), np.uint64(epoch), np.uint64(seed)):
            x = (x ^ part) + np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
