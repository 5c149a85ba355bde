"""Encoders with random weights, for what is so before any training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnlab import compose
from attnlab.model import build as models
from attnlab.model.interfaces import Encoder
from attnlab.registry import ENCODERS
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec, Target


@dataclass(frozen=True)
class Fresh:
    """An encoder for words in order, of which each has one place. width: D of its vectors."""

    encoder: Encoder
    width: int

    def __call__(self, vectors: Tensor) -> Tensor:
        """(L, D) vectors of the words of one sequence, in order -> (L, D)."""
        places = torch.arange(len(vectors), dtype=torch.float32)[:, None]
        return self.encoder(VectorSets.of(vectors, coords=places)).values


def fresh(words: Sequence[str], seed: int) -> Fresh:
    """The encoder that these words of `attnlab train` choose. Whatever is drawn afterwards follows from the seed, too."""
    config = compose.compose(["data=recall", "embedding=learned", "encoder.dropout=0", *words])
    spec = DataSpec(
        modality="text", num_coords=1, features=None, targets={"tags": Target("vector_classes")}, vocabularies={}
    )
    models.resolve(config, spec)
    torch.manual_seed(seed)
    return Fresh(ENCODERS.get(config.encoder.name, Encoder)(config.encoder, spec), config.encoder.width)
