"""Keys of `data=` for texts with their translations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from attnlab.config.data.base import HubDataConfig, embedded_problems, encoding_problems
from attnlab.config.keys import LARGEST, key
from attnlab.registry import LOADERS, PAIR_SOURCES, SourceRegistry


@dataclass
@LOADERS.builtin("parallel", "attnlab.data.pairs.loader:Parallel")
@PAIR_SOURCES.builtin("bilingual", "attnlab.data.pairs.sources:Bilingual")
@PAIR_SOURCES.builtin("lines", "attnlab.data.pairs.sources:Lines")
@PAIR_SOURCES.builtin("table", "attnlab.data.pairs.sources:PairTable")
class ParallelData(HubDataConfig):
    """Sentences with their translations."""

    sources: ClassVar[SourceRegistry] = PAIR_SOURCES

    source: str = key("???", "in which form the pairs come", choices=PAIR_SOURCES)
    path: str | None = key(None, "folder of local files, or a table; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "how the files write letters: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    source_language: str = key("en", "what is translated: the ending of its files, or its column")
    target_language: str = key("de", "what it is translated into")
    # Part of fingerprints from the first, where that of other data is not.
    test_name: str | None = key(None, "which test set, where there are several, such as test_2016_flickr")
    limit: int | None = key(
        None, "use only so many training pairs; tokens are learned from all", min=1, max=LARGEST
    )
    tokens: str = key(
        "bpe",
        "what text is split into: pieces of words (bpe, unigram), words and punctuation marks, or characters",
        choices=("bpe", "unigram", "words", "characters"),
    )
    subwords: int = key(
        8000, "tokens learned from training text, at the most; not for characters", min=100, max=10**6
    )
    joint_vocabulary: bool = key(False, "one list of tokens for both languages")
    max_length: int = key(1024, "longest sentence on either side, in tokens", min=1, max=10**9)
    too_long: str = key("refuse", "what happens to a pair with a longer one", choices=("refuse", "cut", "drop"))

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("translation",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("bilingual",), "parallel")
        yield from encoding_problems(self.encoding)
        if self.source_language == self.target_language:
            yield f"`data.target_language={self.target_language}` is the source language, too"
