"""Waveforms to frames of features, and frames to the vectors of a batch."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.compliance import kaldi

from attnlab.config import SpeechData
from attnlab.data.speech.audio_file import Waveform
from attnlab.errors import UserError
from attnlab.sets import Layout, VectorSets

MIN_ENERGY = 1e-6
"""Added to the energy of a band before its logarithm."""


@dataclass(frozen=True)
class Frames:
    """Frames of B recordings, end to end. values: (frames, F). counts: (B,) frames of each recording."""

    values: Tensor
    counts: NDArray[np.int64]

    @property
    def recording(self) -> NDArray[np.int64]:
        """(frames,): the number of the recording that each frame belongs to."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def position(self) -> NDArray[np.int64]:
        """(frames,): the number of each frame within its recording."""
        return ranges(np.zeros_like(self.counts), self.counts)

    def normalised(self) -> "Frames":
        """Each feature with mean 0 and variance 1 over its own recording."""
        values, starts = self.values.numpy(), np.cumsum(self.counts) - self.counts
        recording, number = self.recording, self.counts[:, None].astype(np.float32)
        centred = values - (np.add.reduceat(values, starts) / number)[recording]
        variance = np.add.reduceat(np.square(centred), starts) / number
        centred *= (1 / np.sqrt(variance + 1e-3))[recording]
        return replace(self, values=torch.from_numpy(centred))

    def standardised(self, mean: Sequence[float], std: Sequence[float]) -> "Frames":
        """Each feature less its mean, in units of its standard deviation; unchanged where no mean is given."""
        if not mean:
            return self
        return replace(self, values=(self.values - torch.tensor(mean)) / torch.tensor(std))

    def stacked(self, stack: int) -> VectorSets:
        """(frames, F) -> (N, stack·F): neighbouring frames as one vector, with its number as coordinate; a recording's last
        vector is filled up with zeros."""
        values, lengths, size = self.values, -(-self.counts // stack), self.values.shape[1]
        if stack > 1:
            padded = np.zeros((int(lengths.sum()) * stack, size), dtype=np.float32)
            padded[ranges((np.cumsum(lengths) - lengths) * stack, self.counts)] = values.numpy()
            values = torch.from_numpy(padded.reshape(-1, stack * size))
        layout = Layout.of(lengths.tolist())
        return VectorSets(values, layout, layout.position[:, None].float())


class FeatureExtractor:
    """Computes frames as the configuration says: log-mel, MFCC or Kaldi's fbank. window, hop: in samples. size: F. Raises
    UserError for a window of less than two samples, and for more bands than it can resolve."""

    def __init__(self, config: SpeechData) -> None:
        self.window, self.hop = (round(config.rate * ms / 1000) for ms in (config.window, config.hop))
        if self.window < 2 or self.hop < 1:
            raise UserError(f"`data.window={config.window}`: less than two samples at {config.rate} Hz")
        self.config = config
        self.size = config.coefficients if config.features == "mfcc" else config.bands
        points = 1 << (self.window - 1).bit_length()
        self._left = (points - self.window) // 2  # the window is in the middle of the transform's points
        self._spectrum = torchaudio.transforms.Spectrogram(points, self.window, self.hop, power=None, center=False)
        with warnings.catch_warnings():  # of empty filters, which are refused below
            warnings.simplefilter("ignore", UserWarning)
            highest, frequencies = config.rate / 2, points // 2 + 1
            self._mel = torchaudio.transforms.MelScale(config.bands, config.rate, 20.0, highest, frequencies)
        if bool((self._mel.fb.sum(0) == 0).any()):
            raise UserError(
                f"`data.bands={config.bands}`: more than a window of {config.window:g} ms at {config.rate} Hz can tell "
                "apart; use fewer bands or a longer window"
            )
        self._cosines = torchaudio.functional.create_dct(self.size, config.bands, norm="ortho")

    def count(self, num_samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """(B,) samples of recordings -> (B,) frames of each."""
        return 1 + np.maximum(num_samples - self.window, 0) // self.hop

    def frames(self, waveforms: Sequence[Waveform]) -> Frames:
        """B waveforms, each (T,) -> their frames (frames, F), those of short ones as if silence followed."""
        counts = self.count(np.array([len(waveform) for waveform in waveforms]))
        room = counts + (self.window - 1) // self.hop + 1  # in hops: no frame reaches into the next recording
        first = np.cumsum(room) - room
        packed = np.zeros(self._left + int(room.sum()) * self.hop + 2 * self.window, dtype=np.float32)
        starts = (self._left + first * self.hop).tolist()
        for waveform, start, count in zip(waveforms, starts, counts, strict=True):
            used = waveform[: (count - 1) * self.hop + self.window]
            packed[start : start + len(used)] = used
        rows = torch.from_numpy(ranges(first, counts))
        return Frames(self._features(torch.from_numpy(packed), rows), counts)

    def _features(self, packed: Tensor, rows: Tensor) -> Tensor:
        """Waveforms end to end (samples,), and which frames of that are wanted -> (frames, F)."""
        if self.config.features == "fbank":
            # In Kaldi's own units: 16-bit amplitudes, and milliseconds that it rounds down to samples.
            window, hop = ((samples + 1e-3) * 1000 / self.config.rate for samples in (self.window, self.hop))
            return kaldi.fbank(
                packed[None, self._left :] * 32768, num_mel_bins=self.config.bands, dither=0.0,
                sample_frequency=float(self.config.rate), frame_length=window, frame_shift=hop,
            )[rows]  # fmt: skip
        spectrum = self._spectrum(packed)  # (frequencies, all frames)
        energy = self._mel(spectrum.real.square() + spectrum.imag.square())[:, rows].T
        bands = (energy + MIN_ENERGY).log()
        return bands @ self._cosines if self.config.features == "mfcc" else bands


def refuse_beyond(config: SpeechData, num_samples: int, num_frames: int) -> None:
    """Raises UserError for a key that is longer than the longest recording, which has so many samples and frames."""
    milliseconds = num_samples * 1000 / config.rate
    limits = {"window": milliseconds, "stack": num_frames, "mask_time": milliseconds, "time_shift": milliseconds}
    for name, highest in limits.items():
        if getattr(config, name) > highest:
            longest = f"{num_frames} frames" if name == "stack" else f"{milliseconds:g} milliseconds"
            raise UserError(
                f"`data.{name}={getattr(config, name):g}`: longer than the longest recording, which has {longest}; it can "
                f"be at most {highest:g}"
            )


def ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """lengths[0] numbers from starts[0] on, then lengths[1] from starts[1] on, …"""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


def middle_frames(counts: NDArray[np.int64], stack: int) -> NDArray[np.int64]:
    """(B,) frames of each recording -> (N,): the row of the frame in the middle of each vector, whose label it has."""
    vectors = -(-counts // stack)
    recording = np.repeat(np.arange(len(counts)), vectors)
    middle = ranges(np.zeros_like(vectors), vectors) * stack + stack // 2
    return (np.cumsum(counts) - counts)[recording] + np.minimum(middle, counts[recording] - 1)
