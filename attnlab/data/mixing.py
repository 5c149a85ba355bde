"""Which batches of which part form an update, where a run learns several tasks, each from its own data.

A pure function of (seed, epoch, lengths) of each part, as batches are; nothing has to be remembered of a mixture.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from attnlab.data.prep.batching import Batching, Indices


@dataclass(frozen=True)
class Draw:
    """One batch: (B,) numbers of examples of a part, in one of its epochs."""

    part: str
    epoch: int
    indices: Indices


Group = list[Draw]
"""The batches of one update: parts by name, of each its batches in order."""


class Mixture:
    """Several parts, of each of which every update has a fixed number of batches.

    The largest part, which takes most updates to go through, sets the epoch: its batches are those of its own epoch, and the last
    update has what is left of them. The others go round: batch k of a part of which an update has n is, in update u, number
    u · n + k of its endless sequence of epochs.

    batchings: by name. accumulate: batches of an update, one of each part at least. mixing: see `shares`.
    """

    def __init__(self, batchings: Mapping[str, Batching], accumulate: int, mixing: float = 1.0) -> None:
        self.batchings = dict(sorted(batchings.items()))
        self.sizes = {name: len(batching.epoch(0)) for name, batching in self.batchings.items()}
        self.shares = shares(self.sizes, accumulate, mixing)
        self.largest = max(self.sizes, key=lambda name: -(-self.sizes[name] // self.shares[name]))

    @property
    def batches_per_epoch(self) -> int:
        """Those of the largest part, which `cursor` counts."""
        return self.sizes[self.largest]

    def updates(self, cursor: int = 0) -> int:
        """How many an epoch has after its first `cursor` batches of the largest part."""
        return -(-(self.batches_per_epoch - cursor) // self.shares[self.largest])

    def done_by(self, group: Group) -> int:
        """The batches of the largest part in a group."""
        return sum(draw.part == self.largest for draw in group)

    def groups(self, epoch: int, cursor: int = 0) -> list[Group]:
        """Those of one epoch after its first `cursor` batches of the largest part."""
        first = epoch * self.updates() + self.updates() - self.updates(cursor)
        rest = self.batchings[self.largest].epoch(epoch)[cursor:]
        count = self.shares[self.largest]
        endless = {name: self._from(name, first) for name in self.batchings if name != self.largest}
        groups = []
        for start in range(0, len(rest), count):
            leading = [Draw(self.largest, epoch, indices) for indices in rest[start : start + count]]
            others = {name: [next(draws) for _ in range(self.shares[name])] for name, draws in endless.items()}
            groups.append([draw for name in self.batchings for draw in others.get(name, leading)])
        return groups

    def _from(self, name: str, update: int) -> Iterator[Draw]:
        """The endless sequence of a part, from this update on."""
        epoch, cursor = divmod(update * self.shares[name], self.sizes[name])
        while True:
            for indices in self.batchings[name].epoch(epoch)[cursor:]:
                yield Draw(name, epoch, indices)
            epoch, cursor = epoch + 1, 0


def shares(sizes: Mapping[str, int], accumulate: int, mixing: float) -> dict[str, int]:
    """How many batches of each part an update has, `accumulate` in all: one at least, else proportional to size ** mixing, by
    largest remainder. mixing: 1 as their sizes are, 0 equally many (the exponent of Arivazhagan et al. 2019, section 3.2, whose
    temperature is 1 / mixing). sizes: batches of each, at least one. Raises ValueError for fewer batches than parts."""
    if accumulate < len(sizes):
        raise ValueError(f"{len(sizes)} parts in {accumulate} batches")
    whole = sum(size**mixing for size in sizes.values())
    wanted = {name: accumulate * sizes[name] ** mixing / whole for name in sorted(sizes)}
    found = {name: max(1, int(number)) for name, number in wanted.items()}
    while (missing := accumulate - sum(found.values())) != 0:
        if missing > 0:
            found[max(found, key=lambda name: wanted[name] - found[name])] += 1
        else:  # small parts have more than they would, so large ones have less
            several = [name for name in found if found[name] > 1]
            found[max(several, key=lambda name: found[name] - wanted[name])] -= 1
    return found
