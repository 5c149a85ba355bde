"""Treebanks: a tag for each word of a sentence."""

import re
from collections.abc import Iterator, Mapping

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows, without_mark
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.files.names import noted_class_name
from attnlab.data.prep.source import path_of
from attnlab.data.text.lines import WordIds, line_groups, without_spaces
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.tagged import HubTagged
from attnlab.errors import UserError
from attnlab.metrics import NOT_SCORED
from attnlab.text_files import Lines, stretches, unreadable

COLUMNS = "ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC".split()


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
        for number, lines in enumerate(stretches(self.files[split], self.encoding, paragraphs=True)):
            if number == 0:
                _refuse_other_columns(lines)
            yield lines

    def rows(self, split: str, piece: Lines, bad: BadRows) -> Iterator[TextRow]:
        return read_conllu(piece, bad)


def _refuse_other_columns(beginning: Lines) -> None:
    """Raises UserError where the first line of a file says that its columns are others than those of CoNLL-U."""
    _, line = next(beginning.numbered(), (0, ""))
    named = re.match(r"#\s*global\.columns\s*=(.*)", line)
    if named and named[1].split()[: len(COLUMNS)] != COLUMNS:
        remedy = "`data=tagged data.words=NUMBER data.tags=NUMBER` reads a file of other columns, named .conll"
        raise UserError(
            f"{beginning.path}:1: the columns are {named[1].strip()[:120]}, not those of CoNLL-U; {remedy}"
        )


def read_conllu(lines: Lines, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a CoNLL-U file: form and universal tag of each syntactic word.

    Multi-word ranges (`1-2`) and empty nodes (`8.1`) are no syntactic words; a tag `_` is not scored. A sentence
    with a bad line, or whose word ids do not count 1, 2, …, is bad as a whole.
    """
    for group in line_groups(lines):
        try:
            words = list(_words(lines, group, bad))
        except ValueError as error:
            bad.found(str(error))
            continue
        if words:
            numbers, forms, tags = zip(*words, strict=True)
            yield TextRow(forms, {"tags": tags}, f"{lines.path.name}:{numbers[0]}")


def _words(lines: Lines, group: list[tuple[int, str]], bad: BadRows) -> Iterator[tuple[int, str, str]]:
    """(line, form, tag) of each syntactic word of a sentence. Raises ValueError that says what is wrong, and where."""
    ids, number, file = WordIds(), 0, lines.path.name
    try:
        for number, line in group:
            line = without_mark(line, bad, f"{file}:{number}")
            if line.startswith("#"):
                continue
            columns = line.split("\t")
            if len(columns) != 10:
                count = "1 column" if len(columns) == 1 else f"{len(columns)} columns"
                raise ValueError(f"{count}; CoNLL-U has 10, separated by tabs")
            if not ids.check(columns[0]):
                continue
            if not columns[1].strip(" ") or not columns[3].strip():
                raise ValueError("a word without form or universal tag")
            if problem := unreadable(line, lines.encoding):
                raise ValueError(problem)
            tag = NOT_SCORED if columns[3] == "_" else noted_class_name(columns[3], bad, f"{file}:{number}")
            yield number, without_spaces(columns[1], bad, f"{file}:{number}"), tag
        ids.check_end()
    except ValueError as error:
        raise ValueError(f"{lines.path}:{number}: {error}") from error
