"""What reports compute of answers: confusion, calibration, means of groups, and whether two runs differ. Arrays in, numbers out.

Letters: D scored answers · C classes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]
NORMAL_95 = 1.959964
"""Standard deviations on each side of the mean within which 95 % of a normal distribution lie."""
BINS = 10


@dataclass(frozen=True)
class Bin:
    """Answers of similar probability. low, high: the probability is above `low` (of the first, at least 0) and at most `high`. probability: their mean;
    right: the share that is right, with the ends of its 95 % interval."""

    low: float
    high: float
    count: int
    probability: float
    right: float
    right_low: float
    right_high: float


@dataclass(frozen=True)
class Calibration:
    """Whether probabilities are how often answers are right. bins: those that hold any answer. ece: the expected calibration
    error, the mean distance of a bin's probability from its share of right answers, weighted by their counts (Guo et al. 2017,
    eq. 3). brier: the mean squared difference of probabilities from 1 where the answer is right and 0 where it is wrong (Brier
    1950). mean: of the probabilities; right: the share of right answers."""

    bins: Sequence[Bin]
    ece: float
    brier: float
    mean: float
    right: float
    count: int


def calibration(probability: Numbers, right: NDArray[np.bool_], bins: int = BINS) -> Calibration | None:
    """(D,) probabilities, and whether each came true, in bins of equal width; those without a probability are left out. None
    where there are none."""
    known = ~np.isnan(probability)
    probability, right = probability[known], right[known].astype(np.float64)
    if not len(probability):
        return None
    edges = np.linspace(0, 1, bins + 1)
    of = np.searchsorted(edges[1:-1], probability)
    counts, sums, hits = (np.bincount(of, weights, bins) for weights in (None, probability, right))
    found = []
    for i in np.flatnonzero(counts).tolist():
        low, high = wilson(int(hits[i]), int(counts[i]))
        mean, share = float(sums[i] / counts[i]), float(hits[i] / counts[i])
        found.append(Bin(float(edges[i]), float(edges[i + 1]), int(counts[i]), mean, share, low, high))
    ece = sum(b.count * abs(b.right - b.probability) for b in found) / len(probability)
    brier = float(((probability - right) ** 2).mean())
    return Calibration(found, float(ece), brier, float(probability.mean()), float(right.mean()), len(probability))


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), which is sensible for 0 and for all, too."""
    share, z = hits / count, NORMAL_95**2 / count
    middle = (share + z / 2) / (1 + z)
    half = math.sqrt(z * share * (1 - share) + z * z / 4) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Group:
    """Answers that have something in common. count: of answers, examples: of which they are. mean: of their values; low, high: its
    95 % interval over examples, None where there are too few, or all are alike."""

    name: str
    count: int
    examples: int
    mean: float
    low: float | None
    high: float | None


def group_mean(name: str, values: Numbers, example: Indices) -> Group:
    """The mean of (D,) values, with its interval. Answers of one example count together: the variance of the ratio of each
    example's sum to its number of answers (Cochran 1977, section 6.4)."""
    mean = float(values.mean())
    _, of = np.unique(example, return_inverse=True)
    sums, sizes = np.bincount(of, values), np.bincount(of)
    number = len(sizes)
    low = high = None
    if number > 1:
        variance = float(((sums - mean * sizes) ** 2).sum()) * number / (number - 1) / len(values) ** 2
        if variance > 0:
            low, high = (mean + sign * NORMAL_95 * math.sqrt(variance) for sign in (-1, 1))
    return Group(name, len(values), number, mean, low, high)


def by_size(sizes: Indices, values: Numbers, example: Indices, groups: int = 8) -> list[Group]:
    """Means of (D,) values for answers of similar size, in at most so many groups of about equally many answers. sizes: (D,) of
    each answer; those of equal size are in one group."""
    edges = np.unique(np.quantile(sizes, np.linspace(0, 1, groups + 1)[1:-1], method="lower"))
    of_answer = np.searchsorted(edges, sizes, side="left")
    found = []
    for number in np.unique(of_answer).tolist():
        inside = of_answer == number
        own = sizes[inside]
        low, high = int(own.min()), int(own.max())
        found.append(
            group_mean(f"{low:,}" if low == high else f"{low:,}–{high:,}", values[inside], example[inside])
        )
    return found


SHARES = (0.0, 0.1, 0.2, 0.35, 0.5, 1.0)
"""Ends of the groups by the share of unknown words; those without any are the first."""


def by_share(shares: Numbers, values: Numbers, example: Indices) -> list[Group]:
    """Means of (D,) values for examples with similar shares, see `SHARES`. shares: (n,)"""
    of_answer = np.searchsorted(np.array(SHARES), shares[example], side="left")
    names = ["none", *(f"{100 * a:.0f}–{100 * b:.0f} %" for a, b in pairwise(SHARES))]
    return [
        group_mean(names[number], values[of_answer == number], example[of_answer == number])
        for number in np.unique(of_answer).tolist()
    ]


@dataclass(frozen=True)
class Confusion:
    """How often each right class got each answer. names: of the rows and columns, the classes with most right answers first; the
    last is of all others where `rest` of them are put together. counts: (rows, columns). cells: (D,) row · columns + column of
    each answer. mistaken_rest: of the answers in the last cell, how many are wrong."""

    names: Sequence[str]
    counts: Indices
    cells: Indices
    rest: int
    mistaken_rest: int


def confusion(gold: Indices, predicted: Indices, labels: Sequence[str], most: int = 20) -> Confusion:
    """(D,) right and predicted classes -> every pair, of many classes those of the `most` with most right answers and the rest."""
    number = len(labels)
    right, answered = np.bincount(gold, minlength=number), np.bincount(predicted, minlength=number)
    order = sorted(np.flatnonzero(right + answered).tolist(), key=lambda i: (-right[i], -answered[i], labels[i]))
    chosen = order if len(order) <= most + 1 else order[:most]
    rest = len(order) - len(chosen)
    row = np.full(number, len(chosen))
    row[chosen] = np.arange(len(chosen))
    size = len(chosen) + bool(rest)
    cells = row[gold] * size + row[predicted]
    counts = np.bincount(cells, minlength=size * size).reshape(size, size)
    mistaken = int(((row[gold] == len(chosen)) & (row[predicted] == len(chosen)) & (gold != predicted)).sum())
    names = [labels[i] for i in chosen] + ([f"{rest} other classes"] if rest else [])
    return Confusion(names, counts.astype(np.int64), cells, rest, mistaken)


@dataclass(frozen=True)
class McNemar:
    """Whether two runs are right equally often. first, second: answers that only one of them gets right. p: how probable
    a difference as large, or larger, is if each of these were as likely to be the one's as the other's."""

    first: int
    second: int
    p: float


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemar:
    """(D,) whether each run is right. The exact test (McNemar 1947; binomial, two-sided)."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    both = only_first + only_second
    p = float(binomtest(only_first, both, 0.5).pvalue) if both else 1.0
    return McNemar(only_first, only_second, p)


def first_of_each(group: Indices, order: Indices, most: int) -> Indices:
    """Of numbers in an order, those that are among the first `most` of their group. group: (D,) of each number."""
    ordered = order[np.argsort(group[order], kind="stable")]
    groups = group[ordered]
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    rank = np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))
    kept: Indices = ordered[rank < most]
    return kept
