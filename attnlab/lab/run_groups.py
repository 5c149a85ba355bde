"""Runs of the same settings in one row: how many there are, and the mean and standard deviation of their scores.

`attnlab runs group=encoder` groups the runs that are there by columns and keys, and `attnlab train -m` its own by the values
that it was given. What was trained on other data, or is measured otherwise, is another group.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from rich.table import Table
from rich.text import Text

from attnlab.errors import printable
from attnlab.lab.run_rows import COLUMNS, Row, comparable, data_names, written
from attnlab.metrics import direction
from attnlab.plural import plural
from attnlab.registry import GROUPS, METRICS
from attnlab.training.report import PipedConsole

NO_SETTING = re.compile(
    r"seed|folder|outputs|plugins|baselines|score_test|logger(\..*)?|trainer\.(device|threads)"
    r"|data\.(path|hub|cache|origin|licence|id|keep|folds|fold)|started|undefined|trial"
)
"""Keys and columns in which runs of the same settings may differ. On which data they are is asked for otherwise."""


@dataclass(frozen=True)
class Group:
    """Finished runs with the same values, as one reads them, of what they are grouped by, and scores that compare.

    kind: their task, data and measure.
    """

    values: Mapping[str, str]
    kind: tuple[str, str, str]
    rows: Sequence[Row]

    def scores(self, column: str) -> list[float]:
        """Those that there are; column: `score` on validation data, `test`."""
        values = (row.get(column) for row in self.rows)
        return [float(value) for value in values if isinstance(value, int | float)]

    @property
    def name(self) -> str:
        return " ".join(f"{key}={value}" for key, value in self.values.items())


def groups_of(rows: Sequence[Row], keys: Sequence[str]) -> list[Group]:
    """The finished runs by task, data, measure and these columns and keys; of each task, data and measure the group with the best
    mean on validation data first."""
    names, found = data_names(rows), defaultdict[tuple[tuple[str, str, str], tuple[str, ...]], list[Row]](list)
    for row in finished(rows):
        values = (
            names[str(row["run"])] if key == "data" else written(row[key]) if key in row else "" for key in keys
        )
        found[comparable(row, names), tuple(values)].append(row)
    groups = [
        Group(dict(zip(keys, values, strict=True)), kind, of_group) for (kind, values), of_group in found.items()
    ]

    def order(group: Group) -> tuple[tuple[str, str, str], bool, float, str]:
        scores = group.scores("score")
        mean = fmean(scores) if scores else 0.0
        return group.kind, not scores, mean * (-1 if higher_is_better(group.kind[2]) else 1), group.name

    return sorted(groups, key=order)


def finished(rows: Sequence[Row]) -> list[Row]:
    """The runs that have come to their end; of a cross-validation the whole, not its folds, and no trials of sweeps,
    unless there are no other runs."""
    every = {str(row["run"]) for row in rows}
    whole = [row for row in rows if row["state"] == "finished" and str(row["run"]).rpartition("/")[0] not in every]
    return [row for row in whole if not row.get("trial")] or whole


def higher_is_better(measure: str) -> bool:
    """Also of a plugin's metric, which isn't known here, unless it is loaded."""
    name = measure.partition("/")[0]
    return direction(measure) > 0 if name in METRICS or name == "loss" else True


def best_groups(groups: Sequence[Group]) -> list[Group]:
    """Of each task, data and measure with several groups, those that are best on validation data: several where they are equal."""
    best: dict[tuple[str, str, str], float] = {}
    for group in groups:
        if scores := group.scores("score"):
            best.setdefault(group.kind, fmean(scores))
    of_kind = Counter(group.kind for group in groups)
    return [
        group
        for group in groups
        if of_kind[group.kind] > 1 and (scores := group.scores("score")) and fmean(scores) == best[group.kind]
    ]


def shown(scores: Sequence[float]) -> str:
    """The mean, and of several the standard deviation (of a sample: divided by their number − 1)."""
    if not scores:
        return ""
    return with_deviation(fmean(scores), stdev(scores) if len(scores) > 1 else None)


def with_deviation(mean: float | None, deviation: float | None = None) -> str:
    """Four digits, and the deviation where there is one."""
    if mean is None:
        return ""
    return f"{mean:.4f}" if deviation is None else f"{mean:.4f} ± {deviation:.4f}"


BEST = " *"
"""Behind the best score of those that compare; below the table stands what it means."""
BEST_ON_VALIDATION = "* the best on validation data"
EQUAL = "; several have the same score"


def table(groups: Sequence[Group], keys: Sequence[str]) -> Table:
    """A row for each group."""
    of_kind = [name for name in ("task", "data", "measure") if name not in keys]
    made = Table(box=None, pad_edge=False)
    for name in (*keys, *of_kind):
        made.add_column(Text(name), overflow="fold")
    for name in ("runs", "validation", "test"):
        made.add_column(name, justify="left" if name != "runs" else "right", no_wrap=True)
    best = best_groups(groups)
    for group in groups:
        kind = dict(zip(("task", "data", "measure"), group.kind, strict=True))
        validation, test = shown(group.scores("score")), group.scores("test")
        of_fewer = f" ({plural(len(test), 'run')})" if test and len(test) < len(group.rows) else ""
        star = BEST if any(group is other for other in best) else ""
        cells = [*group.values.values(), *(kind[name] for name in of_kind), str(len(group.rows))]
        made.add_row(*(Text(printable(cell)) for cell in (*cells, validation + star, shown(test) + of_fewer)))
    return made


def notes(groups: Sequence[Group], rows: Sequence[Row]) -> list[str]:
    """What to know of these groups, a line each: which one is the best, what else their runs differ in, and what isn't counted."""
    best = best_groups(groups)
    tied = len(best) > len({group.kind for group in best})
    lines = [BEST_ON_VALIDATION + (EQUAL if tied else "")] if best else []
    if len({group.kind for group in groups}) > 1:
        lines.append("Rows are ranked only within the same task, data and measure.")
    differing, repeating = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for group in groups:
        if other := differences(group.rows, list(group.values)):
            differing[", ".join(other)].append(group.name)
        elif again := _repeated_seeds(group.rows):
            repeating[", ".join(again)].append(group.name)
    lines += [f"{_runs_of(names)} are averaged, but differ in {keys}." for keys, names in differing.items()]
    for seeds, names in repeating.items():
        lines.append(f"{_runs_of(names)} repeat seed {seeds}: equal runs make the standard deviation too small.")
    counted = {str(row["run"]) for group in groups for row in group.rows}
    trials = sum(bool(row.get("trial")) and str(row["run"]) not in counted for row in rows)
    if trials:
        lines.append(
            f"Not counted: {plural(trials, 'trial')} of sweeps; group those of one with `outputs=SWEEPFOLDER`."
        )
    states = Counter(str(row["state"]) for row in rows if row["state"] != "finished")
    if states:
        told = [f"{count} {state}" for state, count in sorted(states.items())]
        lines.append(
            f"Not counted: {plural(sum(states.values()), 'run')} that did not finish ({', '.join(told)})."
        )
    return lines


def differences(rows: Sequence[Row], besides: Iterable[str] = ()) -> list[str]:
    """The settings that all of these runs have, but with different values. besides: keys and columns that aren't looked at."""
    common = set[str].intersection(*map(set, rows)) if rows else set[str]()
    chosen = {f"{group}.name" for group in GROUPS}  # which the column of the group says, too
    names = common - chosen - set(besides) - (set(COLUMNS) - {"data"})
    different = {name for name in names if len({written(row[name]) for row in rows}) > 1}
    return sorted(name for name in different if not NO_SETTING.fullmatch(name))


def _repeated_seeds(rows: Sequence[Row]) -> list[str]:
    """The seeds that more than one of the runs has."""
    seeds = Counter(written(row.get("seed")) for row in rows)
    return sorted((seed for seed, count in seeds.items() if count > 1), key=lambda seed: (len(seed), seed))


def _runs_of(names: Sequence[str]) -> str:
    """The runs of groups by their names, which are empty where nothing was grouped by."""
    listed = [name for name in dict.fromkeys(names) if name]
    if not listed:
        return "These runs"
    return f"The runs of {' and '.join(filter(None, (', '.join(listed[:-1]), listed[-1])))}"


def plain(group: Group) -> dict[str, object]:
    """A group for scripts: its values, which runs it has, and mean and standard deviation of their scores."""
    scores = {"validation": group.scores("score"), "test": group.scores("test")}
    described = {
        split: {"mean": fmean(values), "standard_deviation": stdev(values) if len(values) > 1 else None}
        for split, values in scores.items()
        if values
    }
    kind = dict(zip(("task", "data", "measure"), group.kind, strict=True))
    return {**kind, **group.values, "runs": [row["run"] for row in group.rows], **described}


def show(rows: Sequence[Row], keys: Sequence[str], as_json: bool = False) -> None:
    """Print the groups of these runs."""
    groups = groups_of(rows, keys)
    if as_json:
        print(json.dumps([plain(group) for group in groups], indent=1, ensure_ascii=False))
        return
    if groups:
        console().print(table(groups, keys))
    else:
        print("None of these runs has finished, and only scores of finished runs are compared.")
    for line in notes(groups, rows):
        print(printable(line))


def console() -> PipedConsole:
    """A pipe has no width: a line stays a line."""
    return PipedConsole() if sys.stdout.isatty() else PipedConsole(width=1000)
