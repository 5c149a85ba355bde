"""Recordings altered for training: speed, shift, gain, noise and masks, drawn from a counter."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from attnlab.config import SpeechData
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.speech.audio_file import Samples, Waveform
from attnlab.data.speech.features import FeatureExtractor, Frames

NOISE_RANGE = 30.0
"""Added noise lies between `data.noise` and this many dB below it."""


@dataclass(frozen=True)
class Augmented:
    """B waveforms after augmentation, and how their time runs: sample t of waveform i was sample
    (t − shift[i]) · speed[i] of its recording."""

    waveforms: list[Waveform]
    speed: NDArray[np.float64]
    shift: NDArray[np.int64]

    def original_frames(
        self, frames: Frames, original_counts: NDArray[np.int64], extractor: FeatureExtractor
    ) -> NDArray[np.int64]:
        """(frames,): for each frame of the waveforms, the row of the frame that had its middle in the recordings, of which
        each has (B,) original_counts frames."""
        recording, half = frames.recording, extractor.window / 2
        middle = frames.position * extractor.hop + half
        middle = (middle - self.shift[recording]) * self.speed[recording]
        position = np.rint((middle - half) / extractor.hop).astype(np.int64)
        first = np.cumsum(original_counts) - original_counts
        return first[recording] + np.clip(position, 0, original_counts[recording] - 1)


class Augmentation:
    """Speed, shift, gain, noise and masks, as a function of (seed, epoch, index) alone."""

    def __init__(self, config: SpeechData, seed: int) -> None:
        self.config, self.seed = config, seed
        self.alters_samples = config.noise is not None or bool(config.gain or config.time_shift or config.speed)
        self.masks_frames = bool(config.mask_time or config.mask_bands)

    def augment(self, recordings: Sequence[Samples], indices: Indices, epoch: int) -> Augmented:
        """B recordings with their numbers (B,) -> waveforms of nearly the same lengths."""
        config, lengths = self.config, np.array([len(samples) for samples in recordings])
        draws = self._draws(indices, epoch, first=0, number=5)
        new_lengths = np.maximum(np.rint(lengths / (1 + config.speed * (2 * draws[0] - 1))), 1).astype(np.int64)
        max_shift = np.minimum(config.time_shift * config.rate / 1000, new_lengths / 4)
        shift = np.rint((2 * draws[1] - 1) * max_shift).astype(np.int64)
        scale = 10 ** (config.gain * (2 * draws[2] - 1) / 20) / 32768
        noise = 0 * draws[3] if config.noise is None else 10 ** (-(config.noise + NOISE_RANGE * draws[3]) / 20)
        waveforms = []
        for i, samples in enumerate(recordings):
            waveform = samples * np.float32(scale[i])
            if new_lengths[i] != lengths[i]:
                values = torch.from_numpy(waveform)[None, None]
                linear = interpolate(values, int(new_lengths[i]), mode="linear", align_corners=True)
                waveform = linear[0, 0].numpy()
            if shift[i]:
                waveform = _shifted(waveform, int(shift[i]))
            if noise[i]:
                power = np.dot(waveform, waveform) / len(waveform)
                waveform = waveform + _noise(draws[4, i], len(waveform)) * np.float32(noise[i] * power**0.5)
            waveforms.append(waveform)
        return Augmented(waveforms, lengths / new_lengths, shift)

    def mask(self, frames: Frames, indices: Indices, epoch: int) -> Frames:
        """SpecAugment (Park et al. 2019, section 2): stretches of time and ranges of features become 0, the mean. indices:
        (B,) numbers of the recordings."""
        counts, recording, position = frames.counts, frames.recording, frames.position
        draws = self._draws(indices, epoch, first=5, number=8)
        num_features = frames.values.shape[1]
        feature = np.arange(num_features)
        masked = np.zeros(frames.values.shape, dtype=bool)
        for time_width, time_start, band_width, band_start in zip(
            draws[0:2], draws[2:4], draws[4:6], draws[6:8], strict=True
        ):
            # No stretch is longer than a fifth of its recording.
            width = np.floor(time_width * (np.minimum(self.config.mask_time / self.config.hop, counts / 5) + 1))
            start = np.floor(time_start * np.maximum(counts - width, 0))
            masked |= ((position >= start[recording]) & (position < (start + width)[recording]))[:, None]
            width = np.floor(band_width * (self.config.mask_bands + 1))
            start = np.floor(band_start * np.maximum(num_features - width, 0))
            masked |= (feature >= start[recording, None]) & (feature < (start + width)[recording, None])
        return replace(frames, values=frames.values.masked_fill(torch.from_numpy(masked), 0.0))

    def _draws(self, indices: Indices, epoch: int, first: int, number: int) -> NDArray[np.float64]:
        """(number, B) in [0, 1)."""
        return np.stack(
            [uniform(self.seed, epoch, indices, np.full_like(indices, first + i)) for i in range(number)]
        )


def _shifted(waveform: Waveform, shift: int) -> Waveform:
    """Later by so many samples (earlier below 0); what is left empty is silence."""
    shifted = np.zeros_like(waveform)
    if shift > 0:
        shifted[shift:] = waveform[:-shift]
    else:
        shifted[:shift] = waveform[-shift:]
    return shifted


def _noise(draw: float, length: int) -> Waveform:
    """(length,) noise of power about 1, from the sample of `_noise_pool` that `draw` in [0, 1) decides."""
    pool = _noise_pool()
    start = int(draw * len(pool))
    return np.resize(np.roll(pool, -start), length) if length > len(pool) - start else pool[start : start + length]


@cache
def _noise_pool() -> Waveform:
    """A minute of noise, white in turn with darker and darker kinds; always the same."""
    white = np.random.default_rng(0).standard_normal(1 << 19)
    kinds = []
    for stretch, memory in zip(np.split(white, 64), np.resize((0.0, 0.5, 0.8, 0.95), 64), strict=True):
        spectrum = np.fft.rfft(stretch) / np.abs(1 - memory * np.exp(-1j * np.linspace(0, np.pi, 4097)))
        kind = np.fft.irfft(spectrum)
        kinds.append(kind / kind.std())
    return np.concatenate(kinds).astype(np.float32)
