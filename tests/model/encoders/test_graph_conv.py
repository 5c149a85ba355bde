"""Graph convolutions: what they read of a graph."""

import pytest
import torch

from attnlab.config import GraphConvEncoder
from attnlab.model.encoders.graph_conv import GraphConv
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

KINDS = ("gin", "gatv2", "gcn")


def spec(edge_features: int | None) -> DataSpec:
    return DataSpec("graph", 0, 8, {}, {}, edge_features=edge_features)


def graph(nodes: int, seed: int, values: bool) -> VectorSets:
    made = torch.Generator().manual_seed(seed)
    edges = torch.randint(nodes, (2, 2 * nodes), generator=made)
    edge_values = torch.randn(2 * nodes, 3, generator=made) if values else None
    return VectorSets.of(torch.randn(nodes, 8, generator=made), edges=edges, edge_values=edge_values)


def built(kind: str, values: bool) -> GraphConv:
    torch.manual_seed(0)
    return GraphConv(
        GraphConvEncoder(width=8, depth=2, heads=2, convolution=kind), spec(3 if values else 0)
    ).eval()


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_node_becomes_depends_on_edges_and_their_values(kind: str) -> None:
    encoder, one = built(kind, True), graph(6, 1, True)
    before = encoder(one).values
    for other, matters in (
        ({"edges": one.edges.flip(0)}, True),
        ({"edge_values": one.edge_values * 2}, kind != "gcn"),
    ):
        changed = VectorSets.of(one.values, **{"edges": one.edges, "edge_values": one.edge_values} | other)
        assert torch.allclose(encoder(changed).values, before, atol=1e-5) != matters
