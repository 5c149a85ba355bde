"""Words and tags in two columns or in JSON: a tag for each word of a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from attnlab.config import TaggedData, TextData
from attnlab.data.files.bad_rows import BadRows, without_mark
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.files.names import HEADER, name_columns, noted_class_name
from attnlab.data.files.tables import json_objects
from attnlab.data.prep.source import path_of
from attnlab.data.text.columns import RANGES, Form, first_column_counts, form_of
from attnlab.data.text.hub import HubText
from attnlab.data.text.lines import WordIds, line_groups, without_spaces
from attnlab.data.text.source import TextRow, TextSource
from attnlab.errors import UserError
from attnlab.metrics import NOT_SCORED
from attnlab.text_files import Lines, stretches, unreadable

ENDINGS = (".txt", ".tsv", ".conll", ".iob", ".iob2", ".bio", ".tags", ".jsonl")


class HubTagged(HubText):
    """Sentences of words and tags in two columns of lists on the hub; a treebank's are called tokens and upos."""

    targets: Mapping[str, str] = {"tags": "vector_classes"}

    def __init__(self, config: TextData) -> None:
        self.names = ("tokens", "upos")
        if isinstance(config, TaggedData):
            self.names = (config.words or "words", config.tags or "tags")
        super().__init__(config, self.names, self.names[1])

    def row(self, values: Sequence[object], key: str, bad: BadRows) -> TextRow | str:
        words, tags = values
        if isinstance(tags, list):
            tags = [None if tag in (None, "_") else str(tag) for tag in tags]
        return tagged_row(words, tags or [], key, self.names, None, bad)


class Tagged(TextSource[tuple[Lines, Form | None]]):
    """A file, or those of one folder named train, validation (or dev) and test.

    Columns: a word and its tag on each line, with a tab or spaces between, and an empty line after each sentence; lines of
    comments and marks of documents are left out, and told. JSON: a sentence on each line, {"words": ["I", "see"], "tags": ["PRON", "VERB"]}; null is not scored. Raises UserError
    where columns of text have names, or those of JSON numbers, and where the words would be read from a column that counts them.
    """

    needs = "a file of words and tags, or a folder with train, validation and test files"
    has_names = True
    hub = HubTagged
    targets: Mapping[str, str] = {"tags": "vector_classes"}

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, TaggedData)
        self.config = config
        # Without a column of tags, a treebank would be read as if its words were tags of their numbers.
        endings = ENDINGS if config.tags is None else (*ENDINGS, ".conllu")
        self.files, self.warnings = split_files(
            config, path_of(config), lambda p: plain_suffix(p) in endings, ", ".join(endings)
        )
        self.splits = tuple(self.files)
        kinds = {plain_suffix(path) == ".jsonl" for path in self.files.values()}
        given = [column for column in (config.words, config.tags) if column is not None]
        if any(isinstance(column, int) == (True in kinds) for column in given):
            wanted = "columns of .jsonl have names" if True in kinds else "columns of text have numbers, from 1"
            raise UserError(f"`data.words={config.words} data.tags={config.tags}`: {wanted}")

    def pieces(self, split: str) -> Iterator[tuple[Lines, Form | None]]:
        path, config = self.files[split], self.config
        if plain_suffix(path) == ".jsonl":
            for lines in stretches(path, config.encoding):
                yield lines, None
            return
        found = stretches(path, config.encoding, paragraphs=True)
        beginning = list(islice(found, 2))  # of a small file, the second one is its last sentence
        form = form_of(beginning, (config.words or 1) - 1, (config.tags or 2) - 1)
        if config.words is None and config.tags is not None and first_column_counts(beginning, form):
            raise UserError(
                f"{path}: column 1 counts the words of each sentence; say by `data.words=` which column holds the words "
                "themselves (2 in a .conllu)"
            )
        for lines in chain(beginning, found):
            yield lines, form

    def rows(self, split: str, piece: tuple[Lines, Form | None], bad: BadRows) -> Iterator[TextRow]:
        (lines, form), words, tags = piece, self.config.words, self.config.tags
        if form is None:
            return _objects(lines, words or "words", tags or "tags", bad)
        return _columns(lines, form, (words or tags) is not None, bad)


def _columns(lines: Lines, form: Form, named: bool, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a file of columns; a sentence with a bad line is bad as a whole. named: whether the user says in which
    columns word and tag are."""
    for group in line_groups(lines):
        try:
            words = list(_words(lines, group, form, named, bad))
        except ValueError as error:
            bad.found(str(error))
            continue
        if words:
            numbers, forms, tags = zip(*words, strict=True)
            yield TextRow(forms, {"tags": tags}, f"{lines.path.name}:{numbers[0]}")


def _words(
    lines: Lines, group: list[tuple[int, str]], form: Form, named: bool, bad: BadRows
) -> Iterator[tuple[int, str, str]]:
    """(line, word, tag) of each word of a sentence. Raises ValueError that says what is wrong, and where."""
    ids, is_first, number, file = WordIds((0, 1)), True, 0, lines.path.name
    try:
        for number, line in group:
            if line.startswith("\ufeff") and not is_first:
                raise ValueError(
                    "a byte order mark within a sentence, where files were joined; an empty line is missing before it"
                )
            line = without_mark(line, bad, f"{lines.path.name}:{number}")
            cells = form.cells(line)
            if rule := form.left_out(line, cells, is_first):
                if rule == RANGES:
                    ids.check(cells[0])
                bad.note(rule, f"{file}:{number}")
                bad.changes.add(rule)
                continue
            if not named and (len(cells) < 2 or any(cells[2:])):
                more = (
                    "; name others by `data.words=` and `data.tags=`; a table of texts with labels is read by data=csv"
                    if len(cells) > 2
                    else ""
                )
                count = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
                if form.tabs and len(cells) == 1 and len(line.split()) > 1:
                    more = "; this file separates columns by tabs, and there is none in this line"
                raise ValueError(
                    f"{count}, where a word and its tag are expected, separated by a tab or spaces{more}"
                )
            form.check_width(cells)
            if problem := unreadable(line, lines.encoding):
                raise ValueError(problem)
            word, tag = cells[form.word], cells[form.tag]
            if number == 1 and name_columns((word, tag)):
                bad.applied(HEADER, f"{lines.path.name}:1")
                continue
            if not word or not tag.strip():
                raise ValueError("a word without form or tag")
            if form.has_ids:
                ids.check(cells[0])
            # Any white space was a separator once, and none was left around a word.
            if word != word.strip() if form.tabs else cells != line.split():
                bad.changes.add("columns")
            is_first = False
            yield number, word, noted_class_name(tag, bad, f"{file}:{number}")
        ids.check_end()
    except ValueError as error:
        raise ValueError(f"{lines.path}:{number}: {error}") from error


def _objects(lines: Lines, word: str, tag: str, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a .jsonl file."""
    for number, record in json_objects(lines, (word, tag), bad):
        key = f"{lines.path.name}:{number}"
        row = tagged_row(record[word], record[tag], key, (word, tag), lines.encoding, bad)
        if isinstance(row, str):
            bad.found(f"{lines.path}:{number}: {row}")
        else:
            yield row


def tagged_row(
    words: object, tags: object, key: str, names: tuple[str, str], encoding: str | None, bad: BadRows
) -> TextRow | str:
    """A sentence of lists of words and tags, or what is wrong with them; names of tags in another spelling go to `bad`."""
    if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip(" ") for w in words):
        return f"`{names[0]}` must be a list of words, none of them empty"
    if not isinstance(tags, list) or not all(tag is None or isinstance(tag, str) for tag in tags):
        return f"`{names[1]}` must be a list of tags (null: not scored)"
    if len(words) != len(tags):
        return f"{len(words)} words, but {len(tags)} tags"
    reason = next(filter(None, (unreadable(text or "", encoding) for text in (*words, *tags))), "")
    if any(tag and not tag.strip() for tag in tags):
        reason = f"`{names[1]}` has a tag of white space alone; null is one that is not scored"
    if any("\n" in word for word in words):
        reason = f"`{names[0]}` has a word with a line feed; a word is a part of a line"
    if reason:
        return reason
    if any(tag and tag != tag.strip() for tag in tags):
        bad.changes.add("class names")
    named = tuple(noted_class_name(tag, bad, key) if tag else NOT_SCORED for tag in tags)
    return TextRow(tuple(without_spaces(word, bad, key) for word in words), {"tags": named}, key)
