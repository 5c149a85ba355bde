"""Keys of `data=` for texts: sentences of words, with tags, labels or translations."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from attnlab.config.data.base import CrossValidated, HubDataConfig, embedded_problems, encoding_problems
from attnlab.config.keys import key
from attnlab.registry import LOADERS, TEXT_SOURCES, SourceRegistry


@dataclass
@LOADERS.builtin("text", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("grammar", "attnlab.data.text.generated:Grammar")
@TEXT_SOURCES.builtin("reviews", "attnlab.data.text.generated:Reviews")
@TEXT_SOURCES.builtin("conllu", "attnlab.data.text.conllu:Conllu")
class TextData(HubDataConfig, CrossValidated):
    """Sentences of words."""

    sources: ClassVar[SourceRegistry] = TEXT_SOURCES

    source: str = key("???", "where the sentences come from", choices=TEXT_SOURCES)
    path: str | None = key(None, "local file, or folder of them; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "how the files write letters: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    tokens: str = key(
        "words",
        "what a string is split into: words and punctuation marks, what stands between spaces, or characters",
        choices=("words", "spaces", "characters"),
    )
    max_length: int = key(2048, "longest sentence, in words", min=1, max=10**9)
    too_long: str = key("refuse", "what happens to a longer one", choices=("refuse", "cut", "drop"))
    min_count: int = key(1, "training words seen less often share the unknown word's vector", min=1, max=10**9)
    unknown: float = key(
        1.0,
        "a word seen c times in training is replaced by <unk> with probability unknown / (unknown + c)",
        min=0,
        max=100,
    )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("grammar", "reviews"), "tagged" if self.source == "grammar" else "csv")
        yield from encoding_problems(self.encoding)


@dataclass
@LOADERS.builtin("tagged", "attnlab.data.text.loader:Text")
@TEXT_SOURCES.builtin("tagged", "attnlab.data.text.tagged:Tagged")
class TaggedData(TextData):
    """Words and their tags: in two columns, in .jsonl, or on the hub."""

    source: str = key("tagged", "where the sentences come from", choices=("tagged",))
    words: Any = key(None, "where the words are: a column's number (null: 1), or its name in .jsonl (null: words)")
    tags: Any = key(None, "where their tags are: a column's number (null: 2), or its name in .jsonl (null: tags)")

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
        "text", "the column of the text: its name in the header line, or its number where there is none"
    )
    label: Any = key("label", "the column of the label; of target_kind=classes a list: `[funny,sad]`")
    group: Any = key(None, "a column, such as the author: rows that agree in it are held out together")
    time: Any = key(
        None,
        "folds=time: the column that says when a row is from: dates such as 2024-05-31, with or without a time, or numbers",
        added=True,
    )
    folds: str | None = key(
        None,
        "cross-validation: a number of folds, at least 3, `group` to leave each out, or `time` (`time:5`) to test on the future",
        added=True,
    )
    target_kind: str = key(
        "class",
        "what a label is: one class, a number, or yes (1), no (0) or unknown (empty) in each of several columns",
        choices=("class", "classes", "number"),
    )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        several = self.target_kind == "classes"
        if isinstance(self.label, list) != several:
            wanted = "a list of columns" if several else "one column"
            yield f"`data.label={self.label}`: data.target_kind={self.target_kind} needs {wanted}"
        columns = [self.text, *(self.label if isinstance(self.label, list) else [self.label])]
        columns += [column for column in (self.group, self.time) if column is not None]
        problem = next(filter(None, map(column_problem, columns)), "")
        if not problem and len({isinstance(column, int) for column in columns}) == 2:
            problem = "give either names, which stand in the first line, or numbers, where there is no such line"
        elif not problem and len(set(columns)) < len(columns):
            problem = "the same column twice"
        if problem:
            yield f"`data.text={self.text} data.label={self.label}`: {problem}"
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


def column_problem(column: object) -> str:
    """Why this is no column; "" where it is one."""
    if isinstance(column, bool) or not isinstance(column, int | str):
        return "a column is a name or a number"
    return "columns are numbered from 1" if isinstance(column, int) and column < 1 else ""
