"""Metrics of numbers, in the numbers' own unit where they have one; NaN is not scored."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnlab.metrics.base import Comparison, Metric, OfCounts, Undefined, Value
from attnlab.registry import METRICS

if TYPE_CHECKING:  # imported when intervals are computed
    import numpy as np
    from numpy.typing import NDArray

NUMBERS = ("number", "vector_numbers")


@METRICS.register("mae")
class MeanAbsoluteError(Metric):
    """The mean absolute error."""

    kinds, higher_is_better = NUMBERS, False

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | None:
        return sum(abs(r - p) for r, p in zip(right, predicted, strict=True)) / len(right)

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_items

        right, predicted, example = _numbers(comparison)
        return of_items(abs(right - predicted), example, len(comparison.gold))


@METRICS.register("rmse")
class RootMeanSquaredError(Metric):
    """The root of the mean squared error, which weighs large errors more than `mae` does."""

    kinds, higher_is_better = NUMBERS, False

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | None:
        return math.sqrt(sum((r - p) ** 2 for r, p in zip(right, predicted, strict=True)) / len(right))

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_items

        right, predicted, example = _numbers(comparison)
        mean = of_items((right - predicted) ** 2, example, len(comparison.gold))
        return lambda counts: mean(counts) ** 0.5


@METRICS.register("r2")
class RSquared(Metric):
    """The fraction of the variance that is explained; undefined where all numbers are the same."""

    kinds = NUMBERS

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | Undefined:
        from sklearn.metrics import r2_score

        return _constant("right numbers", right) or float(r2_score(right, predicted))

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import r_squared

        return r_squared(*_numbers(comparison), len(comparison.gold))


@METRICS.register("spearman")
class Spearman(Metric):
    """Spearman's rank correlation; undefined where all numbers, or all predictions, are the same."""

    kinds = NUMBERS

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | Undefined:
        from scipy.stats import spearmanr

        constant = _constant("right numbers", right) or _constant("predictions", predicted)
        return constant or float(spearmanr(right, predicted).statistic)

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import spearman

        return spearman(*_numbers(comparison))


def _numbers(
    comparison: Comparison,
) -> "tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]":
    """(n,) each: the scored right numbers, the predicted ones, and of which example they are."""
    import numpy as np

    items = list(comparison.scored())
    numbers = np.array([(right, predicted) for _, right, predicted in items], dtype=np.float64).reshape(-1, 2)
    return numbers[:, 0], numbers[:, 1], np.array([example for example, _, _ in items], dtype=np.int64)


def _constant(what: str, numbers: Sequence[Value]) -> Undefined | None:
    """Why nothing varies with these numbers; None where they vary."""
    if len(set(numbers)) > 1:
        return None
    return Undefined(
        f"there is one number alone, {numbers[0]:g}" if len(numbers) == 1 else f"all {what} are {numbers[0]:g}"
    )
