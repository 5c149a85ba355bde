"""Rows of text as arrays of numbers, piece by piece, in any process.

A piece numbers its words and labels by itself, in the order in which they appear; `Numbers` translates these numbers
into those of the whole.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.splits import position
from attnlab.data.text.source import TextRow, TextSource
from attnlab.errors import UserError
from attnlab.targets import kind_named


@dataclass(frozen=True)
class Numbered:
    """The rows of a piece. batch: their columns, with the piece's numbers for words (forms) and labels.

    labels: of each target that has any. longer: sentences beyond `data.max_length`, cut or dropped. bad, first_bad:
    how many rows could not be used, and what is wrong with the first.
    """

    batch: pa.RecordBatch
    forms: list[str]
    labels: dict[str, list[str]]
    longer: int
    bad: int
    first_bad: str


class PieceNumbering:
    """(split, piece) of a source -> its rows in numbers. Raises UserError for bad rows, unless they are skipped."""

    def __init__(self, source: TextSource, config: TextData) -> None:
        self.source, self.config = source, config

    def __call__(self, task: tuple[str, object]) -> Numbered:
        split, piece = task
        bad = BadRows(self.config.skip_bad)
        lengths = _LengthLimit(self.config, self.source)
        forms: dict[str, int] = {}
        writers = {name: kind_named(kind).writer() for name, kind in self.source.targets.items()}
        columns: dict[str, list[object]] = {name: [] for name in ("forms", "ceiling", "key", "position", *writers)}
        columns |= {name: [] for name in self.source.slices}
        for row in lengths.limited(self.source.rows(split, piece, bad)):
            columns["forms"].append([forms.setdefault(word, len(forms)) for word in row.words])
            columns["ceiling"].append(row.ceiling)
            columns["key"].append(row.key)
            owner = row.group or " ".join(row.words)  # equal texts are held out together
            columns["position"].append(position(owner, self.config.split_seed) if split == "train" else 0.0)
            for name, writer in writers.items():
                columns[name].append(writer.stored(row.targets[name]))
            for name, marks in row.slices.items():
                columns[name].append(marks)
        types = {"forms": pa.list_(pa.int32()), "ceiling": pa.list_(pa.float32())}
        types |= {"key": pa.string(), "position": pa.float64()}
        types |= {name: writer.arrow for name, writer in writers.items()}
        types |= {name: pa.list_(pa.bool_()) for name in self.source.slices}
        batch = pa.record_batch([pa.array(columns[n], t) for n, t in types.items()], names=list(types))
        labels = {name: writer.labels for name, writer in writers.items() if writer.labels}
        return Numbered(batch, list(forms), labels, lengths.longer, bad.count, bad.first)


class _LengthLimit:
    """`data.max_length`, as `data.too_long` treats what is beyond it. longer: how many rows were."""

    def __init__(self, config: TextData, source: TextSource) -> None:
        self.config, self.longer = config, 0
        self.labelled = [name for name, kind in source.targets.items() if kind_named(kind).per_vector]

    def limited(self, rows: Iterator[TextRow]) -> Iterator[TextRow]:
        """The rows within it. Raises UserError for others, unless they are cut or dropped."""
        max_length, policy = self.config.max_length, self.config.too_long
        for row in rows:
            if len(row.words) <= max_length:
                yield row
                continue
            if policy == "refuse":
                raise UserError(
                    f"{row.key}: {len(row.words)} words, more than `data.max_length={max_length}`; "
                    "raise it, or set `data.too_long=cut` or `drop`"
                )
            self.longer += 1
            if policy == "cut":
                yield _shortened(row, self.labelled, max_length)


def _shortened(row: TextRow, labelled: Collection[str], length: int) -> TextRow:
    """The first so many words, with what belongs to them. labelled: targets that have a label for each word."""
    targets = {
        name: answer[:length] if name in labelled and isinstance(answer, Sequence) else answer
        for name, answer in row.targets.items()
    }
    slices = {name: marks[:length] for name, marks in row.slices.items()}
    return replace(row, words=row.words[:length], targets=targets, ceiling=row.ceiling[:length], slices=slices)


class Numbers:
    """Words and labels of all pieces, numbered in the order in which they appear."""

    def __init__(self) -> None:
        self.forms: dict[str, int] = {}
        self.labels: dict[str, dict[str, int]] = {}

    def translated(self, numbered: Numbered) -> pa.RecordBatch:
        """A piece's rows with the numbers of the whole."""
        batch = numbered.batch
        columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
        columns["forms"] = _renumbered(columns["forms"], _numbers(numbered.forms, self.forms))
        for name, labels in numbered.labels.items():
            columns[name] = _renumbered(columns[name], _numbers(labels, self.labels.setdefault(name, {})))
        return pa.record_batch(list(columns.values()), names=list(columns))


def _numbers(words: Sequence[str], known: dict[str, int]) -> NDArray[np.int32]:
    """(words,): the number of each."""
    return np.array([known.setdefault(word, len(known)) for word in words], dtype=np.int32)


def _renumbered(column: pa.Array, numbers: NDArray[np.int32]) -> pa.Array:
    """A column of numbers, or of lists of them. numbers: what each becomes."""
    if pa.types.is_list(column.type):
        values = column.values.to_numpy()
        return pa.ListArray.from_arrays(column.offsets, pa.array(numbers[values] if len(values) else values))
    return pa.array(numbers[column.to_numpy()])
