"""Which examples are trained on, which validate and which test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnlab.config.data.base import CrossValidated
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.crossval import Folds, assign, divided, fold_splits
from attnlab.data.prep.held_out import Division, divide_named
from attnlab.data.prep.splits import NAMES, TRAIN, lacking, limited, position, too_few
from attnlab.errors import UserError


@dataclass(frozen=True)
class Chosen:
    """The numbers of the examples in each split; settings and warnings as those of a `Division`."""

    rows: dict[str, Indices]
    settings: dict[str, str]
    warnings: list[str]


@dataclass(frozen=True)
class Examples:
    """What the splits of n examples depend on, in columns.

    owners: examples of one stay together. labels: every split has them in proportion. groups: for `data.folds` that is no
    number, such as speakers. splits: the source's; "" where it names none.
    """

    keys: Sequence[str]
    owners: Sequence[str]
    labels: Sequence[str]
    groups: Sequence[str]
    splits: Sequence[str]

    def folds(self, config: CrossValidated) -> Folds:
        """What `data.folds` makes of them. Raises UserError where they are too few."""
        assert config.folds is not None
        columns = (self.keys, self.owners, self.labels, self.groups)
        return divided(config.folds, *columns, config.validation, config.split_seed)

    def kept_together(self, config: CrossValidated) -> tuple[Sequence[str], str | None]:
        """The owner of each example when examples are held out, and `data.group`, where that says so."""
        return self.owners, None

    def divide(self, config: CrossValidated) -> Division:
        """The source's splits; a fraction is held out for those that it lacks. Raises UserError where none can be."""
        given = [split or "train" for split in self.splits]
        splits = np.array([NAMES.index(split) for split in given], dtype=np.int8)
        fractions = lacking(config, set(given))
        if not fractions:
            return Division(splits)
        owners, group = self.kept_together(config)
        pool = np.flatnonzero(splits == TRAIN).tolist()
        pool_owners, labels = [owners[i] for i in pool], [self.labels[i] for i in pool]
        division = divide_named(pool_owners, labels, fractions, config.split_seed, stratified=group is None)
        splits[pool] = division.splits
        for name, fraction in fractions.items():
            if not (splits == NAMES.index(name)).any():
                raise UserError(f"{config.path or f'data={config.name}'}: {too_few(name, fraction, group)}")
        return Division(splits, division.settings, division.warnings)

    def fold(self, config: CrossValidated) -> Division:
        """The splits of the fold that is named. Raises UserError where there is no such fold."""
        assert config.folds is not None and config.fold is not None
        assigned = assign(config.folds, self.owners, self.labels, self.groups, config.split_seed)
        seeded = (config.folds, config.fold, assigned, self.owners, config.validation, config.split_seed)
        names, before = fold_splits(*seeded, self.labels), fold_splits(*seeded)
        splits = np.array([NAMES.index(name) for name in names], dtype=np.int8)
        return Division(splits, {} if names == before else {"held_out": "each class"})

    def chosen(self, config: CrossValidated) -> Chosen:
        """The examples of each split, of a fold where one is named. Raises UserError as above."""
        if config.folds is None:
            division = self.divide(config)
        elif config.fold is None:  # opened only to be divided into folds
            division = Division(np.zeros(len(self.keys), dtype=np.int8))
        else:
            division = self.fold(config)
        rows = {name: np.flatnonzero(division.splits == number) for number, name in enumerate(NAMES)}
        settings = division.settings
        if config.limit is not None:
            rows["train"] = limited(config.limit, rows["train"], self._positions(config.split_seed), self.labels)
            settings = settings | ({} if self.owners == self.keys else {"limited": "by content"})
        return Chosen(rows, settings, division.warnings)

    def _positions(self, seed: int) -> NDArray[np.float64]:
        return np.array([position(owner, seed) for owner in self.owners])
