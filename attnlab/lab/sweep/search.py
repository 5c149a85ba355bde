"""Which values to try next and what to give up: Optuna's samplers and journal, behind few words.

Everything that is decided is a function of the journal, the seed and the trial's number alone, so a sweep
that was killed anywhere and resumed decides as it would have. Scores stand in the journal so that higher
is better, whatever they measure.
"""

import hashlib
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from attnlab import compose
from attnlab.config import Sweep
from attnlab.config.keys import refuse_beyond_machine
from attnlab.disk import lock, read_jsonl, refuse_special
from attnlab.errors import Damaged, UserError
from attnlab.lab.sweep.space import Parameter, Space, Value
from attnlab.metrics import direction

DEFAULT_TRIALS = 20
ATTEMPTS = 20
"""Draws of a value before the first one is taken that leads to something new."""
MEDIAN_OF = 4
"""Other trials, at the least, that the median pruner compares with."""


def maximised(score: float, monitor: str) -> float:
    """A score so that higher is better, as Optuna takes it, and back."""
    return -score if direction(monitor) < 0 else score


class Search:
    """The trials of one sweep, shared through a journal by every process that works on it. Raises UserError for settings
    that don't fit together, and for a journal that this version doesn't write."""

    def __init__(self, journal: Path, space: Space, settings: Sweep) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.check(space, settings)
        self.space, self.settings = space, settings
        self.grid = space.combinations()
        self.sampler = settings.sampler or ("grid" if self.grid else "tpe")
        asked = settings.trials or (len(self.grid) if self.sampler == "grid" and self.grid else DEFAULT_TRIALS)
        size = space.size()
        self.trials = asked if size is None else min(asked, size)
        self.is_cut = self.trials < asked
        """Whether fewer trials are made than were asked for, since more would repeat them."""
        read_jsonl(journal, dict[str, object])  # refused here, before Optuna reads it, where it is damaged
        try:
            # Optuna's base class for locks isn't public.
            storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=_JournalLock(journal)))  # type: ignore[arg-type]
            self.study = optuna.create_study(
                study_name="sweep", storage=storage, direction="maximize", load_if_exists=True,
                sampler=_Sampler(self.sampler, settings.seed, self.grid, space), pruner=optuna.pruners.NopPruner(),
            )  # fmt: skip
            self.study.get_trials()
        except (UserError, OSError):
            raise
        except Exception as error:  # the library raises whatever its replay runs into
            right = "a sweep is finished by the version of attnlab that began it; start a new one"
            raise Damaged(f"{journal}: no journal of this version; {right}") from error

    @staticmethod
    def check(space: Space, settings: Sweep) -> None:
        """Raises UserError for settings that don't fit together, before anything is written."""
        read_pruner(settings)
        refuse_beyond_machine("sweep.parallel", settings.parallel)
        ranks = compose.compose(space.example()).trainer.ranks
        if settings.parallel > 1 and ranks is not None and ranks > 1:
            raise UserError(
                f"`sweep.parallel={settings.parallel} trainer.ranks={ranks}`: set one of them to 1; with `trainer.ranks=1` trials are "
                "trained side by side, with `sweep.parallel=1` each by several processes"
            )
        if settings.sampler == "grid" and space.combinations() is None:
            raise UserError("`sweep.sampler=grid`: a grid needs values that can be listed, not an interval")

    def all(self) -> list[FrozenTrial]:
        """Every trial begun, by number."""
        return self.study.get_trials(deepcopy=False)

    def begun(self) -> list[FrozenTrial]:
        """Trials that haven't ended; some process may be at work on them."""
        return [trial for trial in self.all() if trial.state == TrialState.RUNNING]

    def ask(self) -> int | None:
        """The number of a new trial, or None where there are enough. Call it under a lock of the sweep."""
        return self.study.ask().number if len(self.all()) < self.trials else None

    def fixed_monitor(self, monitor: str) -> str:
        """The score that this sweep ranks its trials by: that of the first one that has measured any, which this is where
        none has. Call it under a lock of the sweep."""
        if "monitor" not in self.study.user_attrs:
            self.study.set_user_attr("monitor", monitor)
        return str(self.study.user_attrs["monitor"])

    @property
    def monitor(self) -> str | None:
        """The score that trials are ranked by; None where none has measured any, as far as this version noted it."""
        monitor = self.study.user_attrs.get("monitor")
        return None if monitor is None else str(monitor)

    def values(self, number: int) -> dict[str, Value]:
        """What a trial tries; what hasn't been drawn yet is drawn now."""
        trial = self._trial(number)
        return {parameter.name: _draw(trial, parameter) for parameter in self.space.parameters}

    def report(self, number: int, step: int, value: float) -> None:
        """The best score after a validation (1, 2, …); reported again, it changes nothing."""
        if step not in self.all()[number].intermediate_values:
            self._trial(number).report(value, step)

    def should_prune(self, number: int, step: int) -> bool:
        """Whether a trial lags behind the others after this validation."""
        scores = {t.number: t.intermediate_values[step] for t in self.all() if step in t.intermediate_values}
        return lags(self.settings, scores.pop(number), list(scores.values()), step)

    def finish(self, number: int, value: float) -> None:
        self.study.tell(number, value)

    def prune(self, number: int) -> None:
        self.study.tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, sentence: str) -> None:
        self._trial(number).set_user_attr("error", sentence)
        self.study.tell(number, state=TrialState.FAIL)

    def _trial(self, number: int) -> Trial:
        return Trial(self.study, self.all()[number]._trial_id)

    def importance(self) -> dict[str, float]:
        """The fraction of the scores' variance that each key explains (fANOVA, Hutter et al. 2014); may be empty. Only
        trials that ran to the end count."""
        done = [trial for trial in self.all() if trial.state == TrialState.COMPLETE]
        if len(done) < 4 or len({trial.value for trial in done}) < 2:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=self.settings.seed)
        fractions = optuna.importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: round(float(fraction), 4) for name, fraction in fractions.items()}


class _Sampler(BaseSampler):
    """Draws each value from a generator of its own, seeded by (seed, trial, key). So a trial that was begun by a
    process that died, even between two of its values, is the same one again."""

    def __init__(self, name: str, seed: int, grid: list[dict[str, str]] | None, space: Space) -> None:
        self._name, self._seed, self._grid, self._space = name, seed, grid, space

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, object]:
        return {}

    def sample_independent(self, study: Study, trial: FrozenTrial, name: str, values: BaseDistribution) -> Value:
        if self._name == "grid":
            assert self._grid is not None
            return self._grid[trial.number][name]
        tried = _Tried(study, trial, name, self._space)
        for attempt in range(ATTEMPTS):
            drawn = self._drawn(study, trial, name, values, attempt)
            if not tried.leads_to_repeats(drawn):
                return drawn
        return next((value for value in _every(values) if not tried.leads_to_repeats(value)), drawn)

    def _drawn(self, study: Study, trial: FrozenTrial, name: str, values: BaseDistribution, attempt: int) -> Value:
        again = f"/{attempt}" if attempt else ""
        digest = hashlib.blake2b(f"{self._seed}/{trial.number}/{name}{again}".encode(), digest_size=4).digest()
        seed = int.from_bytes(digest, "big")
        sampler = TPESampler(seed=seed) if self._name == "tpe" else RandomSampler(seed=seed)
        drawn: Value = sampler.sample_independent(study, trial, name, values)
        if (
            isinstance(values, FloatDistribution) and not attempt
        ):  # four digits are enough to try, and can be shown
            drawn = min(max(float(f"{drawn:.4g}"), values.low), values.high)
        return drawn


class _Tried:
    """Which values of a key lead to combinations that were tried before, given the values of a trial so far."""

    def __init__(self, study: Study, trial: FrozenTrial, name: str, space: Space) -> None:
        names = [parameter.name for parameter in space.parameters]
        position = names.index(name)
        counts = [parameter.count for parameter in space.parameters[position + 1 :]]
        self._completions = (
            math.inf if None in counts else math.prod(count for count in counts if count is not None)
        )
        others = study.get_trials(deepcopy=False)
        combinations = {tuple(t.params[n] for n in names) for t in others if t.params.keys() >= set(names)}
        given = tuple(trial.params[n] for n in names[:position])
        same = [combination[position] for combination in combinations if combination[:position] == given]
        self._tried = Counter(same)

    def leads_to_repeats(self, value: Value) -> bool:
        """Whether every combination with this value was tried."""
        return self._tried[value] >= self._completions


def _every(values: BaseDistribution) -> Iterator[Value]:
    """Every value, where they can be listed."""
    if isinstance(values, CategoricalDistribution):
        yield from map(str, values.choices)
    elif isinstance(values, IntDistribution):
        yield from range(values.low, values.high + 1)


def _draw(trial: Trial, parameter: Parameter) -> Value:
    name, values = parameter.name, parameter.distribution
    if isinstance(values, CategoricalDistribution):
        return str(trial.suggest_categorical(name, values.choices))
    if isinstance(values, IntDistribution):
        return trial.suggest_int(name, values.low, values.high, log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def read_pruner(settings: Sweep) -> tuple[str, int]:
    """The name in `sweep.pruner=`, and the factor of `halving`. Raises UserError where it names no pruner."""
    name, colon, factor = settings.pruner.partition(":")
    if name == "halving" and (not colon or (factor.isdecimal() and len(factor) < 10 and int(factor) >= 2)):
        return name, int(factor or 3)
    if name in ("none", "median") and not colon:
        return name, 0
    raise UserError(
        f"`sweep.pruner={settings.pruner}`: choose one of none, median, halving, halving:FACTOR (2, 3, …)"
    )


def lags(settings: Sweep, value: float, others: Sequence[float], step: int) -> bool:
    """Whether a trial is given up for its best score after a validation, beside the others' after the same one.

    median: below the median of the others, once four have come that far (the median stopping rule of Golovin et al.
    2017). halving: asynchronous successive halving (Li et al. 2020): at validations warmup · factor^k, only the best
    1/factor of those that came as far go on; while they are fewer than `factor`, only the best one does.
    """
    name, factor = read_pruner(settings)
    if name == "halving":
        rung = settings.warmup
        while rung < step:
            rung *= factor
        promoted = max(1, (len(others) + 1) // factor)
        return rung == step and (math.isnan(value) or sum(other > value for other in others) >= promoted)
    if name == "none" or step < settings.warmup or len(others) < MEDIAN_OF:
        return False
    return math.isnan(value) or value < statistics.median(others)


class _JournalLock:
    """A lock on Optuna's journal that is free as soon as its process is killed, which Optuna's own isn't. Taking it
    also removes a last line that a killed process left unfinished."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = lock(journal.with_name(journal.name + ".lock"))

    def acquire(self) -> bool:
        self._lock.acquire()
        refuse_special(self._journal)  # Optuna would follow a link
        if self._journal.exists():
            with self._journal.open("rb+") as stream:
                data = stream.read()
                if not data.endswith(b"\n"):
                    stream.truncate(data.rfind(b"\n") + 1)
        return True

    def release(self) -> None:
        self._lock.release()
