"""Simple answers that several kinds of data share."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import cast

import numpy as np
from numpy.typing import NDArray

from attnlab.metrics import NOT_SCORED
from attnlab.registry import BASELINES
from attnlab.sets import Prediction
from attnlab.targets import kind_named
from attnlab.training.baselines.base import Baseline, NothingToSay, Problem, label_lists


@BASELINES.register("most_frequent_class")
class LargerClass(Baseline):
    """Always the most frequent class of the training data."""

    def fits(self, problem: Problem) -> bool:
        # Of words, each one's most frequent tag says more.
        return problem.kind == "class" or (problem.kind == "vector_classes" and not problem.shows("words"))

    def scores(self, problem: Problem) -> dict[str, float]:
        if problem.kind == "class":
            label, times = Counter(problem.learned).most_common(1)[0]
            return problem.measure([Prediction(label, times / len(problem.learned))] * len(problem.gold))
        frequent = most_frequent_label(problem)
        answers = ([frequent] * len(labels) for labels in label_lists(problem.gold))
        return problem.measure([Prediction(labels, None) for labels in answers])


@BASELINES.register("median")
class Median(Baseline):
    """Always the median of the training data."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "number"

    def scores(self, problem: Problem) -> dict[str, float]:
        answer = Prediction(median(cast(Sequence[float], problem.learned)), None)
        return problem.measure([answer] * len(problem.gold))


@BASELINES.register("ceiling")
class Ceiling(Baseline):
    """A perfect reader, where the data know how good one could be."""

    def fits(self, problem: Problem) -> bool:
        ceiling = problem.scored.ceiling()
        if problem.kind == "sequence":
            return ceiling == 1.0
        return ceiling is not None and kind_named(problem.kind).has_labels

    def scores(self, problem: Problem) -> dict[str, float]:
        if problem.kind == "sequence":
            return problem.measure([Prediction(text, None) for text in problem.gold])
        ceiling = problem.scored.ceiling()
        return {} if ceiling is None else {"accuracy": ceiling}


class Regression(Baseline):
    """A logistic regression on a row of numbers for each example. split_type: the splits that have such numbers; method:
    theirs that gives them, (n, F)."""

    split_type: type
    method: str
    max_iter = 1000

    def fits(self, problem: Problem) -> bool:
        is_known = problem.kind == "class" and isinstance(problem.train, self.split_type)
        return is_known and len(set(problem.learned)) > 1

    def scores(self, problem: Problem) -> dict[str, float]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=self.max_iter))
        train, test = (getattr(split, self.method)() for split in (problem.train, problem.scored))
        model.fit(train, problem.learned)
        return problem.measure(most_probable(model.classes_, model.predict_proba(test)))


def label_counts(problem: Problem) -> Counter[str]:
    """How often the vectors of the training data have each label."""
    return Counter(label for labels in label_lists(problem.learned) for label in labels if label != NOT_SCORED)


def most_frequent_label(problem: Problem) -> str:
    """That of most vectors of the training data. Raises NothingToSay where none has a label."""
    if not (counts := label_counts(problem)):
        raise NothingToSay("no vector in training has a label")
    return counts.most_common(1)[0][0]


def most_probable(classes: Sequence[str], probabilities: NDArray[np.float64]) -> list[Prediction]:
    """(examples, C) probabilities of these classes -> the most probable one of each example."""
    return [Prediction(str(classes[row.argmax()]), float(row.max())) for row in probabilities]
