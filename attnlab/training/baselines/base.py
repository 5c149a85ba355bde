"""What a simple answer is, and what it is measured on."""

from collections.abc import Sequence
from functools import cached_property
from typing import cast

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data, Gold, Split
from attnlab.sets import Prediction
from attnlab.targets import kind_named
from attnlab.training.engine import Engine

OF_TEXTS = ("bleu", "chrf", "exact_match", "wer", "cer")
"""The scores that are shown where answers are texts."""


class NothingToSay(Exception):
    """Why a baseline has no answer to these data, though it fits such problems."""


class Problem:
    """The target that a run learns, of some `kind`, the data that it learns it from, and those that answers are scored on:
    `scored`, the split of this name."""

    def __init__(self, config: Config, data: Data, engine: Engine, split: str = "test") -> None:
        assert config.head.target is not None, "filled in when the model was built"
        self.config, self.data, self.engine = config, data, engine
        self.train, self.scored = data.splits["train"], data.splits[split]
        target = data.spec.target(config.head.target)
        self.target, self.kind, self.classes = config.head.target, target.kind, target.classes
        self.undefined: dict[str, str] = {}
        """Of the answers that were measured last: the scores that would say nothing, and why."""

    @property
    def metrics(self) -> Sequence[str]:
        """The scores by which answers are measured: those of the run, or the usual ones."""
        if self.config.head.metrics:
            return self.config.head.metrics
        return OF_TEXTS if self.kind == "sequence" else kind_named(self.kind).usual_metrics(self.classes)

    @cached_property
    def learned(self) -> Sequence[Gold]:
        """The right answers of the training data."""
        return self.train.gold(self.target)

    @cached_property
    def gold(self) -> Sequence[Gold]:
        """The right answers of the split that is scored."""
        return self.scored.gold(self.target)

    def shows(self, name: str) -> bool:
        """Whether the examples of these data show a `name`, such as `words`, and so are text."""
        return len(self.train) > 0 and name in self.train.show(0)

    def measure(self, answers: Sequence[Prediction]) -> dict[str, float]:
        """The scores of an answer for each example of the split that is scored."""
        classes = cast(Sequence[str], self.learned) if self.kind == "class" else self.classes
        comparison = metrics.Comparison(self.kind, self.gold, answers, classes)
        measured = metrics.measure(self.metrics, comparison, cast(metrics.Slices, self.scored.slices()))
        self.undefined = measured.undefined
        return measured.scores


class Baseline:
    """A simple answer, beside which the scores of a run stand. It is registered by `@BASELINES.register(name)`."""

    def fits(self, problem: Problem) -> bool:
        """Whether it has an answer to such a problem; asked at the start of every run."""
        raise NotImplementedError

    def scores(self, problem: Problem) -> dict[str, float]:
        """Its scores on `problem.scored`; measured once for each prepared data set, target and split, those of plugins for
        every run.

        Raises NothingToSay where these data give it nothing to learn from.
        """
        raise NotImplementedError


def shown_words(split: Split) -> list[list[str]]:
    """The words of each example."""
    return [cast(list[str], split.show(i)["words"]) for i in range(len(split))]


def label_lists(gold: Sequence[Gold]) -> Sequence[Sequence[str]]:
    """Right answers of the kind `vector_classes`: a label for each vector of each example."""
    return cast(Sequence[Sequence[str]], gold)
