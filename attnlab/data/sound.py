"""From sound to feature frames, packed: recordings lie end to end and one call measures them all.

Samples are int16 at one rate. Frame i of a recording covers the samples from i·hop to i·hop + window;
a recording shorter than a window is one frame, filled up with silence.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor
from torchaudio.compliance import kaldi

from attnlab.config import SpeechData
from attnlab.data.batching import Indices, uniform
from attnlab.errors import UserError

Samples = NDArray[np.int16]
QUIETEST = 1e-6
"""Added to the energy of a band before its logarithm."""
NOISE_RANGE = 30.0
"""Added noise lies between `data.noise` and this many dB below it."""


def read_samples(path: Path, rate: int, channels: str) -> Samples:
    """The sound of a wav, flac or ogg file at `rate` samples per second, one channel.

    Raises UserError for a file that is unreadable, empty, or has several channels where they are refused.
    """
    try:
        sound, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path}: not a readable recording ({error.error_string.rstrip('.')})") from error
    if len(sound) == 0:
        raise UserError(f"{path}: the recording is 0 seconds long")
    if not np.isfinite(sound).all():
        raise UserError(f"{path}: the recording holds samples that are no numbers")
    if sound.shape[1] > 1 and channels == "refuse":
        raise UserError(
            f"{path}: the recording has {sound.shape[1]} channels, but `data.channels=refuse`; "
            "choose data.channels=mix or left"
        )
    mono = torch.from_numpy(sound.mean(axis=1) if channels == "mix" else np.ascontiguousarray(sound[:, 0]))
    if own_rate != rate:
        mono = torchaudio.functional.resample(mono, own_rate, rate)
    return to_int16(mono.numpy())


def to_int16(sound: NDArray[np.floating]) -> Samples:
    """Samples between −1 and 1 as whole numbers; louder ones are clipped."""
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)


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
        spectrum = {"n_fft": points, "win_length": self.window, "hop_length": self.hop, "center": False}
        # Filters below the resolution of the spectrum are refused here, not warned of.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self._mel = torchaudio.transforms.MelSpectrogram(
                config.rate, n_mels=config.bands, f_min=20.0, f_max=config.rate / 2, **spectrum
            )
        if bool((self._mel.mel_scale.fb.sum(0) == 0).any()):
            raise UserError(
                f"`data.bands={config.bands}`: more than a window of {config.window:g} ms at {config.rate} Hz can tell "
                "apart; use fewer bands or a longer window"
            )
        self._cosines = torchaudio.functional.create_dct(self.size, config.bands, norm="ortho")

    def count(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many frames recordings of so many samples have."""
        return 1 + np.maximum(samples - self.window, 0) // self.hop

    def measure(self, sound: Tensor, lengths: NDArray[np.int64]) -> Tensor:
        """Packed samples (S,) float of recordings with these lengths -> (frames, F)."""
        counts = self.count(lengths)
        room = counts + (self.window - 1) // self.hop + 1  # in hops: no frame reaches into the next recording
        used = np.minimum(lengths, (counts - 1) * self.hop + self.window)
        first = np.cumsum(room) - room
        spread = torch.zeros(self._left + int(room.sum()) * self.hop + 2 * self.window)
        source = _ranges(np.cumsum(lengths) - lengths, used)
        spread[torch.from_numpy(self._left + _ranges(first * self.hop, used))] = sound[torch.from_numpy(source)]
        rows = torch.from_numpy(_ranges(first, counts))
        if self.config.features == "fbank":
            # Kaldi's own units: 16-bit loudness, and milliseconds that it rounds down to samples.
            window, hop = ((samples + 1e-3) * 1000 / self.config.rate for samples in (self.window, self.hop))
            return kaldi.fbank(
                spread[None, self._left :] * 32768, num_mel_bins=self.config.bands, dither=0.0,
                sample_frequency=float(self.config.rate), frame_length=window, frame_shift=hop,
            )[rows]  # fmt: skip
        energy = self._mel.mel_scale(self._mel.spectrogram(spread)[:, rows]).T
        bands = (energy + QUIETEST).log()
        return bands @ self._cosines if self.config.features == "mfcc" else bands


@dataclass(frozen=True)
class Altered:
    """Recordings after augmentation, and how their time runs.

    sound: (S,) packed; lengths: of each. speed, shift: sample t of the new recording was
    (t − shift) · speed in the old one.
    """

    sound: Tensor
    lengths: NDArray[np.int64]
    speed: NDArray[np.float64]
    shift: NDArray[np.int64]


class Augmentation:
    """Noise, gain, time shift, speed and masks, as a function of (seed, epoch, index) alone."""

    def __init__(self, config: SpeechData, seed: int) -> None:
        self.config, self.seed = config, seed
        self.of_sound = config.noise is not None or bool(config.gain or config.shift or config.speed)
        self.of_frames = bool(config.mask_time or config.mask_bands)

    def alter(self, sound: Tensor, lengths: NDArray[np.int64], indices: Indices, epoch: int) -> Altered:
        """Packed recordings (S,) -> others of nearly the same length."""
        draw = self._draws(indices, epoch, first=0, number=5)
        speed = 1 + self.config.speed * (2 * draw[0] - 1)
        limit = np.minimum(self.config.shift * self.config.rate / 1000, lengths / 4)
        shift = np.rint((2 * draw[1] - 1) * limit).astype(np.int64)
        new_lengths = np.maximum(np.rint(lengths / speed), 1).astype(np.int64)
        owner = np.repeat(np.arange(len(lengths)), new_lengths)
        if self.config.speed or self.config.shift:
            place = (_ranges(np.zeros_like(new_lengths), new_lengths) - shift[owner]) * speed[owner]
            sound = _between(sound, np.cumsum(lengths) - lengths, lengths, place, owner)
        if self.config.gain:
            factor = 10 ** (self.config.gain * (2 * draw[2] - 1) / 20)
            sound = sound * torch.from_numpy(factor[owner].astype(np.float32))
        if self.config.noise is not None:
            power = np.add.reduceat(np.square(sound.numpy()), np.cumsum(new_lengths) - new_lengths) / new_lengths
            ratio = self.config.noise + NOISE_RANGE * draw[3]
            loudness = np.sqrt(power) * 10 ** (-ratio / 20)
            start = (draw[4] * len(_noise())).astype(np.int64)
            noise = _noise()[_ranges(start, new_lengths) % len(_noise())] * loudness[owner].astype(np.float32)
            sound = sound + torch.from_numpy(noise)
        return Altered(sound, new_lengths, speed, shift)

    def mask(self, frames: Tensor, counts: NDArray[np.int64], indices: Indices, epoch: int) -> Tensor:
        """SpecAugment (Park et al. 2019, section 2): stretches of time and ranges of features become 0, the mean."""
        draw = self._draws(indices, epoch, first=5, number=8)
        owner = np.repeat(np.arange(len(counts)), counts)
        place = _ranges(np.zeros_like(counts), counts)
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

    def _draws(self, indices: Indices, epoch: int, first: int, number: int) -> list[NDArray[np.float64]]:
        return [uniform(self.seed, epoch, indices, np.full_like(indices, first + i)) for i in range(number)]


def normalised(frames: Tensor, counts: NDArray[np.int64]) -> Tensor:
    """Every feature to mean 0 and variance 1 over its own recording; (frames, F)."""
    values, starts = frames.numpy(), np.cumsum(counts) - counts
    owner, number = np.repeat(np.arange(len(counts)), counts), counts[:, None].astype(np.float32)
    centred = values - (np.add.reduceat(values, starts) / number)[owner]
    variance = np.add.reduceat(np.square(centred), starts) / number
    return torch.from_numpy(centred / np.sqrt(variance + 1e-3)[owner])


def _between(
    sound: Tensor,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    place: NDArray[np.float64],
    owner: NDArray,
) -> Tensor:
    """The sound at fractional places of its recordings, by straight lines between samples; silence beyond them."""
    below = np.floor(place)
    share = torch.from_numpy((place - below).astype(np.float32))
    last = lengths[owner] - 1
    outside = torch.from_numpy((place < 0) | (place > last))
    left = np.clip(below, 0, last).astype(np.int64)
    right = np.minimum(left + 1, last)
    first = starts[owner]
    a, b = (sound[torch.from_numpy(first + at)] for at in (left, right))
    return torch.lerp(a, b, share).masked_fill(outside, 0.0)


def _ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """starts[0], starts[0]+1, … lengths[0] numbers of it, then those from starts[1], …"""
    before = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)


_POOL: list[NDArray[np.float32]] = []


def _noise() -> NDArray[np.float32]:
    """A minute of noise of power 1, white in turn with darker and darker kinds; made once, always the same."""
    if not _POOL:
        white = np.random.default_rng(0).standard_normal(1 << 19).astype(np.float32)
        kinds = []
        for stretch, memory in zip(np.split(white, 64), np.resize((0.0, 0.5, 0.8, 0.95), 64), strict=True):
            spectrum = np.fft.rfft(stretch) / np.abs(1 - memory * np.exp(-1j * np.linspace(0, np.pi, 4097)))
            kind = np.fft.irfft(spectrum)
            kinds.append(kind / kind.std())
        _POOL.append(np.concatenate(kinds).astype(np.float32))
    return _POOL[0]
