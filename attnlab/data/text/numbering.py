"""Rows of text as arrays of numbers, piece by piece, in any process.

A piece numbers its words and labels by itself, in the order in which they appear; `Numbers` translates these numbers
into those of the whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows, longer_refused
from attnlab.data.files.file_names import FileNames
from attnlab.data.prep.splits import position
from attnlab.data.text.source import TextRow, TextSource
from attnlab.targets import kind_named


@dataclass(frozen=True)
class Numbered:
    """The rows of a piece. batch: their columns, with the piece's numbers for words (forms) and labels.

    labels: of each target that has any. longer: sentences beyond `data.max_length`, cut or dropped. bad: rows that could
    not be used, and what else was not read as it stands.
    """

    batch: pa.RecordBatch
    forms: list[str]
    labels: dict[str, list[str]]
    longer: int
    bad: BadRows


class PieceNumbering:
    """(split, piece) of a source -> its rows in numbers. Raises UserError for bad rows, unless they are skipped."""

    def __init__(self, source: TextSource, config: TextData) -> None:
        self.source, self.config = source, config

    def __call__(self, task: tuple[str, object]) -> Numbered:
        split, piece = task
        bad = BadRows(self.config.skip_bad)
        longer: list[str] = []
        forms: dict[str, int] = {}
        writers = {name: kind_named(kind).writer() for name, kind in self.source.targets.items()}
        columns: dict[str, list[object]] = {name: [] for name in ("forms", "ceiling", "key", "position", *writers)}
        columns |= {name: [] for name in self.source.slices}
        extra = ["group"] * self.source.grouped + ["time"] * self.source.timed
        columns |= {name: [] for name in ("content", *extra)}
        names, seed = FileNames(self.source.files), self.config.split_seed
        rows = self.source.rows(split, piece, bad)
        for row in _within_length(rows, self.source, self.config, longer):
            columns["forms"].append([forms.setdefault(word, len(forms)) for word in row.words])
            columns["ceiling"].append(row.ceiling)
            columns["key"].append(names.stored_key(row.key))
            text = " ".join(row.words)  # equal texts are held out together
            columns["position"].append(position(row.group or text, seed) if split == "train" else 0.0)
            content = f"{text}\n{list(row.targets.values())}"
            columns["content"].append(position(content, seed) if split == "train" else 0.0)
            for name in extra:
                columns[name].append(getattr(row, name))
            for name, writer in writers.items():
                columns[name].append(writer.stored(row.targets[name]))
            for name, marks in row.slices.items():
                columns[name].append(marks)
        types = {"forms": pa.list_(pa.int32()), "ceiling": pa.list_(pa.float32())}
        types |= {"key": pa.string(), "position": pa.float64(), "content": pa.float64()}
        types |= dict.fromkeys(extra, pa.string())
        types |= {name: writer.arrow for name, writer in writers.items()}
        types |= {name: pa.list_(pa.bool_()) for name in self.source.slices}
        batch = pa.record_batch([pa.array(columns[n], t) for n, t in types.items()], names=list(types))
        labels = {name: writer.labels for name, writer in writers.items() if writer.labels}
        return Numbered(batch, list(forms), labels, len(longer), bad)


def _within_length(
    rows: Iterator[TextRow], source: TextSource, config: TextData, longer: list[str]
) -> Iterator[TextRow]:
    """The rows as `data.too_long` has them; keys of those beyond `data.max_length` go to `longer`, unless refused."""
    per_word = {name for name, kind in source.targets.items() if kind_named(kind).per_vector}
    end = config.max_length
    for row in rows:
        if len(row.words) <= end:
            yield row
            continue
        if config.too_long == "refuse":
            raise longer_refused(row.key, f"{len(row.words)} words", end)
        longer.append(row.key)
        if config.too_long == "cut":
            answers = {name: cast(Sequence, row.targets[name])[:end] for name in per_word}
            slices = {name: marks[:end] for name, marks in row.slices.items()}
            targets, words, ceiling = {**row.targets, **answers}, row.words[:end], row.ceiling[:end]
            yield replace(row, targets=targets, words=words, ceiling=ceiling, slices=slices)


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
