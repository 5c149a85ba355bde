"""What hidden vectors are: words (kind `hidden_words`) or numbers (`hidden_numbers`). Made by `data/masking.py`, stored nowhere;
the head `masked` learns them."""

import math

from attnlab.targets.base import TargetKind


class HiddenWords(TargetKind):
    """Cross-entropy over the vocabulary; class −1 is not asked for."""

    metrics = ("accuracy",)
    monitor = "loss"

    def __init__(self) -> None:
        super().__init__("hidden_words", per_vector=True)

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
