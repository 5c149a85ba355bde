"""Metrics of classes: of one label for each example or vector, and of several yes/no questions.

They are scikit-learn's definitions: a mean over classes is one over those that are right somewhere or predicted somewhere,
but for `balanced_accuracy`, where recall has no meaning for a class that is never right. Where every right answer and every
prediction is the same, nothing is scored.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import ClassVar

from attnlab.metrics.base import NOT_SCORED, NOTHING_SCORED, Comparison, Metric, Undefined
from attnlab.metrics.spans import are_tags
from attnlab.metrics.tally import Tally, by_class
from attnlab.registry import METRICS

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

    of_slices = True

    def defined(self, comparison: Comparison) -> float:
        confusion = comparison.confusion
        return sum(n for (g, p), n in confusion.items() if g == p) / sum(confusion.values())


@METRICS.register("macro_f1")
class MacroF1(_OfLabels):
    """The mean over classes of F1, the harmonic mean of precision and recall; 0 for a class that is predicted but never
    right. Of questions, the mean of F1 of `yes` over those where `yes` occurs."""

    def defined(self, comparison: Comparison) -> float | Undefined:
        if comparison.kind in QUESTIONS:
            answered = (Counter(zip(*answers, strict=True)) for answers in comparison.answered())
            scores = [score for times in answered if (score := _f1(times)) is not None]
            return fmean(scores) if scores else _NO_YES
        tallies = by_class(comparison.confusion).values()
        return sum(tally.f1 for tally in tallies) / len(tallies)


@METRICS.register("micro_f1")
class MicroF1(_OfLabels):
    """F1 of `yes` over all known answers of all questions."""

    kinds = QUESTIONS

    def defined(self, comparison: Comparison) -> float | Undefined:
        score = _f1(comparison.confusion)
        return _NO_YES if score is None else score


class _Ranking(Metric):
    """A mean over rankings, see `_rankings`. function: of `sklearn.metrics`."""

    kinds = ("class", *QUESTIONS)
    function: ClassVar[str]

    def value(self, comparison: Comparison) -> float | Undefined | None:
        import sklearn.metrics

        rankings = _rankings(comparison)
        if rankings is None:
            return None
        areas = [float(getattr(sklearn.metrics, self.function)(*ranking)) for ranking in rankings]
        return sum(areas) / len(areas) if areas else _one_answer(comparison)


@METRICS.register("roc_auc")
class RocAuc(_Ranking):
    """The area under the ROC curve: of two classes, or the mean over the questions that have both answers (Fawcett 2006)."""

    function = "roc_auc_score"


@METRICS.register("average_precision")
class AveragePrecision(_Ranking):
    """The area under the curve of precision over recall: of two classes, or the mean over the questions that have both
    answers."""

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


@METRICS.register("balanced_accuracy")
class BalancedAccuracy(_MeanOfClasses):
    """The mean over the right classes of recall, so that rare classes count as much as frequent ones."""

    function, right_alone = "recall_score", True


@METRICS.register("macro_precision")
class MacroPrecision(_MeanOfClasses):
    """The mean over classes of precision; 0 for a class that is never predicted, or never right."""

    function = "precision_score"


@METRICS.register("weighted_f1")
class WeightedF1(_MeanOfClasses):
    """The mean of F1 over the right classes, each weighted by how often it occurs."""

    function, average = "f1_score", "weighted"


@METRICS.register("matthews")
class Matthews(_OfLabels):
    """Matthews' correlation coefficient (Gorodkin 2004 for more than two classes)."""

    kinds = LABELS

    def defined(self, comparison: Comparison) -> float:
        from sklearn.metrics import matthews_corrcoef

        right, predicted = zip(*comparison.confusion, strict=True)
        return float(matthews_corrcoef(right, predicted, sample_weight=list(comparison.confusion.values())))


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

    def of(self, tally: Tally) -> float:
        """The score of all spans."""
        raise NotImplementedError


@METRICS.register("span_f1")
class SpanF1(_OfSpans):
    """F1 of spans that tags such as B-PER and I-PER mark; one is right where type, beginning and end are."""

    def of(self, tally: Tally) -> float:
        return tally.f1


@METRICS.register("span_precision")
class SpanPrecision(_OfSpans):
    """The fraction of predicted spans that are right; 0 where none is predicted."""

    def of(self, tally: Tally) -> float:
        return tally.precision


@METRICS.register("span_recall")
class SpanRecall(_OfSpans):
    """The fraction of right spans that are predicted; 0 where there are none."""

    def of(self, tally: Tally) -> float:
        return tally.recall


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
        return Undefined("no question has both right answers, yes and no")
    return Undefined(f"all right answers are `{next(iter(comparison.confusion))[0]}`")


def _rankings(comparison: Comparison) -> list[tuple[list[int], list[float]]] | None:
    """Right answers (0 or 1) with the predicted probabilities of 1: of the first of two classes, or of each question;
    only where both answers occur. None where there are other classes than two, or predictions without probabilities."""
    predictions = comparison.predictions
    problems: list[tuple[Sequence[int], Sequence[float]]]
    if comparison.kind in QUESTIONS:
        columns = zip(*(prediction.probability for prediction in predictions), strict=True)
        problems = [*zip(zip(*comparison.gold, strict=True), columns, strict=True)]
    else:
        classes = {*comparison.classes, *(p.value for p in predictions), *comparison.gold} - {NOT_SCORED}
        if len(classes) > 2:  # one probability says nothing of the others
            return None
        if any(prediction.probability is None for prediction in predictions):
            return None
        first = min(classes, default="")
        truth = [int(label == first) if label != NOT_SCORED else -1 for label in comparison.gold]
        problems = [(truth, [p.probability if p.value == first else 1 - p.probability for p in predictions])]
    return list(_of_both_answers(problems))


def _of_both_answers(
    problems: Sequence[tuple[Sequence[int], Sequence[float]]],
) -> Iterator[tuple[list[int], list[float]]]:
    for right, probabilities in problems:
        known = [(truth, p) for truth, p in zip(right, probabilities, strict=True) if truth >= 0]
        if len({truth for truth, _ in known}) == 2:
            yield [truth for truth, _ in known], [p for _, p in known]
