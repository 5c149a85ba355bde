"""N→1: one answer for the whole set."""

from attnlab.config import ClassificationHead
from attnlab.model.interfaces import Head
from attnlab.model.readout import READOUTS
from attnlab.model.targets import ANSWERS
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Classification(Head):
    """Read the set out into one vector, which answers for it."""

    kinds = ("class", "classes", "number")

    def __init__(self, config: ClassificationHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.readout = READOUTS[config.readout](width)
        balanced = config.class_weights == "balanced"
        self.answer = ANSWERS[self.kind](spec.targets[self.target], width, balanced)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        return self.answer.loss(self.readout(encoded), targets[self.target])

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        return [Prediction(value, chance) for value, chance in self.answer.answers(self.readout(encoded))]
