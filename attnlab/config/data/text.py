"""Keys of `data=` for texts: sentences of words, with tags, labels or translations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from attnlab.config.data.base import (
    COLUMN,
    COLUMNS,
    CrossValidated,
    HubDataConfig,
    beside_problems,
    column_problem,
    embedded_problems,
    encoding_problems,
    id_key,
    keep_key,
    listed,
    separator_key,
)
from attnlab.config.keys import key
from attnlab.registry import LOADERS, TEXT_SOURCES, SourceRegistry

LARGEST_DRAW = 2**60
"""Of generated sequences; each split has a seed of its own, made from it."""

NUMBERS = "a list of whole numbers, such as [4,16]"


@dataclass
@LOADERS.builtin("text", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("grammar", "attnlab.data.text.generated:Grammar")
@TEXT_SOURCES.builtin("reviews", "attnlab.data.text.generated:Reviews")
@TEXT_SOURCES.builtin("conllu", "attnlab.data.text.conllu:Conllu")
class TextData(HubDataConfig, CrossValidated):
    """Sentences of words."""

    sources: ClassVar[SourceRegistry] = TEXT_SOURCES

    source: str = key("???", "where the sentences come from", choices=TEXT_SOURCES)
    path: str | None = key(None, "local file or folder; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "character encoding of the files: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    tokens: str = key(
        "words",
        "how a text is split: words (and punctuation marks), spaces (only at white space) or characters",
        choices=("words", "spaces", "characters"),
    )
    max_length: int = key(2048, "most words in a sentence or text", min=1, max=10**9)
    too_long: str = key(
        "refuse",
        "what is done with a longer one: refuse, cut, or drop (leave it out)",
        choices=("refuse", "cut", "drop"),
    )
    min_count: int = key(
        1, "words seen fewer times than this in training are treated as unknown words", min=1, max=10**9
    )
    unknown: float = key(
        1.0,
        "training: a word seen c times is replaced by the unknown word with probability unknown / (unknown + c); 0: never",
        min=0,
        max=100,
    )

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        by_source = {"grammar": ("pos",), "conllu": ("pos",), "reviews": ("sentiment",)}
        return by_source.get(settings.get("source", ""), ())

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        own = "csv" if self.source == "reviews" else "tagged"
        yield from embedded_problems(self, ("grammar", "reviews", "recall", "copying"), own)
        yield from encoding_problems(self.encoding)


def _counts(name: str, value: list[int], at_least: int, least: int = 1) -> Iterator[str]:
    """What is wrong with a list of whole numbers."""
    if len(value) < at_least or any(number < least for number in value):
        yield f"`data.{name}={value}`: write {'numbers' if at_least else 'a list of numbers'} of at least {least}"


@dataclass
@LOADERS.builtin("recall", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("recall", "attnlab.data.text.generated:Recall")
class RecallData(TextData):
    """Generated sequences in which a word asks for the value that another word has given to a key, some places before."""

    source: str = key("recall", "where the sentences come from", choices=("recall",))
    sequences: int = key(4000, "number of training sequences", min=1, max=10**7)
    draw: int = key(0, "random seed of the sequences, of all splits", min=0, max=LARGEST_DRAW)
    pairs: int = key(2, "pairs of a key and a value in each sequence, each with a question", min=1, max=8)
    distances: list[int] = key(
        [4, 8, 16, 32, 64], "from which the distance of a question to its pair is drawn, in words", values=NUMBERS
    )
    test_distances: list[int] | None = key(None, "those of the test split; null: the same", values=NUMBERS)

    @property
    def tested(self) -> list[int]:
        """The distances of the test split."""
        return self.distances if self.test_distances is None else self.test_distances

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("tagging",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from _counts("distances", self.distances, 1)
        yield from _counts("test_distances", self.tested, 1)


@dataclass
@LOADERS.builtin("copying", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("copying", "attnlab.data.text.generated:Copying")
class CopyingData(TextData):
    """Generated sequences in which the tag of each word is the word that stands some places before it."""

    source: str = key("copying", "where the sentences come from", choices=("copying",))
    sequences: int = key(4000, "number of training sequences", min=1, max=10**7)
    draw: int = key(0, "random seed of the sequences, of all splits", min=0, max=LARGEST_DRAW)
    shifts: list[int] = key(
        [3],
        "how many places before it the copied word stands; several words are joined to one tag",
        values=NUMBERS,
    )
    symbols: int = key(8, "number of different words", min=2, max=26)
    lengths: list[int] = key([8, 32], "the shortest and the longest sequence", values=NUMBERS)
    test_lengths: list[int] | None = key(
        None,
        "lengths in the test split, each with a score of its own; null: those of training",
        values=NUMBERS,
    )

    @property
    def tested(self) -> list[int]:
        """The lengths that are scored apart."""
        return self.test_lengths or []

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("tagging",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from _counts("shifts", self.shifts, 1)
        if len(self.lengths) != 2 or not max(self.shifts, default=0) < self.lengths[0] <= self.lengths[1]:
            right = "write the shortest and the longest, both above every shift, such as [8,32]"
            yield f"`data.lengths={self.lengths}`: {right}"
        yield from _counts("test_lengths", self.tested, 0, least=max(self.shifts, default=0) + 1)


@dataclass
@LOADERS.builtin("tagged", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("tagged", "attnlab.data.text.tagged:Tagged")
class TaggedData(TextData):
    """Words and their tags: in two columns, in .jsonl, or on the hub."""

    source: str = key("tagged", "where the sentences come from", choices=("tagged",))
    words: Any = key(None, "column of the words: its number (null: 1), or its name in .jsonl (null: words)")
    tags: Any = key(None, "column of the tags: its number (null: 2), or its name in .jsonl (null: tags)")

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("tagging",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for name in ("words", "tags"):
            column = getattr(self, name)
            if column is not None and (problem := column_problem(column)):
                yield f"`data.{name}={column}`: {problem}"
        if self.words is not None and self.words == self.tags:
            yield f"`data.words={self.words} data.tags={self.tags}`: the same column twice"


@dataclass
@LOADERS.builtin("table", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("table", "attnlab.data.text.table:Table")
class TableData(TextData):
    """Rows of a .csv, .tsv or .jsonl file: a text and its label."""

    one_left_out: ClassVar[str] = "group"
    has_times: ClassVar[bool] = True

    source: str = key("table", "where the sentences come from", choices=("table",))
    text: Any = key(
        "text",
        "the column of the text: its name in the header line, or its number where there is none; several are joined: "
        "`[title,body]`",
        values=COLUMNS,
    )
    label: Any = key(
        "label",
        "the column of the label; of target_kind=classes a list: `[funny,sad]`; null: none, for `attnlab eval` alone",
        values=COLUMNS,
    )
    group: Any = key(
        None, "a column, such as the author: rows with the same value stay in one split", values=COLUMN
    )
    time: Any = key(
        None,
        "folds=time: the column that says when a row is from: dates such as 2024-05-31, with or without a time, or numbers",
        added=True,
        values=COLUMN,
    )
    folds: str | None = key(
        None,
        "cross-validation: a number of folds, at least 3; `group`: a fold for each group; `time` or `time:N`: N tests, each on what comes after its training data",
        added=True,
        values="a whole number, at least 3, group, time, or time:N",
    )
    target_kind: str = key(
        "class",
        "what a label is: class (one of several), number, or classes (several columns, each 1 yes, 0 no or empty: unknown)",
        choices=("class", "classes", "number"),
    )
    separator: str | None = separator_key()
    id: Any = id_key()
    keep: Any = keep_key()

    @property
    def texts(self) -> list[str | int]:
        """The columns whose words are read, in this order."""
        return listed(self.text)

    @property
    def labels(self) -> list[str | int]:
        """The columns of the right answer; none where nothing is known of it."""
        return listed(self.label)

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("regression",) if settings.get("target_kind") == "number" else ("classification",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        several = self.target_kind == "classes"
        if self.label is not None and isinstance(self.label, list) != several:
            wanted = "a list of columns" if several else "one column"
            yield f"`data.label={self.label}`: data.target_kind={self.target_kind} needs {wanted}"
        if not self.texts:
            yield f"`data.text={self.text}`: name the column of the text, or several"
        columns = [*self.texts, *self.labels, *listed(self.group), *listed(self.time)]
        beside = [*listed(self.id), *listed(self.keep)]
        problem = next(filter(None, map(column_problem, columns)), "")
        if not problem and len({isinstance(column, int) for column in (*columns, *beside)}) == 2:
            problem = "give either names, which stand in the first line, or numbers, where there is no such line"
        elif not problem and len(set(columns)) < len(columns):
            problem = "the same column twice"
        if problem:
            yield f"`data.text={self.text} data.label={self.label}`: {problem}"
        yield from beside_problems(self.id, self.keep)
        yield from self._missing_columns()

    def _missing_columns(self) -> Iterator[str]:
        """Folds that need a column which isn't named, and a column that no folds need."""
        if self.folds == "group" and self.group is None:
            yield "`data.folds=group` needs `data.group=`, the column of which each value is left out in turn"
        if self.folds_in_time is None:
            if self.time is not None:
                yield f"`data.time={self.time}` needs `data.folds=time`"
        elif self.time is None:
            yield f"`data.folds={self.folds}` needs `data.time=`, the column that says when a row is from"
        elif self.group is not None:
            yield f"`data.folds={self.folds} data.group={self.group}`: folds in time divide groups; set one of both"
