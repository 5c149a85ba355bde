"""What the words of `attnlab predict` stand for: texts and their files, files of other kinds, folders, standard input."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from attnlab.data.contract import Input
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.tables import piece_rows, table_format, table_pieces
from attnlab.data.files.walk import files_below, is_housekeeping
from attnlab.errors import UserError
from attnlab.local_files import is_regular, name_text, user_path
from attnlab.text_files import text_lines, unreadable

STDIN = "-"
"""The word that stands for standard input."""


@dataclass(frozen=True)
class Cells:
    """The texts of one row of a table."""

    texts: tuple[str, ...]


def line_inputs(lines: Iterable[str], name: str, encoding: str | None = None) -> Iterator[Input]:
    """Each line as an input, empty ones too, so that line i of the answers is about line i. encoding: of their file."""
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n").removeprefix("\ufeff")
        yield Input(f"{name}:{number}", text, text, unreadable(text, encoding))


def stdin_lines(stdin: Iterable[bytes]) -> Iterator[Input]:
    """Each line of standard input, which is UTF-8."""
    return line_inputs((line.decode(errors="surrogateescape") for line in stdin), "stdin")


def table_inputs(
    path: Path,
    columns: Sequence[str | int],
    encoding: str | None,
    separator: str | None,
    inside: str | None = None,
) -> Iterator[Input]:
    """The cells of these columns of each row of a .csv, .tsv or .jsonl file, as `Cells`; a row that cannot be used keeps its
    place. inside: as of `read_table`. Raises UserError for a file that cannot be read, or lacks a column."""
    bad = _Problems()
    separator = separator if table_format(path) == ".csv" else None
    for piece in table_pieces(path, columns, encoding, separator):
        for line, cells in piece_rows(piece, columns, bad, path, encoding, inside):
            yield from bad.taken(path)
            yield Input(f"{path.name}:{line}", Cells(tuple(cells)), " ".join(cells))
        yield from bad.taken(path)


class _Problems(BadRows):
    """Takes what is wrong with rows, one by one."""

    def __init__(self) -> None:
        super().__init__(skip=True)
        self._problems: list[str] = []

    def found(self, problem: str, count: int = 1) -> None:
        self._problems.append(problem)

    def taken(self, path: Path) -> Iterator[Input]:
        """Those since the last time."""
        for problem in self._problems:
            line, _, reason = problem.removeprefix(f"{path}:").partition(": ")
            yield Input(f"{path.name}:{line}", None, "", reason)
        self._problems.clear()


def text_inputs(
    words: Sequence[str], stdin: Iterable[bytes], table: Callable[[Path], Iterator[Input]], what: str,
    encoding: str | None = None,
) -> Iterator[Input]:  # fmt: skip
    """Each word is a text, but for `-` and the names of files: a .txt has a text on each line, and `table` reads a .csv,
    .tsv or .jsonl. what: one text is called."""
    for number, word in enumerate(words, 1):
        path = user_path(word)
        if word == STDIN:
            yield from stdin_lines(stdin)
        elif _names_a_file(word, path):
            yield from _of_file(path, table, what, encoding)
        else:
            yield Input(f"argument:{number}", word, name_text(word), unreadable(word))


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
    path: Path, table: Callable[[Path], Iterator[Input]], what: str, encoding: str | None
) -> Iterator[Input]:
    """The texts of a file; what is wrong with it as a whole is one input."""
    try:
        if not is_regular(path):
            raise UserError(f"{path}: {'a folder; name the files in it' if path.is_dir() else 'no such file'}")
        if table_format(path) is not None:
            yield from table(path)
        elif path.suffix.lower() == ".txt" or path.name.lower().endswith(".txt.gz"):
            yield from line_inputs(text_lines(path, encoding), path.name, encoding)
        else:
            raise UserError(
                f"{path}: this run reads a {what}, or files of them: .txt (one on each line), .csv, .tsv or .jsonl"
            )
    except UserError as error:
        yield Input(name_text(path.as_posix()), None, name_text(str(path)), str(error))


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
            raise UserError(f"{path}: no such file; this run reads a {what} ({', '.join(endings)})")
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
