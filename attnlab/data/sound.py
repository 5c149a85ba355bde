"""From sound to feature frames: recordings are laid end to end, and one call measures them all.

Samples are int16 at one rate. Frame i of a recording covers the samples from i·hop to i·hop + window;
a recording shorter than a window is one frame, filled up with silence.
"""

import io
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate
from torchaudio.compliance import kaldi

from attnlab.config import SpeechData
from attnlab.data.batching import Indices, uniform
from attnlab.errors import UserError

Samples = NDArray[np.int16]
Sound = NDArray[np.float32]
QUIETEST = 1e-6
"""Added to the energy of a band before its logarithm."""
SLOWEST, QUICKEST = 100, 1_000_000
"""Samples per second of a recording; beyond them, its head is damaged."""
LOUDEST = 16.0
"""24 dB above full scale: nobody's floating-point recording, but whole numbers of 16 bits taken for one."""
UNKNOWN = 1 << 62
"""The number of samples that libsndfile tells where a file's head doesn't say."""
OPEN_END = 0x7FFF0000
"""Bytes of sound announced by programs that didn't know the end when they wrote the head."""
SLACK = 64
"""Bytes by which heads are off that count themselves, or what fills up an odd number."""
_MISSING = re.compile(r"(?m)^data : (\d+) \(should be (\d+)\)")
"""What libsndfile notes of a .wav file that ends early, and otherwise keeps for itself."""
NOISE_RANGE = 30.0
"""Added noise lies between `data.noise` and this many dB below it."""


def read_samples(path: Path | str, config: SpeechData, data: bytes | None = None) -> Samples:
    """The sound of a wav, flac or ogg file at `data.rate` samples per second, one channel.

    Of one longer than `data.max_length` that is cut or dropped, no more is read than shows that it is longer.
    data: the file's bytes, where it lies in another; path is then what to call it.

    Raises UserError for a file that is unreadable, empty, truncated or too long, whose samples are no sound, or that
    has several channels where they are refused.
    """
    try:
        with soundfile.SoundFile(path if data is None else io.BytesIO(data)) as file:
            own_rate, announced = file.samplerate, file.frames
            if not SLOWEST <= own_rate <= QUICKEST:
                raise UserError(f"{path}: {own_rate} samples per second; recordings have {SLOWEST} to {QUICKEST}")
            if announced > UNKNOWN:
                raise UserError(
                    f"{path}: its head doesn't say how long the recording is; write the file once more"
                )
            if config.too_long == "refuse":
                refuse_longer(str(path), -(-announced * config.rate // own_rate), config)
            wanted = min(announced, math.ceil((config.max_length + 1) * own_rate))
            sound = file.read(wanted, dtype="float32", always_2d=True)
            missing = _MISSING.search(file.extra_info)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path}: not a readable recording ({error.error_string.rstrip('.')})") from error
    if len(sound) < wanted or (missing and int(missing[2]) + SLACK < int(missing[1]) < OPEN_END):
        raise UserError(
            f"{path}: ends after {len(sound) / own_rate:.2f} seconds, before its head says so; truncated"
        )
    if len(sound) == 0:
        raise UserError(f"{path}: the recording is 0 seconds long")
    if not np.isfinite(sound).all():
        raise UserError(f"{path}: the recording holds samples that are no numbers")
    if (loudest := float(np.abs(sound).max())) > LOUDEST:
        raise UserError(
            f"{path}: samples of up to {loudest:.0f}, where sound is between -1 and 1; scale them down"
        )
    if sound.shape[1] > 1 and config.channels == "refuse":
        raise UserError(
            f"{path}: the recording has {sound.shape[1]} channels, but `data.channels=refuse`; "
            "choose data.channels=mix or left"
        )
    mono = sound.mean(axis=1) if config.channels == "mix" else np.ascontiguousarray(sound[:, 0])
    if own_rate != config.rate:
        from scipy.signal import resample_poly

        mono = resample_poly(mono, config.rate, own_rate)
    return to_int16(mono)


def refuse_longer(where: str, samples: int, config: SpeechData) -> None:
    """Raise UserError for a recording of more samples, at `data.rate`, than `data.max_length` has."""
    if samples > round(config.max_length * config.rate):
        raise UserError(
            f"{where}: {samples / config.rate:.1f} seconds, more than `data.max_length={config.max_length:g}`; "
            "raise it, or set `data.too_long=cut` or `drop`"
        )


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
        self.of_sound = config.noise is not None or bool(config.gain or config.shift or config.speed)
        self.of_frames = bool(config.mask_time or config.mask_bands)

    def alter(self, recordings: Sequence[Samples], indices: Indices, epoch: int) -> Altered:
        """Recordings -> others of nearly the same length."""
        config, lengths = self.config, np.array([len(samples) for samples in recordings])
        draw = self._draws(indices, epoch, first=0, number=5)
        new_lengths = np.maximum(np.rint(lengths / (1 + config.speed * (2 * draw[0] - 1))), 1).astype(np.int64)
        furthest = np.minimum(config.shift * config.rate / 1000, new_lengths / 4)
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


def normalised(frames: Tensor, counts: NDArray[np.int64]) -> Tensor:
    """Every feature to mean 0 and variance 1 over its own recording; (frames, F)."""
    values, starts = frames.numpy(), np.cumsum(counts) - counts
    owner, number = np.repeat(np.arange(len(counts)), counts), counts[:, None].astype(np.float32)
    centred = values - (np.add.reduceat(values, starts) / number)[owner]
    variance = np.add.reduceat(np.square(centred), starts) / number
    centred *= (1 / np.sqrt(variance + 1e-3))[owner]
    return torch.from_numpy(centred)


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
