"""Where examples come from: each source yields plain rows for each split, and names the files it reads."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Protocol

from attnlab.config import TableData, TextData
from attnlab.data.answers import NOT_SCORED
from attnlab.data.reading import FORMATS, BadRows, read_table, table_format, text_lines, unreadable
from attnlab.data.synthetic import grammar, lexicon, reviews
from attnlab.data.words import tokens
from attnlab.errors import UserError


@dataclass(frozen=True)
class TextRow:
    """A sentence: its words, the right answer for each target, and where it stands.

    targets: by name; what an answer is depends on its kind, see `answers.RECORDS`. ceiling: the probability that a
    perfect reader is right, of each scored answer. slices: marks on the words, for separate scores.
    """

    words: tuple[str, ...]
    targets: dict[str, Any]
    key: str
    ceiling: tuple[float, ...] = ()
    slices: dict[str, tuple[bool, ...]] = field(default_factory=dict)


class TextSource(Protocol):
    """Rows of text. Built from the data's configuration; refuses a missing folder or file."""

    notice: str
    targets: dict[str, str]
    """The kind of each target that rows have an answer for."""
    questions: tuple[str, ...]
    """The names of what is answered by yes or no, where the target is of kind `classes`."""
    slices: tuple[str, ...]
    """Names of the marks that rows carry."""
    splits: tuple[str, ...]
    files: dict[str, Path]
    """What the rows are read from: their contents are the data's fingerprint."""

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]: ...


class Grammar:
    """`data=grammar`: generated sentences; the data are as fixed as those of a file."""

    notice = (
        "These sentences are generated (data=grammar). For real ones: "
        "attnlab train task=pos data=ud_ewt data.path=FOLDER, with the .conllu files of a Universal "
        "Dependencies treebank in FOLDER."
    )
    targets: ClassVar = {"tags": "vector_classes"}
    questions = ()
    slices: tuple[str, ...] = ("distant",)
    seeds: ClassVar = {"train": 1, "validation": 2, "test": 3}

    def __init__(self, config: TextData) -> None:
        # The generator is the source: another version of it makes other data.
        self.files = {"grammar": Path(grammar.__file__), "lexicon": Path(lexicon.__file__)}
        self.splits = tuple(grammar.SIZES)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        for i, s in enumerate(grammar.sentences(grammar.SIZES[split], self.seeds[split])):
            slices = {"distant": s.distant}
            yield TextRow(s.words, {"tags": s.tags}, f"grammar-{split}-{i}", s.ceiling, slices)


class Reviews:
    """`data=reviews`: generated reviews; the data are as fixed as those of a file."""

    notice = (
        "These reviews are generated (data=reviews). For real ones: "
        "attnlab train task=sentiment data=csv data.path=FILE data.text=COLUMN data.label=COLUMN, where FILE is a "
        ".csv, .tsv or .jsonl file with a text and its class in each row."
    )
    targets: ClassVar = {"label": "class"}
    questions = ()
    slices: tuple[str, ...] = ()
    seeds: ClassVar = {"train": 1, "validation": 2, "test": 3}

    def __init__(self, config: TextData) -> None:
        self.files = {"reviews": Path(reviews.__file__), "lexicon": Path(lexicon.__file__)}
        self.splits = tuple(reviews.SIZES)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        for i, r in enumerate(reviews.reviews(reviews.SIZES[split], self.seeds[split])):
            yield TextRow(r.words, {"label": r.sentiment}, f"reviews-{split}-{i}", (r.ceiling,))


class Conllu:
    """CoNLL-U files of one folder, named as Universal Dependencies names them: *-ud-train.conllu, …"""

    notice = ""
    targets: ClassVar = {"tags": "vector_classes"}
    questions = ()
    slices: tuple[str, ...] = ()
    endings: ClassVar = {"train": "train", "validation": "dev", "test": "test"}

    def __init__(self, config: TextData) -> None:
        if config.path is None:
            raise UserError(
                f"`data.path` is missing: data={config.name} needs the folder that holds the .conllu files"
            )
        folder = Path(config.path).expanduser()
        if not folder.is_dir():
            raise UserError(f"`data.path={config.path}`: no such folder")
        self.files = {}
        for split, ending in self.endings.items():
            found = sorted(folder.glob(f"*-ud-{ending}.conllu")) or sorted(folder.glob(f"*-ud-{ending}.conllu.gz"))
            if len(found) > 1:
                names = ", ".join(path.name for path in found)
                raise UserError(f"`data.path={config.path}`: several {split} files ({names}); keep one treebank")
            if found:
                self.files[split] = found[0]
        if "train" not in self.files and "test" not in self.files:
            raise UserError(f"`data.path={config.path}`: no file ending in -ud-train.conllu there")
        self.splits = tuple(self.files)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        return read_conllu(self.files[split], bad)


def read_conllu(path: Path, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a CoNLL-U file: form and universal tag of each syntactic word.

    Multi-word ranges (`1-2`) and empty nodes (`8.1`) are no syntactic words; a tag `_` is not scored. A sentence
    with a bad line is bad as a whole.
    """
    words: list[str] = []
    tags: list[str] = []
    start, good = 1, True
    for number, line in enumerate(chain(text_lines(path), [""]), 1):  # the last sentence may lack its empty line
        line = line.rstrip("\r\n")
        if not line:
            if words and good:
                yield TextRow(tuple(words), {"tags": tuple(tags)}, f"{path.name}:{start}")
            words, tags, good = [], [], True
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) == 10 and re.fullmatch(r"\d+[-.]\d+", columns[0]):
            continue
        problem = _conllu_problem(line, columns)
        if problem and good:
            bad.found(f"{path}:{number}: {problem}")
        if problem:
            good = False
            continue
        if not words:
            start = number
        words.append(columns[1])
        tags.append(NOT_SCORED if columns[3] == "_" else columns[3])


def _conllu_problem(line: str, columns: list[str]) -> str:
    """Why this line is no word, or nothing."""
    if len(columns) != 10:
        return f"{len(columns)} columns; CoNLL-U has 10, separated by tabs"
    if not columns[0].isdecimal():
        return f"word id `{columns[0]}` is no number"
    if not columns[1] or not columns[3]:
        return "a word without form or universal tag"
    return unreadable(line)


class Table:
    """Rows of a .csv, .tsv or .jsonl file, or of those in one folder, named train, validation (or dev) and test."""

    notice = ""
    slices: tuple[str, ...] = ()
    names: ClassVar = {
        "train": ("train", "training"),
        "validation": ("validation", "valid", "val", "dev"),
        "test": ("test",),
    }

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, TableData)
        self.config = config
        self.labels = config.label if isinstance(config.label, list) else [config.label]
        self.targets = {"label": config.target_kind}
        self.questions = tuple(map(str, self.labels)) if config.target_kind == "classes" else ()
        self.files = self._files(config)
        self.splits = tuple(self.files)

    def _files(self, config: TableData) -> dict[str, Path]:
        if config.path is None:
            raise UserError(
                f"`data.path` is missing: data={config.name} needs a .csv, .tsv or .jsonl file, or a folder with "
                "train, validation and test files"
            )
        path = Path(config.path).expanduser()
        if path.is_file():
            if table_format(path) is None:
                raise UserError(f"`data.path={config.path}`: its name must end in {', '.join(FORMATS)} (or .gz)")
            return {self._split_of(path) or "train": path}
        if not path.is_dir():
            raise UserError(f"`data.path={config.path}`: no such file or folder")
        files: dict[str, Path] = {}
        for split in self.names:
            found = [p for p in sorted(path.iterdir()) if table_format(p) and self._split_of(p) == split]
            if len(found) > 1:
                names = ", ".join(p.name for p in found)
                raise UserError(f"`data.path={config.path}`: several {split} files ({names}); keep one")
            if found:
                files[split] = found[0]
        if "train" not in files and "test" not in files:
            raise UserError(f"`data.path={config.path}`: no file called train.csv, train.tsv or train.jsonl there")
        return files

    def _split_of(self, path: Path) -> str | None:
        """The split that a file's name speaks of."""
        stem = path.name.split(".")[0].lower()
        return next((split for split, names in self.names.items() if stem in names), None)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        path = self.files[split]
        for line, (text, *labels) in read_table(path, [self.config.text, *self.labels], bad):
            words = tuple(tokens(text, self.config.tokens))
            answer, problem = self._answer(labels)
            if problem or not words:
                bad.found(f"{path}:{line}: {problem or f'no words in column `{self.config.text}`'}")
            else:
                yield TextRow(words, {"label": answer}, f"{path.name}:{line}")

    def _answer(self, cells: list[str]) -> tuple[Any, str]:
        """What the label's cells say, or why they say nothing."""
        if self.config.target_kind == "classes":
            known = {"": -1, "0": 0, "1": 1}
            wrong = next((cell for cell in cells if cell.strip() not in known), None)
            if wrong is not None:
                return None, f"label `{wrong}`: write 1 for yes, 0 for no, nothing for unknown"
            return [known[cell.strip()] for cell in cells], ""
        cell = cells[0].strip()
        if not cell:
            return None, f"empty label in column `{self.labels[0]}`"
        if self.config.target_kind == "class":
            return cell, ""
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        return number, "" if math.isfinite(number) else f"label `{cell}` is no number"


TEXT_SOURCES: dict[str, Callable[[TextData], TextSource]] = {
    "grammar": Grammar,
    "reviews": Reviews,
    "conllu": Conllu,
    "table": Table,
}
