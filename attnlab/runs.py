"""The run folder: the only file that knows the names of what a run leaves on disk.

A folder from a stranger is only numbers and words; anything that could run is refused.
"""

import contextlib
import json
import random
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from filelock import FileLock, Timeout

from attnlab.disk import read_json, read_jsonl, write_text
from attnlab.errors import UserError

_STAMP = "%Y%m%d-%H%M%S"
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_PLAIN = {".yaml", ".json", ".jsonl", ".tsv", ".txt", ".html", ".safetensors", ".png", ".svg", ".lock"}


class Results(TypedDict, total=False):
    """What results.json holds; keys are missing where there is nothing to tell. Scores are by name, as `metrics` gives them.

    examples: how many each split has. undefined: by split, of scores that would say nothing, why. warnings: of the data.
    lengths: of texts, their numbers of words at `metrics.QUANTILES`. train: how training went: seconds, updates, …
    baselines: by name, their scores on test data. protocol, standard_deviation, folds: of a cross-validation.
    """

    task: str
    protocol: str
    test: dict[str, float]
    validation: dict[str, float]
    examples: dict[str, int]
    undefined: dict[str, dict[str, str]]
    warnings: list[str]
    standard_deviation: dict[str, float]
    folds: dict[str, dict[str, object]]
    lengths: dict[str, list[int]]
    train: dict[str, Any]
    parameters: int
    baselines: dict[str, dict[str, float]]


class RunFolder:
    """Paths of one run, and the ways to write there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.overrides = path / "overrides.yaml"
        self.environment = path / "environment.json"
        self.last = path / "last"
        self.best = path / "best"
        self.candidates = path / "candidates"  # the best validations' weights, where their mean is wanted
        self.metrics = path / "metrics.jsonl"
        self.results = path / "results.json"
        self.log = path / "log.txt"
        self.folds = path / "folds.json"  # of a cross-validation
        self.error = path / "error.json"  # why training failed
        self.pruned = path / "pruned.json"  # why a sweep stopped it
        self.tracking = path / "tracking.json"  # under which id a tracker knows it
        self.lock = path / "run.lock"  # held while a process trains

    def predictions(self, name: str) -> Path:
        """A line for each example of a split, or of other data."""
        return self.path / f"predictions-{name}.jsonl"

    def hypotheses(self, update: int) -> Path:
        """The texts that were predicted for the validation examples after this update, a line for each."""
        return self.path / "hypotheses" / f"{update}.txt"

    @classmethod
    def create(cls, outputs: str, task: str, folder: str | None = None) -> "RunFolder":
        """outputs/<task>/<time>-<4 letters>/, new and empty, or `folder`, empty or left by a start that was killed.
        Raises UserError where `folder` holds anything else."""
        if folder is None:
            return cls(new_folder(Path(outputs) / task))
        if not folder:
            raise UserError("`folder=`: name a folder, or leave it out for a new one in `outputs`")
        run = cls(Path(folder).expanduser())
        if run.config.exists():
            raise UserError(f"`folder={folder}`: there is a run already; continue it with `run={folder}`")
        run.path.mkdir(parents=True, exist_ok=True)
        others = [path for path in sorted(run.path.iterdir()) if not path.name.startswith(".")]
        if others and run.lock not in others:  # a start takes the lock before it writes anything
            raise UserError(f"`folder={folder}`: holds other files, such as {others[0].name}; name a new folder")
        return run

    @classmethod
    def find(cls, run: str, outputs: str = "outputs") -> "RunFolder":
        """The folder that `run=` names: a path, or `latest` for the newest below `outputs`. Raises UserError where
        there is none, or where it holds a file that no run writes."""
        if run == "latest":
            folders = [path for path in run_folders(Path(outputs)) if not is_part(path)]
            if not folders:
                raise UserError(f"`run=latest`: no runs in {outputs}/; start one with `attnlab train task=pos`")
            # Names begin with the time; letters settle runs of the same second by what was written last.
            path = max(folders, key=lambda path: (started(path), path.stat().st_mtime_ns))
        else:
            path = Path(run).expanduser()
            if not path.is_dir():
                raise UserError(f"`run={run}`: no such folder")
            if not (path / "config.yaml").is_file():
                raise UserError(f"`run={run}`: not a run folder (it has no config.yaml)")
        for file in sorted(path.rglob("*")):
            # Hidden files are the system's, and never opened.
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.is_file() and not hidden and file.suffix not in _PLAIN:
                raise UserError(
                    f"{file}: a run folder holds only numbers and words, never a `{file.suffix or file.name}` "
                    "file; nothing was loaded"
                )
        return cls(path)

    def fold(self, name: str) -> "RunFolder":
        """The folder of one run of a cross-validation."""
        return RunFolder(self.path / f"fold-{name}")

    def outdate_results(self) -> None:
        """Put aside what a run has come to that is going to be trained further: it isn't finished any more."""
        if self.results.exists():
            self.results.replace(self.path / "results.previous.json")

    def append_metrics(self, line: Mapping[str, object]) -> None:
        """Add a line to metrics.jsonl."""
        with self.metrics.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def forget_metrics_after(self, update: int) -> None:
        """Drop the lines that a resumed run will write again."""
        if self.metrics.exists():
            lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["update"] <= update]
            write_text(self.metrics, "".join(kept))

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, one for each validation."""
        return read_jsonl(self.metrics)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, this process alone trains the run; the lock ends with the process. Raises UserError where another has it."""
        try:
            with FileLock(self.lock, timeout=2):
                yield
        except Timeout as error:
            raise UserError(f"{self.path}: another process is training this run") from error

    def state(self) -> str:
        """finished, running, cut off, pruned or failed."""
        if is_held(self.lock):
            return "running"
        if self.results.exists():
            return "finished"
        return "failed" if self.error.exists() else "pruned" if self.pruned.exists() else "cut off"

    def read_results(self) -> Results:
        """results.json, or nothing where the run hasn't finished."""
        return read_json(self.results) if self.results.exists() else {}


def new_folder(parent: Path) -> Path:
    """parent/<time>-<4 letters>/, new and empty."""
    stamp = time.strftime(_STAMP)
    letters = random.SystemRandom()
    while True:
        path = parent / f"{stamp}-{''.join(letters.choices(_LETTERS, k=4))}"
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            continue


def started(path: Path) -> str:
    """When a run began, as its folder's name says; of a folder with a name of its own, when it was made."""
    if re.match(r"\d{8}-\d{6}-", path.name):
        return path.name[:15]
    first = path / "environment.json"
    return time.strftime(_STAMP, time.localtime((first if first.exists() else path).stat().st_mtime))


def run_folders(outputs: Path) -> list[Path]:
    """Every run below a folder; wandb's files, which may lie there too, also have a config.yaml."""
    folders = [path.parent for path in outputs.glob("**/config.yaml")]
    return [path for path in folders if path.relative_to(outputs).parts[:1] != ("wandb",)]


def is_part(path: Path) -> bool:
    """Whether a run folder is a trial of a sweep, one of a trial's seeds, or one fold of a cross-validation."""
    is_trial = any((parent / "sweep.yaml").exists() for parent in list(path.parents)[:2])
    return is_trial or (path.parent / "config.yaml").is_file()


def is_held(lock: Path) -> bool:
    """Whether a living process holds this lock file."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # somebody else's folder, which we may only read
        return False


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested keys as one level of dotted ones, as they are written on the command line."""
    dotted: dict[str, object] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            dotted |= flat(value, f"{prefix}{name}.")
        else:
            dotted[prefix + name] = value
    return dotted
