"""Recordings read and measured once: the features of each, and its samples where training alters them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.config import SpeechData, former_names
from attnlab.data.files.bad_rows import FORMERLY_READ, BadRows, FormerlyRead, beyond_length
from attnlab.data.files.file_names import FileNames
from attnlab.data.prep.arrow import write_rows
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.data.prep.splits import NAMES
from attnlab.data.speech.audio_file import UNMEASURED, Samples, refuse_longer, to_waveform
from attnlab.data.speech.features import FeatureExtractor
from attnlab.data.speech.join import joined
from attnlab.data.speech.source import Recording, RecordingSource, Utterance
from attnlab.data.speech.splits import Listing, with_speakers
from attnlab.errors import UserError
from attnlab.schema import Count

LATER = (
    "name loader origin licence path cache hub config revision audio label speaker validation test group split_seed "
    "folds fold limit tokens subwords stack noise gain shift speed mask_time mask_bands"
).split()
"""The settings, by their first names, that what is prepared doesn't depend on: they are applied to it."""
SPLITTING = {"validation", "test", "group", "split_seed"}
"""Those that joined utterances depend on."""
ELSEWHERE = "cache path name origin licence hub config revision audio label speaker".split()
"""Those that say where the recordings are; the fingerprint depends on what is there instead."""
STRINGS = ("key", "label", "speaker", "split", "transcript")


class Meta(TypedDict):
    """meta.json. marks: the labels of marks, by number. longest: of a recording, in samples. skipped: which bad ones were left
    out; changes: rules by which recordings are others than an earlier version read; divided: settings of how joined
    utterances were divided."""

    warnings: list[str]
    marks: list[str]
    longest: Count
    skipped: str
    changes: list[str]
    divided: dict[str, str]


class Preparation:
    """Writes recordings.arrow, with a row for each recording, and meta.json.

    name: of their folder, with a fingerprint of what they depend on.
    """

    def __init__(
        self, config: SpeechData, source: RecordingSource, extractor: FeatureExtractor, with_samples: bool
    ) -> None:
        self.config, self.source, self.extractor, self.with_samples = config, source, extractor, with_samples
        self.bad, self.too_long, self.longest = BadRows(config.skip_bad, "recording"), 0, 0
        self.mark_ids: dict[str, int] = {}
        self.names = FileNames(source.files)
        later, files = set(LATER) - (SPLITTING if config.join is not None else set()), source.files
        settings = {name: value for name, value in former_names(config).items() if name not in later}
        settings |= {"samples": with_samples, "files": list(files), "problems": source.problems}
        prepared_as = fingerprint(files.values(), settings | {"identity": source.identity})
        self.name = f"recordings-{config.name}-{prepared_as}"

    def fingerprint(self, divided: dict[str, object]) -> str:
        """Of the data, also of the settings that are applied to what is prepared. divided: those of a `Division`."""
        settings = former_names(self.config) | dict.fromkeys(ELSEWHERE) | {"sounds": self.name}
        return fingerprint((), settings | divided)

    def folder(self) -> Path:
        """Where both files are, shared by all splits and folds. Raises UserError for a recording that cannot be used, unless
        it is skipped, and where none is left."""
        return prepared(cache_folder(self.config.cache), self.name, self._write)

    def samples(self, key: str) -> Samples | None:
        """The recording with this key, read once more as it was prepared; None where it is no longer there."""
        try:
            recording = self._by_key.get(key)
            utterance = None if recording is None else self._fitting(key, recording.read())
        except UserError:  # changed or gone since it was prepared
            return None
        return None if utterance is None else utterance.samples

    @cached_property
    def _by_key(self) -> dict[str, Recording]:
        recordings = self.source.recordings()
        recordings = recordings if self.config.join is None else self._joined(recordings)[0]
        return {recording.key: recording for recording in recordings}

    def _write(self, folder: Path) -> None:
        from datasets import List, Value

        columns: dict[str, object] = {name: Value("string") for name in (*STRINGS, "owner")}
        columns |= {name: List(Value("float32")) for name in ("features", "summary")}
        columns |= {name: List(Value("int16")) for name in ("marks", *(("samples",) if self.with_samples else ()))}
        recordings, divided, warnings = self.source.recordings(), dict[str, str](), list[str]()
        self.bad.merge(self.source.told)
        if self.config.join is not None:
            recordings, divided, warnings = self._joined(recordings)
        used = write_rows(folder / "recordings.arrow", columns, self._rows(recordings))
        limit, policy = self.config.max_seconds, self.config.too_long
        too_long = beyond_length(self.too_long, "recordings", limit, policy, "max_seconds")
        if used == 0:
            reasons = "; ".join(filter(None, [self.bad.summary(), *too_long]))
            raise UserError(f"data={self.config.name}: no recording can be used; {reasons}")
        self.source.refuse_changed()
        warnings += self.bad.warnings() + too_long
        meta = Meta(
            warnings=[self.names.stored(warning) for warning in warnings], marks=list(self.mark_ids),
            longest=self.longest, skipped=self.bad.summary(), changes=sorted(self.bad.changes), divided=divided,
        )  # fmt: skip
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _joined(self, recordings: Sequence[Recording]) -> tuple[list[Recording], dict[str, str], list[str]]:
        """Longer utterances of the recordings that can be used, each of one split; settings and warnings of this division.

        Raises UserError for the first that cannot be used, unless bad ones are skipped.
        """
        whole = (
            [recording for recording in recordings if self._readable(recording)]
            if self.config.skip_bad
            else recordings
        )
        chosen, warnings = with_speakers(self.config, Listing.of(whole))
        used = [whole[i] for i in chosen]
        for recording in used:
            if not recording.speaker:
                self.bad.note(
                    "recordings that name no speaker were joined, whoever speaks in them (data.join)",
                    recording.key,
                )
        division = Listing.of(used).examples(self.config).divide(self.config)
        divided = division.settings | ({"divided": "what can be used"} if len(used) < len(recordings) else {})
        pairs = zip(used, division.splits.tolist(), strict=True)
        utterances = joined([replace(recording, split=NAMES[split]) for recording, split in pairs], self.config)
        return utterances, divided, warnings + division.warnings

    def _readable(self, recording: Recording) -> bool:
        """Whether a recording can be read; if not, it is counted as a bad one."""
        try:
            recording.read()
        except UserError as error:
            self.bad.found(str(error))
            return False
        return True

    def _rows(self, recordings: Sequence[Recording]) -> Iterator[dict[str, object]]:
        for problem in self.source.problems:
            self.bad.found(problem)
        for recording in recordings:
            try:
                utterance = self._fitting(recording.key, recording.read())
            except UserError as error:
                self.bad.found(str(error))
                self.bad.changes |= {FORMERLY_READ} if isinstance(error, FormerlyRead) else set()
                continue
            if utterance is not None:
                self._note(recording.key, utterance)
                yield self._row(recording, utterance)

    def _note(self, key: str, utterance: Utterance) -> None:
        """Counts what was done to a recording, and how long the longest is, in samples."""
        self.longest = max(self.longest, len(utterance.samples))
        if self.config.skip_bad:  # otherwise they were refused, and there was no run without them
            self.bad.changes |= {UNMEASURED} & set(utterance.rules)
        for rule in utterance.rules:
            self.bad.note(rule, key)
        if len(utterance.samples) < self.extractor.window:
            window = f"data.window={self.config.window:g}"
            self.bad.note(f"recordings shorter than a frame were filled up with silence ({window})", key)

    def _row(self, recording: Recording, utterance: Utterance) -> dict[str, object]:
        frames = self.extractor.frames([to_waveform(utterance.samples)])
        summary = torch.cat([frames.values.mean(0), frames.values.std(0, unbiased=False)])
        if self.config.normalise == "utterance":
            frames = frames.normalised()
        row: dict[str, object] = {name: getattr(recording, name) for name in STRINGS} | {
            "owner": recording.owner or recording.key, "features": frames.values.numpy().ravel(),
            "summary": summary.numpy(), "marks": self._marks(utterance, len(frames.values)),
        }  # fmt: skip
        return row | ({"samples": utterance.samples} if self.with_samples else {})

    def _fitting(self, key: str, utterance: Utterance) -> Utterance | None:
        """The utterance within `data.max_seconds`; None where it is dropped."""
        if self.config.too_long == "refuse":
            refuse_longer(key, len(utterance.samples), self.config)
        limit = round(self.config.max_seconds * self.config.rate)
        if len(utterance.samples) <= limit:
            return utterance
        self.too_long += 1
        return replace(utterance, samples=utterance.samples[:limit]) if self.config.too_long == "cut" else None

    def _marks(self, utterance: Utterance, num_frames: int) -> NDArray[np.int16]:
        """(frames,): the number of the mark in the middle of each frame; empty where there are no marks."""
        if not utterance.marks:
            return np.zeros(0, dtype=np.int16)
        background = self.mark_ids.setdefault(self.source.background, len(self.mark_ids))
        middle = np.arange(num_frames) * self.extractor.hop + self.extractor.window // 2
        marks = np.full(num_frames, background, dtype=np.int16)
        for begin, end, label in utterance.marks:
            marks[(middle >= begin) & (middle < end)] = self.mark_ids.setdefault(label, len(self.mark_ids))
        return marks
