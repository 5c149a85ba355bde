"""Recordings as sets of feature frames with the frame's number as coordinate.

Prepared once: the features of every recording, and its samples where training alters them. Who is trained
on and who is tested is decided when the data are opened, so that all folds share what was prepared.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.codec import Codec
from attnlab.config import SpeechData, former_names
from attnlab.data.contract import Data, Split
from attnlab.data.files.bad_rows import BadRows, beyond_length
from attnlab.data.prep import crossval
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.data.prep.sequences import Sequences
from attnlab.data.prep.splits import NAMES, limited, with_held_out
from attnlab.data.speech.audio_file import refuse_longer
from attnlab.data.speech.augment import Altered, Augmentation, ranges
from attnlab.data.speech.features import Frames, normalised
from attnlab.data.speech.join import joined
from attnlab.data.speech.sources import Recording, Sound, recording_source
from attnlab.errors import UserError
from attnlab.sets import Batch, Example, Layout, Targets, VectorSets
from attnlab.spec import DataSpec, Target

PREPARED = (
    "source strings text join join_repeats rate channels features bands coefficients window hop normalise max_length too_long skip_bad"
).split()
"""The settings that what is prepared depends on; the others are applied when a batch is made."""
SPLITTING = "validation test group split_seed".split()


class Speech(Data):
    """A prepared set of recordings.

    spec: of the data themselves, or that of a run, whose classes and means then hold.
    parts: never asked for; frames are not made of smaller vectors.
    """

    def __init__(self, config: SpeechData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed = config, seed
        self.source = recording_source(config)
        self.notice, self.commit = self.source.notice, self.source.commit
        self.frames = Frames(config)
        self.augmentation = Augmentation(config, seed)
        sounds = self._prepared()
        elsewhere = "cache path name origin licence hub config revision audio label speaker".split()
        settings = former_names(config) | dict.fromkeys(elsewhere) | {"sounds": sounds.name}
        self.fingerprint = fingerprint((), settings)
        # What depends on the split too, such as baselines, lies apart from what all splits share.
        self.folder = cache_folder(config.cache) / f"speech-{config.name}-{self.fingerprint}"
        self.folder.mkdir(exist_ok=True)
        columns = Columns(sounds / "recordings.arrow")
        self.keys, self.labels, self.owners = (columns.strings(name) for name in ("key", "label", "owner"))
        self.speakers, self.transcripts = columns.strings("speaker"), columns.strings("transcript")
        self.features, self.summary = columns.ragged("features"), columns.ragged("summary")
        self.samples = columns.ragged("samples") if self.augmentation.of_sound else None
        self.counts = self.features.lengths // self.frames.size
        meta = json.loads((sounds / "meta.json").read_text(encoding="utf-8"))
        self.marks = columns.ragged("marks") if meta["marks"] else None
        self.mark_names: list[str] = meta["marks"]
        self.mark_target = "digit" if config.join is not None else self.source.marks
        self.warnings = [*self.source.warnings, *meta["warnings"]]
        rows = self._rows(columns.strings("split"))
        self.spec = spec if spec is not None else self._spec(rows)
        self._refuse_unknown_labels(rows)
        self.splits = {name: SpeechSplit(self, rows[name]) for name in NAMES if len(rows[name])}

    @classmethod
    def folds(cls, config: SpeechData, seed: int) -> crossval.Folds:
        """What `data.folds` makes of these data."""
        assert config.folds is not None
        data = cls(replace(config, fold=None), seed)
        return crossval.divided(
            config.folds, data.keys, data.owners, data.labels, data.speakers, config.validation, config.split_seed
        )

    def _prepared(self) -> Path:
        """The folder of measured recordings, shared by all splits of them."""
        config = self.config
        names = PREPARED + (SPLITTING if config.join is not None else [])
        known = former_names(config)
        settings = {name: known[name] for name in names} | {"samples": self.augmentation.of_sound}
        files = self.source.files
        name = fingerprint(files.values(), settings | {
            "files": list(files), "problems": self.source.problems, "identity": self.source.identity
        })  # fmt: skip
        return prepared(cache_folder(config.cache), f"recordings-{config.name}-{name}", self._write)

    def _write(self, folder: Path) -> None:
        """Read and measure every recording once."""
        from datasets import List, Value

        recordings = self.source.recordings()
        if self.config.join is not None:
            splits = self._with_held_out(
                [r.split for r in recordings], [r.key for r in recordings],
                [r.owner or r.key for r in recordings], [r.speaker for r in recordings],
                [r.label for r in recordings],
            )  # fmt: skip
            divided = [replace(r, split=split) for r, split in zip(recordings, splits, strict=True)]
            recordings = joined(divided, self.config)
        bad, self._longer = BadRows(self.config.skip_bad, "recording"), 0
        marks: dict[str, int] = {}
        columns = {name: Value("string") for name in ("key", "owner", "label", "speaker", "split", "transcript")}
        columns |= {name: List(Value("float32")) for name in ("features", "summary")}
        columns["marks"] = List(Value("int16"))
        if self.augmentation.of_sound:
            columns["samples"] = List(Value("int16"))

        def rows() -> Iterator[dict[str, Any]]:
            for problem in self.source.problems:
                bad.found(problem)
            for recording in recordings:
                try:
                    sound = self._fitting(recording, recording.read())
                except UserError as error:
                    bad.found(str(error))
                    continue
                if sound is None:
                    continue
                measured, _ = self.frames.measure([sound.samples.astype(np.float32) / np.float32(32768)])
                summary = torch.cat([measured.mean(0), measured.std(0, unbiased=False)])
                if self.config.normalise == "utterance":
                    measured = normalised(measured, np.array([len(measured)]))
                row: dict[str, Any] = {
                    "key": recording.key, "owner": recording.owner or recording.key, "label": recording.label,
                    "speaker": recording.speaker, "split": recording.split,
                    "transcript": " ".join(recording.transcript),
                    "features": measured.numpy().ravel(), "summary": summary.numpy(), "marks": self._marks(sound, len(measured), marks),
                }  # fmt: skip
                yield row | ({"samples": sound.samples} if self.augmentation.of_sound else {})

        if write_rows(folder / "recordings.arrow", columns, rows()) == 0:
            raise UserError(f"data={self.config.name}: no recording can be used; {bad.summary()}")
        warnings = [bad.summary()] if bad.count else []
        warnings += beyond_length(self._longer, "recordings", self.config.max_seconds, self.config.too_long)
        meta = {"warnings": warnings, "marks": list(marks)}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _fitting(self, recording: Recording, sound: Sound) -> Sound | None:
        """The sound within `data.max_seconds`; None where it is dropped."""
        limit = round(self.config.max_seconds * self.config.rate)
        if len(sound.samples) <= limit:
            return sound
        if self.config.too_long == "refuse":
            refuse_longer(recording.key, len(sound.samples), self.config)
        self._longer += 1
        return Sound(sound.samples[:limit], sound.marks) if self.config.too_long == "cut" else None

    def _marks(self, sound: Sound, frames: int, known: dict[str, int]) -> NDArray[np.int16]:
        """The mark in the middle of each frame, as a number; nothing where the source has no marks."""
        if not sound.marks:
            return np.zeros(0, dtype=np.int16)
        background = known.setdefault(self.source.background, len(known))
        middle = np.arange(frames) * self.frames.hop + self.frames.window // 2
        found = np.full(frames, background, dtype=np.int16)
        for begin, end, mark in sound.marks:
            found[(middle >= begin) & (middle < end)] = known.setdefault(mark, len(known))
        return found

    # --- who is trained on, who is tested ---------------------------------------------------------

    def _rows(self, given: list[str]) -> dict[str, Indices]:
        """The recordings of each split."""
        config = self.config
        if config.folds is not None and config.fold is not None:
            assigned = crossval.assign(config.folds, self.owners, self.labels, self.speakers, config.split_seed)
            split_of = crossval.fold_splits(
                config.folds, config.fold, assigned, self.owners, config.validation, config.split_seed
            )
        elif config.folds is not None:
            split_of = ["train"] * len(self.keys)  # opened only to be divided into folds
        else:
            split_of = self._with_held_out(given, self.keys, self.owners, self.speakers, self.labels)
        names = np.array(split_of)
        rows = {name: np.flatnonzero(names == name) for name in NAMES}
        rows["train"] = limited(config.limit, rows["train"], self.keys, self.labels, config.split_seed)
        return rows

    def _with_held_out(
        self, given: list[str], keys: list[str], owners: list[str], speakers: list[str], labels: list[str]
    ) -> list[str]:
        """The source's splits; where it names no test or no validation examples, a share is held out."""
        config = self.config
        shares = (config.validation, config.test, config.split_seed)
        if config.group is None:
            return with_held_out(given, owners, *shares, labels)
        if "" in speakers:
            raise UserError(f"`data.group=speaker`: {keys[speakers.index('')]} names no speaker")
        found = with_held_out(given, speakers, *shares)  # without labels: they say every word
        split_of: dict[str, str] = {}
        for speaker, split in zip(speakers, found, strict=True):
            if split_of.setdefault(speaker, split) != split:
                raise UserError(
                    f"`data.group=speaker`: {speaker} speaks in the {split_of[speaker]} and in the {split} split that "
                    "the data come with; set data.group=null, or test each speaker in turn by `data.folds=speaker`"
                )
        return found

    # --- what the data know -----------------------------------------------------------------------

    def _spec(self, rows: dict[str, Indices]) -> DataSpec:
        """Classes and means of the training recordings."""
        train = rows["train"]
        if not len(train):
            raise UserError(f"data={self.config.name}: there are no training recordings")
        targets = {}
        labels = Counter(self.labels[i] for i in train)
        if "" not in labels:
            names = tuple(sorted(labels, key=_in_order))
            targets["label"] = Target("class", names, tuple(labels[name] for name in names))
        codecs = {}
        if all(self.transcripts[i] for i in train):
            texts = [self.transcripts[i] for i in train]
            codecs["target"] = Codec.learn(texts, self.config.tokens, self.config.subwords)
            targets["transcript"] = Target("sequence", codec="target")
        if self.marks is not None:
            numbers = np.bincount(self.marks.take(train), minlength=len(self.mark_names))
            counts = {mark: int(n) for mark, n in zip(self.mark_names, numbers, strict=True) if mark and n}
            names = tuple(sorted(counts, key=_in_order))
            if names:  # joined recordings may have transcripts, but no labels
                targets[self.mark_target] = Target("vector_classes", names, tuple(counts[name] for name in names))
        mean = spread = np.zeros(0)
        if self.config.normalise == "training":
            frames = self.features.take(train).reshape(-1, self.frames.size).astype(np.float64)
            mean, spread = frames.mean(axis=0), frames.std(axis=0) + 1e-3
        return DataSpec(
            modality="speech",
            num_coords=1,
            features=self.frames.size * self.config.stack,
            targets=targets,
            vocabularies={},
            frame_seconds=self.frames.hop * self.config.stack / self.config.rate,
            feature_mean=tuple(mean.tolist()),
            feature_std=tuple(spread.tolist()),
            codecs=codecs,
        )

    def _refuse_unknown_labels(self, rows: dict[str, Indices]) -> None:
        """Recordings whose class was never learned."""
        if "label" not in self.spec.targets:
            return
        known = set(self.spec.targets["label"].classes)
        for split, chosen in rows.items():
            unknown = [i for i in chosen if self.labels[i] not in known]
            if not unknown:
                continue
            bad = BadRows(self.config.skip_bad, "recording")
            left = "" if self.config.limit is None else f" that `data.limit={self.config.limit}` leaves"
            for i in unknown:
                bad.found(
                    f"{self.keys[i]}: label `{self.labels[i]}` of the {split} split is none of the classes{left} "
                    f"({', '.join(sorted(known)[:12])})"
                )
            self.warnings.append(bad.summary())
            rows[split] = np.setdiff1d(chosen, unknown)


class SpeechSplit(Split):
    """Training, validation or test recordings. rows: their numbers among all that were prepared."""

    def __init__(self, data: Speech, rows: Indices) -> None:
        self.data, self.rows = data, rows
        self.keys = [data.keys[i] for i in rows]
        self.lengths: NDArray[np.int64] = -(-data.counts[rows] // data.config.stack)
        targets = data.spec.targets
        self._class_of_row = self._mark_class = np.zeros(0, dtype=np.int64)
        self._transcripts: Sequences | None = None
        if "transcript" in targets:
            texts = [data.transcripts[i] for i in rows]
            ids = [np.array(own) for own in data.spec.codecs[targets["transcript"].codec].encode(texts)]
            self._transcripts = Sequences(ids, np.array([len(own) for own in ids], dtype=np.int64))
        if "label" in targets:
            classes = {name: i for i, name in enumerate(targets["label"].classes)}
            self._class_of_row = np.array([classes.get(label, -1) for label in data.labels])
        if data.marks is not None and data.mark_target in targets:
            classes = {name: i for i, name in enumerate(targets[data.mark_target].classes)}
            self._mark_class = np.array([classes.get(mark, -1) for mark in data.mark_names])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Example:
        """One recording alone, as it is evaluated."""
        batch = self.batch(np.array([i]))
        return Example(batch.inputs, batch.targets, self.keys[i])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """These recordings, packed. With an epoch they are altered as the configuration says."""
        data, rows = self.data, self.rows[indices]
        counts, of_frame = data.counts[rows], None
        if epoch is not None and data.samples is not None:
            altered = data.augmentation.alter([data.samples[row] for row in rows], rows, epoch)
            values, new_counts = data.frames.measure(altered.sounds)
            if data.config.normalise == "utterance":
                values = normalised(values, new_counts)
            if data.marks is not None:
                of_frame = _old_frames(altered, new_counts, counts, data.frames)
            counts = new_counts
        else:
            values = torch.from_numpy(data.features.take(rows).reshape(-1, data.frames.size))
        if data.spec.feature_mean:
            values = (values - torch.tensor(data.spec.feature_mean)) / torch.tensor(data.spec.feature_std)
        if epoch is not None and data.augmentation.of_frames:
            values = data.augmentation.mask(values, counts, rows, epoch)
        values, middle = stacked(values, counts, data.config.stack)
        layout = Layout.of((-(-counts // data.config.stack)).tolist())
        targets: Targets = {}
        if len(self._class_of_row):
            targets["label"] = torch.from_numpy(self._class_of_row[rows])
        if len(self._mark_class) and data.marks is not None:
            marks = data.marks.take(rows)
            marks = marks if of_frame is None else marks[of_frame]
            targets[data.mark_target] = torch.from_numpy(self._mark_class[marks[middle]])
        if self._transcripts is not None:
            targets["transcript"] = self._transcripts.take(indices)
        inputs = VectorSets(values, layout, layout.position[:, None].float())
        return Batch(inputs, targets, tuple(self.keys[i] for i in indices))

    def content(self, i: int) -> bytes:
        """What recording i consists of: equal recordings have equal contents."""
        return self.data.features[self.rows[i]].tobytes()

    def show(self, i: int) -> dict[str, Any]:
        """Which recording it is, and what is said in it where that is known."""
        said = self.data.transcripts[self.rows[i]]
        return {"recording": self.keys[i]} | ({"said": said} if said else {})

    def picture(self, i: int) -> NDArray[np.float32]:
        """(bands, frames): its spectrogram; time to the right, pitch upwards."""
        return self[i].inputs.values.numpy().reshape(-1, self.data.frames.size).T[::-1]

    def gold(self, target: str) -> list[Any]:
        """The class, what is said, or the label of each vector; "" is not scored."""
        data = self.data
        if target == "label":
            return [data.labels[row] for row in self.rows]
        if target == "transcript":
            silent = next((row for row in self.rows if not data.transcripts[row]), None)
            if silent is not None:
                raise UserError(f"`head.target=transcript`: {data.keys[silent]} comes without a transcript")
            return [data.transcripts[row] for row in self.rows]
        assert data.marks is not None and target == data.mark_target
        marks, stack = data.marks, data.config.stack
        return [
            [data.mark_names[mark] for mark in marks[row][_middles(int(data.counts[row]), stack)]]
            for row in self.rows
        ]

    def summaries(self) -> NDArray[np.float32]:
        """(examples, 2F): mean and spread of each recording's features, before they are normalised."""
        return np.stack([self.data.summary[row] for row in self.rows])

    def loudness(self) -> list[NDArray[np.float32]]:
        """Of each vector, above the mean of its recording: in units of the features, log energy for log-mel."""
        found, size = [], self.data.frames.size
        for row in self.rows:
            frames = self.data.features[row].reshape(-1, size)
            if self.data.config.normalise == "utterance":
                frames = frames * self.data.summary[row][size:]
            levels = frames.mean(axis=1)
            found.append((levels - levels.mean())[_middles(len(levels), self.data.config.stack)])
        return found

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """None."""
        return {}

    def ceiling(self) -> float | None:
        """Accuracy of a perfect listener, where the data know it."""
        return self.data.source.ceiling


def stacked(values: Tensor, counts: NDArray[np.int64], stack: int) -> tuple[Tensor, NDArray[np.int64]]:
    """(frames, F) -> (N, stack·F) and the row of the frame in the middle of each vector, whose label it bears.

    A recording's last vector is filled up with zeros, the mean.
    """
    if stack == 1:
        return values, np.arange(len(values))
    vectors = -(-counts // stack)
    owner = np.repeat(np.arange(len(counts)), vectors)
    place = ranges(np.zeros_like(vectors), vectors) * stack
    first = (np.cumsum(counts) - counts)[owner]
    inside = place[:, None] + np.arange(stack)
    rows = np.where(inside < counts[owner, None], first[:, None] + inside, len(values))
    padded = torch.cat([values, values.new_zeros(1, values.shape[1])])
    middle = first + np.minimum(place + stack // 2, counts[owner] - 1)
    return padded[torch.from_numpy(rows)].flatten(1), middle


def _middles(count: int, stack: int) -> NDArray[np.int64]:
    return stacked(torch.zeros(count, 0), np.array([count]), stack)[1]


def _old_frames(
    altered: Altered, counts: NDArray[np.int64], old: NDArray[np.int64], frames: Frames
) -> NDArray[np.int64]:
    """For each frame of altered recordings, the row of the frame that held its middle before."""
    owner = np.repeat(np.arange(len(counts)), counts)
    middle = ranges(np.zeros_like(counts), counts) * frames.hop + frames.window / 2
    middle = (middle - altered.shift[owner]) * altered.speed[owner]
    row = np.rint((middle - frames.window / 2) / frames.hop).astype(np.int64)
    return (np.cumsum(old) - old)[owner] + np.clip(row, 0, old[owner] - 1)


def _in_order(name: str) -> tuple[int, str]:
    """Digits in counting order, other names by the alphabet."""
    digits = "zero one two three four five six seven eight nine".split()
    return (digits.index(name) if name in digits else len(digits), name)
