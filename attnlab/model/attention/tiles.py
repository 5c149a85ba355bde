"""Sets of nearly equal length, several at a time: what `dense`, `packed` and `blocked` compute on.

A batch sorted by length is cut into tiles: runs of equal length are plain views and need no mask; lengths within
a quarter of each other share a padded, masked tile where runs would be too short.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnlab.model.attention.positions import Pairs
from attnlab.model.attention.scopes import ByDifferences, ByEdges, Scope, coords_of
from attnlab.sets import Layout, VectorSets

SLACK = 1.25
"""How many rows a tile may have for each vector in it."""
RUN = 256
"""Rows from which sets of equal length are a tile of their own."""
CROSS_SLACK = 2.0
"""The same where queries and keys differ in length, so that both sides can't be sorted."""


@dataclass(frozen=True, eq=False)
class Side:
    """The queries, or the keys, of neighbouring sets. rows: how many; index: (rows,) where the sets differ in length, each
    row's number in the padded view, else None."""

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
        return self.fold(torch.ones(self.rows, dtype=torch.bool, device=self.index.device))


@dataclass(frozen=True, eq=False)
class Sides:
    """Neighbouring sets that are computed together."""

    queries: Side
    keys: Side


@dataclass(frozen=True, eq=False)
class Tile(Sides):
    """Neighbouring sets computed in one product.

    mask: broadcast to (sets, Lq, Lk), True where the query attends to the key; None where all do to all.
    has_key: broadcast to (sets, Lq), False for a query without any allowed key; None where every one has one.
    causal: all sets stand in order of their coordinates and attention is causal: no mask is needed.
    pairs: gives (sets, Lq, Lk, …), for biases; not made where there are none.
    """

    mask: Tensor | None
    has_key: Tensor | None
    causal: bool
    pairs: Callable[[], Pairs]

    @cached_property
    def additive_mask(self) -> Tensor | None:
        """Broadcast to (sets, H, Lq, Lk): what is added to the scores of all heads, see `to_additive_mask`."""
        return None if self.mask is None else to_additive_mask(self.mask)[:, None]


def to_additive_mask(mask: Tensor) -> Tensor:
    """(…) bool, True where a pair is allowed -> (…) fp32, which is added to scores: 0, and the lowest number where it is not.
    That is made in a fraction of the time of −∞, and its power is 0 as well."""
    return (mask.float() - 1).mul_(torch.finfo(torch.float32).max)


def tile_of(scope: Scope, queries: VectorSets, keys: VectorSets, cut: slice, causal: bool) -> Tile:
    """The tile of some neighbouring sets, with its mask where it needs one. causal: as in `Tile`."""
    side = side_of(queries.layout, cut)
    other = side if queries is keys else side_of(keys.layout, cut)
    mask = has_key = None

    def differences() -> Tensor:
        query_coords = side.fold(rows_of(coords_of(queries, scope), queries.layout, cut))
        key_coords = other.fold(rows_of(coords_of(keys, scope), keys.layout, cut))
        return query_coords[:, :, None] - key_coords[:, None]

    if not causal:
        key_mask = other.mask()
        mask = None if key_mask is None else key_mask[:, None]  # (sets, 1, Lk)
        if isinstance(scope, ByDifferences):
            within = scope.within(differences())
            mask = within if mask is None else within & mask
    if mask is not None:
        # A row of −∞ has no softmax: rows without an allowed key attend to all, and are set to 0 afterwards.
        has_key = mask.any(-1)
        mask = mask | ~has_key[..., None]
    has_key = None if queries is keys else has_key
    return Tile(side, other, mask, has_key, causal, lambda: Pairs(differences()))


def edge_tile(scope: ByEdges, sets: VectorSets) -> Tile:
    """All sets as one padded tile, because the host doesn't know which edges belong to which set."""
    side, layout = side_of(sets.layout, slice(0, len(sets))), sets.layout
    neighbours, length = scope.neighbours(sets), side.length
    rows, columns = layout.position[neighbours.queries], layout.position[neighbours.keys]
    pair = (layout.set_index[neighbours.queries] * length + rows) * length + columns
    mask = torch.zeros(side.sets * length * length, dtype=torch.bool, device=pair.device)
    mask[pair] = True
    mask = mask.view(side.sets, length, length)

    def pairs() -> Pairs:
        differences = edge_values = None
        if sets.coords is not None:
            coords = side.fold(sets.coords)
            differences = coords[:, :, None] - coords[:, None]
        if neighbours.edge_values is not None:
            listed = neighbours.edge_values
            edge_values = listed.new_zeros(side.sets * length * length, *listed.shape[1:])
            edge_values = edge_values.index_copy(0, pair, listed).unflatten(0, mask.shape)
        return Pairs(differences, edge_values)

    has_key = mask.any(-1)
    mask = mask | ~has_key[..., None]
    return Tile(side, side, mask, None if scope.loops else has_key, False, pairs)


def pieces(tiles: Sequence[Sides], q: Tensor, k: Tensor, v: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(Nq, H, K), (Nk, H, K), (Nk, H, K) -> the rows of each tile."""
    query_rows, key_rows = [tile.queries.rows for tile in tiles], [tile.keys.rows for tile in tiles]
    return zip(q.split(query_rows), k.split(key_rows), v.split(key_rows), strict=True)


def cuts(queries: Layout, keys: Layout) -> list[slice]:
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
                (stop - start + 1) * length > slack * rows for length, rows in zip(higher, total, strict=True)
            ):
                break
            low, high, stop = lower, higher, stop + 1
        yield start, stop
        start = stop


def side_of(layout: Layout, cut: slice) -> Side:
    """The rows of some neighbouring sets, and where they stand in the padded view."""
    lengths = layout.lengths[cut]
    rows, longest = slice(layout.starts[cut.start], layout.starts[cut.stop]), max(lengths, default=0)
    if longest and min(lengths) == longest:
        return Side(rows.stop - rows.start, len(lengths), longest, None)
    length = max(longest, 1)  # where all are empty, one padded row spares every reader the case of none
    index = (layout.set_index[rows] - cut.start) * length + layout.position[rows]
    return Side(rows.stop - rows.start, len(lengths), length, index)


def rows_of(x: Tensor, layout: Layout, cut: slice) -> Tensor:
    """(N, …) -> (rows, …): those of some neighbouring sets."""
    return x[layout.starts[cut.start] : layout.starts[cut.stop]]
