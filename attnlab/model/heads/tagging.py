"""N→N: a label, or a number, for each vector."""

from itertools import pairwise

from torch import Tensor

from attnlab.config import TaggingHead
from attnlab.errors import UserError
from attnlab.model.output_layer import OutputLayer, RowHead
from attnlab.model.tag_sequences import TagSequences
from attnlab.sets import Layout, Loss, Prediction, RankedRows, Targets, VectorSets
from attnlab.spec import DataSpec


class Tagging(RowHead):
    """Each vector answers for itself: (N, D) -> N answers. With `head.crf` or `head.constraints`, the labels of a set are chosen
    together. Raises UserError where the target has no labels that this can be done with."""

    kinds = ("vector_classes", "vector_numbers")

    def __init__(self, config: TaggingHead, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        target = spec.targets[self.target]
        self.output = OutputLayer(target, width)
        self.sequences: TagSequences | None = None
        if config.crf or config.constraints == "bio":
            if self.kind != "vector_classes":
                key = "head.crf=true" if config.crf else f"head.constraints={config.constraints}"
                raise UserError(f"`{key}`: only for labels of vectors; `{self.target}` is of kind {self.kind}")
            self.sequences = TagSequences(target, config.crf, config.constraints == "bio")

    def rows(self, encoded: VectorSets) -> Tensor:
        return encoded.values

    def loss_of(self, outputs: Tensor, targets: Targets, layout: Layout) -> Loss:
        if self.sequences is None or self.sequences.transitions is None:
            return super().loss_of(outputs, targets, layout)
        truth = targets[self.target]
        assert isinstance(truth, Tensor), "targets of vectors are no sequences"
        return self.sequences.loss(outputs, truth, layout)

    def predictions_of(self, outputs: Tensor, layout: Layout) -> list[Prediction]:
        if self.sequences is None:
            return super().predictions_of(outputs, layout)
        chosen, marginals = self.sequences.best(outputs, layout)
        values = [self.classes[i] for i in chosen.tolist()]
        probabilities = marginals.gather(1, chosen[:, None])[:, 0].tolist()
        ranked = self.output.kind.ranked(marginals.log(), self.output.target, self.top)
        assert ranked is not None, "labels have probabilities"
        return [
            Prediction(values[a:b], probabilities[a:b], ranked=RankedRows(ranked, a, b))
            for a, b in pairwise(layout.starts)
        ]
