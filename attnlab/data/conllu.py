"""Treebanks: a tag for each word of a sentence."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import ClassVar

from attnlab.config import TextData
from attnlab.data.answers import NOT_SCORED
from attnlab.data.reading import BadRows, text_lines, unreadable
from attnlab.data.rows import TextRow
from attnlab.errors import UserError


class Conllu:
    """CoNLL-U files of one folder, named as Universal Dependencies names them: *-ud-train.conllu, …"""

    notice = ""
    questions: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    endings: ClassVar = {"train": "train", "validation": "dev", "test": "test"}

    def __init__(self, config: TextData) -> None:
        self.targets = {"tags": "vector_classes"}
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
