"""Metrics of numbers, in the numbers' own unit where they have one; NaN is not scored."""

import math

from attnlab.metrics.base import Comparison, Metric
from attnlab.registry import METRICS

NUMBERS = ("number", "vector_numbers")


@METRICS.register("mae")
class MeanAbsoluteError(Metric):
    """The mean absolute error."""

    kinds = NUMBERS
    higher_is_better = False

    def value(self, comparison: Comparison) -> float | None:
        errors = [abs(right - predicted) for right, predicted in comparison.pairs()]
        return sum(errors) / len(errors) if errors else None


@METRICS.register("rmse")
class RootMeanSquaredError(Metric):
    """The root of the mean squared error, which weighs large errors more than `mae` does."""

    kinds = NUMBERS
    higher_is_better = False

    def value(self, comparison: Comparison) -> float | None:
        squares = [(right - predicted) ** 2 for right, predicted in comparison.pairs()]
        return math.sqrt(sum(squares) / len(squares)) if squares else None


@METRICS.register("r2")
class RSquared(Metric):
    """The fraction of the variance that is explained; None for fewer than two numbers."""

    kinds = NUMBERS

    def value(self, comparison: Comparison) -> float | None:
        from sklearn.metrics import r2_score

        pairs = list(comparison.pairs())
        return float(r2_score(*zip(*pairs, strict=True))) if len(pairs) > 1 else None


@METRICS.register("spearman")
class Spearman(Metric):
    """Spearman's rank correlation; None where all numbers, or all predictions, are the same."""

    kinds = NUMBERS

    def value(self, comparison: Comparison) -> float | None:
        from scipy.stats import spearmanr

        right, predicted = zip(*pairs, strict=True) if (pairs := list(comparison.pairs())) else ((), ())
        if len(set(right)) < 2 or len(set(predicted)) < 2:
            return None
        return float(spearmanr(right, predicted).statistic)
