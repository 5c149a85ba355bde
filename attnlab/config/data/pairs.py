"""Keys of `data=` for texts with their translations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from attnlab.config.data.base import (
    CrossValidated,
    HubDataConfig,
    beside_problems,
    embedded_problems,
    encoding_problems,
    id_key,
    keep_key,
    separator_key,
)
from attnlab.config.keys import LARGEST, key
from attnlab.registry import LOADERS, PAIR_SOURCES, SourceRegistry


@dataclass
@LOADERS.builtin("parallel", "attnlab.data.pairs.loader:Parallel")
@PAIR_SOURCES.builtin("bilingual", "attnlab.data.pairs.sources:Bilingual")
@PAIR_SOURCES.builtin("lines", "attnlab.data.pairs.sources:Lines")
@PAIR_SOURCES.builtin("table", "attnlab.data.pairs.sources:PairTable")
class ParallelData(HubDataConfig, CrossValidated):
    """Sentences with their translations."""

    sources: ClassVar[SourceRegistry] = PAIR_SOURCES

    source: str = key("???", "in which form the pairs come", choices=PAIR_SOURCES)
    path: str | None = key(None, "folder of local files, or a table; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "character encoding of the files: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    source_language: str = key("en", "source language: the ending of its files, or the name of its column")
    target_language: str = key("de", "target language: the ending of its files, or the name of its column")
    # Part of fingerprints from the first, where that of other data is not.
    test_name: str | None = key(None, "name of the test set where there are several, such as test_2016_flickr")
    limit: int | None = key(
        None, "number of training pairs that are used; tokens are learned from all; null: all", min=1, max=LARGEST
    )
    tokens: str = key(
        "bpe",
        "how a text is split: bpe or unigram (pieces of words), words (and punctuation marks) or characters",
        choices=("bpe", "unigram", "words", "characters"),
    )
    subwords: int = key(8000, "most tokens learned from the training text; not for characters", min=100, max=10**6)
    joint_vocabulary: bool = key(False, "whether both languages share one vocabulary")
    max_length: int = key(1024, "most tokens in a sentence, on either side", min=1, max=10**9)
    too_long: str = key(
        "refuse",
        "what is done with a longer pair: refuse, cut, or drop (leave it out)",
        choices=("refuse", "cut", "drop"),
    )

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("translation",)

    separator: str | None = separator_key()
    id: Any = id_key()
    keep: Any = keep_key()

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from beside_problems(self.id, self.keep)
        is_table = self.source == "table"
        for name, fits in (("separator", is_table), ("id", is_table or self.hub), ("keep", is_table or self.hub)):
            if getattr(self, name) is not None and not fits:
                yield f"`data.{name}={getattr(self, name)}`: of a table with both languages; set data.source=table"
        yield from embedded_problems(self, ("bilingual",), "parallel")
        yield from encoding_problems(self.encoding)
        if self.source_language == self.target_language:
            yield f"`data.target_language={self.target_language}` is the source language, too"
