"""Of models that generate sequences: how many multiplications their decoder takes, and how fast they decode."""

import time
from itertools import islice

import torch

from attnlab.data.contract import Split
from attnlab.data.prep.batching import Batching
from attnlab.model.build import Model
from attnlab.model.decoder import Cache
from attnlab.model.decoding import Limits, search
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.sets import Batch, VectorSets

BATCHES = 4
"""Decoded for the figure, at even distances in the order of the split's lengths."""


def decoder_multiplications(head: Seq2seq, batch: Batch) -> int:
    """Of the decoder's products, forward; of the pairs within a sequence those that its scope allows."""
    targets: VectorSets = batch.targets[head.target]
    shape = head.decoder.config
    width, inner = shape.width, shape.heads * shape.width_of_head
    sources, answers = batch.inputs.lengths, targets.lengths
    per_token = width * (6 * inner + 2 * shape.feed_forward * width)
    pairs = sum(m * (m + 1) // 2 + n * m for n, m in zip(sources, answers, strict=True))
    blocks = sum(answers) * per_token + sum(sources) * 2 * width * inner + 2 * pairs * inner
    return shape.depth * blocks + sum(answers) * width * len(head.codec)


@torch.no_grad()
def sentences_per_second(model: Model, head: Seq2seq, split: Split, budget: int) -> dict[str, float]:
    """Greedily and with 5 beams, from ids on. The weights have hardly been trained, so each answer is made as long as
    the right one. budget: vectors of a batch."""
    groups = Batching(split.lengths, budget, 0).in_order()
    every = max(1, len(groups) // BATCHES)
    batches = [split.batch(indices) for indices in islice(groups, every // 2, None, every)]
    was_training = model.training
    model.eval()
    speeds = {}
    for name, beam in (("greedy", 1), ("beam 5", 5)):
        times = []
        for batch in (batches[0], *batches):  # the first warms up
            lengths = [length - 1 for length in batch.targets[head.target].lengths]  # `</s>` isn't counted
            began = time.perf_counter()
            search(Cache(head.decoder, model.encode(batch.inputs), beam), Limits(lengths, lengths), beam, 1.0)
            times.append(time.perf_counter() - began)
        speeds[name] = sum(len(batch.keys) for batch in batches) / sum(times[1:])
    model.train(was_training)
    return speeds
