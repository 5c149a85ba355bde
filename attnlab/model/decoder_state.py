"""What a decoder keeps while it writes a token at a time: keys and values, or nothing but the tokens.

Letters: S sets that are being written · W sequences written for each (the beam) · T tokens written so far · V tokens in
the vocabulary · L vectors of the longest set of the memory.
"""

import torch
from torch import Tensor

from attnlab.model.attention.multihead import MultiHead
from attnlab.model.attention.packed import softmax_
from attnlab.model.attention.positions import Pairs, bias_sum
from attnlab.model.attention.tiles import to_additive_mask
from attnlab.model.decoder import Decoder
from attnlab.sets import Layout, VectorSets


class DecoderState:
    """W sequences for each of S encoded sets, all T tokens long."""

    def __init__(self, decoder: Decoder, memory: VectorSets, beam: int) -> None:
        self.decoder, self.beam, self.device = decoder, beam, memory.values.device

    def step(self, tokens: Tensor) -> Tensor:
        """(S, W) tokens that were written last -> (S, W, V) logits of those that follow."""
        raise NotImplementedError

    def reorder(self, parents: Tensor) -> None:
        """(S, W): sequence w of each set continues what was sequence parents[:, w]."""
        raise NotImplementedError

    def keep(self, sets: Tensor) -> None:
        """Drop all sets but these: (S',) numbers of those that were there."""
        raise NotImplementedError


class KVCache(DecoderState):
    """Keys and values of the memory, stored once for the W sequences of a set, which attend to it as W queries; and those
    of all tokens so far, in tables (capacity, S·W, H, K) that double when they are full."""

    def __init__(self, decoder: Decoder, memory: VectorSets, beam: int) -> None:
        super().__init__(decoder, memory, beam)
        self.length = 0
        layout = memory.layout
        self._memory_mask: Tensor | None = None  # (S, 1, 1, L), added to scores
        self._memory_kv: list[tuple[Tensor, Tensor]] = []  # (S, H, L, K) for each block
        for block in decoder.layers:
            k, v = block.cross_attention.project_kv(memory.values)
            k = block.cross_attention.score.prepare(k, k)[1]
            self._memory_kv.append((_heads_first(layout.pad(k)), _heads_first(layout.pad(v))))
        if len(set(layout.lengths)) > 1:
            # Queries of an empty set attend to its padding, whose values are zeros, and give 0.
            self._memory_mask = to_additive_mask(layout.mask | (layout.counts == 0)[:, None])[:, None, None]
        rows, capacity, config = len(memory) * beam, 16, decoder.config
        like = self._memory_kv[0][0]
        shape = (capacity, rows, config.heads, config.width_of_head)
        self._kv = [[like.new_empty(shape) for _ in "kv"] for _ in decoder.layers]
        self._spare = like.new_empty(shape)  # where a table is written in another order
        self._layout = Layout.of([1] * rows).to(self.device)

    def step(self, tokens: Tensor) -> Tensor:
        sets, beam = tokens.shape
        decoder, rows = self.decoder, sets * beam
        position = torch.full((rows, 1), float(self.length), device=self.device)
        last_tokens = VectorSets(decoder.table(tokens.flatten()), self._layout, position)
        x, rotate = decoder.position.added(last_tokens), decoder.position.rotation(last_tokens)
        self._grow_if_full()
        last, self.length = self.length, self.length + 1
        bias = self._bias()
        for block, (keys, values), memory_kv in zip(decoder.layers, self._kv, self._memory_kv, strict=True):
            q, k, v = block.attention.project(block.norm_attention(x))
            q, k = block.attention.score.prepare(q, k)
            if rotate is not None:  # both at once, as twice as many heads
                q, k = rotate(torch.cat([q, k], dim=1)).chunk(2, dim=1)
            keys[last], values[last] = k, v
            k, v = (table[: self.length].permute(1, 2, 0, 3) for table in (keys, values))  # (S·W, H, T, K)
            x = x + cached_attention(block.attention, q[:, None], k, v, bias=bias)[:, 0]
            q = block.cross_attention.project_q(block.norm_cross_attention(x))
            q = block.cross_attention.score.prepare(q, q)[0].view(sets, beam, *q.shape[1:])
            x = x + cached_attention(block.cross_attention, q, *memory_kv, mask=self._memory_mask).flatten(0, 1)
            x = x + block.feed_forward(block.norm_feed_forward(x))
        return decoder.logits(decoder.norm(x)).view(sets, beam, -1)

    def reorder(self, parents: Tensor) -> None:
        rows = (torch.arange(len(parents), device=self.device)[:, None] * self.beam + parents).flatten()
        if torch.equal(rows, torch.arange(len(rows), device=self.device)):
            return
        for tables in self._kv:
            for i, table in enumerate(tables):
                torch.index_select(table[: self.length], 1, rows, out=self._spare[: self.length])
                tables[i], self._spare = self._spare, table

    def keep(self, sets: Tensor) -> None:
        rows = (sets[:, None] * self.beam + torch.arange(self.beam, device=self.device)).flatten()
        self._kv = [[table.index_select(1, rows) for table in tables] for tables in self._kv]
        self._spare, self._layout = torch.empty_like(self._kv[0][0]), Layout.of([1] * len(rows)).to(self.device)
        self._memory_kv = [(keys[sets], values[sets]) for keys, values in self._memory_kv]
        self._memory_mask = None if self._memory_mask is None else self._memory_mask[sets]

    def _grow_if_full(self) -> None:
        if self.length == len(self._spare):
            self._spare = torch.cat([self._spare, self._spare])
            self._kv = [[torch.cat([table, torch.empty_like(table)]) for table in tables] for tables in self._kv]

    def _bias(self) -> Tensor | None:
        """(1, H, 1, T): of the last token to all so far."""
        if not self.decoder.biases:
            return None
        positions = torch.arange(self.length, device=self.device)
        pairs = Pairs((self.length - 1 - positions)[:, None].float())
        return bias_sum(self.decoder.biases, pairs).T[None, :, None]


class Uncached(DecoderState):
    """The tokens alone: each step computes everything from the first token again; the reference that `KVCache` equals."""

    def __init__(self, decoder: Decoder, memory: VectorSets, beam: int) -> None:
        super().__init__(decoder, memory, beam)
        self._memory = VectorSets.collate([single for single in memory.unbind() for _ in range(beam)])
        self._tokens = torch.empty(len(memory), beam, 0, dtype=torch.int64, device=self.device)

    def step(self, tokens: Tensor) -> Tensor:
        self._tokens = torch.cat([self._tokens, tokens[:, :, None]], dim=2)
        sets, beam, length = self._tokens.shape
        layout = Layout.of([length] * (sets * beam)).to(self.device)
        written = VectorSets(self._tokens.flatten(), layout, layout.position[:, None].float())
        x = self.decoder(written, self._memory)
        return self.decoder.logits(x.view(sets, beam, length, -1)[:, :, -1])

    def reorder(self, parents: Tensor) -> None:
        self._tokens = self._tokens.gather(1, parents[:, :, None].expand_as(self._tokens))

    def keep(self, sets: Tensor) -> None:
        self._tokens = self._tokens[sets]
        singles = self._memory.unbind()
        self._memory = VectorSets.collate(
            [singles[s * self.beam + w] for s in sets.tolist() for w in range(self.beam)]
        )


def cached_attention(
    attention: MultiHead, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """Prepared q (B, Lq, H, K), k and v (B, H, Lk, K) -> (B, Lq, D), by plain products: for so few queries they are quicker
    than PyTorch's fused kernel. bias, and mask as `to_additive_mask` makes it, are broadcast to (B, H, Lq, Lk)."""
    sets, queries, heads, width = q.shape
    if attention.score.pairwise:
        scores = attention.score.table(q, k.transpose(1, 2))
    else:
        q = (q * width**-0.5).transpose(1, 2).reshape(sets * heads, queries, width)
        scores = torch.bmm(q, k.flatten(0, 1).transpose(1, 2)).view(sets, heads, queries, -1)
    scores = (scores if bias is None else scores + bias).float()
    softmax_(scores, mask)
    outputs = torch.bmm(scores.to(v.dtype).flatten(0, 1), v.flatten(0, 1)).view(sets, heads, queries, width)
    return attention.out_proj(outputs.transpose(1, 2).flatten(2))


def _heads_first(x: Tensor) -> Tensor:
    """(B, L, H, K) -> (B, H, L, K), in one piece."""
    return x.transpose(1, 2).contiguous()
