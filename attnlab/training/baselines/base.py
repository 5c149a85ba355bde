"""What a simple answer is, and what it is measured on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data, Gold, Split
from attnlab.sets import Prediction
from attnlab.training.engine import Engine

Scores = dict[str, dict[str, float]]
"""By baseline, then by score."""
OF_TEXTS = ("bleu", "chrf", "exact_match", "wer", "cer")
"""The scores that are shown where answers are texts."""


@dataclass(frozen=True)
class Problem:
    """The target that a run learns, and the data that it learns it from and is tested on."""

    config: Config
    data: Data
    engine: Engine

    @property
    def train(self) -> Split:
        return self.data.splits["train"]

    @property
    def test(self) -> Split:
        return self.data.splits["test"]

    @property
    def target(self) -> str:
        assert self.config.head.target is not None, "filled in when the model was built"
        return self.config.head.target

    @property
    def kind(self) -> str:
        """The kind of target: `class`, `vector_classes`, `number`, …"""
        return self.data.spec.target(self.target).kind

    @cached_property
    def learned(self) -> Sequence[Gold]:
        """The right answers of the training data."""
        return self.train.gold(self.target)

    @cached_property
    def gold(self) -> Sequence[Gold]:
        """The right answers of the test data."""
        return self.test.gold(self.target)

    def shows(self, name: str) -> bool:
        """Whether the examples of these data show a `name`, such as `words`, and so are text."""
        return len(self.train) > 0 and name in self.train.show(0)

    def measure(self, answers: Sequence[Prediction]) -> dict[str, float]:
        """The scores of an answer for each test example."""
        classes = cast(Sequence[str], self.learned) if self.kind == "class" else ()
        slices = cast(metrics.Slices, self.test.slices())
        scores = metrics.MEASURES[self.kind](self.gold, answers, slices, classes).scores
        return {name: scores[name] for name in OF_TEXTS} if self.kind == "sequence" else scores


class Baseline:
    """A simple answer, beside which the scores of a run stand. It is registered by `@BASELINES.register(name)`."""

    def fits(self, problem: Problem) -> bool:
        """Whether it has an answer to such a problem; asked at the start of every run."""
        raise NotImplementedError

    def scores(self, problem: Problem) -> dict[str, float]:
        """Its scores on the test data; measured once for each prepared data set and target."""
        raise NotImplementedError


def label_lists(gold: Sequence[Gold]) -> Sequence[Sequence[str]]:
    """Right answers of the kind `vector_classes`: a label for each vector of each example."""
    return cast(Sequence[Sequence[str]], gold)
