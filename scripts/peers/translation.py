"""Multi30k, English to German: a training step, and writing greedily and with 5 beams.

A joint vocabulary of 5,000 subwords whose table all models share between source, target and output; 4 + 4 layers, no
pretrained weights. Batches are ours (sorted by target, then source) for everyone. Written is by random weights, so every
model is made to write equally many tokens for each sentence of a batch, `</s>` included; reading the source is part of it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from attnlab.codec import BEGIN_ID, END_ID
from attnlab.model.decoder import Cache, Rewriting
from attnlab.model.decoding import Limits, Writer, search
from attnlab.sets import VectorSets
from peers.common import MKL, OURS, Bench, Ours, Step, made, plain_update, without_onednn

SENTENCES = 64
"""Written together, of similar length."""
MARIAN, JOEY, TORCH = "Marian (transformers, sdpa)", "JoeyNMT", "nn.Transformer"
WORDS = ["task=translation", "data=multi30k", "data.path=FOLDER/multi30k_en_de", "data.subwords=5000",
         "encoder.depth=4", "encoder.heads=4", "encoder.dropout=0", "head.depth=4", "head.heads=4", "head.dropout=0",
         "head.label_smoothing=0", "trainer.batch_vectors=3000"]  # fmt: skip


class Pairs:
    """Padded sources and targets. read: what a decoder reads, `<s>` and all but the last token; −1: padding of answers."""

    def __init__(self, ours: Ours) -> None:
        self.sources, self.read, self.answers = [], [], []
        for batch in ours.batches:
            self.sources.append(batch.inputs.pad())
            wanted: VectorSets = batch.targets["translation"]
            answers, mask = wanted.pad()
            read = torch.cat([torch.full((len(answers), 1), BEGIN_ID), answers[:, :-1]], 1)
            self.read.append((read, mask))
            self.answers.append(answers.masked_fill(~mask, -1))


class TorchTransformer(nn.Module):
    def __init__(self, e: Any, vocabulary: int) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, e.width)
        self.inner = nn.Transformer(
            e.width,
            e.heads,
            e.depth,
            e.depth,
            e.width * e.feed_forward,
            0.0,
            "gelu",
            batch_first=True,
            norm_first=True,
        )
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, source: Tensor, source_mask: Tensor, read: Tensor, mask: Tensor) -> Tensor:
        without = None if source_mask.all() else ~source_mask
        causal = nn.Transformer.generate_square_subsequent_mask(read.shape[1], dtype=torch.bool)
        x = self.inner(
            self.table(source), self.table(read), tgt_mask=causal, src_key_padding_mask=without,
            memory_key_padding_mask=without, tgt_is_causal=True,
        )  # fmt: skip
        return nn.functional.linear(x, self.table.weight, self.bias)


class Joey(nn.Module):
    """JoeyNMT's encoder and decoder, norms first, with the one table that the others have."""

    def __init__(self, e: Any, vocabulary: int) -> None:
        from joeynmt.decoders import TransformerDecoder
        from joeynmt.encoders import TransformerEncoder

        super().__init__()
        sizes = {
            "hidden_size": e.width, "ff_size": e.width * e.feed_forward, "num_layers": e.depth, "num_heads": e.heads,
            "dropout": 0.0, "emb_dropout": 0.0, "layer_norm": "pre", "activation": "gelu",
        }  # fmt: skip
        self.table = nn.Embedding(vocabulary, e.width)
        self.encoder, self.decoder = (
            TransformerEncoder(**sizes),
            TransformerDecoder(**sizes, vocab_size=vocabulary),
        )
        self.decoder.output_layer.weight = self.table.weight

    def forward(self, source: Tensor, source_mask: Tensor, read: Tensor, mask: Tensor) -> Tensor:
        seen = source_mask[:, None]
        memory, _ = self.encoder(self.table(source), None, seen)
        return self.decoder(self.table(read), memory, None, seen, read.shape[1], None, mask[:, None])[0]


def marian(e: Any, vocabulary: int) -> nn.Module:
    from transformers import MarianConfig, MarianMTModel

    config = MarianConfig(
        vocab_size=vocabulary + 1, d_model=e.width, encoder_layers=e.depth, decoder_layers=e.depth,
        encoder_attention_heads=e.heads, decoder_attention_heads=e.heads, encoder_ffn_dim=e.width * e.feed_forward,
        decoder_ffn_dim=e.width * e.feed_forward, dropout=0.0, max_position_embeddings=512, activation_function="gelu",
        pad_token_id=vocabulary, decoder_start_token_id=BEGIN_ID, eos_token_id=END_ID, forced_eos_token_id=END_ID,
        attn_implementation="sdpa",
    )  # fmt: skip
    return MarianMTModel(config)


def translation(bench: Bench) -> None:
    for width in (128, 256):
        ours = Ours([*WORDS, f"encoder.width={width}"], bench)
        title, peer = f"translation, training, D={width}", None
        if width == 128:
            print("  {:.1%} of the peers' sources and {:.1%} of their targets are padding".format(*_padding(ours)))
        try:
            peer = marian(ours.config.encoder, len(ours.model.head.codec))
        except ImportError as error:
            print(f"  {MARIAN}: left out ({error})")
        found = _training(bench, ours, peer, title)
        bench.goal(title, "Marian of transformers, bucketed", found.get(MARIAN), 1.3, 1.5)
        bench.goal("", "JoeyNMT, bucketed", found.get(JOEY), 1.7, 2.0)
        if width == 128:
            _writing(bench, ours, peer)


def _training(bench: Bench, ours: Ours, peer: nn.Module | None, title: str) -> dict[str, float]:
    encoder, pairs, vocabulary = ours.config.encoder, Pairs(ours), len(ours.model.head.codec)

    def stepped(model: nn.Module, call: Callable[..., Tensor]) -> Step:
        def loss(i: int) -> Tensor:
            logits = call(*pairs.sources[i], *pairs.read[i])
            return cross_entropy(logits.flatten(0, 1), pairs.answers[i].flatten(), ignore_index=-1)

        return plain_update(model, loss)

    def marian_call(source: Tensor, mask: Tensor, read: Tensor, _: Tensor) -> Tensor:
        assert peer is not None
        seen = None if mask.all() else mask
        return peer(input_ids=source, attention_mask=seen, decoder_input_ids=read).logits  # type: ignore[no-any-return]

    steps: dict[str, Step] = {OURS: ours.step, MKL: without_onednn(ours.step)}
    kinds = {TORCH: lambda e: TorchTransformer(e, vocabulary), JOEY: lambda e: Joey(e, vocabulary)}
    for name, model in made(kinds, encoder).items():
        steps[name] = stepped(model, model)
    if peer is not None:
        steps[MARIAN] = stepped(peer, marian_call)
    words = sum(len(batch.targets["translation"].values) for batch in ours.batches)
    return bench.race(title, steps, words)


@torch.no_grad()
def _writing(bench: Bench, ours: Ours, peer: Any) -> None:
    test = ours.data.splits["test"]
    order = np.argsort(test.lengths[:, 0], kind="stable")
    starts = np.linspace(0, len(order) - SENTENCES, bench.rounds).astype(int)
    batches = [test.batch(order[start : start + SENTENCES]) for start in starts]
    sources = [batch.inputs.pad() for batch in batches]
    tokens = [round(len(b.targets["translation"].values) / SENTENCES) for b in batches]  # `</s>` included
    model = ours.model.eval()

    def write(beam: int, writer: type[Writer] = Cache) -> Step:
        def step(i: int) -> None:
            encoded, limit = model.encode(batches[i].inputs), [tokens[i] - 1] * SENTENCES
            search(writer(model.head.decoder, encoded, beam), Limits(limit, limit), beam, 1.0)

        return step

    def generate(beam: int) -> Step:
        def step(i: int) -> None:
            ids, mask = sources[i]
            peer.generate(
                input_ids=ids, attention_mask=mask.long(), num_beams=beam, do_sample=False, use_cache=True,
                min_new_tokens=tokens[i], max_new_tokens=tokens[i],
            )  # fmt: skip

        return step

    if peer is not None:
        peer.eval()
    for title, beam, must, aim in (("greedy", 1, 1.15, 1.5), ("5 beams", 5, 1.25, 1.7)):
        steps: dict[str, Step] = {OURS: write(beam), MKL: without_onednn(write(beam))}
        if peer is not None:
            steps["generate (transformers)"] = generate(beam)
        found = bench.race(f"translation, {title}", steps, SENTENCES * bench.rounds)
        bench.goal(
            f"translation, {title}",
            "`generate` of transformers, cached",
            found.get("generate (transformers)"),
            must,
            aim,
        )
    again = {OURS: write(5), "prefix read again": write(5, Rewriting)}
    title = "translation, 5 beams, prefix read again"
    bench.race(title, again, SENTENCES * bench.rounds)
    # What reading again costs grows with length, so that a median would tell of one length alone.
    bench.goal(
        "", "prefix read again, by sentences/s of all lengths", bench.totals[title]["prefix read again"], 4.0, 5.0
    )


def _padding(ours: Ours) -> tuple[float, float]:
    def share(of: Callable[[Any], VectorSets]) -> float:
        layouts = [of(batch).layout for batch in ours.batches]
        return 1 - sum(x.size for x in layouts) / sum(len(x) * x.max_length for x in layouts)

    return share(lambda batch: batch.inputs), share(lambda batch: batch.targets["translation"])
