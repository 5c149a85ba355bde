"""The state of a training: everything that the rest of it depends on, to disk and back.

Weights, their average, the optimizer's memory, `Progress` and torch's random generator: nothing else. Order of
examples and augmentation are functions of (seed, epoch, index).
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from torch import Tensor

from attnlab.errors import UserError
from attnlab.training import checkpoint


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
class TrainingState:
    """tensors: of `model`, `average`, `optimizer` and `random`, each by name. fingerprint: of the training data."""

    tensors: dict[str, dict[str, Tensor]]
    progress: Progress
    fingerprint: str

    def save(self, folder: Path) -> None:
        """Write a checkpoint in place of the one in `folder`. Raises UserError where the disk refuses it."""
        checkpoint.save(folder, self.tensors, {"progress": asdict(self.progress), "data": self.fingerprint})

    @classmethod
    def load(cls, folder: Path) -> tuple["TrainingState", str]:
        """The state in a folder, and a warning where a damaged checkpoint was passed over.

        Raises UserError where there is no whole checkpoint, or one of something else.
        """
        found, warning = checkpoint.load(folder)
        progress = found.state.get("progress")
        if not isinstance(progress, dict) or progress.keys() - asdict(Progress()).keys():
            raise UserError(f"{found.folder}: this is no state of a training run that this version can continue")
        return cls(found.tensors, Progress(**progress), str(found.state.get("data"))), warning
