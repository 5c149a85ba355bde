"""What tells a node's role in its graph, worked out from the edges alone, in both directions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LARGE = 1500
"""Nodes from which sparse matrices are used."""


def width(structures: Sequence[tuple[str, int]]) -> int:
    """How many numbers a node gets."""
    return sum(size for _, size in structures)


def described(nodes: int, edges: NDArray[np.int64], structures: Sequence[tuple[str, int]]) -> NDArray[np.float32]:
    """(L, width): all of them side by side. edges: (2, E)."""
    from scipy.sparse import coo_matrix

    one, other = edges[:, edges[0] != edges[1]]
    table = coo_matrix(
        (np.ones(2 * len(one)), (np.r_[one, other], np.r_[other, one])), shape=(nodes, nodes)
    ).tocsr()
    table.data[:] = 1.0  # however often an edge is listed
    makers = {"laplacian": laplacian, "random_walk": random_walk, "degree": degree, "size": size_of_graph}
    columns = [makers[kind](table, size) for kind, size in structures]
    return np.concatenate([np.zeros((nodes, 0)), *columns], axis=1).astype(np.float32)


def degree(table: "object", size: int = 1) -> Array:
    """(L, 1): the number of neighbours, as log(1 + n)."""
    return np.log1p(np.asarray(table.sum(1)))  # type: ignore[attr-defined]


def size_of_graph(table: "object", size: int = 1) -> Array:
    """(L, 1): the number of nodes, as its logarithm, the same for all: readouts that average forget it."""
    nodes = table.shape[0]  # type: ignore[attr-defined]
    return np.full((nodes, 1), np.log(nodes))


def random_walk(table: "object", size: int) -> Array:
    """(L, size): the chances to be back after 1, 2, … steps to random neighbours (Dwivedi et al. 2022, eq. 5)."""
    from scipy.sparse import diags

    neighbours = np.asarray(table.sum(1)).ravel()  # type: ignore[attr-defined]
    step = diags(1 / np.maximum(neighbours, 1)) @ table
    if len(neighbours) < LARGE:
        step = step.toarray()
    walk, found = step, []
    for number in range(size):
        walk = walk @ step if number else walk
        found.append(walk.diagonal())
    return np.stack(found, axis=1)


def laplacian(table: "object", size: int) -> Array:
    """(L, size): the eigenvectors of the normalised Laplacian to its smallest eigenvalues, but for the first
    (Dwivedi & Bresson 2021, section 2.1), of mean square 1; a small graph's missing ones are 0.

    Their signs mean nothing: here the largest entry is positive. Where eigenvalues are equal, any turned basis of
    their vectors would do as well, so that renumbering the nodes of a symmetric graph may turn it.
    """
    from scipy.sparse import diags, identity
    from scipy.sparse.linalg import eigsh

    nodes = table.shape[0]  # type: ignore[attr-defined]
    root = diags(1 / np.sqrt(np.maximum(np.asarray(table.sum(1)).ravel(), 1)))  # type: ignore[attr-defined]
    matrix = identity(nodes) - root @ table @ root
    if nodes < LARGE or size + 2 >= nodes:
        vectors = np.linalg.eigh(matrix.toarray())[1]
    else:
        values, vectors = eigsh(matrix, k=size + 1, sigma=-1e-3, v0=np.ones(nodes))
        vectors = vectors[:, np.argsort(values)]
    chosen = vectors[:, 1 : size + 1] * np.sqrt(nodes)
    if chosen.shape[1]:
        highest = chosen[np.abs(chosen).argmax(0), np.arange(chosen.shape[1])]
        chosen = chosen * np.sign(highest)
    return np.pad(chosen, ((0, 0), (0, size - chosen.shape[1])))
