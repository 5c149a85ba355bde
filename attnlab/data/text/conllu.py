"""Treebanks: a tag for each word of a sentence."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.prep.source import path_of
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.tagged import HubTagged
from attnlab.metrics import NOT_SCORED
from attnlab.text_files import Lines, stretches, unreadable


class Conllu(TextSource[Lines]):
    """A CoNLL-U file, or those of one folder, named as Universal Dependencies names them (*-ud-train.conllu, …) or
    train.conllu, ….
    """

    needs = "a .conllu file, or the folder of a treebank's"
    hub = HubTagged
    targets: Mapping[str, str] = {"tags": "vector_classes"}

    def __init__(self, config: TextData) -> None:
        self.encoding = config.encoding
        self.files = split_files(path_of(config), lambda path: plain_suffix(path) == ".conllu", ".conllu")
        self.splits = tuple(self.files)

    def pieces(self, split: str) -> Iterator[Lines]:
        return stretches(self.files[split], self.encoding, paragraphs=True)

    def rows(self, split: str, piece: Lines, bad: BadRows) -> Iterator[TextRow]:
        return read_conllu(piece, bad)


def read_conllu(lines: Lines, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a CoNLL-U file: form and universal tag of each syntactic word.

    Multi-word ranges (`1-2`) and empty nodes (`8.1`) are no syntactic words; a tag `_` is not scored. A sentence
    with a bad line is bad as a whole.
    """
    words: list[str] = []
    tags: list[str] = []
    start, good = 1, True
    for number, line in chain(lines.numbered(), [(0, "")]):  # the last sentence may lack its empty line
        line = line.rstrip("\r\n")
        if not line:
            if words and good:
                yield TextRow(tuple(words), {"tags": tuple(tags)}, f"{lines.path.name}:{start}")
            words, tags, good = [], [], True
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) == 10 and re.fullmatch(r"\d+[-.]\d+", columns[0]):
            continue
        problem = _conllu_problem(line, columns, lines.encoding)
        if problem and good:
            bad.found(f"{lines.path}:{number}: {problem}")
        if problem:
            good = False
            continue
        if not words:
            start = number
        words.append(columns[1])
        tags.append(NOT_SCORED if columns[3] == "_" else columns[3])


def _conllu_problem(line: str, columns: list[str], encoding: str | None) -> str:
    """Why this line is no word, or nothing."""
    if len(columns) != 10:
        return f"{len(columns)} columns; CoNLL-U has 10, separated by tabs"
    if not columns[0].isdecimal():
        return f"word id `{columns[0]}` is no number"
    if not columns[1] or not columns[3]:
        return "a word without form or universal tag"
    return unreadable(line, encoding)
