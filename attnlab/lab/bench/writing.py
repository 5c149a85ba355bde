"""What only models that write sequences have: how many multiplications their decoder takes, and how fast they write."""

import time
from itertools import islice
from typing import Any

import torch

from attnlab.data.prep.batching import Batching
from attnlab.model.decoder_state import KVCache
from attnlab.model.decoding import Limits, search
from attnlab.sets import Batch, VectorSets

BATCHES = 4
"""Written for the figure, spread over the split's lengths."""


def multiplications(head: Any, batch: Batch) -> int:
    """Of the decoder's products, forward; of the pairs within a sequence those that the decoder may look at."""
    wanted = batch.targets[head.target]
    assert isinstance(wanted, VectorSets)
    shape, depth = head.decoder.config, head.config.depth
    width, inner = shape.width, shape.heads * shape.width_of_head
    sources, answers = batch.inputs.lengths, wanted.lengths
    each = width * (6 * inner + 2 * shape.feed_forward * width)
    pairs = sum(m * (m + 1) // 2 + n * m for n, m in zip(sources, answers, strict=True))
    blocks = sum(answers) * each + sum(sources) * 2 * width * inner + 2 * pairs * inner
    return depth * blocks + sum(answers) * width * len(head.codec)


@torch.no_grad()
def writing(model: Any, split: Any, budget: int) -> dict[str, float]:
    """Sentences per second, greedily and with 5 beams, from their ids on. The weights have hardly been trained, so each
    answer is made as long as the right one."""
    chosen = Batching(split.lengths, budget, 0).in_order()
    every = max(1, len(chosen) // BATCHES)
    batches = [split.batch(indices) for indices in islice(chosen, every // 2, None, every)]
    training, head = model.training, model.head
    model.eval()
    found = {}
    for name, beam in (("greedy", 1), ("beam 5", 5)):
        times = []
        for batch in (batches[0], *batches):
            lengths = [length - 1 for length in batch.targets[head.target].lengths]  # `</s>` isn't counted
            began = time.perf_counter()
            search(KVCache(head.decoder, model.encode(batch.inputs), beam), Limits(lengths, lengths), beam, 1.0)
            times.append(time.perf_counter() - began)
        found[name] = sum(len(batch.keys) for batch in batches) / sum(times[1:])  # the first warmed up
    model.train(training)
    return found
