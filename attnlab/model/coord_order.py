"""The order of vectors along their coordinates, worked out on the host.

Results are tensors on the host; callers move them to the vectors' device.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnlab.sets import VectorSets


@dataclass(frozen=True, eq=False)
class Order:
    """The rows of packed sets in reading order, set after set: by the first coordinate, then by the next.

    In that order: rows (N,) their numbers, or None where they already stand so; sets (N,) and coords (N, P) of each.
    """

    rows: Tensor | None
    sets: Tensor
    coords: Tensor

    @classmethod
    def of(cls, sets: VectorSets) -> "Order":
        """The order of sets that have coordinates."""
        coords = sets.known_coords
        assert coords is not None
        index = torch.repeat_interleave(torch.tensor(sets.lengths, dtype=torch.int64))
        coords = coords.to(index.device)
        if _stand_in_order(index, coords):
            return cls(None, index, coords)
        rows = torch.arange(len(index))
        for key in (*reversed(coords.unbind(1)), index):  # stable sorts, the most significant key last
            rows = rows[torch.argsort(key[rows], stable=True)]
        return cls(rows, index[rows], coords[rows])

    @cached_property
    def strict(self) -> bool:
        """Whether the rows already stand in this order, and no two vectors of a set share their first coordinate."""
        first = self.coords[:, 0]
        return self.rows is None and bool(((first[1:] > first[:-1]) | (self.sets[1:] != self.sets[:-1])).all())

    def stretch(self, radius: float) -> tuple[Tensor, Tensor]:
        """(N,), (N,): for each vector in order, the first vector of its set that is within `radius` along the first
        axis, and the one after the last; by a padded radius, see `_line`."""
        line, radius = self._line(radius)
        return torch.searchsorted(line, line - radius), torch.searchsorted(line, line + radius, right=True)

    def reach(self, radius: float) -> int:
        """By how many rows, in order, vectors within `radius` are apart at most; by a padded radius, see `_line`."""
        line, radius = self._line(radius)
        stop = torch.searchsorted(line, line + radius, right=True)
        return int((stop - torch.arange(len(line))).max()) - 1 if len(line) else 0

    def _line(self, radius: float) -> tuple[Tensor, float]:
        """(N,): all first coordinates on one line, the sets farther apart than the radius; and the radius, padded by
        1e-6 against rounding: callers filter the pairs exactly."""
        first = self.coords[:, 0].double()
        radius += 1e-6 * (1 + radius)
        gap = (first.max() - first.min() + 2 * radius + 1) if len(first) else 0
        return self.sets * gap + first, radius


def _stand_in_order(index: Tensor, coords: Tensor) -> bool:
    """Whether all rows stand in order of their set, then of their first coordinate, then of the next."""
    in_order = torch.ones(max(0, len(index) - 1), dtype=torch.bool)
    for key in (*reversed(coords.unbind(1)), index):
        before, after = key[:-1], key[1:]
        in_order = (before < after) | (before == after) & in_order
    return bool(in_order.all())
