"""The encoder that the project is about: attention over the whole, a feed-forward layer for each vector."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn

from attnlab.attention_options import parse_scopes
from attnlab.config import AttentionEncoder
from attnlab.errors import UserError
from attnlab.model.attention.kernels import KERNELS, choose
from attnlab.model.attention.multihead import SelfAttention
from attnlab.model.attention.positions import EdgeBias, PairBias, Rotation, position_of
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scopes import Scope, scope_of
from attnlab.model.dropout import Dropout
from attnlab.model.interfaces import Encoder
from attnlab.model.linear import Linear
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): pre-norm (Xiong et al. 2020)."""

    def __init__(self, config: AttentionEncoder) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.feed_forward
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(
            width, config.heads, config.width_of_head, config.score, config.attention_dropout
        )
        self.norm_feed_forward = nn.LayerNorm(width)
        activation = nn.GELU() if config.activation == "gelu" else nn.ReLU()
        self.feed_forward = nn.Sequential(Linear(width, hidden), activation, Linear(hidden, width))
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, plan: Plan, rotate: Rotation | None, biases: Sequence[PairBias]) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_attention(x), plan, rotate, biases))
        return x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))


class Attention(Encoder):
    """depth × (attention → feed-forward) over packed sets: (N, D) -> (N, D).

    Scopes are cycled over the layers. All layers share the position, and a bias made from the edges' values
    where the data have such and the layer's scope is `edges`.
    """

    def __init__(self, config: AttentionEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if config.position != "none" and spec.num_coords == 0:
            raise UserError(
                f"`encoder.position={config.position}`: these data have no places; use encoder.position=none"
            )
        self.config = config
        self.scopes = [scope_of(word, spec) for word in parse_scopes(config.scope)][: config.depth]
        if config.kernel == "banded" and spec.num_coords != 1:
            raise UserError(
                f"kernel banded needs vectors along one coordinate, these have {spec.num_coords}; "
                "use kernel edgewise or dense"
            )
        self.position = position_of(config, spec.num_coords)
        self.edge_bias = None
        if spec.edge_features and any(scope.kind == "edges" for scope in self.scopes):
            self.edge_bias = EdgeBias(spec.edge_features, config.heads)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, sets: VectorSets) -> VectorSets:
        # All pairs of a set are computed together with those of its neighbours of like length.
        found = sets.by_length() if any(scope.kind in ("full", "causal") for scope in self.scopes) else None
        own = sets if found is None else found.sets
        x = self.dropout(self.position.added(own))
        rotate = self.position.rotation(own)
        plans = {scope: self.plan(scope, own) for scope in self.scopes}
        if found is not None:
            plans = {scope: replace(plan, inverse_order=found.inverse_order) for scope, plan in plans.items()}
        for number, block in enumerate(self.blocks):
            scope = self.scopes[number % len(self.scopes)]
            x = block(x, plans[scope], rotate, self.biases(scope))
        x = self.norm(x)
        return sets.with_values(x if found is None else x.index_select(0, found.rows))

    def plan(self, scope: Scope, sets: VectorSets) -> Plan:
        """The work of one scope's kernel, shared by all layers that use it."""
        config = self.config
        if config.kernel != "auto":
            return KERNELS[config.kernel].plan(scope, sets, sets)
        keeps_table = bool(self.biases(scope)) or (self.training and config.attention_dropout > 0)
        return choose(config.score, scope, sets, config.heads, keeps_table).plan(scope, sets, sets)

    def biases(self, scope: Scope) -> list[PairBias]:
        """What is added to the scores of layers with this scope."""
        own = [self.position.bias(), self.edge_bias if scope.kind == "edges" else None]
        return [bias for bias in own if bias is not None]
