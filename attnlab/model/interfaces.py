"""The three kinds of part that a model is made of, and what each promises."""

from typing import ClassVar

from torch import nn

from attnlab.config import EmbeddingConfig, EncoderConfig, HeadConfig
from attnlab.metrics import chosen
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec
from attnlab.targets import kind_named


class Embedding(nn.Module):
    """Values to vectors of the model's width D."""

    needs_parts: ClassVar[bool] = False
    """Whether batches must carry what their vectors are made of (the characters of words)."""
    numbers: ClassVar[bool | None] = False
    """Whether it takes vectors of numbers; otherwise ids. None: another embedding takes its place, see `resolved`."""
    stride: int = 1
    """Of each set only every stride-th vector remains; where it is above 1, heads cannot answer for each vector."""

    def __init__(self, config: EmbeddingConfig, spec: DataSpec, width: int) -> None:
        super().__init__()

    @classmethod
    def resolved(cls, config: EmbeddingConfig, spec: DataSpec) -> EmbeddingConfig:
        """The keys that the model is built from, and its run keeps: `config`, with what the data decide filled in."""
        return config

    def start_from_files(self, config: EmbeddingConfig, spec: DataSpec) -> None:
        """Put in what files bring, when training starts; a saved run brings its own."""

    def forward(self, sets: VectorSets) -> VectorSets:
        """Ids (N,) or numbers (N, F) -> (N, D)."""
        raise NotImplementedError


class Encoder(nn.Module):
    """Vectors to vectors that depend on the others of their set."""

    def __init__(self, config: EncoderConfig, spec: DataSpec) -> None:
        super().__init__()

    def forward(self, sets: VectorSets) -> VectorSets:
        """(N, D) -> (N, D)."""
        raise NotImplementedError


class Head(nn.Module):
    """Vectors to answers.

    source_table: (V, D) vectors of the source's tokens, where answers are tokenised as the source is; else None.
    """

    kinds: ClassVar[tuple[str, ...]]
    """The kinds of target that it can learn."""
    uses_search: ClassVar[bool] = False
    """Whether it searches for its answers, so that greedy ones, which cost less, differ from them."""

    def __init__(
        self, config: HeadConfig, spec: DataSpec, width: int, source_table: nn.Embedding | None = None
    ) -> None:
        super().__init__()
        assert config.target is not None, "filled in from the data before the model is built"
        self.target = config.target
        target = spec.target(self.target)
        self.kind, self.classes = target.kind, target.classes
        usual = kind_named(target.kind)
        self.metrics = chosen(config.metrics or usual.usual_metrics(target.classes), target.kind, target.classes)
        self.top: int | None = None
        """Classes of which probabilities are kept with each prediction, at least; None: as many as is usual."""
        self.monitor = usual.monitor if usual.monitor in self.metrics else self.metrics[0]
        assert self.kind in self.kinds, "refused when the model was built"

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """(N, D) and the batch's targets -> () sum over what is scored, and () how many were summed."""
        raise NotImplementedError

    def count(self, targets: Targets) -> int:
        """How many answers of a batch `loss` sums over; known before it is computed."""
        return kind_named(self.kind).count(targets[self.target])

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        """(N, D) -> an answer for each of the B sets, in words or numbers. greedy: for validations during training, a head
        that searches for its answers takes the best token at each step."""
        raise NotImplementedError
