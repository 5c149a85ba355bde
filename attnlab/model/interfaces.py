"""The three kinds of part that a model is made of, and what each promises."""

from typing import Any, ClassVar

from torch import nn

from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Embedding(nn.Module):
    """Values to vectors: (N,) ids or (N, F) numbers -> (N, D). Built from (config, spec, width)."""

    needs_parts: ClassVar[bool] = False
    """Whether batches must carry what their vectors are made of (the characters of words)."""
    numbers: ClassVar[bool] = False
    """Whether it takes vectors of numbers; otherwise ids."""
    shortens: ClassVar[bool] = False
    """Whether fewer vectors come out than go in, so that heads cannot answer for each of them."""

    def forward(self, sets: VectorSets) -> VectorSets:
        raise NotImplementedError


class Encoder(nn.Module):
    """Vectors to vectors that know of each other: (N, D) -> (N, D). Built from (config, spec)."""

    def forward(self, sets: VectorSets) -> VectorSets:
        raise NotImplementedError


class Head(nn.Module):
    """Vectors to answers. Built from (config, spec, width)."""

    kinds: ClassVar[tuple[str, ...]]
    """The kinds of target that it can learn."""

    searches: ClassVar[bool] = False
    """Whether it searches for its answers, so that they may cost less where there is hurry."""

    def __init__(self, config: Any, spec: DataSpec, width: int) -> None:
        super().__init__()
        self.target: str = config.target
        self.kind, self.classes = spec.target(config.target).kind, spec.target(config.target).classes
        assert self.kind in self.kinds, "refused when the model was built"

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """Summed over what is scored, with the number of things summed."""
        raise NotImplementedError

    def predict(self, encoded: VectorSets, hurried: bool = False) -> list[Prediction]:
        """One answer for each set, in words or numbers.

        hurried: for validations during training; a head that searches for its answer may search less.
        """
        raise NotImplementedError
