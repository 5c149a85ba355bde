"""The trials of a sweep, some at a time, each an `attnlab train` of its own, until none is missing.

Several processes, on machines that share the disk, may work on one sweep: a process that works on a trial
holds its lock, which ends with the process; a trial that was begun and isn't held may be continued by any of them.
"""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Sequence

from filelock import BaseFileLock, Timeout

from attnlab import interrupts
from attnlab.config import Config, WandbLogger
from attnlab.disk import lock, write_json
from attnlab.errors import Damaged, Stopped
from attnlab.interrupts import Interrupts
from attnlab.lab.sweep.child import STOPPED, TRAIN, Child, resources
from attnlab.lab.sweep.folder import SweepFolder
from attnlab.lab.sweep.search import Search, maximised
from attnlab.runs import RunFolder, score_of
from attnlab.training.report import clock
from attnlab.training.signals import on_stop_signal

POLL_SECONDS = 0.1
"""Between looks at the children."""
TRIAL_WORDS = ("score_test=false", "baselines=false")
"""Trials see validation data only."""


class Worker:
    """This process's part of a sweep. config: of one of its runs. say: is called with a line for each trial that ends."""

    def __init__(
        self, folder: SweepFolder, search: Search, config: Config, say: Callable[[str], None],
        command: Sequence[str] = TRAIN,
    ) -> None:  # fmt: skip
        self.folder, self.search, self.config, self.say, self.command = folder, search, config, say, command
        parallel = min(search.settings.parallel, search.trials)
        self.slots = [resources(config, parallel, slot) for slot in range(parallel)]
        self._trials: dict[int, _Trial] = {}  # by slot

    def run(self) -> None:
        """Work until every trial has ended, here or elsewhere; raises Stopped when a signal asks for it."""
        if isinstance(handler := interrupts.current(), Interrupts):
            handler.before_end = self._kill
        try:
            with on_stop_signal(lambda: None) as caught:
                try:
                    while not caught and self._fill():
                        for slot, trial in list(self._trials.items()):
                            if trial.has_ended():
                                self._free(slot)
                        time.sleep(POLL_SECONDS if self._trials else 10 * POLL_SECONDS)
                finally:
                    self._end()
        except KeyboardInterrupt:  # the second one, where the process isn't ours
            self._kill()
            raise
        if caught:
            raise Stopped(caught[0])

    def _end(self) -> None:
        """Have every trial save itself, and wait for that."""
        for trial in self._trials.values():
            if trial.child:
                trial.child.stop()
        for slot in list(self._trials):
            self._free(slot)

    def _kill(self) -> None:
        for trial in self._trials.values():
            if trial.child:
                trial.child.kill()

    def _fill(self) -> bool:
        """Give every free slot a trial; False when there is nothing left to do, here or elsewhere."""
        for slot in range(len(self.slots)):
            if slot not in self._trials:
                claimed = self._claim()
                if claimed is None:
                    break
                self._trials[slot] = _Trial(self, slot, *claimed)
        return bool(self._trials or self.search.begun())

    def _claim(self) -> tuple[int, BaseFileLock] | None:
        """A trial that its process left behind, else a new one."""
        with lock(self.folder.locks / "ask.lock"):
            ours = {trial.number for trial in self._trials.values()}
            for number in [trial.number for trial in self.search.begun() if trial.number not in ours]:
                own = self._lock(number)
                with contextlib.suppress(Timeout):
                    own.acquire(timeout=0)
                    if any(trial.number == number for trial in self.search.begun()):
                        self.search.values(number)
                        return number, own
                    own.release()
            new = self.search.ask()
            if new is None:
                return None
            own = self._lock(new)
            own.acquire()
            self.search.values(new)  # drawn here, where no other process draws at the same time
            return new, own

    def _lock(self, number: int) -> BaseFileLock:
        return lock(self.folder.locks / f"trial-{number}.lock")

    def _free(self, slot: int) -> None:
        trial = self._trials.pop(slot)
        if trial.child:
            trial.child.end()
        trial.lock.release()


class _Trial:
    """One trial that this process works on: its seeds one after the other."""

    def __init__(self, worker: Worker, slot: int, number: int, held: BaseFileLock) -> None:
        self.search, self.number, self.lock = worker.search, number, held
        self._say, self._command = worker.say, worker.command
        words, self._environment = worker.slots[slot]
        seeds = self.search.space.seeds
        self._ask = worker.folder.locks / "ask.lock"
        self._runs = worker.folder.runs(number, seeds)
        self._first = self._runs[seeds[0]]
        self._values = self.search.values(number)
        self._words = list(TRIAL_WORDS)
        logger = worker.config.logger
        if isinstance(logger, WandbLogger) and logger.group is None:
            self._words.append(f"logger.group={worker.folder.path.name}")
        self._words += words
        self.child: Child | None = None
        self._reported = 0  # validations
        self._given_up = False
        self._size_seen = -1  # of metrics.jsonl
        self._deaths: list[int] = []  # validations done when a signal killed the run
        self._began = time.monotonic()

    def has_ended(self) -> bool:
        """Look once: report validations, start what is next, and say whether the trial has come to an end."""
        try:
            return self._look()
        except Damaged as error:
            self._fail(str(error))
            return True

    def _look(self) -> bool:
        code = self.child.exit_code() if self.child else None  # before its last validations are read
        self._given_up = self._given_up or self._lags()
        if self._given_up:
            if self.child and code is None:
                self.child.stop()  # it saves itself while others are looked after
                return False
            self._prune()
            return True
        if self.child and code is None:
            return False
        return bool(self.child and code and self._fails(self.child, code)) or self._next()

    def _lags(self) -> bool:
        """Report the first seed's new validations; whether one of them is a reason to give up. Only the first seed is
        looked at: with repeats, a trial that lags there isn't repeated."""
        metrics = self._first.metrics
        size = metrics.stat().st_size if metrics.exists() else -1
        if size == self._size_seen:
            return False
        self._size_seen = size
        validations = _best_so_far(self._first)
        if validations and self._ranked_otherwise(_monitor(self._first)):
            return False  # which `_next` tells at its end
        for step, (best, done) in enumerate(validations, 1):
            if step > self._reported:
                self.search.report(self.number, step, best)
                self._reported = step
                if not done and self.search.should_prune(self.number, step):
                    return True
        return False

    def _ranked_otherwise(self, monitor: str) -> str:
        """The score that the sweep ranks by, where it is another one; else ""."""
        with lock(self._ask):
            fixed = self.search.fixed_monitor(monitor)
        return fixed if fixed != monitor else ""

    def _prune(self) -> None:
        how = f"pruned after validation {self._reported}"
        write_json(self._first.pruned, {"pruned": how})
        self.search.prune(self.number)
        best, _ = _best_so_far(self._first)[self._reported - 1]
        self._tell(f"{how}, {_score(self._first, best)}")

    def _next(self) -> bool:
        """Start the first seed that has no result; True when all have one."""
        values = []
        for seed, run in self._runs.items():
            found = run.validation_score()
            if found is None:
                words = [*self.search.space.words(self._values, seed), *self._words]
                self.child = Child(run, words, self._environment, self._command)
                return False
            monitor, score = found
            if ranked_by := self._ranked_otherwise(monitor):
                why = f"it was measured by {monitor}, where the sweep ranks by {ranked_by}"
                self._fail(f"{why}; set `trainer.monitor=` to a score that all trials have")
                return True
            values.append(maximised(score, monitor))
        value = sum(values) / len(values)
        if math.isfinite(value):
            self.search.finish(self.number, value)
            self._tell(f"finished, {_score(self._first, value)}")
        else:
            self._fail(f"its score is {value}")
        return True

    def _fails(self, child: Child, code: int) -> bool:
        """Whether an exit code is the end of the trial; a run that a signal killed is continued where it was, once."""
        if code < 0 or code in STOPPED:
            validated = sum(len(run.read_metrics()) for run in self._runs.values())
            if validated not in self._deaths:
                self._deaths.append(validated)
                return False
            name = signal.Signals(-code if code < 0 else code - 128).name
            self._fail(f"killed twice at the same place by {name}" + (" (out of memory?)" if code == -9 else ""))
        else:
            self._fail(child.error())
        return True

    def _fail(self, sentence: str) -> None:
        self.search.fail(self.number, sentence)
        self._tell(f"failed: {sentence}")

    def _tell(self, how: str) -> None:
        values = " ".join(f"{name}={value}" for name, value in self._values.items())
        self._say(f"{clock(time.monotonic() - self._began)}  trial {self.number}: {values}: {how}")


def _best_so_far(run: RunFolder) -> list[tuple[float, bool]]:
    """After each validation: the best score so far, so that higher is better, and whether it was the last."""
    scores: list[tuple[float, bool]] = []
    best = -math.inf
    for line in run.read_metrics():
        value = maximised(score_of(line, line["monitor"]), line["monitor"])
        best = best if math.isnan(value) else max(best, value)
        scores.append((best, line["done"]))
    return scores


def _monitor(run: RunFolder) -> str:
    return str(run.read_metrics()[-1]["monitor"])


def _score(run: RunFolder, value: float) -> str:
    monitor = _monitor(run)
    return f"{monitor} {maximised(value, monitor):.4f}"
