"""Metrics of classes: of one label for each example or vector, and of several yes/no questions.

They are scikit-learn's definitions: a mean over classes is one over those that are right somewhere or predicted somewhere,
but for `balanced_accuracy`, where recall has no meaning for a class that is never right. Where every right answer and every
prediction is the same, nothing is scored.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import fsum
from typing import TYPE_CHECKING, ClassVar

from attnlab.metrics.base import NOT_SCORED, NOTHING_SCORED, Comparison, Metric, OfCounts, Undefined
from attnlab.metrics.spans import are_tags, in_each
from attnlab.metrics.tally import Tally, by_class
from attnlab.registry import METRICS

if TYPE_CHECKING:  # imported when intervals are computed
    import numpy as np
    from numpy.typing import NDArray

    from attnlab.metrics.resamples import ClassCounts

LABELS = ("class", "vector_classes")
QUESTIONS = ("classes",)


class _OfLabels(Metric):
    """A metric of answers that are classes."""

    kinds: ClassVar[tuple[str, ...]] = (*LABELS, *QUESTIONS)

    def value(self, comparison: Comparison) -> float | Undefined | None:
        return comparison.unanimous or self.defined(comparison)

    def defined(self, comparison: Comparison) -> float | Undefined | None:
        """The score where more than one answer occurs."""
        raise NotImplementedError


@METRICS.register("accuracy")
class Accuracy(_OfLabels):
    """The fraction of scored answers that are right."""

    kinds = (*LABELS, *QUESTIONS, "hidden_words")
    of_slices = True

    def defined(self, comparison: Comparison) -> float:
        confusion = comparison.confusion
        return sum(n for (g, p), n in confusion.items() if g == p) / sum(confusion.values())

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics import resamples

        return resamples.of_answers(comparison)


@METRICS.register("macro_f1")
class MacroF1(_OfLabels):
    """F1, the harmonic mean of precision and recall, averaged over classes; a class never predicted correctly counts as 0.
    Of questions, the mean of F1 of `yes` over those where `yes` occurs."""

    def defined(self, comparison: Comparison) -> float | Undefined:
        if comparison.kind in QUESTIONS:
            answered = (Counter(zip(*answers, strict=True)) for answers in comparison.answered())
            scores = [score for times in answered if (score := _f1(times)) is not None]
            return fsum(scores) / len(scores) if scores else _NO_YES
        tallies = by_class(comparison.confusion).values()
        return sum(tally.f1 for tally in tallies) / len(tallies)

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import divided, mean_of_known, of_classes, of_questions

        if comparison.kind in QUESTIONS:
            return of_questions(comparison, lambda both, one: mean_of_known(divided(2 * both, one)))
        return of_classes(comparison, lambda classes: classes.mean(classes.f1))


@METRICS.register("micro_f1")
class MicroF1(_OfLabels):
    """F1 of `yes` over all known answers of all questions."""

    kinds = QUESTIONS

    def defined(self, comparison: Comparison) -> float | Undefined:
        score = _f1(comparison.confusion)
        return _NO_YES if score is None else score

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import divided, of_questions

        return of_questions(comparison, lambda both, one: divided(2 * both.sum(1), one.sum(1)))


class _Ranking(Metric):
    """A mean over rankings, see `_problems`. function: of `sklearn.metrics`."""

    kinds = ("class", *QUESTIONS)
    function: ClassVar[str]

    def value(self, comparison: Comparison) -> float | Undefined | None:
        import sklearn.metrics

        problems = _problems(comparison)
        if problems is None:
            return None
        rankings = _of_both_answers(problems)
        areas = [float(getattr(sklearn.metrics, self.function)(*ranking)) for ranking in rankings]
        return sum(areas) / len(areas) if areas else _one_answer(comparison)

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics import resamples

        areas = {"roc_auc_score": resamples.roc_auc, "average_precision_score": resamples.average_precision}
        rankings = [resamples.ranking(*problem) for problem in _problems(comparison) or []]
        return resamples.of_rankings(rankings, areas[self.function])


@METRICS.register("roc_auc")
class RocAuc(_Ranking):
    """Area under the ROC curve, the alphabetically first class as positive; of questions, their mean (Fawcett 2006)."""

    function = "roc_auc_score"


@METRICS.register("average_precision")
class AveragePrecision(_Ranking):
    """The area under the precision-recall curve, in steps.

    Of the first of two classes, or the mean over the questions that have both answers.
    """

    function = "average_precision_score"


class _MeanOfClasses(_OfLabels):
    """A mean over classes. function: of `sklearn.metrics`."""

    kinds = LABELS
    function: ClassVar[str]
    average: ClassVar[str] = "macro"
    right_alone: ClassVar[bool] = False
    """Whether classes that are only predicted are left out."""

    def defined(self, comparison: Comparison) -> float:
        import sklearn.metrics

        right, predicted = zip(*comparison.confusion, strict=True)
        labels = sorted(set(right)) if self.right_alone else None
        options = {"labels": labels, "average": self.average, "zero_division": 0}
        times = list(comparison.confusion.values())
        return float(getattr(sklearn.metrics, self.function)(right, predicted, sample_weight=times, **options))

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_classes

        return of_classes(comparison, self.of)

    def of(self, classes: "ClassCounts") -> "NDArray[np.float64]":
        """(R,) scores of resamples in which the classes occur so often."""
        raise NotImplementedError


@METRICS.register("balanced_accuracy")
class BalancedAccuracy(_MeanOfClasses):
    """Mean recall over the classes that occur in the labels, so that rare classes count as much as frequent ones."""

    function, right_alone = "recall_score", True

    def of(self, classes: "ClassCounts") -> "NDArray[np.float64]":
        return classes.mean(classes.recall, right_alone=True)


@METRICS.register("macro_precision")
class MacroPrecision(_MeanOfClasses):
    """Mean precision over classes; 0 for a class that is never predicted, or never predicted correctly."""

    function = "precision_score"

    def of(self, classes: "ClassCounts") -> "NDArray[np.float64]":
        return classes.mean(classes.precision)


@METRICS.register("weighted_f1")
class WeightedF1(_MeanOfClasses):
    """Mean F1 over the classes in the labels, weighted by support."""

    function, average = "f1_score", "weighted"

    def of(self, classes: "ClassCounts") -> "NDArray[np.float64]":
        return (classes.f1 * classes.right).sum(1) / classes.right.sum(1)


@METRICS.register("matthews")
class Matthews(_OfLabels):
    """Matthews' correlation coefficient (Gorodkin 2004 for more than two classes)."""

    kinds = LABELS

    def defined(self, comparison: Comparison) -> float:
        from sklearn.metrics import matthews_corrcoef

        right, predicted = zip(*comparison.confusion, strict=True)
        return float(matthews_corrcoef(right, predicted, sample_weight=list(comparison.confusion.values())))

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import ClassCounts, of_classes

        return of_classes(comparison, ClassCounts.matthews)


class _OfSpans(_OfLabels):
    """A score of all spans together, whatever their type: see `metrics.spans`."""

    kinds = ("vector_classes",)

    def unfit(self, classes: Sequence[str]) -> str | None:
        return None if are_tags(classes) else _NO_TAGS.reason

    def value(self, comparison: Comparison) -> float | Undefined | None:
        if comparison.unanimous is NOTHING_SCORED:
            return NOTHING_SCORED
        if comparison.spans is None:
            return _NO_TAGS
        return super().value(comparison) if comparison.spans else _NO_SPAN

    def defined(self, comparison: Comparison) -> float:
        return self.of(sum((comparison.spans or {}).values(), Tally()))

    def of_counts(self, comparison: Comparison) -> OfCounts:
        import numpy as np

        from attnlab.metrics.resamples import ClassCounts, of_sums

        def counted() -> "NDArray[np.float64]":
            found = in_each(comparison.gold, (p.value for p in comparison.predictions), NOT_SCORED)
            sizes = [(len(right), len(seen), len(right & seen)) for right, seen in found]
            return np.array(sizes, dtype=np.float64).reshape(-1, 3)

        return of_sums(
            comparison.once("counts of spans", counted), lambda sums: self.of_resamples(ClassCounts(sums))
        )

    def of(self, tally: Tally) -> float:
        """The score of all spans."""
        raise NotImplementedError

    def of_resamples(self, spans: "ClassCounts") -> "NDArray[np.float64]":
        """(R,) of resamples, all spans counted as one class."""
        raise NotImplementedError


@METRICS.register("span_f1")
class SpanF1(_OfSpans):
    """F1 of spans as seqeval counts them: a predicted span is correct if its type, first and last word are."""

    def of(self, tally: Tally) -> float:
        return tally.f1

    def of_resamples(self, spans: "ClassCounts") -> "NDArray[np.float64]":
        return spans.mean(spans.f1)


@METRICS.register("span_precision")
class SpanPrecision(_OfSpans):
    """The fraction of predicted spans that are right; 0 where none is predicted."""

    def of(self, tally: Tally) -> float:
        return tally.precision

    def of_resamples(self, spans: "ClassCounts") -> "NDArray[np.float64]":
        return spans.mean(spans.precision)


@METRICS.register("span_recall")
class SpanRecall(_OfSpans):
    """The fraction of right spans that are predicted; 0 where there are none."""

    def of(self, tally: Tally) -> float:
        return tally.recall

    def of_resamples(self, spans: "ClassCounts") -> "NDArray[np.float64]":
        return spans.mean(spans.recall)


SPANS = ("span_f1", "span_precision", "span_recall")
_NO_TAGS = Undefined("its classes are no tags of spans, such as B-PER, I-PER and O")
_NO_SPAN = Undefined("there is no span, neither a right one nor a predicted one")
_NO_YES = Undefined("no answer is yes, neither a right one nor a predicted one")


def _f1(times: Counter[tuple[int, int]]) -> float | None:
    """Of `yes`, from how often each (right, predicted) occurred; None where nothing is or is predicted to be yes."""
    relevant = 2 * times[1, 1] + times[1, 0] + times[0, 1]
    return 2 * times[1, 1] / relevant if relevant else None


def _one_answer(comparison: Comparison) -> Undefined:
    """Why nothing can be ranked."""
    if comparison.unanimous is not None:
        return comparison.unanimous
    if comparison.kind in QUESTIONS:
        return Undefined("no question has both labels, yes and no")
    return Undefined(f"all labels are `{next(iter(comparison.confusion))[0]}`")


_Problems = Sequence[tuple[Sequence[int], Sequence[float]]]
"""Right answers of all examples, 1, 0 or −1 where they are unknown, with the predicted probabilities of 1."""


def _problems(comparison: Comparison) -> _Problems | None:
    """Of the first of two classes, or of each question. None where there are other classes than two, or predictions
    without probabilities."""
    predictions = comparison.predictions
    if comparison.kind in QUESTIONS:
        columns = zip(*(prediction.probability for prediction in predictions), strict=True)
        return [*zip(zip(*comparison.gold, strict=True), columns, strict=True)]
    classes = {*comparison.classes, *(p.value for p in predictions), *comparison.gold} - {NOT_SCORED}
    if len(classes) > 2:  # one probability says nothing of the others
        return None
    if any(prediction.probability is None for prediction in predictions):
        return None
    first = min(classes, default="")
    truth = [int(label == first) if label != NOT_SCORED else -1 for label in comparison.gold]
    return [(truth, [p.probability if p.value == first else 1 - p.probability for p in predictions])]


def _of_both_answers(problems: _Problems) -> Iterator[tuple[list[int], list[float]]]:
    """The known right answers (0 or 1) with the probabilities of 1, where both answers occur."""
    for right, probabilities in problems:
        known = [(truth, p) for truth, p in zip(right, probabilities, strict=True) if truth >= 0]
        if len({truth for truth, _ in known}) == 2:
            yield [truth for truth, _ in known], [p for _, p in known]
