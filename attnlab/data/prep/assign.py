"""Which examples are trained on, which validate and which test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnlab.config.data.base import CrossValidated
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.crossval import Folds, assign, divided, fold_splits
from attnlab.data.prep.splits import NAMES, lacking, limited, too_few, with_held_out
from attnlab.errors import UserError


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

    def split_of_each(self, config: CrossValidated) -> Sequence[str]:
        """The source's splits; a fraction is held out for those that it lacks. Raises UserError where none can be."""
        fractions = (config.validation, config.test, config.split_seed)
        splits = with_held_out(self.splits, self.owners, *fractions, self.labels)
        for name, fraction in lacking(config, {split or "train" for split in self.splits}).items():
            if name not in splits:
                raise UserError(f"{config.path or f'data={config.name}'}: {too_few(name, fraction)}")
        return splits

    def rows(self, config: CrossValidated) -> dict[str, Indices]:
        """The numbers of the examples in each split, of a fold where one is named. Raises UserError as above."""
        if config.folds is None:
            splits = self.split_of_each(config)
        elif config.fold is None:
            splits = ["train"] * len(self.keys)  # opened only to be divided into folds
        else:
            assigned = assign(config.folds, self.owners, self.labels, self.groups, config.split_seed)
            seeded = (self.owners, config.validation, config.split_seed)
            splits = fold_splits(config.folds, config.fold, assigned, *seeded)
        names = np.array(splits)
        rows = {name: np.flatnonzero(names == name) for name in NAMES}
        rows["train"] = limited(config.limit, rows["train"], self.keys, self.labels, config.split_seed)
        return rows
