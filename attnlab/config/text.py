"""Keys of `data=` for texts: sentences of words, with tags, labels or translations."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attnlab.config.data import OnHub, embedded_problems
from attnlab.config.keys import key


def encoding_problems(encoding: str) -> Iterator[str]:
    """Why there is no such encoding of text."""
    try:
        known = codecs.lookup(encoding)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        yield f"`data.encoding={encoding}`: unknown; usual ones are utf-8, utf-16, cp1252 and latin-1"


@dataclass
class TextData(OnHub):
    """Sentences of words."""

    loader: str = key("text", "which loader reads it", choices=("text",))
    source: str = key("???", "where the sentences come from", choices=("grammar", "reviews", "conllu"))
    path: str | None = key(None, "local file, or folder of them; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "how the files write letters: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    limit: int | None = key(None, "use only the first so many training examples", least=1)
    tokens: str = key(
        "words",
        "what a string is split into: words and punctuation marks, what stands between spaces, or characters",
        choices=("words", "spaces", "characters"),
    )
    max_length: int = key(2048, "longest sentence, in words", least=1)
    too_long: str = key("refuse", "what happens to a longer one", choices=("refuse", "cut", "drop"))
    min_count: int = key(1, "training words seen less often share the unknown word's vector", least=1)
    unknown: float = key(
        1.0,
        "a word seen c times in training is replaced by <unk> with probability unknown / (unknown + c)",
        least=0,
        most=100,
    )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("grammar", "reviews"), "tagged" if self.source == "grammar" else "csv")
        yield from self.hub_problems()
        yield from encoding_problems(self.encoding)


@dataclass
class TaggedData(TextData):
    """Words and their tags: in two columns, in .jsonl, or on the hub."""

    loader: str = key("tagged", "which loader reads it", choices=("tagged",))
    source: str = key("tagged", "where the sentences come from", choices=("tagged",))
    words: Any = key(None, "where the words are: a column's number (null: 1), or its name in .jsonl (null: words)")
    tags: Any = key(None, "where their tags are: a column's number (null: 2), or its name in .jsonl (null: tags)")

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for name in ("words", "tags"):
            column = getattr(self, name)
            if column is not None and (isinstance(column, bool) or not isinstance(column, int | str)):
                yield f"`data.{name}={column}`: a column is a name or a number"
            elif isinstance(column, int) and column < 1:
                yield f"`data.{name}={column}`: columns are numbered from 1"
        if self.words is not None and self.words == self.tags:
            yield f"`data.words={self.words} data.tags={self.tags}`: the same column twice"


@dataclass
class TableData(TextData):
    """Rows of a .csv, .tsv or .jsonl file: a text and what is to be said of it."""

    loader: str = key("table", "which loader reads it", choices=("table",))
    source: str = key("table", "where the sentences come from", choices=("table",))
    text: Any = key(
        "text", "the column of the text: its name in the header line, or its number where there is none"
    )
    label: Any = key("label", "the column of the label; of target_kind=classes a list: `[funny,sad]`")
    group: Any = key(None, "a column, such as the author: rows that agree in it are held out together")
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
        columns += [] if self.group is None else [self.group]
        numbers = [column for column in columns if isinstance(column, int)]
        if any(not isinstance(column, int | str) or isinstance(column, bool) for column in columns):
            yield f"`data.text={self.text} data.label={self.label}`: a column is a name or a number"
        elif numbers and len(numbers) < len(columns):
            yield (
                f"`data.text={self.text} data.label={self.label}`: give either names, which stand in the first line, "
                "or numbers, where there is no such line"
            )
        elif any(number < 1 for number in numbers):
            yield f"`data.text={self.text} data.label={self.label}`: columns are numbered from 1"
        elif len(set(columns)) < len(columns):
            yield f"`data.text={self.text} data.label={self.label}`: the same column twice"


@dataclass
class ParallelData(OnHub):
    """Sentences with their translations."""

    loader: str = key("parallel", "which loader reads it", choices=("parallel",))
    source: str = key("???", "in which form the pairs come", choices=("bilingual", "lines", "table"))
    path: str | None = key(None, "folder of local files, or a table; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "how the files write letters: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    source_language: str = key("en", "what is translated: the ending of its files, or its column")
    target_language: str = key("de", "what it is translated into")
    test_name: str | None = key(None, "which test set, where there are several, such as test_2016_flickr")
    limit: int | None = key(None, "use only the first so many training pairs", least=1)
    tokens: str = key(
        "bpe",
        "what text is split into: pieces of words (bpe, unigram), words and punctuation marks, or characters",
        choices=("bpe", "unigram", "words", "characters"),
    )
    subwords: int = key(8000, "tokens learned from training text, at the most; not for characters", least=100)
    joint_vocabulary: bool = key(False, "one list of tokens for both languages")
    max_length: int = key(1024, "longest sentence on either side, in tokens", least=1)
    too_long: str = key("refuse", "what happens to a pair with a longer one", choices=("refuse", "cut", "drop"))

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("bilingual",), "parallel")
        yield from self.hub_problems()
        yield from encoding_problems(self.encoding)
        if self.source_language == self.target_language:
            yield f"`data.target_language={self.target_language}` is the source language, too"
        if self.test_name is not None and self.source != "lines":
            yield f"`data.test_name={self.test_name}`: only data=parallel and its like have several test sets"
