"""A training step of attention along edges beside PyTorch Geometric's layers, and what a large graph takes.

    python scripts/bench_graphs.py FOLDER [--threads 2] [--rounds 30]     PROTEINS' text files in FOLDER, about a minute
    python scripts/bench_graphs.py --large                                100,000 nodes, 1,000,000 edges

Batches of 32 graphs of PROTEINS, D=64, 4 layers, 4 heads. All stacks have the same embedding, norms, feed-forward layers,
readout and optimizer; only what stands for attention differs. Ours is measured with the planning of each batch. Each
round takes every stack through the same batch, in turn; printed are medians.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import GATv2Conv, TransformerConv

from attnlab.config import AttentionEncoder, GraphData, GraphHead
from attnlab.data.graph.loader import Graphs
from attnlab.model.encoders.attention import Attention
from attnlab.model.heads.graph import Graph
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec

WIDTH, DEPTH, HEADS, GRAPHS = 64, 4, 4, 32


class Peer(nn.Module):
    """The blocks of our encoder with a layer of PyTorch Geometric in the place of attention: (N, D) -> (N, D)."""

    def __init__(self, layer: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layer() for _ in range(DEPTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2 * DEPTH + 1))
        self.feed_forward = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
            for _ in range(DEPTH)
        )

    def forward(self, sets: VectorSets) -> VectorSets:
        x = sets.values
        for i, (layer, feed_forward) in enumerate(zip(self.layers, self.feed_forward, strict=True)):
            x = x + layer(self.norms[2 * i](x), sets.edges)
            x = x + feed_forward(self.norms[2 * i + 1](x))
        return sets.with_values(self.norms[-1](x))


def ours(scope: str | tuple[str, ...] = "edges") -> nn.Module:
    config = AttentionEncoder(width=WIDTH, depth=DEPTH, heads=HEADS, dropout=0.0, scope=scope, position="none")
    return Attention(config, DataSpec("graph", 0, WIDTH, {}, {}, edge_features=0))


class Whole(nn.Module):
    """Embedding, encoder and head, with their optimizer: a call is a training step."""

    def __init__(self, encoder: nn.Module, spec: DataSpec) -> None:
        super().__init__()
        assert spec.features is not None
        self.embed, self.encoder = nn.Linear(spec.features, WIDTH), encoder
        self.head = Graph(GraphHead(readout="mean", target="label"), spec, WIDTH)
        self.optimizer = torch.optim.AdamW(self.parameters(), fused=True)

    def forward(self, batch: Batch) -> Tensor:
        encoded = self.encoder(batch.inputs.with_values(self.embed(batch.inputs.values)))
        loss = self.head.loss(encoded, batch.targets)
        total = loss.total / loss.count
        total.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total.detach()


def proteins(folder: str, rounds: int) -> None:
    data = Graphs(GraphData(name="PROTEINS", source="tu", path=folder, validation=0.0, test=0.0), 1)
    split, random = data.splits["train"], np.random.default_rng(1)
    batches = [split.batch(np.sort(random.choice(len(split), GRAPHS, replace=False))) for _ in range(rounds)]
    stacks = {
        "attnlab, scope edges": ours(),
        "TransformerConv": Peer(lambda: TransformerConv(WIDTH, WIDTH // HEADS, HEADS)),
        "GATv2Conv": Peer(lambda: GATv2Conv(WIDTH, WIDTH // HEADS, HEADS)),
    }
    steps = {name: Whole(stack, data.spec) for name, stack in stacks.items()}
    times: dict[str, list[float]] = {name: [] for name in stacks}
    for number, batch in enumerate([batches[0], *batches]):
        for name, step in steps.items():
            began = time.perf_counter()
            step(batch)
            if number:  # the first round warms up
                times[name].append(time.perf_counter() - began)
    nodes = statistics.mean(len(batch.inputs.values) for batch in batches)
    print(
        f"PROTEINS, {GRAPHS} graphs ({nodes:.0f} nodes on average), {torch.get_num_threads()} threads, {rounds} rounds"
    )
    fastest = statistics.median(times["attnlab, scope edges"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:26} {1e3 * median:7.1f} ms  {median / fastest:5.2f} of ours", flush=True)


def large() -> None:
    nodes, edges = 100_000, 1_000_000
    sets = VectorSets.of(torch.randn(nodes, WIDTH), edges=torch.randint(nodes, (2, edges)))
    encoder = ours()
    optimizer = torch.optim.AdamW(encoder.parameters(), fused=True)
    began = time.perf_counter()
    encoder(sets).values.square().mean().backward()
    optimizer.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{nodes:,} nodes, {edges:,} edges, D={WIDTH}, {DEPTH} layers, {HEADS} heads: a training step takes "
        f"{time.perf_counter() - began:.1f} s, the process {peak:.2f} GiB at most"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", help="PROTEINS' text files")
    parser.add_argument("--large", action="store_true", help="only the large graph, in this process")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    if settings.folder:
        proteins(settings.folder, settings.rounds)
    if settings.large:
        large()
    elif not settings.folder:
        parser.error("name the folder of PROTEINS' text files, or --large")
    else:
        subprocess.run([sys.executable, __file__, "--large", "--threads", str(settings.threads)], check=True)


if __name__ == "__main__":
    main()
