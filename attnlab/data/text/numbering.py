"""Rows of text as arrays of numbers, piece by piece: in any process, and the same whoever does it.

A piece numbers its words and labels by itself, in the order in which they appear; `Numbers` gives them the numbers
that they have in the whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.answers import RECORDS
from attnlab.data.prep.splits import position
from attnlab.data.text.source import TextRow, TextSource
from attnlab.errors import UserError


@dataclass(frozen=True)
class Numbered:
    """The rows of a piece. batch: their columns, with numbers of the piece's own for words and labels.

    labels: of each target that has any. longer: sentences beyond `data.max_length`, cut or dropped. bad, first_bad:
    rows that could not be used.
    """

    batch: pa.RecordBatch
    forms: list[str]
    labels: dict[str, list[str]]
    longer: int
    bad: int
    first_bad: str


class PieceNumbering:
    """Called with (split, piece) of a source."""

    def __init__(self, source: TextSource, config: TextData) -> None:
        self.source, self.config = source, config

    def __call__(self, task: tuple[str, Any]) -> Numbered:
        split, piece = task
        bad = BadRows(self.config.skip_bad)
        kept = _Kept(self.config, self.source)
        forms: dict[str, int] = {}
        records = {name: RECORDS[kind](kind) for name, kind in self.source.targets.items()}
        columns: dict[str, list[Any]] = {name: [] for name in ("forms", "ceiling", "key", "position", *records)}
        columns |= {name: [] for name in self.source.slices}
        for row in kept.rows(self.source.rows(split, piece, bad)):
            columns["forms"].append([forms.setdefault(word, len(forms)) for word in row.words])
            columns["ceiling"].append(row.ceiling)
            columns["key"].append(row.key)
            owner = row.group or " ".join(row.words)  # equal texts are held out together
            columns["position"].append(position(owner, self.config.split_seed) if split == "train" else 0.0)
            for name, record in records.items():
                columns[name].append(record.stored(row.targets[name]))
            for name, marks in row.slices.items():
                columns[name].append(marks)
        types = {"forms": pa.list_(pa.int32()), "ceiling": pa.list_(pa.float32())}
        types |= {"key": pa.string(), "position": pa.float64()}
        types |= {name: record.arrow for name, record in records.items()}
        types |= {name: pa.list_(pa.bool_()) for name in self.source.slices}
        batch = pa.record_batch([pa.array(columns[n], t) for n, t in types.items()], names=list(types))
        labels = {name: record.meta()["labels"] for name, record in records.items() if "labels" in record.meta()}
        return Numbered(batch, list(forms), labels, kept.longer, bad.count, bad.first)


class _Kept:
    """The rows within `data.max_length`."""

    def __init__(self, config: TextData, source: TextSource) -> None:
        self.config, self.longer = config, 0
        self.labelled = [name for name, kind in source.targets.items() if kind == "vector_classes"]

    def rows(self, rows: Iterator[TextRow]) -> Iterator[TextRow]:
        longest, policy = self.config.max_length, self.config.too_long
        for row in rows:
            if len(row.words) <= longest:
                yield row
                continue
            if policy == "refuse":
                raise UserError(
                    f"{row.key}: {len(row.words)} words, more than `data.max_length={longest}`; "
                    "raise it, or set `data.too_long=cut` or `drop`"
                )
            self.longer += 1
            if policy == "cut":
                yield self._shortened(row, longest)

    def _shortened(self, row: TextRow, longest: int) -> TextRow:
        """The first `data.max_length` words, with what belongs to them."""
        return replace(
            row,
            words=row.words[:longest],
            targets=row.targets | {name: row.targets[name][:longest] for name in self.labelled},
            ceiling=row.ceiling[:longest],
            slices={name: marks[:longest] for name, marks in row.slices.items()},
        )


class Numbers:
    """Words and labels of the whole, in the order in which they appear."""

    def __init__(self) -> None:
        self.forms: dict[str, int] = {}
        self.labels: dict[str, dict[str, int]] = {}

    def of_the_whole(self, numbered: Numbered) -> pa.RecordBatch:
        """A piece's rows with the numbers of the whole."""
        batch = numbered.batch
        columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        columns["forms"] = _translated(columns["forms"], _numbers(numbered.forms, self.forms))
        for name, labels in numbered.labels.items():
            columns[name] = _translated(columns[name], _numbers(labels, self.labels.setdefault(name, {})))
        return pa.record_batch(list(columns.values()), names=list(columns))


def _numbers(words: Sequence[str], known: dict[str, int]) -> NDArray[np.int32]:
    """(words,): the number of each."""
    return np.array([known.setdefault(word, len(known)) for word in words], dtype=np.int32)


def _translated(column: Any, numbers: NDArray[np.int32]) -> Any:
    """A column of numbers, or of lists of them, by a table of new ones."""
    if pa.types.is_list(column.type):
        values = column.values.to_numpy()
        return pa.ListArray.from_arrays(column.offsets, pa.array(numbers[values] if len(values) else values))
    return pa.array(numbers[column.to_numpy()])
