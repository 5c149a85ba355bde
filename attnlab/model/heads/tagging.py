"""N→N: a label, or a number, for each vector."""

from itertools import pairwise

from attnlab.config import TaggingHead
from attnlab.model.interfaces import Head
from attnlab.model.targets import ANSWERS
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Tagging(Head):
    """Each vector answers for itself."""

    kinds = ("vector_classes", "vector_numbers")

    def __init__(self, config: TaggingHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.answer = ANSWERS[self.kind](spec.targets[self.target], width)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        return self.answer.loss(encoded.values, targets[self.target])

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        answers = self.answer.answers(encoded.values)
        return [
            Prediction([value for value, _ in answers[a:b]], [chance for _, chance in answers[a:b]])
            for a, b in pairwise(encoded.layout.starts)
        ]
