"""Answers that are lists, made when they are asked for, so that those of a large set needn't be in memory."""

from collections.abc import Sequence
from typing import overload

import numpy as np

from attnlab.metrics import Value
from attnlab.targets.base import Ragged, Rows


class Lists(Sequence[list[Value]]):
    """The lists of some rows of a stored column, or of all. labels: what numbers stand for; None: for themselves."""

    def __init__(self, column: Ragged, rows: Rows | None, labels: Sequence[str] | None = None) -> None:
        self._column, self._labels = column, labels
        self._rows = np.arange(len(column.lengths)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, i: int) -> list[Value]: ...
    @overload
    def __getitem__(self, i: slice) -> list[list[Value]]: ...
    def __getitem__(self, i: int | slice) -> list[Value] | list[list[Value]]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        values = self._column[int(self._rows[i])].tolist()
        return values if self._labels is None else [self._labels[value] for value in values]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)
