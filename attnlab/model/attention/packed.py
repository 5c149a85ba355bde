"""Self-attention of a whole packed batch with a backward written by hand: what `dense` does, sooner.

Queries, keys and values stay together from the product that makes them to the gradient that goes back into it, so that
nothing is taken apart and put together again, and turning them by their places is part of a copy that is made anyway.
Short sets take plain products: PyTorch's fused kernel spends most of its time on what each set costs by itself.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attnlab.model.attention.positions import PairBias, Rotation
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scores import Score
from attnlab.model.attention.tiles import Side, Tile, forbidden
from attnlab.model.linear import Linear, affine

LONGEST = 96
"""Vectors of a set up to which plain products are quicker than PyTorch's fused kernel."""
SAFE = 100.0
"""Exponents of 2 up to which powers can be added up in fp32, which ends at 2¹²⁸ and loses digits below 2⁻¹²⁶."""


def fits(
    x: Tensor,
    qkv_proj: Linear,
    heads: int,
    plan: Plan,
    score: Score,
    rotate: Rotation | None,
    biases: Sequence[PairBias],
    dropout: float,
) -> bool:
    """Whether `attend` can compute this: plain scaled dot products on the CPU. Under autocast the projection is in bf16, what
    follows in fp32: PyTorch's fused kernel takes five times as long for short sets in bf16, and its gradients more."""
    return (
        plan.kernel.name == "dense"
        and plan.queries is plan.keys
        and type(score) is Score
        and not biases
        and dropout == 0
        and x.device.type == "cpu"
        and x.dtype == qkv_proj.weight.dtype
        and x.dtype in (torch.float32, torch.float64)
        and (rotate is None or 6 * rotate.half * heads == qkv_proj.out_features)
        and len(plan.work) > 0
        and all(tile.seen is None for tile in plan.work)
    )


def attend(x: Tensor, qkv_proj: Linear, heads: int, plan: Plan, rotate: Rotation | None) -> Tensor:
    """Vectors (N, D) -> (N, H, K), as projection, rotation and `Dense.attend` one after the other give it."""
    width = qkv_proj.out_features // (3 * heads)
    weight: Tensor = qkv_proj.weight
    bias: Tensor = qkv_proj.bias
    points = None
    if rotate is not None:
        # The two numbers of a point become neighbours, a complex number; scores don't depend on the order of numbers.
        weight, bias = _neighbours(weight, heads, width), _neighbours(bias, heads, width)
        points = rotate.points.to(x.dtype.to_complex())
    qkv = affine(x, weight, bias).view(len(x), 3, heads, width)
    with torch.autocast("cpu", enabled=False):
        return _Attend.apply(qkv.to(x.dtype), plan.work, points)


def _neighbours(rows: Tensor, heads: int, width: int) -> Tensor:
    """(3HK, …) in which each head's first half of queries and keys alternates with its second."""
    qk, v = rows.split([2 * heads * width, heads * width])
    halves = qk.view(2 * heads, 2, width // 2, -1)
    return torch.cat([halves.transpose(1, 2).reshape(qk.shape), v])


class _Attend(torch.autograd.Function):
    """(N, 3, H, K) -> (N, H, K); points: (N, K/2) complex numbers that queries and keys are multiplied by."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, tiles: Sequence[Tile], points: Tensor | None) -> Tensor:
        ctx.tiles, ctx.points, ctx.rows = tiles, points, [tile.queries.rows for tile in tiles]
        answer = torch.empty_like(qkv[:, 2], memory_format=torch.contiguous_format)
        kept: list[Tensor] = []
        turns = [None] * len(tiles) if points is None else points.split(ctx.rows)
        for tile, own, turn, place in zip(tiles, qkv.split(ctx.rows), turns, answer.split(ctx.rows), strict=True):
            kept += _forward(tile, _by_heads(tile, own, turn), place)
        ctx.save_for_backward(*kept)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_qkv = gradient.new_empty(len(gradient), 3, *gradient.shape[1:])
        kept = ctx.saved_tensors
        turns = [None] * len(ctx.tiles) if ctx.points is None else ctx.points.conj().resolve_conj().split(ctx.rows)
        pieces = zip(ctx.tiles, gradient.split(ctx.rows), turns, of_qkv.split(ctx.rows), strict=True)
        for number, (tile, own, turn, place) in enumerate(pieces):
            found = _backward(tile, own, *kept[3 * number : 3 * number + 3])
            for which, one in enumerate(found):
                _by_rows(tile.queries, one, turn if which < 2 else None, place[:, which])
        return of_qkv, None, None


def _by_heads(tile: Tile, qkv: Tensor, turn: Tensor | None) -> Tensor:
    """(rows, 3, H, K) -> (3, sets, H, L, K), queries and keys turned."""
    found = tile.queries.fold(qkv).permute(2, 0, 3, 1, 4)
    if turn is None:
        return found if tile.queries.length > LONGEST else found.contiguous()
    placed = torch.empty(found.shape, dtype=found.dtype)
    torch.mul(_complex(found[:2]), tile.queries.fold(turn)[:, None], out=_complex(placed[:2]))
    placed[2] = found[2]
    return placed


def _by_rows(side: Side, found: Tensor, turn: Tensor | None, place: Tensor) -> None:
    """The inverse, of one of the three: (sets, H, L, K) into (rows, H, K)."""
    rows = found.transpose(1, 2)
    if side.index is None:
        place = place.view(rows.shape)
        turn = None if turn is None else turn.view(side.sets, side.length, 1, -1)
    else:
        rows = side.unfold(rows)
        turn = None if turn is None else turn[:, None]
    if turn is None:
        place.copy_(rows)
    else:
        torch.mul(_complex(rows), turn, out=_complex(place))


def _complex(x: Tensor) -> Tensor:
    """(…, K) -> (…, K/2), neighbours as complex numbers."""
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def _forward(tile: Tile, qkv: Tensor, answer: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Fills the answer (rows, H, K); returns what backward needs."""
    _, sets, heads, length, width = qkv.shape
    if length > LONGEST:
        answers, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *qkv, 0.0, tile.causal, attn_mask=_added(tile, qkv[0])
        )
        _by_rows(tile.queries, answers, None, answer)
        return qkv, answers, sums
    q, k, v = qkv.view(3, sets * heads, length, width)
    weights = torch.bmm(q, k.transpose(1, 2))
    added = tile.added
    if tile.causal:
        added = forbidden(torch.ones(length, length, dtype=torch.bool).tril())
    softmax_(weights.view(sets, heads, length, length), added, width**-0.5)
    answers = torch.bmm(weights, v).view(sets, heads, length, width)
    _by_rows(tile.queries, answers, None, answer)
    return qkv, weights, weights.new_empty(0)


def _added(tile: Tile, like: Tensor) -> Tensor | None:
    """A tile's mask as PyTorch's kernel wants it: added to the scores, (sets, H, L, L)."""
    if tile.added is None:
        return None
    sets, heads, length, _ = like.shape
    return tile.added.to(like.dtype).expand(sets, heads, length, length)


def softmax_(scores: Tensor, added: Tensor | None = None, scale: float = 1.0) -> None:
    """Scores to weights, in place; added: as `forbidden` gives it, which is sooner done than filling in.

    Scores are shifted only where their powers might not add up: finding each row's largest would cost as much as all the
    rest. Another device than the CPU isn't asked, because that would wait for it.
    """
    scale *= math.log2(math.e)  # powers of 2 cost a fifth of those of e
    safe = scores.is_cpu and scale * _largest(scores) < SAFE
    scores.mul_(scale)
    if added is not None:
        scores.add_(added)
    if not safe:
        scores.sub_(scores.amax(-1, keepdim=True))
    scores.exp2_()
    scores.div_(scores.sum(-1, keepdim=True))


def _largest(scores: Tensor) -> float:
    if not scores.numel():
        return 0.0
    least, most = scores.aminmax()
    return max(-float(least), float(most))


def _backward(
    tile: Tile, gradient: Tensor, qkv: Tensor, kept: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(rows, H, K) -> of queries, keys and values, each (sets, H, L, K)."""
    _, sets, heads, length, width = qkv.shape
    own = tile.queries.fold(gradient).transpose(1, 2)  # (sets, H, L, K)
    if length > LONGEST:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            own, *qkv, kept, sums, 0.0, tile.causal, attn_mask=_added(tile, own)
        )
    own, (q, k, v) = own.reshape(-1, length, width), qkv.view(3, sets * heads, length, width)
    of_scores = torch.bmm(own, v.transpose(1, 2))
    of_scores.sub_((of_scores * kept).sum(-1, keepdim=True)).mul_(kept).mul_(width**-0.5)
    found = torch.bmm(of_scores, k), torch.bmm(of_scores.transpose(1, 2), q), torch.bmm(kept.transpose(1, 2), own)
    of_q, of_k, of_v = (one.view(sets, heads, length, width) for one in found)
    return of_q, of_k, of_v
