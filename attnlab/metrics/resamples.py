"""Scores as functions of how often each example counts, so that those of resamples need no second look at the examples.

Most scores are made of sums over examples: one product of matrices gives those of many resamples. Scores of ranks sort once
and count from there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from attnlab.metrics.base import Comparison, OfCounts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
Numbers = Sequence[float] | Floats | Ints


def of_sums(per_example: Floats | csr_array, score: Callable[[Floats], Floats]) -> OfCounts:
    """per_example: (B, K) numbers of each example. score: (R, K) their sums -> (R,) scores."""
    return lambda counts: score(counts @ per_example)


def of_means(numbers: Numbers, weights: Numbers) -> OfCounts:
    """The sum of `numbers` over that of `weights`, both (B,)."""
    per_example = np.stack([numbers, weights], axis=1).astype(np.float64)
    return of_sums(per_example, lambda sums: divided(sums[:, 0], sums[:, 1]))


def of_items(numbers: Floats | Ints, example: Ints, examples: int) -> OfCounts:
    """The mean of numbers (n,), each of one of the examples."""
    return of_means(np.bincount(example, numbers, examples), np.bincount(example, minlength=examples))


def divided(above: Floats, below: Floats) -> Floats:
    """NaN where it would be a division by 0."""
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below != 0)


class ClassCounts:
    """(R, C) of each class: how many right answers it is, how many predictions, and how many of both at once."""

    def __init__(self, sums: Floats) -> None:
        self.right, self.predicted, self.both = np.split(sums, 3, axis=1)

    @property
    def f1(self) -> Floats:
        return 2 * self.both / np.maximum(self.right + self.predicted, 1)

    @property
    def precision(self) -> Floats:
        return self.both / np.maximum(self.predicted, 1)

    @property
    def recall(self) -> Floats:
        return self.both / np.maximum(self.right, 1)

    def mean(self, scores: Floats, right_alone: bool = False) -> Floats:
        """(R,): over classes that are right or predicted, or over those that are right."""
        there = self.right > 0 if right_alone else self.right + self.predicted > 0
        return divided((scores * there).sum(1), there.sum(1))

    def matthews(self) -> Floats:
        """(R,): Gorodkin 2004, equation 8; 0 where right answers or predictions are all the same."""
        total = self.right.sum(1)
        together = self.both.sum(1) * total - (self.right * self.predicted).sum(1)
        alone = [total**2 - (side**2).sum(1) for side in (self.right, self.predicted)]
        found = divided(together, np.sqrt(alone[0] * alone[1]))
        same = self.both.max(1, initial=0) == total  # all of one class, and all found: nothing is tested
        return np.where(np.isnan(found) & ~same, 0.0, found)


def of_classes(comparison: Comparison, score: Callable[[ClassCounts], Floats]) -> OfCounts:
    """A score of what each class comes to."""
    return of_sums(
        comparison.once("counts of classes", lambda: _class_counts(comparison)),
        lambda sums: score(ClassCounts(sums)),
    )


def _class_counts(comparison: Comparison) -> csr_array:
    """(B, 3 C): of each example as `ClassCounts` takes their sums."""
    numbers: dict[str, int] = {}
    rows = [
        (example, numbers.setdefault(right, len(numbers)), numbers.setdefault(predicted, len(numbers)))
        for example, right, predicted in comparison.scored()
    ]
    example, right, predicted = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    hit, classes = right == predicted, len(numbers)
    columns = np.concatenate([right, classes + predicted, 2 * classes + right[hit]])
    where = np.concatenate([example, example, example[hit]]), columns
    return csr_array((np.ones(len(columns)), where), shape=(len(comparison.gold), 3 * classes))


def of_answers(comparison: Comparison) -> OfCounts:
    """The fraction of scored answers that are right."""
    items = [(example, right == predicted) for example, right, predicted in comparison.scored()]
    example, hit = np.array(items, dtype=np.int64).reshape(-1, 2).T
    return of_items(hit, example, len(comparison.gold))


def of_questions(comparison: Comparison, score: Callable[[Floats, Floats], Floats]) -> OfCounts:
    """A score of how often `yes` is right and predicted, (R, C) of each question, and of how often it is right or predicted,
    both counted."""
    gold = np.array([*comparison.gold])
    yes = gold == 1, np.array([prediction.value for prediction in comparison.predictions]) == 1
    known, questions = gold >= 0, gold.shape[1]
    per_example = np.concatenate(
        [yes[0] & yes[1] & known, (yes[0] & known) + (yes[1] & known).astype(np.float64)], axis=1
    )
    return of_sums(per_example, lambda sums: score(sums[:, :questions], sums[:, questions:]))


def mean_of_known(scores: Floats) -> Floats:
    """(R, C) -> (R,): over those of C that are no NaN; NaN where all are."""
    there = ~np.isnan(scores)
    return divided(np.where(there, scores, 0.0).sum(1), there.sum(1).astype(np.float64))


@dataclass(frozen=True)
class Ranking:
    """Examples of which the right answer is yes (Y of them) or no, each the most probable yes first; and of each yes how many
    there are that are as probable or more: of yes, and of no, and of no only the more probable ones."""

    yes: Ints
    no: Ints
    yes_as_probable: Ints
    no_as_probable: Ints
    no_more_probable: Ints


def ranking(truths: Sequence[int], probabilities: Sequence[float]) -> Ranking:
    """truths: of all examples 1, 0 or, where it is unknown, −1. probabilities: of 1."""
    truth, descending = np.asarray(truths), -np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(descending, kind="stable")
    yes, no = order[truth[order] == 1], order[truth[order] == 0]
    asked = descending[yes]
    return Ranking(
        yes,
        no,
        np.searchsorted(descending[yes], asked, "right"),
        np.searchsorted(descending[no], asked, "right"),
        np.searchsorted(descending[no], asked, "left"),
    )


def of_rankings(rankings: Sequence[Ranking], area: Callable[[Floats, Ranking], Floats]) -> OfCounts:
    """The mean over the rankings in which both answers occur. area: (B, R) how often each example counts -> (R,)."""
    return lambda counts: mean_of_known(np.stack([area(counts.T, one) for one in rankings], axis=1))


def roc_auc(times: Floats, ranked: Ranking) -> Floats:
    """The fraction of pairs of a yes and a no in which the yes is more probable; equal ones count half."""
    yes, above = times[ranked.yes], _summed(times[ranked.no])
    below = above[-1] - (above[ranked.no_as_probable] + above[ranked.no_more_probable]) / 2
    return divided((yes * below).sum(0), yes.sum(0) * above[-1])


def average_precision(times: Floats, ranked: Ranking) -> Floats:
    """The mean over every yes of the precision among those that are as probable or more; NaN where there is no `no`."""
    yes, no = _summed(times[ranked.yes]), _summed(times[ranked.no])
    found = yes[ranked.yes_as_probable]
    precision = found / np.maximum(found + no[ranked.no_as_probable], 1)
    return divided((times[ranked.yes] * precision).sum(0), np.where(no[-1] > 0, yes[-1], 0.0))


def _summed(times: Floats) -> Floats:
    """(n, R) -> (n + 1, R): the sums of the first 0, 1, … n rows."""
    sums = np.zeros((len(times) + 1, times.shape[1]))
    np.cumsum(times, axis=0, out=sums[1:])
    return sums


def r_squared(right: Floats, predicted: Floats, example: Ints, examples: int) -> OfCounts:
    """Numbers (n,), of which example; their deviations from the mean are summed, so that large numbers lose no digits."""
    apart = right - right.mean()
    items = np.stack([np.ones_like(apart), apart, apart**2, (predicted - right) ** 2], axis=1)
    per_example = np.zeros((examples, 4))
    np.add.at(per_example, example, items)

    def score(sums: Floats) -> Floats:
        number, first, second, squared_errors = sums.T
        variation = second - divided(first**2, number)
        varies = variation > 1e-12 * second  # below, it is what rounding leaves of equal numbers
        return 1 - divided(squared_errors, np.where(varies, variation, 0.0))

    return of_sums(per_example, score)


def spearman(right: Floats, predicted: Floats, example: Ints) -> OfCounts:
    """The correlation of the ranks that numbers (n,) have in each resample; equal ones share their mean rank."""
    sides = []
    for numbers in (right, predicted):
        order = np.argsort(numbers, kind="stable")
        less, up_to = (np.searchsorted(numbers[order], numbers, side) for side in SIDES)
        sides.append((order, less, up_to))

    def scores(counts: Floats) -> Floats:
        times = counts.T[example]
        ranks = []
        for order, less, up_to in sides:
            sums = _summed(times[order])
            ranks.append((sums[less] + sums[up_to] - sums[-1]) / 2)  # the mean rank is 0
        together = (times * ranks[0] * ranks[1]).sum(0)
        alone = [(times * rank**2).sum(0) for rank in ranks]
        return divided(together, np.sqrt(alone[0] * alone[1]))

    return scores
