"""The training loop, to be read in one sitting.

Its state is the weights, their average, the optimizer, `Progress` and torch's random generator; saved
after any update and loaded again, the rest of the run is bit-identical.
"""

import copy
import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property

import torch
from torch import Tensor

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.data.prep.batching import Batching, shard
from attnlab.data.prep.prefetch import batches_ahead
from attnlab.errors import Damaged, UserError
from attnlab.model.build import Model
from attnlab.runs import RunFolder
from attnlab.schema import checked
from attnlab.sets import Batch
from attnlab.training import checkpoint, optim
from attnlab.training.candidates import Candidates
from attnlab.training.engine import Engine
from attnlab.training.evaluate import evaluate
from attnlab.training.monitor import monitor_for
from attnlab.training.state import Listener, Progress, Saved, Validation


class Training:
    """One run's loop over prepared data, which must have a train and a validation split.

    folder: where `last/` and `best/` are kept, or None for a run that leaves nothing. listener: is told of updates and
    validations.
    """

    def __init__(
        self, config: Config, model: Model, data: Data, engine: Engine, folder: RunFolder | None = None,
        listener: Listener | None = None,
    ) -> None:  # fmt: skip
        self.config, self.model, self.engine = config, model.to(engine.device), engine
        self.train_split, self.validation_split = data.splits["train"], data.splits["validation"]
        self.fingerprint, self.folder, self.listener = data.fingerprint, folder, listener or Listener()
        self.trained_apart = model.trained_apart()  # finding them takes 0.1 ms
        self.optimizer = optim.build_optimizer(model, config.optimizer)
        self.schedule = optim.build_schedule(config.schedule)
        average = config.trainer.average
        self.average = optim.Average(model, average) if average else None
        count = config.trainer.average_best
        self.candidates = Candidates(folder.candidates, count) if folder and count > 1 else None
        self.batching = Batching(self.train_split.lengths, config.trainer.batch_vectors, config.seed)
        self.batches_per_epoch = len(self.batching.epoch(0))
        per_epoch = -(-self.batches_per_epoch // config.trainer.accumulate)
        self.updates = config.trainer.updates or config.trainer.epochs * per_epoch
        self.progress = Progress(batch_vectors=config.trainer.batch_vectors)
        self.stop_requested = False
        self._saved_at = time.monotonic()

    def run(self) -> Progress:
        """Train until the last update, the end of patience, or a request to stop (which saves first). Raises UserError
        where a loss is no number."""
        progress, self._saved_at = self.progress, time.monotonic()
        while not progress.done and not self.stop_requested:
            self._epoch()
        if self.stop_requested and not progress.done:
            self.save()
        return progress

    def request_stop(self) -> None:
        """Save and stop after the current update."""
        self.stop_requested = True

    def _epoch(self) -> None:
        """The rest of the current epoch, group after group of `accumulate` batches."""
        progress, settings = self.progress, self.config.trainer
        self.model.train()
        group: list[Batch] = []
        started = waited = time.perf_counter()
        for batch in self._batches():
            progress.data_wait += time.perf_counter() - waited
            group.append(batch)
            progress.cursor += 1
            epoch_ends = progress.cursor == self.batches_per_epoch
            if len(group) == settings.accumulate or epoch_ends:
                self._update(group)
                group = []
                progress.seconds += time.perf_counter() - started
                if epoch_ends:
                    progress.epoch, progress.cursor = progress.epoch + 1, 0
                self._after_update(epoch_ends)
                if self.stop_requested or progress.done:
                    return
                started = time.perf_counter()
            waited = time.perf_counter()

    def _batches(self) -> Iterator[Batch]:
        """The remaining batches of this epoch, this rank's shard of each."""
        epoch, engine = self.progress.epoch, self.engine
        remaining = self.batching.epoch(epoch)[self.progress.cursor :]
        shards = [shard(indices, engine.rank, engine.ranks) for indices in remaining]
        return batches_ahead(self.train_split, shards, epoch, self.config.trainer.workers)

    def _update(self, group: list[Batch]) -> None:
        """One step of the optimizer on the mean loss over all batches of the group and all ranks."""
        progress = self.progress
        total = torch.zeros((), device=self.engine.device)
        count = torch.zeros((), dtype=torch.int64, device=self.engine.device)
        for batch in group:
            with self.engine.autocast():
                loss = self.model(batch.to(self.engine.device))
            loss.total.backward()
            total, count = total + loss.total.detach(), count + loss.count
            progress.vectors += batch.inputs.layout.size
        gradients = [[p.grad for p in apart if p.grad is not None] for apart in self.trained_apart]
        self.engine.sum_over_ranks([*itertools.chain(*gradients), total, count])
        if not math.isfinite(loss_value := float(total)):
            keys = ", ".join([key for batch in group for key in batch.keys][:5])
            raise UserError(
                f"the loss became {loss_value} at update {progress.update}, in the batch of {keys}, …; "
                "try a lower `optimizer.lr` or look at these examples"
            )
        for apart in gradients:
            scale = 1 / count.clamp_min(1).to(total.dtype)
            if self.config.trainer.clip:
                # Dividing by the count and clipping the norm are one pass over all gradients.
                norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(apart))) * scale
                scale = scale * (self.config.trainer.clip / (norm + 1e-6)).clamp_max(1.0)
            torch._foreach_mul_(apart, scale)
        factor = self.schedule.factor(progress.update, self.updates)
        for options in self.optimizer.param_groups:
            options["lr"] = self.config.optimizer.lr * factor
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average:
            self.average.update(progress.update)
        progress.update += 1
        progress.loss, progress.count = progress.loss + loss_value, progress.count + int(count)

    def _after_update(self, epoch_ends: bool) -> None:
        """Validate, save and stop where it is time."""
        progress, settings = self.progress, self.config.trainer
        progress.done = progress.update >= self.updates
        every = settings.validate_every
        if progress.done or (progress.update % every == 0 if every else epoch_ends):
            self._validate()
            self.save()
        elif time.monotonic() - self._saved_at > 60 * settings.save_minutes:
            self.save()
        else:
            self.listener.updated(progress.update, progress.loss / max(1, progress.count))

    def _validate(self) -> None:
        """Score the averaged weights on validation data; keep them in `best/` if they are the best so far."""
        progress, model = self.progress, self.evaluated_model()
        scores = self._scored(model)
        progress.monitor = progress.monitor or self._monitor
        if self.candidates:
            self.candidates.offer(model.state_dict(), scores, progress.monitor, progress.update)
        is_better = self._keep_if_better(model, scores)
        progress.without_better = 0 if is_better else progress.without_better + 1
        progress.done = self._is_done()
        if progress.done and self.candidates:
            mean = copy.deepcopy(model)
            weights = self.candidates.mean()
            checkpoint.refuse_other_tensors(weights, mean.state_dict(), self.candidates.folder)
            mean.load_state_dict(weights)
            self._keep_if_better(mean, self._scored(mean))
        train_loss = progress.loss / max(1, progress.count)
        progress.loss, progress.count = 0.0, 0
        speed = progress.vectors / progress.seconds
        self.listener.validated(Validation(
            progress.update, progress.epoch, train_loss, speed, is_better, progress.done, progress.monitor, scores
        ))  # fmt: skip

    def _scored(self, model: Model) -> dict[str, float]:
        """Validation scores; the texts that a searching head wrote for them stay in the run."""
        budget = self.config.trainer.batch_vectors
        evaluation = evaluate(model, self.validation_split, self.engine, budget, greedy=True)
        if model.head.uses_search and self.folder:
            lines = (f"{prediction.value}\n" for prediction in evaluation.predictions)
            self.folder.write_hypotheses(self.progress.update, "".join(lines))
        if not evaluation.scores:
            raise UserError("no validation example has an answer to be scored; give it some")
        return evaluation.scores

    @cached_property
    def _monitor(self) -> str:
        """The score that picks the best weights."""
        return monitor_for(self.config.trainer.monitor, self.model.head, self.validation_split)[0]

    def _is_done(self) -> bool:
        """Derived, never remembered: a run that is given more updates, or more patience, goes on."""
        progress, patience = self.progress, self.config.trainer.patience
        return progress.update >= self.updates or (patience is not None and progress.without_better >= patience)

    def _keep_if_better(self, model: Model, scores: dict[str, float]) -> bool:
        """Put weights into `best/` if no score so far was better, or if there was none. A score may be undefined while all
        predictions are the same."""
        progress, score = self.progress, scores.get(self.progress.monitor)
        is_better = score is not None and metrics.better(score, progress.best_score, progress.monitor)
        if not is_better and progress.best:
            return False
        progress.best_score, progress.best_update, progress.best = score, progress.update, scores
        if self.folder:
            state: dict[str, object] = {"update": progress.update, "data": self.fingerprint}
            checkpoint.save(self.folder.best, {"model": model.state_dict()}, state)
        return True

    def evaluated_model(self) -> Model:
        """The model whose weights are validated: the averaged one, where there is an average."""
        return self.average.model if self.average else self.model

    @property
    def wall_seconds(self) -> float:
        """Of training so far, validation and saving included, in this process and those before it."""
        return self.progress.wall_seconds + time.monotonic() - self._saved_at

    def save(self) -> None:
        """Write `last/`: everything that the rest of the run depends on. Raises UserError where the disk refuses it."""
        self.progress.wall_seconds, self._saved_at = self.wall_seconds, time.monotonic()
        if self.folder is None or self.engine.rank != 0:
            return
        tensors = {
            "model": self.model.state_dict(),
            "optimizer": optim.optimizer_tensors(self.model, self.optimizer),
            "random": self.engine.random_state(),
        }
        if self.average:
            tensors["average"] = self.average.model.state_dict()
        state: dict[str, object] = {"progress": asdict(self.progress), "data": self.fingerprint}
        checkpoint.save(self.folder.last, tensors, state)

    def _check(self, saved: checkpoint.Checkpoint) -> None:
        """Raises Damaged where a checkpoint holds the state of another training run, or of none."""
        state = checked(Saved, saved.state, f"{saved.folder}/{checkpoint.STATE}")
        progress, same_data = state["progress"], state["data"] == self.fingerprint
        same_batches = same_data and progress.batch_vectors == self.config.trainer.batch_vectors
        if same_batches and progress.cursor >= self.batches_per_epoch:
            raise Damaged(
                f"{saved.folder}: {progress.cursor} batches of an epoch of {self.batches_per_epoch} are done"
            )
        empty: dict[str, Tensor] = {}
        weights, own = saved.tensors.get("model", empty), self.model.state_dict()
        for found in (weights, saved.tensors.get("average", weights)):
            checkpoint.refuse_other_tensors(found, own, saved.folder)
        optim.refuse_other_state(self.model, self.optimizer, saved.tensors.get("optimizer", empty), saved.folder)
        random, now = saved.tensors.get("random", empty), self.engine.random_state()
        of_these = {name: now[name] for name in now if name in random or name == "cpu"}
        checkpoint.refuse_other_tensors({n: random[n] for n in of_these if n in random}, of_these, saved.folder)
        try:
            torch.Generator().set_state(random["cpu"])
        except RuntimeError as error:
            raise Damaged(f"{saved.folder}: this is no state of a random generator") from error

    def _load(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Put back what was saved, and checked."""
        self.model.load_state_dict(tensors["model"])
        if self.average:
            self.average.model.load_state_dict(tensors.get("average", tensors["model"]))
        optim.restore_optimizer(self.model, self.optimizer, tensors["optimizer"])
        self.engine.set_random_state(tensors["random"])

    def restore(self) -> list[str]:
        """Continue from `last/`, under settings that may have changed since; returns warnings. Raises UserError where
        there is no state that fits, or where more updates were made than are wanted."""
        assert self.folder is not None
        saved, warning = checkpoint.load(self.folder.last, self._check)
        state = checked(Saved, saved.state, f"{saved.folder}/{checkpoint.STATE}")
        if state["data"] != self.fingerprint:
            raise UserError(
                f"{self.folder.path}: the training data have changed since this run was saved, or another version of "
                "attnlab prepares them otherwise; give it the same files (`data.path=`), or start a new run"
            )
        self._load(saved.tensors)
        self.progress = progress = state["progress"]
        budget = self.config.trainer.batch_vectors
        warnings = [warning] if warning else []
        if progress.cursor and progress.batch_vectors != budget:
            warnings.append(
                f"`trainer.batch_vectors={budget}`: epoch {progress.epoch + 1} began with batches of "
                f"{progress.batch_vectors}; the rest of it is left out"
            )
            progress.epoch, progress.cursor = progress.epoch + 1, 0
        progress.batch_vectors = budget
        self.updates = self.config.trainer.updates or progress.update + self._remaining_updates()
        if progress.update > self.updates:
            raise UserError(
                f"{self.folder.path}: {progress.update} updates have been made already, more than the {self.updates} "
                "of `trainer.epochs` or `trainer.updates`"
            )
        if self.candidates:
            self.candidates.forget_after(progress.update)
        if progress.best and self._monitor != progress.monitor:  # another monitor may be asked for by now
            progress.monitor, progress.best_score = self._monitor, progress.best.get(self._monitor)
            progress.without_better = 0
        progress.done = self._is_done()
        return warnings

    def _remaining_updates(self) -> int:
        """Until the last epoch ends; below 0 where more epochs have been made."""
        group = self.config.trainer.accumulate
        in_this = -(-(self.batches_per_epoch - self.progress.cursor) // group)
        in_each = -(-self.batches_per_epoch // group)
        return in_this + (self.config.trainer.epochs - self.progress.epoch - 1) * in_each
