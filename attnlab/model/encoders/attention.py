"""The encoder that the project is about: attention over the set, a feed-forward layer for each vector."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn

from attnlab.attention_options import check_num_coords, parse_score
from attnlab.choices import listed
from attnlab.config import AttentionEncoder
from attnlab.model.attention.kernels import KERNELS, choose
from attnlab.model.attention.multihead import SelfAttention
from attnlab.model.attention.positions import Biases, EdgeBias, PairBias, Rotation, position_of
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scopes import ByEdges, Scope, scope_of
from attnlab.model.dropout import Dropout
from attnlab.model.interfaces import Encoder
from attnlab.model.linear import Linear
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

TRUNK = ("blocks", "norm")
"""What of the encoder knows nothing of the data: vectors to vectors, whatever they stand for. Its position, scopes and edges do."""


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

    def forward(self, x: Tensor, plan: Plan, rotation: Rotation | None, biases: Biases) -> Tensor:
        """(N, D) -> (N, D)."""
        x = x + self.dropout(self.attention(self.norm_attention(x), plan, rotation, biases))
        return x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))


class Attention(Encoder):
    """depth × (attention → feed-forward) over packed sets: (N, D) -> (N, D).

    Scopes are cycled over the layers. All layers share the position, and a bias made from the edges' values
    where the data have such and the layer's scope follows edges. Raises UserError where the data lack what the keys ask for.
    """

    of_places = ("position.", "edge_bias.")

    def __init__(self, config: AttentionEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        self.config, self.pairwise = config, parse_score(config.score).pairwise
        self.position = position_of(config, spec.num_coords)
        self.scopes = [scope_of(word, spec) for word in listed(config.scope)][: config.depth]
        check_num_coords(config.kernel, spec.num_coords)
        self.edge_bias = None
        if spec.edge_features and any(isinstance(scope, ByEdges) for scope in self.scopes):
            self.edge_bias = EdgeBias(spec.edge_features, config.heads)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def separate_layers(self) -> Sequence[nn.Module]:
        return list(self.blocks)

    def forward(self, sets: VectorSets) -> VectorSets:
        """(N, D) -> (N, D). Raises UserError where vectors stand at positions that `position=learned` has no vector for."""
        # Where all pairs of a set are computed, sets of similar length are computed together.
        by_length = None if all(scope.local for scope in self.scopes) else sets.by_length()
        ordered = sets if by_length is None else by_length.sets
        x = self.dropout(self.position.added(ordered))
        rotation = self.position.rotation(ordered)
        plans = {scope: self.plan(scope, ordered) for scope in self.scopes}
        if by_length is not None:
            plans = {scope: replace(plan, inverse_order=by_length.inverse_order) for scope, plan in plans.items()}
        for number, block in enumerate(self.blocks):
            scope = self.scopes[number % len(self.scopes)]
            x = block(x, plans[scope], rotation, self.biases(scope))
        x = self.norm(x)
        return sets.with_values(x if by_length is None else x.index_select(0, by_length.rows))

    def share_trunk(self, other: "Attention") -> None:
        """From here on compute with the blocks and the last norm of another one, of the same size."""
        for name in TRUNK:
            setattr(self, name, getattr(other, name))

    def plan(self, scope: Scope, sets: VectorSets) -> Plan:
        """The plan of one scope, shared by all layers that use it. Raises UserError where its kernel cannot compute it."""
        config = self.config
        if config.kernel != "auto":
            return KERNELS[config.kernel].plan(scope, sets, sets)
        keeps_table = bool(self.biases(scope)) or (self.training and config.attention_dropout > 0)
        return choose(self.pairwise, scope, sets, config.heads, keeps_table).plan(scope, sets, sets)

    def biases(self, scope: Scope) -> list[PairBias]:
        """What is added to the scores of layers with this scope."""
        biases = [self.position.bias(), self.edge_bias if isinstance(scope, ByEdges) else None]
        return [bias for bias in biases if bias is not None]
