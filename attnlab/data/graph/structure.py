"""Numbers that tell a node's role in its graph, computed from the edges alone, in both directions.

However often an edge is listed, it counts once; a node with an edge to itself is a neighbour of its own.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnlab.data.graph.eigenvectors import smallest_eigenvectors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[np.float64]
SPARSE_FROM = 1500
"""Nodes from which sparse matrices are used."""
BLOCK = 1 << 22
"""Numbers of a large matrix that are computed at once."""


def node_roles(nodes: int, edges: NDArray[np.int64], structures: Sequence[tuple[str, int]]) -> NDArray[np.float32]:
    """(2, E) edges -> (L, sum of the sizes): the numbers of all structures, side by side."""
    from scipy.sparse import coo_matrix

    first, second = edges
    entries = np.r_[first, second], np.r_[second, first]
    adjacency = coo_matrix((np.ones(2 * len(first)), entries), shape=(nodes, nodes)).tocsr()
    adjacency.data[:] = 1.0  # however often an edge is listed
    functions = {"laplacian": laplacian, "random_walk": random_walk, "degree": degree, "size": size_of_graph}
    columns = [functions[kind](adjacency, size) for kind, size in structures]
    return np.concatenate([np.zeros((nodes, 0)), *columns], axis=1).astype(np.float32)


def degree(adjacency: "csr_matrix", size: int = 1) -> Array:
    """(L, 1): the number of neighbours, as log(1 + n)."""
    return np.log1p(np.asarray(adjacency.sum(1)))


def size_of_graph(adjacency: "csr_matrix", size: int = 1) -> Array:
    """(L, 1): the number of nodes, as its logarithm, the same for all: readouts that average forget it."""
    nodes = adjacency.shape[0]
    return np.full((nodes, 1), np.log(nodes))


def random_walk(adjacency: "csr_matrix", size: int) -> Array:
    """(L, size): the probabilities to be back after 1, 2, … steps to random neighbours (Dwivedi et al. 2022, eq. 5)."""
    from scipy.sparse import diags

    neighbours = np.asarray(adjacency.sum(1)).ravel()
    step, nodes = (diags(1 / np.maximum(neighbours, 1)) @ adjacency).tocsr(), len(neighbours)
    if nodes < SPARSE_FROM:
        return _returns(step.toarray(), step.toarray(), 0, size)
    # After a few steps a walk may be anywhere, so that powers of the whole matrix would fill the memory.
    rows = max(1, BLOCK // nodes)
    return np.concatenate([_returns(step[i : i + rows], step, i, size) for i in range(0, nodes, rows)])


def _returns(walk: "csr_matrix | Array", step: "csr_matrix | Array", first: int, size: int) -> Array:
    """(rows, size): the probabilities of walks to be back; walk: those of the first step from nodes `first`, …."""
    returns = []
    for number in range(size):
        walk = walk @ step if number else walk
        returns.append(walk.diagonal(first))
    return np.stack(returns, axis=1)


def laplacian(adjacency: "csr_matrix", size: int) -> Array:
    """(L, size): the eigenvectors of the normalised Laplacian to its smallest eigenvalues, but for the first
    (Dwivedi & Bresson 2021, section 2.1), of mean square 1; a small graph's missing ones are 0.

    Their signs mean nothing: here the largest entry is positive. Where eigenvalues are equal, any rotation of their
    vectors would do as well: the same graph always gets the same, but renumbering its nodes may rotate them. In a graph
    of `SPARSE_FROM` nodes or more, every connected component has the vectors that it would have alone; else the first
    ones would only say which of many components a node is in.
    """
    from scipy.sparse.csgraph import connected_components

    nodes = adjacency.shape[0]
    if nodes < SPARSE_FROM:
        return _padded(_all_eigenvectors(_normalised(adjacency))[:, 1 : size + 1], size)
    vectors = np.zeros((nodes, size))
    _, component = connected_components(adjacency, directed=False)
    order, ends = np.argsort(component, kind="stable"), np.bincount(component).cumsum().tolist()
    together = adjacency[order][:, order]
    for start, stop in zip([0, *ends], ends, strict=False):
        if stop - start > 1:
            vectors[order[start:stop]] = _of_component(together[start:stop, start:stop], size)
    return vectors


def _of_component(adjacency: "csr_matrix", size: int) -> Array:
    """(L, size): the same for a connected graph."""
    nodes, matrix = adjacency.shape[0], _normalised(adjacency)
    if nodes < SPARSE_FROM or nodes <= 2 * size:
        return _padded(_all_eigenvectors(matrix)[:, 1 : size + 1], size)
    first = np.sqrt(np.asarray(adjacency.sum(1)).ravel())
    return _padded(smallest_eigenvectors(matrix, size, first), size)


def _normalised(adjacency: "csr_matrix") -> "csr_matrix":
    """I − D^(−1/2) A D^(−1/2)"""
    from scipy.sparse import diags, identity

    root = diags(1 / np.sqrt(np.maximum(np.asarray(adjacency.sum(1)).ravel(), 1)))
    return (identity(adjacency.shape[0]) - root @ adjacency @ root).tocsr()


def _all_eigenvectors(matrix: "csr_matrix") -> Array:
    return np.asarray(np.linalg.eigh(matrix.toarray())[1])


def _padded(vectors: Array, size: int) -> Array:
    """(L, at most size) of length 1 -> (L, size) of mean square 1, each with its largest entry positive."""
    chosen = vectors * np.sqrt(len(vectors))
    if chosen.shape[1]:
        highest = chosen[np.abs(chosen).argmax(0), np.arange(chosen.shape[1])]
        chosen = chosen * np.sign(highest)
    return np.pad(chosen, ((0, 0), (0, size - chosen.shape[1])))
