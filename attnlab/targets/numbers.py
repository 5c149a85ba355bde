"""A number for the set (kind `number`) or for each vector (`vector_numbers`); NaN is not scored."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from attnlab.metrics import Value
from attnlab.sets import Loss
from attnlab.spec import Target
from attnlab.targets.base import Columns, Rows, StoredAnswers, TargetKind, Writer
from attnlab.targets.lists import Lists


class StoredNumbers(StoredAnswers):
    """Numbers as they are: float64, since large ones with a small standard deviation are the same in float32."""

    def __init__(self, columns: Columns, name: str, target: Target, labels: Sequence[str]) -> None:
        self._kind = target.kind
        if target.kind == "vector_numbers":
            self._ragged = columns.ragged(name)
        else:
            self._numbers = columns.numbers(name)

    def take(self, rows: Rows) -> Tensor:
        """(B,) or (N,) float64."""
        return torch.from_numpy(self._values(rows))

    def gold(self, rows: Rows | None = None) -> Sequence[Value]:
        if self._kind == "vector_numbers":
            return Lists(self._ragged, rows)
        return (self._numbers if rows is None else self._numbers[rows]).tolist()

    def learned(self, rows: Rows, questions: tuple[str, ...] = ()) -> Target:
        values = self._values(rows)
        return Target(self._kind, mean=float(values.mean()), std=float(values.std()) if np.ptp(values) else 1.0)

    def _values(self, rows: Rows) -> np.ndarray:
        return self._ragged.take(rows) if self._kind == "vector_numbers" else self._numbers[rows]


class Numbers(TargetKind):
    """Absolute error, in standard deviations of the numbers in training."""

    metrics = ("mae",)
    monitor = "mae"
    stored_answers = StoredNumbers

    def writer(self) -> Writer:
        return Writer(pa.list_(pa.float64()) if self.per_vector else pa.float64())

    def num_outputs(self, target: Target) -> int:
        return 1

    def loss(self, outputs: Tensor, truth: Tensor, target: Target, weights: Tensor | None = None) -> Loss:
        known = ~truth.isnan()
        wanted = ((truth.double().nan_to_num() - target.mean) / target.std).float()
        error = (outputs.float().squeeze(-1) - wanted).abs()
        return Loss((error * known).sum(), known.sum())

    def predictions(self, outputs: Tensor, target: Target) -> list[tuple[Value, Value]]:
        values = outputs.double().squeeze(-1) * target.std + target.mean
        return [(value, None) for value in values.tolist()]
