"""Multi30k, English to German: a training step, and writing greedily and with 5 beams.

A joint vocabulary of 5,000 subwords whose table all models share between source, target and output; 4 + 4 layers, no
pretrained weights. Batches are ours (sorted by target, then source) for everyone. Written is by random weights, so every
model is made to write equally many tokens for each sentence of a batch, `</s>` included; reading the source is part of it.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from attnlab.codec import BEGIN_ID, END_ID
from attnlab.config import AttentionEncoder
from attnlab.model.decoder_state import DecoderState, KVCache, Uncached
from attnlab.model.decoding import Limits, search
from attnlab.sets import Batch, VectorSets
from peers.common import MKL, OURS, Bench, Ours, Step, made, plain_update, without_onednn

SENTENCES = 64
"""Written together, of similar length."""
MARIAN, TORCH = "Marian (transformers, sdpa)", "nn.Transformer"
JOEY, JOEY_BUCKETED = "JoeyNMT, shuffled as it does", "JoeyNMT, our batches"
JOEY_PADDING, JOEY_SPECIAL = 1, 4
WORDS = ["task=translation", "data=multi30k", "data.path=FOLDER/multi30k_en_de", "data.subwords=5000",
         "encoder.depth=4", "encoder.heads=4", "encoder.dropout=0", "head.depth=4", "head.heads=4", "head.dropout=0",
         "head.label_smoothing=0", "trainer.batch_vectors=3000"]  # fmt: skip


class Pairs:
    """Padded sources and targets. read: what a decoder reads, `<s>` and all but the last token; −1: padding of answers."""

    def __init__(self, batches: list[Batch]) -> None:
        self.sources, self.read, self.answers = [], [], []
        for batch in batches:
            self.sources.append(batch.inputs.pad())
            answers, mask = batch.targets["translation"].pad()
            read = torch.cat([torch.full((len(answers), 1), BEGIN_ID), answers[:, :-1]], 1)
            self.read.append((read, mask))
            self.answers.append(answers.masked_fill(~mask, -1))


class TorchTransformer(nn.Module):
    def __init__(self, e: AttentionEncoder, vocabulary: int) -> None:
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


def joey(e: AttentionEncoder, vocabulary: int) -> nn.Module:
    """JoeyNMT's own model with its own loss, norms first. Its four special tokens come before ours."""
    from joeynmt.model import build_model
    from joeynmt.vocabulary import Vocabulary

    special = {
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": None,
    }
    ids = {"unk_id": 0, "pad_id": JOEY_PADDING, "bos_id": 2, "eos_id": 3}
    words = Vocabulary([str(i) for i in range(vocabulary)], SimpleNamespace(**special, **ids, lang_tags=[]))
    side = {
        "type": "transformer", "hidden_size": e.width, "ff_size": e.width * e.feed_forward, "num_layers": e.depth,
        "num_heads": e.heads, "dropout": 0.0, "layer_norm": "pre", "activation": "gelu",
        "embeddings": {"embedding_dim": e.width, "scale": True, "dropout": 0.0},
    }  # fmt: skip
    shared = {"tied_embeddings": True, "tied_softmax": True}
    model = build_model({"encoder": side, "decoder": side, **shared}, words, words)
    model.loss_function = ("crossentropy", 0.0)
    return model


def marian(e: AttentionEncoder, vocabulary: int) -> nn.Module:
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
        ratios = _training(bench, ours, peer, title)
        bench.goal(title, "Marian of transformers, bucketed", ratios.get(MARIAN), 1.3, 1.5)
        bench.goal("", "JoeyNMT, shuffled as it does", ratios.get(JOEY), 1.7, 2.0)
        if width == 128:
            _writing(bench, ours, peer)


def _training(bench: Bench, ours: Ours, peer: nn.Module | None, title: str) -> dict[str, float]:
    encoder, pairs, vocabulary = ours.config.encoder, Pairs(ours.batches), len(ours.model.head.codec)

    def cross(logits: Tensor, i: int) -> Tensor:
        return cross_entropy(logits.flatten(0, 1), pairs.answers[i].flatten(), ignore_index=-1)

    steps: dict[str, Step] = {OURS: ours.step, MKL: without_onednn(ours.step)}
    plain = TorchTransformer(encoder, vocabulary)
    steps[TORCH] = plain_update(plain, lambda i: cross(plain(*pairs.sources[i], *pairs.read[i]), i))
    mixed = _shuffled(ours)
    scale = [_tokens(a) / _tokens(b) for a, b in zip(ours.batches, mixed, strict=True)]
    for model in made({"JoeyNMT": lambda e: joey(e, vocabulary)}, encoder).values():
        steps[JOEY_BUCKETED] = plain_update(model, _joey_loss(model, pairs))
        steps[JOEY] = plain_update(model, _joey_loss(model, Pairs(mixed)))

    def marian_loss(i: int) -> Tensor:
        assert peer is not None
        source, mask = pairs.sources[i]
        seen = None if mask.all() else mask
        return cross(peer(input_ids=source, attention_mask=seen, decoder_input_ids=pairs.read[i][0]).logits, i)

    if peer is not None:
        steps[MARIAN] = plain_update(peer, marian_loss)
    return bench.race(title, steps, sum(map(_tokens, ours.batches)), {JOEY: scale})


def _tokens(batch: Batch) -> int:
    """Of the answers."""
    return len(batch.targets["translation"].values)


def _shuffled(ours: Ours) -> list[Batch]:
    """As many batches of sentences in random order: JoeyNMT's samplers know no lengths."""
    order = np.random.default_rng(1).permutation(len(ours.split))
    each = round(sum(len(batch.keys) for batch in ours.batches) / len(ours.batches))
    return [ours.split.batch(order[i * each : (i + 1) * each], 0) for i in range(len(ours.batches))]


def _joey_loss(model: nn.Module, pairs: Pairs) -> Callable[[int], Tensor]:
    def moved(ids: Tensor, mask: Tensor) -> Tensor:
        return (ids + JOEY_SPECIAL).masked_fill(~mask, JOEY_PADDING)

    batches = []
    for (source, source_mask), (read, mask), answers in zip(pairs.sources, pairs.read, pairs.answers, strict=True):
        batches.append({
            "src": moved(source, source_mask), "src_mask": source_mask[:, None], "src_length": source_mask.sum(1),
            "trg_input": moved(read, mask), "trg": moved(answers, mask), "trg_mask": mask[:, None],
        })  # fmt: skip

    def loss(i: int) -> Tensor:
        return model(return_type="loss", **batches[i])[0] / batches[i]["trg_mask"].sum()  # type: ignore[no-any-return]

    return loss


@torch.no_grad()
def _writing(bench: Bench, ours: Ours, peer: nn.Module | None) -> None:
    test = ours.data.splits["test"]
    order = np.argsort(test.lengths[:, 0], kind="stable")
    starts = np.linspace(0, len(order) - SENTENCES, bench.rounds).astype(int)
    batches = [test.batch(order[start : start + SENTENCES]) for start in starts]
    sources = [batch.inputs.pad() for batch in batches]
    tokens = [round(len(b.targets["translation"].values) / SENTENCES) for b in batches]  # `</s>` included
    model = ours.model.eval()

    def write(beam: int, state: type[DecoderState] = KVCache) -> Step:
        def step(i: int) -> None:
            encoded, limit = model.encode(batches[i].inputs), [tokens[i] - 1] * SENTENCES
            search(state(model.head.decoder, encoded, beam), Limits(limit, limit), beam, 1.0)

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
        ratios = bench.race(f"translation, {title}", steps, SENTENCES * bench.rounds)
        bench.goal(
            f"translation, {title}",
            "`generate` of transformers, cached",
            ratios.get("generate (transformers)"),
            must,
            aim,
        )
    again = {OURS: write(5), "prefix read again": write(5, Uncached)}
    title = "translation, 5 beams, prefix read again"
    bench.race(title, again, SENTENCES * bench.rounds)
    # What reading again costs grows with length, so that a median would tell of one length alone.
    bench.goal(
        "", "prefix read again, by sentences/s of all lengths", bench.totals[title]["prefix read again"], 4.0, 5.0
    )


def _padding(ours: Ours) -> tuple[float, float]:
    def fraction(of: Callable[[Batch], VectorSets]) -> float:
        layouts = [of(batch).layout for batch in ours.batches]
        return 1 - sum(x.size for x in layouts) / sum(len(x) * x.max_length for x in layouts)

    return fraction(lambda batch: batch.inputs), fraction(lambda batch: batch.targets["translation"])
