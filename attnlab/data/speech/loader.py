"""Recordings as sets of feature frames with the frame's number as coordinate.

Samples → augmented waveforms (`augment`) → frames of features → normalised (`features`) → masked (`augment`) → stacked
vectors (`features`). What is not augmented begins with the prepared frames, which all splits and folds share.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.codec import Codec
from attnlab.config import DataConfig, SpeechData
from attnlab.data.contract import Data, Gold, Playback, Split
from attnlab.data.files.class_folders import in_class_folders
from attnlab.data.files.tables import has_columns
from attnlab.data.prep.arrow import Columns
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder
from attnlab.data.prep.coverage import missing_classes
from attnlab.data.prep.crossval import Folds
from attnlab.data.prep.sequences import Sequences
from attnlab.data.prep.source import no_training, open_source
from attnlab.data.prep.splits import NAMES
from attnlab.data.speech.augment import Augmentation
from attnlab.data.speech.features import FeatureExtractor, Frames, middle_frames, refuse_beyond
from attnlab.data.speech.given import RecordingReader
from attnlab.data.speech.prepare import Meta, Preparation
from attnlab.data.speech.source import DIGITS, RecordingSource
from attnlab.data.speech.sources import RECORDINGS
from attnlab.data.speech.splits import Listing, drop_unknown, with_speakers
from attnlab.disk import make_folder, read_json
from attnlab.errors import UserError
from attnlab.local_files import user_path
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec, Target


class Speech(Data):
    """A prepared set of recordings; frames have no parts. spec: that of a run, whose classes and means then hold. Raises
    UserError where there are no training recordings, or none that is as long as the keys ask for."""

    def __init__(self, config: DataConfig, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        assert isinstance(config, SpeechData)
        self.config = config
        self.source = source = open_source(config, RecordingSource)
        self.notice, self.commit, self.ceiling = source.notice, source.commit, source.ceiling
        self.extractor, self.augmentation = FeatureExtractor(config), Augmentation(config, seed)
        self.preparation = Preparation(config, source, self.extractor, self.augmentation.alters_samples)
        preparation = self.preparation
        recordings = preparation.folder()
        meta = read_json(recordings / "meta.json", Meta)
        columns = Columns(recordings / "recordings.arrow")
        self.listing = Listing(*(columns.strings(name) for name in ("key", "owner", "label", "speaker", "split")))
        self.unnamed = not any(self.listing.splits)
        self.transcripts = columns.strings("transcript")
        self.features, self.summary = columns.ragged("features"), columns.ragged("summary")
        self.samples = columns.ragged("samples") if self.augmentation.alters_samples else None
        self.counts = self.features.lengths // self.extractor.size
        if spec is None:
            refuse_beyond(config, meta["longest"], int(self.counts.max()))
        self.mark_names = meta["marks"]
        self.marks = columns.ragged("marks") if self.mark_names else None
        self.mark_target = "digit" if config.join is not None else source.mark_target
        with_speaker, self.warnings = with_speakers(config, self.listing)
        self.examples = self.listing.part(with_speaker).examples(config)
        chosen = self.examples.chosen(config)
        rows = {name: with_speaker[own] for name, own in chosen.rows.items()}
        left_out = {"divided": "what can be used"} if len(with_speaker) < len(self.listing.keys) else {}
        # A run that an earlier version stopped must not go on with other recordings.
        changes: dict[str, object] = {"changes": meta["changes"]} if meta["changes"] else {}
        self.fingerprint = preparation.fingerprint(changes | meta["divided"] | left_out | chosen.settings)
        # What depends on the split too, such as baselines, has a folder beside the one that all splits share.
        self.folder = cache_folder(config.cache) / f"speech-{config.name}-{self.fingerprint}"
        make_folder(self.folder)
        prepared = (preparation.names.shown(warning) for warning in meta["warnings"])
        self.warnings = [*source.warnings, *prepared, *self.warnings, *chosen.warnings]
        if spec is None and not len(rows["train"]):
            reason = f"; {meta['skipped']}" if meta["skipped"] else ""
            raise UserError(f"data={config.name}: there are no training recordings{reason}")
        self.spec = spec if spec is not None else self._learned(rows["train"])
        if "label" in self.spec.targets:
            self.warnings += drop_unknown(config, self.listing, rows, set(self.spec.targets["label"].classes))
        if (
            "label" in self.spec.targets and config.join is None
        ):  # joined, a whole is of its first recording's class
            counts = {name: Counter(self.listing.labels[i] for i in own) for name, own in rows.items() if len(own)}
            self.warnings += missing_classes(self.spec.targets["label"], counts)
        self.splits = {name: SpeechSplit(self, rows[name]) for name in NAMES if len(rows[name])}

    @classmethod
    def unlabelled(cls, config: DataConfig) -> DataConfig:
        assert isinstance(config, SpeechData)
        labelled = config.path is None or config.source not in ("folder", "manifest")
        if config.source == "folder":
            labelled = in_class_folders(config, RECORDINGS)
        elif config.source == "manifest" and config.path is not None:
            labelled = has_columns(user_path(config.path), ["label"])
        return config if labelled else replace(config, label=None)

    @classmethod
    def folds(cls, config: DataConfig, seed: int) -> Folds:
        assert isinstance(config, SpeechData) and config.folds is not None
        return cls(replace(config, fold=None), seed).examples.folds(config)

    @classmethod
    def reader(cls, config: DataConfig, spec: DataSpec, parts: bool = False) -> RecordingReader:
        return RecordingReader(config, spec)

    def frames(self, rows: Indices, epoch: int | None = None) -> tuple[Frames, NDArray[np.int64] | None]:
        """(B,) rows -> their frames, normalised over each recording if that is wanted; with an epoch, of augmented samples,
        and then (frames,) the row of each among the prepared frames of marked recordings, else None: the same."""
        counts = self.counts[rows]
        if epoch is None or self.samples is None:
            values = self.features.take(rows).reshape(-1, self.extractor.size)
            return Frames(torch.from_numpy(values), counts), None
        augmented = self.augmentation.augment(self.samples.rows(rows), rows, epoch)
        frames = self.extractor.frames(augmented.waveforms)
        if self.config.normalise == "utterance":
            frames = frames.normalised()
        if self.marks is None:
            return frames, None
        return frames, augmented.original_frames(frames, counts, self.extractor)

    # --- what training recordings know ------------------------------------------------------------

    def _learned(self, train: Indices) -> DataSpec:
        """Classes and means of the training recordings."""
        if not len(train):
            raise no_training(self.config, self.source, "training recordings")
        texts, codecs = [self.transcripts[i] for i in train], {}
        if all(texts):
            codecs["target"] = Codec.learn(texts, self.config.tokens, self.config.subwords)
        mean = std = np.zeros(0)
        if self.config.normalise == "training":
            frames = self.features.take(train).reshape(-1, self.extractor.size).astype(np.float64)
            mean, std = frames.mean(axis=0), frames.std(axis=0) + 1e-3
        return DataSpec(
            modality="speech",
            num_coords=1,
            features=self.extractor.size * self.config.stack,
            targets=self._targets(train, transcribed=bool(codecs)),
            vocabularies={},
            frame_seconds=self.extractor.hop * self.config.stack / self.config.rate,
            feature_mean=tuple(mean.tolist()),
            feature_std=tuple(std.tolist()),
            codecs=codecs,
        )

    def _targets(self, train: Indices, transcribed: bool) -> dict[str, Target]:
        """What can be learned: classes where all recordings have one, transcripts, and marks of frames."""
        targets = {}
        labels = Counter(self.listing.labels[i] for i in train)
        if "" not in labels:
            targets["label"] = _classes("class", labels)
        if transcribed:
            targets["transcript"] = Target("sequence", codec="target")
        if self.marks is not None:
            numbers = np.bincount(self.marks.take(train), minlength=len(self.mark_names)).tolist()
            marks = {mark: n for mark, n in zip(self.mark_names, numbers, strict=True) if mark and n}
            if marks:  # joined recordings may have transcripts, but no labels
                targets[self.mark_target] = _classes("vector_classes", marks)
        return targets


class SpeechSplit(Split):
    """Training, validation or test recordings. rows: their numbers among all that were prepared."""

    def __init__(self, data: Speech, rows: Indices) -> None:
        self.data, self.rows, self.stack = data, rows, data.config.stack
        self.keys = [data.listing.keys[i] for i in rows]
        self.lengths = -(-data.counts[rows] // self.stack)
        targets = data.spec.targets
        if "transcript" in targets:
            encoded = data.spec.codecs[targets["transcript"].codec].encode([data.transcripts[i] for i in rows])
            ids = [np.array(tokens) for tokens in encoded]
            self._transcripts = Sequences(ids, np.array([len(tokens) for tokens in ids], dtype=np.int64))
        if "label" in targets:
            self._class_of_row = _class_numbers(data.listing.labels, targets["label"])
        if data.mark_target in targets:
            self._class_of_mark = _class_numbers(data.mark_names, targets[data.mark_target])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of recordings -> (N, stack·F), packed. With an epoch, augmented as the configuration says."""
        data, rows = self.data, self.rows[indices]
        frames, originals = data.frames(rows, epoch)
        frames = frames.standardised(data.spec.feature_mean, data.spec.feature_std)
        if epoch is not None and data.augmentation.masks_frames:
            frames = data.augmentation.mask(frames, rows, epoch)
        targets: dict[str, torch.Tensor | VectorSets] = {}
        if "label" in data.spec.targets:
            targets["label"] = torch.from_numpy(self._class_of_row[rows])
        if data.marks is not None and data.mark_target in data.spec.targets:
            marks = data.marks.take(rows)
            marks = (marks if originals is None else marks[originals])[middle_frames(frames.counts, self.stack)]
            targets[data.mark_target] = torch.from_numpy(self._class_of_mark[marks])
        if "transcript" in data.spec.targets:
            targets["transcript"] = self._transcripts.take(indices)
        return Batch(frames.stacked(self.stack), targets, tuple(self.keys[i] for i in indices))

    def content(self, i: int) -> bytes:
        return self.data.features[self.rows[i]].tobytes()

    def show(self, i: int) -> dict[str, object]:
        """The recording's key, and its transcript where it has one."""
        transcript = self.data.transcripts[self.rows[i]]
        return {"recording": self.keys[i]} | ({"said": transcript} if transcript else {})

    def kept(self, i: int) -> dict[str, str]:
        """The file that a row of a list names, as it stands there, but without the folders of this machine."""
        if self.data.config.source != "manifest":
            return {}
        file = PurePath(self.data.listing.owners[self.rows[i]])
        return {"file": file.name if file.is_absolute() else file.as_posix()}

    def picture(self, i: int) -> NDArray[np.float32]:
        """(F, frames): its spectrogram; time to the right, pitch upwards."""
        return self[i].inputs.values.numpy().reshape(-1, self.data.extractor.size).T[::-1]

    def playback(self, i: int) -> Playback | None:
        data, row = self.data, int(self.rows[i])
        samples = data.preparation.samples(self.keys[i]) if data.samples is None else data.samples[row]
        if samples is None or data.extractor.count(np.array([len(samples)])) != data.counts[row]:
            return None
        return Playback(samples, data.config.rate)

    def gold(self, target: str) -> Sequence[Gold]:
        """The class, the transcript, or the label of each vector; "" is not scored. Raises UserError for a target that the
        data don't have, and for transcripts where one is missing."""
        data = self.data
        if target == "label":
            return [data.listing.labels[row] for row in self.rows]
        if target == "transcript":
            texts = [data.transcripts[row] for row in self.rows]
            if "" in texts:
                raise UserError(
                    f"`head.target=transcript`: {self.keys[texts.index('')]} comes without a transcript"
                )
            return texts
        if data.marks is None or target != data.mark_target:
            raise UserError(f"`head.target={target}`: the data have {', '.join(data.spec.targets)}")
        pairs = zip(data.marks.rows(self.rows), data.counts[self.rows, None], strict=True)
        middles = [marks[middle_frames(count, self.stack)] for marks, count in pairs]
        return [[data.mark_names[mark] for mark in marks] for marks in middles]

    def summaries(self) -> NDArray[np.float32]:
        return np.stack(self.data.summary.rows(self.rows))

    def loudness(self) -> list[NDArray[np.float32]]:
        levels_of_each, size = [], self.data.extractor.size
        for row in self.rows:
            frames = self.data.features[row].reshape(-1, size)
            if self.data.config.normalise == "utterance":
                frames = frames * self.data.summary[row][size:]
            levels = frames.mean(axis=1)
            middle = middle_frames(np.array([len(levels)]), self.stack)
            levels_of_each.append((levels - levels.mean())[middle])
        return levels_of_each

    def ceiling(self) -> float | None:
        return self.data.ceiling


def _classes(kind: str, counts: dict[str, int]) -> Target:
    """Digits in counting order, other names by the alphabet."""
    names = sorted(counts, key=lambda name: (DIGITS.index(name) if name in DIGITS else len(DIGITS), name))
    return Target(kind, tuple(names), tuple(counts[name] for name in names))


def _class_numbers(names: Sequence[str], target: Target) -> NDArray[np.int64]:
    """The class of each name, −1 for none."""
    numbers = {name: i for i, name in enumerate(target.classes)}
    return np.array([numbers.get(name, -1) for name in names], dtype=np.int64)
