"""Which recordings are for training, validation and test."""

from collections.abc import Sequence

import numpy as np

from attnlab.config import SpeechData
from attnlab.config.data.base import CrossValidated
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.assign import Examples
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.splits import with_held_out
from attnlab.data.speech.source import Recording
from attnlab.errors import UserError


class Listing(Examples):
    """What is known of recordings without reading them; groups are speakers."""

    @classmethod
    def of(cls, recordings: Sequence[Recording]) -> "Listing":
        rows = [(r.key, r.owner or r.key, r.label, r.speaker, r.split) for r in recordings]
        return cls(*([row[column] for row in rows] for column in range(5)))

    def split_of_each(self, config: CrossValidated) -> Sequence[str]:
        """The source's splits; where it names no test or no validation examples, a fraction is held out.

        Raises UserError where speakers are to be kept together, but are unknown or divided by the source.
        """
        assert isinstance(config, SpeechData)
        fractions = (config.validation, config.test, config.split_seed)
        if config.group is None:
            return with_held_out(self.splits, self.owners, *fractions, self.labels)
        if "" in self.groups:
            raise UserError(f"`data.group=speaker`: {self.keys[self.groups.index('')]} names no speaker")
        splits = with_held_out(self.splits, self.groups, *fractions)  # not by label: a speaker has all labels
        split_of: dict[str, str] = {}
        for speaker, split in zip(self.groups, splits, strict=True):
            if split_of.setdefault(speaker, split) != split:
                raise UserError(
                    f"`data.group=speaker`: {speaker} speaks in the {split_of[speaker]} and in the {split} split that "
                    "the data come with; set data.group=null, or test each speaker in turn by `data.folds=speaker`"
                )
        return splits


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
