"""The training loop, to be read in one sitting.

Its state is the weights, their average, the optimizer and `Progress`; saved after any update and loaded again, by any number
of processes, the rest of the run is bit-identical.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property

from attnlab import metrics
from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.data.prep.batching import Batching, Indices
from attnlab.data.prep.prefetch import batches_ahead
from attnlab.errors import UserError
from attnlab.model.build import Model
from attnlab.runs import RunFolder
from attnlab.sets import Batch, Loss
from attnlab.training import optim
from attnlab.training.engine import Engine
from attnlab.training.evaluate import evaluate, refuse_no_number
from attnlab.training.learned import Learned
from attnlab.training.monitor import monitor_for
from attnlab.training.saves import saves_of
from attnlab.training.state import Listener, Progress, Validation


class Training:
    """One run's loop over prepared data, which must have a train and a validation split.

    folder: where `last/` and `best/` are kept, or None for a run that leaves nothing. listener: is told of updates and
    validations.
    """

    def __init__(
        self, config: Config, model: Model, data: Data, engine: Engine, folder: RunFolder | None = None,
        listener: Listener | None = None,
    ) -> None:  # fmt: skip
        self.config, self.model, self.engine = config, model, engine
        self.train_split, self.validation_split = data.splits["train"], data.splits["validation"]
        self.fingerprint, self.listener = data.fingerprint, listener or Listener()
        self.learned = Learned.at_first(model, config, engine)
        self.strategy = self.learned.strategy
        self.saves = saves_of(folder, config.trainer.average_best, self.strategy) if folder else None
        self.trained_apart = model.trained_apart()  # finding them takes 0.1 ms
        self.parameters = [p for apart in self.trained_apart for p in apart]
        self.schedule = optim.build_schedule(config.schedule)
        self.batching = Batching(self.train_split.lengths, config.trainer.batch_vectors, config.seed)
        self.train_vectors = self.train_split.lengths.reshape(len(self.train_split), -1)[:, 0]  # of each example
        self.batches_per_epoch = len(self.batching.epoch(0))
        per_epoch = -(-self.batches_per_epoch // config.trainer.accumulate)
        self.updates = config.trainer.updates or config.trainer.epochs * per_epoch
        self.progress = Progress(batch_vectors=config.trainer.batch_vectors)
        self.stop_requested = False  # of this process
        self.stopping = False  # all processes agree
        self._saved_at = time.monotonic()

    def run(self) -> Progress:
        """Train until the last update, the end of patience, or a request to stop (which saves first). Raises UserError
        where a loss is no number."""
        self.strategy.compare(self.learned.tensors())
        progress, self._saved_at = self.progress, time.monotonic()
        while not progress.done and not self.stopping:
            self._epoch()
        if self.stopping and not progress.done:
            self.save()
        self.engine.ranks.wait()  # what one process writes last, all may read
        return progress

    def request_stop(self) -> None:
        """Save and stop after the current update."""
        self.stop_requested = True

    def _epoch(self) -> None:
        """The rest of the current epoch, group after group of `accumulate` batches, of which each rank computes some."""
        progress, room = self.progress, self.config.trainer.accumulate
        remaining = self.batching.epoch(progress.epoch)[progress.cursor :]
        groups = [remaining[start : start + room] for start in range(0, len(remaining), room)]
        own = [self.strategy.own(len(group)) for group in groups]
        indices = [group[n] for group, numbers in zip(groups, own, strict=True) for n in numbers]
        batches = batches_ahead(self.train_split, indices, progress.epoch, self.config.trainer.workers)
        self.model.train()
        for group, numbers in zip(groups, own, strict=True):
            started = time.perf_counter()
            self._update(group, numbers, batches)
            progress.seconds += time.perf_counter() - started
            progress.cursor += len(group)
            epoch_ends = progress.cursor == self.batches_per_epoch
            if epoch_ends:
                progress.epoch, progress.cursor = progress.epoch + 1, 0
            self._after_update(epoch_ends)
            if self.stopping or progress.done:
                return

    def _update(self, group: Sequence[Indices], own: Sequence[int], batches: Iterator[Batch]) -> None:
        """One step of the optimizer on the mean loss over all batches of a group. own: the numbers of those that this rank
        computes; batches: gives these, and later ones of the epoch."""
        progress, engine, strategy = self.progress, self.engine, self.strategy
        losses = {}
        for number in own:
            waited = time.perf_counter()
            batch = next(batches).to(engine.device)
            progress.data_wait += time.perf_counter() - waited
            loss = self._loss(batch, number)
            strategy.backward(loss.total, self.parameters)
            losses[number] = loss.total.detach(), loss.count
        strategy.add_up(len(group), self.parameters, lambda: self._loss(self._first_of(group), 0).total)
        computed = [losses.get(number, (0.0, 0)) for number in range(len(group))]
        told = engine.ranks.sum_of_parts([float(figure) for pair in computed for figure in pair])
        totals, count = told[::2], int(sum(told[1::2]))
        for total, indices in zip(totals, group, strict=True):
            refuse_no_number(total, self.train_split, indices, f" at update {progress.update}")
        for apart in self.trained_apart:
            strategy.scale(apart, 1 / max(1, count), self.config.trainer.clip)
        rate = self.config.optimizer.lr * self.schedule.factor(progress.update, self.updates)
        engine.seed(self.config.seed, progress.update, len(group))
        self.learned.step(progress.update, rate)
        progress.update += 1
        progress.vectors += sum(int(self.train_vectors[indices].sum()) for indices in group)
        progress.loss, progress.count = progress.loss + sum(totals), progress.count + count

    def _loss(self, batch: Batch, number: int) -> Loss:
        """Of a batch on the device. number: in its group."""
        self.engine.seed(self.config.seed, self.progress.update, number)
        with self.engine.autocast():
            return self.model(batch)

    def _first_of(self, group: Sequence[Indices]) -> Batch:
        """Its first batch, on the device."""
        return self.train_split.batch(group[0], self.progress.epoch).to(self.engine.device)

    def _after_update(self, epoch_ends: bool) -> None:
        """Validate, save and stop where it is time, all ranks at once."""
        progress, settings = self.progress, self.config.trainer
        progress.done = progress.update >= self.updates
        every = settings.validate_every
        late = time.monotonic() - self._saved_at > 60 * settings.save_minutes
        self.stopping, late = self.engine.ranks.any(self.stop_requested, late)
        if progress.done or (progress.update % every == 0 if every else epoch_ends):
            self._validate()
            self.save()
        elif late:
            self.save()
        else:
            self.listener.updated(progress.update, progress.loss / max(1, progress.count))

    def _validate(self) -> None:
        """Score the averaged weights on validation data; keep them in `best/` if they are the best so far."""
        progress, model = self.progress, self.learned.evaluated
        self.strategy.compare(self.learned.tensors())
        scores = self._scored(model)
        progress.monitor = progress.monitor or self.monitor
        if self.saves:
            self.saves.candidate(model.state_dict(), scores, progress.monitor, progress.update)
        is_better = self._keep_if_better(model, scores)
        progress.without_better = 0 if is_better else progress.without_better + 1
        progress.done = self.is_done()
        if progress.done:
            self._try_mean(model)
        train_loss = progress.loss / max(1, progress.count)
        progress.loss, progress.count = 0.0, 0
        speed = progress.vectors / progress.seconds
        self.listener.validated(Validation(
            progress.update, progress.epoch, train_loss, speed, is_better, progress.done, progress.monitor, scores
        ))  # fmt: skip

    def _try_mean(self, model: Model) -> None:
        """Score the mean of the best validations' weights, and keep it if it is better than each."""
        self.engine.ranks.wait()  # the last candidate has been written
        if self.saves and (weights := self.saves.mean(model.state_dict())):
            own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            model.load_state_dict(weights)
            self._keep_if_better(model, self._scored(model))
            model.load_state_dict(own)

    def _scored(self, model: Model) -> dict[str, float]:
        """Validation scores; the texts that a searching head wrote for them stay in the run."""
        budget = self.config.trainer.batch_vectors
        evaluation = evaluate(model, self.validation_split, self.engine, budget, greedy=True)
        self.strategy.release(model)
        if model.head.uses_search and self.saves:
            lines = (f"{prediction.value}\n" for prediction in evaluation.predictions)
            self.saves.hypotheses(self.progress.update, "".join(lines))
        if not evaluation.scores:
            raise UserError("no validation example has an answer to be scored; give it some")
        return evaluation.scores

    @cached_property
    def monitor(self) -> str:
        """The score that picks the best weights."""
        return monitor_for(self.config.trainer.monitor, self.model.head, self.validation_split)[0]

    def is_done(self) -> bool:
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
        if self.saves:
            self.saves.best(model.state_dict(), {"update": progress.update, "data": self.fingerprint})
        return True

    @property
    def wall_seconds(self) -> float:
        """Of training so far, validation and saving included, in this process and those before it."""
        return self.progress.wall_seconds + time.monotonic() - self._saved_at

    def save(self) -> None:
        """Write `last/`: everything that the rest of the run depends on. Raises UserError where the disk refuses it."""
        self.progress.wall_seconds, self._saved_at = self.wall_seconds, time.monotonic()
        if self.saves:
            self.saves.last(self.learned.tensors(), {"progress": asdict(self.progress), "data": self.fingerprint})
