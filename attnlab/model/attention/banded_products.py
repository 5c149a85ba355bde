"""What `banded` takes on the CPU: attention within a band by plain products with a backward written by hand, faster than
PyTorch's fused kernel. The band's mask is made in `banded.py`, by the scope.

The blocks of all heads lie one after the other with a block of zeros between, so that the windows of keys, which
overlap, are one strided view and several heads one product. Weights are made piece by piece in memory that stays in the
cache; where there is more than one piece, once more for the gradient, as in Dao et al. 2022 (section 3.1).
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

PIECE = 1 << 20
"""Weights made at a time, at most: 4 MB in fp32."""
SAFE = 60.0
"""Exponents of 2 up to which powers, their sums and gradients divided by them keep their precision in fp32."""


def fits(q: Tensor, additive_mask: Tensor, dropout: float) -> bool:
    """Whether `attend` can compute this, and in little memory. Shapes as of `attend`."""
    plain = q.is_cpu and q.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return plain and dropout == 0 and additive_mask.shape[1] == 1 and additive_mask[0].numel() <= PIECE


def attend(q: Tensor, k: Tensor, v: Tensor, additive_mask: Tensor) -> Tensor:
    """(N, H, K) each, in order of their coordinates -> (N, H, K). additive_mask: (blocks, 1, w, 3w), as `to_additive_mask`
    gives it: of the w queries of each block to the keys of its own and both neighbouring blocks."""
    return _BandedAttention.apply(q, k, v, additive_mask[:, 0])


class _BandedAttention(torch.autograd.Function):
    """Below, M is the number of all heads' blocks with those between; window m holds the blocks m, m + 1 and m + 2 of the
    keys, which stand one block later than the queries."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        (rows, heads, width), (blocks, size, _) = q.shape, mask.shape
        queries = q.new_zeros(heads * (blocks + 1), size, width)
        keys, values = q.new_zeros(2, len(queries) + 2, size, width)
        # Scores come out as exponents of 2, whose powers cost a fifth of those of e.
        torch.mul(q.transpose(0, 1), math.log2(math.e) * width**-0.5, out=_by_heads(queries, heads, rows))
        _by_heads(keys[1:-1], heads, rows).copy_(k.transpose(0, 1))
        _by_heads(values[1:-1], heads, rows).copy_(v.transpose(0, 1))
        # No score is larger than the product of lengths; rows are shifted only where powers might not add up.
        safe = float(queries.norm(dim=-1).amax() * keys.norm(dim=-1).amax()) < SAFE
        weighted, sums = torch.empty_like(queries), torch.ones_like(queries[..., :1])
        pieces, memory = _pieces(mask, heads)
        for piece in pieces:
            windows, powers = piece.windows, _powers(piece, queries, keys, safe, memory)
            torch.sum(powers, -1, keepdim=True, out=sums[windows])
            torch.bmm(powers, _windows(values)[windows], out=weighted[windows])
        answer = (_by_heads(weighted, heads, rows) / _by_heads(sums, heads, rows)).transpose(0, 1).contiguous()
        ctx.save_for_backward(queries, keys, values, mask, sums, answer, memory if len(pieces) == 1 else None)
        ctx.safe = safe
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, keys, values, mask, sums, answer, saved_powers = ctx.saved_tensors
        rows, heads, width = gradient.shape
        # Powers aren't divided by their sums; what they are multiplied by is, which is smaller.
        gradients, means = torch.zeros_like(queries), torch.zeros_like(sums)
        gradient = gradient / _by_heads(sums, heads, rows).transpose(0, 1)
        _by_heads(gradients, heads, rows).copy_(gradient.transpose(0, 1))
        # The gradient of softmax subtracts a row's sum of weights times their gradients, which is that of the answer.
        torch.sum(gradient * answer, -1, out=_by_heads(means, heads, rows)[..., 0].t())
        grad_queries, grad_keys, grad_values = (torch.zeros_like(x) for x in (queries, keys, values))
        pieces, memory = _pieces(mask, heads)
        grad_memory = torch.empty_like(memory)
        for piece in pieces:
            windows, powers = piece.windows, saved_powers
            if powers is None:
                powers = _powers(piece, queries, keys, ctx.safe, memory)
            grad_scores = torch.bmm(
                gradients[windows], _windows(values)[windows].transpose(1, 2), out=grad_memory[: len(powers)]
            )
            grad_scores.sub_(means[windows]).mul_(powers)
            torch.bmm(grad_scores, _windows(keys)[windows], out=grad_queries[windows])
            _add_up(grad_keys[windows.start :], torch.bmm(grad_scores.transpose(1, 2), queries[windows]))
            _add_up(grad_values[windows.start :], torch.bmm(powers.transpose(1, 2), gradients[windows]))
        grad_q = _by_heads(grad_queries, heads, rows).transpose(0, 1) * width**-0.5
        grad_k = _by_heads(grad_keys[1:-1], heads, rows).transpose(0, 1) * math.log(2)
        return grad_q, grad_k, _by_heads(grad_values[1:-1], heads, rows).transpose(0, 1).contiguous(), None


class _Piece(NamedTuple):
    """Neighbouring windows of one head, or all of several heads with those between. mask: (windows of a head, w, 3w), added to scores."""

    windows: slice
    heads: int
    mask: Tensor


def _pieces(mask: Tensor, heads: int) -> tuple[list[_Piece], Tensor]:
    """All windows, and memory for the weights of the largest piece: (windows, w, 3w)."""
    blocks, size, _ = mask.shape
    each, max_windows = blocks + 1, PIECE // mask[0].numel()
    if max_windows >= each:
        step = max_windows // each
        cuts = [(start, min(start + step, heads)) for start in range(0, heads, step)]
        pieces = [_Piece(slice(start * each, stop * each), stop - start, mask) for start, stop in cuts]
    else:
        cuts = [(start, min(start + max_windows, blocks)) for start in range(0, blocks, max_windows)]
        pieces = [
            _Piece(slice(head * each + start, head * each + stop), 1, mask[start:stop])
            for head in range(heads) for start, stop in cuts
        ]  # fmt: skip
    longest = max(piece.windows.stop - piece.windows.start for piece in pieces)
    return pieces, mask.new_empty(longest, size, 3 * size)


def _powers(piece: _Piece, queries: Tensor, keys: Tensor, safe: bool, memory: Tensor) -> Tensor:
    """(windows, w, 3w): the weights before they are divided by the sum of their row."""
    windows, heads, mask = piece
    scores = torch.bmm(
        queries[windows], _windows(keys)[windows].transpose(1, 2), out=memory[: windows.stop - windows.start]
    )
    scores.view(heads, -1, *mask.shape[1:])[:, : len(mask)].add_(mask)
    if not safe:
        scores.sub_(scores.amax(-1, keepdim=True))
    return scores.exp2_()


def _by_heads(x: Tensor, heads: int, rows: int) -> Tensor:
    """(M, w, …) -> (H, N, …), without the blocks between."""
    return x.view(heads, -1, x.shape[-1])[:, :rows]


def _windows(x: Tensor) -> Tensor:
    """(M + 2, w, K) -> (M, 3w, K), each block with the two after it, as a view."""
    count, size, width = x.shape
    return x.as_strided((count - 2, 3 * size, width), (size * width, width, 1), x.storage_offset())


def _add_up(total: Tensor, parts: Tensor) -> None:
    """Add what belongs to the keys of windows, (windows, 3w, K), to (at least windows + 2, w, K)."""
    for number, part in enumerate(parts.chunk(3, dim=1)):
        total[number : number + len(part)] += part
