"""N→N: a label, or a number, for each vector."""

from torch import Tensor

from attnlab.config import TaggingHead
from attnlab.model.output_layer import OutputLayer, RowHead
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Tagging(RowHead):
    """Each vector answers for itself: (N, D) -> N answers."""

    kinds = ("vector_classes", "vector_numbers")

    def __init__(self, config: TaggingHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.output = OutputLayer(spec.targets[self.target], width)

    def rows(self, encoded: VectorSets) -> Tensor:
        return encoded.values
