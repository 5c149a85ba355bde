"""Texts that a user gives a run which translates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnlab.config import DataConfig, ParallelData
from attnlab.config.data.base import listed
from attnlab.data.contract import GivenSplit, Input, Reader
from attnlab.data.pairs.sources import TOGETHER
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.inputs import Cells, TableColumns, refuse_longer, text_inputs
from attnlab.data.prep.sequences import tokens_in_order
from attnlab.errors import UserError
from attnlab.sets import Batch
from attnlab.spec import DataSpec


@dataclass(frozen=True, eq=False)
class SourceText:
    """A text, and (L,) the ids of its tokens."""

    text: str
    ids: NDArray[np.int32]


class SourceReader(Reader[SourceText]):
    """Splits texts into the tokens of the run; of a table, it reads the column of `data.source_language`. Raises
    UserError for a run that has learned no tokens of sources."""

    block = 1024
    what = "sentence"

    def __init__(self, config: DataConfig, spec: DataSpec) -> None:
        assert isinstance(config, ParallelData)
        if "source" not in spec.codecs:
            raise UserError(f"data={config.name}: the run did not learn from pairs of texts")
        self.config, self.codec = config, spec.codecs["source"]

    def inputs(self, words: Sequence[str], stdin: Iterable[bytes]) -> Iterator[Input]:
        config = self.config
        columns = TableColumns(
            [config.source_language],
            config.encoding,
            config.separator,
            listed(config.id),
            listed(config.keep),
            TOGETHER,
            "data.source_language",
        )
        return text_inputs(words, stdin, columns, self.what, self.run)

    def example(self, value: object, key: str) -> SourceText:
        """A string, or the cell of a table's row, as its tokens within `data.max_length`. Raises UserError for anything
        else, and where there are none, or too many."""
        text = value.texts[0] if isinstance(value, Cells) else value
        if not isinstance(text, str):
            raise UserError("give each sentence as a string: this run splits it into its own tokens")
        (ids,) = self.codec.encode([text.strip()])
        if not ids:
            raise UserError("the text is empty: give at least one word")
        if self.config.too_long != "cut":
            refuse_longer(len(ids), "tokens", self.config.max_length)
        return SourceText(text.strip(), np.array(ids[: self.config.max_length], dtype=np.int32))

    def split(self, examples: Sequence[SourceText], keys: Sequence[str]) -> "GivenTexts":
        return GivenTexts(examples, keys)


class GivenTexts(GivenSplit):
    """Texts without translations."""

    def __init__(self, texts: Sequence[SourceText], keys: Sequence[str]) -> None:
        self.texts, self.keys = texts, keys
        self.lengths = np.array([len(text.ids) for text in texts], dtype=np.int64)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of texts -> these, packed: (N,) ids. Never augmented."""
        ids = np.concatenate([self.texts[i].ids for i in indices])
        return Batch(tokens_in_order(ids, self.lengths[indices]), {}, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, object]:
        return {"source": self.texts[i].text}
