"""Sound files as 16-bit samples: one channel, at the wanted rate."""

import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from attnlab.config import SpeechData
from attnlab.data.files.bad_rows import FormerlyRead
from attnlab.data.files.quiet import captured_stderr
from attnlab.data.speech.containers import (
    FLAC,
    OGG,
    OPEN_END,
    WAV,
    goes_on,
    refuse_chained_flac,
    refuse_cut_ogg,
    with_length,
)
from attnlab.errors import UserError

Samples = NDArray[np.int16]
"""(T,): a recording at `data.rate` samples per second."""
Waveform = NDArray[np.float32]
"""(T,): the same as numbers between −1 and 1."""

MIN_RATE, MAX_RATE = 100, 1_000_000
"""Samples per second of a file; beyond them, its header is damaged."""
MAX_AMPLITUDE = 16.0
"""24 dB above full scale: more than any floating-point recording has, but not 16-bit integers taken for one."""
UNKNOWN_LENGTH = 1 << 62
"""The number of samples that libsndfile gives where the header doesn't have it."""
HEADER_SLACK = 64
"""Bytes by which headers are off that count themselves, or the padding of an odd number."""
_MISSING_BYTES = re.compile(r"(?m)^ *(data|SSND|Data Size|riff|Riff size) *: (\d+) \(should be (\d+)\)")
"""What libsndfile logs of a file that ends early, which it otherwise reads without an error: of wav, aiff, au, w64, rf64."""
UNMEASURED = "recordings whose head says that they are 0 seconds long were read up to the file's end"
"""A rule for what earlier versions refused."""
GOES_ON = (
    "recordings go on behind where their heads say that they end, and that was left out; write them once more, with a head "
    "that tells all of their sound"
)
SOFTER = 0.01
"""Of the power of its channels, the most that is left of a recording whose channels cancel each other: 20 dB less."""
CANCELLED = (
    "recordings whose channels cancel each other became at least 20 dB softer, or silent, when they were mixed; "
    "data.channels=left reads the first channel alone"
)
COARSE = 0.01
"""Of a recording's power, the most that rounding to 16 bits may change: 20 dB less."""
TOO_SOFT = (
    "recordings are so soft that rounding them to 16 bits changes more than 1 % of their power; make them louder"
)
LOUD = "recordings are louder than full scale and were clipped there"
CLIPPED = 1.001
"""The amplitude from which on samples no longer fit into 16 bits; rounding may reach 1."""


@dataclass(frozen=True)
class Sound:
    """A recording that was read. samples: (T,) at `data.rate`. rules: what was done to it that a user should know of, each
    in a sentence for `BadRows.note`."""

    samples: Samples
    rules: tuple[str, ...] = ()


def read_sound(path: Path | str, config: SpeechData, data: bytes | None = None) -> Sound:
    """A wav, flac or ogg file at `data.rate`; of one that is too long, only what shows that it is.

    data: the file's bytes, where it lies in another; path is then what to call it. Raises UserError for a file that is
    unreadable, empty, truncated or too long, whose samples are no sound, or that has several channels where they are
    refused.
    """
    with captured_stderr():  # of decoders, whose problems are told by `error_string`
        channels, rate, headed = _decoded(path, config, data)  # (T, channels)
    if len(channels) == 0:
        raise UserError(f"{path}: the recording is 0 seconds long")
    if not np.isfinite(channels).all():
        raise UserError(f"{path}: the recording holds samples that are no numbers")
    if (highest := float(np.abs(channels).max())) > MAX_AMPLITUDE:
        raise UserError(
            f"{path}: samples of up to {highest:.0f}, where sound is between -1 and 1; scale them down"
        )
    if channels.shape[1] > 1 and config.channels == "refuse":
        raise UserError(
            f"{path}: the recording has {channels.shape[1]} channels, but `data.channels=refuse`; "
            "choose data.channels=mix or left"
        )
    mono = channels.mean(axis=1) if config.channels == "mix" else np.ascontiguousarray(channels[:, 0])
    rules = [*_rules(channels, mono, config), *_rate_rules(rate, config.rate), *headed]
    constant = bool(mono.min() == mono.max())  # resampled, its ends are ripples
    if rate != config.rate:
        from scipy.signal import resample_poly

        mono = resample_poly(mono, config.rate, rate)
    if LOUD not in rules and bool((np.abs(mono) > CLIPPED).any()):
        rules.append("recordings that resampling made louder than full scale were clipped there; make them softer")
    rounded = np.rint(mono * 32768)
    if CANCELLED not in rules:
        rules += _lost_by_rounding(mono * 32768, rounded, constant)
    return Sound(np.clip(rounded, -32768, 32767).astype(np.int16), tuple(rules))


def _lost_by_rounding(exact: NDArray[np.float32], rounded: NDArray[np.float32], constant: bool) -> Iterator[str]:
    """What 16 bits don't hold of (T,) samples in units of their steps, or hold no more of than one number. constant: whether
    they were one in the file."""
    if np.square(exact - rounded).mean() > COARSE * np.square(exact).mean():
        yield TOO_SOFT
    elif constant or rounded.min() == rounded.max():
        yield "recordings are silent: in each, all samples are the same"


def _rules(channels: NDArray[np.float32], mono: NDArray[np.float32], config: SpeechData) -> Iterator[str]:
    """What is lost of (T, channels) where they become one, (T,)."""
    power, left = float(np.square(channels).mean()), float(np.square(mono).mean())
    if channels.shape[1] > 1 and config.channels == "left":
        yield "of recordings with several channels, the first was read (data.channels=left)"
    elif channels.shape[1] > 1:
        yield "recordings with several channels were mixed to one (data.channels=mix)"
        if left < SOFTER * power:
            yield CANCELLED
    if bool((np.abs(mono) > CLIPPED).any()):
        yield LOUD


def _rate_rules(rate: int, wanted: int) -> Iterator[str]:
    """What resampling loses."""
    if rate > wanted:
        yield (
            f"recordings with more than {wanted} samples per second were resampled, which leaves only what is below "
            f"{wanted // 2} Hz (data.rate={wanted})"
        )
    elif rate < wanted:
        yield f"recordings with fewer than {wanted} samples per second were resampled (data.rate={wanted})"


def _decoded(
    path: Path | str, config: SpeechData, data: bytes | None
) -> tuple[NDArray[np.float32], int, Sequence[str]]:
    """(T, channels), the file's own rate, and what was done where its length isn't what its head says."""
    try:
        sign = _sign(path, data)
        if sign == OGG:
            refuse_cut_ogg(Path(path).read_bytes() if data is None else data, str(path))
        elif sign == FLAC:
            refuse_chained_flac(Path(path).read_bytes() if data is None else data, str(path))
        channels, rate = _read(path, path if data is None else io.BytesIO(data), config)
        if len(channels):
            with _opened(path, data) as stream:
                return channels, rate, [GOES_ON] if sign in WAV and goes_on(stream) else []
        whole = with_length(Path(path).read_bytes() if data is None else data)
        if whole is None:
            return channels, rate, []
        return *_read(path, io.BytesIO(whole), config), [UNMEASURED]
    except (soundfile.LibsndfileError, OSError) as error:
        reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else error.strerror
        raise UserError(f"{path}: not a readable recording ({str(reason).rstrip('.')})") from error


def _sign(path: Path | str, data: bytes | None) -> bytes:
    """The first four bytes, which say what container it is."""
    with _opened(path, data) as stream:
        return stream.read(4)


def _opened(path: Path | str, data: bytes | None) -> BinaryIO:
    return Path(path).open("rb") if data is None else io.BytesIO(data)


def _read(
    name: Path | str, opened: Path | str | io.BytesIO, config: SpeechData
) -> tuple[NDArray[np.float32], int]:
    """(T, channels) and the file's own rate; name: what to call it."""
    with soundfile.SoundFile(opened) as file:
        rate, announced = file.samplerate, file.frames
        if not MIN_RATE <= rate <= MAX_RATE:
            raise UserError(f"{name}: {rate} samples per second; recordings have {MIN_RATE} to {MAX_RATE}")
        if announced > UNKNOWN_LENGTH:
            unknown = "its head doesn't say how long the recording is"
            raise UserError(f"{name}: {unknown}; write the file once more")
        if config.too_long == "refuse":
            refuse_longer(str(name), -(-announced * config.rate // rate), config)
        wanted = min(announced, math.ceil((config.max_seconds + 1) * rate))
        channels = file.read(wanted, dtype="float32", always_2d=True)
        missing = _MISSING_BYTES.search(file.extra_info)
    if len(channels) < wanted or (missing and int(missing[3]) + HEADER_SLACK < int(missing[2]) < OPEN_END):
        seconds = f"{len(channels) / rate:.2f} seconds"
        once_read = len(channels) == wanted and missing and missing[1] != "data"
        problem = FormerlyRead if once_read else UserError
        raise problem(f"{name}: ends after {seconds}, before its head says so; truncated")
    return channels, rate


def refuse_longer(key: str, num_samples: int, config: SpeechData) -> None:
    """Raises UserError for a recording of more samples, at `data.rate`, than `data.max_seconds` has."""
    if num_samples > round(config.max_seconds * config.rate):
        raise UserError(
            f"{key}: {num_samples / config.rate:.1f} seconds, more than `data.max_seconds={config.max_seconds:g}`; "
            "raise it, or set `data.too_long=cut` or `drop`"
        )


def to_waveform(samples: Samples) -> Waveform:
    """Integers of 16 bits as numbers between −1 and 1."""
    return samples.astype(np.float32) / np.float32(32768)
