"""Graphs by what they are made of: their nodes in a bag, and how many neighbours nodes have."""

from collections import Counter
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, known_ceiling, larger_class, surest
from attnlab.training.engine import Engine


def graph(config: Config, data: Any, engine: Engine) -> Scores:
    """The larger class; logistic regressions on a bag of nodes, and on how many nodes have how many neighbours."""
    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    learned, gold = train.gold(target), test.gold(target)
    kind = data.spec.target(target).kind
    if kind == "number":
        return {"median": metrics.number(gold, [Prediction(median(learned), None)] * len(gold), {}).scores}
    if kind != "class":
        return {}
    found = larger_class(learned, gold)
    if len(set(learned)) > 1:
        found["bag_of_nodes"] = _regression(train.bags(), test.bags(), learned, gold)
        found["degree_counts"] = _regression(train.degree_counts(), test.degree_counts(), learned, gold)
    return found | known_ceiling(test)


def tagging(config: Config, data: Any, engine: Engine) -> Scores:
    """The most frequent class of labelled nodes."""
    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    counts = Counter(label for labels in train.gold(target) for label in labels if label != NOT_SCORED)
    gold, label = test.gold(target), counts.most_common(1)[0][0]
    answers = [Prediction([label] * len(labels), None) for labels in gold]
    return {"larger_class": metrics.vector_classes(gold, answers, {}).scores} | known_ceiling(test)


def _regression(
    known: NDArray[np.float64], asked: NDArray[np.float64], learned: list[str], gold: list[str]
) -> dict[str, float]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(known, learned)
    return metrics.one_class(gold, surest(model.classes_, model.predict_proba(asked)), {}, learned).scores
