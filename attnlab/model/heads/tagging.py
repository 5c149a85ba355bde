"""N→N: a label for each vector."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from attnlab.config import TaggingHead
from attnlab.model.interfaces import Head
from attnlab.sets import Loss, Prediction, VectorSets
from attnlab.spec import DataSpec


class Tagging(Head):
    """A linear layer gives each vector a score for each of C classes."""

    name = "tagging"
    monitor = "accuracy"

    def __init__(self, config: TaggingHead, spec: DataSpec, width: int) -> None:
        super().__init__()
        self.target = config.target
        self.classes = spec.target(config.target).classes
        self.classify = nn.Linear(width, len(self.classes))

    def loss(self, encoded: VectorSets, targets: dict[str, Tensor]) -> Loss:
        """Cross-entropy, summed over the scored vectors (class −1 is not scored)."""
        classes = targets[self.target]
        logits = self.classify(encoded.values).float()  # (N, C)
        total = nn.functional.cross_entropy(logits, classes, ignore_index=-1, reduction="sum")
        return Loss(total, (classes >= 0).sum())

    def predict(self, encoded: VectorSets) -> list[Prediction]:
        """For each set, the likeliest class of each vector and its probability."""
        probabilities = self.classify(encoded.values).float().softmax(-1)
        best, chosen = torch.max(probabilities, dim=-1)
        labels = [self.classes[i] for i in chosen.tolist()]
        chances, starts = best.tolist(), encoded.layout.starts
        return [Prediction(labels[a:b], chances[a:b]) for a, b in pairwise(starts)]
