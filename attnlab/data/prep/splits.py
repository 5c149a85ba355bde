"""Held-out examples where a data set comes without a validation or a test split."""

import hashlib
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from attnlab.config import DataConfig

TRAIN, VALIDATION, TEST = 0, 1, 2
NAMES = ("train", "validation", "test")


def lacking(config: DataConfig, given: Collection[str]) -> dict[str, float]:
    """The shares of the training examples that become splits which the source lacks. given: those that it has."""
    if "train" not in given:
        return {}
    shares = {"validation": config.validation, "test": config.test}
    return {name: share for name, share in shares.items() if share and name not in given}


def too_few(split: str, share: float) -> str:
    """Why nobody could be held out for this split, and what to do."""
    return (
        f"too few different examples to hold out `data.{split}={share:g}` of them; give more of them, a {split} split "
        f"of your own, or set data.{split}=0"
    )


def position(key: str, seed: int = 0) -> float:
    """A number in [0, 1) that depends on the key alone: on no other example, no order and no machine."""
    digest = hashlib.blake2b(key.encode(), digest_size=8, salt=seed.to_bytes(8, "little")).digest()
    return (int.from_bytes(digest, "little") >> 11) * 2.0**-53


def held_out(key: str, share: float, seed: int = 0) -> bool:
    """Whether the example belongs to the share that validates; equal keys always stay together."""
    return position(key, seed) < share


def with_held_out(
    given: Sequence[str],
    owners: Sequence[str],
    validation: float,
    test: float,
    seed: int = 0,
    labels: Sequence[str] | None = None,
) -> list[str]:
    """The source's splits ("" where it names none); of a split that it doesn't name, a share of the training examples
    is held out, by who owns each example and, if given, in proportion to the labels."""
    found = [split or "train" for split in given]
    pool = [i for i, split in enumerate(found) if split == "train"]
    positions = np.array([position(owners[i], seed) for i in pool])
    numbers: dict[str, int] = {}
    strata = np.array(
        [0 if labels is None else numbers.setdefault(labels[i], len(numbers)) for i in pool], dtype=int
    )
    shares = (0.0 if "validation" in found else validation, 0.0 if "test" in found else test)
    for i, split in zip(pool, divided(positions, strata, *shares).tolist(), strict=True):
        found[i] = NAMES[split]
    return found


def limited(
    limit: int | None, rows: NDArray[np.int64], keys: Sequence[str], labels: Sequence[str], seed: int
) -> NDArray[np.int64]:
    """So many of these training examples, in their order, and each label in proportion: every one of them occurs where
    there is room for it. Who is left is decided by a hash of the key.

    rows: numbers of the examples among all, whose keys and labels are given. limit: None for all.
    """
    if limit is None or len(rows) <= limit:
        return rows
    positions = np.array([position(keys[i], seed) for i in rows])
    _, strata = np.unique([labels[i] for i in rows], return_inverse=True)
    kept = np.flatnonzero(divided(positions, strata.reshape(-1), 1 - limit / len(rows), 0.0) == TRAIN)
    return rows[np.sort(kept[np.argsort(positions[kept])][:limit])]


def divided(
    positions: NDArray[np.float64], strata: NDArray[np.int64], validation: float, test: float
) -> NDArray[np.int8]:
    """TRAIN, VALIDATION or TEST for each example.

    positions: of who owns each example; examples of one owner stay together. strata: each is held out in proportion,
    such as a class; that of an owner is that of its first example. A share is never so small that nobody is held out,
    and never so large that a stratum has nobody left for training, unless all strata are so small.

    Owners validate from the lowest position upwards and test from the highest downwards, so that a few examples more
    or less change only who is at the border.
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
        return divided(positions, np.zeros_like(strata), validation, test)
    return split[owner_of.reshape(-1)]


def _numbers(counts: list[NDArray[np.int64]], most: list[int], share: float) -> list[int]:
    """How many owners of each stratum make up a share of the examples, as nearly as their sizes allow.

    counts: examples of the first one, two, … owners of each stratum; most: owners of it that may be taken.
    """
    if share == 0 or not counts:
        return [0] * len(counts)
    wanted = np.array([share * own[-1] for own in counts])
    quotas = np.floor(wanted)
    missing = int(max(1, round(float(wanted.sum()))) - quotas.sum())
    # What is lost by rounding goes to who lost most; of equals to the largest, who can spare it.
    able = np.array(most) > quotas
    ranking = np.lexsort((-wanted, quotas - wanted, ~able))
    quotas[ranking[: max(0, missing)]] += 1
    found, left = [], 0.0  # what the owners of one stratum are too large or too small for is up to the next
    for own, quota, limit in zip(counts, quotas.tolist(), most, strict=True):
        left += quota
        sizes = np.concatenate([[0], own[:limit]])
        found.append(int(np.abs(sizes - left).argmin()))
        left -= int(sizes[found[-1]])
    if not any(found):
        able = [i for i, limit in enumerate(most) if limit]
        for i in sorted(able, key=lambda i: counts[i][0])[:1]:
            found[i] = 1
    return found
