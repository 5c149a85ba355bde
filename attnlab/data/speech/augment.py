"""Recordings altered for training: speed, shift, gain, noise and masks, drawn from a counter."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from attnlab.config import SpeechData
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.speech.audio_file import Samples

Sound = NDArray[np.float32]


NOISE_RANGE = 30.0
"""Added noise lies between `data.noise` and this many dB below it."""


@dataclass(frozen=True)
class Altered:
    """Recordings after augmentation, and how their time runs: sample t of new recording i was
    (t − shift[i]) · speed[i] in the old one."""

    sounds: list[Sound]
    speed: NDArray[np.float64]
    shift: NDArray[np.int64]


class Augmentation:
    """Noise, gain, time shift, speed and masks, as a function of (seed, epoch, index) alone."""

    def __init__(self, config: SpeechData, seed: int) -> None:
        self.config, self.seed = config, seed
        self.of_sound = config.noise is not None or bool(config.gain or config.time_shift or config.speed)
        self.of_frames = bool(config.mask_time or config.mask_bands)

    def alter(self, recordings: Sequence[Samples], indices: Indices, epoch: int) -> Altered:
        """Recordings -> others of nearly the same length."""
        config, lengths = self.config, np.array([len(samples) for samples in recordings])
        draw = self._draws(indices, epoch, first=0, number=5)
        new_lengths = np.maximum(np.rint(lengths / (1 + config.speed * (2 * draw[0] - 1))), 1).astype(np.int64)
        furthest = np.minimum(config.time_shift * config.rate / 1000, new_lengths / 4)
        shift = np.rint((2 * draw[1] - 1) * furthest).astype(np.int64)
        factor = 10 ** (config.gain * (2 * draw[2] - 1) / 20) / 32768
        loudness = 0 * draw[3] if config.noise is None else 10 ** (-(config.noise + NOISE_RANGE * draw[3]) / 20)
        sounds = []
        for i, samples in enumerate(recordings):
            sound = samples * np.float32(factor[i])
            if new_lengths[i] != lengths[i]:
                sound = _stretched(sound, int(new_lengths[i]))
            if shift[i]:
                sound = _shifted(sound, int(shift[i]))
            if loudness[i]:
                power = np.dot(sound, sound) / len(sound)
                sound = sound + _noise(draw[4, i], len(sound)) * np.float32(loudness[i] * power**0.5)
            sounds.append(sound)
        return Altered(sounds, lengths / new_lengths, shift)

    def mask(self, frames: Tensor, counts: NDArray[np.int64], indices: Indices, epoch: int) -> Tensor:
        """SpecAugment (Park et al. 2019, section 2): stretches of time and ranges of features become 0, the mean."""
        draw = self._draws(indices, epoch, first=5, number=8)
        owner = np.repeat(np.arange(len(counts)), counts)
        place = ranges(np.zeros_like(counts), counts)
        feature = np.arange(frames.shape[1])
        hidden = np.zeros(frames.shape, dtype=bool)
        for width, start, share, at in zip(draw[0:2], draw[2:4], draw[4:6], draw[6:8], strict=True):
            # No stretch hides more than a fifth of a recording.
            span = np.floor(width * (np.minimum(self.config.mask_time / self.config.hop, counts / 5) + 1))
            begin = np.floor(start * np.maximum(counts - span, 0))
            hidden |= ((place >= begin[owner]) & (place < (begin + span)[owner]))[:, None]
            breadth = np.floor(share * (self.config.mask_bands + 1))
            low = np.floor(at * np.maximum(frames.shape[1] - breadth, 0))
            hidden |= (feature >= low[owner, None]) & (feature < (low + breadth)[owner, None])
        return frames.masked_fill(torch.from_numpy(hidden), 0.0)

    def _draws(self, indices: Indices, epoch: int, first: int, number: int) -> NDArray[np.float64]:
        return np.stack(
            [uniform(self.seed, epoch, indices, np.full_like(indices, first + i)) for i in range(number)]
        )


def ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """lengths[0] numbers from starts[0] on, then lengths[1] from starts[1] on, …"""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


def _stretched(sound: Sound, length: int) -> Sound:
    """The sound in another number of samples, by straight lines between the old ones."""
    return interpolate(torch.from_numpy(sound)[None, None], length, mode="linear", align_corners=True)[
        0, 0
    ].numpy()


def _shifted(sound: Sound, shift: int) -> Sound:
    """Later by so many samples (earlier below 0), with silence where nothing was."""
    found = np.zeros_like(sound)
    if shift > 0:
        found[shift:] = sound[:-shift]
    else:
        found[:shift] = sound[-shift:]
    return found


def _noise(draw: float, length: int) -> Sound:
    """A stretch of noise of power about 1, from a place in the minute of noise that `draw` in [0, 1) decides."""
    pool = _noise_pool()
    start = int(draw * len(pool))
    return np.resize(np.roll(pool, -start), length) if length > len(pool) - start else pool[start : start + length]


@cache
def _noise_pool() -> Sound:
    """A minute of noise, white in turn with darker and darker kinds; always the same."""
    white = np.random.default_rng(0).standard_normal(1 << 19)
    kinds = []
    for stretch, memory in zip(np.split(white, 64), np.resize((0.0, 0.5, 0.8, 0.95), 64), strict=True):
        spectrum = np.fft.rfft(stretch) / np.abs(1 - memory * np.exp(-1j * np.linspace(0, np.pi, 4097)))
        kind = np.fft.irfft(spectrum)
        kinds.append(kind / kind.std())
    return np.concatenate(kinds).astype(np.float32)
