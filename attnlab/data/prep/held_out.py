"""Who is held out of the training examples: by the examples alone, whatever their order in a file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnlab.data.prep.coverage import Owners, covered
from attnlab.data.prep.splits import NAMES, Named, position, positions_of, split_rows
from attnlab.errors import UserError

NOTABLE = 1.1
"""How many times its fraction a split may have of all examples without a warning; one example more is never told."""


@dataclass(frozen=True)
class Division:
    """Which of n examples are held out. splits (n,): their numbers in NAMES.

    settings: a part of the fingerprint where earlier versions held out others: a run that they began isn't continued.
    """

    splits: NDArray[np.int8]
    settings: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def divide(
    positions: NDArray[np.float64],
    classes: NDArray[np.int64],
    names: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
    stratified: bool = True,
) -> Division:
    """Holds out a fraction of the examples for each split named.

    positions (n,): of the owner of each example; examples of one owner stay together. classes (n,): the number of each
    one's class in `names`; by default, classes are held out in proportion. Whether or not, each class with as many
    owners as there are splits is in all of them, if that needs more than the fraction, too.
    """
    validation, test = (fractions.get(name, 0.0) for name in NAMES[1:])
    alike = np.zeros_like(classes)
    before = split_rows(positions, classes if stratified else alike, validation, test)
    if len(names) < 2:
        return Division(before)
    # Classes are in order of a hash of their names, so that neither the file nor the alphabet prefers any.
    ranks = np.argsort(np.argsort([position(name, seed) for name in names]))
    owners = Owners.of_examples(positions, ranks[classes])
    strata = owners.main_class()[owners.of] if stratified else alike
    shares = split_rows(positions, strata, validation, test)
    split = np.zeros(len(owners.sizes), dtype=np.int8)
    split[owners.of] = shares
    splits = covered(split, owners, [NAMES.index(name) for name in fractions])[owners.of]
    settings = {} if np.array_equal(splits, before) else {"held_out": "each class"}
    return Division(splits, settings, _beyond(fractions, shares, splits))


def _beyond(fractions: Mapping[str, float], shares: NDArray[np.int8], splits: NDArray[np.int8]) -> list[str]:
    """A warning for each split that is larger than its fraction because of small classes. shares: without their due."""
    warnings = []
    for name, fraction in fractions.items():
        number, share = (int((found == NAMES.index(name)).sum()) for found in (splits, shares))
        if number > share + 1 and number > NOTABLE * fraction * len(splits):
            part = (
                f"the {name} split has {number:,} of {len(splits):,} examples, more than data.{name}={fraction:g}"
            )
            least = 1 + len(fractions)
            warnings.append(f"{part}, so that each class with at least {least} different examples is in it")
    return warnings


def divide_named(
    owners: Sequence[str],
    labels: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
    stratified: bool = True,
) -> Division:
    """The same, by the name of each example's owner and class; labels may be "" throughout."""
    classes = Named.of(labels)
    return divide(positions_of(owners, seed), classes.numbers, classes.names, fractions, seed, stratified)


def refuse_shared_groups(group: object, groups: Mapping[str, Iterable[str]], otherwise: str = "") -> None:
    """Raises UserError where one group is in two of the splits that data come with.

    group: `data.group`. groups: those of each split. otherwise: what else may be done.
    """
    split_of: dict[str, str] = {}
    for split, names in groups.items():
        for name in names:
            if split_of.setdefault(name, split) != split:
                raise UserError(
                    f"`data.group={group}`: `{name}` is in the {split_of[name]} and in the {split} split that the data come "
                    f"with; put all examples of `{name}` into one of them, or set data.group=null{otherwise}"
                )
