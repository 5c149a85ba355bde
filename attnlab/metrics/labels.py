"""Metrics of classes: of one label for each example or vector, and of several yes/no questions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import ClassVar

from attnlab.metrics.base import NOT_SCORED, Comparison, Metric
from attnlab.registry import METRICS

LABELS = ("class", "vector_classes")
QUESTIONS = ("classes",)


@METRICS.register("accuracy")
class Accuracy(Metric):
    """The fraction of scored answers that are right."""

    kinds = (*LABELS, *QUESTIONS)
    of_slices = True

    def value(self, comparison: Comparison) -> float | None:
        confusion = comparison.confusion
        return sum(n for (g, p), n in confusion.items() if g == p) / sum(confusion.values()) if confusion else None


@METRICS.register("macro_f1")
class MacroF1(Metric):
    """The mean over the right classes of F1, the harmonic mean of precision and recall; of questions, the mean of F1 of
    `yes`."""

    kinds = (*LABELS, *QUESTIONS)

    def value(self, comparison: Comparison) -> float | None:
        if comparison.kind in QUESTIONS:
            scores = [_f1(Counter(zip(right, answers, strict=True))) for right, answers in _answered(comparison)]
            return fmean(scores) if scores else None
        right, predicted, both = Counter[str](), Counter[str](), Counter[str]()
        for (g, p), n in comparison.confusion.items():
            right[g] += n
            predicted[p] += n
            both[g] += n * (g == p)
        return sum(2 * both[c] / (right[c] + predicted[c]) for c in right) / len(right) if right else None


@METRICS.register("micro_f1")
class MicroF1(Metric):
    """F1 of `yes` over all known answers of all questions."""

    kinds = QUESTIONS

    def value(self, comparison: Comparison) -> float | None:
        return _f1(comparison.confusion) if comparison.confusion else None


@METRICS.register("roc_auc")
class RocAuc(Metric):
    """The area under the ROC curve: of two classes, or the mean over questions (Fawcett 2006)."""

    kinds = ("class", *QUESTIONS)

    def value(self, comparison: Comparison) -> float | None:
        from sklearn.metrics import roc_auc_score

        areas = [float(roc_auc_score(*ranking)) for ranking in _rankings(comparison)]
        return sum(areas) / len(areas) if areas else None


@METRICS.register("average_precision")
class AveragePrecision(Metric):
    """The area under the curve of precision over recall: of two classes, or the mean over questions."""

    kinds = ("class", *QUESTIONS)

    def value(self, comparison: Comparison) -> float | None:
        from sklearn.metrics import average_precision_score

        areas = [float(average_precision_score(*ranking)) for ranking in _rankings(comparison)]
        return fmean(areas) if areas else None


class _MeanOfClasses(Metric):
    """A mean over classes. function: of `sklearn.metrics`."""

    kinds = LABELS
    function: ClassVar[str]
    average: ClassVar[str] = "macro"

    def value(self, comparison: Comparison) -> float | None:
        import sklearn.metrics

        if not comparison.confusion:
            return None
        right, predicted = zip(*comparison.confusion, strict=True)
        labels = sorted(set(right)) if self.average == "macro" else None
        options = {"labels": labels, "average": self.average, "zero_division": 0}
        times = list(comparison.confusion.values())
        return float(getattr(sklearn.metrics, self.function)(right, predicted, sample_weight=times, **options))


@METRICS.register("balanced_accuracy")
class BalancedAccuracy(_MeanOfClasses):
    """The mean over the right classes of recall, so that rare classes count as much as frequent ones."""

    function = "recall_score"


@METRICS.register("macro_precision")
class MacroPrecision(_MeanOfClasses):
    """The mean over the right classes of precision; 0 for a class that is never predicted."""

    function = "precision_score"


@METRICS.register("weighted_f1")
class WeightedF1(_MeanOfClasses):
    """The mean of F1 over the right classes, each weighted by how often it occurs."""

    function, average = "f1_score", "weighted"


@METRICS.register("matthews")
class Matthews(Metric):
    """Matthews' correlation coefficient (Gorodkin 2004 for more than two classes)."""

    kinds = LABELS

    def value(self, comparison: Comparison) -> float | None:
        from sklearn.metrics import matthews_corrcoef

        if not comparison.confusion:
            return None
        right, predicted = zip(*comparison.confusion, strict=True)
        if len({*right, *predicted}) == 1:
            return 0.0  # of a single class scikit-learn says 0, and warns
        return float(matthews_corrcoef(right, predicted, sample_weight=list(comparison.confusion.values())))


def _answered(comparison: Comparison) -> Iterator[tuple[list[int], list[int]]]:
    """Of each question, the known right answers and the predicted ones."""
    answers = [prediction.value for prediction in comparison.predictions]
    for right, predicted in zip(zip(*comparison.gold, strict=True), zip(*answers, strict=True), strict=True):
        known = [i for i, truth in enumerate(right) if truth >= 0]
        if known:
            yield [right[i] for i in known], [predicted[i] for i in known]


def _f1(times: Counter[tuple[int, int]]) -> float:
    """Of `yes`, from how often each (right, predicted) occurred; 0 where nothing is or is predicted to be yes."""
    relevant = 2 * times[1, 1] + times[1, 0] + times[0, 1]
    return 2 * times[1, 1] / relevant if relevant else 0.0


def _rankings(comparison: Comparison) -> Iterator[tuple[list[int], list[float]]]:
    """Right answers (0 or 1) with the predicted probabilities of 1: of the first of two classes, or of each question;
    only where both answers occur, and predictions have probabilities."""
    predictions = comparison.predictions
    problems: list[tuple[Sequence[int], Sequence[float]]]
    if comparison.kind in QUESTIONS:
        columns = zip(*(prediction.probability for prediction in predictions), strict=True)
        problems = [*zip(zip(*comparison.gold, strict=True), columns, strict=True)]
    else:
        classes = {*comparison.classes, *(p.value for p in predictions), *comparison.gold} - {NOT_SCORED}
        if len(classes) != 2:  # of more classes, one probability says nothing of the others
            return
        first = min(classes)
        truth = [int(label == first) if label != NOT_SCORED else -1 for label in comparison.gold]
        if any(prediction.probability is None for prediction in predictions):
            return
        problems = [(truth, [p.probability if p.value == first else 1 - p.probability for p in predictions])]
    for right, probabilities in problems:
        known = [(truth, p) for truth, p in zip(right, probabilities, strict=True) if truth >= 0]
        if len({truth for truth, _ in known}) == 2:
            yield [truth for truth, _ in known], [p for _, p in known]
