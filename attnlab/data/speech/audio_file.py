"""Sound files as 16-bit samples: one channel, at the wanted rate."""

import io
import math
import re
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from attnlab.config import SpeechData
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
OPEN_END = 0x7FFF0000
"""Bytes of sound in headers by programs that didn't know the end when they wrote them."""
HEADER_SLACK = 64
"""Bytes by which headers are off that count themselves, or the padding of an odd number."""
_MISSING_BYTES = re.compile(r"(?m)^data : (\d+) \(should be (\d+)\)")
"""What libsndfile logs of a .wav file that ends early, which it otherwise reads without an error."""


def read_samples(path: Path | str, config: SpeechData, data: bytes | None = None) -> Samples:
    """The samples of a wav, flac or ogg file, (T,) at `data.rate`; of one that is too long, only what shows that it is.

    data: the file's bytes, where it lies in another; path is then what to call it. Raises UserError for a file that is
    unreadable, empty, truncated or too long, whose samples are no sound, or that has several channels where they are
    refused.
    """
    channels, rate = _decoded(path, config, data)  # (T, channels)
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
    if rate != config.rate:
        from scipy.signal import resample_poly

        mono = resample_poly(mono, config.rate, rate)
    return np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16)


def _decoded(path: Path | str, config: SpeechData, data: bytes | None) -> tuple[NDArray[np.float32], int]:
    """(T, channels) and the file's own rate."""
    try:
        with soundfile.SoundFile(path if data is None else io.BytesIO(data)) as file:
            rate, announced = file.samplerate, file.frames
            if not MIN_RATE <= rate <= MAX_RATE:
                raise UserError(f"{path}: {rate} samples per second; recordings have {MIN_RATE} to {MAX_RATE}")
            if announced > UNKNOWN_LENGTH:
                unknown = "its head doesn't say how long the recording is"
                raise UserError(f"{path}: {unknown}; write the file once more")
            if config.too_long == "refuse":
                refuse_longer(str(path), -(-announced * config.rate // rate), config)
            wanted = min(announced, math.ceil((config.max_seconds + 1) * rate))
            channels = file.read(wanted, dtype="float32", always_2d=True)
            missing = _MISSING_BYTES.search(file.extra_info)
    except soundfile.LibsndfileError as error:
        raise UserError(f"{path}: not a readable recording ({error.error_string.rstrip('.')})") from error
    if len(channels) < wanted or (missing and int(missing[2]) + HEADER_SLACK < int(missing[1]) < OPEN_END):
        seconds = f"{len(channels) / rate:.2f} seconds"
        raise UserError(f"{path}: ends after {seconds}, before its head says so; truncated")
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
