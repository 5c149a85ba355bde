"""What the container of a recording says of itself: where its sound ends, and whether it lies there as a whole."""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from attnlab.data.files.bad_rows import FormerlyRead

OGG, FLAC, WAV = b"OggS", b"fLaC", (b"RIFF", b"RIFX", b"RF64")
STREAM_INFO = FLAC + b"\0\0\0\x22"
"""How a .flac file begins whose first block isn't its last: with the 34 bytes of STREAMINFO (RFC 9639, section 8.2)."""
OPEN_END = 0x7FFF0000
"""Bytes of sound in headers by programs that didn't know the end when they wrote them."""
LITTLE = 64
"""Bytes behind the last chunk of a .wav file that are too few to be sound that its head doesn't know of."""
TAGS = (b"TAG", b"ID3", b"APETAGEX")
"""What programs for music append, with a title and the like."""
CHAINED = "several recordings that follow each other; save each as its own file"
FIRST, LAST = 2, 4
"""Bits of a page's type: of a stream's first page, of its last."""
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def refuse_cut_ogg(data: bytes, location: str) -> None:
    """RFC 3533, section 6: pages with a number and a checksum each, the last of each stream marked as such. Raises UserError
    where one is missing or damaged, which decoders pass over, and for one recording after another, of which they read the
    first."""
    open_streams: dict[int, int] = {}  # the number of its last page so far, of each stream that hasn't ended
    ended = False
    for kind, stream, number, whole in _pages(data):
        if not whole:
            raise FormerlyRead(f"{location}: page {number} of the recording is damaged or truncated")
        if kind & FIRST:
            if ended:
                raise FormerlyRead(f"{location}: {CHAINED}")
        elif number != open_streams.get(stream, number) + 1:
            raise FormerlyRead(f"{location}: there is no page before page {number} of the recording; damaged")
        open_streams[stream] = number
        if kind & LAST:
            del open_streams[stream]
            ended = True
    if open_streams:
        raise FormerlyRead(f"{location}: damaged, or ends before the last page of the recording; truncated")


def _pages(data: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """(type, stream, number, whether all of it is there as it was written) of each page, until something else follows."""
    start = 0
    while data.startswith(OGG, start):
        head = data[start : start + 27].ljust(27, b"\0")
        kind, stream, number, checksum, segments = struct.unpack("<5xB8xIIIB", head)
        body = start + 27 + segments
        end = body + sum(data[start + 27 : body])
        page = data[start : start + 22] + bytes(4) + data[start + 26 : end]
        yield kind, stream, number, len(page) == end - start and _checksum(page) == checksum
        start = end


def _checksum(page: bytes) -> int:
    """The CRC of RFC 3533, section 6.2, which is zlib's with all bits in the other order, beginning and ending at 0."""
    crc = ~zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) & 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def refuse_chained_flac(data: bytes, location: str) -> None:
    """Raises UserError for one .flac file behind another, of which decoders read the first."""
    if data.find(STREAM_INFO, len(FLAC)) >= 0:
        raise FormerlyRead(f"{location}: {CHAINED}")


def goes_on(stream: BinaryIO) -> bool:
    """Whether a .wav file goes on behind its last chunk, as where recording was broken off before the head was brought up to
    date, or beyond 4 GiB: decoders read what the head tells, and leave out the rest."""
    length = stream.seek(0, 2)
    stream.seek(0)
    order = ">" if stream.read(4) == b"RIFX" else "<"
    start, has_sound = 12, False
    while start + 8 <= length:
        name, size = _chunk(stream, start, order)
        if not _is_name(name) and _is_name(_chunk(stream, start - 1, order)[0]):
            start -= 1  # some programs don't pad an odd number of bytes
            name, size = _chunk(stream, start, order)
        if name == b"data" and size >= OPEN_END:
            return False
        if not _is_name(name):
            break
        has_sound = has_sound or (name == b"data" and size > 0)
        start += 8 + size + size % 2
    stream.seek(min(start, length) - 1)
    last = stream.read()  # from the byte before, which is no padding in some programs' files
    rest, tagged = last[1:], last.startswith(TAGS) or last.startswith(TAGS, 1)
    return has_sound and len(rest) > LITTLE and not tagged and bool(rest.strip(b"\0"))


def _chunk(stream: BinaryIO, start: int, order: str) -> tuple[bytes, int]:
    """The name and the size of the chunk that begins there."""
    stream.seek(start)
    name, size = struct.unpack(f"{order}4sI", stream.read(8))
    return name, size


def _is_name(name: bytes) -> bool:
    return all(32 <= letter < 127 for letter in name)


def with_length(data: bytes) -> bytes | None:
    """A .wav file whose head says that there are 0 bytes of sound, though some follow, as if it said how many; None for
    any other file. Programs leave the 0 where they cannot go back to write it."""
    if data[:4] not in WAV or data[8:12] != b"WAVE":
        return None
    order = ">" if data.startswith(b"RIFX") else "<"
    start = 12
    while start + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, start)
        if name == b"data":
            rest = len(data) - start - 8
            if size or not rest or _chunks(data, start + 8, order):
                return None
            return data[: start + 4] + struct.pack(f"{order}I", min(rest, 0xFFFFFFFF)) + data[start + 8 :]
        start += 8 + size + size % 2
    return None


def _chunks(data: bytes, start: int, order: str) -> bool:
    """Whether what begins there is chunks with names, up to the end of the file, and so no sound."""
    while start + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, start)
        if not _is_name(name):
            return False
        start += 8 + size + size % 2
    return start in (len(data), len(data) + 1)
