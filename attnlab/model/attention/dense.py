"""`dense`: scaled dot products over whole sets by PyTorch's fused kernel."""

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attnlab.model.attention.positions import Biases, bias_sum
from attnlab.model.attention.reference import AttentionInputs, Kernel
from attnlab.model.attention.scopes import ByDifferences, ByEdges, Scope
from attnlab.model.attention.tiles import Tile, cuts, edge_tile, pieces, tile_of
from attnlab.model.coord_order import Order
from attnlab.sets import VectorSets


class Dense(Kernel[list[Tile]]):
    """Scaled dot products over whole sets by PyTorch's fused kernel. O(B·L²)."""

    name = "dense"

    def _work(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> list[Tile]:
        if isinstance(scope, ByEdges):
            return [edge_tile(scope, queries)]
        causal = isinstance(scope, ByDifferences) and scope.causal and queries is keys
        causal = causal and queries.coords is not None and Order.of(queries).strict
        return [tile_of(scope, queries, keys, cut, causal) for cut in cuts(queries.layout, keys.layout)]

    def attend(self, inputs: AttentionInputs[list[Tile]]) -> Tensor:
        assert not inputs.score.pairwise, "refused when the model was built"
        tiles = enumerate(pieces(inputs.plan.work, inputs.q, inputs.k, inputs.v))
        answers = [self._attend(inputs, number, *piece) for number, piece in tiles]
        if not answers:
            return torch.zeros_like(inputs.q)
        return torch.cat(answers) if len(answers) > 1 else answers[0]

    @staticmethod
    def _attend(inputs: AttentionInputs[list[Tile]], number: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(rows, H, K) each -> (rows, H, K): of one tile."""
        tile, biases = inputs.plan.work[number], inputs.biases
        mask, causal = tile.mask, tile.causal
        if biases:
            mask, causal = inputs.plan.cached_bias(number, biases, lambda: _biased(tile, biases)), False
        elif mask is not None:
            mask = mask[:, None]
        q, k, v = (side.fold(x).transpose(1, 2) for side, x in ((tile.queries, q), (tile.keys, k), (tile.keys, v)))
        answer = scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=inputs.dropout, is_causal=causal
        ).transpose(1, 2)  # (sets, Lq, H, K)
        if tile.has_key is not None:
            answer = answer.masked_fill(~tile.has_key[:, :, None, None], 0.0)
        return tile.queries.unfold(answer)


def _biased(tile: Tile, biases: Biases) -> Tensor:
    """(sets, H, Lq, Lk): the biases of all pairs, −∞ where a pair is not allowed."""
    bias, mask = bias_sum(biases, tile.pairs()).permute(0, 3, 1, 2), tile.mask
    if tile.causal:
        mask = torch.ones(bias.shape[-2:], dtype=torch.bool, device=bias.device).tril()[None]
    bias = bias if mask is None else bias.masked_fill(~mask[:, None], -torch.inf)
    return bias.contiguous()
