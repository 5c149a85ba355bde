"""One of C classes for the set (kind `class`) or for each vector (`vector_classes`)."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from attnlab.errors import UserError
from attnlab.metrics import NOT_SCORED, Value
from attnlab.metrics.labels import SPANS
from attnlab.metrics.spans import are_tags
from attnlab.sets import Loss, Ranked, VectorSets
from attnlab.spec import Target
from attnlab.targets.base import Columns, Rows, StoredAnswers, TargetKind, Writer, entropy

MOST_OF_SETS, MOST_OF_VECTORS = 10, 3
"""Classes whose probabilities are kept with a prediction, of each set or of each vector."""


class LabelWriter(Writer):
    """Labels become numbers in the order in which they appear; number 0 is `NOT_SCORED`."""

    def __init__(self, per_vector: bool) -> None:
        super().__init__(pa.list_(pa.int32()) if per_vector else pa.int32())
        self._per_vector, self._ids = per_vector, {NOT_SCORED: 0}

    def stored(self, answer: Value) -> Value:
        labels = answer if self._per_vector else [answer]
        numbers = [self._ids.setdefault(label, len(self._ids)) for label in labels]
        self.labels = list(self._ids)
        return numbers if self._per_vector else numbers[0]


class StoredLabels(StoredAnswers):
    """Labels by their numbers among `labels`."""

    def __init__(self, columns: Columns, name: str, target: Target, labels: Sequence[str]) -> None:
        super().__init__(columns, name, target, labels)
        classes = {label: i for i, label in enumerate(target.classes)}
        self._class_of_label = np.array([classes.get(label, -1) for label in labels], dtype=np.int64)

    def take(self, rows: Rows) -> Tensor:
        """(B,) or (N,) int64: the class; −1 where it is not scored or was never learned."""
        return torch.from_numpy(self._class_of_label[self.stored(rows)])

    def counts(self, rows: Rows) -> dict[str, int]:
        column, size = self._column, len(self.labels)
        if isinstance(column, np.ndarray):
            times = np.bincount(column[rows], minlength=size)
        else:
            times = column.counts(rows, size)
        counted = sorted(zip(self.labels, times, strict=True))
        return {label: int(n) for label, n in counted if n and label != NOT_SCORED}

    def learned(self, rows: Rows, questions: tuple[str, ...] = ()) -> Target:
        counts = self.counts(rows)
        return Target(self.kind, tuple(counts), tuple(counts.values()))


class SingleLabel(TargetKind):
    """Cross-entropy; class −1 is not scored."""

    has_labels = True
    monitor = "accuracy"
    stored_answers = StoredLabels

    def __init__(self, name: str, per_vector: bool) -> None:
        super().__init__(name, per_vector)
        self.metrics = ("accuracy", "macro_f1") if per_vector else ("accuracy", "macro_f1", "roc_auc")

    def usual_metrics(self, classes: Sequence[str]) -> tuple[str, ...]:
        return (*self.metrics, *SPANS) if self.per_vector and are_tags(classes) else self.metrics

    def writer(self) -> Writer:
        return LabelWriter(self.per_vector)

    def class_weights(self, target: Target) -> Tensor:
        """N / (C · count) of each class (King & Zeng 2001)."""
        counts = torch.tensor(target.counts, dtype=torch.float32).clamp_min(1)
        return counts.sum() / (len(counts) * counts)

    def loss(self, outputs: Tensor, truth: Tensor, target: Target, weights: Tensor | None = None) -> Loss:
        total = cross_entropy(outputs.float(), truth, weights, ignore_index=-1, reduction="sum")
        return Loss(total, (truth >= 0).sum())

    def count(self, truth: Tensor | VectorSets) -> int:
        assert isinstance(truth, Tensor), "targets of these kinds are no sequences"
        return int((truth >= 0).sum())

    def constant_loss(self, gold: Sequence[Value], target: Target) -> float:
        return entropy(target.counts)

    def combined(self, outputs: Tensor) -> Tensor:
        """(members, R, C) -> (R, C): log-probabilities, whose softmax is the mean of the members' probabilities
        (Lakshminarayanan et al. 2017, section 2.4)."""
        return outputs.float().log_softmax(-1).logsumexp(0) - math.log(len(outputs))

    def predictions(self, outputs: Tensor, target: Target) -> list[tuple[Value, Value]]:
        probabilities, chosen = outputs.float().softmax(-1).max(-1)
        return [(target.classes[i], p) for i, p in zip(chosen.tolist(), probabilities.tolist(), strict=True)]

    def ranked(self, outputs: Tensor, target: Target, most: int | None = None) -> Ranked:
        usual = MOST_OF_VECTORS if self.per_vector else MOST_OF_SETS
        return Ranked(target.classes, outputs, max(most or 0, usual), self.per_vector)


def unseen_labels(
    target: Target, counts: Mapping[str, Mapping[str, int]], data: str, held_out: Collection[str] = ()
) -> list[str]:
    """A warning for each split with labels that training never saw: they are counted wrong.

    counts: of each split, how often each label occurs. held_out: splits that were taken from training examples. Raises
    UserError for another split of which no label at all was learned.
    """
    known, warnings = set(target.classes), []
    for split, labels in counts.items():
        unseen = [label for label in labels if label not in known]
        # Training examples with such labels are other ones than the run was trained on.
        whose = "these data" if split == "train" else f"the {split} split"
        if labels and len(unseen) == len(labels) and split not in held_out:
            raise UserError(
                f"data={data}: no label of {whose} ({_some(labels)}) was learned; "
                f"the run knows {_some(sorted(known))}"
            )
        if unseen:
            warnings.append(f"labels of {whose} never seen in training count as wrong: {_some(unseen, 12)}")
    return warnings


def _some(labels: Iterable[str], most: int = 5) -> str:
    """The first of these labels, and how many more there are."""
    first = list(labels)
    more = len(first) - most
    return ", ".join([*first[:most], *([f"… ({more:,} more)"] if more > 0 else [])])
