"""How far the vectors lie on which one vector can depend, layer by layer: its receptive field, from the configuration alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from attnlab.choices import listed
from attnlab.config import (
    AttentionEncoder,
    Config,
    ConvolutionEncoder,
    FullyConnectedEncoder,
    GraphConvEncoder,
    StridedConvolutionEmbedding,
)
from attnlab.model.attention.scopes import ByDifferences, ByEdges, Scope, scope_of
from attnlab.spec import DataSpec


@dataclass(frozen=True)
class Reach:
    """How many vectors lie between one and the first and last that it depends on, along each axis of a line or grid, or in
    steps along edges. None: there is no bound but the set."""

    before: int | None
    after: int | None

    def __add__(self, other: "Reach") -> "Reach":
        return Reach(_sum(self.before, other.before), _sum(self.after, other.after))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def reaches(config: Config, spec: DataSpec) -> list[Reach]:
    """After each layer of the encoder, of the vectors that it is given; empty for an encoder of a plugin. Layers add up: what a
    vector sees has itself seen as far (Luo et al. 2016, section 1)."""
    found, total = list[Reach](), Reach(0, 0)
    for layer in _layers(config, spec):
        total += layer
        found.append(total)
    return found


def _layers(config: Config, spec: DataSpec) -> Iterator[Reach]:
    encoder, embedding = config.encoder, config.embedding
    # Vectors that a strided embedding leaves keep their coordinates, so that fewer of them are near.
    stride = embedding.stride if isinstance(embedding, StridedConvolutionEmbedding) else 1
    if isinstance(encoder, AttentionEncoder):
        scopes = [scope_of(word, spec) for word in listed(encoder.scope)]
        yield from (_of_scope(scopes[number % len(scopes)], stride) for number in range(encoder.depth))
    elif isinstance(encoder, ConvolutionEncoder):
        yield from [Reach(encoder.radius // stride, encoder.radius // stride)] * encoder.depth
    elif isinstance(encoder, FullyConnectedEncoder):  # neighbours in order, whatever their coordinates
        yield from [Reach(encoder.radius, encoder.radius)] * encoder.depth
    elif isinstance(encoder, GraphConvEncoder):
        yield from [Reach(1, 1)] * encoder.depth
    elif encoder.name == "recurrent":  # both directions read the whole set
        yield from [Reach(None, None)] * encoder.depth


def _of_scope(scope: Scope, stride: int) -> Reach:
    if isinstance(scope, ByEdges):
        return Reach(1, 1)
    if isinstance(scope, ByDifferences) and scope.bound is not None:
        return Reach(int(scope.bound) // stride, int(scope.bound) // stride)
    return Reach(None, 0 if isinstance(scope, ByDifferences) and scope.causal else None)
