"""Lines and tables of text files, and what happens to a row that cannot be used."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attnlab.errors import UserError, suggestion

FORMATS = (".csv", ".tsv", ".jsonl")


class BadRows:
    """Examples that cannot be used. skip: `data.skip_bad`; what: the name of one of them.

    Readers hand every problem to `found`, then go on with the next example.
    """

    def __init__(self, skip: bool, what: str = "row") -> None:
        self.skip, self.what = skip, what
        self.count = 0
        self.first = ""

    def found(self, problem: str) -> None:
        """problem: where the row stands, what is wrong and what would be right."""
        if not self.skip:
            raise UserError(f"{problem}; put it right, or leave such {self.what}s out with data.skip_bad=true")
        self.first = self.first or problem
        self.count += 1

    def summary(self) -> str:
        """A sentence for the user; empty where every row was good."""
        if not self.count:
            return ""
        were = f"1 bad {self.what} was" if self.count == 1 else f"{self.count:,} bad {self.what}s were"
        return f"{were} left out (data.skip_bad=true); the first: {self.first}"


def text_lines(path: Path) -> Iterator[str]:
    """Each line of a text file, plain or .gz, with its end; a byte order mark is dropped.

    Bytes that are not UTF-8 become lone surrogates, so that `unreadable` can tell in which row they stand.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(stream):
                text = line.decode("utf-8", errors="surrogateescape")
                yield text.removeprefix("\ufeff") if number == 0 else text
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error})") from error


def unreadable(text: str) -> str:
    """Why this text cannot be used, or nothing."""
    if "\0" in text:
        return "holds a NUL character; text files have none"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not UTF-8 text; save the file as UTF-8"
    return ""


def read_table(
    path: Path, columns: Sequence[str | int], bad: BadRows, inside: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """(line, the wanted cells) of each row of a .csv, .tsv or .jsonl file, also .gz.

    columns: names, which stand in the file's first line, or numbers from 1 where there is no such line. A .csv is
    quoted as RFC 4180 has it, a .tsv never; blank lines are passed over. Of .jsonl, true and false are 1 and 0, and
    null is empty. inside: the object of a .jsonl's row that may hold the columns instead of the row itself.
    """
    rows = _records(path, columns, bad, inside) if table_format(path) == ".jsonl" else _rows(path, columns, bad)
    for line, cells in rows:
        reason = next(filter(None, map(unreadable, cells)), "")
        if reason:
            bad.found(f"{path}:{line}: {reason}")
        else:
            yield line, cells


def table_format(path: Path) -> str | None:
    """.csv, .tsv or .jsonl, whether packed or not; None for another file."""
    ending = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return ending if ending in FORMATS else None


def _rows(path: Path, columns: Sequence[str | int], bad: BadRows) -> Iterator[tuple[int, list[str]]]:
    """Rows that all have as many cells as the first."""
    places: list[int] = []
    width = 0
    for line, cells in _cells(path, bad):
        if not places:
            width = len(cells)
            places = [_place(path, column, cells) for column in columns]
            if isinstance(columns[0], str):
                continue
        if len(cells) != width:
            bad.found(f"{path}:{line}: {len(cells)} columns, where the first row has {width}")
        else:
            yield line, [cells[place] for place in places]


def _cells(path: Path, bad: BadRows) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, all cells) of each row."""
    if table_format(path) == ".tsv":
        for number, text in enumerate(text_lines(path), 1):
            if text.strip("\r\n"):
                yield number, text.rstrip("\r\n").split("\t")
        return
    reader = csv.reader(text_lines(path), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            bad.found(f"{path}:{line}: not a row of a .csv file ({error})")
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
    path: Path, columns: Sequence[str | int], bad: BadRows, inside: str | None
) -> Iterator[tuple[int, list[str]]]:
    """The objects of a .jsonl file."""
    if isinstance(columns[0], int):
        raise UserError(f"{path}: columns of .jsonl have names; give them instead of numbers")
    for line, text in enumerate(text_lines(path), 1):
        if not text.strip():
            continue
        try:
            record = json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            bad.found(f"{path}:{line}: {unreadable(text) or 'not a JSON object'}")
            continue
        if inside is not None and isinstance(record, dict) and isinstance(record.get(inside), dict):
            record = record[inside]
        if not isinstance(record, dict):
            bad.found(f"{path}:{line}: not a JSON object")
        elif isinstance(missing := next((c for c in columns if c not in record), None), str):
            bad.found(f"{path}:{line}: no `{missing}`; {suggestion(missing, record)}")
        elif nested := [str(c) for c in columns if isinstance(record[c], list | dict)]:
            bad.found(f"{path}:{line}: `{nested[0]}` holds a list or an object, not a text or a number")
        else:
            yield line, [_plain(record[column]) for column in columns]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)
