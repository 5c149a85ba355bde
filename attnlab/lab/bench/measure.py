"""One section measured in this process: `python -m attnlab.lab.bench.measure JSON`, which prints JSON.

A process for each section, so that the largest memory is that section's own.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from attnlab import compose
from attnlab.lab.bench import writing
from attnlab.model import build as models
from attnlab.model.linear import onednn_is_faster, product
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.run import load_data
from attnlab.training.train import start

PEAK = 2048
"""Rows and columns of the product whose speed counts as the machine's."""
PARTS = ("data", "embed", "plan", "attention", "feed-forward", "head", "optimizer", "rest")


def measure(words: Sequence[str], updates: int, lengths: Sequence[int]) -> dict[str, Any]:
    """Speed of a training step and of all of `train`, memory, share of the machine's peak, parts of a step."""
    config = compose.compose(words)
    engine = Engine(config.trainer)
    data = load_data(config)
    models.resolve(config, data.spec)
    torch.manual_seed(config.seed)
    model = models.build(config, data.spec)
    training = Training(config, model, data, engine)
    chosen = training.batching.epoch(0)[:updates]
    split = data.splits["train"]
    batches = [split.batch(indices, 0) for indices in chosen]
    training.model.train()
    for batch in batches:
        training._update([batch])  # oneDNN takes its time for each new shape, once in a run
    peaks, times = [], []
    for number, batch in enumerate(batches):
        if number % 4 == 0:
            peaks.append(peak())
            training._update([batch])  # what the products pushed out of the caches comes back
        began = time.perf_counter()
        training._update([batch])
        times.append(time.perf_counter() - began)
    vectors = sum(batch.inputs.layout.size for batch in batches)
    writes = model.head.searches
    counted = sum(batch.targets[model.head.target].layout.size for batch in batches) if writes else vectors
    found: dict[str, Any] = {
        "words": list(words),
        "threads": torch.get_num_threads(),
        "updates": len(batches),
        "vectors_per_update": counted / len(batches),
        "step_ms": 1e3 * statistics.median(times),
        "vectors_per_second": counted / sum(times),
        "peak_gflops": max(best for best, _ in peaks),
        "torch_gflops": max(plain for _, plain in peaks),
        "parts": parts(training, split, chosen),
    }
    if config.encoder.name == "attention":
        flops = [6 * multiplications(config.encoder, batch.inputs.lengths) for batch in batches]
        if writes:
            flops = [n + 6 * writing.multiplications(model.head, b) for n, b in zip(flops, batches, strict=True)]
        found["gflops"] = statistics.median(n / taken for n, taken in zip(flops, times, strict=True)) / 1e9
        found["share_of_peak"] = found["gflops"] / found["peak_gflops"]
        found["share_of_torch"] = found["gflops"] / found["torch_gflops"]
        found["by_length"] = [by_length(model, config.encoder.width, length, data.spec) for length in lengths]
    found["memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if writes:
        found["sentences_per_second"] = writing.writing(
            model, data.splits["validation"], config.trainer.batch_vectors
        )
    return found | whole(words, counted / vectors)


def peak() -> tuple[float, float]:
    """GFLOP/s of a large fp32 product: by the quicker library that PyTorch carries, and by `torch.mm`. Where the model's
    layers take `torch.mm`, too, it is one figure."""
    x, y = torch.ones(PEAK, PEAK), torch.ones(PEAK, PEAK)

    def speed(multiply: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> float:
        multiply(x, y)  # the memory of its answer is then known
        began = time.perf_counter()
        multiply(x, y)
        return 2e-9 * PEAK**3 / (time.perf_counter() - began)

    plain = speed(torch.mm)
    return (speed(product) if onednn_is_faster() else plain), plain


def multiplications(encoder: Any, lengths: Sequence[int]) -> int:
    """Of the encoder's products for sets of these lengths, forward; each is an addition, too, and backward twice as many.

    Pairs beyond the encoder's scope are counted as if they were computed only where the scope is `full`.
    """
    inner = encoder.heads * encoder.width_of_head
    each = encoder.width * (4 * inner + 2 * encoder.feed_forward * encoder.width)
    pairs = sum(length * length for length in lengths) if encoder.scope == "full" else 0
    return encoder.depth * (sum(lengths) * each + 2 * pairs * inner)


def parts(training: Training, split: Any, chosen: Sequence[Any]) -> dict[str, float]:
    """Milliseconds of an update by what they go to. `rest`: norms, residuals, gradients of embedding and head."""
    spent: dict[str, float] = defaultdict(float)
    model = training.model
    with _timed(model, spent):
        for indices in chosen:
            began = time.perf_counter()
            batch = split.batch(indices, 0)
            spent["data"] += time.perf_counter() - began
            before = spent["model"]
            began = time.perf_counter()
            training._update([batch])
            spent["update"] += time.perf_counter() - began
            assert spent["model"] > before
    update, inside = spent.pop("update"), spent.pop("model")
    spent["optimizer"] = update - inside
    spent["rest"] = inside - sum(spent[name] for name in PARTS if name not in ("data", "optimizer", "rest"))
    return {name: 1e3 * spent[name] / len(chosen) for name in PARTS}


def _inside(spent: dict[str, float]) -> float:
    """Of what may lie within another part: a decoder's layers within the head."""
    return spent["plan"] + spent["attention"] + spent["feed-forward"]


@contextmanager
def _timed(model: Any, spent: dict[str, float]) -> Iterator[None]:
    """While inside, what each part of the model takes is added up in `spent`, gradients of layers included."""
    hooks: list[Any] = []
    replaced: list[tuple[Any, str, Any]] = []

    def clocked(owner: Any, name: str, part: str) -> None:
        plain = getattr(owner, name)

        def run(*arguments: Any, **others: Any) -> Any:
            inside, began = _inside(spent), time.perf_counter()
            answer = plain(*arguments, **others)
            spent[part] += time.perf_counter() - began - (_inside(spent) - inside)
            return answer

        replaced.append((owner, name, run))
        setattr(owner, name, run)

    def layer(module: nn.Module, part: str) -> None:
        clocks: list[float] = []

        def begin(*_: Any) -> None:
            clocks.append(time.perf_counter())

        def end(*_: Any) -> None:
            spent[part] += time.perf_counter() - clocks.pop()

        hooks.append(module.register_forward_pre_hook(begin))
        hooks.append(module.register_forward_hook(end))
        hooks.append(module.register_full_backward_pre_hook(begin))
        hooks.append(module.register_full_backward_hook(end))

    clocked(model.embedding, "forward", "embed")
    clocked(model.head, "loss", "head")
    if hasattr(model.encoder, "plan"):
        clocked(model.encoder, "plan", "plan")
    for block in getattr(model.encoder, "blocks", ()):
        layer(block.attention, "attention")
        layer(block.feed_forward, "feed-forward")
    if model.head.searches:
        clocked(model.head.decoder, "_plan", "plan")
        for block in model.head.decoder.blocks:
            layer(block.attention, "attention")
            layer(block.memory, "attention")
            layer(block.feed_forward, "feed-forward")
    forward = model.forward

    def whole_forward(*arguments: Any) -> Any:
        began = time.perf_counter()
        loss = forward(*arguments)
        spent["model"] += time.perf_counter() - began
        backward = loss.total.backward

        def timed_backward() -> None:
            started = time.perf_counter()
            backward()
            spent["model"] += time.perf_counter() - started

        loss.total.backward = timed_backward
        return loss

    replaced.append((model, "forward", whole_forward))
    model.forward = whole_forward
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for owner, name, _ in replaced:
            delattr(owner, name)


def by_length(model: Any, width: int, length: int, spec: DataSpec) -> dict[str, float]:
    """The encoder alone on sets of one length, forward and backward; graphs are rings."""
    sets = max(1, 1500 // length)
    rows, places = torch.arange(sets * length), spec.num_coords
    coords = (rows % length).float()[:, None].expand(-1, places) if places else None
    edges = edge_values = None
    if spec.edge_features is not None:
        following = rows - rows % length + (rows + 1) % length
        edges = torch.stack([torch.cat([rows, following]), torch.cat([following, rows])])
        edge_values = torch.zeros(2 * len(rows), spec.edge_features) if spec.edge_features else None
    batch = VectorSets.of(
        torch.randn(len(rows), width), [length] * sets, coords=coords, edges=edges, edge_values=edge_values
    )

    def step() -> None:
        model.encoder(batch).values.sum().backward()

    seconds = _median(step, 7)
    model.zero_grad()
    return {"length": length, "vectors_per_second": sets * length / seconds}


def _median(step: Callable[[], None], rounds: int) -> float:
    times = []
    for number in range(rounds + 1):
        began = time.perf_counter()
        step()
        if number:  # the first warms up
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def whole(words: Sequence[str], share: float) -> dict[str, float]:
    """All of `train` for one epoch: data, loop, validation and saving, too.

    share: what is counted for each vector of the inputs, where that is the answers' tokens.
    """
    with tempfile.TemporaryDirectory() as folder:
        own = [*words, "trainer.epochs=1", f"outputs={folder}", "baselines=false", "score_test=false"]
        run = start(compose.compose(own), own, quiet=True)
        train = run.results["train"]
        vectors = train["vectors_per_second"] * train["seconds"] * share
    return {
        "train_vectors_per_second": vectors / train["wall_seconds"],
        "loop_vectors_per_second": train["vectors_per_second"] * share,
        "data_wait": train["data_wait"],
    }


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print(json.dumps(measure(asked["words"], asked["updates"], asked["lengths"])))
