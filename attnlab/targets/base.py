"""What every kind of target offers to the loaders, the heads and the evaluation."""

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol, TypeVar, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from attnlab.errors import UserError
from attnlab.metrics import LISTED, Value
from attnlab.sets import Loss, Ranked, VectorSets
from attnlab.spec import Target

Rows = NDArray[np.int64]
Answer = TypeVar("Answer")


Values = NDArray[Any]
"""Numbers of the type that their column has."""


class Ragged(Protocol):
    """A stored column of lists of numbers."""

    @property
    def lengths(self) -> NDArray[np.int64]: ...

    def __getitem__(self, row: int, /) -> Values: ...

    def take(self, rows: Rows, /) -> Values:
        """These rows, end to end."""

    def counts(self, rows: Rows, size: int, /) -> NDArray[np.int64]:
        """(size,): how often each number below it occurs in these rows."""


class Columns(Protocol):
    """The stored columns of a split."""

    def ragged(self, name: str, /) -> Ragged: ...

    def numbers(self, name: str, /) -> Values: ...


class Writer:
    """Takes the right answers of one target while rows are written. arrow: the type of their column.

    labels: of classes, in the order in which they appear, where column holds their numbers; else empty.
    """

    def __init__(self, arrow: pa.DataType) -> None:
        self.arrow, self.labels = arrow, list[str]()

    def stored(self, answer: Value) -> Value:
        """What the column holds of one answer."""
        return answer


class ReadRows(Sequence[Answer]):
    """Some rows of a column, read when they are asked for, so that those of a large set needn't be in memory."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def read(self, row: int) -> Answer:
        """What stands in a row of the column."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, i: int) -> Answer: ...
    @overload
    def __getitem__(self, i: slice) -> list[Answer]: ...
    def __getitem__(self, i: int | slice) -> Answer | list[Answer]:
        rows = self._rows[i]
        return [self.read(int(row)) for row in rows] if isinstance(i, slice) else self.read(int(rows))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


class Lists(ReadRows[list[Value]]):
    """Lists of numbers or, where there are labels, of what the numbers stand for."""

    def __init__(self, column: Ragged, rows: Rows, labels: Sequence[str]) -> None:
        super().__init__(rows)
        self._column, self._labels = column, labels

    def read(self, row: int) -> list[Value]:
        values = self._column[row].tolist()
        return [self._labels[value] for value in values] if self._labels else values


class StoredAnswers:
    """The right answers of one target in one split, read again.

    labels: those that a `Writer` has kept. target: what training knows of the answers.
    """

    def __init__(self, columns: Columns, name: str, target: Target, labels: Sequence[str]) -> None:
        self.kind, self.labels = target.kind, labels
        self._column = columns.ragged(name) if target.kind in LISTED else columns.numbers(name)

    def take(self, rows: Rows) -> Tensor:
        """What the loss needs: see the kinds for its shape."""
        raise NotImplementedError

    def stored(self, rows: Rows) -> Values:
        """What the column holds in these rows: a number of each, or those of all lists end to end."""
        return self._column[rows] if isinstance(self._column, np.ndarray) else self._column.take(rows)

    def gold(self, rows: Rows | None = None) -> Sequence[Value]:
        """Of these rows, or of all, as heads predict them: a label, a number, or a list of them."""
        if not isinstance(self._column, np.ndarray):
            return Lists(self._column, np.arange(len(self._column.lengths)) if rows is None else rows, self.labels)
        values = (self._column if rows is None else self._column[rows]).tolist()
        return [self.labels[value] for value in values] if self.labels else values

    def counts(self, rows: Rows) -> dict[str, int]:
        """How often each label occurs in these rows, in order of the labels; empty where answers are no classes."""
        return {}

    def learned(self, rows: Rows, questions: tuple[str, ...] = ()) -> Target:
        """What training on these rows knows of the answers. questions: the names of those of kind `classes`."""
        raise NotImplementedError


class TargetKind:
    """One kind of target. per_vector: whether every vector of a set has an answer, or the set as a whole."""

    metrics: tuple[str, ...]
    """The scores that are usual for it; `head.metrics=` names others."""
    has_labels: ClassVar[bool] = False
    """Whether answers are one of C classes each, so that they have a confusion matrix and rare classes."""
    monitor: ClassVar[str]
    """The validation score that picks the best weights unless `trainer.monitor=` names another."""
    told: ClassVar[bool] = True
    """Whether its answers are written as predictions, for people to read."""
    stored_answers: ClassVar[type[StoredAnswers]]

    def __init__(self, name: str, per_vector: bool) -> None:
        self.name, self.per_vector = name, per_vector

    def usual_metrics(self, classes: Sequence[str]) -> tuple[str, ...]:
        """The scores that are usual where answers are these classes, if they are any."""
        return self.metrics

    def writer(self) -> Writer:
        """For one target of one split, or of one piece of it."""
        raise NotImplementedError

    def num_outputs(self, target: Target) -> int:
        """How many numbers a model gives for each answer."""
        return len(target.classes)

    def class_weights(self, target: Target) -> Tensor:
        """(C,): weights in the loss by which every class weighs as much as every other. Raises UserError where answers
        are not one class."""
        raise UserError("`head.class_weights=balanced`: only for targets of one class")

    def loss(self, outputs: Tensor, truth: Tensor, target: Target, weights: Tensor | None = None) -> Loss:
        """(R, outputs) and the right answers of R rows -> their summed loss, and how many were scored.

        weights: (C,) of the classes, or None for equal ones.
        """
        raise NotImplementedError

    def from_loss(self, loss: float) -> dict[str, float]:
        """Scores that follow from the mean loss, by name."""
        return {}

    def count(self, truth: Tensor | VectorSets) -> int:
        """How many of the right answers of a batch are known, over which `loss` sums."""
        raise NotImplementedError

    def constant_loss(self, gold: Sequence[Value], target: Target) -> float:
        """The mean loss of the best answer that is always the same, on the training data. gold: their right answers; of
        sequences, the ids of their tokens."""
        raise NotImplementedError

    def combined(self, outputs: Tensor) -> Tensor:
        """(members, R, outputs) of several models -> (R, outputs): those of their mean answer, as `loss` and
        `predictions` take them."""
        raise NotImplementedError

    def predictions(self, outputs: Tensor, target: Target) -> list[tuple[Value, Value]]:
        """(R, outputs) -> the value and probability of each row, in words or numbers."""
        raise NotImplementedError

    def ranked(self, outputs: Tensor, target: Target, most: int | None = None) -> Ranked | None:
        """(R, outputs) -> the most probable classes of each row; None where answers are no classes. most: how many are kept at
        least; None: as many as is usual."""
        return None


def entropy(counts: Sequence[int] | NDArray[np.int64]) -> float:
    """Of relative frequencies, in nats: the mean cross-entropy of a prediction that knows these alone; 0 where there are none."""
    times = np.asarray(counts, dtype=np.float64)
    times = times[times > 0]
    return float(-(times / times.sum() * np.log(times / times.sum())).sum()) if len(times) else 0.0
