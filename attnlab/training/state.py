"""How far a training has come, what it reports, and to whom."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TypedDict

from attnlab.schema import Count, Finite, Seconds


@dataclass
class Progress:
    """How far a run has come. cursor: batches of this epoch already done."""

    epoch: Count = 0
    cursor: Count = 0
    update: Count = 0
    best_score: float | None = None
    best_update: Count = 0
    without_better: Count = 0
    done: bool = False
    seconds: Seconds = 0.0  # data to optimizer, without validation and saving
    data_wait: Seconds = 0.0  # of these, spent waiting for the next batch
    vectors: Count = 0
    loss: Finite = 0.0  # since the last validation
    count: Count = 0
    best: dict[str, float] = field(default_factory=dict)
    monitor: str = ""  # what best_score is a score of
    batch_vectors: Count = 0  # of the batches that cursor counts
    wall_seconds: Seconds = 0.0  # of all processes that have trained this run, until the last save

    def problems(self) -> Iterator[str]:
        """What doesn't go together, as in a damaged state.json."""
        if (self.best_score is None) != (not self.best):
            yield "`progress.best_score` without `progress.best`, or the other way round"
        if self.best and self.monitor not in self.best:
            yield f"`progress.monitor`: {self.monitor!r} is none of the scores in `progress.best`"
        if self.update and not self.seconds:
            yield "`progress.seconds`: 0 for an update"


class Saved(TypedDict):
    """The state of a checkpoint of a whole training run. data: the fingerprint of its data."""

    progress: Progress
    data: str


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
