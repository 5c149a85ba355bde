"""Attention along the edges of PROTEINS' graphs beside PyTorch Geometric's layers, on random batches.

All stacks have the embedding, norms, feed-forward layers, readout and optimizer of `bench_graphs.py`, except GPSConv, which
brings its own feed-forward layer (2 D wide inside, ours 4 D) and attends to the whole graph besides its edges: beside it,
ours attends along edges and to all in turn.
"""

import numpy as np
from bench_graphs import DEPTH, GRAPHS, HEADS, WIDTH, Peer, Whole, ours
from torch import nn
from torch_geometric.nn import GATv2Conv, GINConv, GPSConv, TransformerConv

from attnlab.config import GraphData
from attnlab.data.graph.loader import Graphs
from attnlab.sets import VectorSets
from peers.common import OURS, Bench, Step, best


class GPS(nn.Module):
    """(N, D) -> (N, D): layers of Rampášek et al. 2022 that pass messages as GIN does."""

    def __init__(self) -> None:
        super().__init__()

        def local() -> nn.Module:
            return GINConv(nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)))

        self.layers = nn.ModuleList(GPSConv(WIDTH, local(), HEADS, attn_type="multihead") for _ in range(DEPTH))

    def forward(self, sets: VectorSets) -> VectorSets:
        x = sets.values
        for layer in self.layers:
            x = layer(x, sets.edges, batch=sets.layout.set_index)
        return sets.with_values(x)


def graphs(bench: Bench) -> None:
    path = str(bench.folder / "tu" / "PROTEINS")
    config = GraphData(
        name="PROTEINS", source="tu", path=path, validation=0.0, test=0.0, cache=bench.cache or None
    )
    data = Graphs(config, 1)
    split, random = data.splits["train"], np.random.default_rng(1)
    chosen = [np.sort(random.choice(len(split), GRAPHS, replace=False)) for _ in range(bench.rounds)]
    batches = [split.batch(indices) for indices in chosen]
    size = sum(batch.inputs.layout.size for batch in batches)

    def step(encoder: nn.Module) -> Step:
        whole = Whole(encoder, data.spec)
        return lambda i: whole(batches[i])

    convolutions = {
        OURS: ours(),
        "TransformerConv": Peer(lambda: TransformerConv(WIDTH, WIDTH // HEADS, HEADS)),
        "GATv2Conv": Peer(lambda: GATv2Conv(WIDTH, WIDTH // HEADS, HEADS)),
    }
    ratios = bench.race("graphs, edges", {name: step(stack) for name, stack in convolutions.items()}, size)
    bench.goal("graphs, PROTEINS, edges", "best of TransformerConv, GATv2Conv", best(ratios), 1.0, 1.3)
    in_turn = {OURS: ours(("edges", "full")), "GPSConv, multihead": GPS()}
    ratios = bench.race(
        "graphs, edges and all in turn", {name: step(stack) for name, stack in in_turn.items()}, size
    )
    bench.goal("", "GPSConv (multihead), ours edges and all in turn", best(ratios), 3.0, 4.5)
