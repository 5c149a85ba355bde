"""One section measured in this process: `python -m attnlab.lab.bench.measure SECTION UPDATES WORD…` prints JSON.

A process for each section, so that the largest memory is that section's own.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from attnlab import compose
from attnlab.config import AttentionEncoder
from attnlab.data.contract import Split
from attnlab.data.mixing import Draw
from attnlab.data.prep.batching import Batching
from attnlab.lab.bench.parts import step_parts
from attnlab.lab.bench.sections import SECTIONS, Measurement, Section
from attnlab.model import build as models
from attnlab.model.decoder_state import KVCache
from attnlab.model.decoding import Limits, search
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.model.linear import onednn_is_faster, product
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.run import load_data
from attnlab.training.train import start

PEAK_SIZE = 2048
"""Rows and columns of the product whose speed counts as the machine's."""
DECODED = 4
"""Batches that are decoded to tell its speed, at even distances in the order of the split's lengths."""


def measure(section: Section, words: Sequence[str], updates: int) -> Measurement:
    """Speed of a training step and of all of `train`, memory, fraction of the machine's peak, parts of a step."""
    config = compose.compose(words)
    engine = Engine(config.trainer)
    data = load_data(config)
    models.resolve(config, data.spec)
    torch.manual_seed(config.seed)
    model = models.build(config, data.spec)
    head = model.head if isinstance(model.head, Seq2seq) else None
    training = Training(config, model, Parts.alone(config, data), engine)
    draws = [draw for group in training.mixture.groups(0) for draw in group][:updates]
    batches = list(map(training.parts.batch, draws))
    times, peak_gflops, torch_gflops = _time_steps(training, draws, batches)
    vectors = sum(batch.inputs.layout.size for batch in batches)
    counted = sum(target_sets(head, batch).layout.size for batch in batches) if head else vectors
    parts = step_parts(training, draws)
    gflops, by_length = None, None
    if isinstance(config.encoder, AttentionEncoder):
        flops = [6 * multiplications(config.encoder, batch.inputs.lengths) for batch in batches]
        if head:
            flops = [n + 6 * decoder_multiplications(head, batch) for n, batch in zip(flops, batches, strict=True)]
        gflops = statistics.median(1e-9 * n / taken for n, taken in zip(flops, times, strict=True))
        by_length = [length_speed(model, config.encoder.width, length, data.spec) for length in section.lengths]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    budget = config.trainer.batch_vectors
    generated = sentences_per_second(model, head, data.splits["validation"], budget) if head else None
    return Measurement(
        unit=section.unit, words=list(words), threads=torch.get_num_threads(), updates=len(batches),
        vectors_per_update=counted / len(batches), step_ms=1e3 * statistics.median(times),
        vectors_per_second=counted / sum(times), **one_epoch(words, counted / vectors),
        peak_gflops=peak_gflops, torch_gflops=torch_gflops, parts=parts, memory_mib=memory, gflops=gflops,
        share_of_peak=gflops and gflops / peak_gflops, share_of_torch=gflops and gflops / torch_gflops,
        by_length=by_length, sentences_per_second=generated,
    )  # fmt: skip


def _time_steps(
    training: Training, draws: Sequence[Draw], batches: Sequence[Batch]
) -> tuple[list[float], float, float]:
    """Seconds of an update on each batch, and the highest `peak` of several measured between them."""
    training.model.train()

    def update(number: int) -> None:
        training._update([draws[number]], [0], iter([batches[number]]))

    for number in range(len(batches)):
        update(number)  # oneDNN takes its time for each new shape, once in a run
    peaks, times = [], []
    for number in range(len(batches)):
        if number % 4 == 0:
            peaks.append(peak())
            update(number)  # what the products pushed out of the caches comes back
        times.append(_seconds(partial(update, number)))
    return times, max(best for best, _ in peaks), max(plain for _, plain in peaks)


def peak() -> tuple[float, float]:
    """GFLOP/s of a large fp32 product: by the quicker library that PyTorch carries, and by `torch.mm`. Where the model's
    layers take `torch.mm`, too, it is one figure."""
    x, y = torch.ones(PEAK_SIZE, PEAK_SIZE), torch.ones(PEAK_SIZE, PEAK_SIZE)

    def speed(multiply: Callable[[Tensor, Tensor], Tensor]) -> float:
        multiply(x, y)  # the memory of its result is then allocated
        return 2e-9 * PEAK_SIZE**3 / _seconds(lambda: multiply(x, y))

    plain = speed(torch.mm)
    return (speed(product) if onednn_is_faster() else plain), plain


def multiplications(encoder: AttentionEncoder, lengths: Sequence[int]) -> int:
    """Of the encoder's products for sets of these lengths, forward; each is an addition, too, and backward twice as
    many. Pairs beyond the encoder's scope are counted as if they were computed only where the scope is `full`."""
    inner = encoder.heads * encoder.width_of_head
    per_vector = encoder.width * (4 * inner + 2 * encoder.feed_forward * encoder.width)
    pairs = sum(length * length for length in lengths) if encoder.scope == "full" else 0
    return encoder.depth * (sum(lengths) * per_vector + 2 * pairs * inner)


def length_speed(model: models.Model, width: int, length: int, spec: DataSpec) -> dict[str, float]:
    """The encoder alone on sets of one length, forward and backward; graphs are rings."""
    sets = max(1, 1500 // length)
    rows = torch.arange(sets * length)
    coords = (rows % length).float()[:, None].expand(-1, spec.num_coords) if spec.num_coords else None
    edges = edge_values = None
    if spec.edge_features is not None:
        following = rows - rows % length + (rows + 1) % length
        edges = torch.stack([torch.cat([rows, following]), torch.cat([following, rows])])
        edge_values = torch.zeros(2 * len(rows), spec.edge_features) if spec.edge_features else None
    inputs = VectorSets.of(
        torch.randn(len(rows), width), [length] * sets, coords=coords, edges=edges, edge_values=edge_values
    )
    times = [_seconds(lambda: model.encoder(inputs).values.sum().backward()) for _ in range(8)]
    model.zero_grad()
    speed = sets * length / statistics.median(times[1:])  # the first warms up
    return {"length": length, "vectors_per_second": speed}


def target_sets(head: Seq2seq, batch: Batch) -> VectorSets:
    """The right sequences of a batch."""
    targets = batch.targets[head.target]
    assert isinstance(targets, VectorSets)
    return targets


def decoder_multiplications(head: Seq2seq, batch: Batch) -> int:
    """Of the decoder's products, forward; of the pairs within a sequence those that its scope allows."""
    targets = target_sets(head, batch)
    shape = head.decoder.config
    width, inner = shape.width, shape.heads * shape.width_of_head
    sources, answers = batch.inputs.lengths, targets.lengths
    per_token = width * (6 * inner + 2 * shape.feed_forward * width)
    pairs = sum(m * (m + 1) // 2 + n * m for n, m in zip(sources, answers, strict=True))
    blocks = sum(answers) * per_token + sum(sources) * 2 * width * inner + 2 * pairs * inner
    return shape.depth * blocks + sum(answers) * width * len(head.codec)


@torch.no_grad()
def sentences_per_second(model: models.Model, head: Seq2seq, split: Split, budget: int) -> dict[str, float]:
    """Greedily and with 5 beams, from ids on. The weights have hardly been trained, so each answer is made as long as
    the right one. budget: vectors of a batch."""
    groups = Batching(split.lengths, budget, 0).in_order()
    every = max(1, len(groups) // DECODED)
    batches = [split.batch(indices) for indices in islice(groups, every // 2, None, every)]
    was_training = model.training
    model.eval()
    speeds = {}
    for name, beam in (("greedy", 1), ("beam 5", 5)):
        times = []
        for batch in (batches[0], *batches):  # the first warms up
            lengths = [length - 1 for length in target_sets(head, batch).lengths]  # `</s>` isn't counted
            began = time.perf_counter()
            search(KVCache(head.decoder, model.encode(batch.inputs), beam), Limits(lengths, lengths), beam, 1.0)
            times.append(time.perf_counter() - began)
        speeds[name] = sum(len(batch.keys) for batch in batches) / sum(times[1:])
    model.train(was_training)
    return speeds


def _seconds(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def one_epoch(words: Sequence[str], per_vector: float) -> dict[str, float]:
    """What `Measurement` tells of all of `train`, by one epoch of it: data, loop, validation and saving, too.
    per_vector: what is counted for each vector of the inputs, where that is the answers' tokens."""
    with tempfile.TemporaryDirectory() as folder:
        overrides = [*words, "defaults=plain", "trainer.epochs=1", f"outputs={folder}"]  # as the steps before
        overrides += ["baselines=false", "score_test=false"]
        results = start(compose.compose(overrides), overrides, quiet=True).results["train"]
    speed = results["vectors_per_second"] * per_vector
    return {
        "train_vectors_per_second": speed * results["seconds"] / results["wall_seconds"],
        "loop_vectors_per_second": speed,
        "data_wait": results["data_wait"],
    }


if __name__ == "__main__":
    name, count, *overrides = sys.argv[1:]
    print(json.dumps(measure(SECTIONS[name], overrides, int(count)).plain()))
