"""Which examples are trained on, which validate and which test: for every modality, from a few facts about each example."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnlab.config.data.base import CrossValidated
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.crossval import Folding, Folds, FoldsInTime, NumberedFolds, OneGroupOut
from attnlab.data.prep.held_out import Division, divide, refuse_shared_groups
from attnlab.data.prep.splits import NAMES, TRAIN, Named, lacking, limited, too_few
from attnlab.errors import UserError


@dataclass(frozen=True)
class Chosen:
    """The numbers of the examples in each split; settings and warnings as those of a `Division`. held_out: splits that were
    taken from examples which the data don't give for them."""

    rows: dict[str, Indices]
    settings: dict[str, str]
    warnings: list[str]
    held_out: frozenset[str]


@dataclass(frozen=True)
class Examples:
    """What the splits of n examples depend on.

    keys: where they came from. splits (n,): the source's, by their numbers in NAMES; given: which ones it names.
    positions (n,): of the owner of each, by its hash; examples of one owner stay together. classes: every split has them in
    proportion; one name for all where answers are no classes.

    groups: what may be left out in turn, and group: what they are called, such as a speaker. grouped: whether they are the
    owners, as `data.group` has it. stratified: whether classes are held out in proportion. times (n,): when each is from, by
    column `data.time`, which time names. order (n,): those with the lowest are dropped first by `data.limit`; by default the
    positions. limit_settings: a part of the fingerprint where `data.limit` once chose others.
    """

    keys: Sequence[str]
    splits: NDArray[np.int8]
    given: Sequence[str]
    positions: NDArray[np.float64]
    classes: Named
    groups: Named | None = None
    group: str = ""
    grouped: bool = False
    stratified: bool = True
    times: NDArray[np.float64] | None = None
    time: object = None
    order: NDArray[np.float64] | None = None
    limit_settings: dict[str, str] = field(default_factory=dict)

    # --- splits -----------------------------------------------------------------------------------

    def chosen(self, config: CrossValidated) -> Chosen:
        """The examples of each split, of a fold where one is named. Raises UserError as the ways below."""
        if config.folds is None:
            division = self.divide(config)
            held_out = frozenset(lacking(config, self.given))
        elif config.fold is None:  # opened only to be divided into folds
            division, held_out = Division(np.zeros(len(self.keys), dtype=np.int8)), frozenset[str]()
        else:
            division, held_out = self.fold(config), frozenset(NAMES)
        rows = {name: np.flatnonzero(division.splits == number) for number, name in enumerate(NAMES)}
        settings = division.settings
        if config.limit is not None and len(rows["train"]):
            order = self.positions if self.order is None else self.order
            rows["train"] = limited(config.limit, rows["train"], order, self.classes.ranks[self.classes.numbers])
            settings = settings | self.limit_settings
        return Chosen(rows, settings, division.warnings, held_out)

    def divide(self, config: CrossValidated) -> Division:
        """The source's splits; a fraction is held out for those that it lacks. Raises UserError where none can be, and where
        the source's splits divide what `data.group` keeps together."""
        if self.grouped and self.groups is not None:
            given = {name: self.groups.occurring(self.splits == NAMES.index(name)) for name in NAMES}
            word = config.one_left_out
            refuse_shared_groups(self.group, given, f", or test each {word} in turn by `data.folds={word}`")
        fractions = lacking(config, self.given)
        if not fractions:
            return Division(self.splits)
        pool = np.flatnonzero(self.splits == TRAIN)
        classes = self.classes.only(pool)
        division = divide(
            self.positions[pool], classes.numbers, classes.names, fractions, config.split_seed, self.stratified
        )
        splits = self.splits.copy()
        splits[pool] = division.splits
        for name, fraction in fractions.items():
            if not (splits == NAMES.index(name)).any():
                group = self.group if self.grouped else None
                raise UserError(f"{config.path or f'data={config.name}'}: {too_few(name, fraction, group)}")
        return Division(splits, division.settings, division.warnings)

    # --- folds ------------------------------------------------------------------------------------

    def folds(self, config: CrossValidated) -> Folds:
        """What `data.folds` makes of them. Raises UserError where they are too few."""
        return self._folding(config).divided(self.keys)

    def fold(self, config: CrossValidated) -> Division:
        """The splits of the fold that is named. Raises UserError where there is no such fold."""
        assert config.fold is not None
        folding, warnings = self._folding(config), list[str]()
        splits = folding.splits(config.fold)
        if given := [name for name in NAMES[1:] if name in self.given]:
            theirs = " and ".join(given)
            warnings = [
                f"`data.folds={config.folds}` divides all examples again, also those of the {theirs} split that the data come with"
            ]
        return Division(splits, folding.settings(config.fold), warnings + folding.warnings())

    def _folding(self, config: CrossValidated) -> Folding:
        """All examples, of whatever split, divided into folds."""
        assert config.folds is not None
        if config.folds.isdecimal():
            group = self.group if self.grouped else ""
            return NumberedFolds(int(config.folds), self.positions, self.classes, group)
        if config.folds_in_time is not None:
            assert self.times is not None
            return FoldsInTime(config.folds_in_time, self.time, self.times, config.validation)
        assert self.groups is not None
        return OneGroupOut(
            config.folds,
            self.group,
            self.groups,
            self.positions,
            self.classes,
            config.validation,
            whole=self.grouped,
        )
