"""What the file of a picture says of itself, read before it is decoded: its size, its depth, whether it can be transparent."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from attnlab.data.files.bad_rows import FormerlyRead
from attnlab.errors import UserError

MAX_PIXELS = 100_000_000
"""Of a picture: 300 MB when it is decoded. A file of a few kilobytes can announce more than a machine's memory holds."""
MAX_SCANS = 20
"""Times that a JPEG of MAX_PIXELS may go over its pixels; smaller ones may do so more often, for the same work."""
PNG, GIF = b"\x89PNG\r\n\x1a\n", (b"GIF87a", b"GIF89a")
BRIGHTNESS = (b"gAMA", b"sRGB", b"iCCP")
"""Chunks of a PNG from which a decoder may conclude how bright its levels are meant."""
EXIF, ORIENTATION, LONG = b"Exif\0\0", 0x112, 4
"""Of EXIF data: their sign, the number of the field of the orientation, and the number of a type of 4 bytes."""
TEXTS = {
    b"version https://git-lfs": "it is a pointer of Git LFS; fetch the file itself with `git lfs pull`",
    b"<!doctype html": "it is a web page, not what was to be downloaded",
    b"<html": "it is a web page, not what was to be downloaded",
    b"<svg": "it is an SVG drawing",
    b"<?xml": "it is XML, such as a message of a server or an SVG drawing",
}
"""How texts begin that have the name of a picture, in small letters, and what is said of them."""
BINARY = {
    b"II*\0": "it is a TIFF",
    b"MM\0*": "it is a TIFF",
    b"8BPS": "it is a file of Photoshop",
    b"%PDF": "it is a PDF",
    b"PK\3\4": "it is a ZIP archive; unpack it",
    b"\x1f\x8b": "it is packed by gzip; unpack it",
    b"\0\0\1\0": "it is an icon",
    b"\xff\x0a": "it is a JPEG XL",
    b"\0\0\0\x0cJXL ": "it is a JPEG XL",
    b"\0\0\0\x0cjP  ": "it is a JPEG 2000",
}
"""How files of other formats begin: their names often end in .png or .jpg."""
BRANDS = {b"heic": "a HEIC", b"heix": "a HEIC", b"mif1": "a HEIC", b"avif": "an AVIF", b"avis": "an AVIF"}
"""Of files whose second four bytes are `ftyp`, by the next four."""
COLOUR, PALETTE, ALPHA = 2, 3, 4
"""A PNG's types of colour; ALPHA is a bit of those with a channel of opacity."""


@dataclass(frozen=True)
class Header:
    """Of one picture. bits: of a channel. alpha: whether it has a channel of opacity, or a palette with one. hidden: the one
    colour that stands for full transparency, in the numbers of the file, by channel. scans: how often a JPEG goes over
    its pixels. frames: pictures that follow each other in the file. gamma: whether a PNG of colours says how bright its
    levels are meant. turned: an orientation, 1 to 8, that EXIF data give where the decoder doesn't look for it."""

    height: int
    width: int
    bits: int = 8
    alpha: bool = False
    hidden: tuple[int, ...] = ()
    scans: int = 1
    frames: int = 1
    gamma: bool = False
    turned: int = 1


class _Tolerated(ValueError):
    """Damage, or a kind of picture, that the decoder reads all the same, as earlier versions did."""


def read_header(data: bytes, location: str) -> Header:
    """The header of a PNG, JPEG or WebP file. Raises UserError for a file that is none of them or is damaged, and for a
    picture that cannot be decoded as it stands: too large, of 16 bits, or one that moves."""
    try:
        header = _read(data)
    except (ValueError, IndexError, struct.error) as error:
        reason = str(error) if isinstance(error, ValueError) else "it ends too early; truncated"
        refused = FormerlyRead if isinstance(error, _Tolerated) else UserError
        raise refused(f"{location}: not a readable PNG or JPEG picture ({reason})") from error
    if header.height * header.width == 0:
        raise UserError(f"{location}: a picture of {header.height} × {header.width} pixels")
    if header.height * header.width * max(1.0, header.scans / MAX_SCANS) > MAX_PIXELS:
        size = f"{header.height:,} × {header.width:,} pixels"
        scans = f" in {header.scans:,} scans" if header.scans > MAX_SCANS else ""
        raise FormerlyRead(f"{location}: a picture of {size}{scans}, more than {MAX_PIXELS:,}; save it smaller")
    if header.frames > 1:
        several = f"{header.frames} pictures that follow each other (an animation)"
        refused = FormerlyRead if data.startswith(PNG) else UserError
        raise refused(f"{location}: {several}; save the one you want")
    if header.bits == 16:
        raise UserError(f"{location}: a picture of 16 bits to a channel; save it with 8")
    return header


def _read(data: bytes) -> Header:
    if data.startswith(PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    if data.startswith(GIF):
        return _gif(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    raise ValueError(other_kind(data) or ("it begins like neither" if data else "the file is empty"))


def other_kind(data: bytes) -> str:
    """What a file that is no picture that is read says of itself by how it begins, as half a sentence; "" where that is
    nothing known."""
    if data and not any(data):
        return "all its bytes are 0, as after a download or a copy that was cut off"
    if data[:2] == b"BM" and data[6:10] == bytes(4):
        return "it is a BMP"
    if data[4:8] == b"ftyp" and data[8:12] in BRANDS:
        return f"it is {BRANDS[data[8:12]]}"
    text = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    told = [said for sign, said in BINARY.items() if data.startswith(sign)]
    told += [said for sign, said in TEXTS.items() if text.startswith(sign)]
    return told[0] if told else ""


def _png(data: bytes) -> Header:
    """PNG specification, chapters 5 and 11: chunks with a checksum each, from IHDR to IEND."""
    chunks = _png_chunks(data)
    name, body = next(chunks)
    if name != b"IHDR":
        raise ValueError("its first chunk is not IHDR")
    width, height, bits, colour_type = struct.unpack(">IIBB", body[:10])
    alpha, frames, gamma = bool(colour_type & ALPHA), 1, False
    hidden: tuple[int, ...] = ()
    for name, body in chunks:
        if name == b"tRNS" and colour_type == PALETTE:
            alpha = True
        elif name == b"tRNS" and len(body) == {0: 2, COLOUR: 6}.get(colour_type):
            hidden = struct.unpack(f">{len(body) // 2}H", body)
        elif name == b"acTL":
            frames = struct.unpack(">I", body[:4])[0]
        gamma |= name in BRIGHTNESS and bool(colour_type & COLOUR)
    return Header(height, width, bits, alpha, hidden, frames=frames, gamma=gamma)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, contents) of each chunk; of pixels, which are large, without the contents."""
    start, name, pixels = len(PNG), b"", False
    while name != b"IEND":
        length, name = struct.unpack(">I4s", data[start : start + 8].ljust(8, b"\0"))
        end = start + 8 + length
        if end + 4 > len(data):
            # The decoder reads no further than the last pixels.
            problem = _Tolerated if pixels and name != b"IDAT" else ValueError
            raise problem("it ends before its last chunk; truncated")
        if zlib.crc32(memoryview(data)[start + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            problem = ValueError if name in (b"IHDR", b"PLTE", b"IDAT") else _Tolerated
            raise problem(f"the checksum of its chunk {name.decode('latin-1')!r} is wrong; damaged")
        pixels |= name == b"IDAT"
        yield name, b"" if name == b"IDAT" else data[start + 8 : end]
        start = end + 4


def _jpeg(data: bytes) -> Header:
    """ITU-T T.81, annex B: segments until that of the frame, which has the size. Scans begin with a marker that occurs
    nowhere between them."""
    start, described = 2, list[bytes]()
    while True:
        while data[start] != 0xFF:
            start += 1  # bytes between segments are passed over, as decoders do
        while data[start] == 0xFF:
            start += 1
        marker, start = data[start], start + 1
        if marker in (0xD9, 0xDA):
            raise ValueError("it has no frame with its size; damaged")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits, height, width = struct.unpack_from(">BHH", data, start + 2)
            turned = _turned_unseen(described)
            return Header(height, width, bits, scans=data.count(b"\xff\xda", start), turned=turned)
        if marker == 0xE1:
            described.append(data[start + 2 : start + struct.unpack_from(">H", data, start)[0]])
        if not 0xD0 <= marker <= 0xD8 and marker != 0x01:  # these alone have no length
            start += struct.unpack_from(">H", data, start)[0]


def _turned_unseen(described: list[bytes]) -> int:
    """The orientation that a JPEG's segments for descriptions give. The decoder looks for it in the first one alone, where
    Adobe's programs may put XMP."""
    if not described or described[0].startswith(EXIF):
        return 1
    return next((_orientation(segment) for segment in described if segment.startswith(EXIF)), 1)


def _orientation(exif: bytes) -> int:
    """Exif 2.3, 4.6.2: a header that says where a list of fields begins. 1, upright, where none gives it, or not well."""
    exif = exif.removeprefix(EXIF)
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    try:
        if order is not None:
            (start,) = struct.unpack_from(f"{order}I", exif, 4)
            (count,) = struct.unpack_from(f"{order}H", exif, start)
            for field in range(start + 2, start + 2 + 12 * count, 12):
                number, kind = struct.unpack_from(f"{order}HH", exif, field)
                if number == ORIENTATION:
                    (value,) = struct.unpack_from(order + ("I" if kind == LONG else "H"), exif, field + 8)
                    return value if 1 <= value <= 8 else 1
    except struct.error:
        pass  # what ends too early says nothing; the pixels may be whole
    return 1


def _gif(data: bytes) -> Header:
    """GIF89a specification: blocks until the trailer. One picture alone is refused, since the decoder trusts its sides and its
    numbers of colours, and writes and reads beyond its memory where they are wrong."""
    width, height, packed = struct.unpack_from("<HHB", data, 6)
    start, frames = 13 + _palette(packed), 0
    while data[start] != 0x3B:
        if data[start] == 0x2C:
            frames += 1
            start += 11 + _palette(data[start + 9])
        elif data[start] == 0x21:
            start += 2
        else:
            raise ValueError("a damaged GIF")
        start = _after_blocks(data, start)
    if frames < 2:
        raise _Tolerated("a GIF; save it as PNG")
    return Header(height, width, frames=frames)


def _palette(packed: int) -> int:
    """Bytes of the colours that follow."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _after_blocks(data: bytes, start: int) -> int:
    """Where a row of blocks ends, each of which begins with its length; the last has none."""
    while data[start]:
        start += 1 + data[start]
    return start + 1


def _webp(data: bytes) -> Header:
    """RFC 9649: a simple file with one stream, or an extended one whose first chunk says what there is."""
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[i : i + 3], "little") + 1 for i in (24, 27))
        alpha, frames = bool(data[20] & 0x10), 2 if data[20] & 2 else 1
        return Header(height, width, alpha=alpha, frames=frames, turned=_orientation(_webp_exif(data)))
    if kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        return Header((packed >> 14 & 0x3FFF) + 1, (packed & 0x3FFF) + 1, alpha=bool(packed >> 28 & 1))
    width, height = struct.unpack_from("<HH", data, 26)
    return Header(height & 0x3FFF, width & 0x3FFF)


def _webp_exif(data: bytes) -> bytes:
    """The EXIF data of an extended file; empty where it has none."""
    start = 12
    while start + 8 <= len(data):
        size = int.from_bytes(data[start + 4 : start + 8], "little")
        if data[start : start + 4] == b"EXIF":
            return data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2
    return b""
