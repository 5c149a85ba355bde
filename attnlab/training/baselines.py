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


def speech_classification(config: Config, data: Any, engine: Engine) -> dict[str, dict[str, float]]:
    """The most frequent class, and a logistic regression on each recording's mean and spread of features:
    what is heard, whenever it is heard."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    right, gold = train.gold(target), test.gold(target)
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    regression.fit(train.summaries(), right)
    found = {
        "most_frequent_class": one_class(gold, [Counter(right).most_common(1)[0][0]] * len(gold)),
        "regression_on_means": one_class(gold, regression.predict(test.summaries()).tolist()),
    }
    return found | known_ceiling(test)


def speech_tagging(config: Config, data: Any, engine: Engine) -> dict[str, dict[str, float]]:
    """The most frequent class and, of two classes, a threshold on loudness that suits the training data best."""
    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    counts = Counter(label for labels in train.gold(target) for label in labels if label != NOT_SCORED)
    gold, classes = test.gold(target), [name for name, _ in counts.most_common()]
    found = {"most_frequent_class": vector_classes(gold, [[classes[0]] * len(labels) for labels in gold])}
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


def one_class(gold: list[str], guesses: list[str]) -> dict[str, float]:
    return metrics.one_class(gold, [Prediction(guess, 1.0) for guess in guesses], {}).scores


def vector_classes(gold: list[list[str]], guesses: list[list[str]]) -> dict[str, float]:
    return metrics.vector_classes(gold, [Prediction(guess, None) for guess in guesses], {}).scores


def known_ceiling(test: Any) -> dict[str, dict[str, float]]:
    ceiling = test.ceiling()
    return {} if ceiling is None else {"ceiling": {"accuracy": ceiling}}


MEASURED = {
    ("text", "tagging"): text_tagging,
    ("speech", "classification"): speech_classification,
    ("speech", "tagging"): speech_tagging,
}
"""The baselines of each kind of data and head."""
