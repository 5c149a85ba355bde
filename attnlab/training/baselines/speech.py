"""Recordings by their mean features, and frames by their loudness."""

from collections import Counter
from collections.abc import Sequence
from typing import cast

import numpy as np

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data, FrameSummaries
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, known_ceiling, larger_class, surest
from attnlab.training.engine import Engine

Labels = Sequence[Sequence[str]]  # of each recording, of each vector


def classification(config: Config, data: Data, engine: Engine) -> Scores:
    """The most frequent class; of several, also a logistic regression on what is heard, whenever it is heard."""
    train, test, target = data.splits["train"], data.splits["test"], str(config.head.target)
    assert isinstance(train, FrameSummaries) and isinstance(test, FrameSummaries)
    labels, gold = ([str(label) for label in split.gold(target)] for split in (train, test))
    scores = larger_class(labels, gold)
    if len(set(labels)) > 1:
        answers = regression_on_means(train, labels, test)
        scores["regression_on_means"] = metrics.one_class(gold, answers, {}, labels).scores
    return scores | known_ceiling(test)


def regression_on_means(train: FrameSummaries, labels: Sequence[str], test: FrameSummaries) -> list[Prediction]:
    """The class of each test recording by mean and standard deviation of its features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    regression.fit(train.summaries(), labels)
    return surest(regression.classes_, regression.predict_proba(test.summaries()))


def tagging(config: Config, data: Data, engine: Engine) -> Scores:
    """The most frequent class; of two classes, also a threshold on loudness that suits the training data best."""
    train, test, target = data.splits["train"], data.splits["test"], str(config.head.target)
    assert isinstance(train, FrameSummaries) and isinstance(test, FrameSummaries)
    labels, gold = (cast(Labels, split.gold(target)) for split in (train, test))
    counts = Counter(label for row in labels for label in row if label != NOT_SCORED)
    classes = [name for name, _ in counts.most_common()]
    scores = {"larger_class": vector_classes(gold, [[classes[0]] * len(row) for row in gold])}
    if len(classes) == 2:
        loud, quiet, threshold = loudness_threshold(train, labels, classes)
        answers = [[loud if x > threshold else quiet for x in levels.tolist()] for levels in test.loudness()]
        scores["loudness_threshold"] = vector_classes(gold, answers)
    return scores | known_ceiling(test)


def loudness_threshold(split: FrameSummaries, gold: Labels, classes: Sequence[str]) -> tuple[str, str, float]:
    """(class above, class below, threshold): the best of 200, on these data."""
    levels = np.concatenate(split.loudness())
    is_first = np.array([label == classes[0] for labels in gold for label in labels])
    thresholds = np.quantile(levels, np.linspace(0, 1, 200))
    accuracy = np.array([(is_first == (levels > t)).mean() for t in thresholds])
    best = int(np.abs(accuracy - 0.5).argmax())
    loud, quiet = classes if accuracy[best] > 0.5 else classes[::-1]
    return loud, quiet, float(thresholds[best])


def vector_classes(gold: Labels, answers: Labels) -> dict[str, float]:
    return metrics.vector_classes(gold, [Prediction(answer, None) for answer in answers], {}).scores
