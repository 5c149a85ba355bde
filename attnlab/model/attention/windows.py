"""Attention within a band of short blocks by plain products with a backward written by hand: what PyTorch's fused kernel
does for `banded`, sooner.

The rows of all heads lie one after the other, a block of zeros behind each, so that the windows of keys, which overlap,
are one strided view, and all blocks of all heads one product.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attnlab.model.attention.packed import softmax_

MOST = 1 << 21
"""Numbers of the table of all pairs in a batch, which is kept for backward, up to which it is made: as many as stay in the
cache."""


def fits(q: Tensor, added: Tensor, dropout: float) -> bool:
    """Whether `attend` can compute this, and in little memory."""
    plain = q.is_cpu and q.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return plain and dropout == 0 and added.shape[1] == 1 and added.numel() * q.shape[1] <= MOST


def attend(q: Tensor, k: Tensor, v: Tensor, added: Tensor) -> Tensor:
    """(N, H, K) each, in order of their places -> (N, H, K). added: (blocks, 1, 2w, 4w), as `forbidden` gives it: of the
    2w queries in each block to the 4w keys around them."""
    return _Attend.apply(q, k, v, added[:, 0])


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, added: Tensor) -> Tensor:
        (rows, heads, width), (blocks, size, _) = q.shape, added.shape
        held = q.new_zeros(3, heads, (blocks + 1) * size, width)
        for place, x, start in zip(held, (q, k, v), (0, size // 2, size // 2), strict=True):
            place[:, start : start + rows] = x.transpose(0, 1)
        queries, keys, values = _blocks(held[0], size), _windows(held[1], size), _windows(held[2], size)
        weights = q.new_empty(heads, blocks + 1, size, 2 * size)
        torch.bmm(queries, keys.transpose(1, 2), out=weights.flatten(0, 1)[:-1])
        softmax_(weights[:, :blocks], added, width**-0.5)
        weights[:, blocks] = 0  # between two heads nobody looks
        ctx.save_for_backward(held, weights)
        ctx.rows = rows
        return _rows(_product(weights.flatten(0, 1)[:-1], values), heads, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        held, weights = ctx.saved_tensors
        heads, _, size, _ = weights.shape
        own = torch.zeros_like(held[0])
        own[:, : ctx.rows] = gradient.transpose(0, 1)
        own, weights = _blocks(own, size), weights.flatten(0, 1)[:-1]
        queries, keys, values = _blocks(held[0], size), _windows(held[1], size), _windows(held[2], size)
        of_scores = torch.bmm(own, values.transpose(1, 2))
        of_scores.sub_((of_scores * weights).sum(-1, keepdim=True)).mul_(weights).mul_(held.shape[-1] ** -0.5)
        of_q = _rows(_product(of_scores, keys), heads, ctx.rows)
        of_k = _added_up(torch.bmm(of_scores.transpose(1, 2), queries), heads, ctx.rows)
        of_v = _added_up(torch.bmm(weights.transpose(1, 2), own), heads, ctx.rows)
        return of_q, of_k, of_v, None


def _blocks(x: Tensor, size: int) -> Tensor:
    """(H, rows, K) -> (windows, size, K): all but the last block, which has no window."""
    return x.view(-1, size, x.shape[-1])[:-1]


def _windows(x: Tensor, size: int) -> Tensor:
    """(H, rows, K) -> (windows, 2 · size, K): each block with the next, as a view."""
    width = x.shape[-1]
    count = x.shape[0] * x.shape[1] // size - 1
    return x.as_strided((count, 2 * size, width), (size * width, width, 1), x.storage_offset())


def _product(a: Tensor, b: Tensor) -> Tensor:
    """(windows, size, …) and (windows, …, K) -> (windows + 1, size, K), of which the last block means nothing."""
    found = a.new_empty(len(a) + 1, a.shape[1], b.shape[2])
    torch.bmm(a, b, out=found[:-1])
    return found


def _rows(x: Tensor, heads: int, rows: int, start: int = 0) -> Tensor:
    """(windows + 1, size, K) -> (N, H, K)."""
    return x.view(heads, -1, x.shape[-1])[:, start : start + rows].transpose(0, 1).contiguous()


def _added_up(x: Tensor, heads: int, rows: int) -> Tensor:
    """(windows, 2 · size, K) -> (N, H, K): what all windows say of each row."""
    size = x.shape[1] // 2
    total = x.new_zeros(len(x) + 1, size, x.shape[2])
    total[:-1] += x[:, :size]
    total[1:] += x[:, size:]
    return _rows(total, heads, rows, size // 2)
