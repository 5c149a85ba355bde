"""`attnlab runs`: every run below a folder in one table, picked and ordered by words.

`task=pos,sentiment` keeps the runs whose value is one of these (any key of the configuration, or a column);
`sort=-score` puts the highest first; `show=encoder.depth,optimizer.lr` adds keys as columns; `--json` gives all.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from rich.table import Table
from rich.text import Text

from attnlab.command_words import shell_word, text, texts
from attnlab.disk import read_yaml
from attnlab.errors import UserError, printable, suggestion
from attnlab.local_files import user_path
from attnlab.plural import plural
from attnlab.registry import GROUPS
from attnlab.runs import RunFolder, Scores, State, flat, is_run, run_folders, started
from attnlab.schema import checked
from attnlab.training.report import NO_SCORE, PipedConsole, clock

COLUMNS = ("run", "task", "data", "state", "measure", "score", "test", "parameters", "epochs", "seconds")
"""score: the best on validation data, test: on test data, both of `measure`, the one that picked the best weights."""
NUMBERS = ("score", "test", "parameters", "epochs", "seconds")
STATES = (*get_args(State), "damaged")
OPTIONS = ("sort", "show", "outputs", "--json")
Row = dict[str, object]
"""One run: the columns, and every key of its configuration by its dotted name."""


def show(words: Sequence[str]) -> None:
    """Print what the words ask for. Raises UserError for an unknown column or key, for values that no run has, and where
    there are no runs."""
    asked: dict[str, list[str]] = {}
    for word in words:
        name, equals, _ = word.partition("=")
        if not equals and word != "--json":
            raise UserError(f"`{word}`: {_instead(word, words)}")
        asked[name] = [text(word)] if name in ("outputs", "sort") else texts(word)
    outputs = asked.get("outputs", ["outputs"])[0]
    rows = [read_row(path, outputs) for path in run_folders(Path(outputs))]
    if not rows:
        raise UserError(f"no runs in {outputs}/; start one with `attnlab train task=pos`, or say `outputs=FOLDER`")
    extra = [name for name in asked.get("show", []) if name]
    sort = asked.get("sort", [""])[0] or "started"
    filters = {name: allowed for name, allowed in asked.items() if name not in OPTIONS}
    known = {*COLUMNS, *(name for row in rows for name in row)}
    for name in [*extra, sort.lstrip("-"), *filters]:
        if name not in known:
            listed = f"the columns are {', '.join(COLUMNS)}, and `attnlab train --help` lists the keys"
            raise UserError(f"`{name}`: no such column or key; {suggestion(name, known, listed, of='')}")
    for name, allowed in filters.items():
        _refuse_impossible(name, allowed, rows, outputs)
    of_all = len(rows)
    for name, allowed in filters.items():
        rows = [row for row in rows if any(means(word, row.get(name)) for word in allowed)]
    rows = ordered(rows, sort)
    if "--json" in asked:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        picked = " ".join(word for word in words if word.partition("=")[0] in filters)
        there = f"there {'is' if of_all == 1 else 'are'} {plural(of_all, 'run')}"
        print(printable(f"`{picked}`: no run in {outputs}/ is of this kind; {there}"))
        return
    # A pipe has no width: a line stays a line.
    console = PipedConsole() if sys.stdout.isatty() else PipedConsole(width=1000)
    extra += [name for name in filters if name not in COLUMNS]
    console.print(table(rows, list(dict.fromkeys(extra))))


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


def _instead(bare: str, words: Sequence[str]) -> str:
    """What to write instead of a word without =."""
    outputs = next((text(word) for word in words if word.startswith("outputs=")), "outputs")
    folder, among = (Path(os.path.abspath(path)) for path in (user_path(bare), outputs))
    if is_run(bare) and folder.is_relative_to(among):
        return f"write `{shell_word('run', str(folder.relative_to(among)))}`"
    if bare and os.path.isdir(folder):
        return f"write `{shell_word('outputs', bare)}` for the runs below a folder"
    return "write key=value to pick runs, sort=key, show=key,… or --json"


def read_row(path: Path, outputs: str) -> Row:
    """Of a damaged run, and of one that cannot be read, only that it is."""
    row: Row = {"run": str(path.relative_to(outputs)), "state": "damaged", "started": started(path)}
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


def ordered(rows: Sequence[Row], sort: str) -> list[Row]:
    """By a column, `-` for the highest first; runs that have no value there come last."""
    name = sort.lstrip("-")
    having = sorted((row for row in rows if row.get(name) is not None), key=lambda row: str(row["run"]))
    numeric = all(isinstance(row[name], (int, float)) for row in having)

    def sort_key(row: Row) -> float | str:
        value = row[name]
        return value if numeric and isinstance(value, (int, float)) else written(value)

    having.sort(key=sort_key, reverse=sort.startswith("-"))
    return having + [row for row in rows if row.get(name) is None]


def table(rows: Sequence[Row], extra: Sequence[str]) -> Table:
    """The columns and some keys besides."""
    table = Table(box=None, pad_edge=False)
    for name in (*COLUMNS, *extra):
        table.add_column(
            Text(name), justify="right" if name in (*NUMBERS, *extra) else "left", no_wrap=name != "run", overflow="fold"
        )  # fmt: skip
    for row in rows:
        table.add_row(*(Text(printable(_shown(row, name))) for name in (*COLUMNS, *extra)))
    return table


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


def _shown(row: Row, name: str) -> str:
    """A cell of the table."""
    undefined = row.get("undefined")
    return NO_SCORE if isinstance(undefined, list) and name in undefined else _cell(name, row.get(name))


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        if name in ("score", "test"):
            return f"{value:.4f}"
        if name == "seconds":
            return clock(value).strip()
        if name == "parameters":
            return f"{value:,}"
    return written(value)
