"""Graph convolutions: a graph alone is a graph in a batch, and nodes may be renumbered."""

import pytest
import torch

from attnlab.config import GraphConvEncoder
from attnlab.errors import UserError
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
@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_alone_is_as_in_a_batch_and_renumbering_renumbers_the_answer(kind: str, values: bool) -> None:
    encoder, graphs = built(kind, values), [graph(n, n, values) for n in (5, 1, 9)]
    together = encoder(VectorSets.collate(graphs)).unbind()
    for one, found in zip(graphs, together, strict=True):
        alone = encoder(one).values
        torch.testing.assert_close(alone, found.values, atol=1e-5, rtol=1e-5)
        order = torch.randperm(len(alone))
        place = torch.argsort(order)
        turned = VectorSets.of(one.values[order], edges=place[one.edges], edge_values=one.edge_values)
        torch.testing.assert_close(encoder(turned).values, alone[order], atol=1e-5, rtol=1e-5)


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


def test_data_without_edges_are_refused() -> None:
    with pytest.raises(UserError, match="needs edges"):
        GraphConv(GraphConvEncoder(), spec(None))
