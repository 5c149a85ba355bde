"""`blocked`: any score over whole sets, some queries at a time, so that the table of all pairs never exists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import dropout as drop

from attnlab.model.attention.positions import PairBias, Pairs
from attnlab.model.attention.reference import Kernel, Plan
from attnlab.model.attention.scopes import coords_of
from attnlab.model.attention.scores import Score
from attnlab.model.attention.tiles import Side, cuts, pieces, rows_of, side_of
from attnlab.sets import VectorSets

BLOCK_NUMBERS = 1 << 20
"""How many numbers exist of one block at a time, in each step of its formula."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """A tile without any table of its pairs: their places, from which each block makes its own."""

    queries: Side
    keys: Side
    query_coords: Tensor | None  # (sets, Lq, P)
    key_coords: Tensor | None
    key_mask: Tensor | None  # (sets, Lk)


class Blocked(Kernel):
    """Any score in blocks of queries, each computed again in backward: O(L·block) memory."""

    name = "blocked"

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> list[Blocks]:
        found = []
        for cut in cuts(queries.layout, keys.layout):
            side = side_of(queries.layout, cut)
            other = side if queries is keys else side_of(keys.layout, cut)
            coords = key_coords = None
            if scope.kind != "full":
                coords_of(queries, str(scope)), coords_of(keys, str(scope))
            if queries.coords is not None and keys.coords is not None:
                coords = side.fold(rows_of(queries.coords, queries.layout, cut))
                key_coords = other.fold(rows_of(keys.coords, keys.layout, cut))
            found.append(Blocks(side, other, coords, key_coords, other.mask()))
        return found

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        plan: Plan,
        score: Score,
        biases: Sequence[PairBias] = (),
        dropout: float = 0.0,
    ) -> Tensor:
        answers = []
        parameters = [p for module in (score, *biases) for p in module.parameters() if p.requires_grad]
        for tile, (own_q, own_k, own_v) in zip(plan.work, pieces(plan.work, q, k, v), strict=True):
            own_q, own_k, own_v = tile.queries.fold(own_q), tile.keys.fold(own_k), tile.keys.fold(own_v)
            each = tile.queries.sets * tile.keys.length * q.shape[1] * (q.shape[2] if score.pairwise else 1)
            compute = partial(_block, tile, plan.scope, score, biases, dropout)
            blocks = _Cuts(compute, parameters, max(1, BLOCK_NUMBERS // max(1, each)), dropout > 0)
            answers.append(tile.queries.unfold(_Recomputed.apply(blocks, own_q, own_k, own_v, *parameters)))
        return torch.cat(answers) if answers else torch.zeros_like(q)


def _block(
    tile: Blocks, scope: Any, score: Score, biases: Sequence[PairBias], dropout: float,
    block: slice, q: Tensor, k: Tensor, v: Tensor,
) -> Tensor:  # fmt: skip
    """(sets, block, H, K): scores, softmax and weighted sum of some queries with all keys of their sets."""
    scores = score.table(q, k)  # (sets, H, block, Lk)
    differences = None
    if tile.query_coords is not None and tile.key_coords is not None and (biases or scope.kind != "full"):
        differences = tile.query_coords[:, block, None] - tile.key_coords[:, None]
    for bias in biases:
        scores = scores + bias(Pairs(differences)).permute(0, 3, 1, 2)
    if tile.key_mask is not None:
        scores = scores.masked_fill(~tile.key_mask[:, None, None], -torch.inf)
    if scope.kind != "full":
        scores = scores.masked_fill(~scope.within(differences)[:, None], -torch.inf)
    weights = drop(scores.softmax(-1).nan_to_num(0.0), dropout)  # a row of -inf only
    return torch.einsum("bhij,bjhk->bihk", weights.to(v.dtype), v)


@dataclass(frozen=True, eq=False)
class _Cuts:
    """What is computed of each block of queries, `size` of them at a time, and the parameters that it uses."""

    compute: Callable[..., Tensor]
    parameters: Sequence[Tensor]
    size: int
    random: bool


class _Recomputed(torch.autograd.Function):
    """Queries block by block; backward computes each block again.

    Written by hand because nothing that outlives a block may be allocated between blocks: the allocator would put
    it into the holes that large tables leave, and take new memory for each next table.
    """

    @staticmethod
    def forward(ctx: Any, cuts: _Cuts, q: Tensor, k: Tensor, v: Tensor, *parameters: Tensor) -> Tensor:
        ctx.cuts, ctx.autocast = cuts, _autocast(q)
        ctx.save_for_backward(q, k, v)
        ctx.states = [None] * -(-q.shape[1] // cuts.size)
        answer = torch.empty(*q.shape[:3], v.shape[3], dtype=v.dtype, device=v.device)
        with torch.autocast(**ctx.autocast):
            for number in range(len(ctx.states)):
                block = slice(number * cuts.size, (number + 1) * cuts.size)
                if cuts.random:
                    ctx.states[number] = _random_state(q)
                answer[:, block] = cuts.compute(block, q[:, block], k, v)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors
        cuts, k, v = ctx.cuts, k.detach().requires_grad_(), v.detach().requires_grad_()
        of_q, sums = torch.empty_like(q), [torch.zeros_like(x) for x in (k, v, *cuts.parameters)]
        devices = [q.device] if q.device.type == "cuda" else []
        with torch.enable_grad(), torch.autocast(**ctx.autocast), torch.random.fork_rng(devices, cuts.random):
            for number, state in enumerate(ctx.states):
                block = slice(number * cuts.size, (number + 1) * cuts.size)
                if cuts.random:
                    _restore(q, state)
                own = q[:, block].detach().requires_grad_()
                answer = cuts.compute(block, own, k, v)
                inputs = (own, k, v, *cuts.parameters)
                found = torch.autograd.grad(answer, inputs, gradient[:, block], allow_unused=True)
                of_q[:, block] = 0.0 if found[0] is None else found[0]
                for total, part in zip(sums, found[1:], strict=True):
                    if part is not None:
                        total += part
        return None, of_q, *sums


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
