"""N→1: one answer for the whole set."""

from torch import Tensor

from attnlab.config import ClassificationHead
from attnlab.model.output_layer import OutputLayer, RowHead
from attnlab.model.readout import READOUTS
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Classification(RowHead):
    """Read the set out into one vector, which answers for it: (N, D) -> (B, D) -> B answers."""

    kinds = ("class", "classes", "number")

    def __init__(self, config: ClassificationHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.readout = READOUTS[config.readout](width)
        self.output = OutputLayer(spec.targets[self.target], width, config.class_weights == "balanced")

    def rows(self, encoded: VectorSets) -> Tensor:
        return self.readout(encoded)
