"""Metrics of numbers, in the numbers' own unit where they have one; NaN is not scored."""

import math
from collections.abc import Sequence

from attnlab.metrics.base import Metric, Undefined, Value
from attnlab.registry import METRICS

NUMBERS = ("number", "vector_numbers")


@METRICS.register("mae")
class MeanAbsoluteError(Metric):
    """The mean absolute error."""

    kinds, higher_is_better = NUMBERS, False

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | None:
        return sum(abs(r - p) for r, p in zip(right, predicted, strict=True)) / len(right)


@METRICS.register("rmse")
class RootMeanSquaredError(Metric):
    """The root of the mean squared error, which weighs large errors more than `mae` does."""

    kinds, higher_is_better = NUMBERS, False

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | None:
        return math.sqrt(sum((r - p) ** 2 for r, p in zip(right, predicted, strict=True)) / len(right))


@METRICS.register("r2")
class RSquared(Metric):
    """The fraction of the variance that is explained; undefined where all numbers are the same."""

    kinds = NUMBERS

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | Undefined:
        from sklearn.metrics import r2_score

        return _constant("right numbers", right) or float(r2_score(right, predicted))


@METRICS.register("spearman")
class Spearman(Metric):
    """Spearman's rank correlation; undefined where all numbers, or all predictions, are the same."""

    kinds = NUMBERS

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | Undefined:
        from scipy.stats import spearmanr

        constant = _constant("right numbers", right) or _constant("predictions", predicted)
        return constant or float(spearmanr(right, predicted).statistic)


def _constant(what: str, numbers: Sequence[Value]) -> Undefined | None:
    """Why nothing varies with these numbers; None where they vary."""
    if len(set(numbers)) > 1:
        return None
    return Undefined(
        f"there is one number alone, {numbers[0]:g}" if len(numbers) == 1 else f"all {what} are {numbers[0]:g}"
    )
