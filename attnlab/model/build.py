"""A model is an embedding, an encoder and a head; the configuration names them, the data size them."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from attnlab import registry
from attnlab.attention_options import parse_count
from attnlab.config import Config, LearnedEmbedding, LinearEmbedding, Seq2seqHead
from attnlab.errors import UserError
from attnlab.model.embeddings import EMBEDDINGS, Learned, Pretrained, vector_width
from attnlab.model.encoders.attention import Attention
from attnlab.model.encoders.convolution import Convolution
from attnlab.model.encoders.fully_connected import FullyConnected
from attnlab.model.encoders.graph_conv import GraphConv
from attnlab.model.encoders.recurrent import Recurrent
from attnlab.model.heads.classification import Classification
from attnlab.model.heads.graph import Graph
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.model.heads.tagging import Tagging
from attnlab.model.interfaces import Embedding, Encoder, Head
from attnlab.sets import Batch, Loss, Prediction, VectorSets
from attnlab.spec import DataSpec

ENCODERS: dict[str, type[Encoder]] = {
    "attention": Attention,
    "recurrent": Recurrent,
    "convolution": Convolution,
    "fully_connected": FullyConnected,
    "graph_conv": GraphConv,
}
HEADS: dict[str, type[Head]] = {
    "tagging": Tagging,
    "classification": Classification,
    "graph": Graph,
    "seq2seq": Seq2seq,
}


class Model(nn.Module):
    """embed → encode → decide."""

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__()
        _check_target(config, spec)
        width = config.encoder.width
        embedding = EMBEDDINGS[config.embedding.name]
        if embedding.numbers == (spec.features is None):
            fitting = ", ".join(
                sorted(n for n, e in EMBEDDINGS.items() if e.numbers == (spec.features is not None))
            )
            given = "ids" if spec.features is None else "vectors of numbers"
            raise UserError(
                f"`embedding={config.embedding.name}`: {spec.modality} data are {given}; choose one of {fitting}"
            )
        self.embedding = embedding(config.embedding, spec, width)
        self.encoder = registry.ENCODERS.get(config.encoder.name, Encoder)(config.encoder, spec)
        self.head = _head(config, spec, self.embedding)
        if self.embedding.shortens and self.head.kind in ("vector_classes", "vector_numbers"):
            raise UserError(
                f"`embedding={config.embedding.name}` shortens sets, but `head={config.head.name}` answers for each "
                "vector; use `embedding=linear`"
            )

    def encode(self, inputs: VectorSets) -> VectorSets:
        return self.encoder(self.embedding(inputs))

    def forward(self, batch: Batch) -> Loss:
        return self.head.loss(self.encode(batch.inputs), batch.targets)

    @torch.no_grad()
    def predict(self, inputs: VectorSets) -> list[Prediction]:
        return self.head.predict(self.encode(inputs))


def _check_target(config: Config, spec: DataSpec) -> None:
    """Refuse a head that cannot learn its target from these data, with a word about those that can."""
    name, wanted = config.head.name, config.head.target
    if wanted in spec.targets and spec.targets[wanted].kind in HEADS[name].kinds:
        if spec.targets[wanted].kind in ("class", "vector_classes") and not spec.targets[wanted].classes:
            raise UserError(f"`head.target={wanted}`: no label in the training data says what is right")
        return
    fitting = {n: [h for h, head in HEADS.items() if t.kind in head.kinds] for n, t in spec.targets.items()}
    offered = "; ".join(
        f"`{n}` ({t.kind}) for head={' or '.join(fitting[n])}" for n, t in spec.targets.items() if fitting[n]
    )
    where = "`data`" if wanted is None else f"`head.target={wanted}`"
    raise UserError(
        f"{where}: head={name} learns {' or '.join(HEADS[name].kinds)}; "
        f"the data have {offered or 'nothing to be learned'}"
    )


def _head(config: Config, spec: DataSpec, embedding: Embedding) -> Head:
    head, width = HEADS[config.head.name], config.encoder.width
    if not issubclass(head, Seq2seq) or spec.targets[config.head.target].codec != "source":
        return head(config.head, spec, width)
    if not isinstance(embedding, Learned):
        raise UserError(f"`data.joint_vocabulary=true` needs embedding=learned, not {config.embedding.name}")
    return head(config.head, spec, width, embedding.table)


def needs_parts(config: Config) -> bool:
    """Whether the embedding looks into its vectors (characters of words)."""
    return config.embedding.name != "auto" and EMBEDDINGS[config.embedding.name].needs_parts


def resolve(config: Config, spec: DataSpec) -> None:
    """Fill in what only files and data know, before the configuration is saved."""
    fit(config, spec)
    if config.embedding.name == "pretrained" and config.embedding.features is None:
        config.embedding.features = vector_width(Path(config.embedding.path).expanduser())
    if config.encoder.parameters is not None:
        head = config.head
        multiple = 2 * head.heads if isinstance(head, Seq2seqHead) else 1
        config.encoder.width = matching_width(config.encoder, spec, multiple)


def matching_width(encoder: Any, spec: DataSpec, multiple: int = 1) -> int:
    """The width, a multiple of what the head asks for, that brings an encoder nearest to `encoder.parameters`."""
    wanted, step = parse_count(encoder.parameters), math.lcm(encoder.width_step, multiple)

    def size(steps: int) -> int:
        with torch.device("meta"):  # sizes without numbers
            return count_parameters(ENCODERS[encoder.name](replace(encoder, width=steps * step), spec))

    low = max(1, spec.num_coords)  # two numbers of a head for each coordinate, which positions need
    high = 2 * low
    if size(low) > wanted:
        raise UserError(
            f"`encoder.parameters={encoder.parameters}`: encoder={encoder.name} has at least {size(low):,} "
            "with these keys; ask for more, or lower encoder.depth"
        )
    while size(high) <= wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= wanted else (low, middle)
    return step * min((low, high), key=lambda steps: abs(size(steps) - wanted))


def build(config: Config, spec: DataSpec) -> Model:
    """A model with random weights, for the data that `spec` describes."""
    fit(config, spec)
    return Model(config, spec)


def check_places(config: Config, spec: DataSpec, splits: Mapping[str, Any]) -> None:
    """Refuse data with places that a learned position would have no vector for, before anything is trained.

    splits: by name, as `attnlab.data.contract.Split` describes them.
    """
    for name, split in splits.items():
        for owner, told, farthest in (("encoder", "a set", _places), ("head", "an answer", _answer_places)):
            node = getattr(config, owner)
            if getattr(node, "position", None) != "learned":
                continue
            places = farthest(config, spec, split)
            if places > node.max_position:
                raise UserError(
                    f"`{owner}.max_position={node.max_position}`: {told} of the {name} split takes {places} places; "
                    f"learn at least so many, or choose another {owner}.position"
                )


def _places(config: Config, spec: DataSpec, split: Any) -> int:
    """How many places a split's vectors have along a coordinate, counted from 0."""
    lengths = split.lengths.reshape(len(split), -1)[:, 0]
    if spec.num_coords == 1:
        step = config.embedding.stride if EMBEDDINGS[config.embedding.name].shortens else 1
        return int((lengths.max() - 1) // step * step + 1)
    # A set of few vectors has few places; of the others, on a grid, only their coordinates tell.
    many = np.flatnonzero(lengths > config.encoder.max_position)
    found = (split.batch(many[i : i + 64]).inputs.coords for i in range(0, len(many), 64))
    return max((int(coords.max()) + 1 for coords in found), default=0)


def _answer_places(config: Config, spec: DataSpec, split: Any) -> int:
    """How many tokens the longest right answer of a split has, `</s>` included."""
    if split.lengths.ndim == 2:
        return int(split.lengths[:, 1].max())
    target = config.head.target
    return 1 + max(map(len, spec.codecs[spec.targets[target].codec].encode(split.gold(target))))


def fit(config: Config, spec: DataSpec) -> None:
    """Fill in what follows from the data: how their values become vectors, and which of their answers is learned."""
    if config.embedding.name == "auto":
        config.embedding = LearnedEmbedding() if spec.features is None else LinearEmbedding()
    if config.head.target is None:
        kinds = HEADS[config.head.name].kinds
        fitting = [name for name, target in spec.targets.items() if target.kind in kinds]
        if len(fitting) > 1:
            raise UserError(f"`head.target` is missing: the data have {' and '.join(fitting)}; choose one")
        config.head.target = fitting[0] if fitting else None


def start_from_files(model: Model, config: Config, spec: DataSpec) -> None:
    """Put into a new model what files bring: pretrained vectors. A saved run brings its own."""
    if isinstance(model.embedding, Pretrained):
        model.embedding.load(Path(config.embedding.path).expanduser(), spec.vocabularies["words"])


def count_parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
