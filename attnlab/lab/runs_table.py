"""`attnlab runs`: every run below a folder in one table, picked and ordered by words.

`task=pos,sentiment` keeps the runs whose value is one of these (any key of the configuration, or a column);
`sort=-score` puts the highest first; `show=encoder.depth,optimizer.lr` adds keys as columns; `--json` gives all.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from attnlab.errors import UserError, suggestion
from attnlab.runs import RunFolder, flat, run_folders, started
from attnlab.training.report import clock

COLUMNS = ("run", "task", "data", "state", "measure", "score", "test", "parameters", "epochs", "seconds")
"""score: the best on validation data, test: on test data, both of `measure`, the one that picked the best weights."""
NUMBERS = ("score", "test", "parameters", "epochs", "seconds")
OWN = ("sort", "show", "outputs", "--json")
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def show(words: Sequence[str]) -> None:
    """Print what the words ask for."""
    as_json = "--json" in words
    asked: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals and word != "--json":
            raise UserError(f"`{word}`: write key=value to pick runs, sort=key, show=key,… or --json")
        asked[name] = value
    outputs = asked.get("outputs", "outputs")
    rows = [row(path, outputs) for path in run_folders(Path(outputs))]
    if not rows:
        raise UserError(f"no runs in {outputs}/; start one with `attnlab train task=pos`, or say `outputs=FOLDER`")
    extra = [name for name in asked.get("show", "").split(",") if name]
    sort = asked.get("sort") or "started"
    known = {*COLUMNS, *(name for found in rows for name in found)}
    for name in [*extra, sort.lstrip("-"), *(name for name in asked if name not in OWN)]:
        if name not in known:
            listed = f"the columns are {', '.join(COLUMNS)}, and `attnlab train --help` lists the keys"
            raise UserError(f"`{name}`: no such column or key; {suggestion(name, known, listed)}")
    for name, value in asked.items():
        if name not in OWN:
            allowed = value.split(",")
            rows = [found for found in rows if any(means(word, found.get(name)) for word in allowed)]
    rows = ordered(rows, sort)
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        filtered = [name for name in asked if name not in (*OWN, *COLUMNS)]
        # A pipe has no width: a line stays a line.
        console = Console() if sys.stdout.isatty() else Console(width=1000)
        console.print(table(rows, list(dict.fromkeys([*extra, *filtered]))))


def row(path: Path, outputs: str) -> dict[str, Any]:
    """One run: the columns, and every key of its configuration by its dotted name; of a damaged one, that it is."""
    folder = RunFolder(path)
    try:
        config, results, metrics = _read(folder)
    except (ValueError, yaml.YAMLError):  # no text, no JSON, no YAML, or something else than a run writes
        return {"run": str(path.relative_to(outputs)), "state": "damaged", "started": started(path)}
    found: dict[str, Any] = flat(config)
    train = results.get("train", {})
    if folds := results.get("folds"):  # a cross-validation's own scores are means over its folds
        train = next(iter(folds.values()))["train"] | train
    last: dict[str, Any] = metrics[-1] if metrics else {}
    measure = train.get("monitor", last.get("monitor"))
    best: dict[str, Any] = next((line for line in reversed(metrics) if line["best"]), {})
    found |= {
        "run": str(path.relative_to(outputs)),
        "data": found.get("data.name"),
        "state": folder.state(),
        "measure": measure,
        "score": results.get("validation", best).get(measure),
        "test": results.get("test", {}).get(measure),
        "parameters": results.get("parameters"),
        "epochs": train.get("epochs", last.get("epoch")),
        "seconds": train.get("wall_seconds"),
        "started": started(path),
    }
    for name in ("encoder", "embedding", "head", "optimizer", "schedule", "logger"):
        found[name] = found.get(f"{name}.name")
    return found


def _read(folder: RunFolder) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """The configuration, the results and the validations of a run."""
    config = yaml.load(folder.config.read_text(encoding="utf-8"), Loader)
    results, metrics = folder.read_results(), folder.read_metrics()
    if not all(isinstance(one, dict) for one in (config, results, *metrics)):
        raise ValueError(f"{folder.path}: holds what no run writes")
    return config, results, metrics


def ordered(rows: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    """By a column, `-` for the highest first; runs that have no value there come last."""
    name = sort.lstrip("-")
    having = [found for found in rows if found.get(name) is not None]
    numbers = all(isinstance(found[name], (int, float)) for found in having)
    having.sort(key=lambda found: found["run"])
    having.sort(key=lambda found: found[name] if numbers else written(found[name]), reverse=sort.startswith("-"))
    return having + [found for found in rows if found.get(name) is None]


def table(rows: Sequence[dict[str, Any]], extra: Sequence[str]) -> Table:
    """The columns and some keys besides."""
    shown = Table(box=None, pad_edge=False)
    for name in (*COLUMNS, *extra):
        justify: Literal["left", "right"] = "right" if name in (*NUMBERS, *extra) else "left"
        shown.add_column(Text(name), justify=justify, no_wrap=name != "run", overflow="fold")
    for found in rows:
        shown.add_row(*(Text(_cell(name, found.get(name))) for name in (*COLUMNS, *extra)))
    return shown


def means(word: str, value: Any) -> bool:
    """Whether a word says this value: a number in any spelling, everything else as one would type it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(word) == value
        except ValueError:
            return False
    return word == written(value)


def written(value: Any) -> str:
    """A value as one would type it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{','.join(map(written, value))}]" if isinstance(value, list) else str(value)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in ("score", "test"):
        return f"{value:.4f}"
    if name == "seconds":
        return clock(value).strip()
    return f"{value:,}" if name == "parameters" else written(value)
