"""Pictures by their pixels."""

from collections.abc import Sequence

import numpy as np

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data, PictureSplit
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, larger_class, surest
from attnlab.training.engine import Engine

MAX_PRODUCTS = 10**12
"""Of two pixels: about 20 seconds on two cores."""
MAX_PIXELS = 1 << 28
"""Of all training pictures: a gigabyte as the numbers that are compared."""


def classification(config: Config, data: Data, engine: Engine) -> Scores:
    """The larger class, and the nearest pictures in training where they are few enough to compare."""
    train, test, target = data.splits["train"], data.splits["test"], str(config.head.target)
    assert isinstance(train, PictureSplit) and isinstance(test, PictureSplit)
    labels, gold = ([str(label) for label in split.gold(target)] for split in (train, test))
    neighbours = nearest_neighbours(train, test, labels)
    scores = larger_class(labels, gold)
    if neighbours is not None:
        scores["nearest_neighbours"] = metrics.one_class(gold, neighbours, {}, labels).scores
    return scores


def nearest_neighbours(train: PictureSplit, test: PictureSplit, labels: Sequence[str]) -> list[Prediction] | None:
    """What most of the three nearest training pictures are, by the distance of their pixels.

    labels: of the training pictures. None where pictures differ in size, so that pixels cannot be compared, or where
    comparing each with each would take minutes or more than a gigabyte.
    """
    from sklearn.neighbors import KNeighborsClassifier

    sizes = {(h, w) for split in (train, test) for h, w in zip(split.heights, split.widths, strict=True)}
    if len(sizes) != 1:
        return None
    ((height, width),) = sizes
    pixels = len(train) * int(height) * int(width) * train.channels
    if pixels > MAX_PIXELS or pixels * len(test) > MAX_PRODUCTS:
        return None
    known, asked = (split.pixels(np.arange(len(split))).reshape(len(split), -1) for split in (train, test))
    model = KNeighborsClassifier(n_neighbors=min(3, len(known)), algorithm="brute")
    model.fit(known.astype(np.float32), labels)
    return surest(model.classes_, model.predict_proba(asked.astype(np.float32)))
