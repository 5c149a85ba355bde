"""A number for the set (kind `number`) or for each vector (`vector_numbers`); NaN is not scored."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from attnlab.metrics import Value
from attnlab.sets import Loss, VectorSets
from attnlab.spec import Target
from attnlab.targets.base import Rows, StoredAnswers, TargetKind, Writer


class StoredNumbers(StoredAnswers):
    """Numbers as they are: float64, since large ones with a small standard deviation are the same in float32."""

    def take(self, rows: Rows) -> Tensor:
        """(B,) or (N,) float64."""
        return torch.from_numpy(self.stored(rows))

    def learned(self, rows: Rows, questions: tuple[str, ...] = ()) -> Target:
        values = self.stored(rows)
        known = values[~np.isnan(values)]
        if not len(known):
            return Target(self.kind, mean=0.0, std=1.0)
        return Target(self.kind, mean=float(known.mean()), std=float(known.std()) if np.ptp(known) else 1.0)


class Numbers(TargetKind):
    """Absolute error, in standard deviations of the numbers in training."""

    metrics = ("mae", "rmse", "r2")
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

    def count(self, truth: Tensor | VectorSets) -> int:
        assert isinstance(truth, Tensor), "targets of these kinds are no sequences"
        return int((~truth.isnan()).sum())

    def constant_loss(self, gold: Sequence[Value], target: Target) -> float:
        numbers = np.hstack(list(gold)).astype(np.float64)
        known = numbers[~np.isnan(numbers)]
        return float(np.abs(known - np.median(known)).mean()) / target.std if len(known) else 0.0

    def combined(self, outputs: Tensor) -> Tensor:
        """(members, R, 1) -> (R, 1): their mean."""
        return outputs.float().mean(0)

    def predictions(self, outputs: Tensor, target: Target) -> list[tuple[Value, Value]]:
        values = outputs.double().squeeze(-1) * target.std + target.mean
        return [(value, None) for value in values.tolist()]
