"""What a training loop reports, and to whom."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Validation:
    """One validation. train_loss: the mean since the one before. best: whether its weights are the best so far, by the
    score that `monitor` names. done: whether it was the last. scores: of the validation data."""

    update: int
    epoch: int
    train_loss: float
    vectors_per_second: float
    best: bool
    done: bool
    monitor: str
    scores: dict[str, float]

    def line(self) -> dict[str, object]:
        """As it stands in metrics.jsonl: the scores beside the rest."""
        fields = asdict(self)
        scores = fields.pop("scores")
        return fields | scores


class Listener:
    """Is told of every update and of every validation; this one does nothing."""

    def updated(self, update: int, loss: float) -> None:
        """After an update without a validation. loss: the mean since the last validation."""

    def validated(self, validation: Validation) -> None:
        """After an update with a validation."""
