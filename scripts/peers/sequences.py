"""Words, as in UD English EWT, and frames of speech, as in FSDD."""

import numpy as np
import torch
from torch import Tensor, nn

from attnlab.config import AttentionEncoder
from attnlab.sets import Batch, VectorSets
from peers.common import MKL, OURS, Bench, Ours, Step, best, made, peer_step, without_onednn
from peers.encoders import Padded, bert, large_lstm, lstm, nested_encoder, torch_encoder, x_transformers

TORCH, LARGE_LSTM = "nn.TransformerEncoder", "nn.LSTM, as many parameters"
KINDS = {
    TORCH: torch_encoder,
    "BERT (transformers, sdpa)": bert,
    "x-transformers": x_transformers,
    "nn.LSTM, both ways, half the parameters": lstm,
    LARGE_LSTM: large_lstm,
}
WORDS = ["task=pos", "data=ud_ewt", "data.path=FOLDER/ud_english_ewt", "encoder.depth=4", "encoder.heads=4",
         "encoder.dropout=0", "trainer.batch_vectors=1500"]  # fmt: skip


def tagging(bench: Bench, *words: str) -> dict[str, float]:
    """A training step of a tagger, D = 128 unless the words say otherwise; ours and the peers' batches are the same, sorted by length."""
    ours = Ours([*WORDS, *words], bench)
    encoder, embed, classes = _sizes(ours)
    batches = _padded(ours.batches, "tags")
    steps: dict[str, Step] = {OURS: ours.step, MKL: without_onednn(ours.step)}
    for name, inner in made(KINDS, encoder).items():
        steps[name] = peer_step(Padded(embed(), inner, encoder.width, classes), batches)
    return bench.race(" ".join(["tagging", *words]), steps, ours.size)


def plain(bench: Bench) -> None:
    ratios = tagging(bench)
    bench.goal("tagging, D=128", "nn.TransformerEncoder, bucketed", ratios[TORCH], 1.25, 1.45)
    bench.goal("", "best bucketed peer (LSTM: as many parameters)", best(ratios, *SMALLER), 1.15, 1.35)
    bench.goal("", "nn.TransformerEncoder, shuffled, padded", _shuffled(bench), 3.0, 3.8)


SMALLER = ("nn.LSTM, both ways, half the parameters",)


def dropped(bench: Bench) -> None:
    ratios = tagging(bench, "encoder.dropout=0.1")
    bench.goal("tagging, dropout 0.1", "nn.TransformerEncoder, bucketed", ratios[TORCH], 1.3, 1.5)


def wide(bench: Bench) -> None:
    ratios = tagging(bench, "encoder.width=256")
    bench.goal("tagging, D=256", "nn.TransformerEncoder, bucketed", ratios[TORCH], 1.15, 1.3)
    bench.goal("", "best bucketed peer (LSTM: as many parameters)", best(ratios, *SMALLER), 1.05, 1.2)


def bf16(bench: Bench) -> None:
    """Ours in bf16, the peers in fp32."""
    ratios = tagging(bench, "trainer.precision=bf16")
    bench.goal("tagging, bf16", "best bucketed peer in fp32", best(ratios, *SMALLER), 1.6, 2.0)


def _shuffled(bench: Bench) -> float:
    """Equally many sentences in random order for the peer; times are for equally many words."""
    ours = Ours(WORDS, bench)
    encoder, embed, classes = _sizes(ours)
    mixed = _mixed(ours, bench.rounds)
    peer = peer_step(Padded(embed(), torch_encoder(encoder), encoder.width, classes), _padded(mixed, "tags"))
    scale = [a.inputs.layout.size / b.inputs.layout.size for a, b in zip(ours.batches, mixed, strict=True)]
    return bench.race("tagging, peer shuffled", {OURS: ours.step, TORCH: peer}, 0, {TORCH: scale})[TORCH]


def _mixed(ours: Ours, count: int) -> list[Batch]:
    """Batches of sentences in random order, equally many in each."""
    order = np.random.default_rng(1).permutation(len(ours.split))
    each = round(1500 / float(np.mean(ours.split.lengths)))
    return [ours.split.batch(order[i * each : (i + 1) * each], 0) for i in range(count)]


@torch.no_grad()
def prediction(bench: Bench) -> None:
    """Sentences as they come, in eval mode, from ids to logits; the peer drops its padding by nested tensors."""
    ours = Ours(WORDS, bench, 0)
    encoder, embed, classes = _sizes(ours)
    batches, model = _mixed(ours, bench.rounds), ours.model.eval()
    padded = _padded(batches, "tags")

    def answer(i: int) -> None:
        model.head.output.proj(model.encode(batches[i].inputs).values)

    steps: dict[str, Step] = {OURS: answer, MKL: without_onednn(answer)}
    nested = "nn.TransformerEncoder, nested tensors"
    for name, make in ((nested, nested_encoder), ("nn.TransformerEncoder, padded", torch_encoder)):
        peer = Padded(embed(), make(encoder), encoder.width, classes).eval()
        steps[name] = lambda i, peer=peer: peer(*padded[i][:2])
    size = sum(batch.inputs.layout.size for batch in batches)
    ratios = bench.race("prediction, unsorted", steps, size)
    bench.goal("prediction, unsorted", "nested-tensor fast path", ratios[nested], 1.3, 1.6)


def speech(bench: Bench) -> None:
    """A training step of a classifier of recordings; peers answer from the mean of their frames."""
    ours = Ours(["task=keywords", "data=fsdd", "data.path=FOLDER/fsdd", "encoder.depth=4", "encoder.heads=4",
                 "encoder.width=128", "encoder.dropout=0", "trainer.batch_vectors=2000"], bench)  # fmt: skip
    encoder, _, classes = _sizes(ours)
    features, batches = ours.data.spec.features, _padded(ours.batches, ours.model.head.target)
    steps: dict[str, Step] = {OURS: ours.step, MKL: without_onednn(ours.step)}
    for name, inner in made(KINDS, encoder).items():
        peer = Padded(nn.Linear(features, encoder.width), inner, encoder.width, classes, pooled=True)
        steps[name] = peer_step(peer, batches)
    ratios = bench.race("speech", steps, ours.size)
    bench.goal(
        "speech, FSDD frames", "best bucketed peer (LSTM: as many parameters)", best(ratios, *SMALLER), 1.05, 1.2
    )


def _sizes(ours: Ours):  # type: ignore[no-untyped-def]
    """The encoder's sizes, a maker of tables of word vectors as large as ours, the number of classes."""
    encoder, spec = ours.config.encoder, ours.data.spec
    assert isinstance(encoder, AttentionEncoder)
    words = len(spec.vocabularies["words"]) if spec.features is None else 0
    return encoder, lambda: nn.Embedding(words, encoder.width), len(spec.targets[ours.model.head.target].classes)


def _padded(batches: list[Batch], target: str) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(values, mask, targets); a target of each vector is padded by −1."""
    padded = []
    for batch in batches:
        values, mask = batch.inputs.pad()
        targets = batch.targets[target]
        of_vectors = len(targets) == batch.inputs.layout.size and not isinstance(targets, VectorSets)
        padded.append((values, mask, batch.inputs.layout.pad(targets, -1) if of_vectors else targets))
    return padded
