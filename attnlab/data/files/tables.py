"""Rows of .csv, .tsv and .jsonl files."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attnlab.config import DataConfig
from attnlab.data.files.bad_rows import BadRows, ErrorSink
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.prep.source import path_of
from attnlab.errors import UserError, suggestion
from attnlab.text_files import Lines, stretches, text_lines, unreadable

FORMATS = (".csv", ".tsv", ".jsonl")
csv.field_size_limit(1 << 24)  # a book, where 131,072 characters are the default; an open quote takes in no more
ROWS = 20_000
"""Rows of a table that are read together."""
LARGEST = (2 - 2**-23) * 2.0**127
"""The largest number in single precision."""


@dataclass
class Records:
    """Some rows of a table: (line, its cells), or (0, what is wrong with a row), which `piece_rows` hands to `BadRows`."""

    rows: list[tuple[int, list[str] | str]] = field(default_factory=list)

    def found(self, problem: str, count: int = 1) -> None:
        self.rows += [(0, problem)] * count


def table_pieces(
    path: Path, columns: Sequence[str | int], encoding: str | None = None
) -> Iterator["Lines | Records"]:
    """A .csv, .tsv or .jsonl file, also .gz, in pieces for `piece_rows`.

    Raises UserError for a file that cannot be read at all, or lacks a column.
    """
    if table_format(path) == ".jsonl":
        if isinstance(columns[0], int):
            raise UserError(f"{path}: columns of .jsonl have names; give them instead of numbers")
        yield from stretches(path, encoding)
        return
    # Where a quoted row ends is known only after reading all before it, so these are read here and now.
    waiting = Records()
    try:
        for line, cells in _rows(path, columns, waiting, encoding):
            waiting.rows.append((line, cells))
            if len(waiting.rows) >= ROWS:
                yield Records(waiting.rows)
                waiting.rows = []
    except UserError:
        yield Records(waiting.rows)  # errors in the rows before are raised first
        raise
    yield Records(waiting.rows)


def piece_rows(
    piece: "Lines | Records",
    columns: Sequence[str | int],
    bad: BadRows,
    path: Path,
    encoding: str | None = None,
    inside: str | None = None,
) -> Iterator[tuple[int, list[str]]]:
    """(line, cells of these columns) of each row of a piece; what is wrong with others goes to `bad`."""
    rows = _records(piece, columns, bad, inside) if isinstance(piece, Lines) else piece.rows
    for line, cells in rows:
        if isinstance(cells, str):
            bad.found(cells)
        elif reason := next(filter(None, (unreadable(cell, encoding) for cell in cells)), ""):
            bad.found(f"{path}:{line}: {reason}")
        else:
            yield line, cells


def read_table(
    path: Path, columns: Sequence[str | int], bad: BadRows, inside: str | None = None, encoding: str | None = None
) -> Iterator[tuple[int, list[str]]]:
    """(line, cells of these columns) of each row of a .csv, .tsv or .jsonl file, also .gz.

    columns: names, which stand in the file's first line, or numbers from 1 where there is no such line. A .csv is
    quoted as RFC 4180 has it, a .tsv never; blank lines are passed over. Of .jsonl, true and false are 1 and 0, and
    null is empty. inside: the object of a .jsonl's row that may hold the columns instead of the row itself.
    """
    for piece in table_pieces(path, columns, encoding):
        yield from piece_rows(piece, columns, bad, path, encoding, inside)


def table_format(path: Path) -> str | None:
    """.csv, .tsv or .jsonl, whether packed or not; None for another file."""
    ending = plain_suffix(path)
    return ending if ending in FORMATS else None


def _rows(
    path: Path, columns: Sequence[str | int], bad: ErrorSink, encoding: str | None
) -> Iterator[tuple[int, list[str]]]:
    """Rows that all have as many cells as the first."""
    positions: list[int] = []
    width = 0
    for line, cells in table_rows(path, bad, encoding):
        if not positions:
            width = len(cells)
            positions = [_position(path, column, cells) for column in columns]
            if isinstance(columns[0], str):
                continue
        if len(cells) != width:
            bad.found(
                f"{path}:{line}: {len(cells)} columns, where the first row has {width}{_quoting(path, cells, width)}"
            )
        else:
            yield line, [cells[position] for position in positions]


def table_rows(path: Path, bad: ErrorSink, encoding: str | None = None) -> Iterator[tuple[int, list[str]]]:
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
            hint = f"; a quote opened there runs on to line {last}" if last > line else ""
            hint = hint or (_quoted_otherwise(path, encoding) if line == 1 else "")
            bad.found(f"{path}:{line}: not a row of a .csv file ({error}){hint}", max(1, last - line + 1))
            continue
        if cells is None:
            return
        if cells:
            yield line, cells


def _position(path: Path, column: str | int, first: list[str]) -> int:
    """The position of a column in the rows, by the first of them. Raises UserError where it isn't there."""
    missing = column > len(first) if isinstance(column, int) else column not in first
    if missing and len(first) == 1 and (separator := _other_separator(first[0])):
        remedy = "save it with commas as .csv, or with tabs as .tsv"
        raise UserError(f"{path}:1: one column; it seems to be separated by {separator}: {remedy}")
    if isinstance(column, int):
        if missing:
            raise UserError(f"{path}:1: no column {column}; the first row has {len(first)}")
        return column - 1
    if missing:
        raise UserError(f"{path}:1: no column `{column}`; {suggestion(column, first)}")
    if first.count(column) > 1:
        raise UserError(f"{path}:1: {first.count(column)} columns are called `{column}`; give each its own name")
    return first.index(column)


SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ",": "commas"}
"""What tables are separated by, most telling ones first."""


def _other_separator(row: str) -> str:
    """What seems to separate a row that was read as one cell."""
    return next((name for separator, name in SEPARATORS.items() if separator in row), "")


def _quoted_otherwise(path: Path, encoding: str | None) -> str:
    """What seems to separate quoted cells in the first line, where it isn't a comma."""
    first = next(text_lines(path, encoding), "")
    name = next(
        (name for separator, name in SEPARATORS.items() if f'"{separator}' in first and separator != ","), ""
    )
    return f"; the file seems to be separated by {name}: save it with commas" if name else ""


def _quoting(path: Path, cells: Sequence[str], width: int) -> str:
    """What may be the cause of too many cells in a .csv."""
    return (
        "; a text that holds a comma stands in double quotes"
        if len(cells) > width and table_format(path) == ".csv"
        else ""
    )


def _records(
    lines: Lines, columns: Sequence[str | int], bad: BadRows, inside: str | None
) -> Iterator[tuple[int, list[str]]]:
    """(line, values of these columns, as text) of each object of a .jsonl file."""
    for line, record in json_objects(lines, columns, bad, inside):
        values = [record[column] for column in columns]
        if problem := nested(columns, values):
            bad.found(f"{lines.path}:{line}: {problem}")
        else:
            yield line, [plain(value) for value in values]


def json_objects(
    lines: Lines, keys: Sequence[str | int], bad: ErrorSink, inside: str | None = None
) -> Iterator[tuple[int, dict[str | int, object]]]:
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


def nested(columns: Sequence[str | int], values: Sequence[object]) -> str:
    """Why these values are no cells of a table; "" where they are."""
    pairs = zip(columns, values, strict=True)
    column = next((column for column, value in pairs if isinstance(value, list | dict)), None)
    return "" if column is None else f"`{column}` holds a list or an object, not a text or a number"


def usable(number: float) -> bool:
    """Whether a number is finite, also in single precision, in which models compute."""
    return abs(number) <= LARGEST


def plain(value: object) -> str:
    """A single value as text; what is missing is empty."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def table_files(config: DataConfig) -> tuple[dict[str, Path], tuple[str, ...]]:
    """(the table of each split at `data.path`, warnings): one file, or those of a folder. Raises UserError where there is
    none."""
    return split_files(config, path_of(config), lambda path: table_format(path) is not None, ", ".join(FORMATS))
