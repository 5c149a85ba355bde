"""Pictures by their pixels."""

from typing import Any

import numpy as np

from attnlab import metrics
from attnlab.config import Config
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, larger_class, surest
from attnlab.training.engine import Engine

MOST_PRODUCTS = 10**12
"""Of two pixels: about 20 seconds on two cores."""
MOST_PIXELS = 1 << 28
"""Of all training pictures: a gigabyte as the numbers that are compared."""


def classification(config: Config, data: Any, engine: Engine) -> Scores:
    """The larger class, and the nearest pictures in training where they are few enough to compare."""
    train, test = data.splits["train"], data.splits["test"]
    gold, learned = test.gold(config.head.target), train.gold(config.head.target)
    neighbours = nearest_neighbours(train, test, learned)
    found = larger_class(learned, gold)
    if neighbours is not None:
        found["nearest_neighbours"] = metrics.one_class(gold, neighbours, {}, learned).scores
    return found


def nearest_neighbours(train: Any, test: Any, learned: list[str]) -> list[Prediction] | None:
    """What most of the three nearest training pictures are, by the distance of their pixels.

    None where pictures differ in size, so that pixels cannot be compared, or where comparing each with each would
    take minutes or more than a gigabyte.
    """
    from sklearn.neighbors import KNeighborsClassifier

    sizes = {(h, w) for split in (train, test) for h, w in zip(split.heights, split.widths, strict=True)}
    if len(sizes) != 1:
        return None
    ((height, width),) = sizes
    pixels = len(train) * int(height) * int(width) * train.data.channels
    if pixels > MOST_PIXELS or pixels * len(test) > MOST_PRODUCTS:
        return None
    known, asked = (split.pixels(np.arange(len(split))).reshape(len(split), -1) for split in (train, test))
    model = KNeighborsClassifier(n_neighbors=min(3, len(known)), algorithm="brute")
    model.fit(known.astype(np.float32), learned)
    chances = model.predict_proba(asked.astype(np.float32))
    return surest(model.classes_, chances)
