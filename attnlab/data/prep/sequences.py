"""Tokens of text as sets with the token's number as coordinate: sources, and targets that are sequences."""

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.codec import END_ID
from attnlab.data.prep.arrow import Ragged
from attnlab.data.prep.batching import Indices
from attnlab.sets import Layout, VectorSets


class Sequences:
    """Targets: each ends with `</s>` and does not begin with `<s>`. lengths: (n,) ids of each, `</s>` included."""

    def __init__(self, ids: Ragged | list[NDArray[np.int32]], lengths: NDArray[np.int64]) -> None:
        self._ids, self.lengths = ids, lengths + 1

    def take(self, indices: Indices) -> VectorSets:
        """(B,) numbers of texts -> their ids (M,), packed; coords (M, 1)."""
        end = np.array([END_ID], dtype=np.int32)
        values = np.concatenate([part for i in indices.tolist() for part in (self._ids[i], end)])
        return tokens_in_order(values, self.lengths[indices])


def tokens_in_order(ids: NDArray[np.int32], lengths: NDArray[np.int64]) -> VectorSets:
    """(N,) ids of texts with these lengths (B,), end to end -> packed; coords (N, 1)."""
    layout = Layout.of(lengths.tolist())
    return VectorSets(torch.from_numpy(ids.astype(np.int64)), layout, layout.position[:, None].float())
