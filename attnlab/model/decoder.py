"""The decoder of a transformer: from the tokens so far, and encoded sets of any modality, to the next token.

The encoded sets are called the memory. Letters beside the house's own: Nm vectors of the memory · V tokens in the vocabulary.
"""

from typing import cast

import torch
from torch import Tensor, nn

from attnlab.attention_options import parse_score
from attnlab.config import AttentionEncoder
from attnlab.model.attention.kernels import choose
from attnlab.model.attention.multihead import CrossAttention, SelfAttention
from attnlab.model.attention.positions import Biases, LearnedPosition, PairBias, Rotation, position_of
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scopes import Causal, Full, Scope
from attnlab.model.dropout import Dropout
from attnlab.model.embeddings import table
from attnlab.model.linear import Linear, affine
from attnlab.sets import VectorSets


class DecoderBlock(nn.Module):
    """Attention to earlier tokens, then to the memory, then a feed-forward layer; pre-norm (Xiong et al. 2020)."""

    def __init__(self, config: AttentionEncoder, memory_width: int) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.feed_forward
        shape = (config.heads, config.width_of_head, config.score, config.attention_dropout)
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width, *shape)
        self.norm_cross_attention = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, memory_width, *shape)
        self.norm_feed_forward = nn.LayerNorm(width)
        activation = nn.GELU() if config.activation == "gelu" else nn.ReLU()
        self.feed_forward = nn.Sequential(Linear(width, hidden), activation, Linear(hidden, width))
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, plan: Plan, rotate: Rotation | None, biases: Biases,
        memory: Tensor, memory_plan: Plan,
    ) -> Tensor:  # fmt: skip
        """(N, D) tokens and (Nm, D) memory -> (N, D)."""
        x = x + self.dropout(self.attention(self.norm_attention(x), plan, rotate, biases))
        kv = self.cross_attention.project_kv(memory)
        x = x + self.dropout(self.cross_attention(self.norm_cross_attention(x), kv, memory_plan))
        return x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))


class Decoder(nn.Module):
    """depth × (attention to earlier tokens → attention to the memory → feed-forward).

    config: that of an encoder with the same blocks, whose scope is `causal`. vocabulary: V, or the table of vectors that is
    shared with the source's. Input and output layer are the same table (Press & Wolf 2017).
    """

    def __init__(self, config: AttentionEncoder, memory_width: int, vocabulary: int | nn.Embedding) -> None:
        super().__init__()
        self.config, self.pairwise = config, parse_score(config.score).pairwise
        if isinstance(vocabulary, int):
            self.own_table = table(vocabulary, config.width)
            vocabulary = self.own_table
        self._table = [vocabulary]  # in a list: a table that belongs to the source is saved and trained there
        self.position = position_of(config, 1, owner="head")
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(DecoderBlock(config, memory_width) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.bias = nn.Parameter(torch.zeros(vocabulary.num_embeddings))

    @property
    def table(self) -> nn.Embedding:
        """(V, D)."""
        return self._table[0]

    @property
    def layers(self) -> list[DecoderBlock]:
        return cast(list[DecoderBlock], list(self.blocks))

    @property
    def max_length(self) -> int | None:
        """How many tokens can be read, `<s>` included; None where positions have no end."""
        return self.position.limit if isinstance(self.position, LearnedPosition) else None

    @property
    def biases(self) -> list[PairBias]:
        """What is added to the scores of attention to earlier tokens."""
        bias = self.position.bias()
        return [] if bias is None else [bias]

    def forward(self, tokens: VectorSets, memory: VectorSets) -> Tensor:
        """(N,) tokens, each set beginning with `<s>`, and (Nm, D) memory -> (N, D), from which `logits` predicts the token
        that follows each."""
        tokens = tokens.with_values(self.table(tokens.values))
        x = self.dropout(self.position.added(tokens))
        rotate, biases = self.position.rotation(tokens), self.biases
        plan = self._plan(Causal(), tokens, tokens, bool(biases))
        memory_plan = self._plan(Full(), tokens, memory, biased=False)
        for block in self.layers:
            x = block(x, plan, rotate, biases, memory.values, memory_plan)
        return self.norm(x)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) -> (…, V)."""
        return affine(x, self.table.weight, self.bias)

    def _plan(self, scope: Scope, queries: VectorSets, keys: VectorSets, biased: bool) -> Plan:
        keeps_table = biased or (self.training and self.config.attention_dropout > 0)
        return choose(self.pairwise, scope, keys, self.config.heads, keeps_table).plan(scope, queries, keys)
