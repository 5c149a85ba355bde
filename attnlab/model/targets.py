"""What a row (a vector, or a set read out) can be asked for: one class, several yes/no, a number.

Each takes rows (R, D) to what its target needs, to a loss and to answers; heads share them.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from attnlab.errors import UserError
from attnlab.model.linear import Linear
from attnlab.sets import Loss
from attnlab.spec import Target


class Answer(nn.Module):
    """A linear layer (R, D) -> (R, outputs), with the loss and the answers of one kind of target."""

    def __init__(self, target: Target, width: int, outputs: int) -> None:
        super().__init__()
        self.target = target
        self.decide = Linear(width, outputs)

    def loss(self, rows: Tensor, truth: Tensor) -> Loss:
        """Summed over what is scored."""
        raise NotImplementedError

    def answers(self, rows: Tensor) -> list[tuple[object, object]]:
        """(value, probability) of each row, in words or numbers."""
        raise NotImplementedError


class OneClass(Answer):
    """One of C classes: cross-entropy; class −1 is not scored.

    weights: of each class in the loss, or None for equal ones.
    """

    def __init__(self, target: Target, width: int, balanced: bool = False) -> None:
        super().__init__(target, width, len(target.classes))
        self.weights: Tensor | None
        self.register_buffer("weights", class_weights(target) if balanced else None, persistent=False)

    def loss(self, rows: Tensor, truth: Tensor) -> Loss:
        logits = self.decide(rows).float()  # (R, C)
        total = cross_entropy(logits, truth, self.weights, ignore_index=-1, reduction="sum")
        return Loss(total, (truth >= 0).sum())

    def answers(self, rows: Tensor) -> list[tuple[object, object]]:
        chances, chosen = self.decide(rows).float().softmax(-1).max(-1)
        classes = self.target.classes
        return [(classes[i], p) for i, p in zip(chosen.tolist(), chances.tolist(), strict=True)]


class SeveralYesNo(Answer):
    """C questions with yes (1), no (0) or unknown (−1): the value is the list of answers."""

    def __init__(self, target: Target, width: int, balanced: bool = False) -> None:
        super().__init__(target, width, len(target.classes))
        if balanced:
            raise UserError("`head.class_weights=balanced`: only for targets of one class")

    def loss(self, rows: Tensor, truth: Tensor) -> Loss:
        known = truth >= 0
        logits = self.decide(rows).float()
        each = binary_cross_entropy_with_logits(logits, truth.clamp_min(0).to(logits.dtype), reduction="none")
        return Loss((each * known).sum(), known.sum())

    def answers(self, rows: Tensor) -> list[tuple[object, object]]:
        chances = self.decide(rows).float().sigmoid().tolist()
        return [([int(p > 0.5) for p in row], row) for row in chances]


class Number(Answer):
    """A number: absolute error, in units of its spread in training; NaN is not scored.

    Right numbers and answers are float64: large ones with a small spread are the same in float32.
    """

    def __init__(self, target: Target, width: int, balanced: bool = False) -> None:
        super().__init__(target, width, 1)
        if balanced:
            raise UserError("`head.class_weights=balanced`: only for targets of one class")

    def loss(self, rows: Tensor, truth: Tensor) -> Loss:
        known = ~truth.isnan()
        wanted = ((truth.double().nan_to_num() - self.target.mean) / self.target.std).float()
        error = (self.decide(rows).float().squeeze(-1) - wanted).abs()
        return Loss((error * known).sum(), known.sum())

    def answers(self, rows: Tensor) -> list[tuple[object, object]]:
        values = self.decide(rows).double().squeeze(-1) * self.target.std + self.target.mean
        return [(value, None) for value in values.tolist()]


ANSWERS: dict[str, Callable[..., Answer]] = {
    "class": OneClass,
    "vector_classes": OneClass,
    "classes": SeveralYesNo,
    "number": Number,
    "vector_numbers": Number,
}


def class_weights(target: Target) -> Tensor:
    """Every class weighs as much in the loss as every other: N / (C · count) (King & Zeng 2001)."""
    counts = torch.tensor(target.counts, dtype=torch.float32).clamp_min(1)
    return counts.sum() / (len(counts) * counts)
