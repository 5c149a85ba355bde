"""Held-out examples where a data set comes without a validation or a test split."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from attnlab.config import DataConfig

TRAIN, VALIDATION, TEST = 0, 1, 2
NAMES = ("train", "validation", "test")
LEFT_OUT = -1
"""Of an example that is in no split: what comes after a fold in time."""


@dataclass(frozen=True)
class Named:
    """A name of each of n examples, such as its class. numbers (n,): where each one's stands among `names`, which differ."""

    numbers: NDArray[np.int64]
    names: Sequence[str]

    @classmethod
    def of(cls, names: Sequence[str]) -> "Named":
        numbers: dict[str, int] = {}
        return cls(
            np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64), list(numbers)
        )

    @classmethod
    def alike(cls, count: int) -> "Named":
        """So many examples that all have the name ""."""
        return cls(np.zeros(count, dtype=np.int64), [""])

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """(names,): the place of each in the order of the alphabet."""
        return np.argsort(np.argsort(np.array(self.names, dtype=object)))

    def only(self, rows: NDArray[np.int64]) -> "Named":
        """Of these examples alone, with names in the order in which they appear."""
        found, first, numbers = np.unique(self.numbers[rows], return_index=True, return_inverse=True)
        order = np.argsort(first)
        return Named(np.argsort(order)[numbers.reshape(-1)], [self.names[i] for i in found[order].tolist()])

    def occurring(self, rows: NDArray[np.bool_]) -> list[str]:
        """The names of the examples that are marked."""
        return [self.names[i] for i in np.unique(self.numbers[rows]).tolist()]


def lacking(config: DataConfig, given: Collection[str]) -> dict[str, float]:
    """The fractions of the training examples that become splits which the source lacks. given: those that it has."""
    if "train" not in given:
        return {}
    fractions = {"validation": config.validation, "test": config.test}
    return {name: fraction for name, fraction in fractions.items() if fraction and name not in given}


def too_few(split: str, fraction: float, group: object = None) -> str:
    """Why no example could be held out for this split, and what to do. group: `data.group`, where it is set."""
    different = "examples" if group is None else f"groups (`data.group={group}`)"
    return (
        f"too few different {different} to hold out `data.{split}={fraction:g}` of them; give more of them, a {split} split "
        f"of your own, or set data.{split}=0"
    )


def position(key: str, seed: int = 0) -> float:
    """A number in [0, 1) that depends on key and seed alone: not on other examples, their order or the machine."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, salt=seed.to_bytes(8, "little")).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def positions_of(owners: Sequence[str], seed: int) -> NDArray[np.float64]:
    """(n,): the position of the owner of each example."""
    return np.array([position(owner, seed) for owner in owners], dtype=np.float64)


def owner_of(contents: bytes) -> str:
    """The owner of an example that consists of these bytes; equal ones have the same."""
    return hashlib.blake2b(contents, digest_size=12).hexdigest()


def limited(
    limit: int | None,
    rows: NDArray[np.int64],
    positions: NDArray[np.float64],
    labels: Sequence[str] | NDArray[np.int64],
) -> NDArray[np.int64]:
    """So many of these training examples, in their order, and each label in proportion: every label occurs where there
    is room for it.

    rows: numbers of the examples among all. positions, labels: of all; those of the lowest positions are dropped, and of
    equal ones, which are copies, the first. Labels are in their own order, by name or number. limit: None for all.
    """
    if limit is None or len(rows) <= limit:
        return rows
    _, strata = np.unique([labels[i] for i in rows], return_inverse=True)
    strata = strata.reshape(-1)
    ranks = np.empty(len(rows))
    ranks[np.lexsort((strata, positions[rows]))] = np.arange(len(rows))  # copies are examples of their own here
    kept = np.flatnonzero(split_rows(ranks, strata, 1 - limit / len(rows), 0.0) == TRAIN)
    return rows[np.sort(kept[np.argsort(ranks[kept])][:limit])]


def split_rows(
    positions: NDArray[np.float64], strata: NDArray[np.int64], validation: float, test: float
) -> NDArray[np.int8]:
    """TRAIN, VALIDATION or TEST for each example. validation, test: fractions.

    positions: of the owner of each example; examples of one owner stay together. strata: each is held out in
    proportion, such as a class; that of an owner is that of its first example, and of strata that are equally entitled to
    one example more the lowest gets it. At least one owner is held out for a fraction above 0, and each stratum keeps one
    for training, unless all strata are too small for that.

    Validation takes owners from the lowest position upwards, test from the highest downwards, so that a few examples
    more or less change only those at the border.
    """
    owners, first, owner_of, sizes = np.unique(
        positions, return_index=True, return_inverse=True, return_counts=True
    )
    stratum = strata[first]
    order = np.argsort(stratum, kind="stable")  # owners are in order of their positions already
    bounds = np.flatnonzero(np.diff(stratum[order], prepend=-1, append=-1)).tolist()
    groups = [order[a:b] for a, b in pairwise(bounds)]
    counts = [np.cumsum(sizes[group]) for group in groups]
    lowest = _numbers(counts, [len(group) - 1 for group in groups], validation)
    if test and sum(lowest) == len(owners) - len(groups) > 1:  # one of them is left for the other split
        lowest[lowest.index(max(lowest))] -= 1
    counts = [np.cumsum(sizes[group[::-1]]) for group in groups]
    highest = _numbers(counts, [len(g) - 1 - n for g, n in zip(groups, lowest, strict=True)], test)
    split = np.zeros(len(owners), dtype=np.int8)
    for group, low, high in zip(groups, lowest, highest, strict=True):
        split[group[:low]] = VALIDATION
        split[group[len(group) - high :]] = TEST
    if len(groups) > 1 and (sum(lowest) < (validation > 0) or sum(highest) < (test > 0)):
        return split_rows(positions, np.zeros_like(strata), validation, test)
    return split[owner_of.reshape(-1)]


def _numbers(counts: list[NDArray[np.int64]], max_owners: list[int], fraction: float) -> list[int]:
    """How many owners of each stratum make up a fraction of the examples, as nearly as their sizes allow.

    counts: examples of the first one, two, … owners of each stratum; max_owners: how many of it may be taken.
    """
    if fraction == 0 or not counts:
        return [0] * len(counts)
    wanted = np.array([fraction * examples[-1] for examples in counts])
    quotas = np.floor(wanted)
    missing = int(max(1, round(float(wanted.sum()))) - quotas.sum())
    # Largest-remainder rounding, among strata that may give one more; ties go to the largest stratum.
    full = np.array(max_owners) <= quotas
    ranking = np.lexsort((-wanted, quotas - wanted, full))
    quotas[ranking[: max(0, missing)]] += 1
    numbers, open_quota = [], 0.0  # what owners of one stratum are too large or too small for is left to the next
    for examples, quota, limit in zip(counts, quotas.tolist(), max_owners, strict=True):
        open_quota += quota
        sizes = np.concatenate([[0], examples[:limit]])
        numbers.append(int(np.abs(sizes - open_quota).argmin()))
        open_quota -= int(sizes[numbers[-1]])
    if not any(numbers):
        able = [i for i, limit in enumerate(max_owners) if limit]
        for i in sorted(able, key=lambda i: counts[i][0])[:1]:
            numbers[i] = 1
    return numbers
