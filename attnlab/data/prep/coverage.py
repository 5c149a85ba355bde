"""Classes in splits: each that has enough examples is in every one, and which are missing is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnlab.data.prep.splits import TEST, TRAIN
from attnlab.spec import Target

NAMED = 12
"""Missing classes that a warning names."""


@dataclass(frozen=True)
class Owners:
    """Whose examples stay together, in order of their positions, and which classes these have.

    of (n,): the owner of each example. sizes (owners,): examples of each. owner, classes, counts (p,): each owner with each
    of its classes, in order, and how many of its examples are of this class.
    """

    of: NDArray[np.int64]
    sizes: NDArray[np.int64]
    owner: NDArray[np.int64]
    classes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of_examples(cls, positions: NDArray[np.float64], classes: NDArray[np.int64]) -> "Owners":
        """positions: of the owner of each example. classes: the number of its class, from 0."""
        _, of, sizes = np.unique(positions, return_inverse=True, return_counts=True)
        of, number = of.reshape(-1), int(classes.max(initial=0)) + 1
        pairs, counts = np.unique(of * number + classes, return_counts=True)
        return cls(of, sizes, pairs // number, pairs % number, counts)

    def main_class(self) -> NDArray[np.int64]:
        """(owners,): the most frequent class of each, of equally frequent ones the lowest."""
        order = np.lexsort((self.classes, -self.counts, self.owner))
        first = np.flatnonzero(np.diff(self.owner[order], prepend=-1))
        return self.classes[order[first]]


def covered(split: NDArray[np.int8], owners: Owners, held_out: Sequence[int]) -> NDArray[np.int8]:
    """The split of each owner, changed so that every class with at least as many owners as there are splits is in each.

    held_out: the splits besides TRAIN. Where a class is missing, its smallest owner that leaves no gap behind is moved: of
    equally small ones the first by position, for TEST the last. Owners of several classes may make that impossible.
    """
    moves = _Moves(split.copy(), owners, 1 + len(held_out))
    for wanted in (TRAIN, *held_out):
        for number in np.flatnonzero(moves.enough & (moves.counts[:, wanted] == 0)).tolist():
            moves.fill(number, wanted)
    return moves.split


class _Moves:
    """Owners moved from split to split. counts (C, 3): owners of each class in each split; enough (C,): whether a class has
    as many as there are splits."""

    def __init__(self, split: NDArray[np.int8], owners: Owners, splits: int) -> None:
        self.split, self.owners = split, owners
        self.counts = np.zeros((int(owners.classes.max(initial=0)) + 1, 3), dtype=np.int64)
        np.add.at(self.counts, (owners.classes, split[owners.owner]), 1)
        self.enough = self.counts.sum(axis=1) >= splits
        self._by_class = np.argsort(owners.classes, kind="stable")
        self._of_class = np.searchsorted(owners.classes[self._by_class], np.arange(len(self.counts) + 1))
        self._of_owner = np.searchsorted(owners.owner, np.arange(len(split) + 1))

    def fill(self, number: int, wanted: int) -> None:
        """Moves an owner of this class into the wanted split, unless one is there already, or none can go."""
        first, last = self._of_class[number : number + 2]
        members = self.owners.owner[self._by_class[first:last]].tolist()
        able = [] if self.counts[number, wanted] else [owner for owner in members if self._can_go(owner)]
        if not able:
            return
        direction = -1 if wanted == TEST else 1
        chosen = min(able, key=lambda owner: (self.owners.sizes[owner], direction * owner))
        classes = self._classes(chosen)
        self.counts[classes, self.split[chosen]] -= 1
        self.counts[classes, wanted] += 1
        self.split[chosen] = wanted

    def _classes(self, owner: int) -> NDArray[np.int64]:
        return self.owners.classes[self._of_owner[owner] : self._of_owner[owner + 1]]

    def _can_go(self, owner: int) -> bool:
        """Whether its split keeps another owner of each of its classes that must stay there."""
        classes, here = self._classes(owner), self.split[owner]
        needed = classes if here == TRAIN else classes[self.enough[classes]]
        return bool((self.counts[needed, here] > 1).all())


def missing_classes(target: Target, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A warning for each split besides training in which classes that were learned don't occur; counts: of each split, how
    often each label occurs."""
    learned = [name for name, n in zip(target.classes, target.counts, strict=True) if n]
    warnings = []
    for split, labels in counts.items():
        missing = [name for name in learned if not labels.get(name)]
        if missing and split != "train":
            have = "class has" if len(missing) == 1 and len(learned) == 1 else "classes have"
            have = "classes has" if len(missing) == 1 < len(learned) else have
            named = ", ".join([*missing[:NAMED], *(["…"] if len(missing) > NAMED else [])])
            part = f"{len(missing):,} of {len(learned):,} {have} no example in the {split} split"
            warnings.append(f"{part}: {named}")
    return warnings
