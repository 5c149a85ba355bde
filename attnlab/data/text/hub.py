"""Texts of the Hugging Face hub."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attnlab.config import TableData, TaggedData, TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.hub import HubSet, Stretch
from attnlab.data.files.tables import nested, plain
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.table import LabelledText
from attnlab.data.text.tagged import tagged_row
from attnlab.errors import UserError


class HubText(TextSource):
    """What all sources of text on the hub share."""

    def __init__(self, config: TextData, columns: Sequence[Any], label: str) -> None:
        if not all(isinstance(column, str) for column in columns):
            raise UserError(
                f"`data.hub={config.hub}`: columns on the hub have names; give them instead of numbers"
            )
        self.config, self.set = config, HubSet(config, columns, label)
        self.splits = tuple(self.set.splits)
        self.files = {}
        self.identity, self.commit, self.warnings = self.set.identity, self.set.commit, tuple(self.set.warnings)

    def pieces(self, split: str) -> Iterator[Stretch]:
        return self.set.pieces(split)


class HubTable(HubText):
    """Texts and labels in columns."""

    def __init__(self, config: TableData) -> None:
        self.reader = LabelledText(config)
        self.targets, self.questions = self.reader.targets, self.reader.questions
        super().__init__(config, self.reader.columns, self.reader.columns[1])

    def rows(self, split: str, piece: Stretch, bad: BadRows) -> Iterator[TextRow]:
        for key, values in self.set.rows(split, piece):
            problem = nested(self.reader.columns, values)
            row = problem or self.reader.row([plain(value) for value in values], key)
            if isinstance(row, str):
                bad.found(f"{key}: {row}")
            else:
                yield row


class HubTagged(HubText):
    """Sentences of words and tags in two columns of lists; a treebank's are called tokens and upos."""

    def __init__(self, config: TextData) -> None:
        self.targets = {"tags": "vector_classes"}
        self.names = ("tokens", "upos")
        if isinstance(config, TaggedData):
            self.names = (config.words or "words", config.tags or "tags")
        super().__init__(config, self.names, self.names[1])

    def rows(self, split: str, piece: Stretch, bad: BadRows) -> Iterator[TextRow]:
        for key, (words, tags) in self.set.rows(split, piece):
            told = [None if tag in (None, "_") else str(tag) for tag in tags or []]
            row = tagged_row(words, told, key, self.names, None)
            if isinstance(row, str):
                bad.found(f"{key}: {row}")
            else:
                yield row


HUB_SOURCES: dict[str, Callable[[Any], TextSource]] = {
    "conllu": HubTagged,
    "tagged": HubTagged,
    "table": HubTable,
}
"""By `data.source`: who reads the same data from the hub."""
