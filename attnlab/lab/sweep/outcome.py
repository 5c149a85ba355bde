"""What came of a sweep's trials, read from the journal and the run folders."""

import math
import shlex
import statistics
from dataclasses import asdict, dataclass
from typing import Any

import yaml
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table
from rich.text import Text

from attnlab.lab.sweep.folder import SweepFolder
from attnlab.lab.sweep.search import Search
from attnlab.metrics import LOWER_IS_BETTER

STATES = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "begun",
}


@dataclass(frozen=True)
class Outcome:
    """One trial. score: the mean over seeds of the best validation score, of a pruned one its first seed's so far.

    deviation: of a sample over the seeds. curve: (epochs, score) at the first seed's validations.
    epochs, seconds: of all its seeds.
    """

    number: int
    values: dict[str, Any]
    state: str
    score: float | None
    deviation: float | None
    seeds: dict[str, float]
    epochs: float
    seconds: float
    curve: list[tuple[float, float]]
    error: str | None

    def plain(self) -> dict[str, Any]:
        """For results.json; the curves stay in metrics.jsonl."""
        fields = asdict(self)
        del fields["curve"]
        return fields


def outcomes(folder: SweepFolder, search: Search) -> tuple[list[Outcome], str]:
    """Every trial begun, the best first and the failed last, and what their scores measure."""
    monitor = ""
    found = []
    for trial in search.all():
        lines, seeds, seconds = [], {}, 0.0
        runs = folder.runs(trial.number, search.space.seeds)
        for seed, run in zip(search.space.seeds, runs, strict=True):
            lines.append(run.read_metrics())
            if results := run.read_results():
                monitor = results["train"]["monitor"]
                seeds[seed] = results["validation"][monitor]
                seconds += results["train"]["wall_seconds"]
            elif lines[-1]:
                monitor = lines[-1][-1]["monitor"]
        found.append(_outcome(trial, search, lines, seeds, seconds, monitor))
    worst = math.inf if monitor in LOWER_IS_BETTER else -math.inf
    rank = {"finished": 0, "pruned": 1, "begun": 2, "failed": 3}

    def place(outcome: Outcome) -> tuple[int, float, int]:
        score = worst if outcome.score is None else outcome.score
        return rank[outcome.state], score if monitor in LOWER_IS_BETTER else -score, outcome.number

    return sorted(found, key=place), monitor


def _outcome(
    trial: FrozenTrial, search: Search, lines: list[list[dict[str, Any]]], seeds: dict[str, float], seconds: float,
    monitor: str,
) -> Outcome:  # fmt: skip
    state = STATES[trial.state]
    told: float | None = None  # by the journal, which knows only of more as better
    if state == "finished":
        told = trial.value
    elif trial.intermediate_values and state != "failed":
        told = trial.intermediate_values[max(trial.intermediate_values)]
    score = -told if told is not None and monitor in LOWER_IS_BETTER else told
    whole = state == "finished" and len(seeds) == len(lines)  # not while somebody trains one of its runs further
    if whole:
        score = statistics.fmean(seeds.values())
    return Outcome(
        number=trial.number,
        values={p.name: trial.params[p.name] for p in search.space.parameters if p.name in trial.params},
        state=state,
        score=score,
        deviation=statistics.stdev(seeds.values()) if whole and len(seeds) > 1 else None,
        seeds=seeds,
        epochs=sum(seed[-1]["epoch"] for seed in lines if seed),
        seconds=seconds,
        curve=[(line["epoch"], line[monitor]) for line in lines[0]],
        error=trial.user_attrs.get("error"),
    )


def shown(score: float | None, deviation: float | None = None) -> str:
    """Four digits, and the deviation where there is one."""
    if score is None:
        return ""
    return f"{score:.4f}" if deviation is None else f"{score:.4f} ± {deviation:.4f}"


def table(found: list[Outcome], monitor: str, names: list[str]) -> Table:
    """A row for each trial, best first."""
    title = f"Trials by {monitor or 'score'} on validation data"
    rows = Table(title=title, title_justify="left")
    rows.add_column("trial", justify="right")
    for name in names:
        rows.add_column(Text(name), justify="right", overflow="fold")
    rows.add_column(monitor or "score", justify="right", no_wrap=True)
    rows.add_column("epochs", justify="right")
    rows.add_column(
        "state", min_width=min(40, max([8, *(len(o.error or "") + 8 for o in found)])), overflow="fold"
    )
    for outcome in found:
        values = (Text(str(outcome.values.get(name, ""))) for name in names)
        state = Text(f"{outcome.state}: {outcome.error}" if outcome.error else outcome.state)
        score = shown(outcome.score, outcome.deviation)
        rows.add_row(str(outcome.number), *values, score, f"{outcome.epochs:g}", state)
    return rows


def train_command(folder: SweepFolder, search: Search, outcome: Outcome) -> list[str]:
    """What trains a trial again, with test data at the end: a command for each seed."""
    words = []
    for seed, run in zip(search.space.seeds, folder.runs(outcome.number, search.space.seeds), strict=True):
        given = yaml.safe_load(run.overrides.read_text(encoding="utf-8"))
        kept = [word for word in given if word.partition("=")[0] not in ("folder", "score_test", "baselines")]
        assert f"seed={seed}" in kept
        words.append("attnlab train " + " ".join(map(shlex.quote, kept)))
    return words
