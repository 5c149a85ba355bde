"""Pictures by their pixels."""

import numpy as np

from attnlab.data.contract import PictureSplit
from attnlab.registry import BASELINES
from attnlab.training.baselines.base import Baseline, Problem
from attnlab.training.baselines.simple import most_probable

MAX_PRODUCTS = 10**12
"""Of two pixels: about 20 seconds on two cores."""
MAX_PIXELS = 1 << 28
"""Of all training pictures: a gigabyte as the numbers that are compared."""


@BASELINES.register("nearest_neighbours")
class NearestNeighbours(Baseline):
    """The class of most of the three nearest training pictures, by the distance of their pixels."""

    def fits(self, problem: Problem) -> bool:
        """Not where pictures differ in size, so that pixels cannot be compared, or where comparing each with each would
        take minutes or more than a gigabyte."""
        train, test = problem.train, problem.scored
        if not (isinstance(train, PictureSplit) and isinstance(test, PictureSplit)):
            return False
        sizes = {(h, w) for split in (train, test) for h, w in zip(split.heights, split.widths, strict=True)}
        pixels = len(train) * train.channels * max(int(h) * int(w) for h, w in sizes)
        return len(sizes) == 1 and pixels <= MAX_PIXELS and pixels * len(test) <= MAX_PRODUCTS

    def scores(self, problem: Problem) -> dict[str, float]:
        from sklearn.neighbors import KNeighborsClassifier

        train, test = problem.train, problem.scored
        assert isinstance(train, PictureSplit) and isinstance(test, PictureSplit)
        known, asked = (split.pixels(np.arange(len(split))).reshape(len(split), -1) for split in (train, test))
        model = KNeighborsClassifier(n_neighbors=min(3, len(known)), algorithm="brute")
        model.fit(known.astype(np.float32), problem.learned)
        return problem.measure(most_probable(model.classes_, model.predict_proba(asked.astype(np.float32))))
