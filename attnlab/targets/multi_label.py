"""Several questions of the set, each answered by yes (1), no (0) or unknown (−1): kind `classes`."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from attnlab.metrics import Value
from attnlab.sets import Loss, Ranked, VectorSets
from attnlab.spec import Target
from attnlab.targets.base import Rows, StoredAnswers, TargetKind, Writer, entropy


class StoredMultiLabel(StoredAnswers):
    """A list of −1, 0 and 1 for each set."""

    def take(self, rows: Rows) -> Tensor:
        """(B, C) int64."""
        return torch.from_numpy(self.stored(rows).astype(np.int64)).view(len(rows), -1)

    def learned(self, rows: Rows, questions: tuple[str, ...] = ()) -> Target:
        yes = self.stored(rows).reshape(len(rows), -1) == 1
        return Target("classes", questions, tuple(yes.sum(axis=0).tolist()))


class MultiLabel(TargetKind):
    """Binary cross-entropy for each known answer (multi-label classification)."""

    metrics = ("accuracy", "roc_auc", "average_precision", "macro_f1", "micro_f1")
    monitor = "roc_auc"
    stored_answers = StoredMultiLabel

    def __init__(self) -> None:
        super().__init__("classes", per_vector=False)

    def writer(self) -> Writer:
        return Writer(pa.list_(pa.int8()))

    def loss(self, outputs: Tensor, truth: Tensor, target: Target, weights: Tensor | None = None) -> Loss:
        known, logits = truth >= 0, outputs.float()
        each = binary_cross_entropy_with_logits(logits, truth.clamp_min(0).to(logits.dtype), reduction="none")
        return Loss((each * known).sum(), known.sum())

    def count(self, truth: Tensor | VectorSets) -> int:
        assert isinstance(truth, Tensor), "targets of these kinds are no sequences"
        return int((truth >= 0).sum())

    def constant_loss(self, gold: Sequence[Value], target: Target) -> float:
        answers = np.array(list(gold))
        yes, known = (answers == 1).sum(0), (answers >= 0).sum(0)
        of_questions = [entropy([a, n - a]) * n for a, n in zip(yes.tolist(), known.tolist(), strict=True)]
        return sum(of_questions) / max(1, int(known.sum()))

    def combined(self, outputs: Tensor) -> Tensor:
        """(members, R, C) -> (R, C): the logit of the mean p of the members' probabilities, as log p − log(1 − p), which
        is exact where p is next to 0 or 1."""
        yes, no = logsigmoid(outputs.float()), logsigmoid(-outputs.float())
        return yes.logsumexp(0) - no.logsumexp(0)  # log(members), of which both have one too many, cancels

    def predictions(self, outputs: Tensor, target: Target) -> list[tuple[Value, Value]]:
        return [([int(p > 0.5) for p in row], row) for row in outputs.float().sigmoid().tolist()]

    def ranked(self, outputs: Tensor, target: Target, most: int | None = None) -> Ranked:
        """All questions, in their order."""
        return Ranked(target.classes, outputs, most=None)
