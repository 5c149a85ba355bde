"""What is known of each run below a folder: a row with its columns and every key of its configuration; which rows words
pick, and in which order."""

import os.path
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import cast, get_args

from attnlab.disk import read_yaml
from attnlab.errors import UserError, suggestion
from attnlab.registry import GROUPS
from attnlab.runs import RunFolder, Scores, State, flat, is_trial, run_folders, started
from attnlab.schema import checked

COLUMNS = ("run", "task", "data", "state", "measure", "score", "test", "parameters", "epochs", "seconds")
"""score: the best on validation data, test: on test data, both of `measure`, the one that picked the best weights."""
SCORES = ("score", "test")
NUMBERS = ("score", "test", "parameters", "epochs", "seconds")
STATES = (*get_args(State), "damaged")
Row = dict[str, object]
"""One run: the columns, and every key of its configuration by its dotted name."""


def read_rows(outputs: str) -> list[Row]:
    """Of every run below a folder. Raises UserError where there is none."""
    rows = [read_row(path, outputs) for path in run_folders(Path(outputs))]
    if not rows:
        raise UserError(f"no runs in {outputs}/; start one with `attnlab train task=pos`, or say `outputs=FOLDER`")
    return rows


def read_row(path: Path, outputs: str) -> Row:
    """Of a damaged run, and of one that cannot be read, only that it is."""
    row: Row = {"run": str(path.relative_to(outputs)), "state": "damaged", "started": started(path)}
    if is_trial(path):
        row["trial"] = True
    folder = RunFolder(path)
    try:
        config = read_yaml(folder.config, Row)
        return flat(config) | row | _columns(folder, config)
    except (UserError, OSError):
        return row


def _columns(folder: RunFolder, config: Row) -> Row:
    """What isn't in the configuration. Raises UserError where a file holds what no run writes."""
    results, validations = folder.read_results(), folder.read_metrics()
    train = results.get("train", {})
    if folds := list(
        results.get("folds", {}).values()
    ):  # a cross-validation's own scores are means over its folds
        train = folds[0]["train"] | train
    last = validations[-1] if validations else None
    best = next((line for line in reversed(validations) if line.get("best")), None)
    monitor = train.get("monitor", last and last["monitor"])
    shown = {"score": results.get("validation") or cast(Scores, best or {}), "test": results.get("test", {})}
    undefined = [column for column, scores in shown.items() if scores and str(monitor) not in scores]
    groups = {
        name: checked(Row, config.get(name, {}), f"{folder.config}: `{name}`").get("name") for name in GROUPS
    }
    return (
        groups
        | ({"undefined": undefined} if undefined else {})
        | {
            "state": folder.state(),
            "measure": monitor,
            **{column: scores.get(str(monitor)) for column, scores in shown.items()},
            "parameters": results.get("parameters"),
            "epochs": train.get("epochs", last and last["epoch"]),
            "seconds": train.get("wall_seconds"),
        }
    )


def add_scores(rows: Sequence[Row], names: Sequence[str], outputs: str) -> None:
    """Give the rows the test scores of these names, such as `macro_f1`, which are neither columns nor keys."""
    for name in {*names} - {*COLUMNS, *(name for row in rows for name in row), ""}:
        for row in rows:
            folder = RunFolder(Path(outputs, str(row["run"])))
            score = None if row["state"] == "damaged" else folder.read_results().get("test", {}).get(name)
            if score is not None:
                row[name] = score


def ordered(rows: Sequence[Row], sort: str) -> list[Row]:
    """By a column, `-` for the highest first; runs that have no value there come last. Scores are ordered within each task,
    data and measure: an accuracy is not above or below a mean absolute error."""
    name = sort.lstrip("-")
    having = sorted((row for row in rows if row.get(name) is not None), key=lambda row: str(row["run"]))
    numeric = all(isinstance(row[name], (int, float)) for row in having)

    def sort_key(row: Row) -> float | str:
        value = row[name]
        return value if numeric and isinstance(value, (int, float)) else written(value)

    having.sort(key=sort_key, reverse=sort.startswith("-"))
    if name in SCORES:
        names = data_names(rows)
        having.sort(key=lambda row: comparable(row, names))
    return having + [row for row in rows if row.get(name) is None]


def comparable(row: Row, names: Mapping[str, str]) -> tuple[str, str, str]:
    """Task, data (with the folds of a cross-validation) and measure: scores of runs that agree in them compare. names: see
    `data_names`."""
    folds = "" if row.get("data.folds") is None else f" folds={written(row['data.folds'])}"
    return written(row.get("task")), names[str(row["run"])] + folds, written(row.get("measure"))


def data_names(rows: Sequence[Row]) -> dict[str, str]:
    """By run, which data it was on: the data set's name with the file, folder or hub id where it has one, of paths only so
    much of the end as tells them apart: `csv reviews.csv`, or `csv old/reviews.csv` and `csv new/reviews.csv`."""
    found: dict[str, tuple[str, str]] = {}
    places: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in rows:
        name, path, hub = str(row.get("data") or ""), row.get("data.path"), row.get("data.hub")
        place = os.path.normpath(path) if isinstance(path, str) and path else hub if isinstance(hub, str) else ""
        place = "" if place.rpartition("/")[2] == name else place
        found[str(row["run"])] = name, place
        places[name].add(PurePath(place).parts)
    return {run: f"{name} {_ending(place, places[name])}".rstrip() for run, (name, place) in found.items()}


def _ending(place: str, places: set[tuple[str, ...]]) -> str:
    """As much of the end of a path as no other one has."""
    parts = PurePath(place).parts
    for count in range(1, len(parts)):
        if not any(other != parts and other[-count:] == parts[-count:] for other in places):
            return str(PurePath(*parts[-count:]))
    return place


def picked(rows: Sequence[Row], filters: Mapping[str, Sequence[str]], outputs: str) -> list[Row]:
    """The runs that have one of these values of each column or key. Raises UserError for values that no run can have, or has."""
    for name, allowed in filters.items():
        _refuse_impossible(name, allowed, rows, outputs)
    return [
        row
        for row in rows
        if all(any(means(word, row.get(name)) for word in allowed) for name, allowed in filters.items())
    ]


def refuse_unknown(names: Sequence[str], rows: Sequence[Row]) -> None:
    """Raises UserError for what is neither a column nor a key of any run."""
    known = {*COLUMNS, *(name for row in rows for name in row)}
    for name in names:
        if name not in known:
            listed = (
                f"the columns are {', '.join(COLUMNS)}, and `attnlab train --help` lists the keys; `show` and `sort` take test "
                "scores of the runs, too, such as `accuracy`"
            )
            raise UserError(f"`{name}`: no such column or key; {suggestion(name, known, listed, of='')}")


def _refuse_impossible(name: str, allowed: Sequence[str], rows: Sequence[Row], outputs: str) -> None:
    """Raises UserError for a state that there isn't, and where no run has any of the values: an empty table would look the
    same after a typing mistake."""
    for word in allowed if name == "state" else ():
        if word not in STATES:
            every, ending = ", ".join(sorted(STATES)), suggestion(word, STATES, of="state")
            known = "" if every in ending else f" (the states are {every})"
            raise UserError(f"`state={word}`: no such state{known}; {ending}")
    if name == "state" or any(means(word, row.get(name)) for row in rows for word in allowed):
        return
    having = ordered([row for row in rows if row.get(name) is not None], name)
    values = list(dict.fromkeys(written(row[name]) for row in having))
    there = (
        f"the values there are {', '.join(values)}"
        if len(values) > 1
        else f"the only value there is {''.join(values)}"
    )
    if not values:
        there = "none has a value there"
    elif len(values) > 20:
        there = f"{len(values)} values are there; {suggestion(allowed[0], values, f'the first is {values[0]}')}"
    raise UserError(f"`{name}={','.join(allowed)}`: no run in {outputs}/ is of this kind; {there}")


def means(word: str, value: object) -> bool:
    """Whether a word says this value: a number in any spelling, everything else as one would type it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(word) == value
        except ValueError:
            return False
    return word == written(value)


def written(value: object) -> str:
    """A value as one would type it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{','.join(map(written, value))}]" if isinstance(value, list) else str(value)
