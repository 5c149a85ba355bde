"""The metric of hidden vectors of numbers."""

from typing import TYPE_CHECKING

from attnlab.metrics.base import NOTHING_SCORED, Comparison, Metric, OfCounts, Undefined
from attnlab.registry import METRICS

if TYPE_CHECKING:  # imported when scores are computed: `--help` does without
    import numpy as np
    from numpy.typing import NDArray


@METRICS.register("explained_variance")
class ExplainedVariance(Metric):
    """The fraction of the variance of hidden vectors that is explained; 0: no better than the mean vector.

    1 − squared errors / squared differences from the mean of each number, both summed over all hidden vectors.
    """

    kinds = ("hidden_numbers",)

    def value(self, comparison: Comparison) -> float | Undefined:
        if not len(comparison.gold):
            return NOTHING_SCORED
        errors, deviations = comparison.once("squares", lambda: _squares(comparison))
        return (
            1 - float(errors.sum() / deviations.sum())
            if deviations.any()
            else Undefined("all numbers are the same")
        )

    def of_counts(self, comparison: Comparison) -> OfCounts:
        errors, deviations = comparison.once("squares", lambda: _squares(comparison))
        return lambda counts: 1 - (counts @ errors) / (counts @ deviations)


def _squares(comparison: Comparison) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """(B,) each: of each example the summed squares of errors, and of differences from the mean of all right vectors. NaN is not
    asked for."""
    import numpy as np

    gold = [np.asarray(right, dtype=np.float64) for right in comparison.gold]
    asked = sum(np.isfinite(right).sum(0) for right in gold)
    mean = sum(np.nansum(right, axis=0) for right in gold) / np.maximum(asked, 1)
    pairs = zip(gold, comparison.predictions, strict=True)
    errors = [float(np.nansum((right - prediction.value) ** 2)) for right, prediction in pairs]
    return np.array(errors), np.array([float(np.nansum((right - mean) ** 2)) for right in gold])
