"""Metrics of numbers, in the numbers' own unit where they have one; NaN is not scored."""

import math
from collections.abc import Sequence

from attnlab.metrics.base import Metric, Value
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
    """The fraction of the variance that is explained; None for fewer than two numbers."""

    kinds = NUMBERS

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | None:
        from sklearn.metrics import r2_score

        return float(r2_score(right, predicted)) if len(right) > 1 else None


@METRICS.register("spearman")
class Spearman(Metric):
    """Spearman's rank correlation; None where all numbers, or all predictions, are the same."""

    kinds = NUMBERS

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> float | None:
        from scipy.stats import spearmanr

        varied = len(set(right)) > 1 and len(set(predicted)) > 1
        return float(spearmanr(right, predicted).statistic) if varied else None
