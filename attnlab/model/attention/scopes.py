"""Who may look at whom?

A scope answers for pairs of vectors; kernels ask it once per batch and keep the answer in their plan.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnlab.sets import VectorSets


@dataclass(frozen=True)
class Full:
    """Every vector of the set."""

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        """(Lq, Lk) bool, for one set of each: True where the query may look at the key."""
        return torch.ones(len(queries.values), len(keys.values), dtype=torch.bool, device=keys.values.device)


SCOPES = {"full": Full}
