"""Attention within a band by plain products with a backward written by hand: what PyTorch's fused kernel does for `banded`,
sooner.

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
"""Exponents of 2 up to which powers, their sums and gradients divided by them keep their digits in fp32."""


def fits(q: Tensor, added: Tensor, dropout: float) -> bool:
    """Whether `attend` can compute this, and in little memory."""
    plain = q.is_cpu and q.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return plain and dropout == 0 and added.shape[1] == 1 and added[0].numel() <= PIECE


def attend(q: Tensor, k: Tensor, v: Tensor, added: Tensor) -> Tensor:
    """(N, H, K) each, in order of their places -> (N, H, K). added: (blocks, 1, w, 3w), as `forbidden` gives it: of the
    w queries of each block to the keys of its own and both neighbouring blocks."""
    return _Attend.apply(q, k, v, added[:, 0])


class _Attend(torch.autograd.Function):
    """Below, M is the number of all heads' blocks with those between; window m holds the blocks m, m + 1 and m + 2 of the
    keys, which stand one block later than the queries."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, added: Tensor) -> Tensor:
        (rows, heads, width), (blocks, size, _) = q.shape, added.shape
        queries = q.new_zeros(heads * (blocks + 1), size, width)
        keys, values = q.new_zeros(2, len(queries) + 2, size, width)
        # Scores come out as exponents of 2, whose powers cost a fifth of those of e.
        torch.mul(q.transpose(0, 1), math.log2(math.e) * width**-0.5, out=_by_heads(queries, heads, rows))
        _by_heads(keys[1:-1], heads, rows).copy_(k.transpose(0, 1))
        _by_heads(values[1:-1], heads, rows).copy_(v.transpose(0, 1))
        # No score is larger than the product of lengths; rows are shifted only where powers might not add up.
        safe = float(queries.norm(dim=-1).amax() * keys.norm(dim=-1).amax()) < SAFE
        found, sums = torch.empty_like(queries), torch.ones_like(queries[..., :1])
        pieces, memory = _pieces(added, heads)
        for piece in pieces:
            own, powers = piece.windows, _powers(piece, queries, keys, safe, memory)
            torch.sum(powers, -1, keepdim=True, out=sums[own])
            torch.bmm(powers, _windows(values)[own], out=found[own])
        answer = (_by_heads(found, heads, rows) / _by_heads(sums, heads, rows)).transpose(0, 1).contiguous()
        ctx.save_for_backward(queries, keys, values, added, sums, answer, memory if len(pieces) == 1 else None)
        ctx.safe = safe
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        queries, keys, values, added, sums, answer, kept = ctx.saved_tensors
        rows, heads, width = gradient.shape
        # Powers aren't divided by their sums; what they are multiplied by is, which is smaller.
        gradients, taken = torch.zeros_like(queries), torch.zeros_like(sums)
        gradient = gradient / _by_heads(sums, heads, rows).transpose(0, 1)
        _by_heads(gradients, heads, rows).copy_(gradient.transpose(0, 1))
        # What softmax takes off a row is the sum of weights times their gradients, which is that of the answer.
        torch.sum(gradient * answer, -1, out=_by_heads(taken, heads, rows)[..., 0].t())
        of_queries, of_keys, of_values = (torch.zeros_like(x) for x in (queries, keys, values))
        pieces, memory = _pieces(added, heads)
        of_memory = torch.empty_like(memory)
        for piece in pieces:
            own, powers = piece.windows, kept
            if powers is None:
                powers = _powers(piece, queries, keys, ctx.safe, memory)
            of_scores = torch.bmm(
                gradients[own], _windows(values)[own].transpose(1, 2), out=of_memory[: len(powers)]
            )
            of_scores.sub_(taken[own]).mul_(powers)
            torch.bmm(of_scores, _windows(keys)[own], out=of_queries[own])
            _add_up(of_keys[own.start :], torch.bmm(of_scores.transpose(1, 2), queries[own]))
            _add_up(of_values[own.start :], torch.bmm(powers.transpose(1, 2), gradients[own]))
        of_q = _by_heads(of_queries, heads, rows).transpose(0, 1) * width**-0.5
        of_k = _by_heads(of_keys[1:-1], heads, rows).transpose(0, 1) * math.log(2)
        return of_q, of_k, _by_heads(of_values[1:-1], heads, rows).transpose(0, 1).contiguous(), None


class _Piece(NamedTuple):
    """Neighbouring windows of one head, or all of several heads with those between. added: (windows of a head, w, 3w)."""

    windows: slice
    heads: int
    added: Tensor


def _pieces(added: Tensor, heads: int) -> tuple[list[_Piece], Tensor]:
    """All windows, and memory for the weights of the largest piece: (windows, w, 3w)."""
    blocks, size, _ = added.shape
    each, most = blocks + 1, PIECE // added[0].numel()
    if most >= each:
        cuts = [(start, min(start + most // each, heads)) for start in range(0, heads, most // each)]
        pieces = [_Piece(slice(start * each, stop * each), stop - start, added) for start, stop in cuts]
    else:
        cuts = [(start, min(start + most, blocks)) for start in range(0, blocks, most)]
        pieces = [
            _Piece(slice(head * each + start, head * each + stop), 1, added[start:stop])
            for head in range(heads) for start, stop in cuts
        ]  # fmt: skip
    longest = max(piece.windows.stop - piece.windows.start for piece in pieces)
    return pieces, added.new_empty(longest, size, 3 * size)


def _powers(piece: _Piece, queries: Tensor, keys: Tensor, safe: bool, memory: Tensor) -> Tensor:
    """(windows, w, 3w): in each row as the weights, but for their sum."""
    own, heads, added = piece
    scores = torch.bmm(queries[own], _windows(keys)[own].transpose(1, 2), out=memory[: own.stop - own.start])
    scores.view(heads, -1, *added.shape[1:])[:, : len(added)].add_(added)
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
    """Add what windows say of their keys, (windows, 3w, K), to (at least windows + 2, w, K)."""
    for number, part in enumerate(parts.chunk(3, dim=1)):
        total[number : number + len(part)] += part
