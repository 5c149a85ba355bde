"""The three kinds of part that a model is made of, and what each promises."""

import re
from collections.abc import Mapping, Sequence
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
    by_vocabulary: ClassVar[Mapping[str, str]] = {}
    """Names of weights that have a row for each entry of a vocabulary, and the vocabulary's name."""
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

    of_places: ClassVar[tuple[str, ...]] = ()
    """How the names of weights begin that tell positions and edges apart. They suit one kind of data; the others suit any."""

    def __init__(self, config: EncoderConfig, spec: DataSpec) -> None:
        super().__init__()

    def layer_of(self, name: str) -> int | None:
        """The number, from 0, of the layer that a weight of this name is in; None: it is in none, as the last norm."""
        found = re.match(r"\w+\.(\d+)\.", name)
        return int(found[1]) if found else None

    def separate_layers(self) -> Sequence[nn.Module]:
        """Layers that hold most of its parameters, for `trainer.strategy=shard`: each is called once for every batch, an empty one,
        too, and nothing else reads its parameters. An encoder without such layers is gathered as a whole."""
        return ()

    def forward(self, sets: VectorSets) -> VectorSets:
        """(N, D) -> (N, D)."""
        raise NotImplementedError


class Head(nn.Module):
    """Vectors to answers.

    source_table: (V, D) vectors of the source's tokens, where answers are such tokens; else None.
    """

    kinds: ClassVar[tuple[str, ...]]
    """The kinds of target that it can learn."""
    uses_search: ClassVar[bool] = False
    """Whether it searches for its answers, so that greedy ones, which cost less, differ from them."""
    hides: ClassVar[bool] = False
    """Whether it is asked about hidden vectors, so that the model has a vector that stands in their place."""

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
