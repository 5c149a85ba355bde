"""A new sequence, such as a translation: kind `sequence`. Loaders store its tokens and the seq2seq head writes it."""

import collections.abc

import numpy as np
from torch import Tensor

from attnlab.metrics import Value
from attnlab.sets import VectorSets
from attnlab.spec import Target
from attnlab.targets.base import TargetKind, entropy


class Sequence(TargetKind):
    """Its loss is that of its tokens, see `attnlab.model.heads.seq2seq`; its value is a text."""

    metrics = ("bleu", "bleu_lower", "chrf", "exact_match", "wer", "cer", "length_ratio", "cut")
    monitor = "bleu"

    def __init__(self) -> None:
        super().__init__("sequence", per_vector=False)

    def count(self, truth: Tensor | VectorSets) -> int:
        """Of tokens."""
        assert isinstance(truth, VectorSets), "targets of this kind are sequences"
        return len(truth.values)

    def constant_loss(self, gold: collections.abc.Sequence[Value], target: Target) -> float:
        """Of tokens that are drawn by how frequent they are."""
        return entropy(np.unique(np.hstack(list(gold)), return_counts=True)[1])
