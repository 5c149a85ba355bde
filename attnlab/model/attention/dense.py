"""`dense`: scaled dot products over whole sets by PyTorch's fused kernel."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attnlab.model.attention.positions import PairBias
from attnlab.model.attention.reference import Kernel, Plan
from attnlab.model.attention.scores import Score
from attnlab.model.attention.tiles import Tile, cuts, edge_tile, pieces, stands_in_order, tile_of
from attnlab.sets import VectorSets


class Dense(Kernel):
    """Scaled dot products over whole sets by PyTorch's fused kernel. O(B·L²)."""

    name = "dense"

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> list[Tile]:
        if scope.kind == "edges":
            return [edge_tile(scope, queries)]
        in_order = scope.kind == "causal" and queries is keys and queries.coords is not None
        in_order = in_order and stands_in_order(queries)
        return [tile_of(scope, queries, keys, cut, in_order) for cut in cuts(queries.layout, keys.layout)]

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
        own = enumerate(pieces(plan.work, q, k, v))
        answers = [self._attend(plan, number, *piece, biases, dropout) for number, piece in own]
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
