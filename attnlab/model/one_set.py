"""A trained model for one set at a time, in plain operations alone, so that `torch.export` can follow it.

The weights are those of the model. What is packed, blocked or chosen by the sizes of a batch is written here as in the
textbook: all pairs of the set, (L, L), a mask, a softmax. Attention takes O(L²) memory, whatever its scope.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnlab.errors import UserError
from attnlab.model import embeddings, linear
from attnlab.model.attention.multihead import SelfAttention
from attnlab.model.attention.positions import (
    Alibi,
    LearnedPosition,
    Pairs,
    Position,
    Relative,
    Rotary,
    Rotation,
    Sinusoidal,
)  # fmt: skip
from attnlab.model.attention.scopes import ByDifferences, Edges, Full, Scope
from attnlab.model.build import Model
from attnlab.model.encoders.attention import Attention, Block
from attnlab.model.encoders.convolution import Convolution
from attnlab.model.encoders.fully_connected import FullyConnected
from attnlab.model.encoders.recurrent import Recurrent
from attnlab.model.heads.classification import Classification
from attnlab.model.heads.tagging import Tagging
from attnlab.model.output_layer import RowHead
from attnlab.model.readout import AttentionReadout, Max, Mean, Readout, Sum


@dataclass(frozen=True)
class Parts:
    """What one set brings besides its values. coords: (L, P); edges: (2, E), edge_values: (E, …); None where it has none."""

    coords: Tensor | None
    edges: Tensor | None
    edge_values: Tensor | None

    @property
    def differences(self) -> Tensor:
        """(L, L, P): coordinates of the query − those of the key."""
        assert self.coords is not None
        return self.coords[:, None] - self.coords[None]


class OneSet(nn.Module):
    """values (L,) ids or (L, F), coords (L, P), edges (2, E), edge_values (E, …) -> (1, outputs) of the set or (L, outputs) of
    its vectors, equal to `Model.mean_outputs`. What the data lack is None.

    Raises UserError for a model that cannot be written so, with the reason.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.members = nn.ModuleList(_Member(member) for member in _plain(model).members)
        assert isinstance(model.head, RowHead), "others are refused"
        self.kind = model.head.output.kind

    def forward(
        self,
        values: Tensor,
        coords: Tensor | None = None,
        edges: Tensor | None = None,
        edge_values: Tensor | None = None,
    ) -> Tensor:
        parts = Parts(coords, edges, edge_values)
        outputs = [member(values, parts) for member in self.members]
        return outputs[0] if len(outputs) == 1 else self.kind.combined(torch.stack(outputs))


def _plain(model: Model) -> Model:
    """A copy on the host whose products are torch's own: which library multiplies would be decided by a set's size."""
    copied = copy.deepcopy(model).cpu().float().eval()
    for module in copied.modules():
        if type(module) is linear.Linear:
            module.__class__ = nn.Linear  # type: ignore[assignment]
    return copied


class _Member(nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        if not isinstance(model.head, Tagging | Classification):
            raise UserError("its answers are sought token by token; only answers for sets or vectors are exported")
        if isinstance(model.head, Tagging) and model.head.sequences is not None:
            raise UserError(
                "the best sequence of tags (`head.crf`, `head.constraints`) is sought by steps that aren't exported"
            )
        if type(model.embedding) not in (
            embeddings.Learned, embeddings.OneHot, embeddings.Pretrained, embeddings.Linear,
        ):  # fmt: skip
            what = "looks into the characters of words" if model.embedding.needs_parts else "shortens sets"
            raise UserError(
                f"its embedding {what}, which isn't exported; use embedding=learned, or linear for numbers"
            )
        self.embedding, self.head, self.bag = model.embedding, model.head, model.bag
        self.layers = _layers(model.encoder)
        if isinstance(model.head, Classification):
            _refuse_other(model.head.readout, (Mean, Max, Sum, AttentionReadout), "readout")

    def forward(self, values: Tensor, parts: Parts) -> Tensor:
        encoded = self.layers(self._embedded(values), parts)
        head = self.head
        rows = encoded if isinstance(head, Tagging) else _read_out(head.readout, encoded)
        outputs = head.output.proj(rows)
        return outputs if self.bag is None else outputs + self.bag.votes(values).sum(0, keepdim=True)

    def _embedded(self, values: Tensor) -> Tensor:
        part = self.embedding
        if isinstance(part, embeddings.Linear):
            return part.project(values)
        if isinstance(part, embeddings.OneHot):
            return part.codes[values]
        assert isinstance(part, embeddings.Learned | embeddings.Pretrained)
        return part.table(values) if isinstance(part, embeddings.Learned) else part.project(part.table(values))


def _refuse_other(part: object, known: tuple[type, ...], what: str) -> None:
    """A part of a plugin has operations of its own."""
    if type(part) not in known:
        raise UserError(f"its {what} {type(part).__name__} is none of attnlab's own, and isn't exported")


def _read_out(readout: Readout, x: Tensor) -> Tensor:
    """(L, D) -> (1, D)."""
    if isinstance(readout, Max):
        return x.amax(0, keepdim=True)
    if isinstance(readout, Sum):
        return x.sum(0, keepdim=True)
    if isinstance(readout, AttentionReadout):
        weights = readout.query(readout.key(x).tanh()).softmax(0)
        return (weights * x).sum(0, keepdim=True)
    return x.mean(0, keepdim=True)


def _layers(encoder: nn.Module) -> nn.Module:
    if isinstance(encoder, Attention):
        return _Attention(encoder)
    if isinstance(encoder, Convolution):
        return _Convolution(encoder)
    if isinstance(encoder, FullyConnected):
        return _FullyConnected(encoder)
    if isinstance(encoder, Recurrent):
        raise UserError("torch.export fixes the length of what its recurrent encoder reads; sets vary in size")
    raise UserError(
        f"its encoder {type(encoder).__name__} isn't exported; attention, convolution and fully_connected are"
    )


class _Attention(nn.Module):
    """As `Attention`, with a table of all pairs."""

    def __init__(self, encoder: Attention) -> None:
        super().__init__()
        known = (Position, Sinusoidal, LearnedPosition, Rotary, Alibi, Relative)
        _refuse_other(encoder.position, known, "position")
        for scope in encoder.scopes:
            if not isinstance(scope, Full | ByDifferences | Edges):
                raise UserError(f"its scope `{scope}` isn't exported; full, windows, causal and edges are")
        self.encoder = encoder

    def forward(self, x: Tensor, parts: Parts) -> Tensor:
        encoder, position = self.encoder, self.encoder.position
        rotation, bias = None, None
        if isinstance(position, Sinusoidal):
            assert parts.coords is not None
            angles = parts.coords[:, :, None] * position.rates
            code = torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)
            x = x + nn.functional.pad(code, (0, x.shape[1] - code.shape[1]))
        elif isinstance(position, LearnedPosition):
            assert parts.coords is not None
            for axis, table in enumerate(position.tables):
                x = x + table(parts.coords[:, axis].round().long())
        elif isinstance(position, Rotary):
            assert parts.coords is not None
            angles = (parts.coords[:, :, None] * position.rates).flatten(1)
            rotation = Rotation(angles.cos()[:, None], angles.sin()[:, None])
        elif isinstance(position, Alibi | Relative):
            bias = position(Pairs(parts.differences)).permute(2, 0, 1)  # (H, L, L)
        for number, block in enumerate(encoder.blocks):
            assert isinstance(block, Block)
            scope = encoder.scopes[number % len(encoder.scopes)]
            biases = [each for each in (bias, self._edges(scope, parts, x)) if each is not None]
            x = x + _attended(block.attention, block.norm_attention(x), rotation, biases, scope, parts)
            x = x + block.feed_forward(block.norm_feed_forward(x))
        return encoder.norm(x)

    def _edges(self, scope: Scope, parts: Parts, x: Tensor) -> Tensor | None:
        """(H, L, L): what the edges' values add to scores; 0 where they are none."""
        weigh = self.encoder.edge_bias
        if weigh is None or not isinstance(scope, Edges):
            return None
        assert parts.edges is not None and parts.edge_values is not None
        # Linear in the values, so that an edge given several times adds up.
        of_edges = weigh(Pairs(edge_values=parts.edge_values))  # (E, H)
        table = x.new_zeros(x.shape[0], x.shape[0], of_edges.shape[1])
        return table.index_put((parts.edges[1], parts.edges[0]), of_edges, accumulate=True).permute(2, 0, 1)


def _attended(
    attention: SelfAttention,
    x: Tensor,
    rotation: Rotation | None,
    biases: Sequence[Tensor],
    scope: Scope,
    parts: Parts,
) -> Tensor:
    """biases: (H, L, L) each. (L, D) -> (L, D)."""
    heads, width = attention.heads, attention.head_width
    q, k, v = attention.qkv_proj(x).view(-1, 3, heads, width).unbind(1)
    q, k = attention.score.prepare(q, k)
    q, k = (q, k) if rotation is None else (rotation(q), rotation(k))
    scores = attention.score.table(q[None], k[None])[0]  # (H, L, L)
    for bias in biases:
        scores = scores + bias
    if not isinstance(scope, Full):
        scores = scores.masked_fill(~_allowed(scope, parts, x), -torch.inf)
    weights = scores.softmax(-1)
    if isinstance(scope, Edges) and not scope.loops:
        weights = weights.nan_to_num(0.0)  # a row of -inf only
    return attention.out_proj((weights @ v.transpose(0, 1)).transpose(0, 1).flatten(1))


def _allowed(scope: Scope, parts: Parts, x: Tensor) -> Tensor:
    """(L, L) bool: True where the query attends to the key."""
    if isinstance(scope, ByDifferences):
        return scope.within(parts.differences)
    assert isinstance(scope, Edges) and parts.edges is not None
    rows = torch.arange(x.shape[0])
    itself = rows[:, None] == rows[None]
    ones = torch.ones_like(parts.edges[0], dtype=x.dtype)
    found = torch.zeros_like(itself, dtype=x.dtype).index_put((parts.edges[1], parts.edges[0]), ones) > 0
    return found | itself if scope.loops else found


class _Convolution(nn.Module):
    """As `Convolution`; a neighbour is found by its coordinates instead of its cell in a grid."""

    def __init__(self, encoder: Convolution) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor, parts: Parts) -> Tensor:
        differences = -parts.differences.round()  # (L, L, P): the key's − the query's
        for norm, layer in zip(self.encoder.norms, self.encoder.layers, strict=True):
            assert isinstance(norm, nn.LayerNorm) and isinstance(layer, nn.Conv1d | nn.Conv2d)
            weight = layer.weight.flatten(2)  # (D, D, cells of the kernel)
            sizes = layer.weight.shape[2:]
            normed, total = norm(x), x.new_zeros(x.shape[1])
            for cell in range(weight.shape[2]):
                offset = _offset(cell, sizes)
                there = torch.stack([differences[..., axis] == step for axis, step in enumerate(offset)]).all(0)
                total = total + (there.to(x.dtype) @ normed) @ weight[:, :, cell].T
            x = x + nn.functional.gelu(total if layer.bias is None else total + layer.bias)
        return self.encoder.norm(x)


def _offset(cell: int, sizes: torch.Size) -> list[int]:
    """Where a cell of a kernel lies, from its middle, along each axis."""
    steps = []
    for size in reversed(sizes):
        steps.append(cell % size - size // 2)
        cell //= size
    return steps[::-1]


class _FullyConnected(nn.Module):
    """As `FullyConnected`; a neighbour is found by its place in the order of coordinates."""

    def __init__(self, encoder: FullyConnected) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor, parts: Parts) -> Tensor:
        assert parts.coords is not None
        place = _places(parts.coords)
        steps = place[None] - place[:, None]  # (L, L): the key's − the query's
        radius = self.encoder.radius
        for layer in self.encoder.layers:
            window = [(steps == step).to(x.dtype) @ x for step in range(-radius, radius + 1)]
            x = nn.functional.gelu(layer(torch.cat(window, dim=1)))
        return self.encoder.norm(x)


def _places(coords: Tensor) -> Tensor:
    """(L, P) -> (L,): the place of each vector in the order of the first coordinate, then of the next."""
    rows = torch.arange(coords.shape[0])
    earlier = rows[None] < rows[:, None]
    for axis in reversed(range(coords.shape[1])):
        one, other = coords[:, None, axis], coords[None, :, axis]
        earlier = (other < one) | ((other == one) & earlier)
    return earlier.sum(1)
