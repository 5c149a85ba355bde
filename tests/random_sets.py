"""Random packed sets of vectors with coordinates and edges, for every test of attention."""

from itertools import pairwise

import torch
from hypothesis import strategies as st

from attnlab.config import AttentionEncoder
from attnlab.model.attention.positions import Position, position_of
from attnlab.sets import VectorSets

lengths = st.lists(st.integers(1, 9), min_size=1, max_size=5)
seeds = st.integers(0, 2**16)


def vector_sets(
    lengths,
    seed=0,
    num_coords=1,
    width=8,
    edge_features=0,
    edges=True,
    shuffled=False,
    chance=0.3,
    repeated=True,
) -> VectorSets:
    """Sets on a line (P=1) or a grid of three columns (P=2); with `shuffled`, rows stand in any order within a set. Edges
    lead from some vectors to themselves, and with `repeated` every other pair has a second one."""
    random = torch.Generator().manual_seed(seed)
    parts = []
    for length in lengths:
        row = torch.randperm(length, generator=random) if shuffled else torch.arange(length)
        coords = torch.stack([row // 3, row % 3] if num_coords == 2 else [row], dim=1).float()
        pair = (torch.rand(length, length, generator=random) < chance).nonzero().T if edges else None
        pair = torch.cat([pair, pair[:, ::2]], dim=1) if edges and repeated else pair
        parts.append(
            VectorSets.of(
                torch.randn(length, width, generator=random),
                coords=coords if num_coords else None,
                edges=pair,
                edge_values=torch.randn(pair.shape[1], edge_features, generator=random)
                if edges and edge_features
                else None,
            )
        )
    return VectorSets.collate(parts)


def position(word: str, num_coords: int = 1, **keys) -> Position:
    return position_of(encoder_config(position=word, **keys), num_coords)


def encoder_config(**keys) -> AttentionEncoder:
    return AttentionEncoder(
        **{"position": "rotary", "width": 8, "heads": 2, "depth": 1, "dropout": 0.0, "max_position": 64} | keys
    )


def permuted(sets: VectorSets, seed: int) -> tuple[VectorSets, torch.Tensor]:
    """The same sets with their rows in another order, and the order: new row i was row order[i]."""
    random = torch.Generator().manual_seed(seed)
    starts = sets.layout.starts
    order = torch.cat([
        start + torch.randperm(stop - start, generator=random)
        for start, stop in pairwise(starts)
    ])  # fmt: skip
    new_row = torch.argsort(order)
    return VectorSets(
        sets.values[order],
        sets.layout,
        coords=None if sets.coords is None else sets.coords[order],
        edges=None if sets.edges is None else new_row[sets.edges],
        edge_values=sets.edge_values,
    ), order
