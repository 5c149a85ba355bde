"""The other half of a transformer: from the tokens written so far, and a memory of any modality, to the next token.

Letters beside the house's own: S sets that are being written · W sequences written for each (the beam) ·
T tokens written so far · V tokens in the vocabulary.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from attnlab.attention_options import parse_score
from attnlab.config import AttentionEncoder
from attnlab.model.attention.kernels import choose
from attnlab.model.attention.multihead import CrossAttention, MultiHead, SelfAttention
from attnlab.model.attention.packed import softmax_
from attnlab.model.attention.positions import LearnedPosition, PairBias, Pairs, Rotation, position_of
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scopes import Causal, Full, Scope
from attnlab.model.attention.tiles import to_additive_mask
from attnlab.model.dropout import Dropout
from attnlab.model.embeddings import table
from attnlab.model.linear import Linear, affine
from attnlab.sets import Layout, VectorSets


class DecoderBlock(nn.Module):
    """Attention to earlier tokens, then to the memory, then a feed-forward layer; pre-norm (Xiong et al. 2020)."""

    def __init__(self, config: AttentionEncoder, memory_width: int) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.feed_forward
        shape = (config.heads, config.width_of_head, config.score, config.attention_dropout)
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width, *shape)
        self.norm_memory = nn.LayerNorm(width)
        self.memory = CrossAttention(width, memory_width, *shape)
        self.norm_feed_forward = nn.LayerNorm(width)
        activation = nn.GELU() if config.activation == "gelu" else nn.ReLU()
        self.feed_forward = nn.Sequential(Linear(width, hidden), activation, Linear(hidden, width))
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, own: Plan, rotate: Rotation | None, biases: Sequence[PairBias],
        memory: Tensor, other: Plan,
    ) -> Tensor:  # fmt: skip
        """(N, D) tokens and (Nm, D) memory -> (N, D)."""
        x = x + self.dropout(self.attention(self.norm_attention(x), own, rotate, biases))
        x = x + self.dropout(self.memory(self.norm_memory(x), self.memory.project_kv(memory), other))
        return x + self.dropout(self.feed_forward(self.norm_feed_forward(x)))


class Decoder(nn.Module):
    """depth × (attention to earlier tokens → attention to the memory → feed-forward).

    config: described as an encoder whose scope is `causal`. vocabulary: V, or the table of vectors that is shared with
    the source's. Tokens enter and leave by the same table (Press & Wolf 2017).
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
    def farthest(self) -> int | None:
        """How many tokens can be written; None where places have no end."""
        return self.position.limit if isinstance(self.position, LearnedPosition) else None

    @property
    def biases(self) -> list[PairBias]:
        bias = self.position.bias()
        return [] if bias is None else [bias]

    def forward(self, tokens: VectorSets, memory: VectorSets) -> Tensor:
        """(N,) tokens, each set beginning with `<s>`, and (Nm, D) -> (N, D), of which `logits` makes the tokens
        that follow each."""
        tokens = tokens.with_values(self.table(tokens.values))
        x = self.dropout(self.position.added(tokens))
        rotate, biases = self.position.rotation(tokens), self.biases
        own, other = self._plan(Causal(), tokens, tokens, bool(biases)), self._plan(Full(), tokens, memory, False)
        for block in self.layers:
            x = block(x, own, rotate, biases, memory.values, other)
        return self.norm(x)

    def logits(self, x: Tensor) -> Tensor:
        """(…, D) -> (…, V)."""
        return affine(x, self.table.weight, self.bias)

    def _plan(self, scope: Scope, queries: VectorSets, keys: VectorSets, biased: bool) -> Plan:
        keeps_table = biased or (self.training and self.config.attention_dropout > 0)
        return choose(self.pairwise, scope, keys, self.config.heads, keeps_table).plan(scope, queries, keys)


class Cache:
    """What a decoder remembers while it writes W sequences for each of S sets, all T tokens long by now.

    A memory is kept once for all W sequences, which look at it as W queries. Keys and values of the tokens lie in
    tables (room, S·W, H, K) that double when they are full.
    """

    def __init__(self, decoder: Decoder, memory: VectorSets, beam: int) -> None:
        self.decoder, self.beam, self.length = decoder, beam, 0
        self.device = memory.values.device
        layout = memory.layout
        self._absent: Tensor | None = None  # (S, 1, 1, L), added to scores
        self._memories: list[tuple[Tensor, Tensor]] = []  # (S, H, L, K) for each block
        for block in decoder.layers:
            k, v = block.memory.project_kv(memory.values)
            k = block.memory.score.prepare(k, k)[1]
            self._memories.append((_heads_first(layout.pad(k)), _heads_first(layout.pad(v))))
        if len(set(layout.lengths)) > 1:
            # Who has nothing to look at looks at zeros, and sees 0.
            self._absent = to_additive_mask(layout.mask | (layout.counts == 0)[:, None])[:, None, None]
        rows, room, config = len(memory) * beam, 16, decoder.config
        like = self._memories[0][0]
        shape = (room, rows, config.heads, config.width_of_head)
        # One table more than there are keys and values: a table is put into another order by writing it elsewhere.
        self._own = [[like.new_empty(shape) for _ in "kv"] for _ in decoder.layers]
        self._spare = like.new_empty(shape)
        self._layout = Layout.of([1] * rows).to(self.device)

    def step(self, tokens: Tensor) -> Tensor:
        """(S, W) tokens that were written last -> (S, W, V) logits of those that follow."""
        sets, beam = tokens.shape
        decoder, rows = self.decoder, sets * beam
        place = torch.full((rows, 1), float(self.length), device=self.device)
        written = VectorSets(decoder.table(tokens.flatten()), self._layout, place)
        x, rotate = decoder.position.added(written), decoder.position.rotation(written)
        self._make_room()
        last, self.length = self.length, self.length + 1
        bias = self._bias()
        for block, own, (keys, values) in zip(decoder.layers, self._own, self._memories, strict=True):
            q, k, v = block.attention.project(block.norm_attention(x))
            q, k = block.attention.score.prepare(q, k)
            if rotate is not None:  # both at once, as so many more heads
                q, k = rotate(torch.cat([q, k], dim=1)).chunk(2, dim=1)
            own[0][last], own[1][last] = k, v
            seen_keys, seen_values = (kept[: self.length].permute(1, 2, 0, 3) for kept in own)
            x = x + look(block.attention, q[:, None], seen_keys, seen_values, bias=bias)[:, 0]
            q = block.memory.project_q(block.norm_memory(x))
            q = block.memory.score.prepare(q, q)[0].view(sets, beam, *q.shape[1:])
            x = x + look(block.memory, q, keys, values, added=self._absent).flatten(0, 1)
            x = x + block.feed_forward(block.norm_feed_forward(x))
        return decoder.logits(decoder.norm(x)).view(sets, beam, -1)

    def reorder(self, parents: Tensor) -> None:
        """(S, W): sequence w of each set goes on from what was sequence parents[:, w]."""
        rows = (torch.arange(len(parents), device=self.device)[:, None] * self.beam + parents).flatten()
        if torch.equal(rows, torch.arange(len(rows), device=self.device)):
            return
        for own in self._own:
            for which, kept in enumerate(own):
                torch.index_select(kept[: self.length], 1, rows, out=self._spare[: self.length])
                own[which], self._spare = self._spare, kept

    def keep(self, sets: Tensor) -> None:
        """Go on with these sets alone: (S',) numbers of those that were there."""
        rows = (sets[:, None] * self.beam + torch.arange(self.beam, device=self.device)).flatten()
        self._own = [[kept.index_select(1, rows) for kept in own] for own in self._own]
        self._spare, self._layout = torch.empty_like(self._own[0][0]), Layout.of([1] * len(rows)).to(self.device)
        self._memories = [(keys[sets], values[sets]) for keys, values in self._memories]
        self._absent = None if self._absent is None else self._absent[sets]

    def _make_room(self) -> None:
        if self.length == len(self._spare):
            self._spare = torch.cat([self._spare, self._spare])
            self._own = [[torch.cat([kept, torch.empty_like(kept)]) for kept in own] for own in self._own]

    def _bias(self) -> Tensor | None:
        """(1, H, 1, T): of the last token to all so far."""
        if not self.decoder.biases:
            return None
        places = torch.arange(self.length, device=self.device)
        pairs = Pairs((self.length - 1 - places)[:, None].float())
        return torch.stack([bias(pairs) for bias in self.decoder.biases]).sum(0).T[None, :, None]


class Rewriting:
    """`Cache` without a memory of its own: at each step the decoder reads everything from the first token again.

    Slow, and plainly right; `Cache` must give the same.
    """

    def __init__(self, decoder: Decoder, memory: VectorSets, beam: int) -> None:
        self.decoder, self.beam, self.device = decoder, beam, memory.values.device
        self._memory = VectorSets.collate([one for one in memory.unbind() for _ in range(beam)])
        self._tokens = torch.empty(len(memory), beam, 0, dtype=torch.int64, device=self.device)

    def step(self, tokens: Tensor) -> Tensor:
        """(S, W) -> (S, W, V)."""
        self._tokens = torch.cat([self._tokens, tokens[:, :, None]], dim=2)
        sets, beam, length = self._tokens.shape
        layout = Layout.of([length] * (sets * beam)).to(self.device)
        written = VectorSets(self._tokens.flatten(), layout, layout.position[:, None].float())
        x = self.decoder(written, self._memory)
        return self.decoder.logits(x.view(sets, beam, length, -1)[:, :, -1])

    def reorder(self, parents: Tensor) -> None:
        """(S, W), as of `Cache`."""
        self._tokens = self._tokens.gather(1, parents[:, :, None].expand_as(self._tokens))

    def keep(self, sets: Tensor) -> None:
        """(S',), as of `Cache`."""
        self._tokens = self._tokens[sets]
        each = self._memory.unbind()
        self._memory = VectorSets.collate(
            [each[s * self.beam + w] for s in sets.tolist() for w in range(self.beam)]
        )


def look(
    attention: MultiHead, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, added: Tensor | None = None
) -> Tensor:
    """Prepared q (B, Lq, H, K), k and v (B, H, Lk, K) -> (B, Lq, D).

    bias: of the scores; added: where one may not look, see `to_additive_mask`; both broadcast to (B, H, Lq, Lk). By plain
    products: for so few queries they are quicker than PyTorch's fused kernel.
    """
    sets, queries, heads, width = q.shape
    if attention.score.pairwise:
        scores = attention.score.table(q, k.transpose(1, 2))
    else:
        q = (q * width**-0.5).transpose(1, 2).reshape(sets * heads, queries, width)
        scores = torch.bmm(q, k.flatten(0, 1).transpose(1, 2)).view(sets, heads, queries, -1)
    scores = (scores if bias is None else scores + bias).float()
    softmax_(scores, added)
    answer = torch.bmm(scores.to(v.dtype).flatten(0, 1), v.flatten(0, 1)).view(sets, heads, queries, width)
    return attention.out_proj(answer.transpose(1, 2).flatten(2))


def _heads_first(x: Tensor) -> Tensor:
    """(B, L, H, K) -> (B, H, L, K), in one piece."""
    return x.transpose(1, 2).contiguous()
