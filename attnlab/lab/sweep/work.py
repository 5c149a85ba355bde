"""The trials of a sweep, some at a time, each an `attnlab train` of its own, until none is missing.

Several processes, on machines that share the disk, may work on one sweep: whoever works on a trial holds its
lock, which goes when the process does, and a trial that was begun and isn't held is anyone's to continue.
"""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

from filelock import FileLock, Timeout

from attnlab import metrics
from attnlab.config import Config
from attnlab.disk import write_json
from attnlab.errors import Stopped
from attnlab.lab.sweep.child import STOPPED, TRAIN, Child, Share, shares
from attnlab.lab.sweep.folder import SweepFolder
from attnlab.lab.sweep.search import Search
from attnlab.runs import RunFolder
from attnlab.training.report import clock

NAP = 0.1
"""Seconds between looks at the children."""

TRIAL_WORDS = ("score_test=false", "baselines=false")
"""Trials see validation data only."""


class Work:
    """This process's part of a sweep. config: of one of its runs. say: is told a line for each trial that ends."""

    def __init__(
        self, folder: SweepFolder, search: Search, config: Config, say: Callable[[str], None],
        command: Sequence[str] = TRAIN,
    ) -> None:  # fmt: skip
        self.folder, self.search, self.config, self.say, self.command = folder, search, config, say, command
        self.places = [
            shares(config, search.settings.parallel, place) for place in range(search.settings.parallel)
        ]
        self._trials: dict[int, _Trial] = {}  # by place
        self._signal: int | None = None

    def run(self) -> None:
        """Work until every trial has ended, here or elsewhere; raises Stopped when a signal asks for it."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            while self._signal is None and self._fill():
                for place, trial in list(self._trials.items()):
                    if trial.ended():
                        self._leave(place)
                time.sleep(NAP if self._trials else 10 * NAP)
        finally:
            for trial in self._trials.values():
                trial.stop()
            for place in list(self._trials):
                self._leave(place)
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signal is not None:
            raise Stopped(self._signal)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def _fill(self) -> bool:
        """Give every free place a trial; False when there is nothing left to do, here or elsewhere."""
        for place in range(len(self.places)):
            if place not in self._trials:
                claimed = self._claim()
                if claimed is None:
                    break
                number, lock = claimed
                self._trials[place] = _Trial(self, number, self.places[place], lock)
        return bool(self._trials or self.search.begun())

    def _claim(self) -> tuple[int, FileLock] | None:
        """A trial that its process left behind, else a new one."""
        with FileLock(self.folder.locks / "ask.lock"):
            ours = {trial.number for trial in self._trials.values()}
            for number in [trial.number for trial in self.search.begun() if trial.number not in ours]:
                lock = self._lock(number)
                with contextlib.suppress(Timeout):
                    lock.acquire(timeout=0)
                    if any(trial.number == number for trial in self.search.begun()):
                        self.search.values(number)
                        return number, lock
                    lock.release()
            new = self.search.ask()
            if new is None:
                return None
            lock = self._lock(new)
            lock.acquire()
            self.search.values(new)  # drawn here: nobody else draws at the same time
            return new, lock

    def _lock(self, number: int) -> FileLock:
        return FileLock(self.folder.locks / f"trial-{number}.lock")

    def _leave(self, place: int) -> None:
        trial = self._trials.pop(place)
        trial.leave()
        trial.lock.release()


class _Trial:
    """One trial in this process's hands: its seeds one after the other."""

    def __init__(self, work: Work, number: int, share: Share, lock: FileLock) -> None:
        self.search, self.number, self.lock = work.search, number, lock
        self._say, self._command, self._share = work.say, work.command, share
        self._seeds = list(
            zip(self.search.space.seeds, work.folder.runs(number, self.search.space.seeds), strict=True)
        )
        self._values = self.search.values(number)
        self._words = list(TRIAL_WORDS)
        if work.config.logger.name == "wandb" and work.config.logger.group is None:
            self._words.append(f"logger.group={work.folder.path.name}")
        self._child: Child | None = None
        self._reported = 0
        self._given_up = False
        self._seen = -1  # bytes of metrics.jsonl that were looked at
        self._deaths: list[int] = []  # validations done when a signal killed the run
        self._began = time.monotonic()

    def ended(self) -> bool:
        """Look once: report validations, start what is next, and say whether the trial has come to an end."""
        code = self._child.ended() if self._child else None  # before its last validations are read
        self._given_up = self._given_up or self._lags()
        if self._given_up:
            if self._child and code is None:
                self._child.stop()  # it saves itself while we look after the others
                return False
            self._prune()
            return True
        if self._child is None or code is not None:
            if self._child and code and self._failed(code):
                return True
            return self._next()
        return False

    def stop(self) -> None:
        if self._child:
            self._child.stop()

    def leave(self) -> None:
        if self._child:
            self._child.leave()

    def _lags(self) -> bool:
        """Report the first seed's new validations; whether one of them is a reason to give up.

        The first seed speaks for all: with repeats, a trial that it loses isn't repeated.
        """
        run = self._seeds[0][1]
        size = run.metrics.stat().st_size if run.metrics.exists() else -1
        if size == self._seen:
            return False
        self._seen = size
        for step, (best, done) in enumerate(best_so_far(run), 1):
            if step > self._reported:
                self.search.report(self.number, step, best)
                self._reported = step
                if not done and self.search.should_prune(self.number, step):
                    return True
        return False

    def _prune(self) -> None:
        run = self._seeds[0][1]
        how = f"pruned after validation {self._reported}"
        write_json(run.pruned, {"pruned": how})
        self.search.prune(self.number)
        best, _ = best_so_far(run)[self._reported - 1]
        self._tell(f"{how}, {_score(run, best)}")

    def _next(self) -> bool:
        """Start the first seed that has no result; True when all have one."""
        for seed, run in self._seeds:
            if not run.results.exists():
                words = [*self.search.space.words(self._values, seed), *self._words]
                self._child = Child(run, words, self._share, self._command)
                return False
        value = sum(final_value(run) for _, run in self._seeds) / len(self._seeds)
        if math.isfinite(value):
            self.search.finish(self.number, value)
            self._tell(f"finished, {_score(self._seeds[0][1], value)}")
        else:
            self._fail(f"its score is {value}")
        return True

    def _failed(self, code: int) -> bool:
        """Whether an exit code is the end of the trial; a run that a signal killed is continued where it was, once."""
        assert self._child is not None
        if code < 0 or code in STOPPED:
            came = sum(len(run.read_metrics()) for _, run in self._seeds)
            if came not in self._deaths:
                self._deaths.append(came)
                return False
            name = signal.Signals(-code if code < 0 else code - 128).name
            self._fail(f"killed twice at the same place by {name}" + (" (out of memory?)" if code == -9 else ""))
        else:
            self._fail(self._child.error())
        return True

    def _fail(self, sentence: str) -> None:
        self.search.fail(self.number, sentence)
        self._tell(f"failed: {sentence}")

    def _tell(self, how: str) -> None:
        values = " ".join(f"{name}={value}" for name, value in self._values.items())
        self._say(f"{clock(time.monotonic() - self._began)}  trial {self.number}: {values}: {how}")


def best_so_far(run: RunFolder) -> list[tuple[float, bool]]:
    """After each validation: the best score so far, turned so that higher is better, and whether it was the last."""
    found: list[tuple[float, bool]] = []
    best = -math.inf
    for line in run.read_metrics():
        value = turned(float(line[line["monitor"]]), line["monitor"])
        best = best if math.isnan(value) else max(best, value)
        found.append((best, line["done"]))
    return found


def turned(score: float, monitor: str) -> float:
    """A score so that higher is better, and back."""
    return -score if monitor in metrics.LOWER_IS_BETTER else score


def _score(run: RunFolder, value: float) -> str:
    monitor = run.read_metrics()[-1]["monitor"]
    return f"{monitor} {turned(value, monitor):.4f}"


def final_value(run: RunFolder) -> float:
    results = run.read_results()
    monitor = results["train"]["monitor"]
    return turned(results["validation"][monitor], monitor)
