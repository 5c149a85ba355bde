"""What `dense` self-attention takes on the CPU: a whole packed batch in one step, with a backward written by hand.

Queries, keys and values stay together from the product that makes them to the gradient that goes back into it, so that
nothing is taken apart and put together again, and rotating them is part of a copy that is made anyway. Short sets take
plain products: PyTorch's fused kernel spends most of its time on what each set costs by itself.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attnlab.model.attention.positions import Rotation
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.tiles import Side, Tile, to_additive_mask
from attnlab.model.linear import Linear, affine

LONGEST = 96
"""Vectors of a set up to which plain products are faster than PyTorch's fused kernel."""
SAFE = 100.0
"""Exponents of 2 up to which powers can be added up in fp32, which ends at 2¹²⁸ and loses precision below 2⁻¹²⁶."""


def fits(x: Tensor, qkv_proj: Linear, heads: int, plan: Plan, rotation: Rotation | None) -> bool:
    """Whether `attend` can compute this: self-attention of `dense` on the CPU, by a scaled dot product without bias or
    dropout. Under autocast the projection is in bf16, what follows in fp32: PyTorch's fused kernel takes five times as
    long for short sets in bf16, and its gradients more."""
    return (
        plan.kernel.name == "dense"
        and plan.queries is plan.keys
        and x.device.type == "cpu"
        and x.dtype == qkv_proj.weight.dtype
        and x.dtype in (torch.float32, torch.float64)
        and (rotation is None or 6 * rotation.half * heads == qkv_proj.out_features)
        and len(plan.work) > 0
        and all(tile.has_key is None for tile in plan.work)
    )


def attend(x: Tensor, qkv_proj: Linear, heads: int, plan: Plan, rotation: Rotation | None) -> Tensor:
    """Vectors (N, D) -> (N, H, K), as projection, rotation and `Dense.attend` one after the other give it."""
    width = qkv_proj.out_features // (3 * heads)
    weight: Tensor = qkv_proj.weight
    bias: Tensor = qkv_proj.bias
    points = None
    if rotation is not None:
        # The two numbers of a point become neighbours, a complex number; scores don't depend on the order of numbers.
        weight, bias = _neighbours(weight, heads, width), _neighbours(bias, heads, width)
        points = rotation.points.to(x.dtype.to_complex())
    qkv = affine(x, weight, bias).view(len(x), 3, heads, width)
    with torch.autocast("cpu", enabled=False):
        return _PackedAttention.apply(qkv.to(x.dtype), plan.work, points)


def _neighbours(rows: Tensor, heads: int, width: int) -> Tensor:
    """(3HK, …) in which each head's first half of queries and keys alternates with its second."""
    qk, v = rows.split([2 * heads * width, heads * width])
    halves = qk.view(2 * heads, 2, width // 2, -1)
    return torch.cat([halves.transpose(1, 2).reshape(qk.shape), v])


class _PackedAttention(torch.autograd.Function):
    """(N, 3, H, K) -> (N, H, K); points: (N, K/2) complex numbers that queries and keys are multiplied by."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, tiles: Sequence[Tile], points: Tensor | None) -> Tensor:
        ctx.tiles, ctx.points, ctx.rows = tiles, points, [tile.queries.rows for tile in tiles]
        answer = torch.empty_like(qkv[:, 2], memory_format=torch.contiguous_format)
        saved: list[Tensor] = []
        factors = [None] * len(tiles) if points is None else points.split(ctx.rows)
        pieces = zip(tiles, qkv.split(ctx.rows), factors, answer.split(ctx.rows), strict=True)
        for tile, rows, factor, out in pieces:
            saved += _forward(tile, _by_heads(tile, rows, factor), out)
        ctx.save_for_backward(*saved)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        grad_qkv = gradient.new_empty(len(gradient), 3, *gradient.shape[1:])
        saved, points = ctx.saved_tensors, ctx.points
        factors = [None] * len(ctx.tiles) if points is None else points.conj().resolve_conj().split(ctx.rows)
        pieces = zip(ctx.tiles, gradient.split(ctx.rows), factors, grad_qkv.split(ctx.rows), strict=True)
        for number, (tile, rows, factor, out) in enumerate(pieces):
            gradients = _backward(tile, rows, *saved[3 * number : 3 * number + 3])
            for which, grad in enumerate(gradients):
                _by_rows(tile.queries, grad, factor if which < 2 else None, out[:, which])
        return grad_qkv, None, None


def _by_heads(tile: Tile, qkv: Tensor, factor: Tensor | None) -> Tensor:
    """(rows, 3, H, K) -> (3, sets, H, L, K), queries and keys rotated by a complex factor for each row."""
    folded = tile.queries.fold(qkv).permute(2, 0, 3, 1, 4)
    if factor is None:
        return folded if tile.queries.length > LONGEST else folded.contiguous()
    rotated = torch.empty(folded.shape, dtype=folded.dtype)
    torch.mul(_complex(folded[:2]), tile.queries.fold(factor)[:, None], out=_complex(rotated[:2]))
    rotated[2] = folded[2]
    return rotated


def _by_rows(side: Side, folded: Tensor, factor: Tensor | None, out: Tensor) -> None:
    """The inverse, of one of the three: (sets, H, L, K) into `out` (rows, H, K)."""
    rows = folded.transpose(1, 2)
    if side.index is None:
        out = out.view(rows.shape)
        factor = None if factor is None else factor.view(side.sets, side.length, 1, -1)
    else:
        rows = side.unfold(rows)
        factor = None if factor is None else factor[:, None]
    if factor is None:
        out.copy_(rows)
    else:
        torch.mul(_complex(rows), factor, out=_complex(out))


def _complex(x: Tensor) -> Tensor:
    """(…, K) -> (…, K/2), neighbours as complex numbers."""
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def _forward(tile: Tile, qkv: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(3, sets, H, L, K) into `out` (rows, H, K); returns what backward needs."""
    _, sets, heads, length, width = qkv.shape
    if length > LONGEST:
        answers, sums = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            *qkv, 0.0, tile.causal, attn_mask=_additive_mask(tile, qkv[0])
        )
        _by_rows(tile.queries, answers, None, out)
        return qkv, answers, sums
    q, k, v = qkv.view(3, sets * heads, length, width)
    weights = torch.bmm(q, k.transpose(1, 2))
    additive_mask = tile.additive_mask
    if tile.causal:
        additive_mask = to_additive_mask(torch.ones(length, length, dtype=torch.bool).tril())
    softmax_(weights.view(sets, heads, length, length), additive_mask, width**-0.5)
    answers = torch.bmm(weights, v).view(sets, heads, length, width)
    _by_rows(tile.queries, answers, None, out)
    return qkv, weights, weights.new_empty(0)


def _additive_mask(tile: Tile, like: Tensor) -> Tensor | None:
    """A tile's mask as PyTorch's kernel takes it: added to the scores, (sets, H, L, L)."""
    if tile.additive_mask is None:
        return None
    sets, heads, length, _ = like.shape
    return tile.additive_mask.to(like.dtype).expand(sets, heads, length, length)


def softmax_(scores: Tensor, additive_mask: Tensor | None = None, scale: float = 1.0) -> None:
    """(…, L) scores to weights, in place. additive_mask: as `to_additive_mask` gives it; adding is faster than filling.

    Scores are shifted only where the sum of their powers might overflow: finding each row's largest would cost as much as
    all the rest. On another device than the CPU they always are, because to look at them would wait for the device.
    """
    scale *= math.log2(math.e)  # powers of 2 cost a fifth of those of e
    safe = scores.is_cpu and scale * _largest(scores) < SAFE
    scores.mul_(scale)
    if additive_mask is not None:
        scores.add_(additive_mask)
    if not safe:
        scores.sub_(scores.amax(-1, keepdim=True))
    scores.exp2_()
    scores.div_(scores.sum(-1, keepdim=True))


def _largest(scores: Tensor) -> float:
    if not scores.numel():
        return 0.0
    low, high = scores.aminmax()
    return max(-float(low), float(high))


def _backward(
    tile: Tile, gradient: Tensor, qkv: Tensor, saved: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(rows, H, K) -> gradients of queries, keys and values, each (sets, H, L, K). saved: as `_forward` returns it, the
    answers of the fused kernel or the weights of plain products."""
    _, sets, heads, length, width = qkv.shape
    gradient = tile.queries.fold(gradient).transpose(1, 2)  # (sets, H, L, K)
    if length > LONGEST:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            gradient, *qkv, saved, sums, 0.0, tile.causal, attn_mask=_additive_mask(tile, gradient)
        )
    gradient, (q, k, v) = gradient.reshape(-1, length, width), qkv.view(3, sets * heads, length, width)
    grad_scores = torch.bmm(gradient, v.transpose(1, 2))
    grad_scores.sub_((grad_scores * saved).sum(-1, keepdim=True)).mul_(saved).mul_(width**-0.5)
    grad_q, grad_k = torch.bmm(grad_scores, k), torch.bmm(grad_scores.transpose(1, 2), q)
    shape = (sets, heads, length, width)
    return grad_q.view(shape), grad_k.view(shape), torch.bmm(saved.transpose(1, 2), gradient).view(shape)
