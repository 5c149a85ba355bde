"""Rows of .csv, .tsv and .jsonl files."""

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from attnlab.config import DataConfig
from attnlab.data.files.bad_rows import BadRows, ErrorSink, without_mark
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.files.names import HEADER, class_name, name_columns
from attnlab.data.prep.source import path_of
from attnlab.errors import UserError, missing_column, suggestion
from attnlab.text_files import Lines, stretches, text_lines, unreadable

FORMATS = (".csv", ".tsv", ".jsonl")
csv.field_size_limit(1 << 24)  # a book, where 131,072 characters are the default; an open quote takes in no more
ROWS = 20_000
"""Rows of a table that are read together."""
LARGEST = (2 - 2**-23) * 2.0**127
"""The largest number in single precision."""
REPEATED = "rows that repeat the names of the columns are no examples and were left out"
SEPARATOR_LINE = "the line `sep=,` of spreadsheets is no row and was left out"
MERGED = (
    "rows of several lines, each of which looks like a row by itself, were read as one, as double quotes have it; "
    "one of the quotes may be missing"
)
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
"""What may separate the cells of a .csv, by the words of `data.separator`; a comma, unless it cannot be."""
PLURALS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ",": "commas"}
FIRST_ROWS = 20
"""Rows by which a separator is found."""
LABEL_ROWS = 1000
"""Rows by which columns that may hold labels are found."""
KEPT_QUOTES = {
    ".csv": "cells that begin with a space keep the double quotes behind it; a quoted cell begins right after its comma",
    ".tsv": "cells in double quotes keep these: a .tsv is never quoted, save it as .csv if they are no part of the text",
}


@dataclass
class Records:
    """Some rows of a table: (line, its cells), or (0, what is wrong with a row), which `piece_rows` hands to `BadRows`.

    notes: (rule, location, whether it changes the rows) of what was not read as it stands.
    """

    rows: list[tuple[int, list[str] | str]] = field(default_factory=list)
    notes: list[tuple[str, str, bool]] = field(default_factory=list)

    def found(self, problem: str, count: int = 1) -> None:
        self.rows += [(0, problem)] * count

    def note(self, rule: str, location: str) -> None:
        self.notes.append((rule, location, False))

    def applied(self, rule: str, location: str) -> None:
        self.notes.append((rule, location, True))


def table_pieces(
    path: Path, columns: Sequence[str | int], encoding: str | None = None, separator: str | None = None
) -> Iterator["Lines | Records"]:
    """A .csv, .tsv or .jsonl file, also .gz, in pieces for `piece_rows`.

    separator: `data.separator`. Raises UserError for a file that cannot be read at all, or lacks a column.
    """
    refuse_separator(path, separator)
    if table_format(path) == ".jsonl":
        if isinstance(columns[0], int):
            raise UserError(f"{path}: columns of .jsonl have names; give them instead of numbers")
        yield from stretches(path, encoding)
        return
    # Where a quoted row ends is known only after reading all before it, so these are read here and now.
    waiting = Records()
    try:
        for line, cells in _rows(path, columns, waiting, encoding, separator):
            waiting.rows.append((line, cells))
            if len(waiting.rows) >= ROWS:
                yield Records(waiting.rows, waiting.notes)
                waiting.rows, waiting.notes = [], []
    except UserError:
        yield Records(waiting.rows, waiting.notes)  # errors in the rows before are raised first
        raise
    yield Records(waiting.rows, waiting.notes)


def piece_rows(
    piece: "Lines | Records",
    columns: Sequence[str | int],
    bad: BadRows,
    path: Path,
    encoding: str | None = None,
    inside: str | None = None,
) -> Iterator[tuple[int, list[str]]]:
    """(line, cells of these columns) of each row of a piece; what is wrong with others goes to `bad`."""
    rows: Iterable[tuple[int, list[str] | str]]
    if isinstance(piece, Lines):
        rows = _records(piece, columns, bad, inside)
    else:
        rows = piece.rows
        for rule, location, changes in piece.notes:
            (bad.applied if changes else bad.note)(rule, location)
    ending = table_format(path) or ""
    for line, cells in rows:
        if isinstance(cells, str):
            bad.found(cells)
        elif reason := next(filter(None, (unreadable(cell, encoding) for cell in cells)), ""):
            bad.found(f"{path}:{line}: {reason}")
        else:
            if ending in KEPT_QUOTES and any(_keeps_quotes(cell, ending) for cell in cells):
                bad.note(KEPT_QUOTES[ending], f"{path.name}:{line}")
            yield line, cells


def read_table(
    path: Path, columns: Sequence[str | int], bad: BadRows, inside: str | None = None, encoding: str | None = None,
    separator: str | None = None,
) -> Iterator[tuple[int, list[str]]]:  # fmt: skip
    """(line, cells of these columns) of each row of a .csv, .tsv or .jsonl file, also .gz.

    columns: names, which stand in the file's first line, or numbers from 1 where there is no such line. A .csv is
    quoted as RFC 4180 has it, a .tsv never; blank lines are passed over. Of .jsonl, true and false are 1 and 0, and
    null is empty. inside: the object of a .jsonl's row that may hold the columns instead of the row itself. separator:
    `data.separator`; None: of a .csv, the one that fits.
    """
    for piece in table_pieces(path, columns, encoding, separator):
        yield from piece_rows(piece, columns, bad, path, encoding, inside)


def table_format(path: Path) -> str | None:
    """.csv, .tsv or .jsonl, whether packed or not; None for another file."""
    ending = plain_suffix(path)
    return ending if ending in FORMATS else None


def refuse_separator(path: Path, separator: str | None) -> None:
    """Raises UserError where `data.separator` is for another kind of file."""
    if separator is not None and table_format(path) != ".csv":
        ending = table_format(path)
        reason = "a .tsv has tabs" if ending == ".tsv" else "a .jsonl has none"
        raise UserError(
            f"`data.separator={separator}`: {path.name}: {reason}; leave it out, or save the file as .csv"
        )


def separator_of(path: Path, columns: Sequence[str | int], encoding: str | None = None) -> str:
    """What separates the cells of a .csv: a comma where the first row then has these columns, otherwise what splits the
    first rows into equally many cells, more than one; the line `sep=;` of spreadsheets says it, too."""
    lines = list(islice(text_lines(path, encoding), 20 * FIRST_ROWS))
    if lines and (said := re.fullmatch(r"\ufeff?sep=([,;\t|])\s*", lines[0])):
        return said[1]
    if _has(_first_rows(lines, ","), columns):
        return ","
    found = {separator: _first_rows(lines, separator) for separator in SEPARATORS.values()}
    even = [
        separator
        for separator, rows in found.items()
        if rows and len(rows[0]) > 1 and len(set(map(len, rows))) == 1
    ]
    # Names are found by the right separator alone; rows of other widths are then told one by one.
    candidates = list(found) if all(isinstance(column, str) for column in columns) else even
    likely = [separator for separator in candidates if _has(found[separator], columns)]
    return [*likely, *even, ","][0]


def _first_rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    """The first rows of these lines; only those before one that isn't quoted as it should be."""
    rows = list[list[str]]()
    with suppress(csv.Error):
        for cells in csv.reader(lines, delimiter=separator, strict=True):
            rows += [cells] if cells else []
            if len(rows) >= FIRST_ROWS:
                break
    return rows


def _has(rows: Sequence[Sequence[str]], columns: Sequence[str | int]) -> bool:
    """Whether the first row has these columns."""
    first = rows[0] if rows else []
    return all(
        column <= len(first) if isinstance(column, int) else _spelled(column, first) in first for column in columns
    )


def columns_of_labels(path: Path, encoding: str | None, separator: str | None) -> list[tuple[str, int]]:
    """The columns of a table, by name, that may hold labels, with how many different values each has: at least two, and each
    ten times or more on average among the first rows."""
    if table_format(path) == ".jsonl":
        lines = Lines(
            path, 1, "".join(islice(text_lines(path, encoding), LABEL_ROWS)).encode(errors="surrogateescape")
        )
        rows = [
            {str(k): plain(v) for k, v in row.items()} for _, row in json_objects(lines, [], BadRows(skip=True))
        ]
    else:
        found = (cells for _, cells in table_rows(path, BadRows(skip=True), encoding, (), separator))
        names = next(found, [])
        rows = [dict(zip(names, cells, strict=False)) for cells in islice(found, LABEL_ROWS)]
    values = {name: {row.get(name, "").strip() for row in rows} - {""} for name in (rows[0] if rows else {})}
    return [(name, len(found)) for name, found in values.items() if 2 <= len(found) <= len(rows) / 10]


class MissingColumn(UserError):
    """A table has no column of this name."""

    def __init__(self, sentence: str, column: str) -> None:
        super().__init__(sentence)
        self.column = column


def has_columns(
    path: Path, columns: Sequence[str | int], encoding: str | None = None, separator: str | None = None
) -> bool:
    """Whether a table has these columns: of .jsonl, whether any of its first rows has."""
    if table_format(path) == ".jsonl":
        lines = Lines(
            path, 1, "".join(islice(text_lines(path, encoding), FIRST_ROWS)).encode(errors="surrogateescape")
        )
        objects = json_objects(lines, [], BadRows(skip=True))
        return any(all(_spelled(str(column), map(str, row)) in row for column in columns) for _, row in objects)
    rows = table_rows(path, BadRows(skip=True), encoding, columns, separator)
    return _has([cells for _, cells in islice(rows, 1)], columns)


def _rows(
    path: Path, columns: Sequence[str | int], bad: ErrorSink, encoding: str | None, separator: str | None
) -> Iterator[tuple[int, list[str]]]:
    """Rows that all have as many cells as the first; those that name the columns are none."""
    positions: list[int] = []
    header, width = list[str](), 0
    for line, cells in table_rows(path, bad, encoding, columns, separator):
        if not positions:
            width = len(cells)
            positions = [_position(path, column, cells, separator) for column in columns]
            if isinstance(columns[0], str):
                header = cells
                continue
            if name_columns(cells[position] for position in positions):
                bad.applied(HEADER, f"{path.name}:{line}")
                continue
        if cells == header:
            bad.applied(REPEATED, f"{path.name}:{line}")
            continue
        if len(cells) != width:
            bad.found(
                f"{path}:{line}: {len(cells)} columns, where the first row has {width}{_quoting(path, cells, width)}"
            )
        else:
            yield line, [cells[position] for position in positions]


def table_rows(
    path: Path, bad: ErrorSink, encoding: str | None = None, columns: Sequence[str | int] = (),
    separator: str | None = None,
) -> Iterator[tuple[int, list[str]]]:  # fmt: skip
    """(line where it begins, all cells) of each row of a .csv or .tsv file, the line of names among them.

    columns: those that are wanted, for `separator_of`. separator: `data.separator`, or None.
    """
    taken: list[str] = []  # the lines of the row that is being read
    lines = _unmarked_lines(path, bad, encoding, taken)
    if table_format(path) == ".tsv":
        for number, text in enumerate(lines, 1):
            taken.clear()
            if text.strip("\r\n"):
                yield number, text.rstrip("\r\n").split("\t")
        return
    delimiter = separator_of(path, columns, encoding) if separator is None else SEPARATORS[separator]
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            # An open quote takes in all lines up to the next one; as good as all of them were rows.
            last = reader.line_num
            hint = f"; a quote opened there runs on to line {last}" if last > line else ""
            bad.found(f"{path}:{line}: not a row of a .csv file ({error}){hint}", max(1, last - line + 1))
            continue
        if cells is None:
            return
        if line == 1 and cells == ["sep=", ""]:
            bad.applied(SEPARATOR_LINE, f"{path.name}:1")
        elif cells:
            if len(taken) > 1 and _look_like_rows(taken, len(cells), delimiter):
                bad.note(MERGED, f"{path.name}:{line}")
            yield line, cells


def _unmarked_lines(path: Path, bad: ErrorSink, encoding: str | None, taken: list[str]) -> Iterator[str]:
    """Lines as `without_mark` leaves them, each of which is added to `taken`, too."""
    for number, text in enumerate(text_lines(path, encoding), 1):
        taken.append(without_mark(text, bad, f"{path.name}:{number}"))
        yield taken[-1]


def _look_like_rows(lines: Sequence[str], width: int, separator: str) -> bool:
    """Whether each line of a row has as many cells as the row. Commas of a text have white space behind them."""
    ends = re.compile(rf"{re.escape(separator)}(?=\S)")
    return width > 1 and all(text.count(separator) == width - 1 == len(ends.findall(text)) for text in lines)


def _keeps_quotes(cell: str, ending: str) -> bool:
    """Whether a cell looks as if it was meant to be quoted, but its quotes were read as parts of the text."""
    cell = cell.rstrip(" ")
    if cell[-1:] != '"' or (ending == ".csv" and cell[0] != " "):
        return False
    cell = cell.lstrip(" ")
    return len(cell) > 1 and cell[0] == '"' and '"' not in cell[1:-1].replace('""', "")


def _position(path: Path, column: str | int, first: list[str], separator: str | None) -> int:
    """The position of a column in the rows, by the first of them; a name may differ in what cannot be seen. separator:
    `data.separator`. Raises UserError where it isn't there."""
    if isinstance(column, str) and column not in first:
        column = _spelled(column, first)
    missing = column > len(first) if isinstance(column, int) else column not in first
    if missing and len(first) == 1 and (other := _other_separator(first[0])):
        remedy = f"write data.separator={other}{', or leave the key out' if separator else ''}"
        if table_format(path) == ".tsv":
            remedy = "save it with tabs, or let its name end in .csv"
        raise UserError(
            f"{path}:1: one column; it seems to be separated by {PLURALS[SEPARATORS[other]]}: {remedy}"
        )
    if isinstance(column, int):
        if missing:
            raise UserError(f"{path}:1: no column {column}; the first row has {len(first)}")
        return column - 1
    if missing:
        raise MissingColumn(f"{path}:1: no column `{column}`; {missing_column(column, first)}", column)
    if first.count(column) > 1:
        raise UserError(f"{path}:1: {first.count(column)} columns are called `{column}`; give each its own name")
    return first.index(column)


def _spelled(column: str, names: Iterable[str]) -> str:
    """The one of these names that is a column's but for accents in one piece or two (NFC) and for invisible characters and
    white space at its ends; the column itself where there is none, or several."""
    alike = [name for name in names if class_name(name) == class_name(column)]
    return alike[0] if len(alike) == 1 else column


def _other_separator(row: str) -> str:
    """What seems to separate a row that was read as one cell, as `data.separator` says it; "" for nothing that could."""
    return next((name for name in ("semicolon", "tab", "bar", "comma") if SEPARATORS[name] in row), "")


def _quoting(path: Path, cells: Sequence[str], width: int) -> str:
    """What may be the cause of too many cells in a .csv."""
    return (
        "; a text that holds a comma, or whatever separates cells, stands in double quotes"
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
        text = without_mark(text, bad, f"{lines.path.name}:{line}")
        if not text.strip():
            continue
        try:
            record = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError):  # also of an integer of thousands of digits
            bad.found(f"{lines.path}:{line}: {unreadable(text, lines.encoding) or _no_object(text)}")
            continue
        if inside is not None and isinstance(record, dict) and isinstance(record.get(inside), dict):
            record = record[inside]
        if isinstance(record, dict):
            record |= {key: record[_spelled(key, record)] for key in _otherwise_spelled(keys, record)}
        if not isinstance(record, dict):
            bad.found(f"{lines.path}:{line}: {_no_object(text)}")
        elif isinstance(record, _Repeated):
            bad.found(f"{lines.path}:{line}: `{record.key}` stands twice in one object; keep one of them")
        elif isinstance(missing := next((k for k in keys if k not in record), None), str):
            bad.found(f"{lines.path}:{line}: no `{missing}`; {suggestion(missing, record)}")
        else:
            yield line, record


class _Repeated(dict[str, object]):
    """A JSON object in which a key stands twice, of which `json` would keep the last."""

    key = ""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) == len(pairs):
        return record
    repeated = _Repeated(record)
    repeated.key = Counter(key for key, _ in pairs).most_common(1)[0][0]
    return repeated


def _no_object(text: str) -> str:
    """What to say of a line that holds no JSON object."""
    is_list = text.lstrip().startswith("[")
    return "not a JSON object" + ("; a .jsonl has no list around its objects, one on each line" if is_list else "")


def _otherwise_spelled(keys: Sequence[str | int], record: Mapping[str, object]) -> list[str]:
    """The keys that the record has in another spelling."""
    missing = [key for key in keys if isinstance(key, str) and key not in record]
    return [key for key in missing if _spelled(key, record) != key]


def nested(columns: Sequence[str | int], values: Sequence[object]) -> str:
    """Why these values are no cells of a table; "" where they are."""
    pairs = zip(columns, values, strict=True)
    column = next((column for column, value in pairs if isinstance(value, list | dict)), None)
    return "" if column is None else f"`{column}` holds a list or an object, not a text or a number"


def usable(number: float) -> bool:
    """Whether a number is finite, also in single precision, in which models compute."""
    return abs(number) <= LARGEST


def number_in(cell: str) -> float:
    """The number that a cell holds; NaN where it holds none. `1_5` is none, which Python's own reading takes for 15."""
    try:
        return math.nan if "_" in cell else float(cell)
    except ValueError:
        return math.nan


def plain(value: object) -> str:
    """A single value as text; what is missing is empty."""
    if value is None or value != value:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)


def table_files(config: DataConfig) -> tuple[dict[str, Path], tuple[str, ...]]:
    """(the table of each split at `data.path`, warnings): one file, or those of a folder. Raises UserError where there is
    none."""
    return split_files(config, path_of(config), lambda path: table_format(path) is not None, ", ".join(FORMATS))
