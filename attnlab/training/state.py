"""The state of a run: what the rest of it depends on, to disk and back.

Weights, their average, the optimizer's memory, `Progress` and torch's random generator: nothing else. Order of
examples and augmentation are functions of (seed, epoch, index).
"""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import torch

from attnlab.errors import UserError
from attnlab.training import checkpoint, optim

if TYPE_CHECKING:
    from attnlab.training.loop import Training


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


def save(training: "Training") -> None:
    """Write `last/`."""
    random = {"cpu": torch.get_rng_state()}
    if training.engine.device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state()
    tensors = {
        "model": training.model.state_dict(),
        "optimizer": optim.optimizer_tensors(training.model, training.optimizer),
        "random": random,
    }
    if training.average:
        tensors["average"] = training.average.model.state_dict()
    state = {"progress": asdict(training.progress), "data": training.fingerprint}
    checkpoint.save(training.folder.last, tensors, state)


def restore(training: "Training") -> str:
    """Read `last/` back into a loop that was built anew; returns a warning where a damaged one was passed over."""
    found, warning = checkpoint.load(training.folder.last)
    if found.state.get("data") != training.fingerprint:
        raise UserError(
            f"{training.folder.path}: the training data have changed since this run was saved, or another version of "
            "attnlab prepares them otherwise; give it the same files (`data.path=`), or start a new run"
        )
    try:
        training.model.load_state_dict(found.tensors["model"])
        if training.average:
            training.average.model.load_state_dict(found.tensors.get("average", found.tensors["model"]))
        optim.restore_optimizer(training.model, training.optimizer, found.tensors["optimizer"])
        torch.set_rng_state(found.tensors["random"]["cpu"])
        if "cuda" in found.tensors["random"] and training.engine.device.type == "cuda":
            torch.cuda.set_rng_state(found.tensors["random"]["cuda"])
        training.progress = Progress(**found.state["progress"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{found.folder}: this state doesn't fit the run's configuration and data") from error
    return warning
