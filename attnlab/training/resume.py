"""A training run goes on from what it saved, under settings that may have changed since."""

from functools import partial

from attnlab.errors import Damaged, UserError
from attnlab.schema import checked
from attnlab.training import checkpoint
from attnlab.training.loop import Training
from attnlab.training.state import Saved


def restore(training: Training) -> list[str]:
    """Continue from `last/`, under settings that may have changed since; returns warnings. Raises UserError where
    there is no state that fits, or where more updates were made than are wanted."""
    saves = training.saves
    assert saves is not None, "of a run with a folder"
    folder = saves.folder
    saved, warning = checkpoint.load(folder.last, partial(_check, training))
    state = checked(Saved, saved.state, f"{saved.folder}/{checkpoint.STATE}")
    if state["data"] != training.parts.fingerprint:
        raise UserError(
            f"{folder.path}: the training data have changed since this run was saved, or another version of "
            "attnlab prepares them otherwise; give it the same files (`data.path=`), or start a new run"
        )
    training.learned.load(saved.tensors)
    training.progress = progress = state["progress"]
    budget = training.config.trainer.batch_vectors
    warnings = [warning] if warning else []
    if progress.cursor and progress.batch_vectors != budget:
        warnings.append(
            f"`trainer.batch_vectors={budget}`: epoch {progress.epoch + 1} began with batches of "
            f"{progress.batch_vectors}; the rest of it is left out"
        )
        progress.epoch, progress.cursor = progress.epoch + 1, 0
    progress.batch_vectors = budget
    training.updates = training.config.trainer.updates or progress.update + _remaining_updates(training)
    if progress.update > training.updates:
        raise UserError(
            f"{folder.path}: {progress.update} updates have been made already, more than the {training.updates} "
            "of `trainer.epochs` or `trainer.updates`"
        )
    saves.forget_after(progress.update)
    if progress.best and training.monitor != progress.monitor:  # another monitor may be asked for by now
        progress.monitor, progress.best_score = training.monitor, progress.best.get(training.monitor)
        progress.without_better = 0
    progress.done = training.is_done()
    return warnings


def _check(training: Training, saved: checkpoint.Checkpoint) -> None:
    """Raises Damaged where a checkpoint holds the state of another training run, or of none."""
    state = checked(Saved, saved.state, f"{saved.folder}/{checkpoint.STATE}")
    progress, same_data = state["progress"], state["data"] == training.parts.fingerprint
    same_batches = same_data and progress.batch_vectors == training.config.trainer.batch_vectors
    if same_batches and progress.cursor >= training.mixture.batches_per_epoch:
        raise Damaged(
            f"{saved.folder}: {progress.cursor} batches of an epoch of {training.mixture.batches_per_epoch} are done"
        )
    training.learned.refuse_others(saved)


def _remaining_updates(training: Training) -> int:
    """Until the last epoch ends; below 0 where more epochs have been made."""
    mixture, progress = training.mixture, training.progress
    more = training.config.trainer.epochs - progress.epoch - 1
    return mixture.updates(progress.cursor) + more * mixture.updates()
