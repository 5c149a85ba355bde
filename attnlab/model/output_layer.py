"""From vectors to the answers of a target: a linear layer, with the loss and the predictions of the target's kind;
and the heads that end in one."""

from itertools import pairwise

from torch import Tensor, nn

from attnlab.metrics import Value
from attnlab.model.interfaces import Head
from attnlab.model.linear import Linear
from attnlab.sets import Layout, Loss, Prediction, RankedRows, Targets, VectorSets
from attnlab.spec import Target
from attnlab.targets import kind_named


class OutputLayer(nn.Module):
    """Rows (vectors, or sets read out) to the outputs of a target: (R, D) -> (R, outputs).

    balanced: whether every class weighs the same in the loss. Raises UserError where answers are not one class.
    """

    def __init__(self, target: Target, width: int, balanced: bool = False) -> None:
        super().__init__()
        self.target, self.kind = target, kind_named(target.kind)
        self.proj = Linear(width, self.kind.num_outputs(target))
        self.weights: Tensor | None
        self.register_buffer("weights", self.kind.class_weights(target) if balanced else None, persistent=False)

    def loss(self, rows: Tensor, truth: Tensor) -> Loss:
        """(R, D) rows and the right answers of each -> their summed loss, and how many were scored."""
        return self.loss_of(self.proj(rows), truth)

    def loss_of(self, outputs: Tensor, truth: Tensor) -> Loss:
        """As `loss`, of (R, outputs)."""
        return self.kind.loss(outputs, truth, self.target, self.weights)

    def predict(self, rows: Tensor) -> list[tuple[Value, Value]]:
        """(R, D) -> the value and probability of each row, in words or numbers."""
        return self.predictions_of(self.proj(rows))

    def predictions_of(self, outputs: Tensor) -> list[tuple[Value, Value]]:
        """As `predict`, of (R, outputs)."""
        return self.kind.predictions(outputs, self.target)


class RowHead(Head):
    """A head that answers row by row, for each set or each vector, by an output layer. What derives from it says
    which rows, and builds `output`; the answers of several such models can be averaged (`members`)."""

    output: OutputLayer

    def rows(self, encoded: VectorSets) -> Tensor:
        """(N, D) -> (R, D): one for each of the B sets, or of the N vectors, as the kind of target wants."""
        raise NotImplementedError

    def outputs(self, encoded: VectorSets) -> Tensor:
        """(N, D) -> (R, outputs)."""
        return self.output.proj(self.rows(encoded))

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """(N, D) and the batch's targets -> () sum over the rows that are scored, and () how many."""
        return self.loss_of(self.outputs(encoded), targets, encoded.layout)

    def loss_of(self, outputs: Tensor, targets: Targets, layout: Layout) -> Loss:
        """As `loss`, of (R, outputs). layout: of the encoded vectors."""
        truth = targets[self.target]
        assert isinstance(truth, Tensor), "targets of these kinds are no sequences"
        return self.output.loss_of(outputs, truth)

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        """(N, D) -> an answer for each of the B sets, in words or numbers."""
        return self.predictions_of(self.outputs(encoded), encoded.layout)

    def predictions_of(self, outputs: Tensor, layout: Layout) -> list[Prediction]:
        """As `predict`, of (R, outputs). layout: of the encoded vectors."""
        answers = self.output.predictions_of(outputs)
        ranked = self.output.kind.ranked(outputs, self.output.target, self.top)
        if not self.output.kind.per_vector:
            return [
                Prediction(*answer, ranked=None if ranked is None else RankedRows(ranked, i, i + 1))
                for i, answer in enumerate(answers)
            ]
        values, probabilities = [value for value, _ in answers], [probability for _, probability in answers]
        return [
            Prediction(
                values[a:b], probabilities[a:b], ranked=None if ranked is None else RankedRows(ranked, a, b)
            )
            for a, b in pairwise(layout.starts)
        ]
