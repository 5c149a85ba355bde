"""Sets with vectors taken out of them: what is left keeps its coordinates, so that there are gaps where vectors were."""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.sets import Layout, VectorSets

Kept = Sequence[int] | NDArray[np.int64]
"""Numbers of the vectors of a set that stay in it."""


def joined(kept: Sequence[Kept]) -> NDArray[np.int64]:
    """What several sets keep, end to end: (N,)."""
    return np.concatenate([np.zeros(0, dtype=np.int64), *(np.asarray(one, dtype=np.int64) for one in kept)])


def without(single: VectorSets, kept: Sequence[Kept]) -> VectorSets:
    """One set (L, …), and of each of B new ones which vectors it keeps, in any order -> these B sets (N, …).

    No vector, mark or grey patch takes the place of one that is taken out. An edge stays where both its nodes do; parts stay
    what the remaining vectors are made of. All vectors kept B times are B copies of the set.
    """
    assert len(single) == 1, "of one set"
    device, lengths = single.values.device, [len(vectors) for vectors in kept]
    host_rows = torch.from_numpy(joined(kept))
    layout, rows = Layout.of(lengths).to(device), host_rows.to(device)
    edges = edge_values = None
    if single.edges is not None:
        # (B, L): the new row of each vector, −1 where it is taken out.
        new = np.full((len(kept), len(single.values)), -1, dtype=np.int64)
        for row, (vectors, start) in enumerate(zip(kept, accumulate(lengths, initial=0), strict=False)):
            new[row, np.asarray(vectors, dtype=np.int64)] = np.arange(start, start + len(vectors))
        ends = torch.from_numpy(new).to(device)[:, single.edges]  # (B, 2, E)
        of_set, stays = (ends >= 0).all(1).nonzero(as_tuple=True)
        edges = ends[of_set, :, stays].T.contiguous()
        edge_values = None if single.edge_values is None else single.edge_values[stays]
    return VectorSets(
        single.values.index_select(0, rows),
        layout,
        None if single.coords is None else single.coords.index_select(0, rows),
        edges,
        edge_values,
        single.parts,
        None if single.part_index is None else single.part_index.index_select(0, rows),
        None if single.host_coords is None else single.host_coords.index_select(0, host_rows),
    )
