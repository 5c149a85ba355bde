"""Words and tags in two columns or in JSON: a tag for each word of a sentence."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from attnlab.config import TaggedData, TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.files.tables import json_objects
from attnlab.data.prep.source import path_of
from attnlab.data.text.hub import HubText
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

    def row(self, values: Sequence[object], key: str) -> TextRow | str:
        words, tags = values
        if isinstance(tags, list):
            tags = [None if tag in (None, "_") else str(tag) for tag in tags]
        return tagged_row(words, tags or [], key, self.names, None)


class Tagged(TextSource[Lines]):
    """A file, or those of one folder named train, validation (or dev) and test.

    Columns: a word and its tag on each line, with a tab or spaces between, and an empty line after each sentence.
    JSON: a sentence on each line, {"words": ["I", "see"], "tags": ["PRON", "VERB"]}; null is not scored. Raises UserError
    where columns of text have names, or those of JSON numbers.
    """

    needs = "a file of words and tags, or a folder with train, validation and test files"
    has_names = True
    hub = HubTagged
    targets: Mapping[str, str] = {"tags": "vector_classes"}

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, TaggedData)
        self.config = config
        self.files, self.warnings = split_files(
            config, path_of(config), lambda p: plain_suffix(p) in ENDINGS, ", ".join(ENDINGS)
        )
        self.splits = tuple(self.files)
        kinds = {plain_suffix(path) == ".jsonl" for path in self.files.values()}
        given = [column for column in (config.words, config.tags) if column is not None]
        if any(isinstance(column, int) == (True in kinds) for column in given):
            wanted = "columns of .jsonl have names" if True in kinds else "columns of text have numbers, from 1"
            raise UserError(f"`data.words={config.words} data.tags={config.tags}`: {wanted}")

    def pieces(self, split: str) -> Iterator[Lines]:
        path = self.files[split]
        return stretches(path, self.config.encoding, paragraphs=plain_suffix(path) != ".jsonl")

    def rows(self, split: str, piece: Lines, bad: BadRows) -> Iterator[TextRow]:
        words, tags = self.config.words, self.config.tags
        if plain_suffix(piece.path) == ".jsonl":
            return _objects(piece, words or "words", tags or "tags", bad)
        return _columns(piece, words, tags, bad)


def sentences(
    path: Path, lines: Iterable[tuple[int, str]], read: Callable[[str], tuple[str, str] | str | None], bad: BadRows
) -> Iterator[TextRow]:
    """Sentences of numbered lines, each closed by an empty one; a sentence with a bad line is bad as a whole.

    read: a line -> (word, tag), or what is wrong with the line, or None where it is passed over.
    """
    words: list[str] = []
    tags: list[str] = []
    start, good = 1, True
    for number, line in chain(lines, [(0, "")]):  # the last sentence may lack its empty line
        if not line.rstrip("\r\n"):
            if words and good:
                yield TextRow(tuple(words), {"tags": tuple(tags)}, f"{path.name}:{start}")
            words, tags, good = [], [], True
            continue
        result = read(line.rstrip("\r\n"))
        if isinstance(result, tuple):
            start = start if words else number
            words.append(result[0])
            tags.append(result[1])
        elif result is not None:
            if good:
                bad.found(f"{path}:{number}: {result}")
            good = False


def _columns(lines: Lines, word_column: int | None, tag_column: int | None, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a file of columns, of two where none are named."""
    word, tag = (word_column or 1) - 1, (tag_column or 2) - 1
    min_columns = max(word, tag) + 1
    max_columns = 2 if word_column is None and tag_column is None else None

    def read(line: str) -> tuple[str, str] | str:
        # A tab separates where there is one: words may hold spaces then.
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) < min_columns or (max_columns is not None and len(cells) > max_columns):
            columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            more = "; name others by `data.words=` and `data.tags=`" if len(cells) > min_columns else ""
            return f"{columns}, where a word, a tab (or spaces) and its tag are expected{more}"
        pair = cells[word].strip(), cells[tag].strip()
        return unreadable(line, lines.encoding) or pair if all(pair) else "a word without form or tag"

    blank_is_empty = ((number, line if line.strip() else "") for number, line in lines.numbered())
    return sentences(lines.path, blank_is_empty, read, bad)


def _objects(lines: Lines, word: str, tag: str, bad: BadRows) -> Iterator[TextRow]:
    """Sentences of a .jsonl file."""
    for number, record in json_objects(lines, (word, tag), bad):
        row = tagged_row(record[word], record[tag], f"{lines.path.name}:{number}", (word, tag), lines.encoding)
        if isinstance(row, str):
            bad.found(f"{lines.path}:{number}: {row}")
        else:
            yield row


def tagged_row(
    words: object, tags: object, key: str, names: tuple[str, str], encoding: str | None
) -> TextRow | str:
    """A sentence of lists of words and tags, or what is wrong with them."""
    if not isinstance(words, list) or not words or not all(isinstance(w, str) and w.strip() for w in words):
        return f"`{names[0]}` must be a list of words, none of them empty"
    if not isinstance(tags, list) or not all(tag is None or isinstance(tag, str) for tag in tags):
        return f"`{names[1]}` must be a list of tags (null: not scored)"
    if len(words) != len(tags):
        return f"{len(words)} words, but {len(tags)} tags"
    reason = next(filter(None, (unreadable(text or "", encoding) for text in (*words, *tags))), "")
    if any("\n" in word for word in words):
        reason = f"`{names[0]}` has a word with a line feed; a word is a part of a line"
    return reason or TextRow(tuple(words), {"tags": tuple(tag or NOT_SCORED for tag in tags)}, key)
