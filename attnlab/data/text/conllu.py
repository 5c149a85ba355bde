"""Treebanks: a tag for each word of a sentence."""

import re
from collections.abc import Iterator, Mapping

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.prep.source import path_of
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.tagged import HubTagged, sentences
from attnlab.metrics import NOT_SCORED
from attnlab.text_files import Lines, stretches, unreadable


class Conllu(TextSource[Lines]):
    """A CoNLL-U file, or those of one folder, named as Universal Dependencies names them (*-ud-train.conllu, …) or
    train.conllu, ….
    """

    needs = "a .conllu file, or the folder of a treebank's"
    has_names = True
    hub = HubTagged
    targets: Mapping[str, str] = {"tags": "vector_classes"}

    def __init__(self, config: TextData) -> None:
        self.encoding = config.encoding
        self.files, self.warnings = split_files(
            config, path_of(config), lambda path: plain_suffix(path) == ".conllu", ".conllu"
        )
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

    def read(line: str) -> tuple[str, str] | str | None:
        columns = line.split("\t")
        if line.startswith("#") or (len(columns) == 10 and re.fullmatch(r"\d+[-.]\d+", columns[0])):
            return None
        if len(columns) != 10:
            return f"{len(columns)} columns; CoNLL-U has 10, separated by tabs"
        if not columns[0].isdecimal():
            return f"word id `{columns[0]}` is no number"
        if not columns[1] or not columns[3]:
            return "a word without form or universal tag"
        return unreadable(line, lines.encoding) or (columns[1], NOT_SCORED if columns[3] == "_" else columns[3])

    return sentences(lines.path, lines.numbered(), read, bad)
