"""Recordings that a user gives a run: files, or arrays of samples with their rate."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from attnlab.config import DataConfig, SpeechData
from attnlab.data.contract import GivenSplit, Input, Playback, Reader
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.inputs import file_inputs
from attnlab.data.speech.audio_file import Samples, read_sound, refuse_longer, to_waveform
from attnlab.data.speech.features import FeatureExtractor, Frames
from attnlab.data.speech.sources import ENDINGS
from attnlab.errors import UserError
from attnlab.local_files import is_regular, user_path
from attnlab.sets import Batch
from attnlab.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Measured:
    """A recording as the run sees it. samples: reads it once more, since the sound of many would fill the memory."""

    frames: Frames
    samples: Callable[[], Samples]


class RecordingReader(Reader[Measured]):
    """Measures recordings as the run's own were."""

    block = 32
    what = "recording"

    def __init__(self, config: DataConfig, spec: DataSpec) -> None:
        assert isinstance(config, SpeechData)
        self.config, self.spec, self.extractor = config, spec, FeatureExtractor(config)

    def inputs(self, words: Sequence[str], stdin: Iterable[bytes]) -> Iterator[Input]:
        return file_inputs(words, stdin, ENDINGS, self.what)

    def example(self, value: object, key: str) -> Measured:
        """A file's path, or (samples, rate) with samples of shape (T,) or (T, channels), as its frames. Raises UserError
        for anything else, and for a recording that is longer than `data.max_seconds`, unless such ones are cut."""
        samples = self._samples(value, key)
        if self.config.too_long != "cut":
            refuse_longer(key, len(samples), self.config)
        frames = self.extractor.frames([to_waveform(self._cut(samples))])
        frames = frames.normalised() if self.config.normalise == "utterance" else frames
        return Measured(frames, lambda: self._cut(self._samples(value, key)))

    def _cut(self, samples: Samples) -> Samples:
        return samples[: round(self.config.max_seconds * self.config.rate)]

    def _samples(self, value: object, key: str) -> Samples:
        if isinstance(value, str | Path):
            path = user_path(str(value))
            if not is_regular(path):
                raise UserError(f"{path}: {'a folder, not a recording' if path.is_dir() else 'no such file'}")
            return read_sound(path, self.config).samples
        return read_sound(key, self.config, _as_file(value)).samples

    def split(self, examples: Sequence[Measured], keys: Sequence[str]) -> "GivenRecordings":
        return GivenRecordings(examples, keys, self.config, self.spec)


def _as_file(value: object) -> bytes:
    """Samples with their rate as a wav file, which is read as any other. Raises UserError for anything else."""
    wanted = (
        "give each recording as a file, or as (samples, rate) with samples of int16, or of floats between -1 and 1"
    )
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[1], int | np.integer):
        raise UserError(wanted)
    samples, rate = np.asarray(value[0]), int(value[1])
    if samples.dtype != np.int16 and samples.dtype.kind != "f":
        raise UserError(f"{wanted}, not of {samples.dtype}")
    if samples.ndim not in (1, 2) or not len(samples) or rate < 1:
        raise UserError(
            f"{wanted}, in shape (T,) or (T, channels), not {samples.shape}, at {rate} samples per second"
        )
    stream, integers = io.BytesIO(), samples.dtype == np.int16
    try:
        written = samples if integers else samples.astype(np.float32)
        soundfile.write(stream, written, rate, format="WAV", subtype="PCM_16" if integers else "FLOAT")
    except (soundfile.LibsndfileError, ValueError, TypeError) as error:
        raise UserError(f"{wanted}: {error}") from error
    return stream.getvalue()


class GivenRecordings(GivenSplit):
    """Recordings without classes or transcripts, by their frames."""

    def __init__(
        self, recordings: Sequence[Measured], keys: Sequence[str], config: SpeechData, spec: DataSpec
    ) -> None:
        self.recordings, self.keys, self.config, self.spec = recordings, keys, config, spec
        counts = np.array([int(each.frames.counts[0]) for each in recordings], dtype=np.int64)
        self.lengths = -(-counts // config.stack)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of recordings -> (N, stack·F), packed. Never augmented."""
        chosen = [self.recordings[i].frames for i in indices]
        frames = Frames(
            torch.cat([each.values for each in chosen]), np.concatenate([each.counts for each in chosen])
        )
        frames = frames.standardised(self.spec.feature_mean, self.spec.feature_std)
        return Batch(frames.stacked(self.config.stack), {}, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, object]:
        return {"recording": self.keys[i]}

    def playback(self, i: int) -> Playback:
        return Playback(self.recordings[i].samples(), self.config.rate)
