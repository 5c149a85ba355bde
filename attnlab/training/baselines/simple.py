"""Simple answers that several kinds of data share."""

from collections import Counter
from typing import Any

from attnlab import metrics
from attnlab.sets import Prediction

Scores = dict[str, dict[str, float]]
"""By baseline, then by score."""


def larger_class(learned: list[str], gold: list[str]) -> Scores:
    """Always the most frequent class of the training data."""
    label, times = Counter(learned).most_common(1)[0]
    answers = [Prediction(label, times / len(learned))] * len(gold)
    return {"larger_class": metrics.one_class(gold, answers, {}, learned).scores}


def known_ceiling(test: Any) -> Scores:
    """Accuracy of a perfect reader, where the data know it."""
    ceiling = test.ceiling()
    return {} if ceiling is None else {"ceiling": {"accuracy": ceiling}}


def surest(classes: Any, chances: Any) -> list[Prediction]:
    """The likeliest class of each row of chances."""
    return [Prediction(str(classes[row.argmax()]), float(row.max())) for row in chances]
