"""Words: each for itself, in a bag, and in a narrow window."""

from collections import Counter
from statistics import median
from typing import Any

import torch

from attnlab import metrics
from attnlab.config import AdamW, Config, FullyConnectedEncoder, LearnedEmbedding, Schedule, TaggingHead, Trainer
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.model.build import build
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores, known_ceiling, larger_class, surest
from attnlab.training.engine import Engine
from attnlab.training.evaluate import evaluate
from attnlab.training.loop import Training


def tagging(config: Config, data: Any, engine: Engine) -> Scores:
    """Most frequent tag of each word, a window of 7 words, the ceiling.

    The window is measured on generated data, whose purpose is that it fails.
    """
    found = {"most_frequent_tag": most_frequent_tag(data, config.head.target)}
    if data.notice:
        found["window_of_7"] = window(config, data, engine)
    return found | known_ceiling(data.splits["test"])


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
    """A fully connected layer over each word and its three neighbours on both sides, trained by the same loop, always
    with the same settings: what a run is tried with must not change what it is compared with."""
    engine = Engine(Trainer(device=engine.device.type))
    settings = Config(
        task=config.task, data=config.data, embedding=LearnedEmbedding(),
        encoder=FullyConnectedEncoder(radius=3, depth=1), head=TaggingHead(target=config.head.target),
        optimizer=AdamW(), schedule=Schedule(), trainer=Trainer(epochs=6, batch_vectors=1500), seed=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        training = Training(
            settings, build(settings, data.spec), data.splits["train"], data.splits["validation"], engine
        )
        training.run()
        return evaluate(training.evaluated_model(), data.splits["test"], engine, 1500).scores


def classification(config: Config, data: Any, engine: Engine) -> Scores:
    """Of classes: the larger class, naive Bayes on a bag of words, the ceiling. Of numbers: the middle one."""
    target, test = config.head.target, data.splits["test"]
    gold = test.gold(target)
    learned = data.splits["train"].gold(target)
    kind = data.spec.target(target).kind
    if kind == "number":
        return {"median": metrics.number(gold, [Prediction(median(learned), None)] * len(gold), {}).scores}
    if kind != "class":
        return {}
    bayes = {"naive_bayes": metrics.one_class(gold, naive_bayes(data, learned), {}, learned).scores}
    return larger_class(learned, gold) | bayes | known_ceiling(test)


def naive_bayes(data: Any, learned: list[str]) -> list[Prediction]:
    """Answers on the test split from how often each word occurs in texts of each class, add-one smoothed: a bag
    of words, which knows no order (McCallum & Nigam 1998, section 2.2)."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    train, test = data.splits["train"], data.splits["test"]
    bags = CountVectorizer(analyzer=lambda words: words)
    model = MultinomialNB().fit(bags.fit_transform(train.show(i)["words"] for i in range(len(train))), learned)
    chances = model.predict_proba(bags.transform(test.show(i)["words"] for i in range(len(test))))
    return surest(model.classes_, chances)
