"""Lines and tables of text files, and what happens to a row that cannot be used."""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from attnlab.errors import UserError, suggestion

FORMATS = (".csv", ".tsv", ".jsonl")
csv.field_size_limit(1 << 24)  # a book, where 131,072 characters are the default; an open quote takes in no more
STRETCH = 1 << 22
"""Bytes of a file that are looked at together."""
ROWS = 20_000
"""Rows of a table that are looked at together."""
LARGEST = (2 - 2**-23) * 2.0**127
"""The largest number in single precision."""


class BadRows:
    """Examples that cannot be used. skip: `data.skip_bad`; what: the name of one of them.

    Readers hand every problem to `found`, then go on with the next example.
    """

    def __init__(self, skip: bool, what: str = "row") -> None:
        self.skip, self.what = skip, what
        self.count = 0
        self.first = ""

    def found(self, problem: str, count: int = 1) -> None:
        """problem: where the row stands, what is wrong and what would be right; count: of rows that share it."""
        if not self.skip:
            raise UserError(f"{problem}; put it right, or leave such {self.what}s out with data.skip_bad=true")
        self.add(count, problem)

    def add(self, count: int, first: str) -> None:
        """Those that somebody else has found and counted."""
        self.first = self.first or first
        self.count += count

    def summary(self) -> str:
        """A sentence for the user; empty where every row was good."""
        if not self.count:
            return ""
        were = f"1 bad {self.what} was" if self.count == 1 else f"{self.count:,} bad {self.what}s were"
        return f"{were} left out (data.skip_bad=true); the first: {self.first}"


class Complaints(Protocol):
    """Takes what is wrong with an example, so that the reader goes on with the next one: see `BadRows`."""

    def found(self, problem: str, count: int = 1) -> None: ...


def beyond_length(count: int, whose: str, longest: float, policy: str) -> list[str]:
    """A warning of examples longer than `data.max_length`, as `data.too_long` treated them; none where there are none."""
    if not count:
        return []
    were = "shortened" if policy == "cut" else "left out"
    return [f"longer {whose} were {were} (data.max_length={longest:g} data.too_long={policy}): {count:,}"]


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

    encoding: `data.encoding`; None where the data have no such key. A byte order mark is dropped.
    """
    first, rest = 1, b""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for piece in _utf8(stream, path, encoding):
                rest += piece
                end = (
                    max(rest.rfind(b"\n\n") + 2, rest.rfind(b"\n\r\n") + 3)
                    if paragraphs
                    else rest.rfind(b"\n") + 1
                )
                if end > 2 or (end and not paragraphs):  # below that nothing was found
                    yield Lines(path, first, rest[:end], encoding)
                    first += rest.count(b"\n", 0, end)
                    rest = rest[end:]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error})") from error
    if first == 1 and b"\n" not in rest and b"\r" in rest.rstrip(b"\r"):
        raise UserError(f"{path}: its lines end with carriage returns alone; save it with the line ends of Unix")
    if rest:
        yield Lines(path, first, rest, encoding)


def _utf8(stream: Any, path: Path, encoding: str | None) -> Iterator[bytes]:
    """A file's contents as UTF-8, in pieces of any length."""
    plain = encoding is None or codecs.lookup(encoding).name == "utf-8"
    decoder = None if plain else codecs.getincrementaldecoder(str(encoding))("surrogateescape")
    beginning = True
    while data := stream.read(STRETCH):
        if decoder is not None:
            try:
                data = decoder.decode(data).encode(errors="surrogateescape")
            except UnicodeError as error:
                raise UserError(f"{path}: not {encoding} text (`data.encoding`): {error}") from error
        elif beginning and (data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:2]):
            name = "utf-16-be" if data.startswith(b"\0") else "utf-16"
            remedy = "save the file as UTF-8" + ("" if encoding is None else f", or set `data.encoding={name}`")
            raise UserError(f"{path}:1: UTF-16 text; {remedy}")
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
    """Why this text cannot be used, or nothing."""
    if "\0" in text:
        return "holds a NUL character; text files have none"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        own = "UTF-8" if encoding is None or codecs.lookup(encoding).name == "utf-8" else encoding
        if encoding is None or not "\udc80" <= text[error.start] <= "\udcff":  # no byte of the file stands for it
            return f"not {own} text; save the file as UTF-8"
        other = "name its encoding by `data.encoding=`"
        if own == "UTF-8":
            other = "name its encoding by `data.encoding=`, which is cp1252 (Windows-1252) of most older files"
        return f"not {own} text; {other}, or save it as UTF-8"
    return ""


@dataclass(frozen=True)
class Records:
    """Some rows of a table: (line, the wanted cells), or (line, what is wrong with the row)."""

    rows: list[tuple[int, list[str] | str]]


def table_pieces(
    path: Path, columns: Sequence[str | int], encoding: str | None = None
) -> Iterator["Lines | Records"]:
    """A .csv, .tsv or .jsonl file, also .gz, in pieces for `piece_rows`."""
    if table_format(path) == ".jsonl":
        if isinstance(columns[0], int):
            raise UserError(f"{path}: columns of .jsonl have names; give them instead of numbers")
        yield from stretches(path, encoding)
        return
    # Where a quoted row ends is known only after reading all before it, so these are read here and now.
    noted = _Noted()
    try:
        for line, cells in _rows(path, columns, noted, encoding):
            noted.rows.append((line, cells))
            if len(noted.rows) >= ROWS:
                yield Records(noted.rows)
                noted.rows = []
    except UserError:
        yield Records(noted.rows)  # what is wrong with rows before it is told first
        raise
    yield Records(noted.rows)


class _Noted:
    """Takes the place of `BadRows` where rows are only handed on."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, list[str] | str]] = []

    def found(self, problem: str, count: int = 1) -> None:
        self.rows += [(0, problem)] * count


def piece_rows(
    piece: "Lines | Records",
    columns: Sequence[str | int],
    bad: BadRows,
    path: Path,
    encoding: str | None = None,
    inside: str | None = None,
) -> Iterator[tuple[int, list[str]]]:
    """(line, the wanted cells) of each row of a piece."""
    rows = _records(piece, columns, bad, inside) if isinstance(piece, Lines) else piece.rows
    for line, cells in rows:
        if isinstance(cells, str):
            bad.found(cells)
        elif reason := next(filter(None, (unreadable(cell, encoding) for cell in cells)), ""):
            bad.found(f"{path}:{line}: {reason}")
        else:
            yield line, cells


def read_table(
    path: Path,
    columns: Sequence[str | int],
    bad: BadRows,
    inside: str | None = None,
    encoding: str | None = None,
) -> Iterator[tuple[int, list[str]]]:
    """(line, the wanted cells) of each row of a .csv, .tsv or .jsonl file, also .gz.

    columns: names, which stand in the file's first line, or numbers from 1 where there is no such line. A .csv is
    quoted as RFC 4180 has it, a .tsv never; blank lines are passed over. Of .jsonl, true and false are 1 and 0, and
    null is empty. inside: the object of a .jsonl's row that may hold the columns instead of the row itself.
    """
    for piece in table_pieces(path, columns, encoding):
        yield from piece_rows(piece, columns, bad, path, encoding, inside)


def table_format(path: Path) -> str | None:
    """.csv, .tsv or .jsonl, whether packed or not; None for another file."""
    ending = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return ending if ending in FORMATS else None


def _rows(
    path: Path, columns: Sequence[str | int], bad: Complaints, encoding: str | None
) -> Iterator[tuple[int, list[str]]]:
    """Rows that all have as many cells as the first."""
    places: list[int] = []
    width = 0
    for line, cells in table_rows(path, bad, encoding):
        if not places:
            width = len(cells)
            places = [_place(path, column, cells) for column in columns]
            if isinstance(columns[0], str):
                continue
        if len(cells) != width:
            bad.found(f"{path}:{line}: {len(cells)} columns, where the first row has {width}")
        else:
            yield line, [cells[place] for place in places]


def table_rows(path: Path, bad: Complaints, encoding: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, all cells) of each row of a .csv or .tsv file, the line of names among them."""
    if table_format(path) == ".tsv":
        for number, text in enumerate(text_lines(path, encoding), 1):
            if text.strip("\r\n"):
                yield number, text.rstrip("\r\n").split("\t")
        return
    reader = csv.reader(text_lines(path, encoding), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            # An open quote takes in all lines up to the next one; as good as all of them were rows.
            last = reader.line_num
            taken = f"; a quote opened there runs on to line {last}" if last > line else ""
            bad.found(f"{path}:{line}: not a row of a .csv file ({error}){taken}", max(1, last - line + 1))
            continue
        if cells is None:
            return
        if cells:
            yield line, cells


def _place(path: Path, column: str | int, first: list[str]) -> int:
    """Where a column stands in the rows."""
    if isinstance(column, int):
        if column > len(first):
            raise UserError(f"{path}:1: no column {column}; the first row has {len(first)}")
        return column - 1
    if first.count(column) > 1:
        raise UserError(f"{path}:1: {first.count(column)} columns are called `{column}`; give each its own name")
    if column not in first:
        raise UserError(f"{path}:1: no column `{column}`; {suggestion(column, first)}")
    return first.index(column)


def _records(
    lines: Lines, columns: Sequence[str | int], bad: BadRows, inside: str | None
) -> Iterator[tuple[int, list[str]]]:
    """The wanted values of each object of a .jsonl file, as text."""
    for line, record in json_objects(lines, columns, bad, inside):
        values = [record[column] for column in columns]
        if problem := nested(columns, values):
            bad.found(f"{lines.path}:{line}: {problem}")
        else:
            yield line, [plain(value) for value in values]


def json_objects(
    lines: Lines, keys: Sequence[str | int], bad: Complaints, inside: str | None = None
) -> Iterator[tuple[int, dict[str | int, Any]]]:
    """(line, object) of each line of a .jsonl file that holds an object with these keys, or does so `inside` another."""
    for line, text in lines.numbered():
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):  # also of an integer of thousands of digits
            bad.found(f"{lines.path}:{line}: {unreadable(text, lines.encoding) or 'not a JSON object'}")
            continue
        if inside is not None and isinstance(record, dict) and isinstance(record.get(inside), dict):
            record = record[inside]
        if not isinstance(record, dict):
            bad.found(f"{lines.path}:{line}: not a JSON object")
        elif isinstance(missing := next((k for k in keys if k not in record), None), str):
            bad.found(f"{lines.path}:{line}: no `{missing}`; {suggestion(missing, record)}")
        else:
            yield line, record


def nested(columns: Sequence[str | int], values: Sequence[Any]) -> str:
    """Why these values are no cells of a table, or nothing."""
    named = zip(columns, values, strict=True)
    found = next((column for column, value in named if isinstance(value, list | dict)), None)
    return "" if found is None else f"`{found}` holds a list or an object, not a text or a number"


def usable(number: float) -> bool:
    """Whether a number is finite, also in single precision, in which models compute."""
    return abs(number) <= LARGEST


def plain(value: Any) -> str:
    """A single value as text; what is missing is empty."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)
