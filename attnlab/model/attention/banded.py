"""`banded`: windows over one coordinate, in time and memory that grow with N · radius."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from attnlab.attention_options import check_num_coords
from attnlab.model.attention import banded_products
from attnlab.model.attention.positions import Biases, Pairs, bias_sum
from attnlab.model.attention.reference import AttentionInputs, Kernel
from attnlab.model.attention.scopes import ByDifferences, Scope, coords_of
from attnlab.model.attention.tiles import to_additive_mask
from attnlab.model.coord_order import Order
from attnlab.sets import VectorSets

SMALLEST = 8
"""Queries of the smallest block: smaller products cost more than what they save."""


@dataclass(frozen=True, eq=False)
class Band:
    """All sets of the batch end to end in order of their coordinates, cut into blocks of w queries, each of which attends to
    the 3w keys of itself and its neighbours; w is at least as many rows as the window reaches.

    order: (N,) and inverse_order: (N,) row numbers into that order and out of it, or None where the rows stand so.
    differences: (blocks, w, 3w, 1); mask: (blocks, w, 3w), True where a pair is allowed.
    """

    size: int
    blocks: int
    order: Tensor | None
    inverse_order: Tensor | None
    differences: Tensor
    mask: Tensor

    def ordered(self, x: Tensor) -> Tensor:
        """(N, …) -> (N, …) in order of the coordinates."""
        return x if self.order is None else x.index_select(0, self.order)

    def queries(self, x: Tensor) -> Tensor:
        """(N, H, K) -> (blocks, H, w, K)."""
        x = self.ordered(x)
        x = pad(x, (0, 0, 0, 0, 0, self.blocks * self.size - len(x)))
        return x.view(self.blocks, self.size, *x.shape[1:]).transpose(1, 2)

    def keys(self, x: Tensor) -> Tensor:
        """(N, H, K) -> (blocks, H, 3w, K)."""
        x = self.ordered(x)
        x = pad(x, (0, 0, 0, 0, self.size, (self.blocks + 1) * self.size - len(x)))
        x = x.view(self.blocks + 2, self.size, *x.shape[1:])
        # Slices and a copy, whose gradient is a sum of slices; a strided view's would be added up number by number.
        return torch.cat([x[:-2], x[1:-1], x[2:]], dim=1).transpose(1, 2)


class Banded(Kernel[Band]):
    """Block-local products (Beltagy et al. 2020, section 3.1, in blocks)."""

    name = "banded"

    def _work(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> Band:
        assert isinstance(scope, ByDifferences) and scope.bound is not None, "refused by `plan`"
        coords = coords_of(queries, scope)
        check_num_coords(self.name, coords.shape[1])
        order = Order.of(queries)
        size = max(order.reach(scope.bound), SMALLEST)
        blocks = max(1, -(-len(coords) // size))
        # Padding belongs to set −1, whose members attend to each other, so that every row has a softmax.
        query_sets, key_sets = _facing(order.sets, size, blocks, -1)
        query_coords, key_coords = _facing(order.coords[:, 0], size, blocks, 0)
        differences = (query_coords - key_coords)[..., None]
        mask = (query_sets == key_sets) & scope.within(differences)
        device = coords.device
        rows = None if order.rows is None else order.rows.to(device)
        inverse_order = None if rows is None else torch.argsort(rows)
        return Band(size, blocks, rows, inverse_order, differences.to(device), mask.to(device))

    def attend(self, inputs: AttentionInputs[Band]) -> Tensor:
        assert not inputs.score.pairwise, "refused when the model was built"
        q, k, v, biases, band = inputs.q, inputs.k, inputs.v, inputs.biases, inputs.plan.work
        mask = inputs.plan.cached_bias(0, biases, lambda: _additive_mask(band, biases, q.dtype))
        if not biases and banded_products.fits(q, mask, inputs.dropout):
            answer = banded_products.attend(band.ordered(q), band.ordered(k), band.ordered(v), mask)
        else:
            answer = scaled_dot_product_attention(
                band.queries(q), band.keys(k), band.keys(v), attn_mask=mask, dropout_p=inputs.dropout
            )
            answer = answer.transpose(1, 2).flatten(0, 1)[: len(q)]
        return answer if band.inverse_order is None else answer.index_select(0, band.inverse_order)


def _additive_mask(band: Band, biases: Biases, dtype: torch.dtype) -> Tensor:
    """(blocks, 1 or H, w, 3w): what is added to the scores."""
    mask = to_additive_mask(band.mask).to(dtype)[:, None]
    return mask + bias_sum(biases, Pairs(band.differences)).permute(0, 3, 1, 2) if biases else mask


def _facing(x: Tensor, size: int, blocks: int, padding: int) -> tuple[Tensor, Tensor]:
    """(N,) -> the queries' (blocks, w, 1) and the keys' (blocks, 1, 3w), to be compared with each other."""
    padded = x.new_full(((blocks + 2) * size,), padding)
    padded[size : size + len(x)] = x
    return padded[size:-size].view(blocks, size, 1), padded.unfold(0, 3 * size, size)[:, None]
