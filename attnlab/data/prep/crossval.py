"""Cross-validation: which examples each fold trains on, validates on and tests.

Folds are fixed by `data.split_seed` and the examples themselves, never by the run's seed, so that runs with
different seeds are scored on the same examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnlab.data.prep.coverage import Owners, covered
from attnlab.data.prep.splits import VALIDATION, held_out, position
from attnlab.errors import UserError, suggestion


@dataclass(frozen=True)
class Folds:
    """A cross-validation: its protocol in a sentence, and the keys that each fold tests and validates on."""

    protocol: str
    test: dict[str, list[str]]
    validation: dict[str, list[str]]

    @property
    def names(self) -> list[str]:
        return list(self.test)


def divided(
    folds: str,
    keys: Sequence[str],
    owners: Sequence[str],
    labels: Sequence[str],
    groups: Sequence[str],
    validation: float,
    seed: int,
) -> Folds:
    """All folds of these examples, which go by their keys. owners: examples of one stay together."""
    assigned = assign(folds, owners, labels, groups, seed)
    test, chosen_by = {}, {}
    for name in fold_names(assigned):
        splits = fold_splits(folds, name, assigned, owners, validation, seed, labels)
        test[name] = [key for key, split in zip(keys, splits, strict=True) if split == "test"]
        chosen_by[name] = [key for key, split in zip(keys, splits, strict=True) if split == "validation"]
    return Folds(protocol(folds, validation), test, chosen_by)


def assign(
    folds: str, owners: Sequence[str], labels: Sequence[str], groups: Sequence[str], seed: int
) -> list[str]:
    """The fold in which each example is tested.

    folds: a number, of folds that have each label equally often, with an owner's examples in the same one; otherwise the
    name of the groups (`speaker`): a fold for each group, tested on it alone. Raises UserError where there are too few.
    """
    if not folds.isdecimal():
        if len(set(groups)) < 2 or "" in groups:
            raise UserError(f"`data.folds={folds}`: every example needs a {folds}, and there must be at least two")
        return list(groups)
    number = int(folds)
    if len(set(owners)) < number:
        raise UserError(f"`data.folds={folds}`: there are only {len(set(owners))} different examples")
    # By label, then by a seeded hash; one after the other, across labels, so that folds are equal in size, too.
    order = sorted(range(len(owners)), key=lambda i: (labels[i], position(owners[i], seed), owners[i]))
    fold_of: dict[str, str] = {}
    for i in order:
        fold_of.setdefault(owners[i], str(len(fold_of) % number))
    return [fold_of[owner] for owner in owners]


def fold_names(assigned: Sequence[str]) -> list[str]:
    """Every fold, in order."""
    return sorted(set(assigned), key=lambda name: (len(name), name) if name.isdecimal() else (0, name))


def fold_splits(
    folds: str,
    fold: str,
    assigned: Sequence[str],
    owners: Sequence[str],
    validation: float,
    seed: int,
    labels: Sequence[str] | None = None,
) -> list[str]:
    """train, validation or test for each example when `fold` is tested.

    Of numbered folds, the next one is for validation; of groups, which are few, a fraction of the others' examples, at
    least one, and one of each label of which two are there. Raises UserError where there is no such fold, or too few
    examples.
    """
    names = fold_names(assigned)
    if fold not in names:
        raise UserError(f"`data.fold={fold}`: no such fold; {suggestion(fold, names)}")
    if folds.isdecimal():
        following = names[(names.index(fold) + 1) % len(names)]
        return ["test" if name == fold else "validation" if name == following else "train" for name in assigned]
    others = {owner for name, owner in zip(assigned, owners, strict=True) if name != fold}
    chosen = {owner for owner in others if held_out(owner, validation, seed)}
    if validation and not chosen:
        chosen = {min(others, key=lambda owner: position(owner, seed))}
    if chosen == others:
        raise UserError(
            f"`data.fold={fold}`: too few different examples beside {fold}'s to train and to validate on"
        )
    if chosen and labels is not None:
        chosen = _of_each_label(
            chosen, [pair for name, *pair in zip(assigned, owners, labels, strict=True) if name != fold], seed
        )
    of_others = ["validation" if owner in chosen else "train" for owner in owners]
    return ["test" if name == fold else other for name, other in zip(assigned, of_others, strict=True)]


def _of_each_label(chosen: set[str], others: Sequence[Sequence[str]], seed: int) -> set[str]:
    """The owners that validate, so that labels with two owners are in training, too. others: (owner, label) of each example."""
    numbers = {label: number for number, label in enumerate(sorted({label for _, label in others}))}
    positions = np.array([position(owner, seed) for owner, _ in others])
    owners = Owners.of_examples(positions, np.array([numbers[label] for _, label in others]))
    split = np.zeros(len(owners.sizes), dtype=np.int8)
    split[owners.of] = [VALIDATION * (owner in chosen) for owner, _ in others]
    validates = covered(split, owners, [VALIDATION])[owners.of] == VALIDATION
    return {owner for (owner, _), is_chosen in zip(others, validates.tolist(), strict=True) if is_chosen}


def protocol(folds: str, validation: float) -> str:
    """How a cross-validation is done, in one sentence."""
    if folds.isdecimal():
        return (
            f"{folds}-fold cross-validation, stratified by label: each fold is tested by a model that was trained on "
            f"the other {int(folds) - 2} and chosen on the fold after it"
        )
    return (
        f"leave one {folds} out: each {folds} is tested by a model trained on the others, "
        f"and chosen on {100 * validation:g} % of the others' examples, by hash of the key"
    )
