"""Metrics of classes: of one label for each example or vector, and of several yes/no questions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean

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

        areas = [float(roc_auc_score(truth, probabilities)) for truth, probabilities in _rankings(comparison)]
        return sum(areas) / len(areas) if areas else None


@METRICS.register("average_precision")
class AveragePrecision(Metric):
    """The area under the curve of precision over recall: of two classes, or the mean over questions."""

    kinds = ("class", *QUESTIONS)

    def value(self, comparison: Comparison) -> float | None:
        from sklearn.metrics import average_precision_score

        areas = [float(average_precision_score(truth, scores)) for truth, scores in _rankings(comparison)]
        return fmean(areas) if areas else None


class _FromCounts(Metric):
    """A score of scikit-learn's, computed from how often each (right, predicted) occurred."""

    kinds = LABELS

    def value(self, comparison: Comparison) -> float | None:
        confusion = comparison.confusion
        if not confusion:
            return None
        right, predicted = zip(*confusion, strict=True)
        return float(self.score(right, predicted, list(confusion.values())))

    def score(self, right: Sequence[str], predicted: Sequence[str], times: Sequence[int]) -> float:
        raise NotImplementedError


@METRICS.register("balanced_accuracy")
class BalancedAccuracy(_FromCounts):
    """The mean over the right classes of recall, so that rare classes count as much as frequent ones."""

    def score(self, right: Sequence[str], predicted: Sequence[str], times: Sequence[int]) -> float:
        from sklearn.metrics import recall_score

        return recall_score(
            right, predicted, sample_weight=times, labels=sorted(set(right)), average="macro", zero_division=0
        )


@METRICS.register("macro_precision")
class MacroPrecision(_FromCounts):
    """The mean over the right classes of precision; 0 for a class that is never predicted."""

    def score(self, right: Sequence[str], predicted: Sequence[str], times: Sequence[int]) -> float:
        from sklearn.metrics import precision_score

        return precision_score(
            right, predicted, sample_weight=times, labels=sorted(set(right)), average="macro", zero_division=0
        )


@METRICS.register("weighted_f1")
class WeightedF1(_FromCounts):
    """The mean of F1 over the right classes, each weighted by how often it occurs."""

    def score(self, right: Sequence[str], predicted: Sequence[str], times: Sequence[int]) -> float:
        from sklearn.metrics import f1_score

        return f1_score(right, predicted, sample_weight=times, average="weighted", zero_division=0)


@METRICS.register("matthews")
class Matthews(_FromCounts):
    """Matthews' correlation coefficient (Gorodkin 2004 for more than two classes)."""

    def score(self, right: Sequence[str], predicted: Sequence[str], times: Sequence[int]) -> float:
        from sklearn.metrics import matthews_corrcoef

        several = len({*right, *predicted}) > 1  # of a single class scikit-learn says 0, and warns
        return matthews_corrcoef(right, predicted, sample_weight=times) if several else 0.0


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
    only where both answers occur."""
    predictions = comparison.predictions
    problems: list[tuple[Sequence[int], Sequence[float]]]
    if comparison.kind in QUESTIONS:
        columns = zip(*(prediction.probability for prediction in predictions), strict=True)
        problems = [*zip(zip(*comparison.gold, strict=True), columns, strict=True)]
    else:
        every = {*comparison.classes, *(p.value for p in predictions), *comparison.gold} - {NOT_SCORED}
        if len(every) != 2:  # of more classes, one probability says nothing of the others
            return
        first = min(every)
        truth = [int(label == first) if label != NOT_SCORED else -1 for label in comparison.gold]
        problems = [(truth, [p.probability if p.value == first else 1 - p.probability for p in predictions])]
    for right, probabilities in problems:
        known = [
            (truth, probability) for truth, probability in zip(right, probabilities, strict=True) if truth >= 0
        ]
        if len({truth for truth, _ in known}) == 2:
            yield [truth for truth, _ in known], [probability for _, probability in known]
