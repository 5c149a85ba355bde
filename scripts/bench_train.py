"""Useful words per second of `attnlab train`, from data to optimizer, against a plain loop over
`nn.TransformerEncoder` of the same size: on shuffled padded batches, and on length-bucketed ones.

    python scripts/bench_train.py [--pairs 7] [--dropout 0.1] [overrides, e.g. data=ud_ewt data.path=FOLDER]

Each round trains all three for about the same number of words, one after the other; the figures are medians
of the rounds' ratios, so that a machine that slows down slows all of them down.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from attnlab import compose
from attnlab.config import Config
from attnlab.data.prep.batching import Batching
from attnlab.model import build as models
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.run import load_data


class Plain(nn.Module):
    """What one would write without attnlab: embedding, sinusoidal positions, nn.TransformerEncoder, linear."""

    def __init__(self, config: Config, words: int, classes: int, longest: int) -> None:
        super().__init__()
        encoder = config.encoder
        self.embedding = nn.Embedding(words + 1, encoder.width, padding_idx=words)
        rates = torch.exp(torch.arange(0, encoder.width, 2) * (-np.log(10_000.0) / encoder.width))
        angles = torch.arange(longest)[:, None] * rates
        self.register_buffer("position", torch.cat([angles.sin(), angles.cos()], dim=1))
        layer = nn.TransformerEncoderLayer(
            encoder.width, encoder.heads, encoder.width * encoder.feed_forward, encoder.dropout,
            activation=encoder.activation, batch_first=True, norm_first=True,
        )  # fmt: skip
        norm = nn.LayerNorm(encoder.width)
        self.encoder = nn.TransformerEncoder(layer, encoder.depth, norm, enable_nested_tensor=False)
        self.classify = nn.Linear(encoder.width, classes)

    def forward(self, ids: Tensor, padding: Tensor) -> Tensor:
        x = self.embedding(ids) + self.position[: ids.shape[1]]
        return self.classify(self.encoder(x, src_key_padding_mask=padding))


def plain_loop(config: Config, examples: list, batches: list, model: Plain, pad: int) -> tuple[int, float]:
    """Train on these batches of example numbers; returns (words, seconds)."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    model.train()
    words, started = 0, time.perf_counter()
    for indices in batches:
        rows = [examples[i] for i in indices]
        ids = nn.utils.rnn.pad_sequence([r[0] for r in rows], batch_first=True, padding_value=pad)
        tags = nn.utils.rnn.pad_sequence([r[1] for r in rows], batch_first=True, padding_value=-1)
        logits = model(ids, ids == pad)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), tags.flatten(), ignore_index=-1)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.trainer.clip)
        optimizer.step()
        optimizer.zero_grad()
        words += sum(len(r[0]) for r in rows)
    return words, time.perf_counter() - started


def shuffled(examples: list, budget: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Batches of equally many sentences in random order, as DataLoader(shuffle=True) gives them."""
    mean = np.mean([len(ids) for ids, _ in examples])
    size = max(1, round(budget / mean))
    order = random.permutation(len(examples))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--batches", type=int, default=25, help="batches per loop and round")
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_args()
    config = compose.compose([*options.overrides, f"encoder.dropout={options.dropout}", "trainer.epochs=1000"])
    data = load_data(config)
    split, engine = data.splits["train"], Engine(config.trainer)
    vocabulary, classes = len(data.spec.vocabularies["words"]), len(data.spec.targets["tags"].classes)
    examples = [(e.inputs.values, e.targets["tags"]) for e in (split[i] for i in range(len(split)))]
    torch.manual_seed(1)
    plain = Plain(config, vocabulary, classes, int(split.lengths.max()))
    ours = Training(config, models.build(config, data.spec), Parts.alone(config, data), engine)
    ours._validate = lambda: None  # type: ignore[method-assign]  # not part of "data to optimizer"
    random = np.random.default_rng(1)
    bucketing = Batching(split.lengths, config.trainer.batch_vectors, seed=1)
    rounds = []
    for number in range(options.pairs + 1):
        before = (ours.progress.vectors, ours.progress.seconds)
        until = ours.progress.update + options.batches
        while ours.progress.update < until:
            ours.updates = until
            ours.progress.done = False
            ours.run()
        our_speed = (ours.progress.vectors - before[0]) / (ours.progress.seconds - before[1])
        padded = list(shuffled(examples, config.trainer.batch_vectors, random))[: options.batches]
        bucketed = bucketing.epoch(number)[: options.batches]
        speeds = [our_speed]
        for batches in (padded, bucketed):
            words, seconds = plain_loop(config, examples, batches, plain, vocabulary)
            speeds.append(words / seconds)
        if number:  # the first round warms up
            rounds.append(speeds)
            print(
                f"round {number}: attnlab {speeds[0]:,.0f}  shuffled {speeds[1]:,.0f}  bucketed {speeds[2]:,.0f} words/s"
            )
    for name, column in (("shuffled, padded", 1), ("length-bucketed", 2)):
        ratio = statistics.median(r[0] / r[column] for r in rounds)
        print(f"attnlab / nn.TransformerEncoder, {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
