"""Numbers that tell a node's role in its graph, computed from the edges alone, in both directions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[np.float64]
SPARSE_FROM = 1500
"""Nodes from which sparse matrices are used."""


def node_roles(nodes: int, edges: NDArray[np.int64], structures: Sequence[tuple[str, int]]) -> NDArray[np.float32]:
    """(2, E) edges -> (L, sum of the sizes): the numbers of all structures, side by side."""
    from scipy.sparse import coo_matrix

    first, second = edges[:, edges[0] != edges[1]]
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
    step = diags(1 / np.maximum(neighbours, 1)) @ adjacency
    if len(neighbours) < SPARSE_FROM:
        step = step.toarray()
    walk, returns = step, []
    for number in range(size):
        walk = walk @ step if number else walk
        returns.append(walk.diagonal())
    return np.stack(returns, axis=1)


def laplacian(adjacency: "csr_matrix", size: int) -> Array:
    """(L, size): the eigenvectors of the normalised Laplacian to its smallest eigenvalues, but for the first
    (Dwivedi & Bresson 2021, section 2.1), of mean square 1; a small graph's missing ones are 0.

    Their signs mean nothing: here the largest entry is positive. Where eigenvalues are equal, any rotation of their
    vectors would do as well, so that renumbering the nodes of a symmetric graph may rotate them.
    """
    from scipy.sparse import diags, identity
    from scipy.sparse.linalg import eigsh

    nodes = adjacency.shape[0]
    root = diags(1 / np.sqrt(np.maximum(np.asarray(adjacency.sum(1)).ravel(), 1)))
    matrix = identity(nodes) - root @ adjacency @ root
    if nodes < SPARSE_FROM or size + 2 >= nodes:
        vectors = np.linalg.eigh(matrix.toarray())[1]
    else:
        values, vectors = eigsh(matrix, k=size + 1, sigma=-1e-3, v0=np.ones(nodes))
        vectors = vectors[:, np.argsort(values)]
    chosen = vectors[:, 1 : size + 1] * np.sqrt(nodes)
    if chosen.shape[1]:
        highest = chosen[np.abs(chosen).argmax(0), np.arange(chosen.shape[1])]
        chosen = chosen * np.sign(highest)
    return np.pad(chosen, ((0, 0), (0, size - chosen.shape[1])))
