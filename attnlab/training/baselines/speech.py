"""Recordings by how they sound on the whole, and frames by how loud they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attnlab.data.contract import FrameSummaries
from attnlab.registry import BASELINES
from attnlab.sets import Prediction
from attnlab.training.baselines.base import Baseline, Problem, label_lists
from attnlab.training.baselines.simple import Regression, label_counts


@BASELINES.register("regression_on_means")
class RegressionOnMeans(Regression):
    """A logistic regression on the mean and standard deviation over time of each recording's features."""

    split_type = FrameSummaries
    method = "summaries"
    max_iter = 300


@BASELINES.register("loudness_threshold")
class LoudnessThreshold(Baseline):
    """Of two classes, the threshold on loudness that suits the training data best."""

    def fits(self, problem: Problem) -> bool:
        is_speech = problem.kind == "vector_classes" and isinstance(problem.train, FrameSummaries)
        return is_speech and len(problem.data.spec.target(problem.target).classes) == 2

    def scores(self, problem: Problem) -> dict[str, float]:
        train, test = problem.train, problem.scored
        assert isinstance(train, FrameSummaries) and isinstance(test, FrameSummaries)
        classes = [name for name, _ in label_counts(problem).most_common()]
        loud, quiet, threshold = loudness_threshold(train.loudness(), label_lists(problem.learned), classes)
        answers = ([loud if x > threshold else quiet for x in levels.tolist()] for levels in test.loudness())
        return problem.measure([Prediction(labels, None) for labels in answers])


def loudness_threshold(
    loudness: Sequence[NDArray[np.float32]], gold: Sequence[Sequence[str]], classes: Sequence[str]
) -> tuple[str, str, float]:
    """(class above, class below, threshold): the best of 200, on these data."""
    levels = np.concatenate(loudness)
    is_first = np.array([label == classes[0] for labels in gold for label in labels])
    thresholds = np.quantile(levels, np.linspace(0, 1, 200))
    accuracy = np.array([(is_first == (levels > threshold)).mean() for threshold in thresholds])
    best = int(np.abs(accuracy - 0.5).argmax())
    loud, quiet = classes if accuracy[best] > 0.5 else classes[::-1]
    return loud, quiet, float(thresholds[best])
