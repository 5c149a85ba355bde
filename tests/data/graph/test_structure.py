"""What structure says of a node: by its edges alone, for graphs of any size and in any number of pieces."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from graphs import graph_data, load, write_jsonl
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from torch_geometric.data import Data
from torch_geometric.transforms import AddRandomWalkPE

from attnlab.data.graph import structure
from attnlab.data.graph.loader import Graphs
from attnlab.data.graph.structure import laplacian, node_roles, random_walk
from attnlab.errors import UserError


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.randoms(use_true_random=False))
def test_structure_belongs_to_the_node_not_to_its_number(nodes: int, random) -> None:
    pairs = [(a, b) for a in range(nodes) for b in range(a) if random.random() < 0.4]
    edges = np.array(pairs + [(b, a) for a, b in pairs], dtype=np.int64).reshape(-1, 2).T
    order = np.array(random.sample(range(nodes), nodes))
    kinds = [("random_walk", 5), ("degree", 1)]
    expected = node_roles(nodes, edges, kinds)
    np.testing.assert_allclose(node_roles(nodes, order[edges], kinds)[order], expected, atol=1e-6)
    theirs = AddRandomWalkPE(5, None)(Data(edge_index=torch.from_numpy(edges), num_nodes=nodes)).x
    np.testing.assert_allclose(expected[:, :5], theirs.numpy(), atol=1e-6)


def test_every_node_knows_the_size_of_its_graph() -> None:
    roles = node_roles(5, np.zeros((2, 0), dtype=np.int64), [("degree", 1), ("size", 1)])
    np.testing.assert_allclose(roles, np.tile([0.0, np.log(5)], (5, 1)), rtol=1e-6)


def test_laplacian_vectors_are_eigenvectors_and_small_graphs_are_filled_with_zeros() -> None:
    edges = np.array([[0, 1, 1, 2], [1, 0, 2, 1]])
    vectors = node_roles(3, edges, [("laplacian", 4)])
    assert vectors.shape == (3, 4) and not vectors[:, 2:].any()
    root = 1 / np.sqrt([1.0, 2.0, 1.0])
    matrix = np.eye(3) - root[:, None] * np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) * root
    np.testing.assert_allclose(matrix @ vectors[:, 0], 1.0 * vectors[:, 0], atol=1e-6)
    np.testing.assert_allclose((vectors[:, :2] ** 2).mean(0), 1.0, atol=1e-6)


def adjacency(graph: nx.Graph) -> csr_matrix:
    return csr_matrix(nx.to_scipy_sparse_array(graph, format="csr", weight=None, dtype=float))


def normalised(graph: nx.Graph) -> np.ndarray:
    matrix = adjacency(graph).toarray()
    root = 1 / np.sqrt(np.maximum(matrix.sum(1), 1))
    return np.eye(len(matrix)) - root[:, None] * matrix * root


CONNECTED = {
    "path": nx.path_graph(60),
    "star": nx.star_graph(59),
    "complete": nx.complete_graph(60),
    "ring": nx.cycle_graph(60),
    "torus": nx.grid_2d_graph(6, 10, periodic=True),
    "regular": nx.random_regular_graph(3, 60, seed=1),
    "barbell": nx.barbell_graph(25, 10),
    "tree": nx.balanced_tree(2, 5),
}


@pytest.mark.parametrize("name", CONNECTED)
def test_sparse_matrices_give_the_eigenvectors_of_the_dense_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where eigenvalues are equal, any basis of their space will do; it is the same in every run."""
    monkeypatch.setattr(structure, "SPARSE_FROM", 50)
    graph, size = CONNECTED[name], 5
    vectors = laplacian(adjacency(graph), size) / np.sqrt(len(graph))
    matrix = normalised(graph)
    expected = np.linalg.eigvalsh(matrix)[1 : size + 1]
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(size), atol=1e-9)
    np.testing.assert_allclose(matrix @ vectors, vectors * expected, atol=1e-6)
    np.testing.assert_array_equal(vectors, laplacian(adjacency(graph), size) / np.sqrt(len(graph)))
    assert (vectors[np.abs(vectors).argmax(0), range(size)] > 0).all()


def test_each_component_of_a_large_graph_has_the_vectors_that_it_would_have_alone() -> None:
    pieces = [nx.path_graph(7), nx.empty_graph(1), nx.star_graph(1600), nx.path_graph(7), nx.cycle_graph(3)]
    vectors = laplacian(adjacency(nx.disjoint_union_all(pieces)), 4)
    start = 0
    for piece in pieces:
        np.testing.assert_array_equal(vectors[start : start + len(piece)], laplacian(adjacency(piece), 4))
        start += len(piece)
    assert np.isfinite(vectors).all() and not vectors[7].any(), "a node without edges"


def test_a_large_graph_in_many_pieces_has_a_structure(tmp_path: Path) -> None:
    edges = [[i, i + 1] for i in range(1800) if i % 3 < 2]
    records = [{"nodes": 1800, "edges": edges, "label": "a"}, {"nodes": 9, "edges": [], "label": "b"}] * 3
    words = ["data=graph_jsonl", f"data.path={write_jsonl(tmp_path / 'train.jsonl', records)}"]
    words += ["data.structure=laplacian:2", "data.validation=0", "data.test=0"]
    data = load(*words)
    values = data.graphs.numbers(np.array([0]))
    expected = laplacian(adjacency(nx.path_graph(3)), 2)
    np.testing.assert_allclose(values, np.tile(expected, (600, 1)), atol=1e-6)
    assert data.graphs.changed == ["laplacian"], "no run goes on that an earlier version stopped on other values"


def test_walks_of_a_large_graph_are_computed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = adjacency(nx.gnm_random_graph(60, 150, seed=1))
    expected = random_walk(matrix, 6)
    monkeypatch.setattr(structure, "SPARSE_FROM", 50)
    whole = random_walk(matrix, 6)
    monkeypatch.setattr(structure, "BLOCK", 60 * 7)
    np.testing.assert_array_equal(random_walk(matrix, 6), whole)
    np.testing.assert_allclose(whole, expected, atol=1e-12)


def test_a_node_with_an_edge_to_itself_is_its_own_neighbour_and_repetitions_count_once() -> None:
    kinds = [("degree", 1), ("random_walk", 2), ("laplacian", 1)]
    edges = np.array([[0, 1, 0, 1, 0, 2], [1, 0, 1, 0, 0, 2]])
    roles = node_roles(4, edges, kinds)
    np.testing.assert_allclose(roles[:, 0], np.log1p([2, 1, 1, 0]), rtol=1e-6)
    np.testing.assert_allclose(roles[:, 1:3], [[0.5, 0.75], [0, 0.5], [1, 1], [0, 0]], rtol=1e-6)
    assert np.isfinite(roles).all()
    np.testing.assert_array_equal(roles, node_roles(4, edges[:, [0, 4, 5]], kinds))


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_the_smallest_graphs_have_a_structure(nodes: int) -> None:
    for edges in (np.zeros((2, 0), dtype=np.int64), np.array([[0], [0]]), np.array([[0], [nodes - 1]])):
        roles = node_roles(nodes, edges, [("laplacian", 2), ("random_walk", 2), ("degree", 1), ("size", 1)])
        assert roles.shape == (nodes, 6) and np.isfinite(roles).all()


@pytest.mark.parametrize(("word", "most"), [
    ("laplacian:3", "at most laplacian:2"),
    ("laplacian:500", "at most laplacian:2"),
    ("random_walk:500", "at most random_walk:64"),
])  # fmt: skip
def test_more_than_the_largest_graph_can_have_is_refused_with_what_it_can(
    tmp_path: Path, word: str, most: str
) -> None:
    sizes = [{"nodes": n, "edges": [], "label": "a"} for n in (1, 3, 2)]
    path = write_jsonl(tmp_path / "train.jsonl", sizes)
    words = ["data=graph_jsonl", f"data.path={path}", "data.validation=0", "data.test=0"]
    load(*words, "data.structure=laplacian:2"), load(*words, "data.structure=random_walk:64")
    with pytest.raises(UserError) as refused:
        load(*words, f"data.structure={word}")
    assert f"`data.structure={word}`: the largest graph has 3 nodes; {most}" in str(refused.value)


def test_a_run_that_learned_from_larger_graphs_is_scored_on_small_ones(tmp_path: Path) -> None:
    def words(nodes: int) -> list[str]:
        path = write_jsonl(tmp_path / str(nodes) / "train.jsonl", [{"nodes": nodes, "edges": [], "label": "a"}])
        return [
            "data=graph_jsonl",
            f"data.path={path}",
            "data.structure=laplacian:4",
            "data.validation=0",
            "data.test=0",
        ]

    run, small = load(*words(9)), graph_data(*words(2))
    assert Graphs(small, 1, run.spec).splits["train"].batch(np.arange(1)).inputs.values.shape == (2, 4)
    with pytest.raises(UserError, match="at most laplacian:1"):
        Graphs(small, 1)
