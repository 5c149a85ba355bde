"""The encoder that the project is about: attention over the whole, a feed-forward layer for each vector."""

from typing import Any

from torch import Tensor, nn

from attnlab.config import AttentionEncoder
from attnlab.errors import UserError
from attnlab.model.attention.kernels import KERNELS
from attnlab.model.attention.multihead import MultiHeadAttention
from attnlab.model.attention.positions import POSITIONS
from attnlab.model.attention.scopes import SCOPES
from attnlab.model.attention.scores import SCORES
from attnlab.model.interfaces import Encoder
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed_forward(norm(x)): pre-norm (Xiong et al. 2020)."""

    def __init__(self, config: AttentionEncoder, kernel: Any) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.feed_forward
        self.norm_attention = nn.LayerNorm(width)
        self.attention = MultiHeadAttention(width, config.heads, SCORES[config.score](), kernel)
        self.norm_feed_forward = nn.LayerNorm(width)
        activation = nn.GELU() if config.activation == "gelu" else nn.ReLU()
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), activation, nn.Linear(hidden, width))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, plan: Any) -> Tensor:
        x = x + self.dropout(self.attention(self.norm_attention(x), plan))
        return x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))


class Attention(Encoder):
    """depth × (attention → feed-forward) over packed sets: (N, D) -> (N, D)."""

    def __init__(self, config: AttentionEncoder, spec: DataSpec) -> None:
        super().__init__()
        if config.position != "none" and spec.places == 0:
            raise UserError(
                f"`encoder.position={config.position}`: these data have no places; use encoder.position=none"
            )
        self.position = POSITIONS[config.position](config, spec.places)
        self.scope = SCOPES[config.scope]()
        self.kernel = KERNELS["dense" if config.kernel == "auto" else config.kernel]
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config, self.kernel) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, sets: VectorSets) -> VectorSets:
        x = self.dropout(self.position(sets))
        plan = self.kernel.plan(self.scope, sets, sets)
        for block in self.blocks:
            x = block(x, plan)
        return sets.with_values(self.norm(x))
