"""The three kinds of part that a model is made of, and what each promises."""

from typing import ClassVar

from torch import Tensor, nn

from attnlab.sets import Loss, Prediction, VectorSets


class Embedding(nn.Module):
    """Values to vectors: (N,) ids or (N, F) numbers -> (N, D). Built from (config, spec, width)."""

    needs_parts: ClassVar[bool] = False
    """Whether batches must carry what their vectors are made of (the characters of words)."""

    def forward(self, sets: VectorSets) -> VectorSets:
        raise NotImplementedError


class Encoder(nn.Module):
    """Vectors to vectors that know of each other: (N, D) -> (N, D). Built from (config, spec)."""

    def forward(self, sets: VectorSets) -> VectorSets:
        raise NotImplementedError


class Head(nn.Module):
    """Vectors to answers. Built from (config, spec, width)."""

    name: ClassVar[str]
    """Its choice in the configuration, and how `metrics.MEASURES` measures it."""
    monitor: ClassVar[str]
    """The validation score that picks the best weights unless `trainer.monitor` names another."""
    target: str
    """The target that it learns."""

    def loss(self, encoded: VectorSets, targets: dict[str, Tensor]) -> Loss:
        """Summed over what is scored, with the number of things summed."""
        raise NotImplementedError

    def predict(self, encoded: VectorSets) -> list[Prediction]:
        """One answer for each set, in words or numbers."""
        raise NotImplementedError
