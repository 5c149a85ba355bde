"""N→1: one answer for the whole set."""

from torch import Tensor

from attnlab.config import ClassificationHead
from attnlab.model.interfaces import Head
from attnlab.model.output_layer import OutputLayer
from attnlab.model.readout import READOUTS
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Classification(Head):
    """Read the set out into one vector, which answers for it: (N, D) -> (B, D) -> B answers."""

    kinds = ("class", "classes", "number")

    def __init__(self, config: ClassificationHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.readout = READOUTS[config.readout](width)
        self.output = OutputLayer(spec.targets[self.target], width, config.class_weights == "balanced")

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        truth = targets[self.target]
        assert isinstance(truth, Tensor)
        return self.output.loss(self.readout(encoded), truth)

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        return [Prediction(*answer) for answer in self.output.predict(self.readout(encoded))]
