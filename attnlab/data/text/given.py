"""Sentences that a user gives a run: strings, lists of words, rows of tables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

import numpy as np

from attnlab.config import DataConfig, TableData, TextData
from attnlab.config.data.base import listed
from attnlab.data.contract import GivenSplit, Input, Reader
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.inputs import Cells, TableColumns, refuse_longer, text_inputs
from attnlab.data.text.pack import WordSets
from attnlab.data.text.tokenize import SEPARATOR, joined_tokens
from attnlab.errors import UserError
from attnlab.sets import Batch, Layout
from attnlab.spec import DataSpec
from attnlab.targets import kind_named

Words = list[str]


class SentenceReader(Reader[Words]):
    """Splits strings as `data.tokens` says. A run that learned from several columns reads ` <sep> ` in a string as the
    boundary between two; of a table, it reads these columns."""

    block = 4096
    what = "sentence"

    def __init__(self, config: DataConfig, spec: DataSpec, parts: bool) -> None:
        assert isinstance(config, TextData)
        self.config, self.spec, self.parts = config, spec, parts
        self._boundary = SEPARATOR if SEPARATOR in spec.vocabularies["words"].ids else None

    def inputs(self, words: Sequence[str], stdin: Iterable[bytes]) -> Iterator[Input]:
        config = self.config
        if isinstance(config, TableData):
            columns = TableColumns(
                config.texts,
                config.encoding,
                config.separator,
                listed(config.id),
                listed(config.keep),
                key="data.text",
            )
        else:
            columns = TableColumns(["text"], config.encoding)
        tags = {name for t in self.spec.targets.values() if kind_named(t.kind).per_vector for name in t.classes}
        return text_inputs(words, stdin, columns, self.what, self.run, tags)

    def example(self, value: object, key: str) -> Words:
        """A string, a list of words or the cells of a table's row, as its words within `data.max_length`. Raises UserError for
        anything else, and where there are none, or too many."""
        how, end = self.config.tokens, self.config.max_length
        if isinstance(value, str):
            words = joined_tokens([value] if self._boundary is None else value.split(self._boundary), how)
        elif isinstance(value, Cells):
            words = joined_tokens(value.texts, how)
        else:
            words = _listed(value)
        if not words:
            raise UserError(
                f"the {'text' if isinstance(value, str | Cells) else 'list'} is empty: give at least one word"
            )
        if self.config.too_long != "cut":
            refuse_longer(len(words), "words", end)
        return words[:end]

    def split(self, examples: Sequence[Words], keys: Sequence[str]) -> "GivenSentences":
        return GivenSentences(examples, keys, self.spec, self.parts)


def _listed(given: object) -> Words:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise UserError(f"give each sentence as a string or a list of words, not `{given!r}`")
    words = list(given)
    if not all(isinstance(word, str) and word for word in words):
        raise UserError("give each word as a string that is not empty")
    return words


class GivenSentences(GivenSplit):
    """Sentences without right answers, by their words."""

    def __init__(self, sentences: Sequence[Words], keys: Sequence[str], spec: DataSpec, parts: bool) -> None:
        self.sentences, self.keys = sentences, keys
        forms = {word: i for i, word in enumerate(dict.fromkeys(chain.from_iterable(sentences)))}
        self._sets = WordSets(list(forms), spec, parts)
        self.lengths = np.array([len(words) for words in sentences], dtype=np.int64)
        ids = np.array([forms[word] for words in sentences for word in words], dtype=np.int32)
        ends = self.lengths.cumsum().tolist()
        self._forms = [ids[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        unknown = np.concatenate([[0], (self._sets.word_of_form[ids] == 0).cumsum()])
        self._shares = (np.diff(unknown[[0, *ends]]) / self.lengths).tolist()

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of sentences -> these, packed: values (N,) ids of words, coords (N, 1). Never augmented."""
        forms = np.concatenate([self._forms[i] for i in indices])
        layout = Layout.of(self.lengths[indices].tolist())
        inputs = self._sets.pack(forms, layout, self._sets.word_of_form[forms])
        return Batch(inputs, {}, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, object]:
        return {"words": self.sentences[i]}

    def unknown(self, i: int) -> float:
        return round(self._shares[i], 4)

    def unknown_words(self, i: int) -> list[str]:
        if not self._shares[i]:
            return []
        unknown = self._sets.word_of_form[self._forms[i]] == 0
        return [word for word, never in zip(self.sentences[i], unknown.tolist(), strict=True) if never]
