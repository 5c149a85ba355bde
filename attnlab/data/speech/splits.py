"""Which recordings are for training, validation and test."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from attnlab.config import SpeechData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.assign import Examples
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.splits import NAMES, Named, positions_of
from attnlab.data.speech.source import Recording
from attnlab.errors import UserError


@dataclass(frozen=True)
class Listing:
    """What is known of recordings without reading them, in columns. owners: recordings of one stay together. splits: the
    source's; "" where it names none."""

    keys: Sequence[str]
    owners: Sequence[str]
    labels: Sequence[str]
    speakers: Sequence[str]
    splits: Sequence[str]

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> "Listing":
        rows = [(r.key, r.owner or r.key, r.label, r.speaker, r.split) for r in recordings]
        return cls(*([row[column] for row in rows] for column in range(5)))

    def part(self, rows: Indices) -> "Listing":
        """These recordings alone."""
        return Listing(*([getattr(self, column.name)[i] for i in rows.tolist()] for column in fields(self)))

    def examples(self, config: SpeechData) -> Examples:
        """What their splits depend on."""
        given = [split or "train" for split in self.splits]
        # Where each speaker is left out in turn, recordings of the others validate, whoever speaks.
        grouped = config.group is not None and config.folds != config.one_left_out
        return Examples(
            keys=self.keys,
            splits=np.array([NAMES.index(split) for split in given], dtype=np.int8),
            given=tuple(dict.fromkeys(given)),
            positions=positions_of(self.speakers if grouped else self.owners, config.split_seed),
            classes=Named.of(self.labels),
            groups=Named.of(self.speakers),
            group="speaker",
            grouped=grouped,
            stratified=not grouped,
            limit_settings={} if self.owners == self.keys else {"limited": "by content"},
        )


def with_speakers(config: SpeechData, listing: Listing) -> tuple[Indices, list[str]]:
    """The recordings that can be divided, and a warning of the others: where `data.group` is set, all have a speaker.

    Raises UserError for the first that has none, unless bad ones are skipped, and where no recording is left.
    """
    if config.group is None:
        return np.arange(len(listing.keys)), []
    bad, speakers = BadRows(config.skip_bad, "recording"), np.array(listing.speakers)
    for i in np.flatnonzero(speakers == "").tolist():
        bad.found(f"`data.group={config.group}`: {listing.keys[i]} names no {config.group}")
    if bad.count == len(speakers):
        raise UserError(f"data={config.name}: no recording can be used; {bad.summary()}")
    return np.flatnonzero(speakers != ""), bad.warnings()


def drop_unknown(config: SpeechData, listing: Listing, rows: dict[str, Indices], known: set[str]) -> list[str]:
    """Takes recordings of no known class out of the rows of each split; returns a warning for each split with any.

    Raises UserError for the first of them, unless bad ones are skipped.
    """
    warnings, limit = [], "" if config.limit is None else f" that `data.limit={config.limit}` leaves"
    for split, chosen in rows.items():
        unknown, bad = [i for i in chosen if listing.labels[i] not in known], BadRows(config.skip_bad, "recording")
        for i in unknown:
            bad.found(
                f"{listing.keys[i]}: label `{listing.labels[i]}` of the {split} split is none of the classes{limit} "
                f"({', '.join(sorted(known)[:12])})"
            )
        if unknown:
            warnings.append(bad.summary())
            rows[split] = np.setdiff1d(chosen, unknown)
    return warnings
