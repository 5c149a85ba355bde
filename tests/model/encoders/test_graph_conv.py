"""Graph convolutions: what they read of a graph."""

import copy

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


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("values", [True, False])
def test_convolutions_are_those_of_pyg_with_each_of_several_edges_between_two_nodes(
    kind: str, values: bool
) -> None:
    encoder, one = built(kind, values), graph(6, 1, values)
    apart = one.edges[0] != one.edges[1]
    edges = torch.cat([one.edges[:, apart]] * 2, dim=1)
    edge_values = torch.cat([one.edge_values[apart], -one.edge_values[apart]]) if values else None
    theirs = copy.deepcopy(encoder.layers[0])
    theirs.add_self_loops = kind != "gin"
    x = encoder.norms[0](one.values)
    named = {"edge_attr": edge_values} if values and kind != "gcn" else {}
    expected = one.values + theirs(x, edges, **named).relu()
    encoder.norms, encoder.layers, encoder.norm = encoder.norms[:1], encoder.layers[:1], torch.nn.Identity()
    ours = encoder(VectorSets.of(one.values, edges=edges, edge_values=edge_values)).values
    assert torch.equal(ours, expected)
    single = VectorSets.of(
        one.values, edges=one.edges[:, apart], edge_values=one.edge_values[apart] if values else None
    )
    assert not torch.allclose(encoder(single).values, ours, atol=1e-5), "both count"


@torch.no_grad()
@pytest.mark.parametrize("kind", ["gin", "gatv2"])
def test_values_of_an_edge_from_a_node_to_itself_count(kind: str) -> None:
    encoder, nodes = built(kind, True), torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    edges = torch.tensor([[0, 1, 1], [1, 0, 1]])
    one, other = (
        encoder(VectorSets.of(nodes, edges=edges, edge_values=torch.tensor([[1.0, 0, 0], [0, 1, 0], loop]))).values
        for loop in ([0.0, 0, 5], [0.0, 5, 0])
    )
    assert not torch.allclose(one[:2], other[:2], atol=1e-4) and torch.equal(one[2], other[2])
