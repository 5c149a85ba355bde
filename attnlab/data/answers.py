"""Right answers of each kind: how they are stored once, what training learns from them, and how they are read.

A `Record` gathers the answers of one target while rows are written; what it has seen goes into meta.json. An
`Answers` reads them again as tensors for the model and as plain words and numbers for the metrics.
"""

import math
from collections import Counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.data.batching import Indices
from attnlab.data.prepare import Columns
from attnlab.errors import UserError
from attnlab.spec import Target

NOT_SCORED = ""
"""The label of a vector that no score looks at."""


class LabelRecord:
    """A class for the whole set (kind `class`: a string) or for each vector (`vector_classes`: strings).

    Labels become numbers in the order in which they appear; number 0 is `NOT_SCORED`.
    """

    def __init__(self, kind: str) -> None:
        from datasets import List, Value

        self.single = kind == "class"
        self.column = Value("int32") if self.single else List(Value("int32"))
        self.ids: dict[str, int] = {NOT_SCORED: 0}
        self.counts: dict[str, Counter[str]] = {}

    def stored(self, value: Any, split: str) -> Any:
        labels = (value,) if self.single else value
        self.counts.setdefault(split, Counter()).update(labels)
        numbers = [self.ids.setdefault(label, len(self.ids)) for label in labels]
        return numbers[0] if self.single else numbers

    def meta(self) -> dict[str, Any]:
        found = {split: dict(sorted(counts.items())) for split, counts in self.counts.items()}
        for counts in found.values():
            counts.pop(NOT_SCORED, None)
        return {"labels": list(self.ids), "counts": found}


class YesNoRecord:
    """Several questions with yes (1), no (0) or unknown (−1)."""

    def __init__(self, kind: str) -> None:
        from datasets import List, Value

        self.column = List(Value("int8"))
        self.counts: list[int] = []

    def stored(self, value: Any, split: str) -> Any:
        if split == "train":
            self.counts = [n + (v == 1) for n, v in zip(self.counts or [0] * len(value), value, strict=True)]
        return value

    def meta(self) -> dict[str, Any]:
        return {"counts": self.counts}


class NumberRecord:
    """A number; mean and spread of the training split (Welford 1962)."""

    def __init__(self, kind: str) -> None:
        from datasets import Value

        self.column = Value("float64")
        self.count, self.mean, self.squares = 0, 0.0, 0.0

    def stored(self, value: float, split: str) -> float:
        if split == "train":
            self.count += 1
            change = value - self.mean
            self.mean += change / self.count
            self.squares += change * (value - self.mean)
        return value

    def meta(self) -> dict[str, Any]:
        return {"mean": self.mean, "spread": math.sqrt(self.squares / max(1, self.count)) or 1.0}


RECORDS: dict[str, Any] = {
    "class": LabelRecord,
    "vector_classes": LabelRecord,
    "classes": YesNoRecord,
    "number": NumberRecord,
}
"""Called with the kind; `column` is the Arrow feature, `stored` what is written of each answer."""


def learned_target(kind: str, meta: dict[str, Any], questions: tuple[str, ...]) -> Target:
    """What training knows of the answers; `questions` names those of kind `classes`."""
    if kind == "number":
        return Target(kind, mean=meta["mean"], spread=meta["spread"])
    if kind == "classes":
        return Target(kind, questions, tuple(meta["counts"]))
    counts = meta["counts"]["train"]
    return Target(kind, tuple(counts), tuple(counts.values()))


def unseen_labels(name: str, kind: str, target: Target, meta: dict[str, Any], data: str) -> list[str]:
    """A warning for each split with labels that training never saw: they are counted wrong."""
    if kind not in ("class", "vector_classes"):
        return []
    known, warnings = set(target.classes), []
    for split, labels in meta["counts"].items():
        unseen = [label for label in labels if label not in known]
        if labels and len(unseen) == len(labels):
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
        if self.kind in ("class", "vector_classes"):
            self.labels: list[str] = meta["labels"]
            ids = {label: i for i, label in enumerate(target.classes)}
            self._class_of_label = np.array([ids.get(label, -1) for label in self.labels], dtype=np.int64)
        many = self.kind in ("vector_classes", "classes")
        self._ragged = columns.ragged(name) if many else None
        self._flat: NDArray[Any] = np.zeros(0) if many else columns.numbers(name)

    def take(self, indices: Indices) -> Tensor:
        """`class` (B,) and `vector_classes` (N,) int64, −1 for what is not scored or unknown; `classes` (B, C)
        int64; `number` (B,) float."""
        stored = self._flat[indices] if self._ragged is None else self._ragged.take(indices)
        if self.kind == "number":
            return torch.from_numpy(stored.astype(np.float32))
        if self.kind == "classes":
            return torch.from_numpy(stored.astype(np.int64)).view(len(indices), -1)
        return torch.from_numpy(self._class_of_label[stored])

    def gold(self) -> list[Any]:
        """As heads predict them: a label, a list of labels, a list of −1, 0 and 1, or a number."""
        if self._ragged is None:
            values = self._flat.tolist()
            return values if self.kind == "number" else [self.labels[value] for value in values]
        rows = (self._ragged[i].tolist() for i in range(len(self._ragged.lengths)))
        return [row if self.kind == "classes" else [self.labels[label] for label in row] for row in rows]
