"""Where vectors stand in relation to each other, worked out on the host from their coordinates.

Answers are tensors on the host; whoever plans with them moves them to where the vectors live.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnlab.sets import VectorSets


@dataclass(frozen=True, eq=False)
class Order:
    """The rows of packed sets in reading order, set after set: by the first coordinate, then by the next.

    rows: (N,) row numbers in that order, or None where the vectors already stand so.
    sets: (N,) the set of each, in that order; coords: (N, P) its place, in that order.
    """

    rows: Tensor | None
    sets: Tensor
    coords: Tensor

    @classmethod
    def of(cls, sets: VectorSets) -> "Order":
        coords = sets.known_coords
        assert coords is not None
        index = torch.repeat_interleave(torch.tensor(sets.lengths, dtype=torch.int64))
        coords = coords.to(index.device)
        rows = torch.arange(len(index))
        for key in (*reversed(coords.unbind(1)), index):  # stable sorts, the weightiest key last
            if bool((key[rows[1:]] < key[rows[:-1]]).any()):
                rows = rows[torch.argsort(key[rows], stable=True)]
        if bool((rows[1:] > rows[:-1]).all()):
            return cls(None, index, coords)
        return cls(rows, index[rows], coords[rows])

    @cached_property
    def strict(self) -> bool:
        """Whether no two vectors of a set share their first coordinate."""
        first = self.coords[:, 0]
        return bool(((first[1:] > first[:-1]) | (self.sets[1:] != self.sets[:-1])).all())

    def stretch(self, radius: float) -> tuple[Tensor, Tensor]:
        """(N,), (N,): for each vector in order, the first vector of its set that is no farther than `radius` along
        the first axis, and the one after the last."""
        first = self.coords[:, 0].double()
        slack = 1e-6 * (1 + radius)  # never too few; who needs exact pairs asks the scope about each
        apart = (first.max() - first.min() + 2 * radius + 1) if len(first) else 0
        line = self.sets * apart + first  # sets farther apart than any radius reaches
        return (
            torch.searchsorted(line, line - radius - slack),
            torch.searchsorted(line, line + radius + slack, right=True),
        )

    def reach(self, radius: float) -> int:
        """How many rows away, in order, the farthest vector within `radius` stands."""
        start, stop = self.stretch(radius)
        place = torch.arange(len(start))
        return int(torch.maximum(place - start, stop - 1 - place).max()) if len(place) else 0
