"""Rows in memory-mapped Arrow files: written once as a stream, read again as numpy arrays."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.data.prep.splits import Named
from attnlab.targets.base import ReadRows, Values

BUFFER = 1 << 26
"""Bytes of rows that wait to be written."""


def write_rows(path: Path, columns: Mapping[str, object], rows: Iterable[dict[str, object]]) -> int:
    """Stream rows into an Arrow file; `columns` are `datasets` features. Returns how many there were.

    A thousand rows, or BUFFER bytes of numbers, are written at a time.
    """
    from datasets import Features
    from datasets.arrow_writer import ArrowWriter

    with ArrowWriter(path=str(path), features=Features(columns)) as writer:
        waiting = 0
        for row in rows:
            writer.write(row)
            waiting += sum(value.nbytes for value in row.values() if isinstance(value, np.ndarray))
            if waiting > BUFFER:
                writer.write_examples_on_file()
                waiting = 0
        count, _ = writer.finalize()
    return count


def write_batches(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Stream batches of rows into an Arrow file; returns how many rows there were."""
    count, writer = 0, None
    for batch in batches:
        if writer is None:
            writer = pa.RecordBatchStreamWriter(str(path), batch.schema)
        writer.write_batch(batch)
        count += batch.num_rows
    if writer is not None:
        writer.close()
    return count


class Columns:
    """The flat columns of prepared Arrow files, mapped into memory one after the other and seen as numpy arrays. sizes: the
    rows of each file."""

    def __init__(self, *paths: Path) -> None:
        tables = [pa.ipc.open_stream(pa.memory_map(str(path))).read_all() for path in paths]
        self._table, self.sizes = pa.concat_tables(tables), [table.num_rows for table in tables]

    def __len__(self) -> int:
        return self._table.num_rows

    def ragged(self, name: str) -> "Ragged":
        """A column of lists."""
        return Ragged(self._table.column(name).chunks)

    def numbers(self, name: str) -> Values:
        """(rows,): a column with a number in each row."""
        return self._table.column(name).to_numpy()

    def strings(self, name: str) -> list[str]:
        """A column of strings, all of them in memory."""
        return self._table.column(name).to_pylist()

    def named(self, name: str) -> Named:
        """A column of strings that repeat, each of them in memory once."""
        encoded = self._table.column(name).combine_chunks().dictionary_encode()
        return Named(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist())

    def string(self, name: str, row: int) -> str:
        """One string of a column."""
        return self._table.column(name)[row].as_py()

    def strings_of(self, name: str, rows: NDArray[np.int64], shown: Callable[[str], str] = str) -> "Strings":
        """Those of these rows, read when they are asked for; shown: what becomes of each."""
        return Strings(self._table.column(name), rows, shown)


class Strings(ReadRows[str]):
    """Strings in a mapped file, of some of its rows."""

    def __init__(self, column: pa.ChunkedArray, rows: NDArray[np.int64], shown: Callable[[str], str]) -> None:
        super().__init__(rows)
        self._column, self._shown = column, shown

    def read(self, row: int) -> str:
        return self._shown(self._column[row].as_py())


class Ragged:
    """A column of lists of numbers; row i is a view into the mapped file."""

    def __init__(self, chunks: Sequence[pa.ListArray]) -> None:
        self._values = [_numpy(chunk.values) for chunk in chunks]
        self._bounds = [chunk.offsets.to_numpy() for chunk in chunks]
        self._first = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        self._starts = np.concatenate([bounds[:-1] for bounds in self._bounds] or [np.zeros(0, dtype=np.int64)])
        self.lengths: NDArray[np.int64] = np.concatenate(
            [np.diff(bounds) for bounds in self._bounds] or [np.zeros(0)]
        ).astype(np.int64)

    def __getitem__(self, i: int) -> Values:
        chunk, start = int(np.searchsorted(self._first, i, side="right")) - 1, self._starts[i]
        return self._values[chunk][start : start + self.lengths[i]]

    def rows(self, indices: NDArray[np.int64]) -> list[Values]:
        """These rows. Their bounds are looked up for all at once, which is much faster than one after the other."""
        chunks = np.searchsorted(self._first, indices, side="right") - 1
        bounds = zip(chunks.tolist(), self._starts[indices].tolist(), self.lengths[indices].tolist(), strict=True)
        return [self._values[chunk][start : start + length] for chunk, start, length in bounds]

    def take(self, indices: NDArray[np.int64]) -> Values:
        """These rows, end to end."""
        return np.concatenate(self.rows(indices))

    def counts(self, rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """(size,): how often each number below it occurs in these rows, chunk by chunk."""
        wanted = np.zeros(len(self.lengths), dtype=bool)
        wanted[rows] = True
        counts = np.zeros(size, dtype=np.int64)
        for values, bounds, start in zip(self._values, self._bounds, self._first, strict=False):
            mask = np.repeat(wanted[start : start + len(bounds) - 1], np.diff(bounds))
            counts += np.bincount(values[bounds[0] : bounds[-1]][mask], minlength=size)
        return counts


def _numpy(array: pa.Array) -> Values:
    """Numbers without a copy; Arrow packs booleans into bits, which numpy cannot view."""
    return array.to_numpy(zero_copy_only=str(array.type) != "bool")
