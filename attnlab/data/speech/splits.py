"""Which recordings are for training, validation and test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnlab.config import SpeechData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep import crossval
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.splits import NAMES, limited, with_held_out
from attnlab.data.speech.source import Recording
from attnlab.errors import UserError


@dataclass(frozen=True)
class Listing:
    """What is known of n recordings without reading them, in columns; see `Recording`."""

    keys: Sequence[str]
    owners: Sequence[str]
    labels: Sequence[str]
    speakers: Sequence[str]
    splits: Sequence[str]

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> "Listing":
        rows = [(r.key, r.owner or r.key, r.label, r.speaker, r.split) for r in recordings]
        return cls(*([row[column] for row in rows] for column in range(5)))


def split_of_each(config: SpeechData, listing: Listing) -> list[str]:
    """The source's splits; where it names no test or no validation examples, a fraction is held out.

    Raises UserError where speakers are to be kept together, but are unknown or divided by the source.
    """
    fractions = (config.validation, config.test, config.split_seed)
    if config.group is None:
        return with_held_out(listing.splits, listing.owners, *fractions, listing.labels)
    if "" in listing.speakers:
        raise UserError(f"`data.group=speaker`: {listing.keys[listing.speakers.index('')]} names no speaker")
    splits = with_held_out(listing.splits, listing.speakers, *fractions)  # not by label: a speaker has all labels
    split_of: dict[str, str] = {}
    for speaker, split in zip(listing.speakers, splits, strict=True):
        if split_of.setdefault(speaker, split) != split:
            raise UserError(
                f"`data.group=speaker`: {speaker} speaks in the {split_of[speaker]} and in the {split} split that "
                "the data come with; set data.group=null, or test each speaker in turn by `data.folds=speaker`"
            )
    return splits


def rows_of_splits(config: SpeechData, listing: Listing) -> dict[str, Indices]:
    """The numbers of the recordings in each split, of a fold where one is named. Raises UserError as above."""
    folds, fold, seed = config.folds, config.fold, config.split_seed
    if folds is not None and fold is not None:
        assigned = crossval.assign(folds, listing.owners, listing.labels, listing.speakers, seed)
        splits = crossval.fold_splits(folds, fold, assigned, listing.owners, config.validation, seed)
    elif folds is not None:
        splits = ["train"] * len(listing.keys)  # opened only to be divided into folds
    else:
        splits = split_of_each(config, listing)
    names = np.array(splits)
    rows = {name: np.flatnonzero(names == name) for name in NAMES}
    rows["train"] = limited(config.limit, rows["train"], listing.keys, listing.labels, seed)
    return rows


def drop_unknown(config: SpeechData, listing: Listing, rows: dict[str, Indices], known: set[str]) -> list[str]:
    """Takes recordings of no known class out of the rows of each split; returns a warning for each split with any.

    Raises UserError for the first of them, unless bad ones are skipped.
    """
    warnings = []
    limit = "" if config.limit is None else f" that `data.limit={config.limit}` leaves"
    for split, chosen in rows.items():
        unknown = [i for i in chosen if listing.labels[i] not in known]
        if not unknown:
            continue
        bad = BadRows(config.skip_bad, "recording")
        for i in unknown:
            bad.found(
                f"{listing.keys[i]}: label `{listing.labels[i]}` of the {split} split is none of the classes{limit} "
                f"({', '.join(sorted(known)[:12])})"
            )
        warnings.append(bad.summary())
        rows[split] = np.setdiff1d(chosen, unknown)
    return warnings
