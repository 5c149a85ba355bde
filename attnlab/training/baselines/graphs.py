"""Graphs by what they are made of: their nodes in a bag, and how many neighbours nodes have."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import cast

import numpy as np
from numpy.typing import NDArray

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data, GraphSummaries
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, known_ceiling, larger_class, surest
from attnlab.training.engine import Engine


def graph(config: Config, data: Data, engine: Engine) -> Scores:
    """The larger class; logistic regressions on a bag of nodes, and on how many nodes have how many neighbours."""
    train, test, target = data.splits["train"], data.splits["test"], str(config.head.target)
    assert isinstance(train, GraphSummaries) and isinstance(test, GraphSummaries)
    kind = data.spec.target(target).kind
    if kind == "number":
        numbers, gold_numbers = (cast(Sequence[float], split.gold(target)) for split in (train, test))
        answers = [Prediction(median(numbers), None)] * len(gold_numbers)
        return {"median": metrics.number(gold_numbers, answers, {}).scores}
    if kind != "class":
        return {}
    labels, gold = ([str(label) for label in split.gold(target)] for split in (train, test))
    scores = larger_class(labels, gold)
    if len(set(labels)) > 1:
        scores["bag_of_nodes"] = _regression(train.bags(), test.bags(), labels, gold)
        scores["degree_counts"] = _regression(train.degree_counts(), test.degree_counts(), labels, gold)
    return scores | known_ceiling(test)


def tagging(config: Config, data: Data, engine: Engine) -> Scores:
    """The most frequent class of labelled nodes."""
    train, test, target = data.splits["train"], data.splits["test"], str(config.head.target)
    labels, gold = (cast(Sequence[Sequence[str]], split.gold(target)) for split in (train, test))
    counts = Counter(label for row in labels for label in row if label != NOT_SCORED)
    largest = counts.most_common(1)[0][0]
    answers = [Prediction([largest] * len(row), None) for row in gold]
    return {"larger_class": metrics.vector_classes(gold, answers, {}).scores} | known_ceiling(test)


def _regression(
    known: NDArray[np.float64], asked: NDArray[np.float64], labels: list[str], gold: list[str]
) -> dict[str, float]:
    """Scores of a logistic regression that has learned the labels of the known graphs."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(known, labels)
    return metrics.one_class(gold, surest(model.classes_, model.predict_proba(asked)), {}, labels).scores
