"""Sound and pictures with changed bytes are read or refused in one sentence, in bounded time, and libraries write nothing
beside it."""

import io
import struct
import time
import warnings
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
from pictures import noise
from PIL import Image
from recordings import RATE, config, tone

from attnlab.data.image.decode import decoded, with_channels
from attnlab.data.speech.audio_file import read_sound
from attnlab.data.speech.containers import _checksum
from attnlab.errors import UserError

ROUNDS = 60
Generator = np.random.Generator
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\xff\xff\xff\x7f")


def sounds() -> Iterator[tuple[str, bytes]]:
    sound = np.concatenate([tone(1, 1, 7)] * 3)
    for name in (
        "WAV PCM_16", "WAV DOUBLE", "WAV ULAW", "WAV IMA_ADPCM", "RF64 PCM_24", "W64 PCM_16", "FLAC PCM_16", "OGG VORBIS",
        "OGG OPUS", "MP3 MPEG_LAYER_III",
    ):  # fmt: skip
        form, subtype = name.split()
        stream = io.BytesIO()
        soundfile.write(stream, np.stack([sound, sound], axis=1), RATE, format=form, subtype=subtype)
        yield name, stream.getvalue()


def pictures() -> Iterator[tuple[str, bytes]]:
    pixels = noise(12, 10, 4)
    colours = Image.fromarray(pixels[..., :3].copy())
    for name, picture, settings in (
        ("PNG", colours, {}), ("PNG opacity", Image.fromarray(pixels), {}),
        ("PNG palette", colours.quantize(16), {"bits": 4, "transparency": bytes(3)}),
        ("PNG key", colours, {"transparency": (1, 2, 3)}), ("JPEG", colours.resize((64, 48)), {}),
        ("JPEG progressive", colours.resize((64, 48)), {"progressive": True}),
        ("JPEG inks", colours.resize((64, 48)).convert("CMYK"), {}), ("WEBP", Image.fromarray(pixels), {}),
        ("GIF", colours, {}),
    ):  # fmt: skip
        stream = io.BytesIO()
        picture.save(stream, name.split()[0], **settings)
        yield name, stream.getvalue()


def cut(data: bytearray, random: Generator) -> None:
    del data[int(random.integers(len(data))) :]


def changed(data: bytearray, random: Generator) -> None:
    for place in random.integers(0, len(data), random.integers(1, 6)):
        data[place] = random.integers(256)


def head_changed(data: bytearray, random: Generator) -> None:
    place = int(random.integers(0, 60))
    data[place : place + 4] = EXTREMES[random.integers(len(EXTREMES))]


def shortened(data: bytearray, random: Generator) -> None:
    first, last = sorted(random.integers(0, len(data) + 1, 2).tolist())
    del data[first:last]


def repeated(data: bytearray, random: Generator) -> None:
    first, last = sorted(random.integers(0, len(data) + 1, 2).tolist())
    data[first:first] = data[first:last]


MUTATIONS: list[Callable[[bytearray, Generator], None]] = [cut, changed, head_changed, shortened, repeated]


def with_checksums(data: bytes) -> bytes:
    """The file with right checksums, so that what they guard is read, too."""
    if data.startswith(b"\x89PNG"):
        start, parts = 8, [data[:8]]
        while start + 12 <= len(data):
            length = min(struct.unpack_from(">I", data, start)[0], len(data) - start - 12)
            body = data[start + 4 : start + 8 + length]
            parts.append(struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body)))
            start += 12 + length
        return b"".join(parts)
    pages, start = bytearray(data), 0
    while pages[start : start + 4] == b"OggS" and start + 27 < len(pages):
        segments = start + 27 + pages[start + 26]
        end = segments + sum(pages[start + 27 : segments])
        pages[start + 22 : start + 26] = bytes(4)
        pages[start + 22 : start + 26] = struct.pack("<I", _checksum(bytes(pages[start:end])))
        start = end
    return bytes(pages)


def mutated(data: bytes, seed: int) -> bytes:
    random = np.random.default_rng(seed)
    changing = bytearray(data)
    MUTATIONS[seed % len(MUTATIONS)](changing, random)
    return with_checksums(bytes(changing)) if random.integers(2) else bytes(changing)


def survives(read: Callable[[bytes], object], data: bytes, capfd: pytest.CaptureFixture[str]) -> bool:
    """Whether it was read; else it was refused in one sentence."""
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of libraries that compute with what they were given
            read(data)
    except UserError as error:
        assert str(error).startswith("name: ") and "\n" not in str(error)
        return False
    finally:
        assert capfd.readouterr() == ("", "")
        assert time.monotonic() - began < 10
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "data"), list(sounds()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_mutated_recordings(kind: str, data: bytes, capfd) -> None:
    def read(changed: bytes) -> object:
        return read_sound("name", config(max_seconds=20.0), changed)

    assert survives(read, data, capfd)
    assert False in [survives(read, mutated(data, seed), capfd) for seed in range(ROUNDS)]


@pytest.mark.slow
@pytest.mark.parametrize("colour", ["grey", "rgb"])
@pytest.mark.parametrize(
    ("kind", "data"), list(pictures()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_mutated_pictures(kind: str, data: bytes, colour: str, capfd) -> None:
    def read(changed: bytes) -> object:
        pixels = with_channels(decoded(np.frombuffer(changed, dtype=np.uint8), colour, "name"), 1)
        assert pixels.ndim == 3 and pixels.shape[2] == 1 and pixels.dtype == np.uint8
        return pixels

    assert survives(read, data, capfd) == (kind != "GIF")
    assert False in [survives(read, mutated(data, seed), capfd) for seed in range(ROUNDS)]
