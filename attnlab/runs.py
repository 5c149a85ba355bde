"""The run folder: the only file that knows the names of what a run leaves on disk.

A folder from a stranger is only numbers and words; anything that could run is refused.
"""

import contextlib
import hashlib
import json
import math
import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from filelock import Timeout

from attnlab import disk
from attnlab.errors import Damaged, UserError, near_name
from attnlab.local_files import user_path
from attnlab.metrics import better
from attnlab.schema import Count, Fraction, Seconds, checked

_STAMP = "%Y%m%d-%H%M%S"
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_PLAIN = {".yaml", ".json", ".jsonl", ".csv", ".tsv", ".txt", ".html", ".safetensors", ".png", ".svg", ".lock"}
LONGEST_NAME = 200
"""Bytes of a fold's name in that of its folder; file systems allow 255."""


State = Literal["finished", "running", "cut off", "pruned", "failed"]
Scores = dict[str, float]
Intervals = dict[str, tuple[float, float]]
"""By score, the limits between which 95 % of resamples of the examples score, see `metrics.bootstrap`."""


class Trained(TypedDict, total=False):
    """How training went, as results.json holds it; of a cross-validation, sums and means over the folds."""

    seconds: Seconds
    wall_seconds: Seconds
    vectors_per_second: Seconds
    data_wait: Seconds
    epochs: Count
    updates: Count
    best_update: Count
    monitor: str


class ClassScores(TypedDict):
    """What results.json holds of one class, of one type of span, or of the answer yes to one question. support: how many right answers are of it, predicted: how
    many predictions, correct: how many of both at once; earlier versions kept the last two to themselves."""

    precision: Fraction
    recall: Fraction
    f1: Fraction
    support: Count
    predicted: NotRequired[Count]
    correct: NotRequired[Count]


class FoldResults(TypedDict):
    """What results.json of a cross-validation holds of each fold."""

    test: Scores
    validation: Scores
    examples: NotRequired[dict[str, Count]]
    train: Trained


class Results(TypedDict, total=False):
    """What results.json holds; keys are missing where there is nothing to tell. Scores are by name, as `metrics` gives them.

    examples: how many each split has. undefined: by split, of scores that would say nothing, why. warnings: of the data.
    intervals: by split, of those of its scores that have one. classes, spans: of the test split, where answers are classes, and where these are tags of spans; questions: of the answer yes to each; of a cross-validation, of all its test splits together. lengths: of texts, their numbers of words at `metrics.QUANTILES`.
    baselines, validation_baselines: by name, their scores on test and on validation data. protocol, standard_deviation, folds: of a cross-validation.
    """

    task: str
    protocol: str
    test: Scores
    validation: Scores
    examples: dict[str, Count]
    intervals: dict[str, Intervals]
    undefined: dict[str, dict[str, str]]
    warnings: list[str]
    standard_deviation: Scores
    folds: dict[str, FoldResults]
    classes: dict[str, ClassScores]
    spans: dict[str, ClassScores]
    questions: dict[str, ClassScores]
    lengths: dict[str, list[int]]
    train: Trained
    parameters: Count
    baselines: dict[str, Scores]
    validation_baselines: dict[str, Scores]


class ValidationLine(TypedDict):
    """A line of metrics.jsonl; besides, each score stands there by its name. best: whether its weights were the best so
    far. done: whether it was the last."""

    update: Count
    epoch: Count
    best: NotRequired[bool]
    done: bool
    monitor: str
    train_loss: NotRequired[float]
    vectors_per_second: NotRequired[float]


def score_of(line: ValidationLine, name: str) -> float:
    """One of the scores in a line of metrics.jsonl; NaN where it was undefined."""
    return cast(dict[str, float], line).get(name, math.nan)


class BestTrial(TypedDict):
    """What results.json of a sweep says of the trial with the best score on validation data. score: the mean over its seeds.
    seeds: the score of each."""

    number: Count
    score: float
    seeds: dict[str, float]


class SweepChoice(TypedDict):
    """The part of a sweep's results.json that says which of its runs is the best. monitor: what scores measure."""

    monitor: str
    best: BestTrial


def located(run: str, outputs: str = "outputs") -> Path:
    """The folder that a name stands for: a path, or what lies there below `outputs`, as `attnlab runs` prints it."""
    path, below = user_path(run), Path(outputs) / run
    return below if os.sep in run and not path.is_dir() and (is_run(str(below)) or is_sweep(below)) else path


class RunFolder:
    """Paths of one run, and the ways to write there. told: one line on which run it is, where it was found by the name of
    a sweep; else ""."""

    def __init__(self, path: Path, told: str = "") -> None:
        self.path = path
        self.told = told
        self.config = path / "config.yaml"
        self.overrides = path / "overrides.yaml"
        self.environment = path / "environment.json"
        self.init = path / "init.json"  # what it took of the run that it started from
        self.last = path / "last"
        self.best = path / "best"
        self.candidates = path / "candidates"  # the best validations' weights, where their mean is wanted
        self.metrics = path / "metrics.jsonl"
        self.results = path / "results.json"
        self.log = path / "log.txt"
        self.report = path / "report.html"
        self.folds = path / "folds.json"  # of a cross-validation
        self.error = path / "error.json"  # why training failed
        self.pruned = path / "pruned.json"  # why a sweep stopped it
        self.tracking = path / "tracking.json"  # under which id a tracker knows it
        self.lock = path / "run.lock"  # held while a process trains

    def predictions(self, name: str) -> Path:
        """A line for each example of a split, or of other data."""
        return self.path / f"predictions-{name}.jsonl"

    @classmethod
    def create(cls, outputs: str, task: str, folder: str | None = None) -> "RunFolder":
        """outputs/<task>/<time>-<4 letters>/, new and empty, or `folder`, empty or left by a start that was killed.
        Raises UserError where `folder` holds anything else."""
        if folder is None:
            return cls(new_folder(Path(outputs) / task))
        if not folder:
            raise UserError("`folder=`: name a folder, or leave it out for a new one in `outputs`")
        run = cls(user_path(folder))
        if run.config.exists():
            raise UserError(f"`folder={folder}`: there is a run already; continue it with `run={folder}`")
        run.path.mkdir(parents=True, exist_ok=True)
        others = [path for path in sorted(run.path.iterdir()) if not path.name.startswith(".")]
        if others and run.lock not in others:  # a start takes the lock before it writes anything
            raise UserError(f"`folder={folder}`: holds other files, such as {others[0].name}; name a new folder")
        disk.plain_files(run.path)  # refuses links
        return run

    @classmethod
    def find(cls, run: str, outputs: str = "outputs", key: str = "run") -> "RunFolder":
        """The folder that `run=`, or another key, names: a path, or `latest` for the newest below `outputs`; of a finished sweep, the run of
        its best trial. Raises UserError where there is none, where a sweep isn't finished, or where the folder holds a file
        that no run writes."""
        told = ""
        if run == "latest":
            folders = [path for path in run_folders(Path(outputs)) if not is_part(path)]
            folders += [path.parent for path in Path(outputs).glob(f"*/*/{SWEEP}")]
            if not folders:
                raise UserError(f"`{key}=latest`: no runs in {outputs}/; start one with `attnlab train task=pos`")
            # Names begin with the time; letters settle runs of the same second by what was written last.
            path = max(folders, key=lambda path: (started(path), _changed(path)))
        else:
            path = located(run, outputs)
            told = "" if path == user_path(run) else f"Using {path}"
            if not path.is_dir():
                others = {folder.name: folder for folder in run_folders(Path(outputs))}
                near = near_name(path.name, ["latest", *others])
                meant = f"did you mean `{others.get(near, near)}`? " if near else ""
                raise UserError(f"`{key}={run}`: no such folder; {meant}`attnlab runs` lists all runs")
        if is_sweep(path):
            path, told = best_trial(path, run, key)
        if not (path / "config.yaml").is_file():
            inside = [folder for folder in run_folders(path) if not is_part(folder)]
            newest = max(inside, key=lambda folder: (started(folder), _changed(folder)), default=None)
            meant = "" if newest is None else f"; the newest run in it is `{newest}`"
            raise UserError(f"`{key}={run}`: not a run folder (it has no config.yaml){meant}")
        for file in disk.plain_files(path):
            if file.suffix not in _PLAIN:
                raise UserError(
                    f"{file}: a run folder holds only numbers and words, never a `{file.suffix or file.name}` "
                    "file; nothing was loaded"
                )
        return cls(path, told)

    def fold(self, name: str) -> "RunFolder":
        """The folder of one run of a cross-validation. name: of the fold, which may be any cell of a table."""
        safe = name.replace("%", "%25").replace("/", "%2F")
        if len(safe.encode()) > LONGEST_NAME:
            safe = f"{safe[:32]}-{hashlib.blake2b(name.encode(), digest_size=8).hexdigest()}"
        return RunFolder(self.path / f"fold-{safe}")

    def part(self, name: str) -> "RunFolder":
        """The folder of one part of a joint run, an ordinary run's; of an ordinary run, whose only part has no name, its own."""
        return RunFolder(self.path / PARTS / name) if name else self

    @property
    def is_joint(self) -> bool:
        """Whether this is a joint run, whose parts are runs of their own."""
        return os.path.isdir(self.path / PARTS)

    def parts(self) -> list[str]:
        """The names of a joint run's parts, in order; none of another run."""
        return sorted(path.name for path in self.path.glob(f"{PARTS}/*") if path.is_dir())

    def joint(self) -> "RunFolder | None":
        """The joint run of which this is a part; None of other runs."""
        above = RunFolder(self.path.absolute().parent.parent)
        return above if self.path.absolute().parent.name == PARTS and above.config.is_file() else None

    def outdate_results(self) -> None:
        """Put aside what a run has come to that is going to be trained further: it isn't finished any more, and its predictions
        are those of other weights."""
        for path in (self.results, self.predictions("test"), self.report):
            if path.exists():
                path.replace(path.with_suffix(f".previous{path.suffix}"))

    def append_metrics(self, line: Mapping[str, object]) -> None:
        """Add a line to metrics.jsonl."""
        disk.append_text(self.metrics, json.dumps(line) + "\n")

    def forget_metrics_after(self, update: int) -> None:
        """Drop the lines that a resumed run will write again."""
        if self.metrics.exists():
            kept = [line for line in self.read_metrics() if line["update"] <= update]
            disk.write_text(self.metrics, "".join(json.dumps(line) + "\n" for line in kept))

    def read_metrics(self) -> list[ValidationLine]:
        """The lines of metrics.jsonl, one for each validation. Raises Damaged where there is anything else."""
        lines = disk.read_jsonl(self.metrics, ValidationLine)
        for number, line in enumerate(lines, 1):
            checked(dict[str, float | bool | str | None], line, f"{self.metrics}:{number}")
        return lines

    def write_hypotheses(self, update: int, text: str) -> None:
        """Keep the texts that were predicted for the validation examples after this update, a line for each."""
        disk.make_folder(self.path / "hypotheses")
        disk.write_text(self.path / "hypotheses" / f"{update}.txt", text)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, this process alone trains the run; the lock ends with the process. Raises UserError where another has it."""
        try:
            with disk.lock(self.lock).acquire(timeout=2):
                for left in (*disk.unfinished_files(self.path), *disk.unfinished_files(self.path / "hypotheses")):
                    if not left.name.startswith(".predictions-"):  # which `attnlab eval` may be writing
                        left.unlink()
                yield
        except Timeout as error:
            raise UserError(f"{self.path}: another process is training this run") from error

    def state(self) -> State:
        if is_held(self.lock):
            return "running"
        if self.results.exists():
            return "finished"
        return "failed" if self.error.exists() else "pruned" if self.pruned.exists() else "cut off"

    def read_results(self) -> Results:
        """results.json, or nothing where the run hasn't finished. Raises Damaged where it holds anything else."""
        return disk.read_json(self.results, Results) if self.results.exists() else {}

    def validation_score(self) -> tuple[str, float] | None:
        """What picked the best weights, and their score of it, NaN where it was undefined; None where the run hasn't
        finished. Raises Damaged where results.json doesn't say it."""
        if not self.results.exists():
            return None
        results = self.read_results()
        monitor = checked(str, results.get("train", {}).get("monitor"), f"{self.results}: `train.monitor`")
        return monitor, checked(
            float, results.get("validation", {}).get(monitor, math.nan), f"{self.results}: {monitor!r}"
        )


PARTS = "parts"
"""The folder below a joint run's that holds its parts."""
SWEEP = "sweep.yaml"
"""The file that makes a folder a sweep."""


def is_sweep(path: Path) -> bool:
    """Whether a folder is a sweep, whose trials are runs."""
    return os.path.isfile(path / SWEEP)


def trial_folder(sweep: Path, number: int, seed: str | None = None) -> Path:
    """Where the run of a trial lies. seed: of one that is repeated with several."""
    trial = sweep / f"trial-{number}"
    return trial if seed is None else trial / f"seed-{seed}"


def runs_of_best(sweep: Path, name: str, key: str = "run") -> tuple[SweepChoice, dict[str, Path]]:
    """What a finished sweep has chosen, and the run folder of each seed of its best trial. name: as the user wrote it,
    behind `key=`. Raises UserError where the sweep isn't finished."""
    file = sweep / "results.json"
    if not os.path.lexists(file):
        runs = sorted(run_folders(sweep))
        one = f", or name one of its runs, such as `{key}={runs[0]}`" if runs else ""
        raise UserError(
            f"`{key}={name}`: {sweep} is a sweep that isn't finished; finish it with `attnlab sweep sweep={sweep}`{one}"
        )
    choice = disk.read_json(file, SweepChoice)
    number, seeds = choice["best"]["number"], choice["best"]["seeds"]
    if unknown := [seed for seed in seeds if not re.fullmatch("[0-9]{1,20}", seed)]:
        raise Damaged(f"{file}: `best.seeds`: {unknown[0]!r} where a seed should be")
    if os.path.isfile(RunFolder(trial_folder(sweep, number)).config) or not seeds:
        return choice, {"": trial_folder(sweep, number)}
    return choice, {seed: trial_folder(sweep, number, seed) for seed in seeds}


def best_trial(sweep: Path, name: str, key: str = "run") -> tuple[Path, str]:
    """The run folder of a finished sweep's best trial, of several seeds the best one; and a line that says so. Raises
    UserError as `runs_of_best` does."""
    choice, paths = runs_of_best(sweep, name, key)
    monitor, best = choice["monitor"], choice["best"]
    score, chosen = best["score"], next(iter(paths))
    for seed in paths if len(paths) > 1 else ():
        if seed == chosen or better(best["seeds"][seed], score, monitor):
            chosen, score = seed, best["seeds"][seed]
    of_seeds = f", of its seeds {chosen} is the best" if len(paths) > 1 else ""
    number = best["number"]
    return paths[chosen], f"Using trial {number}, the best of {sweep}{of_seeds}: validation {monitor} {score:.4f}"


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
    changed = _changed(first) or _changed(path)
    return time.strftime(_STAMP, time.localtime(changed / 1e9))


def _changed(path: Path) -> int:
    """When it was last changed, in nanoseconds; 0 where that cannot be seen."""
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return 0


def run_folders(outputs: Path) -> list[Path]:
    """Every run below a folder; wandb's files, which may lie there too, also have a config.yaml."""
    # `os.walk` passes over folders that vanish or can't be read while it walks; `Path.glob` ends with their error.
    folders = [Path(folder) for folder, _, files in os.walk(outputs) if "config.yaml" in files]
    return [path for path in folders if path.relative_to(outputs).parts[:1] != ("wandb",)]


def is_run(word: str) -> bool:
    """Whether a word is the path of a run folder."""
    return os.path.isfile(RunFolder(user_path(word)).config)


def is_trial(path: Path) -> bool:
    """Whether a run folder is a trial of a sweep, or one of a trial's seeds."""
    return any(os.path.exists(parent / SWEEP) for parent in list(path.parents)[:2])


def is_part(path: Path) -> bool:
    """Whether a run folder is a trial of a sweep, one of a trial's seeds, one fold of a cross-validation, or one part of a
    joint run."""
    above = path.parent.parent if path.parent.name == PARTS else path.parent
    return is_trial(path) or os.path.isfile(above / "config.yaml")


def is_held(lock: Path) -> bool:
    """Whether a living process holds this lock file. Raises UserError where it is a link, or no regular file."""
    if not os.path.lexists(lock):
        return False
    try:
        with disk.lock(lock).acquire(timeout=0):
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
