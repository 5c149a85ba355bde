"""Lines of text files in any encoding, plain or packed, in stretches that fit into memory."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from attnlab.errors import UserError
from attnlab.local_files import open_regular

STRETCH = 1 << 22
"""Bytes of a file that are looked at together."""
NO_TEXT = {
    b"\x1f\x8b": "a gzip file; let its name end in .gz, or unpack it",
    b"PK\x03\x04": "a zip file or a spreadsheet (.xlsx); unpack it, or save it as text",
    b"\xd0\xcf\x11\xe0": "an older Excel or Word file; save it as text",
    b"PAR1\x15": "a Parquet file; save it as text",
    b"BZh91AY&SY": "a bzip2 file; unpack it",
    b"\xfd7zXZ": "an xz file; unpack it",
    b"\x28\xb5\x2f\xfd": "a zstd file; unpack it",
    b"version https://git-lfs.github.com/spec/": "only a pointer of Git LFS to the file; `git lfs pull` fetches it",
}
"""How files begin that are no text, and what to do about it."""


@dataclass(frozen=True)
class Lines:
    """A stretch of a text file in whole lines: small enough for memory, and plain enough for another process.

    first: the number of its first line. data: UTF-8, whatever the file's own encoding; bytes that are no text stay as
    they are, so that `unreadable` can tell in which row they stand.
    """

    path: Path
    first: int
    data: bytes
    encoding: str | None = None

    def numbered(self) -> Iterator[tuple[int, str]]:
        """(number, line with its end)"""
        # Only a line feed ends a line: words may hold any other character that looks like an end.
        return enumerate(io.StringIO(self.data.decode(errors="surrogateescape"), newline="\n"), self.first)


def stretches(path: Path, encoding: str | None = None, paragraphs: bool = False) -> Iterator[Lines]:
    """A text file, plain or .gz, in stretches that end with a line; of paragraphs, with an empty line.

    encoding: `data.encoding`; None where no key says it: UTF-8. A byte order mark is dropped. Raises UserError for a file
    that cannot be opened, or is not of this encoding, and for a damaged .gz.
    """
    first, rest = 1, b""
    try:
        with (
            open_regular(path) as file,
            gzip.GzipFile(fileobj=file) if path.suffix.lower() == ".gz" else file as stream,
        ):
            for piece in _utf8(stream, path, encoding):
                rest += piece
                end = (
                    max(rest.rfind(b"\n\n") + 2, rest.rfind(b"\n\r\n") + 3)
                    if paragraphs
                    else rest.rfind(b"\n") + 1
                )
                if end > 2 or (end and not paragraphs):  # below that there is no such end
                    yield Lines(path, first, rest[:end], encoding)
                    first += rest.count(b"\n", 0, end)
                    rest = rest[end:]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error})") from error
    if first == 1 and b"\n" not in rest and b"\r" in rest.rstrip(b"\r"):
        raise UserError(f"{path}: its lines end with carriage returns alone; save it with the line ends of Unix")
    if rest:
        yield Lines(path, first, rest, encoding)


def _utf8(stream: BinaryIO | gzip.GzipFile, path: Path, encoding: str | None) -> Iterator[bytes]:
    """A file's contents as UTF-8, in pieces of any length."""
    plain = encoding is None or codecs.lookup(encoding).name == "utf-8"
    decoder = None if plain else codecs.getincrementaldecoder(str(encoding))("surrogateescape")
    beginning = True
    while data := stream.read(STRETCH):
        if beginning and (form := next((form for start, form in NO_TEXT.items() if data.startswith(start)), "")):
            raise UserError(f"{path}: {form}")
        if decoder is not None:
            try:
                data = decoder.decode(data).encode(errors="surrogateescape")
            except UnicodeError as error:
                raise UserError(f"{path}: not {encoding} text (`data.encoding`): {error}") from error
        elif beginning and (data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:2]):
            name = "utf-16-be" if data.startswith(b"\0") else "utf-16"
            if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
                name = "utf-32"
            remedy = "save the file as UTF-8" + ("" if encoding is None else f", or set `data.encoding={name}`")
            raise UserError(f"{path}:1: {name[:6].upper()} text; {remedy}")
        yield data.removeprefix(codecs.BOM_UTF8) if beginning else data
        beginning = False
    if decoder is not None and decoder.getstate()[0]:
        raise UserError(f"{path}: ends within a character of {encoding} (`data.encoding`); truncated?")


def text_lines(path: Path, encoding: str | None = None) -> Iterator[str]:
    """Each line of a text file, plain or .gz, with its end; see `stretches`."""
    for stretch in stretches(path, encoding):
        for _, line in stretch.numbered():
            yield line


def unreadable(text: str, encoding: str | None = None) -> str:
    """Why this text cannot be used; "" where it can."""
    if "\0" in text:
        return "holds a NUL character; text files have none"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        name = "UTF-8" if encoding is None or codecs.lookup(encoding).name == "utf-8" else encoding
        if encoding is None or not "\udc80" <= text[error.start] <= "\udcff":  # no byte of the file stands for it
            return f"not {name} text; save the file as UTF-8"
        remedy = "name its encoding by `data.encoding=`"
        if name == "UTF-8":
            remedy = "name its encoding by `data.encoding=`, which is cp1252 (Windows-1252) of most older files"
        return f"not {name} text; {remedy}, or save it as UTF-8"
    return ""
