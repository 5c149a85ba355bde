"""How attention is computed. `reference` is written to be read; every other kernel equals it.

A kernel makes a plan once per batch, from the scope and the layout, and all layers use it.
Shapes: q (Nq, H, K), k and v (Nk, H, K), answer (Nq, H, K); packed, set after set.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from attnlab.sets import Layout, VectorSets


class Reference:
    """The textbook's steps, one set after the other: scores, softmax, weighted sum. O(ΣL²)."""

    def plan(self, scope: Any, queries: VectorSets, keys: VectorSets) -> list[Any]:
        pairs = zip(queries.unbind(), keys.unbind(), strict=True)
        rows = zip(_row_slices(queries.layout), _row_slices(keys.layout), strict=True)
        return [(q, k, scope.allows(*pair)) for (q, k), pair in zip(rows, pairs, strict=True)]

    def attend(self, q: Tensor, k: Tensor, v: Tensor, plan: list[Any], score: nn.Module) -> Tensor:
        answers = [
            torch.einsum("hij,jhk->ihk", weights, v[key_rows])
            for weights, (_, key_rows, _) in zip(self.weights(q, k, plan, score), plan, strict=True)
        ]
        return torch.cat(answers)

    def weights(self, q: Tensor, k: Tensor, plan: list[Any], score: nn.Module) -> list[Tensor]:
        """Of each set, (H, Lq, Lk): how much each query looks at each key. A row that may look at nothing is 0."""
        found = []
        for query_rows, key_rows, allowed in plan:
            scores = score(q[query_rows, None], k[None, key_rows])  # (Lq, Lk, H)
            scores = scores.masked_fill(~allowed[:, :, None], -torch.inf)
            weights = scores.softmax(dim=1).nan_to_num(0.0)  # a row of -inf only
            found.append(weights.permute(2, 0, 1))
        return found


@dataclass(frozen=True)
class Tile:
    """Neighbouring sets computed in one product: `sets` of them, `length` vectors each.

    index: (rows,) where the tile's sets differ in length, their rows' numbers in the padded view; else None.
    mask: (sets, 1, 1, length), True where one may look; None where all have the same length.
    """

    rows: int
    sets: int
    length: int
    index: Tensor | None = None
    mask: Tensor | None = None


class Dense:
    """Scaled dot products over whole sets by PyTorch's fused kernel. O(B·L²).

    A batch sorted by length is cut into runs of equal length, which are plain views and need no mask;
    lengths within a quarter of each other share a padded, masked tile where runs would be too short.
    """

    def plan(self, scope: Any, queries: VectorSets, keys: VectorSets) -> list[Tile]:
        return tiles(queries.layout)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, plan: list[Tile], score: Any) -> Tensor:
        q, k = score.prepare(q, k)
        rows = [tile.rows for tile in plan]
        pieces = zip(plan, q.split(rows), k.split(rows), v.split(rows), strict=True)
        answers = [_attend_tile(*piece) for piece in pieces]
        return torch.cat(answers) if len(answers) > 1 else answers[0]


def tiles(layout: Layout) -> list[Tile]:
    """Cut neighbouring sets into tiles of equal or nearly equal length."""
    found, start = [], 0
    lengths = layout.lengths
    while start < len(lengths):
        stop = start + 1
        shortest = longest = lengths[start]
        total = lengths[start]
        while stop < len(lengths):
            low, high = min(shortest, lengths[stop]), max(longest, lengths[stop])
            if high != low and (stop - start + 1) * high > 1.25 * (total + lengths[stop]):
                break
            shortest, longest, total = low, high, total + lengths[stop]
            stop += 1
        found.append((start, stop, shortest, longest, total))
        start = stop
    return [_tile(layout, *cut) for cut in found]


def _tile(layout: Layout, start: int, stop: int, shortest: int, longest: int, total: int) -> Tile:
    sets = stop - start
    if shortest == longest:
        return Tile(total, sets, longest)
    rows = slice(layout.starts[start], layout.starts[stop])
    index = (layout.set_index[rows] - start) * longest + layout.place[rows]
    mask = torch.zeros(sets * longest, dtype=torch.bool, device=index.device)
    mask[index] = True
    return Tile(total, sets, longest, index, mask.view(sets, 1, 1, longest))


def _attend_tile(tile: Tile, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """(rows, H, K) each -> (rows, H, K)."""
    heads, width = q.shape[1:]

    def sets_first(x: Tensor) -> Tensor:  # (rows, H, K) -> (sets, H, length, K)
        if tile.index is not None:
            x = x.new_zeros(tile.sets * tile.length, heads, width).index_copy(0, tile.index, x)
        return x.view(tile.sets, tile.length, heads, width).transpose(1, 2)

    answer = scaled_dot_product_attention(sets_first(q), sets_first(k), sets_first(v), attn_mask=tile.mask)
    answer = answer.transpose(1, 2).reshape(tile.sets * tile.length, heads, width)
    return answer if tile.index is None else answer.index_select(0, tile.index)


def _row_slices(layout: Layout) -> list[slice]:
    return [slice(a, b) for a, b in zip(layout.starts, layout.starts[1:], strict=False)]


KERNELS: dict[str, Any] = {"reference": Reference(), "dense": Dense()}
