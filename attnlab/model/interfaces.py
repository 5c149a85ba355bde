"""The three kinds of part that a model is made of, and what each promises."""

from typing import ClassVar

from torch import nn

from attnlab.errors import UserError
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

    def __init__(self, target: str, spec: DataSpec) -> None:
        """target: the one that it learns; refused where the data lack it or it is of another kind."""
        super().__init__()
        self.target = target
        self.kind = spec.target(target).kind
        if self.kind not in self.kinds:
            raise UserError(
                f"`head.target={target}` is of kind `{self.kind}`, but `head={type(self).__name__.lower()}` learns "
                f"{' or '.join(self.kinds)}"
            )

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """Summed over what is scored, with the number of things summed."""
        raise NotImplementedError

    def predict(self, encoded: VectorSets) -> list[Prediction]:
        """One answer for each set, in words or numbers."""
        raise NotImplementedError
