"""Simple answers that several kinds of data share."""

import math
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
            counts = Counter(label for label in problem.learned if label != NOT_SCORED)
            label, times = counts.most_common(1)[0]
            return problem.measure([Prediction(label, times / counts.total())] * len(problem.gold))
        frequent = most_frequent_label(problem)
        answers = ([frequent] * len(labels) for labels in label_lists(problem.gold))
        return problem.measure([Prediction(labels, None) for labels in answers])


@BASELINES.register("median")
class Median(Baseline):
    """Always the median of the known numbers of the training data."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind in ("number", "vector_numbers")

    def scores(self, problem: Problem) -> dict[str, float]:
        if problem.kind == "number":
            answer = Prediction(_median(cast(Sequence[float], problem.learned)), None)
            return problem.measure([answer] * len(problem.gold))
        learned, gold = (cast(Sequence[Sequence[float]], side) for side in (problem.learned, problem.gold))
        number = _median([number for numbers in learned for number in numbers])
        return problem.measure([Prediction([number] * len(numbers), None) for numbers in gold])


def _median(numbers: Sequence[float]) -> float:
    """Of those that are known, of which training has at least one."""
    return median(number for number in numbers if not math.isnan(number))


@BASELINES.register("most_frequent_answers")
class MostFrequentAnswers(Baseline):
    """To each question the answer that is more frequent in the training data, and how often it is yes there."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "classes"

    def scores(self, problem: Problem) -> dict[str, float]:
        answers = np.array(list(problem.learned))
        yes, known = (answers == 1).sum(0), (answers >= 0).sum(0)
        probabilities = (yes / np.maximum(known, 1)).tolist()
        answer = Prediction([int(p > 0.5) for p in probabilities], probabilities)
        return problem.measure([answer] * len(problem.gold))


@BASELINES.register("ceiling")
class Ceiling(Baseline):
    """The best possible score, where it is known, as for generated data."""

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
