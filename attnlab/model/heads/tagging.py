"""N→N: a label, or a number, for each vector."""

from itertools import pairwise

from torch import Tensor

from attnlab.config import TaggingHead
from attnlab.model.interfaces import Head
from attnlab.model.output_layer import OutputLayer
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Tagging(Head):
    """Each vector answers for itself: (N, D) -> N answers."""

    kinds = ("vector_classes", "vector_numbers")

    def __init__(self, config: TaggingHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.output = OutputLayer(spec.targets[self.target], width)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        truth = targets[self.target]
        assert isinstance(truth, Tensor)
        return self.output.loss(encoded.values, truth)

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        answers = self.output.predict(encoded.values)
        values, probabilities = [value for value, _ in answers], [probability for _, probability in answers]
        return [Prediction(values[a:b], probabilities[a:b]) for a, b in pairwise(encoded.layout.starts)]
