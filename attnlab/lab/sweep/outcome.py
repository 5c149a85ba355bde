"""What came of a sweep's trials, read from the journal and the run folders."""

import math
import shlex
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypedDict

from optuna.trial import FrozenTrial, TrialState
from rich.table import Table
from rich.text import Text

from attnlab.disk import read_yaml
from attnlab.errors import Damaged
from attnlab.lab.run_groups import BEST, with_deviation
from attnlab.lab.sweep.folder import SweepFolder
from attnlab.lab.sweep.search import Search, maximised
from attnlab.lab.sweep.space import Value
from attnlab.runs import BestTrial, Scores, ValidationLine, score_of
from attnlab.schema import Seconds

STATES = {
    TrialState.COMPLETE: "finished", TrialState.PRUNED: "pruned", TrialState.RUNNING: "begun", TrialState.FAIL: "failed"
}  # fmt: skip
"""In the order of the tables."""


class Best(BestTrial):
    """The chosen trial, as results.json holds it.

    test: "mean" and, over several seeds, "deviation" of its scores. command: what trains it.
    """

    values: dict[str, Value]
    deviation: float | None
    test: dict[str, Scores]
    command: list[str]


class SweepResults(TypedDict):
    """What results.json of a sweep holds. importance: the fraction of the scores' variance that each key explains."""

    task: str
    monitor: str
    sampler: str
    best: Best
    importance: dict[str, float]
    epochs: Seconds
    trials: list[dict[str, object]]


@dataclass(frozen=True)
class Outcome:
    """One trial. score: the mean over seeds of the best validation score, of a pruned one its first seed's so far.

    deviation: of a sample over the seeds. curve: (epochs, score) at the first seed's validations.
    epochs, seconds: of all its seeds.
    """

    number: int
    values: dict[str, Value]
    state: str
    score: float | None
    deviation: float | None
    seeds: dict[str, float]
    epochs: float
    seconds: float
    error: str | None
    curve: list[tuple[float, float]]

    @property
    def state_with_error(self) -> str:
        return f"{self.state}: {self.error}" if self.error else self.state

    def plain(self) -> dict[str, object]:
        """For results.json; the curves stay in metrics.jsonl."""
        return {name: value for name, value in asdict(self).items() if name != "curve"}


def read_outcomes(folder: SweepFolder, search: Search) -> tuple[list[Outcome], str]:
    """Every trial begun, the best first and the failed last, and what their scores measure."""
    monitor = ""
    outcomes = []
    for trial in search.all():
        monitor, outcome = _outcome(trial, folder, search, monitor)
        monitor = search.monitor or monitor  # a trial that was measured otherwise has failed
        outcomes.append(outcome)
    states = list(STATES.values())

    def order(outcome: Outcome) -> tuple[int, float, int]:
        score = -math.inf if outcome.score is None else maximised(outcome.score, monitor)
        return states.index(outcome.state), -score, outcome.number

    return sorted(outcomes, key=order), monitor


def _outcome(trial: FrozenTrial, folder: SweepFolder, search: Search, monitor: str) -> tuple[str, Outcome]:
    """The name of its score, where its runs say one, else `monitor`; and what came of it."""
    curves: list[list[ValidationLine]] = []
    seeds, seconds, damage = dict[str, float](), 0.0, None
    for seed, run in folder.runs(trial.number, search.space.seeds).items():
        curves.append([])
        try:
            curves[-1] = run.read_metrics()
            if found := run.validation_score():
                monitor, score_of_seed = found
                seeds |= {} if math.isnan(score_of_seed) else {seed: score_of_seed}
                seconds += run.read_results().get("train", {}).get("wall_seconds", 0.0)
            elif curves[-1]:
                monitor = curves[-1][-1]["monitor"]
        except (Damaged, OSError) as error:  # one damaged run doesn't spoil the table of all
            damage = str(error)
    state = STATES[trial.state]
    score: float | None = None  # of the journal, where higher is better
    if state == "finished":
        score = trial.value
    elif trial.intermediate_values and state != "failed":
        score = trial.intermediate_values[max(trial.intermediate_values)]
    score = None if score is None else maximised(score, monitor)
    complete = state == "finished" and len(seeds) == len(curves)  # not while one of its runs is trained further
    return monitor, Outcome(
        number=trial.number,
        values={p.name: trial.params[p.name] for p in search.space.parameters if p.name in trial.params},
        state=state,
        score=statistics.fmean(seeds.values()) if complete else score,
        deviation=statistics.stdev(seeds.values()) if complete and len(seeds) > 1 else None,
        seeds=seeds,
        epochs=sum(lines[-1]["epoch"] for lines in curves if lines),
        seconds=seconds,
        error=trial.user_attrs.get("error") or damage,
        curve=[(line["epoch"], score_of(line, monitor)) for line in curves[0] if monitor in line]
        if monitor == (search.monitor or monitor)
        else [],
    )


def tied(outcomes: Sequence[Outcome], best: int | None) -> list[int]:
    """The finished trials whose score is that of the chosen one, itself among them, by number."""
    score = next((outcome.score for outcome in outcomes if outcome.number == best), None)
    return sorted(o.number for o in outcomes if o.state == "finished" and o.score == score is not None)


def table(
    outcomes: Sequence[Outcome], monitor: str, names: Sequence[str], best: int | None, test: Mapping[str, Scores]
) -> Table:
    """A row for each trial, best first. best: the number of the chosen one. test: its scores on test data, see `Best`."""
    measure = monitor or "score"
    table = Table(title=f"Trials, best validation {measure} first", title_justify="left")
    table.add_column("trial", justify="right")
    for name in names:
        table.add_column(Text(name), justify="right", overflow="fold")
    table.add_column("runs", justify="right")
    table.add_column(f"validation {measure}", justify="left", no_wrap=True)
    table.add_column(f"test {measure}", justify="left", no_wrap=True)
    table.add_column("epochs", justify="right")
    width = min(40, max([8, *(len(outcome.error or "") + 8 for outcome in outcomes)]))
    table.add_column("state", min_width=width, overflow="fold")
    tested = with_deviation(*(test.get(part, {}).get(monitor) for part in ("mean", "deviation")))
    equal = tied(outcomes, best)
    for outcome in outcomes:
        is_best = outcome.number == best
        values = (Text(str(outcome.values.get(name, ""))) for name in names)
        score = with_deviation(outcome.score, outcome.deviation) + (BEST if outcome.number in equal else "")
        runs, epochs, state = str(len(outcome.seeds)), f"{outcome.epochs:g}", Text(outcome.state_with_error)
        table.add_row(str(outcome.number), *values, runs, score, tested if is_best else "", epochs, state)
    return table


def train_commands(folder: SweepFolder, search: Search, outcome: Outcome) -> list[str]:
    """What trains a trial again, with test data at the end: a command for each seed. Raises Damaged where its overrides.yaml
    isn't what it was begun with."""
    commands = []
    for seed, run in folder.runs(outcome.number, search.space.seeds).items():
        overrides = read_yaml(run.overrides, list[str])
        words = [word for word in overrides if word.partition("=")[0] not in ("folder", "score_test", "baselines")]
        if f"seed={seed}" not in words:
            raise Damaged(f"{run.overrides}: these are no words of trial {outcome.number}")
        commands.append("attnlab train " + " ".join(map(shlex.quote, words)))
    return commands
