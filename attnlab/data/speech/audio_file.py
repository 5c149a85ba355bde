"""Sound files as 16-bit samples at the wanted rate."""

import io
import math
import re
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from attnlab.config import SpeechData
from attnlab.errors import UserError

SLOWEST, QUICKEST = 100, 1_000_000
"""Samples per second of a recording; beyond them, its head is damaged."""


Samples = NDArray[np.int16]


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


def read_samples(path: Path | str, config: SpeechData, data: bytes | None = None) -> Samples:
    """The sound of a wav, flac or ogg file at `data.rate` samples per second, one channel.

    Of one longer than `data.max_seconds` that is cut or dropped, no more is read than shows that it is longer.
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
            wanted = min(announced, math.ceil((config.max_seconds + 1) * own_rate))
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
    """Raise UserError for a recording of more samples, at `data.rate`, than `data.max_seconds` has."""
    if samples > round(config.max_seconds * config.rate):
        raise UserError(
            f"{where}: {samples / config.rate:.1f} seconds, more than `data.max_seconds={config.max_seconds:g}`; "
            "raise it, or set `data.too_long=cut` or `drop`"
        )


def to_int16(sound: NDArray[np.floating]) -> Samples:
    """Samples between −1 and 1 as whole numbers; louder ones are clipped."""
    return np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
