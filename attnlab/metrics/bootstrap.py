"""How far a score would vary with other examples of the same kind: 95 % intervals by the bootstrap.

Examples are drawn with replacement, as many as there are, and scored again and again; an interval reaches from the 2.5th to the
97.5th percentile of these scores (Efron & Tibshirani 1993, section 13.3). Two models are compared on the same resamples (Koehn
2004): what both find easy or difficult doesn't count. Whole examples are drawn, a sentence with all its words. Examples that
belong together, such as recordings of one speaker, are drawn as if they didn't, so that intervals are too narrow for others.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attnlab.metrics.base import Comparison, Counts, Metric, OfCounts
from attnlab.metrics.resamples import divided, of_sums
from attnlab.registry import METRICS

RESAMPLES = 1000
RECOMPUTED = 200
"""Resamples, at the most, of a metric that has to look at all examples again for each."""
PERCENTILES = (2.5, 97.5)
_DRAWN_AT_ONCE = 1 << 20


class Difference(NamedTuple):
    """difference: the first score minus the second. low, high: its 95 % interval."""

    difference: float
    low: float
    high: float


def interval(
    metric: Metric, comparison: Comparison, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float] | None:
    """The 95 % interval of a score; None where the score is undefined, fewer than two examples are scored, or every resample has
    the same score, as that of answers without a mistake. Resamples
    without a score are left out. A metric without `of_counts` gets `RECOMPUTED` of them at the most."""
    examples = _scored(comparison)
    if len(examples) < 2 or _score(metric, comparison) is None:
        return None
    function, most = _of_counts(metric, comparison.of(examples), resamples)
    return _spread(*_resampled([function], len(examples), most, seed))


def intervals(
    names: Sequence[str], comparison: Comparison, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """What `interval` gives for metrics of these names, each of which has a score; all from the same resamples. Left out are
    those without `of_counts`, of which nobody knows how long they take."""
    examples = _scored(comparison)
    if len(examples) < 2:
        return {}
    scored = comparison.of(examples)
    quick = {name: METRICS.get(name, Metric)().of_counts(scored) for name in names}
    functions = {name: function for name, function in quick.items() if function is not None}
    scores = _resampled([*functions.values()], len(examples), resamples, seed)
    found = {name: _spread(of_metric) for name, of_metric in zip(functions, scores, strict=True)}
    return {name: limits for name, limits in found.items() if limits is not None}


def means(
    numbers: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """(B, C) numbers of each example -> (3, C): their means over the examples, and the lower and upper end of the 95 % intervals
    of these, all from the same resamples. NaN are left out; where fewer than two examples are left, the ends are NaN, and
    without any, the mean. weights: (B, C), how much each counts; None: all the same."""
    known = np.isfinite(numbers)
    counted = known.astype(np.float64) if weights is None else np.where(known, weights, 0.0)
    sums = np.concatenate([np.where(known, numbers, 0.0) * counted, counted], axis=1)
    examples, columns = numbers.shape
    function = of_sums(sums, lambda drawn: divided(drawn[:, :columns], drawn[:, columns:]))
    mean = divided(sums[:, :columns].sum(0), sums[:, columns:].sum(0))
    drawn = [function(counts) for counts in _drawn(examples, resamples, seed)] if examples else []
    found = np.full((3, columns), np.nan)
    found[0] = mean
    for column in np.flatnonzero(known.sum(0) > 1):
        limits = _limits(np.concatenate([scores[:, column] for scores in drawn]))
        found[1:, column] = np.nan if limits is None else limits
    return found


def paired(
    metric: Metric, first: Comparison, second: Comparison, resamples: int = RESAMPLES, seed: int = 0
) -> Difference | None:
    """By how much the first score is higher than the second, with the 95 % interval of this difference: where it holds 0, other
    examples might say the opposite. None where `interval` would be None for one of them. Raises ValueError where the right
    answers differ."""
    if _answers(first) != _answers(second):
        raise ValueError("the right answers of two comparisons differ: they are of other examples")
    one, other, examples = _score(metric, first), _score(metric, second), _scored(first)
    if len(examples) < 2 or one is None or other is None:
        return None
    functions = [_of_counts(metric, comparison.of(examples), resamples) for comparison in (first, second)]
    scores = _resampled([f for f, _ in functions], len(examples), min(most for _, most in functions), seed)
    limits = _limits(scores[0] - scores[1])
    return None if limits is None else Difference(one - other, *limits)


def paired_runs(
    metric: Metric,
    first: Sequence[Comparison],
    second: Sequence[Comparison],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Difference, Difference] | None:
    """What `paired` gives of the mean scores of several runs on each side, which differ in their seed: over the examples, and over
    examples and seeds together. Where a side has n runs, n − 1 are drawn with replacement: means of so many vary as much as
    means of n seeds do (Rao & Wu 1988). None and ValueError as `paired`."""
    runs = [*first, *second]
    if any(_answers(runs[0]) != _answers(other) for other in runs[1:]):
        raise ValueError("the right answers of two comparisons differ: they are of other examples")
    found, examples = [_score(metric, run) for run in runs], _scored(runs[0])
    known = [score for score in found if score is not None]
    if len(examples) < 2 or len(known) < len(runs):
        return None
    functions = [_of_counts(metric, run.of(examples), resamples) for run in runs]
    scores = np.stack(
        _resampled([f for f, _ in functions], len(examples), min(most for _, most in functions), seed)
    )
    generator, several = np.random.default_rng([seed, 1]), len(first)
    sides = scores[:several], scores[several:]
    drawn = [_drawn_runs(side, generator) for side in sides]
    difference = float(np.mean(known[:several]) - np.mean(known[several:]))
    limits = [_limits(one.mean(0) - other.mean(0)) for one, other in (sides, drawn)]
    if limits[0] is None or limits[1] is None:
        return None
    return Difference(difference, *limits[0]), Difference(difference, *limits[1])


def _drawn_runs(scores: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    """(runs, resamples) -> the scores of those that are drawn for each resample."""
    number, resamples = scores.shape
    if number == 1:
        return scores
    return np.take_along_axis(scores, generator.integers(0, number, size=(number - 1, resamples)), axis=0)


def _score(metric: Metric, comparison: Comparison) -> float | None:
    value = metric.value(comparison)
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def _answers(comparison: Comparison) -> list[tuple[int, object]]:
    """The scored right answers, and of which example each is."""
    return [(example, right) for example, right, _ in comparison.scored()]


def _scored(comparison: Comparison) -> list[int]:
    """The examples of which anything is scored. An empty text is a right answer like any other."""
    if comparison.kind == "sequence":
        return list(range(len(comparison.gold)))
    return list(dict.fromkeys(example for example, _, _ in comparison.scored()))


def _spread(scores: NDArray[np.float64]) -> tuple[float, float] | None:
    """As `_limits`; None where all resamples have the same score, which says nothing of mistakes that weren't made here."""
    limits = _limits(scores)
    return None if limits is None or np.ptp(scores[np.isfinite(scores)]) == 0 else limits


def _limits(scores: NDArray[np.float64]) -> tuple[float, float] | None:
    known = scores[np.isfinite(scores)]
    if not len(known):
        return None
    low, high = np.percentile(known, PERCENTILES)
    return float(low), float(high)


def _of_counts(metric: Metric, comparison: Comparison, resamples: int) -> tuple[OfCounts, int]:
    """The score as a function of counts, and for how many resamples it is asked."""
    quick = metric.of_counts(comparison)
    return (_again(metric, comparison), min(resamples, RECOMPUTED)) if quick is None else (quick, resamples)


def _resampled(
    functions: Sequence[OfCounts], examples: int, resamples: int, seed: int
) -> list[NDArray[np.float64]]:
    """(resamples,) scores by each function, all of the same resamples of so many examples; NaN where one is undefined."""
    scores = [[function(counts) for function in functions] for counts in _drawn(examples, resamples, seed)]
    return [np.concatenate(of_function) for of_function in zip(*scores, strict=True)]


def _drawn(examples: int, resamples: int, seed: int) -> Iterator[Counts]:
    """(R, examples) how often each example is in each of R resamples, until there were so many."""
    generator = np.random.default_rng(seed)
    size = max(1, _DRAWN_AT_ONCE // examples)
    for start in range(0, resamples, size):
        number = min(size, resamples - start)
        chosen = generator.integers(0, examples, size=(number, examples))
        places = number * chosen + np.arange(number)[:, None]  # those of one example lie together
        counts = np.bincount(places.ravel(), minlength=examples * number)
        yield counts.reshape(examples, number).T.astype(np.float64)


def _again(metric: Metric, comparison: Comparison) -> OfCounts:
    """Scores of resamples by the metric itself."""

    def scores(counts: Counts) -> NDArray[np.float64]:
        times = counts.astype(np.int64)
        values = [_score(metric, comparison.of(np.repeat(np.arange(len(row)), row).tolist())) for row in times]
        return np.array([np.nan if value is None else value for value in values])

    return scores
