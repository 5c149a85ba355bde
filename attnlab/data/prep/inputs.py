"""What the words of `attnlab predict` stand for: texts and their files, files of other kinds, folders, standard input."""

import os
import shlex
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from attnlab.config.data.base import by_ending
from attnlab.data.contract import Input
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import near_file
from attnlab.data.files.tables import (
    MissingColumn,
    has_columns,
    piece_rows,
    table_format,
    table_pieces,
    table_rows,
)
from attnlab.data.files.walk import files_below, is_housekeeping
from attnlab.errors import UserError
from attnlab.local_files import is_regular, name_text, user_path
from attnlab.text_files import text_lines, unreadable

FIRST_LINES = 20
"""Lines by which a file of words with tags, and the column of texts, are known."""
STDIN = "-"
"""The word that stands for standard input."""


@dataclass(frozen=True)
class Cells:
    """The texts of one row of a table."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class TableColumns:
    """What is read of a table's rows. texts: columns of the texts. id, keep: as `data.id` and `data.keep` of the run name them;
    of a file that lacks them, rows have their number as a name, and empty cells. inside: as of `read_table`. key: which key of
    the run names the columns of texts; "" for none: they have to be called so."""

    texts: Sequence[str | int]
    encoding: str | None = None
    separator: str | None = None
    id: Sequence[str | int] = ()
    keep: Sequence[str | int] = ()
    inside: str | None = None
    key: str = ""

    @property
    def nothing_kept(self) -> dict[str, str]:
        """What stands beside an input that is no row of a table."""
        return {_column_name(column): "" for column in self.keep}


def _column_name(column: str | int) -> str:
    return column if isinstance(column, str) else f"column_{column}"


def line_inputs(lines: Iterable[str], name: str, encoding: str | None = None) -> Iterator[Input]:
    """Each line as an input, empty ones too, so that line i of the answers is about line i. encoding: of their file."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n").removeprefix("\ufeff")
        yield Input(f"{name}:{number}", text, text, unreadable(text, encoding))


def stdin_lines(stdin: Iterable[bytes]) -> Iterator[Input]:
    """Each line of standard input, which is UTF-8."""
    return line_inputs((line.decode(errors="surrogateescape") for line in stdin), "stdin")


def table_inputs(path: Path, columns: TableColumns) -> Iterator[Input]:
    """The texts of each row of a .csv, .tsv or .jsonl file, as `Cells`, with what names the row and is kept of it; a row that
    cannot be used keeps its place. Raises UserError for a file that cannot be read, or lacks a column of texts."""
    encoding, bad = columns.encoding, _Problems()
    separator = columns.separator if table_format(path) == ".csv" else None
    if table_format(path) == ".jsonl" and not has_columns(path, columns.texts, encoding):
        named = " and ".join(f"`{column}`" for column in columns.texts)
        raise MissingColumn(f"{path}: has no column {named}, which this run reads", str(columns.texts[0]))
    beside = [
        c for c in dict.fromkeys([*columns.id, *columns.keep]) if has_columns(path, [c], encoding, separator)
    ]
    wanted, texts = list(dict.fromkeys([*columns.texts, *beside])), len(columns.texts)
    for piece in table_pieces(path, wanted, encoding, separator):
        for line, cells in piece_rows(piece, wanted, bad, path, encoding, columns.inside):
            yield from bad.taken(path, columns.nothing_kept)
            row = dict(zip(wanted, cells, strict=True))
            key = next((row[column] for column in columns.id if row.get(column)), f"{path.name}:{line}")
            kept = {_column_name(column): row.get(column, "") for column in columns.keep}
            yield Input(key, Cells(tuple(cells[:texts])), " ".join(cells[:texts]), "", kept)
        yield from bad.taken(path, columns.nothing_kept)


class _Problems(BadRows):
    """Takes what is wrong with rows, one by one."""

    def __init__(self) -> None:
        super().__init__(skip=True)
        self._problems: list[str] = []

    def found(self, problem: str, count: int = 1) -> None:
        self._problems.append(problem)

    def taken(self, path: Path, kept: dict[str, str]) -> Iterator[Input]:
        """Those since the last time."""
        for problem in self._problems:
            line, _, reason = problem.removeprefix(f"{path}:").partition(": ")
            yield Input(f"{path.name}:{line}", None, "", reason, kept)
        self._problems.clear()


def text_inputs(
    words: Sequence[str],
    stdin: Iterable[bytes],
    table: TableColumns | Callable[[Path], Iterator[Input]],
    what: str,
    run: str,
    tags: Container[str] = (),
) -> Iterator[Input]:
    """Each word is a text, but for `-` and the names of files: a .txt has a text on each line, and a .csv, .tsv or .jsonl is
    read as `table` says. what: one text is called; run: how a command line names the run; tags: those that it gives words."""
    nothing = table.nothing_kept if isinstance(table, TableColumns) else {}
    for number, word in enumerate(words, 1):
        path = user_path(word)
        if word == STDIN:
            found = stdin_lines(stdin)
        elif _names_a_file(word, path):
            found = _of_file(path, table, what, run, tags)
        else:
            found = iter([Input(f"argument:{number}", word, name_text(word), unreadable(word))])
        if not nothing:
            yield from found
        else:  # a table of answers has the same columns in every row
            yield from (given if given.kept else replace(given, kept=nothing) for given in found)


def _names_a_file(word: str, path: Path) -> bool:
    """Whether a word is the name of a file or folder, or looks like one that is missing."""
    if not word or "\0" in word or len(os.fsencode(word)) > 4096:
        return False
    looks_like = not any(map(str.isspace, word)) and _known_ending(path)
    return looks_like or os.path.lexists(path)


def _known_ending(path: Path) -> bool:
    return table_format(path) is not None or path.suffix.lower() in (
        ".txt",
        ".wav",
        ".flac",
        ".ogg",
        ".png",
        ".jpg",
    )


def _of_file(
    path: Path, table: TableColumns | Callable[[Path], Iterator[Input]], what: str, run: str, tags: Container[str]
) -> Iterator[Input]:
    """The texts of a file; what is wrong with it as a whole is one input."""
    encoding = table.encoding if isinstance(table, TableColumns) else None
    try:
        if not is_regular(path):
            raise UserError(
                f"{path}: {'a folder; name the files in it' if path.is_dir() else f'no such file{near_file(path)}'}"
            )
        if table_format(path) is not None:
            yield from table_inputs(path, table) if isinstance(table, TableColumns) else table(path)
        elif path.suffix.lower() == ".txt" or path.name.lower().endswith(".txt.gz"):
            if _are_tagged(text_lines(path, encoding), tags):
                raise UserError(f"{path}: its lines are a word with its tag, not texts; {_by_eval(path, run)}")
            yield from line_inputs(text_lines(path, encoding), path.name, encoding)
        else:
            # What no data set of texts or graphs has is predicted by no other command either.
            other = f"; {_by_eval(path, run)}" if by_ending(path.name) else ""
            raise UserError(
                f"{path}: this run reads a {what}, or files of them: .txt (one on each line), .csv, .tsv or .jsonl{other}"
            )
    except UserError as error:
        right = f"; {_by_eval(path, run, table)}" if isinstance(error, MissingColumn) else ""
        yield Input(name_text(path.as_posix()), None, name_text(str(path)), f"{error}{right}")


def _by_eval(path: Path, run: str, table: TableColumns | Callable[[Path], Iterator[Input]] | None = None) -> str:
    """The command that predicts a file that has another form than an input. table: the columns that it lacks."""
    words = f"attnlab eval {shlex.quote(f'run={run}')} {shlex.quote(f'data.path={path}')}"
    if not isinstance(table, TableColumns) or not table.key:
        return f"a file like those it was trained on is predicted by `{words}`, also without labels"
    if len(table.texts) > 1:
        return f"`{words} {table.key}=[{','.join(['COLUMN'] * len(table.texts))}]` reads other columns, also without labels"
    column = shlex.quote(f"{table.key}={_longest_column(path, table)}")
    return f"`{words} {column}` reads another column, also without labels"


def _longest_column(path: Path, table: TableColumns) -> str:
    """The name of the column that has the most characters in the first rows, which is likely to be that of the texts."""
    if table_format(path) == ".jsonl":
        return "COLUMN"
    rows = table_rows(path, BadRows(skip=True), table.encoding, (), table.separator)
    names, *others = [cells for _, cells in islice(rows, FIRST_LINES)]
    sizes = [sum(len(cells[i]) for cells in others if i < len(cells)) for i in range(len(names))]
    return names[sizes.index(max(sizes))]


def _are_tagged(lines: Iterable[str], tags: Container[str]) -> bool:
    """Whether more than half of the first lines are a word and, behind a tab or a space, one of these tags."""
    filled = [line.split() for line in islice(lines, FIRST_LINES) if line.strip()]
    return 2 * sum(len(cells) == 2 and cells[1] in tags for cells in filled) > len(filled)


def file_inputs(
    words: Sequence[str], stdin: Iterable[bytes], endings: Sequence[str], what: str
) -> Iterator[Input]:
    """Each word, and each line of standard input where it is `-`, is a file, or a folder of which the files with these
    endings are read, in order. what: one of them is called."""
    for word in words:
        if word == STDIN:
            for line in stdin_lines(stdin):
                yield from _files(str(line.value), endings, what) if not line.error else [line]
        else:
            yield from _files(word, endings, what)


def _files(word: str, endings: Sequence[str], what: str) -> Iterator[Input]:
    path, key = user_path(word), name_text(word)
    try:
        if path.is_dir():
            found = [below for below in files_below(path) if below.suffix.lower() in endings]
            if not found:
                raise UserError(f"{path}: a folder without a {what} ({', '.join(endings)})")
            for below in found:
                name = name_text(below.as_posix())
                yield Input(name, below, name)
        elif not is_regular(path):
            raise UserError(
                f"{path}: no such file{near_file(path)}; this run reads a {what} ({', '.join(endings)})"
            )
        elif path.suffix.lower() not in endings or is_housekeeping(path.name):
            raise UserError(f"{path}: this run reads a {what} ({', '.join(endings)})")
        else:
            yield Input(key, path, key)
    except UserError as error:
        yield Input(key, None, key, str(error))
    except ValueError:  # a NUL within a name
        yield Input(key, None, key, f"`{word}` is no name of a file")


def refuse_longer(length: int, what: str, longest: int) -> None:
    """Raises UserError for more vectors than `data.max_length` of the run. what: they are, in the plural."""
    if length > longest:
        raise UserError(f"{length:,} {what}, more than the {longest:,} that this run reads (`data.max_length`)")
