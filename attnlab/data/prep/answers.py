"""Right answers of each kind: how they are stored once, what training learns from them, and how they are read.

A `Record` takes the answers of one target while rows are written; what it has seen goes into meta.json. An `Answers`
reads them again as tensors for the model and as plain words and numbers for the metrics.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.data.prep.arrow import Columns, Ragged
from attnlab.data.prep.batching import Indices
from attnlab.errors import UserError
from attnlab.spec import Target

NOT_SCORED = ""
"""The label of a vector that no score looks at."""


class LabelRecord:
    """A class for the whole set (kind `class`: a string) or for each vector (`vector_classes`: strings).

    Labels become numbers in the order in which they appear; number 0 is `NOT_SCORED`.
    """

    def __init__(self, kind: str) -> None:
        self.single = kind == "class"
        self.arrow = pa.int32() if self.single else pa.list_(pa.int32())
        self.ids: dict[str, int] = {NOT_SCORED: 0}

    def stored(self, value: Any) -> Any:
        numbers = [self.ids.setdefault(label, len(self.ids)) for label in ((value,) if self.single else value)]
        return numbers[0] if self.single else numbers

    def meta(self) -> dict[str, Any]:
        return {"labels": list(self.ids)}


class NumberRecord:
    """A number, or several questions with yes (1), no (0) or unknown (−1): stored as they are."""

    def __init__(self, kind: str) -> None:
        self.arrow = pa.float64() if kind == "number" else pa.list_(pa.int8())

    def stored(self, value: Any) -> Any:
        return value

    def meta(self) -> dict[str, Any]:
        return {}


RECORDS: dict[str, Any] = {
    "class": LabelRecord,
    "vector_classes": LabelRecord,
    "classes": NumberRecord,
    "number": NumberRecord,
}
"""Called with the kind; `arrow` is the column's type, `stored` what is written of each answer."""


def unseen_labels(
    kind: str, target: Target, counts: dict[str, dict[str, int]], data: str, held_out: Collection[str] = ()
) -> list[str]:
    """A warning for each split with labels that training never saw: they are counted wrong.

    counts: of each split, how often each label occurs. held_out: splits that were taken from training examples, which
    are never refused as other data are.
    """
    if kind not in ("class", "vector_classes"):
        return []
    known, warnings = set(target.classes), []
    for split, labels in counts.items():
        unseen = [label for label in labels if label not in known]
        if labels and len(unseen) == len(labels) and split not in held_out:
            raise UserError(
                f"data={data}: no label of the {split} split ({_some(labels)}) was learned; "
                f"the run knows {_some(sorted(known))}"
            )
        if unseen:
            warnings.append(
                f"labels of the {split} split never seen in training count as wrong: {', '.join(unseen)}"
            )
    return warnings


def _some(labels: Any) -> str:
    return ", ".join([*list(labels)[:5], *(["…"] if len(labels) > 5 else [])])


class Answers:
    """The answers of one target in one split."""

    def __init__(self, columns: Columns, name: str, target: Target, meta: dict[str, Any]) -> None:
        self.kind = target.kind
        self.labels: list[str] = meta.get("labels", [])
        if self.kind in ("class", "vector_classes"):
            ids = {label: i for i, label in enumerate(target.classes)}
            self._class_of_label = np.array([ids.get(label, -1) for label in self.labels], dtype=np.int64)
        many = self.kind in ("vector_classes", "classes")
        self._ragged = columns.ragged(name) if many else None
        self._flat: NDArray[Any] = np.zeros(0) if many else columns.numbers(name)

    def take(self, indices: Indices) -> Tensor:
        """`class` (B,) and `vector_classes` (N,) int64, −1 for what is not scored or unknown; `classes` (B, C)
        int64; `number` (B,) float64."""
        stored = self._flat[indices] if self._ragged is None else self._ragged.take(indices)
        if self.kind == "number":
            return torch.from_numpy(stored)
        if self.kind == "classes":
            return torch.from_numpy(stored.astype(np.int64)).view(len(indices), -1)
        return torch.from_numpy(self._class_of_label[stored])

    def gold(self, rows: Indices | None = None) -> Sequence[Any]:
        """As heads predict them: a label, a list of labels, a list of −1, 0 and 1, or a number; of these rows, or of
        all. Lists are made when they are asked for, so that a large set needn't be in memory."""
        if self._ragged is None:
            values = (self._flat if rows is None else self._flat[rows]).tolist()
            return values if self.kind == "number" else [self.labels[value] for value in values]
        everything = np.arange(len(self._ragged.lengths)) if rows is None else rows
        return _Lists(self._ragged, everything, self.labels if self.kind == "vector_classes" else None)

    def counts(self, rows: Indices) -> dict[str, int]:
        """How often each label occurs in these rows, in order of the labels; nothing where answers are no classes."""
        if self.kind not in ("class", "vector_classes"):
            return {}
        if self._ragged is None:
            found = np.bincount(self._flat[rows], minlength=len(self.labels))
        else:
            found = self._ragged.counts(rows, len(self.labels))
        return {
            label: int(n) for label, n in sorted(zip(self.labels, found, strict=True)) if n and label != NOT_SCORED
        }

    def learned(self, rows: Indices, questions: tuple[str, ...] = ()) -> Target:
        """What training on these rows knows of the answers; `questions` names those of kind `classes`."""
        if self.kind == "number":
            values = self._flat[rows]
            return Target(self.kind, mean=float(values.mean()), std=float(values.std()) if np.ptp(values) else 1.0)
        if self._ragged is not None and self.kind == "classes":
            yes = self._ragged.take(rows).reshape(len(rows), -1) == 1
            return Target(self.kind, questions, tuple(yes.sum(axis=0).tolist()))
        counts = self.counts(rows)
        return Target(self.kind, tuple(counts), tuple(counts.values()))


class _Lists(Sequence[list[Any]]):
    """The answers for each vector, set by set. labels: what numbers stand for; None: for themselves."""

    def __init__(self, ragged: Ragged, rows: Indices, labels: list[str] | None) -> None:
        self._ragged, self._rows, self._labels = ragged, rows, labels

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        values = self._ragged[int(self._rows[i])].tolist()
        return values if self._labels is None else [self._labels[value] for value in values]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)
