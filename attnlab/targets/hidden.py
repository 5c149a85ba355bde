"""What hidden vectors are: words (kind `hidden_words`) or numbers (`hidden_numbers`). Made by `data/masking.py`, stored nowhere;
the head `masked` learns them."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from attnlab.metrics import NOT_SCORED, Value
from attnlab.sets import VectorSets
from attnlab.spec import Target
from attnlab.targets.base import TargetKind, entropy


class HiddenWords(TargetKind):
    """Cross-entropy over the vocabulary; class −1 is not asked for."""

    metrics = ("accuracy",)
    monitor = "loss"

    def __init__(self) -> None:
        super().__init__("hidden_words", per_vector=True)

    def count(self, truth: Tensor | VectorSets) -> int:
        assert isinstance(truth, Tensor), "targets of these kinds are no sequences"
        return int((truth >= 0).sum())

    def constant_loss(self, gold: Sequence[Value], target: Target) -> float:
        words = Counter(word for answer in gold for word in answer if word != NOT_SCORED)
        return entropy(list(words.values()))

    def from_loss(self, loss: float) -> dict[str, float]:
        """Perplexity: among so many equally probable words one would be as uncertain."""
        return {"perplexity": math.exp(min(loss, 700.0))}


class HiddenNumbers(TargetKind):
    """Absolute error, in the unit that the model is given: standard deviations of the training data. NaN is not asked for."""

    metrics = ("explained_variance",)
    monitor = "loss"
    told = False

    def __init__(self) -> None:
        super().__init__("hidden_numbers", per_vector=True)

    def count(self, truth: Tensor | VectorSets) -> int:
        assert isinstance(truth, Tensor), "targets of these kinds are no sequences"
        return int((~truth.isnan()).sum())

    def constant_loss(self, gold: Sequence[Value], target: Target) -> float:
        """Of the vector of medians."""
        vectors = np.vstack(list(gold))
        return float(np.nanmean(np.abs(vectors - np.nanmedian(vectors, axis=0))))
