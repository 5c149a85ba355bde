"""What simple answers reach on the same test data, so that a score can be judged.

Measured once per data set and kept beside the prepared data.
"""

import json
from collections import Counter
from typing import Any

import numpy as np
import torch

from attnlab import metrics
from attnlab.config import Config, FullyConnectedEncoder, LearnedEmbedding, Schedule, TaggingHead, Trainer
from attnlab.data.sources import NOT_SCORED
from attnlab.model.build import build
from attnlab.runs import write_json
from attnlab.sets import Prediction
from attnlab.training.engine import Engine
from attnlab.training.evaluate import evaluate
from attnlab.training.loop import Training

VERSION = 1
"""Of how baselines are measured."""


def baselines(config: Config, data: Any, engine: Engine) -> dict[str, dict[str, float]]:
    """Scores of simple answers on the test split, by name; none where nobody has thought of any."""
    measure = MEASURED.get((config.data.loader, config.head.name))
    if measure is None or "test" not in data.splits:
        return {}
    kept = data.folder / f"baselines-{config.head.name}-{config.head.target}-{VERSION}.json"
    if not kept.exists():
        write_json(kept, measure(config, data, engine))
    return json.loads(kept.read_text(encoding="utf-8"))


def text_tagging(config: Config, data: Any, engine: Engine) -> dict[str, dict[str, float]]:
    """Most frequent tag of each word, a window of 7 words, the ceiling.

    The window is measured on generated data, whose purpose is that it fails.
    """
    found = {"most_frequent_tag": most_frequent_tag(data, config.head.target)}
    if data.notice:
        found["window_of_7"] = window(config, data, engine)
    ceiling = data.splits["test"].ceiling()
    if ceiling is not None:
        found["ceiling"] = {"accuracy": ceiling}
    return found


def most_frequent_tag(data: Any, target: str) -> dict[str, float]:
    """Each word's most frequent tag in training; the most frequent of all tags for unseen words."""
    train, test = data.splits["train"], data.splits["test"]
    by_word: dict[str, Counter[str]] = {}
    overall = Counter[str]()
    for i, tags in enumerate(train.gold(target)):
        for word, tag in zip(train.show(i)["words"], tags, strict=True):
            if tag != NOT_SCORED:
                by_word.setdefault(word, Counter())[tag] += 1
                overall[tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in by_word.items()}
    fallback = overall.most_common(1)[0][0]
    guesses = ([best.get(word, fallback) for word in test.show(i)["words"]] for i in range(len(test)))
    answers = [Prediction(guess, None) for guess in guesses]
    return metrics.vector_classes(test.gold(target), answers, test.slices()).scores


def window(config: Config, data: Any, engine: Engine) -> dict[str, float]:
    """A fully connected layer over each word and its three neighbours on both sides, trained by the same loop."""
    settings = Config(
        task=config.task, data=config.data, embedding=LearnedEmbedding(),
        encoder=FullyConnectedEncoder(radius=3, depth=1), head=TaggingHead(target=config.head.target),
        optimizer=config.optimizer, schedule=Schedule(), trainer=Trainer(epochs=6, batch_vectors=1500), seed=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        training = Training(
            settings, build(settings, data.spec), data.splits["train"], data.splits["validation"], engine
        )
        training.run()
        return evaluate(training.evaluated_model(), data.splits["test"], engine, 1500).scores


def image_classification(config: Config, data: Any, engine: Engine) -> dict[str, dict[str, float]]:
    """The larger class, and the nearest pictures in training where they are few enough to compare."""
    train, test = data.splits["train"], data.splits["test"]
    gold, learned = test.gold(config.head.target), train.gold(config.head.target)
    label, times = Counter(learned).most_common(1)[0]
    larger = [Prediction(label, times / len(learned))] * len(gold)
    found = {"larger_class": metrics.one_class(gold, larger, {}).scores}
    neighbours = nearest_neighbours(train, test, learned)
    return (
        found
        if neighbours is None
        else found | {"nearest_neighbours": metrics.one_class(gold, neighbours, {}).scores}
    )


def nearest_neighbours(train: Any, test: Any, learned: list[str]) -> list[Prediction] | None:
    """What most of the three nearest training pictures are, by the distance of their pixels.

    None where pictures differ in size, so that pixels cannot be compared, or where comparing each with each would
    take minutes.
    """
    from sklearn.neighbors import KNeighborsClassifier

    sizes = {(h, w) for split in (train, test) for h, w in zip(split.heights, split.widths, strict=True)}
    if len(sizes) != 1:
        return None
    known, asked = (split.pixels(np.arange(len(split))).reshape(len(split), -1) for split in (train, test))
    if len(known) * asked.size > MOST_PRODUCTS:
        return None
    model = KNeighborsClassifier(n_neighbors=3, algorithm="brute").fit(known.astype(np.float32), learned)
    chances = model.predict_proba(asked.astype(np.float32))
    return [Prediction(str(model.classes_[row.argmax()]), float(row.max())) for row in chances]


MOST_PRODUCTS = 10**12
"""Of two pixels: about 20 seconds on two cores."""

MEASURED = {("text", "tagging"): text_tagging, ("image", "classification"): image_classification}
"""The baselines of each kind of data and head."""
