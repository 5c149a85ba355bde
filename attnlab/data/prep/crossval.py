"""Cross-validation: which examples each fold trains on, validates on and tests.

Folds are fixed by `data.split_seed` and the examples themselves, never by the run's seed, so that runs with
different seeds are scored on the same examples.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attnlab.data.prep.coverage import Owners, covered
from attnlab.data.prep.splits import LEFT_OUT, TEST, TRAIN, VALIDATION, Named
from attnlab.errors import UserError, suggestion

NAMED = 12
"""Classes that a warning lists."""


@dataclass(frozen=True)
class Folds:
    """A cross-validation: its protocol in a sentence, and the keys that each fold tests and validates on."""

    protocol: str
    test: dict[str, list[str]]
    validation: dict[str, list[str]]

    @property
    def names(self) -> list[str]:
        return list(self.test)


class Folding:
    """A way of dividing n examples into folds. names: of the folds, in order. protocol: how it is done, in one sentence."""

    names: list[str]
    protocol: str

    def splits(self, name: str) -> NDArray[np.int8]:
        """(n,): TRAIN, VALIDATION, TEST or LEFT_OUT for each example when this fold is tested. Raises UserError where there is
        no such fold, or too few examples."""
        if name not in self.names:
            raise UserError(f"`data.fold={name}`: no such fold; {suggestion(name, self.names)}")
        return self._splits(name)

    def _splits(self, name: str) -> NDArray[np.int8]:
        raise NotImplementedError

    def settings(self, name: str) -> dict[str, str]:
        """See `Division`."""
        return {}

    def warnings(self) -> list[str]:
        """What the user should know of all folds."""
        return []

    def divided(self, keys: Sequence[str]) -> Folds:
        """All folds of these examples, which go by their keys."""
        test, chosen_by = dict[str, list[str]](), dict[str, list[str]]()
        for name in self.names:
            splits = self.splits(name)
            test[name] = [keys[i] for i in np.flatnonzero(splits == TEST).tolist()]
            chosen_by[name] = [keys[i] for i in np.flatnonzero(splits == VALIDATION).tolist()]
        return Folds(self.protocol, test, chosen_by)


class NumberedFolds(Folding):
    """So many folds, alike in size and in the shares of classes; the fold after the one that is tested validates.

    positions (n,): of the owner of each example, whose examples stay together. group: what owners are where they may
    have many examples, such as authors; "" for equal examples. Raises UserError where there are fewer owners than folds.
    """

    def __init__(self, number: int, positions: NDArray[np.float64], classes: Named, group: str = "") -> None:
        self.number, self.group, self._class_names = number, group, classes.names
        self._owners = Owners.of_examples(positions, classes.numbers)
        count = len(self._owners.sizes)
        if count < number:
            different = f"groups (`data.group={group}`)" if group else "examples"
            raise UserError(f"`data.folds={number}`: there are only {count} different {different}")
        fold_of_owner = self._balanced() if group else self._even(classes)
        self.fold_of = fold_of_owner[self._owners.of]
        """(n,): the number of the fold in which each example is tested."""
        self._earlier = self.fold_of if group else self._dealt(classes)[self._owners.of]
        self.names = [str(fold) for fold in range(number)]
        stratified = ", stratified by class" if len(classes.names) > 1 else ""
        together = f", with all examples of a group (`data.group={group}`) in the same fold" if group else ""
        others = f"the other {number - 2}" if number > 3 else "the third"
        self.protocol = (
            f"{number}-fold cross-validation{stratified}{together}: each fold is the test set once; the next fold is used for "
            f"validation, {others} for training"
        )

    def _even(self, classes: Named) -> NDArray[np.int64]:
        """(owners,): class after class by name, its owners in as many parts as there are folds, the largest part into the smallest
        fold. An owner of several classes is of its most frequent one.

        Within a class, large owners come first, each into the smallest part, so that parts differ by at most one owner; if folds
        differ by no more than the largest owner before a class, they do after it.
        """
        owners = self._owners
        main = replace(owners, classes=classes.ranks[owners.classes]).main_class()
        fold_of, sizes = np.empty(len(owners.sizes), dtype=np.int64), np.zeros(self.number, dtype=np.int64)
        order = np.lexsort((-owners.sizes, main))  # stable: owners are in order of positions
        for of_class in np.split(order, np.flatnonzero(np.diff(main[order])) + 1):
            parts = [(0, part) for part in range(self.number)]
            part_of = np.empty(len(of_class), dtype=np.int64)
            for i, size in enumerate(owners.sizes[of_class].tolist()):
                before, part_of[i] = parts[0]
                heapq.heapreplace(parts, (before + size, int(part_of[i])))
            part_sizes = np.bincount(part_of, owners.sizes[of_class], self.number).astype(np.int64)
            fold_of_part = np.empty(self.number, dtype=np.int64)
            fold_of_part[np.argsort(-part_sizes, kind="stable")] = np.argsort(sizes, kind="stable")
            fold_of[of_class] = fold_of_part[part_of]
            sizes[fold_of_part] += part_sizes
        return fold_of

    def _dealt(self, classes: Named) -> NDArray[np.int64]:
        """(owners,): as earlier versions did: folds in turn, class after class by name, however many examples an owner has. An
        owner of several classes is of the first of them. The same as `_even` where no two examples are equal."""
        owners, ranks = self._owners, classes.ranks
        first = np.full(len(owners.sizes), len(ranks))
        np.minimum.at(first, owners.owner, ranks[owners.classes])
        fold_of = np.empty(len(first), dtype=np.int64)
        fold_of[np.argsort(first, kind="stable")] = (
            np.arange(len(first)) % self.number
        )  # owners are in order of positions
        return fold_of

    def _balanced(self) -> NDArray[np.int64]:
        """(owners,): large ones first, each to the fold that has least of its classes, then to the smallest."""
        owners = self._owners
        totals = np.bincount(owners.classes, owners.counts)
        counts, sizes = np.zeros((len(totals), self.number)), np.zeros(self.number)
        bounds = np.searchsorted(owners.owner, np.arange(len(owners.sizes) + 1))
        fold_of = np.empty(len(owners.sizes), dtype=np.int64)
        for owner in np.argsort(-owners.sizes, kind="stable").tolist():
            own = slice(*bounds[owner : owner + 2])
            classes, added = owners.classes[own], owners.counts[own, None]
            # By how much the squared shares of its classes in a fold would grow.
            growth = (added * (2 * counts[classes] + added) / totals[classes, None] ** 2).sum(axis=0)
            fold = int(np.lexsort((sizes, np.round(growth, 12)))[0])
            fold_of[owner] = fold
            counts[classes, fold] += added[:, 0]
            sizes[fold] += owners.sizes[owner]
        return fold_of

    def _splits(self, name: str) -> NDArray[np.int8]:
        return self._split_of(self.fold_of, name)

    def _split_of(self, fold_of: NDArray[np.int64], name: str) -> NDArray[np.int8]:
        splits = np.full(len(fold_of), TRAIN, dtype=np.int8)
        splits[fold_of == (int(name) + 1) % self.number] = VALIDATION
        splits[fold_of == int(name)] = TEST
        return splits

    def settings(self, name: str) -> dict[str, str]:
        now, before = (self._split_of(fold_of, name) for fold_of in (self.fold_of, self._earlier))
        return {} if np.array_equal(now, before) else {"folds": "of even size"}

    def warnings(self) -> list[str]:
        """Which classes are too rare to be in every fold."""
        found = np.bincount(self._owners.classes, minlength=len(self._class_names))
        rare = [name for name, n in zip(self._class_names, found.tolist(), strict=True) if 0 < n < self.number]
        if not rare or len(self._class_names) < 2:
            return []
        named = ", ".join([*sorted(rare)[:NAMED], *(["…"] if len(rare) > NAMED else [])])
        has = "1 class has" if len(rare) == 1 else f"{len(rare):,} classes have"
        different = "groups" if self.group else "different examples"
        return [
            f"`data.folds={self.number}`: {has} fewer {different} than there are folds, and no example in some of them: {named}"
        ]


class OneGroupOut(Folding):
    """A fold for each group, tested on it alone; a fraction of the others' owners validates: at least one, and one of
    each class of which two are there.

    group: what groups are, such as speakers. whole: whether owners are these groups themselves; then those that follow the
    tested one validate, in a circle by hash, so that no two folds are trained on the same groups. Raises UserError for an example without a group, and for a single group.
    """

    def __init__(
        self,
        word: str,
        group: str,
        groups: Named,
        positions: NDArray[np.float64],
        classes: Named,
        validation: float,
        whole: bool = False,
    ) -> None:
        self.groups, self.positions, self.classes, self.validation = groups, positions, classes, validation
        occurring = np.bincount(groups.numbers, minlength=len(groups.names)) > 0
        self.names = [name for name, occurs in zip(groups.names, occurring, strict=True) if occurs]
        self.names.sort(key=lambda name: (len(name), name) if name.isdecimal() else (0, name))
        if len(self.names) < 2 or "" in self.names:
            raise UserError(f"`data.folds={word}`: every example needs a {group}, and there must be at least two")
        self._circle, self._validating = list[int](), 0
        selected_on = f"{100 * validation:g} % of the others' examples (by hash of the key)"
        if whole:
            first = {int(number): position for number, position in zip(groups.numbers, positions, strict=True)}
            self._circle = sorted(first, key=lambda number: first[number])
            self._validating = max(1, min(len(first) - 2, round(validation * (len(first) - 1))))
            selected_on = f"the next {self._validating}" if self._validating > 1 else "the next one"
            selected_on += " (in a fixed random order)"
        self.protocol = f"leave one {group} out: each {group} is the test set once; for validation {selected_on}, for training the others"

    def _splits(self, name: str) -> NDArray[np.int8]:
        return self._covered(self._by_hash(name))

    def settings(self, name: str) -> dict[str, str]:
        before = self._by_hash(name)
        return {} if np.array_equal(self._covered(before), before) else {"held_out": "each class"}

    def _by_hash(self, name: str) -> NDArray[np.int8]:
        """(n,): as `splits`, whatever classes there are."""
        number = list(self.groups.names).index(name)
        tested = self.groups.numbers == number
        if self._circle:
            after = self._circle.index(number) + 1
            following = [*self._circle, *self._circle][
                after : after + (self._validating if self.validation else 0)
            ]
            validates = np.isin(self.groups.numbers, following)
        else:
            validates = ~tested & (self.positions < self.validation)
        if self.validation and not validates.any():
            validates = ~tested & (self.positions == self.positions[~tested].min())
        if (validates | tested).all():
            raise UserError(
                f"`data.fold={name}`: too few different examples beside {name}'s to train and to validate on"
            )
        splits = np.full(len(tested), TRAIN, dtype=np.int8)
        splits[validates], splits[tested] = VALIDATION, TEST
        return splits

    def _covered(self, splits: NDArray[np.int8]) -> NDArray[np.int8]:
        """The same, but so that classes with two owners are in training and validation, where any example validates."""
        others = splits != TEST
        if not (splits == VALIDATION).any():
            return splits
        owners = Owners.of_examples(self.positions[others], self.classes.ranks[self.classes.numbers[others]])
        split = np.zeros(len(owners.sizes), dtype=np.int8)
        split[owners.of] = splits[others]
        found = splits.copy()
        found[others] = covered(split, owners, [VALIDATION])[owners.of]
        return found


class FoldsInTime(Folding):
    """Folds in order of time, of about the same size: each is tested by a model trained on what came before, as
    scikit-learn's TimeSeriesSplit does it, and chosen on the last part of that.

    times (n,): equal ones stay together. column: `data.time`. Raises UserError where there are too few different times.
    """

    def __init__(self, number: int, column: object, times: NDArray[np.float64], validation: float) -> None:
        _, self._period, counts = np.unique(times, return_inverse=True, return_counts=True)
        self._before = np.concatenate([[0], np.cumsum(counts)])  # examples before each of the different times
        self.validation, last, least = validation, len(counts), 2 if validation else 1
        if last < number + least:
            raise UserError(
                f"`data.folds=time:{number}`: there are only {last} different times in column `{column}`; {number} folds need "
                f"at least {number + least}"
            )
        self._starts = [least - 1]
        for fold in range(number):
            wanted = len(times) - (len(times) // (number + 1)) * (number - fold)
            self._starts.append(self._nearest(wanted, self._starts[-1] + 1, last - (number - fold)))
        self._starts = [*self._starts[1:], last]
        self.names = [str(fold) for fold in range(number)]
        self.protocol = (
            f"{number} folds in time (`data.time={column}`): each is tested by a model that was trained on what came before it, "
            f"and chosen on the last {100 * validation:g} % of that"
        )

    def _nearest(self, wanted: float, first: int, last: int) -> int:
        """The number of the time, of those from first to last, before which there are nearest to so many examples."""
        return first + int(np.abs(self._before[first : last + 1] - wanted).argmin())

    def _splits(self, name: str) -> NDArray[np.int8]:
        start, end = self._starts[int(name)], self._starts[int(name) + 1]
        splits = np.full(len(self._period), LEFT_OUT, dtype=np.int8)
        splits[self._period < start] = TRAIN
        if self.validation:
            wanted = (1 - self.validation) * self._before[start]
            splits[(self._period >= self._nearest(wanted, 1, start - 1)) & (self._period < start)] = VALIDATION
        splits[(self._period >= start) & (self._period < end)] = TEST
        return splits
