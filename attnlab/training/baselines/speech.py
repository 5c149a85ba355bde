"""Recordings by how they sound on the whole, and frames by how loud they are."""

from collections import Counter
from typing import Any

import numpy as np

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, known_ceiling, larger_class, surest
from attnlab.training.engine import Engine


def classification(config: Config, data: Any, engine: Engine) -> Scores:
    """The most frequent class and, of several, a logistic regression on each recording's mean and spread of features:
    what is heard, whenever it is heard."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    right, gold = train.gold(target), test.gold(target)
    if len(set(right)) == 1:
        return larger_class(right, gold) | known_ceiling(test)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    regression.fit(train.summaries(), right)
    answers = surest(regression.classes_, regression.predict_proba(test.summaries()))
    means = {"regression_on_means": metrics.one_class(gold, answers, {}, right).scores}
    return larger_class(right, gold) | means | known_ceiling(test)


def tagging(config: Config, data: Any, engine: Engine) -> Scores:
    """The most frequent class and, of two classes, a threshold on loudness that suits the training data best."""
    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    counts = Counter(label for labels in train.gold(target) for label in labels if label != NOT_SCORED)
    gold, classes = test.gold(target), [name for name, _ in counts.most_common()]
    found = {"larger_class": vector_classes(gold, [[classes[0]] * len(labels) for labels in gold])}
    if len(classes) == 2:
        loud, quiet, threshold = loudness_threshold(train.loudness(), train.gold(target), classes)
        guesses = [[loud if x > threshold else quiet for x in levels.tolist()] for levels in test.loudness()]
        found["loudness_threshold"] = vector_classes(gold, guesses)
    return found | known_ceiling(test)


def loudness_threshold(loudness: Any, gold: Any, classes: list[str]) -> tuple[str, str, float]:
    """(class above, class below, threshold): the best of 200, on these data."""
    levels = np.concatenate(loudness)
    first = np.array([label == classes[0] for labels in gold for label in labels])
    thresholds = np.quantile(levels, np.linspace(0, 1, 200))
    right = np.array([(first == (levels > t)).mean() for t in thresholds])
    best = int(np.abs(right - 0.5).argmax())
    loud, quiet = classes if right[best] > 0.5 else classes[::-1]
    return loud, quiet, float(thresholds[best])


def vector_classes(gold: list[list[str]], guesses: list[list[str]]) -> dict[str, float]:
    return metrics.vector_classes(gold, [Prediction(guess, None) for guess in guesses], {}).scores
