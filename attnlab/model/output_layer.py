"""From vectors to the answers of a target: a linear layer, with the loss and the predictions of the target's kind."""

from torch import Tensor, nn

from attnlab.metrics import Value
from attnlab.model.linear import Linear
from attnlab.sets import Loss
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
        return self.kind.loss(self.proj(rows), truth, self.target, self.weights)

    def predict(self, rows: Tensor) -> list[tuple[Value, Value]]:
        """(R, D) -> the value and probability of each row, in words or numbers."""
        return self.kind.predictions(self.proj(rows), self.target)
