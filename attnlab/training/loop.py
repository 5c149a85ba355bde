"""The training loop, to be read in one sitting.

Its state is the weights, their average, the optimizer and `Progress`; saved after any update and loaded again, by any number
of processes, the rest of the run is bit-identical.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property

import torch
from torch import Tensor

from attnlab import metrics
from attnlab.config import Config, JointConfig
from attnlab.data.mixing import Draw, Group
from attnlab.data.prep.prefetch import batches_ahead
from attnlab.errors import UserError
from attnlab.model.joint import Learner
from attnlab.runs import RunFolder
from attnlab.sets import Batch
from attnlab.training import optim
from attnlab.training.engine import Engine
from attnlab.training.evaluate import evaluate
from attnlab.training.learned import Learned
from attnlab.training.parts import Parts
from attnlab.training.saves import saves_of
from attnlab.training.state import Listener, Progress, Validation


class Training:
    """One run's loop over prepared data, which must have a train and a validation split.

    parts: what is learned, by the models of the same names. folder: where `last/` and `best/` are kept, or None for a run that
    leaves nothing. listener: is told of updates and validations.
    """

    def __init__(
        self, config: Config | JointConfig, model: Learner, parts: Parts, engine: Engine, folder: RunFolder | None = None,
        listener: Listener | None = None,
    ) -> None:  # fmt: skip
        self.config, self.model, self.engine = config, model, engine
        self.parts, self.mixture, self.listener = parts, parts.mixture, listener or Listener()
        self.learned = Learned.at_first(model, config, engine)
        self.strategy = self.learned.strategy
        self.saves = saves_of(folder, config.trainer.average_best, self.strategy) if folder else None
        self.trained_apart = model.trained_apart()  # finding them takes 0.1 ms
        self.parameters = [p for apart in self.trained_apart for p in apart]
        self.schedule = optim.build_schedule(config.schedule)
        self.updates = config.trainer.updates or config.trainer.epochs * self.mixture.updates()
        self.progress = Progress(batch_vectors=config.trainer.batch_vectors)
        self.stop_requested = False  # asked of this process
        self.stopping = self.late = False  # agreed on by all: to stop, and to save, after this update
        self._saved_at = time.monotonic()

    def run(self) -> Progress:
        """Train until the last update, the end of patience, or a request to stop (which saves first). Raises UserError
        where a loss is no number."""
        self.strategy.compare(self.learned.tensors())
        self._saved_at = time.monotonic()
        while not self.progress.done and not self.stopping:
            self._epoch()
        if self.stopping and not self.progress.done:
            self.save()
        self.engine.ranks.wait()  # what one process writes last, all may read
        return self.progress

    def request_stop(self) -> None:
        """Save and stop after the current update; after the next one, if what processes ask of each other has been exchanged."""
        self.stop_requested = True

    def _epoch(self) -> None:
        """The rest of the current epoch, group after group of `accumulate` batches, of which each rank computes some."""
        progress, groups = self.progress, self.mixture.groups(self.progress.epoch, self.progress.cursor)
        own = [self.strategy.own(len(group)) for group in groups]
        draws = [group[n] for group, numbers in zip(groups, own, strict=True) for n in numbers]
        batches = batches_ahead(self.parts.batch, draws, self.config.trainer.workers, ahead=max(map(len, own)))
        self.model.train()
        for group, numbers in zip(groups, own, strict=True):
            started = time.perf_counter()
            self._update(group, numbers, batches)
            progress.seconds += time.perf_counter() - started
            progress.cursor += self.mixture.done_by(group)
            epoch_ends = progress.cursor == self.mixture.batches_per_epoch
            if epoch_ends:
                progress.epoch, progress.cursor = progress.epoch + 1, 0
            self._after_update(epoch_ends)
            if self.stopping or progress.done:
                return

    def _update(self, group: Group, own: Sequence[int], batches: Iterator[Batch]) -> None:
        """One step of the optimizer on the mean loss over all batches of a group; of several parts, on the weighted sum of
        their means. own: the numbers of the batches that this rank computes; batches: gives these, and later ones."""
        progress, engine, strategy = self.progress, self.engine, self.strategy
        waited = time.perf_counter()
        made = {number: next(batches) for number in own}
        progress.data_wait += time.perf_counter() - waited
        counts, losses = [0] * len(group), [torch.zeros(())] * len(group)  # 0 of what another rank computes
        for number, batch in made.items():
            counts[number] = self.model.parts[group[number].part].head.count(batch.targets)
        factors = self.parts.factors(group, counts, engine.ranks)
        for number, batch in made.items():
            loss = self._loss(group[number], batch, number) * factors[number]
            strategy.backward(loss, self.parameters)
            losses[number] = loss.detach()
        first, overdue = group[0], time.monotonic() - self._saved_at > 60 * self.config.trainer.save_minutes
        stopping, late, *sums = strategy.add_up(
            len(group), self.parameters, [self.stop_requested, overdue, *counts, *map(float, losses)],
            lambda: self._loss(first, self.parts.batch(first), 0),
        )  # fmt: skip
        self.stopping, self.late = stopping > 0, late > 0
        count, totals = int(sum(sums[: len(group)])), sums[len(group) :]
        self.parts.refuse_no_number(group, totals, progress.update)
        for apart in self.trained_apart:
            strategy.scale(apart, 1 / max(1, count), self.config.trainer.clip)
        engine.seed(self.config.seed, progress.update, len(group))
        factor = self.schedule.factor(progress.update, self.updates)
        self.learned.step(progress.update, factor * self.config.optimizer.lr)
        progress.update += 1
        progress.vectors += self.parts.vectors(group)
        progress.loss, progress.count = progress.loss + sum(totals), progress.count + count

    def _loss(self, draw: Draw, batch: Batch, number: int) -> Tensor:
        """() summed over a batch, by the model of its part. number: in its group."""
        self.engine.seed(self.config.seed, self.progress.update, number)
        with self.engine.autocast():
            return self.model.parts[draw.part](batch.to(self.engine.device)).total

    def _after_update(self, epoch_ends: bool) -> None:
        """Validate, save and stop where it is time, all ranks at once."""
        progress, every = self.progress, self.config.trainer.validate_every
        progress.done = progress.update >= self.updates
        if progress.done or (progress.update % every == 0 if every else epoch_ends):
            self._validate()
            self.save()
        elif self.late:
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
        train_loss, speed = progress.loss / max(1, progress.count), progress.vectors / progress.seconds
        progress.loss, progress.count = 0.0, 0
        self.listener.validated(Validation(
            progress.update, progress.epoch, train_loss, speed, is_better, progress.done, progress.monitor, scores
        ))  # fmt: skip

    def _try_mean(self, model: Learner) -> None:
        """Score the mean of the best validations' weights, and keep it if it is better than each."""
        self.engine.ranks.wait()  # the last candidate has been written
        if self.saves and (weights := self.saves.mean(model.state_dict())):
            own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
            model.load_state_dict(weights)
            self._keep_if_better(model, self._scored(model))
            model.load_state_dict(own)

    def _scored(self, model: Learner) -> dict[str, float]:
        """Validation scores; the texts that a searching head wrote for them stay in the run."""
        scores = {}
        for name, part in self.parts.by_name.items():
            of_part, budget = model.parts[name], part.config.trainer.batch_vectors
            found = evaluate(of_part, part.data.splits["validation"], self.engine, budget, greedy=True)
            self.strategy.release(of_part)
            if of_part.head.uses_search and self.saves:
                text = "".join(f"{prediction.value}\n" for prediction in found.predictions)
                self.saves.hypotheses(name, self.progress.update, text)
            if not found.scores:
                raise UserError("no validation example has an answer to be scored; give it some")
            scores[name] = found.scores
        return self.parts.together(scores)

    @cached_property
    def monitor(self) -> str:
        """The score that picks the best weights."""
        return self.parts.monitor(self.model.parts)

    def is_done(self) -> bool:
        """Derived, never remembered: a run that is given more updates, or more patience, goes on."""
        progress, patience = self.progress, self.config.trainer.patience
        return progress.update >= self.updates or (patience is not None and progress.without_better >= patience)

    def _keep_if_better(self, model: Learner, scores: dict[str, float]) -> bool:
        """Put weights into `best/` if no score so far was better, or if there was none. A score may be undefined while all
        predictions are the same."""
        progress, score = self.progress, scores.get(self.progress.monitor)
        is_better = score is not None and metrics.better(score, progress.best_score, progress.monitor)
        if not is_better and progress.best:
            return False
        progress.best_score, progress.best_update, progress.best = score, progress.update, scores
        if self.saves:
            for name, part in self.parts.by_name.items():
                state: dict[str, object] = {"update": progress.update, "data": part.data.fingerprint}
                self.saves.best(name, model.parts[name].state_dict(), state)
        return True

    @property
    def wall_seconds(self) -> float:
        """Of training so far, validation and saving included, in this process and those before it."""
        return self.progress.wall_seconds + time.monotonic() - self._saved_at

    def save(self) -> None:
        """Write `last/`: everything that the rest of the run depends on. Raises UserError where the disk refuses it."""
        self.progress.wall_seconds, self._saved_at = self.wall_seconds, time.monotonic()
        if self.saves:
            state: dict[str, object] = {"progress": asdict(self.progress), "data": self.parts.fingerprint}
            self.saves.last(self.learned.tensors(), state)
