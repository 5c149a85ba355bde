"""Kernels over whole sets, several sets of nearly equal length at a time: `dense` and `blocked`.

A batch sorted by length is cut into tiles: runs of equal length are plain views and need no mask; lengths within
a quarter of each other share a padded, masked tile where runs would be too short.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import dropout as drop
from torch.nn.functional import scaled_dot_product_attention

from attnlab.model.attention.positions import PairBias, Pairs
from attnlab.model.attention.reference import Kernel, Plan
from attnlab.model.attention.scopes import coords_of
from attnlab.model.attention.scores import Score
from attnlab.model.places import Order
from attnlab.sets import Layout, VectorSets

SLACK = 1.25
"""How many rows a tile may have for each vector in it."""
RUN = 256
"""Rows from which sets of equal length are a tile of their own."""
CROSS_SLACK = 2.0
"""The same where queries and keys differ in length, so that both sides can't be sorted."""
BLOCK_NUMBERS = 1 << 20
"""How many numbers `blocked` holds of one block at a time, in each step of its formula."""


@dataclass(frozen=True, eq=False)
class Side:
    """The queries, or the keys, of neighbouring sets.

    rows: how many; index: (rows,) where the sets differ in length, each row's number in the padded view, else None.
    """

    rows: int
    sets: int
    length: int
    index: Tensor | None

    def fold(self, x: Tensor) -> Tensor:
        """(rows, …) -> (sets, length, …)."""
        if self.index is not None:
            x = x.new_zeros(self.sets * self.length, *x.shape[1:]).index_copy(0, self.index, x)
        return x.view(self.sets, self.length, *x.shape[1:])

    def unfold(self, x: Tensor) -> Tensor:
        """(sets, length, …) -> (rows, …)."""
        x = x.reshape(self.sets * self.length, *x.shape[2:])
        return x if self.index is None else x.index_select(0, self.index)

    def mask(self) -> Tensor | None:
        """(sets, length), True where there is a vector; None where there is one everywhere."""
        if self.index is None:
            return None
        mask = torch.zeros(self.sets * self.length, dtype=torch.bool, device=self.index.device)
        mask[self.index] = True
        return mask.view(self.sets, self.length)


@dataclass(frozen=True, eq=False)
class Tile:
    """Neighbouring sets computed in one product.

    mask: broadcast to (sets, Lq, Lk), True where one may look; None where all may look at all.
    seen: broadcast to (sets, Lq), False for a query that may look at nothing; None where every one sees something.
    causal: all sets stand in order of their places and each vector sees the earlier ones: no mask is needed.
    pairs: gives (sets, Lq, Lk, …), for biases; not made where there are none.
    """

    queries: Side
    keys: Side
    mask: Tensor | None
    seen: Tensor | None
    causal: bool
    pairs: Callable[[], Pairs]

    @cached_property
    def added(self) -> Tensor | None:
        """The mask as what is added to the scores of all heads: see `forbidden`."""
        return None if self.mask is None else forbidden(self.mask)[:, None]


def forbidden(mask: Tensor) -> Tensor:
    """A mask, True where one may look, as what is added to scores: 0, and the least number where one may not. That is made
    in a fraction of the time of −∞, and its power is 0 as well."""
    return (mask.float() - 1).mul_(torch.finfo(torch.float32).max)


class Dense(Kernel):
    """Scaled dot products over whole sets by PyTorch's fused kernel. O(B·L²)."""

    name = "dense"

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> list[Tile]:
        if scope.kind == "edges":
            return [_edge_tile(scope, queries)]
        in_order = scope.kind == "causal" and queries is keys and queries.coords is not None and _in_order(queries)
        return [_tile(scope, queries, keys, cut, in_order) for cut in _cuts(queries.layout, keys.layout)]

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
        assert not score.pairwise, "refused when the model was built"
        pieces = _pieces(plan.work, q, k, v)
        answers = [self._attend(plan, number, *piece, biases, dropout) for number, piece in enumerate(pieces)]
        if not answers:
            return torch.zeros_like(q)
        return torch.cat(answers) if len(answers) > 1 else answers[0]

    @staticmethod
    def _attend(
        plan: Plan,
        number: int,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        biases: Sequence[PairBias],
        dropout: float,
    ) -> Tensor:
        tile = plan.work[number]
        mask, causal = tile.mask, tile.causal
        if biases:
            mask, causal = plan.remembered(number, biases, lambda: _biased(tile, biases)), False
        elif mask is not None:
            mask = mask[:, None]
        q, k, v = (side.fold(x).transpose(1, 2) for side, x in ((tile.queries, q), (tile.keys, k), (tile.keys, v)))
        answer = scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=causal)
        answer = answer.transpose(1, 2)  # (sets, Lq, H, K)
        if tile.seen is not None:
            answer = answer.masked_fill(~tile.seen[:, :, None, None], 0.0)
        return tile.queries.unfold(answer)


def _biased(tile: Tile, biases: Sequence[PairBias]) -> Tensor:
    """(sets, H, Lq, Lk): the biases of all pairs, −∞ where one may not look."""
    pairs, mask = tile.pairs(), tile.mask
    bias = torch.stack([bias(pairs) for bias in biases]).sum(0).permute(0, 3, 1, 2)
    if tile.causal:
        mask = torch.ones(bias.shape[-2:], dtype=torch.bool, device=bias.device).tril()[None]
    bias = bias if mask is None else bias.masked_fill(~mask[:, None], -torch.inf)
    return bias.contiguous()


def _tile(scope: Any, queries: VectorSets, keys: VectorSets, cut: slice, in_order: bool) -> Tile:
    """One tile with its mask, where it needs one."""
    side = _side(queries.layout, cut)
    other = side if queries is keys else _side(keys.layout, cut)
    mask = seen = None

    def differences() -> Tensor:
        query_coords = side.fold(_rows(coords_of(queries, str(scope)), queries.layout, cut))
        key_coords = other.fold(_rows(coords_of(keys, str(scope)), keys.layout, cut))
        return query_coords[:, :, None] - key_coords[:, None]

    if not in_order:
        key_mask = other.mask()
        mask = None if key_mask is None else key_mask[:, None]  # (sets, 1, Lk)
        if scope.kind != "full":
            within = scope.within(differences())
            mask = within if mask is None else within & mask
    if mask is not None:
        # A row of −∞ has no softmax: who sees nothing looks at everything and is set to 0 afterwards.
        seen = mask.any(-1)
        mask = mask | ~seen[..., None]
    seen = None if queries is keys else seen
    return Tile(side, other, mask, seen, in_order, lambda: Pairs(differences()))


def _edge_tile(scope: Any, sets: VectorSets) -> Tile:
    """All sets as one padded tile, because the host doesn't know which edges belong to which set."""
    side, layout = _side(sets.layout, slice(0, len(sets))), sets.layout
    found, length = scope.neighbours(sets), side.length
    place = layout.place
    pair = (layout.set_index[found.queries] * length + place[found.queries]) * length + place[found.keys]
    mask = torch.zeros(side.sets * length * length, dtype=torch.bool, device=pair.device)
    mask[pair] = True
    mask = mask.view(side.sets, length, length)

    def pairs() -> Pairs:
        differences = edge_values = None
        if sets.coords is not None:
            coords = side.fold(sets.coords)
            differences = coords[:, :, None] - coords[:, None]
        if found.edge_values is not None:
            own = found.edge_values
            edge_values = own.new_zeros(side.sets * length * length, *own.shape[1:]).index_copy(0, pair, own)
            edge_values = edge_values.view(side.sets, length, length, *own.shape[1:])
        return Pairs(differences, edge_values)

    seen = mask.any(-1)
    mask = mask | ~seen[..., None]
    return Tile(side, side, mask, None if scope.loops else seen, False, pairs)


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
        for cut in _cuts(queries.layout, keys.layout):
            side = _side(queries.layout, cut)
            other = side if queries is keys else _side(keys.layout, cut)
            coords = key_coords = None
            if scope.kind != "full":
                coords_of(queries, str(scope)), coords_of(keys, str(scope))
            if queries.coords is not None and keys.coords is not None:
                coords = side.fold(_rows(queries.coords, queries.layout, cut))
                key_coords = other.fold(_rows(keys.coords, keys.layout, cut))
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
        for tile, (own_q, own_k, own_v) in zip(plan.work, _pieces(plan.work, q, k, v), strict=True):
            own_q, own_k, own_v = tile.queries.fold(own_q), tile.keys.fold(own_k), tile.keys.fold(own_v)
            each = tile.queries.sets * tile.keys.length * q.shape[1] * (q.shape[2] if score.pairwise else 1)
            compute = partial(_block, tile, plan.scope, score, biases, dropout)
            cuts = _Cuts(compute, parameters, max(1, BLOCK_NUMBERS // max(1, each)), dropout > 0)
            answers.append(tile.queries.unfold(_Recomputed.apply(cuts, own_q, own_k, own_v, *parameters)))
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


def _pieces(tiles: Sequence[Any], q: Tensor, k: Tensor, v: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The rows of each tile."""
    query_rows, key_rows = [tile.queries.rows for tile in tiles], [tile.keys.rows for tile in tiles]
    return zip(q.split(query_rows), k.split(key_rows), v.split(key_rows), strict=True)


def _cuts(queries: Layout, keys: Layout) -> list[slice]:
    """Cut neighbouring sets into tiles of equal or nearly equal length."""
    if queries is keys:
        return [slice(*cut) for cut in _runs((queries.lengths,), SLACK)]
    return [slice(*cut) for cut in _runs((queries.lengths, keys.lengths), CROSS_SLACK)]


def _runs(sides: tuple[tuple[int, ...], ...], slack: float) -> Iterator[tuple[int, int]]:
    """(first, after the last) of runs of sets that are worth padding to their longest, on every side."""
    sets, start = len(sides[0]), 0
    while start < sets:
        stop = start + 1
        low, high = [[lengths[start] for lengths in sides] for _ in range(2)]
        total = list(low)
        while stop < sets:
            new = [lengths[stop] for lengths in sides]
            lower, higher = [*map(min, low, new)], [*map(max, high, new)]
            if low == high and lower != higher and min(total) >= RUN:
                break  # of equal length so far, and long enough to be worth a product without a mask
            total = [a + b for a, b in zip(total, new, strict=True)]
            if lower != higher and any(
                (stop - start + 1) * most > slack * rows for most, rows in zip(higher, total, strict=True)
            ):
                break
            low, high, stop = lower, higher, stop + 1
        yield start, stop
        start = stop


def _side(layout: Layout, cut: slice) -> Side:
    lengths = layout.lengths[cut]
    rows, longest = slice(layout.starts[cut.start], layout.starts[cut.stop]), max(lengths, default=0)
    if longest and min(lengths) == longest:
        return Side(rows.stop - rows.start, len(lengths), longest, None)
    length = max(longest, 1)  # where all are empty, one padded row spares every reader the case of none
    index = (layout.set_index[rows] - cut.start) * length + layout.place[rows]
    return Side(rows.stop - rows.start, len(lengths), length, index)


def _rows(x: Tensor, layout: Layout, cut: slice) -> Tensor:
    """The rows of some sets."""
    return x[layout.starts[cut.start] : layout.starts[cut.stop]]


def _in_order(sets: VectorSets) -> bool:
    order = Order.of(sets)
    return order.rows is None and order.strict
