"""`blocked`: any score over whole sets, some queries at a time, so that the table of all pairs never exists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import dropout as drop

from attnlab.model.attention.positions import Pairs
from attnlab.model.attention.reference import AttentionInputs, Kernel
from attnlab.model.attention.scopes import ByDifferences, Scope, coords_of
from attnlab.model.attention.tiles import Sides, cuts, pieces, rows_of, side_of
from attnlab.sets import VectorSets

BLOCK_NUMBERS = 1 << 20
"""How many numbers exist of one block at a time, in each step of its formula."""


@dataclass(frozen=True, eq=False)
class Blocks(Sides):
    """A tile without any table of its pairs: their coordinates, from which each block makes its own."""

    query_coords: Tensor | None  # (sets, Lq, P)
    key_coords: Tensor | None
    key_mask: Tensor | None  # (sets, Lk)


class Blocked(Kernel[list[Blocks]]):
    """Any score in blocks of queries, each computed again in backward: O(L·block) memory."""

    name = "blocked"

    def _work(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> list[Blocks]:
        if isinstance(scope, ByDifferences):
            coords_of(queries, scope), coords_of(keys, scope)
        tiles = []
        for cut in cuts(queries.layout, keys.layout):
            side = side_of(queries.layout, cut)
            other = side if queries is keys else side_of(keys.layout, cut)
            query_coords = key_coords = None
            if queries.coords is not None and keys.coords is not None:
                query_coords = side.fold(rows_of(queries.coords, queries.layout, cut))
                key_coords = other.fold(rows_of(keys.coords, keys.layout, cut))
            tiles.append(Blocks(side, other, query_coords, key_coords, other.mask()))
        return tiles

    def attend(self, inputs: AttentionInputs[list[Blocks]]) -> Tensor:
        answers, score, tiles = [], inputs.score, inputs.plan.work
        parameters = [p for module in (score, *inputs.biases) for p in module.parameters() if p.requires_grad]
        heads, width = inputs.q.shape[1:]
        for tile, (q, k, v) in zip(tiles, pieces(tiles, inputs.q, inputs.k, inputs.v), strict=True):
            q, k, v = tile.queries.fold(q), tile.keys.fold(k), tile.keys.fold(v)
            numbers = tile.queries.sets * tile.keys.length * heads * (width if score.pairwise else 1)  # of a query
            size = max(1, BLOCK_NUMBERS // max(1, numbers))
            compute = partial(_block, tile, inputs)
            answer = _Recomputed.apply(compute, parameters, size, inputs.dropout > 0, q, k, v, *parameters)
            answers.append(tile.queries.unfold(answer))
        return torch.cat(answers) if answers else torch.zeros_like(inputs.q)


def _block(
    tile: Blocks, inputs: AttentionInputs[list[Blocks]], block: slice, q: Tensor, k: Tensor, v: Tensor
) -> Tensor:
    """(sets, block, H, K), (sets, Lk, H, K), (sets, Lk, H, K) -> (sets, block, H, K): scores, softmax and weighted sum of
    some queries with all keys of their sets."""
    scope, biases = inputs.plan.scope, inputs.biases
    scores = inputs.score.table(q, k)  # (sets, H, block, Lk)
    differences, wanted = None, biases or isinstance(scope, ByDifferences)
    if wanted and tile.query_coords is not None and tile.key_coords is not None:
        differences = tile.query_coords[:, block, None] - tile.key_coords[:, None]
    for bias in biases:
        scores = scores + bias(Pairs(differences)).permute(0, 3, 1, 2)
    if tile.key_mask is not None:
        scores = scores.masked_fill(~tile.key_mask[:, None, None], -torch.inf)
    if isinstance(scope, ByDifferences):
        assert differences is not None
        scores = scores.masked_fill(~scope.within(differences)[:, None], -torch.inf)
    weights = drop(scores.softmax(-1).nan_to_num(0.0), inputs.dropout)  # NaN: a row of -inf only
    return torch.einsum("bhij,bjhk->bihk", weights.to(v.dtype), v)


class _Recomputed(torch.autograd.Function):
    """`compute` for `size` queries at a time, with the parameters that it uses; backward computes each block again.

    Written by hand because nothing that outlives a block may be allocated between blocks: the allocator would put
    it into the holes that large tables leave, and take new memory for each next table.
    """

    @staticmethod
    def forward(
        ctx: Any, compute: Callable[..., Tensor], parameters: Sequence[Tensor], size: int, random: bool,
        q: Tensor, k: Tensor, v: Tensor, *_: Tensor,
    ) -> Tensor:  # fmt: skip
        ctx.compute, ctx.parameters, ctx.random, ctx.autocast = compute, parameters, random, _autocast(q)
        ctx.save_for_backward(q, k, v)
        ctx.blocks = [slice(start, start + size) for start in range(0, q.shape[1], size)]
        ctx.states = []
        answer = torch.empty(*q.shape[:3], v.shape[3], dtype=v.dtype, device=v.device)
        with torch.autocast(**ctx.autocast):
            for block in ctx.blocks:
                ctx.states.append(_random_state(q) if random else None)
                answer[:, block] = compute(block, q[:, block], k, v)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors
        k, v = k.detach().requires_grad_(), v.detach().requires_grad_()
        grad_q, sums = torch.empty_like(q), [torch.zeros_like(x) for x in (k, v, *ctx.parameters)]
        devices = [q.device] if q.device.type == "cuda" else []
        with torch.enable_grad(), torch.autocast(**ctx.autocast), torch.random.fork_rng(devices, ctx.random):
            for block, state in zip(ctx.blocks, ctx.states, strict=True):
                if ctx.random:
                    _restore(q, state)
                q_block = q[:, block].detach().requires_grad_()
                answer, inputs = ctx.compute(block, q_block, k, v), (q_block, k, v, *ctx.parameters)
                gradients = torch.autograd.grad(answer, inputs, gradient[:, block], allow_unused=True)
                grad_q[:, block] = 0.0 if gradients[0] is None else gradients[0]
                for total, part in zip(sums, gradients[1:], strict=True):
                    if part is not None:
                        total += part
        return None, None, None, None, grad_q, *sums


def _autocast(x: Tensor) -> dict[str, Any]:
    """The precision in force, without its cache: that would keep copies made while nothing was differentiated."""
    kind = x.device.type
    dtype, enabled = torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
    return {"device_type": kind, "dtype": dtype, "enabled": enabled, "cache_enabled": False}


def _random_state(x: Tensor) -> Tensor:
    return torch.cuda.get_rng_state(x.device) if x.device.type == "cuda" else torch.get_rng_state()


def _restore(x: Tensor, state: Tensor) -> None:
    if x.device.type == "cuda":
        torch.cuda.set_rng_state(state, x.device)
    else:
        torch.set_rng_state(state)
