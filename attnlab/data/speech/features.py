"""Samples to frames of features."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.compliance import kaldi

from attnlab.config import SpeechData
from attnlab.data.speech.augment import Sound, ranges
from attnlab.errors import UserError

QUIETEST = 1e-6
"""Added to the energy of a band before its logarithm."""


class Frames:
    """Measures frames of packed recordings as the configuration says: log-mel, MFCC or Kaldi's fbank."""

    def __init__(self, config: SpeechData) -> None:
        self.window, self.hop = (round(config.rate * ms / 1000) for ms in (config.window, config.hop))
        if self.window < 2 or self.hop < 1:
            raise UserError(f"`data.window={config.window}`: less than two samples at {config.rate} Hz")
        self.config = config
        self.size = config.coefficients if config.features == "mfcc" else config.bands
        points = 1 << (self.window - 1).bit_length()
        self._left = (points - self.window) // 2  # the transform's window stands in the middle of its points
        self._spectrum = torchaudio.transforms.Spectrogram(points, self.window, self.hop, power=None, center=False)
        # Filters below the resolution of the spectrum are refused here, not warned of.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self._mel = torchaudio.transforms.MelScale(
                config.bands, config.rate, 20.0, config.rate / 2, points // 2 + 1
            )
        if bool((self._mel.fb.sum(0) == 0).any()):
            raise UserError(
                f"`data.bands={config.bands}`: more than a window of {config.window:g} ms at {config.rate} Hz can tell "
                "apart; use fewer bands or a longer window"
            )
        self._cosines = torchaudio.functional.create_dct(self.size, config.bands, norm="ortho")

    def count(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many frames recordings of so many samples have."""
        return 1 + np.maximum(samples - self.window, 0) // self.hop

    def measure(self, sounds: Sequence[Sound]) -> tuple[Tensor, NDArray[np.int64]]:
        """Recordings, each (samples,) float -> (frames, F) of all, and how many frames each has."""
        lengths = np.array([len(sound) for sound in sounds])
        counts = self.count(lengths)
        room = counts + (self.window - 1) // self.hop + 1  # in hops: no frame reaches into the next recording
        first = np.cumsum(room) - room
        end_to_end = np.zeros(self._left + int(room.sum()) * self.hop + 2 * self.window, dtype=np.float32)
        for sound, start, count in zip(sounds, (self._left + first * self.hop).tolist(), counts, strict=True):
            used = sound[: (count - 1) * self.hop + self.window]
            end_to_end[start : start + len(used)] = used
        rows = torch.from_numpy(ranges(first, counts))
        packed = torch.from_numpy(end_to_end)
        if self.config.features == "fbank":
            # Kaldi's own units: 16-bit loudness, and milliseconds that it rounds down to samples.
            window, hop = ((samples + 1e-3) * 1000 / self.config.rate for samples in (self.window, self.hop))
            return kaldi.fbank(
                packed[None, self._left :] * 32768, num_mel_bins=self.config.bands, dither=0.0,
                sample_frequency=float(self.config.rate), frame_length=window, frame_shift=hop,
            )[rows], counts  # fmt: skip
        spectrum = self._spectrum(packed)  # (frequencies, all frames)
        energy = self._mel(spectrum.real.square() + spectrum.imag.square())[:, rows].T
        bands = (energy + QUIETEST).log()
        return (bands @ self._cosines if self.config.features == "mfcc" else bands), counts


def normalised(frames: Tensor, counts: NDArray[np.int64]) -> Tensor:
    """Every feature to mean 0 and variance 1 over its own recording; (frames, F)."""
    values, starts = frames.numpy(), np.cumsum(counts) - counts
    owner, number = np.repeat(np.arange(len(counts)), counts), counts[:, None].astype(np.float32)
    centred = values - (np.add.reduceat(values, starts) / number)[owner]
    variance = np.add.reduceat(np.square(centred), starts) / number
    centred *= (1 / np.sqrt(variance + 1e-3))[owner]
    return torch.from_numpy(centred)
