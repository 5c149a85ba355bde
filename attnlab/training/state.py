"""How far a training has come, what it reports, and to whom."""

from dataclasses import asdict, dataclass, field


@dataclass
class Progress:
    """How far a run has come. cursor: batches of this epoch already done."""

    epoch: int = 0
    cursor: int = 0
    update: int = 0
    best_score: float | None = None
    best_update: int = 0
    without_better: int = 0
    done: bool = False
    seconds: float = 0.0  # data to optimizer, without validation and saving
    data_wait: float = 0.0  # of these, spent waiting for the next batch
    vectors: int = 0
    loss: float = 0.0  # since the last validation
    count: int = 0
    best: dict[str, float] = field(default_factory=dict)
    monitor: str = ""  # what best_score is a score of
    batch_vectors: int = 0  # of the batches that cursor counts
    wall_seconds: float = 0.0  # of all processes that have trained this run, until the last save


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
        return fields | fields.pop("scores")


class Listener:
    """Is called after every update; this one does nothing."""

    def updated(self, update: int, loss: float) -> None:
        """After an update without a validation. loss: the mean since the last validation."""

    def validated(self, validation: Validation) -> None:
        """After an update with a validation."""
