"""`attnlab runs`: every run below a folder in one table, picked, ordered and grouped by words.

`task=pos,sentiment` keeps the runs whose value is one of these (any key of the configuration, or a column);
`sort=-score` puts the highest first; `show=encoder.depth,optimizer.lr` adds keys as columns; `--json` gives all;
`group=encoder` makes one row of all runs that agree there (`run_groups`), and `runs compare A B` tells which of two is
better (`compare_runs`).
"""

import json
import os.path
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from attnlab.command_words import shell_word, text, texts
from attnlab.errors import UserError, printable
from attnlab.lab import run_groups
from attnlab.lab.run_rows import (
    COLUMNS,
    NUMBERS,
    SCORES,
    Row,
    add_scores,
    comparable,
    data_names,
    ordered,
    picked,
    read_rows,
    refuse_unknown,
    written,
)  # fmt: skip
from attnlab.local_files import user_path
from attnlab.plural import plural
from attnlab.registry import METRICS
from attnlab.runs import is_run
from attnlab.training.report import NO_SCORE, clock

OPTIONS = ("group", "sort", "show", "outputs", "--json")


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
    rows = read_rows(outputs)
    extra, keys = ([name for name in asked.get(option, []) if name] for option in ("show", "group"))
    sort = asked.get("sort", [""])[0]
    filters = {name: allowed for name, allowed in asked.items() if name not in OPTIONS}
    add_scores(rows, [*extra, sort.lstrip("-")], outputs)
    refuse_unknown([*extra, *keys, *([sort.lstrip("-")] if sort else []), *filters], rows)
    of_all = len(rows)
    rows = picked(rows, filters, outputs)
    if "group" in asked and rows:
        _refuse_beside_groups(asked)
        run_groups.show(rows, keys, "--json" in asked)
        return
    rows = ordered(rows, sort or "started")
    if "--json" in asked:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        told = " ".join(word for word in words if word.partition("=")[0] in filters)
        there = f"there {'is' if of_all == 1 else 'are'} {plural(of_all, 'run')}"
        print(printable(f"`{told}`: no run in {outputs}/ is of this kind; {there}"))
        return
    extra += [name for name in filters if name not in COLUMNS]
    run_groups.console().print(table(rows, list(dict.fromkeys(extra))))
    names = data_names(rows)
    if sort.lstrip("-") in SCORES and len({comparable(row, names) for row in rows if row.get("measure")}) > 1:
        print("Ordered within each task, data and measure: scores of different ones don't compare.")


def _refuse_beside_groups(asked: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError for what says nothing of groups of runs."""
    for name in ("sort", "show"):
        if asked.get(name, [""])[0]:
            right = "each task, data and measure is ordered by its validation score, the best first"
            raise UserError(f"`{name}={','.join(asked[name])}`: not with `group=`: {right}")


def _instead(bare: str, words: Sequence[str]) -> str:
    """What to write instead of a word without =."""
    outputs = next((text(word) for word in words if word.startswith("outputs=")), "outputs")
    folder, among = (Path(os.path.abspath(path)) for path in (user_path(bare), outputs))
    if is_run(bare) and folder.is_relative_to(among):
        return f"write `{shell_word('run', str(folder.relative_to(among)))}`"
    if bare and os.path.isdir(folder):
        return f"write `{shell_word('outputs', bare)}` for the runs below a folder"
    return "write key=value to pick runs, sort=key, show=key,… or --json"


def table(rows: Sequence[Row], extra: Sequence[str]) -> Table:
    """The columns and some keys besides."""
    table = Table(box=None, pad_edge=False)
    for name in (*COLUMNS, *extra):
        table.add_column(
            Text(name), justify="right" if name in (*NUMBERS, *extra) else "left", no_wrap=name != "run", overflow="fold"
        )  # fmt: skip
    names = data_names(rows)
    for row in rows:
        cells = {name: _shown(row, name) for name in (*COLUMNS, *extra)} | {"data": names[str(row["run"])]}
        table.add_row(*(Text(printable(cell)) for cell in cells.values()))
    return table


def _shown(row: Row, name: str) -> str:
    """A cell of the table."""
    undefined = row.get("undefined")
    return NO_SCORE if isinstance(undefined, list) and name in undefined else _cell(name, row.get(name))


def _cell(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        if name in ("score", "test") or name.partition("/")[0] in METRICS:
            return f"{value:.4f}"
        if name == "seconds":
            return clock(value).strip()
        if name == "parameters":
            return f"{value:,}"
    return written(value)
