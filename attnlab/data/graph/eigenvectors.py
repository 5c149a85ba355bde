"""Eigenvectors of large sparse matrices, the same in every run."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[np.float64]
STEPS = 4
"""Powers of the inverse in one search."""
SEARCHES = 200
"""At most; where eigenvalues lie so close that these don't tell their vectors apart, no one else can either."""
TOLERANCE = 1e-6
"""How far a vector may be from an eigenvector, as a part of its eigenvalue."""


def smallest_eigenvectors(laplacian: "csr_matrix", count: int, first: Array) -> Array:
    """(L, at most count): the eigenvectors of a connected graph's normalised Laplacian to its smallest eigenvalues, but
    for the `first` (L,), which is known.

    Powers of the inverse are applied to a block of vectors until it spans the wanted ones (Saad 2011, chapter 6). Unlike
    a single vector, a block finds all vectors of an eigenvalue that several have, as in a star or a ring, and it starts
    from numbers that are always the same.
    """
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    nodes = len(first)
    first = (first / np.linalg.norm(first))[:, None]
    count = min(count, nodes - 1)
    width = min(count + max(8, count // 2), nodes - 1)
    # Shifted a little, because the matrix itself has no inverse; less than what separates a long path's eigenvalues.
    inverse = splu((laplacian + identity(nodes) / nodes**2).tocsc())
    block = np.random.default_rng(0).standard_normal((nodes, width))
    for _ in range(SEARCHES):
        basis = _powers(inverse.solve, _without(first, block), first)
        # The first eigenvector is moved beyond the largest eigenvalue, 2.
        applied = laplacian @ basis + 3 * first @ (first.T @ basis)
        values, turned = np.linalg.eigh(basis.T @ applied)
        block = basis @ turned[:, :width]
        errors = np.linalg.norm(applied @ turned[:, :count] - block[:, :count] * values[:count], axis=0)
        if (errors <= TOLERANCE * np.abs(values[:count]) + 1e-13).all():
            break
    return np.asarray(block[:, :count])


def _powers(solve: Callable[[Array], Array], block: Array, first: Array) -> Array:
    """An orthonormal basis of the block and what `solve` makes of it, `STEPS` times over."""
    blocks = [np.linalg.qr(block)[0]]
    for _ in range(STEPS):
        following = _without(first, solve(blocks[-1]))
        for _ in range(2):  # once leaves what rounding put back
            for other in blocks:
                following = _without(other, following)
        blocks.append(np.linalg.qr(following)[0])
    return np.linalg.qr(np.concatenate(blocks, axis=1))[0]


def _without(basis: Array, vectors: Array) -> Array:
    """The vectors less what lies in the span of an orthonormal basis."""
    return vectors - basis @ (basis.T @ vectors)
