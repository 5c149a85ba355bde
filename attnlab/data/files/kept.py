"""Cells of a table that stand beside its rows in predictions, of columns on which no example depends."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.command_words import as_written
from attnlab.config import ParallelData, TableData
from attnlab.config.data.base import listed
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import plain_suffix
from attnlab.data.files.tables import MissingColumn
from attnlab.data.prep.arrow import Columns, write_batches
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.disk import read_json
from attnlab.errors import UserError

ROWS = 10_000
"""Rows that are written together."""
WARNINGS = "warnings.json"


class Rows(Protocol):
    """A source whose examples are rows of a table."""

    files: dict[str, Path]
    splits: tuple[str, ...]
    identity: str

    def cells(self, split: str, columns: Sequence[str | int], bad: BadRows) -> Iterator[tuple[int, list[str]]]:
        """(number of the row, as at the end of its key, cells of these columns) of each row of a split."""


class Kept:
    """What `data.id` and `data.keep` name, of each row of each file: prepared once, apart from the examples.

    source: which has the method `cells` of `Rows` where columns are named. Raises UserError for a column that isn't there. warnings: of ids that don't tell rows apart.
    """

    def __init__(self, config: TableData | ParallelData, source: Rows) -> None:
        self._id, self._keep, self._source = listed(config.id), listed(config.keep), source
        self._columns = list(dict.fromkeys([*self._id, *self._keep]))
        self._names = [column if isinstance(column, str) else f"column_{column}" for column in self._keep]
        self._split_of_file = {path.name: split for split, path in source.files.items()}
        self.warnings: list[str] = []
        self._rows: dict[str, tuple[NDArray[np.int64], Columns]] = {}
        if self._columns:
            kinds = [(split, plain_suffix(path)) for split, path in source.files.items()]
            read: dict[str, object] = {
                "columns": self._columns,
                "encoding": config.encoding,
                "separator": config.separator,
            }
            read |= {"id": self._id, "kinds": kinds, "splits": source.splits, "identity": source.identity}
            name = f"kept-{config.name}-{fingerprint(source.files.values(), read)}"
            folder = prepared(cache_folder(config.cache), name, self._write)
            self.warnings = read_json(folder / WARNINGS, list[str])
            columns = {split: Columns(folder / f"{split}.arrow") for split in source.splits}
            self._rows = {split: (found.numbers("row"), found) for split, found in columns.items()}

    def id(self, key: str) -> str:
        """What the example with this key is called: its key where no column says it, or where the cell is empty."""
        return (self._cell(key, self._id[0]) or key) if self._id else key

    def beside(self, key: str) -> dict[str, str]:
        """What stands beside it, by the names of columns; a column by number is called column_3."""
        return {name: self._cell(key, column) for name, column in zip(self._names, self._keep, strict=True)}

    def _cell(self, key: str, column: str | int) -> str:
        """A cell of the row with this key, which is <file>:<number>, or <set>:<split>:<number> of the hub; "" where the row has
        none, as may be in .jsonl."""
        place, _, number_there = key.rpartition(":")
        numbers, columns = self._rows[self._split_of_file.get(place) or place.rpartition(":")[2]]
        number = int(number_there)
        row = int(np.searchsorted(numbers, number))
        found = row < len(numbers) and numbers[row] == number
        return columns.string(f"cell {self._columns.index(column)}", row) if found else ""

    def _write(self, folder: Path) -> None:
        warnings = list[str]()
        for split in self._source.splits:
            bad, ids = BadRows(skip=True), Counter[str]()
            try:
                count = write_batches(folder / f"{split}.arrow", self._batches(split, bad, ids))
                if count == 0:
                    raise UserError(bad.first or f"no rows in the {split} split")
            except UserError as error:
                raise UserError(f"`{self._words(error)}`: {error}") from error
            warnings += self._told(split, ids, count)
        (folder / WARNINGS).write_text(json.dumps(warnings), encoding="utf-8")

    def _words(self, error: UserError) -> str:
        """The keys that name the columns, as one types them; where one of these is missing, the key that names it."""
        missing = [error.column] if isinstance(error, MissingColumn) else self._columns
        words = [f"data.id={column}" for column in self._id if column in missing]
        return " ".join([*words, f"data.keep={as_written(self._keep)}"] if {*self._keep} & {*missing} else words)

    def _batches(self, split: str, bad: BadRows, ids: Counter[str]) -> Iterator[pa.RecordBatch]:
        rows = self._source.cells(split, self._columns, bad)
        while block := list(islice(rows, ROWS)):
            numbers = pa.array([number for number, _ in block], pa.int64())
            cells = [pa.array(column, pa.string()) for column in zip(*(cells for _, cells in block), strict=True)]
            ids.update(cells[0].to_pylist() if self._id else ())
            yield pa.record_batch([numbers, *cells], names=["row", *(f"cell {i}" for i in range(len(cells)))])

    def _told(self, split: str, ids: Counter[str], count: int) -> Iterator[str]:
        empty = ids.pop("", 0)
        if empty:
            yield f"data.id={self._id[0]}: {empty:,} of {count:,} rows for {split} have none, and keep file:line"
        repeated = [name for name, times in ids.items() if times > 1]
        if repeated:
            occur = "1 id occurs" if len(repeated) == 1 else f"{len(repeated):,} ids occur"
            yield f"data.id={self._id[0]}: {occur} more than once for {split}, such as `{repeated[0]}`"
