"""Words: each for itself, in a bag, and in a narrow window."""

from collections import Counter

import torch

from attnlab import config as keys
from attnlab.metrics import NOT_SCORED
from attnlab.model.build import build
from attnlab.registry import BASELINES
from attnlab.sets import Prediction
from attnlab.training.baselines.base import Baseline, Problem, label_lists, shown_words
from attnlab.training.baselines.simple import most_frequent_label, most_probable
from attnlab.training.engine import Engine
from attnlab.training.evaluate import evaluate
from attnlab.training.loop import Training
from attnlab.training.parts import Parts


@BASELINES.register("most_frequent_tag")
class MostFrequentTag(Baseline):
    """Each word's most frequent tag in training; the most frequent of all tags for unseen words."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "vector_classes" and problem.shows("words")

    def scores(self, problem: Problem) -> dict[str, float]:
        by_word: dict[str, Counter[str]] = {}
        for words, tags in zip(shown_words(problem.train), label_lists(problem.learned), strict=True):
            for word, tag in zip(words, tags, strict=True):
                if tag != NOT_SCORED:
                    by_word.setdefault(word, Counter())[tag] += 1
        best = {word: tags.most_common(1)[0][0] for word, tags in by_word.items()}
        fallback = most_frequent_label(problem)
        answers = ([best.get(word, fallback) for word in words] for words in shown_words(problem.scored))
        return problem.measure([Prediction(tags, None) for tags in answers])


@BASELINES.register("window_of_7")
class WindowOf7(Baseline):
    """A fully connected layer over each word and its three neighbours on both sides, trained by the same loop.

    Always with the same settings: what a run is tried with must not change what it is compared with. It is measured on generated data, whose purpose is that it fails.
    """

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "vector_classes" and problem.shows("words") and bool(problem.data.notice)

    def scores(self, problem: Problem) -> dict[str, float]:
        engine, data = Engine(keys.Trainer(device=problem.engine.device.type)), problem.data
        settings = keys.Config(
            task=problem.config.task, data=problem.config.data, embedding=keys.LearnedEmbedding(),
            encoder=keys.FullyConnectedEncoder(radius=3, depth=1), head=keys.TaggingHead(target=problem.target),
            optimizer=keys.AdamW(), schedule=keys.CosineSchedule(), seed=1,
            trainer=keys.Trainer(epochs=6, batch_vectors=1500),
        )  # fmt: skip
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            training = Training(settings, build(settings, data.spec), Parts.alone(settings, data), engine)
            training.run()
            return evaluate(training.learned.evaluated.parts[""], problem.scored, engine, 1500).scores


@BASELINES.register("naive_bayes")
class NaiveBayes(Baseline):
    """Multinomial naive Bayes on how often each word occurs, in any order, with add-one smoothing.

    McCallum & Nigam 1998, section 2.2.
    """

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "class" and problem.shows("words")

    def scores(self, problem: Problem) -> dict[str, float]:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.naive_bayes import MultinomialNB

        bags = CountVectorizer(analyzer=lambda words: words)
        model = MultinomialNB().fit(bags.fit_transform(shown_words(problem.train)), problem.learned)
        probabilities = model.predict_proba(bags.transform(shown_words(problem.scored)))
        return problem.measure(most_probable(model.classes_, probabilities))
