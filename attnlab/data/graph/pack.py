"""Graphs as packed sets of nodes, with the edges between them."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.sets import Layout, VectorSets
from attnlab.spec import Vocabulary


def packed(
    values: NDArray[np.float32], layout: Layout, edges: NDArray[np.int64], num_edges: NDArray[np.int64],
    edge_values: NDArray[np.float32] | None,
) -> VectorSets:  # fmt: skip
    """(N, F) values of the nodes of B graphs and (E, 2) their edges, nodes counted within each graph -> their sets. num_edges:
    (B,) of each graph; edge_values: (E, …), or None where edges have none."""
    rows = edges + np.repeat(np.array(layout.starts[:-1], dtype=np.int64), num_edges)[:, None]
    of_edges = None if edge_values is None else torch.from_numpy(edge_values)
    links = torch.from_numpy(rows.T.copy())
    return VectorSets(torch.from_numpy(values), layout, edges=links, edge_values=of_edges)


def num_names(vocabularies: Mapping[str, Vocabulary], part: str) -> int:
    """How many names of nodes, or of edges, were learned."""
    return len(vocabularies[part]) - 1 if part in vocabularies else 0


def one_hot(names: Sequence[str], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """(names of the data, names that were learned)."""
    return np.eye(len(vocabulary), dtype=np.float32)[vocabulary.encode(names)][:, 1:]
