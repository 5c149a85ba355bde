"""Windows over one coordinate, in time and memory that grow with N · radius."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from attnlab.errors import UserError
from attnlab.model.attention import windows
from attnlab.model.attention.positions import PairBias, Pairs
from attnlab.model.attention.reference import Kernel, Plan
from attnlab.model.attention.scopes import coords_of
from attnlab.model.attention.scores import Score
from attnlab.model.attention.tiles import forbidden
from attnlab.model.coord_order import Order
from attnlab.sets import VectorSets

SMALLEST = 8
"""Queries of the smallest block: smaller products are dearer than what they save."""


@dataclass(frozen=True, eq=False)
class Band:
    """All sets of the batch end to end in order of their places, cut into blocks of w queries, each of which looks at the
    3w keys of itself and its neighbours; w is at least as many rows as the window reaches.

    order: (N,) and back: (N,) row numbers into that order and out of it, or None where the rows stand so.
    differences: (blocks, w, 3w, 1); mask: (blocks, w, 3w), True where one may look.
    """

    size: int
    blocks: int
    order: Tensor | None
    back: Tensor | None
    differences: Tensor
    mask: Tensor

    def ordered(self, x: Tensor) -> Tensor:
        """The rows in order of their places."""
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


class Banded(Kernel):
    """Block-local products (Beltagy et al. 2020, section 3.1, in blocks)."""

    name = "banded"

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> Band:
        coords = coords_of(queries, str(scope))
        if coords.shape[1] != 1:
            raise UserError(
                f"kernel banded needs vectors along one coordinate, these have {coords.shape[1]}; "
                "use kernel edgewise or dense"
            )
        order = Order.of(queries)
        size = max(order.reach(scope.radius), SMALLEST)
        blocks = max(1, -(-len(coords) // size))
        # Padding belongs to set −1, whose members see each other, so that every row has a softmax.
        query_sets, key_sets = _facing(order.sets, size, blocks, -1)
        query_places, key_places = _facing(order.coords[:, 0], size, blocks, 0)
        differences = (query_places - key_places)[..., None]
        mask = (query_sets == key_sets) & scope.within(differences)
        device = coords.device
        order_rows = back = None
        if order.rows is not None:
            order_rows = order.rows.to(device)
            back = torch.argsort(order_rows)
        return Band(size, blocks, order_rows, back, differences.to(device), mask.to(device))

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
        band = plan.work
        mask = plan.remembered(0, biases, lambda: _float_mask(band, biases, q.dtype))
        if not biases and windows.fits(q, mask, dropout):
            answer = windows.attend(band.ordered(q), band.ordered(k), band.ordered(v), mask)
        else:
            answer = scaled_dot_product_attention(
                band.queries(q), band.keys(k), band.keys(v), attn_mask=mask, dropout_p=dropout
            )
            answer = answer.transpose(1, 2).flatten(0, 1)[: len(q)]
        return answer if band.back is None else answer.index_select(0, band.back)


def _float_mask(band: Band, biases: Sequence[PairBias], dtype: torch.dtype) -> Tensor:
    """(blocks, 1 or H, w, 3w): what is added to the scores."""
    mask = forbidden(band.mask).to(dtype)[:, None]
    if not biases:
        return mask
    pairs = Pairs(band.differences)
    return mask + torch.stack([bias(pairs) for bias in biases]).sum(0).permute(0, 3, 1, 2)


def _facing(x: Tensor, size: int, blocks: int, padding: int) -> tuple[Tensor, Tensor]:
    """(N,) -> the queries' (blocks, w, 1) and the keys' (blocks, 1, 3w), to be compared with each other."""
    held = x.new_full(((blocks + 2) * size,), padding)
    held[size : size + len(x)] = x
    return held[size:-size].view(blocks, size, 1), held.unfold(0, 3 * size, size)[:, None]
