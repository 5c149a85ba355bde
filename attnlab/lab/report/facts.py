"""What the report of a run tells: everything from its folder and, where they can be read again, from its data.

A run that was stopped, has no test data or a single line of metrics has less to tell, and what is missing is left out.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from attnlab import compose, groups
from attnlab.command_words import as_written, parse, shell_word
from attnlab.config import Config, MaskedHead
from attnlab.data.contract import Data, Split
from attnlab.disk import read_json, read_yaml
from attnlab.errors import Damaged, UserError
from attnlab.lab.report.answers import ANSWERS, Answers, read_answers
from attnlab.metrics import direction
from attnlab.plural import plural
from attnlab.registry import GROUPS
from attnlab.runs import ClassScores, Results, RunFolder, State, ValidationLine, flat, score_of
from attnlab.schema import checked
from attnlab.spec import DataSpec
from attnlab.training import cross_validation
from attnlab.training.run import load_data

UNITS = {"text": "words", "speech": "frames", "image": "patches", "graph": "nodes", "pairs": "tokens"}
"""What the vectors of each modality are, as the lengths of examples are counted."""
MOST_FOLDS_OPENED = 10
"""Folds whose data are read again for pictures and lengths."""
_MACHINE = ("python", "torch", "machine", "threads", "gpu")


class Environment(TypedDict, total=False):
    """environment.json: what figures may depend on besides the configuration."""

    python: str
    torch: str
    machine: str
    threads: int
    gpu: NotRequired[str | None]


@dataclass(frozen=True)
class Setting:
    """A key of the configuration. default: what it is for this task where nobody says otherwise; "" where that isn't known. by: who
    set it: "you", "the data" where the rule for such data chose it, or "" where it is the default."""

    key: str
    value: str
    default: str
    by: str


@dataclass(frozen=True)
class SplitFigures:
    """How many examples a split has; of data that could be read again, vectors of all together, of the shortest, the median and the
    longest, and all lengths (n,)."""

    name: str
    examples: int
    vectors: int | None = None
    shortest: int | None = None
    median: int | None = None
    longest: int | None = None
    lengths: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Curve:
    """Values over updates; NaN where one is undefined."""

    name: str
    updates: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True)
class ScoreRow:
    """One score: of the test data with its 95 % interval, of the validation data, of each baseline by its name. deviation: over
    folds. why: of one that is missing."""

    name: str
    test: float | None
    interval: tuple[float, float] | None
    validation: float | None
    baselines: Mapping[str, float]
    deviation: float | None = None
    why: str = ""


@dataclass(frozen=True)
class ClassRow:
    """Precision, recall and F1 of a class, a question or a type of span, and how many right answers are of it."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, eq=False)
class Part:
    """A run, or one fold of a cross-validation. split: its test examples, where the data could be read again, in the order of the
    predictions."""

    folder: RunFolder
    config: Config
    spec: DataSpec
    split: Split | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """All that a report tells of one run.

    state: of the folder; pruned: why a sweep stopped it. curves: training loss, then validation scores, of a single run.
    best: the update with the best weights. monitor: what picked them. folds: by name, test scores of a cross-validation; protocol:
    what it is. answers: of the test examples, None where there are none; troubles: what could not be read, a sentence each.
    parts: the run, or the folds. generated: whether the program made the data. words: whether inputs are text.
    """

    folder: RunFolder
    config: Config
    state: State
    results: Results
    settings: Sequence[Setting]
    overrides: Sequence[str]
    environment: Environment
    curves: Sequence[Curve]
    best: int | None
    monitor: str
    scores: Sequence[ScoreRow]
    classes: Sequence[ClassRow]
    class_noun: str
    spans: Sequence[ClassRow]
    splits: Sequence[SplitFigures]
    unit: str
    labels: Mapping[str, Mapping[str, int]]
    folds: Mapping[str, Mapping[str, float]]
    protocol: str
    parts: Sequence[Part]
    target_kind: str
    answers: Answers | None
    generated: bool
    words: bool
    troubles: Sequence[str] = field(default_factory=list)

    @property
    def started_with(self) -> str:
        """The command that trains such a run again."""
        kept = [word for word in self.overrides if not word.startswith(("folder=", "outputs="))]
        return shlex.join(["attnlab", "train", *kept])

    @property
    def scored_with(self) -> str:
        return f"attnlab eval {shell_word('run', str(self.folder.path))}"

    def inspected_with(self, i: int) -> str:
        """The command that looks inside the answer to example i."""
        assert self.answers is not None
        part = self.parts[int(self.answers.run[i])]
        return shlex.join(["attnlab", "inspect", str(part.folder.path), "--example", self.answers.key(i)])


def gather(folder: RunFolder) -> Facts:
    """Raises UserError where the folder is damaged."""
    config = compose.load_saved(folder.config)
    results, troubles = folder.read_results(), list[str]()
    lines = folder.read_metrics()
    whole = cross_validation.wanted(config)
    folds = {name: fold["test"] for name, fold in results.get("folds", {}).items()} if whole else {}
    parts = _parts(folder, config, list(folds), troubles)
    answers, opened = None, list[Data]()
    if paths := [part.folder.predictions("test") for part in parts]:
        if all(path.exists() for path in paths):
            first = parts[0]
            target = first.spec.target(config.head.target or next(iter(first.spec.targets), ""))
            answers = read_answers(paths, target) if target.kind in ANSWERS else None
            if whole and len(parts) > MOST_FOLDS_OPENED:
                troubles.append(f"The data of {len(parts)} folds were not read again for pictures and lengths.")
        parts, opened = _with_data(parts, answers, troubles)
    elif not whole:
        troubles.append(f"{folder.path} holds no description of its data (spec.json).")
    splits, labels = _data_figures(results, opened if not whole else [], config)
    monitor = results.get("train", {}).get("monitor") or (lines[-1]["monitor"] if lines else "")
    overrides = _overrides(folder, troubles)
    modality = parts[0].spec.modality if parts else ""
    return Facts(
        folder, config, folder.state(), results, settings(config, overrides, troubles), overrides, _environment(folder, troubles),
        _curves(lines), _best(lines, results), monitor, _scores(results, monitor), *_classes(results), splits,
        UNITS.get(modality, "vectors"), labels, folds, results.get("protocol", ""), parts,
        answers.kind if answers else "", answers, bool(opened and opened[0].notice), modality in ("text", "pairs"), troubles,
    )  # fmt: skip


def _parts(folder: RunFolder, config: Config, folds: Sequence[str], troubles: list[str]) -> list[Part]:
    """The run, or each of its folds; none where one says nothing of its data."""
    folders = {name: folder.fold(name) for name in folds} if cross_validation.wanted(config) else {"": folder}
    parts = []
    for name, of_part in folders.items():
        try:
            own = cross_validation.of_fold(config, name) if name else config
            parts.append(Part(of_part, own, DataSpec.load(of_part.path)))
        except Damaged as error:
            troubles.append(f"{error}.")
            return []
    return parts


def _with_data(
    parts: Sequence[Part], answers: Answers | None, troubles: list[str]
) -> tuple[list[Part], list[Data]]:
    """The parts with their test examples where the data can be read again and are still the same."""
    if len(parts) > MOST_FOLDS_OPENED:
        return list(parts), []
    found, opened = list[Part](), list[Data]()
    for number, part in enumerate(parts):
        try:
            data = load_data(part.config, part.spec)
        except (UserError, OSError) as error:
            troubles.append(f"The data could not be read again, so that less is shown: {error}.")
            return list(parts), []
        opened.append(data)
        split = data.splits.get("test")
        if answers is not None and split is not None:
            own = np.flatnonzero(answers.run == number)
            keys = answers.columns.column("key").take(own).to_pylist()
            if [split.name(i) for i in range(len(split))] == keys:
                found.append(Part(part.folder, part.config, part.spec, split))
                continue
            troubles.append(
                "The test data are others than those that were predicted; pictures and lengths are left out."
            )
            return list(parts), []
        found.append(part)
    return found, opened


def _environment(folder: RunFolder, troubles: list[str]) -> Environment:
    try:
        return read_json(folder.environment, Environment) if folder.environment.exists() else {}
    except UserError as error:
        troubles.append(f"{error}.")
        return {}


def _overrides(folder: RunFolder, troubles: list[str]) -> list[str]:
    """The words that the run was started with."""
    try:
        return read_yaml(folder.overrides, list[str]) if folder.overrides.exists() else []
    except UserError as error:
        troubles.append(f"{error}.")
        return []


# --- the configuration ---------------------------------------------------------------------------


def settings(config: Config, overrides: Sequence[str], troubles: list[str]) -> list[Setting]:
    """Every key; those that differ from the task's defaults first, of these what the user set before the rest."""
    saved = {key: as_written(value) for key, value in _flat(config).items()}
    try:
        usual = _defaults(config)
    except UserError as error:
        troubles.append(f"The defaults of this task are not known here: {error}.")
        usual = {}
    named = {word.partition("=")[0].lstrip("+~") for word in overrides}
    found = []
    for key, value in saved.items():
        default = usual.get(key, "" if usual else value)
        group = key.partition(".")[0]
        asked = key in named or (key == f"{group}.name" and group in named)
        differs = bool(usual) and default != value and key not in ("outputs", "folder", "plugins")
        by = ("you" if asked else "the data") if differs or (asked and not usual) else ""
        found.append(Setting(key, value, default if differs else "", by))
    return sorted(found, key=lambda setting: ("you", "the data", "").index(setting.by))


def _flat(config: Config) -> dict[str, object]:
    container = OmegaConf.to_container(OmegaConf.structured(config), resolve=True)
    return flat(checked(dict[str, object], container, "the configuration"))


def _defaults(config: Config) -> dict[str, str]:
    """What each key would be for this task and these parts, where nobody sets any; the choice of a part as the task has it."""
    names = {group: getattr(config, group).name for group in GROUPS}
    known = {group: name for group, name in names.items() if name in groups.choices(group)}
    task = {"task": config.task} if config.task in groups.choices("task") else {}
    start = task or {group: name for group, name in known.items() if group == "data"}
    usual = {group: _named(group, choice) for group, choice in groups.chosen(_words(start)).items()}
    others = {group: name for group, name in known.items() if name != usual.get(group)}
    return _composed(_words(start | others)) | {f"{group}.name": usual.get(group, "") for group in others}


def _words(choices: Mapping[str, str]) -> list[str]:
    return [f"{group}={name}" for group, name in choices.items()]


def _named(group: str, choice: str) -> str:
    """What a choice is called in a configuration: of data its own name, of others the part that it is."""
    part = choice if group == "data" else groups.part_of(group, choice)
    return groups.setting(f"{group}.name", choice) or part or choice


def _composed(words: Sequence[str]) -> dict[str, str]:
    """The values that words stand for, by their keys."""
    container = OmegaConf.to_container(compose.composed(parse(words)))
    return {k: as_written(v) for k, v in flat(checked(dict[str, object], container, "the defaults")).items()}


# --- the data -------------------------------------------------------------------------------------


def _data_figures(
    results: Results, opened: Sequence[Data], config: Config
) -> tuple[list[SplitFigures], dict[str, dict[str, int]]]:
    """Of each split; and by split, how often each label occurs, where answers are classes."""
    counted = {name: SplitFigures(name, number) for name, number in results.get("examples", {}).items()}
    labels: dict[str, dict[str, int]] = {}
    for data in opened[:1]:
        for name, split in data.splits.items():
            sizes = lengths_of(split)
            counted[name] = SplitFigures(
                name,
                len(split),
                int(sizes.sum()),
                int(sizes.min()),
                int(np.median(sizes)),
                int(sizes.max()),
                sizes,
            )
        name = config.head.target or next(iter(data.spec.targets), "")
        target = data.spec.targets.get(name)
        if target is not None and target.kind in ("class", "vector_classes") and target.counts:
            labels["train"] = dict(zip(target.classes, target.counts, strict=True))
    return list(counted.values()), labels


def lengths_of(split: Split) -> NDArray[np.int64]:
    """(n,): vectors of each example; of pairs, those of the source."""
    return split.lengths if split.lengths.ndim == 1 else split.lengths[:, 0]


# --- scores ---------------------------------------------------------------------------------------


def curves_of(folder: RunFolder) -> list[Curve]:
    """Of a run's metrics.jsonl, see `Facts`. Raises Damaged where it holds anything else."""
    return _curves(folder.read_metrics())


def _curves(lines: Sequence[ValidationLine]) -> list[Curve]:
    """Of every number that validations have, the training loss first."""
    named = dict.fromkeys(
        name
        for line in lines
        for name, value in line.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    )
    updates = [line["update"] for line in lines]
    names = [name for name in named if name not in ("update", "epoch", "vectors_per_second")]
    names.sort(key=lambda name: (name != "train_loss", name != "loss"))
    return [Curve(name, updates, [score_of(line, name) for line in lines]) for name in names]


def _best(lines: Sequence[ValidationLine], results: Results) -> int | None:
    best = [line["update"] for line in lines if line.get("best")]
    return results.get("train", {}).get("best_update", best[-1] if best else None)


def _scores(results: Results, monitor: str) -> list[ScoreRow]:
    """The score that picked the weights first, the loss last."""
    test, validation = results.get("test", {}), results.get("validation", {})
    limits, undefined = results.get("intervals", {}).get("test", {}), results.get("undefined", {}).get("test", {})
    simple = results.get("baselines", {})
    names = list(dict.fromkeys((*test, *undefined, *validation)))
    names.sort(key=lambda name: (name == "loss" and name != monitor, name != monitor, "/" in name))
    return [
        ScoreRow(
            name, test.get(name), limits.get(name), validation.get(name),
            {baseline: scores[name] for baseline, scores in simple.items() if name in scores},
            results.get("standard_deviation", {}).get(name), undefined.get(name, "")
        )
        for name in names
    ]  # fmt: skip


def _classes(results: Results) -> tuple[list[ClassRow], str, list[ClassRow]]:
    """Of each class, else of each question; what they are called; and of each type of span."""
    found, noun = results.get("classes") or {}, "class"
    if questions := results.get("questions"):
        found, noun = questions, "question"
    return _rows(found), noun, _rows(results.get("spans") or {})


def _rows(of_each: Mapping[str, ClassScores]) -> list[ClassRow]:
    return [ClassRow(name, c["precision"], c["recall"], c["f1"], c["support"]) for name, c in of_each.items()]


def better_word(score: str) -> str:
    """Which end of a score is the good one."""
    return {1: "higher is better", -1: "lower is better", 0: ""}[direction(score)]


def time_by_parts(results: Results) -> list[tuple[str, float]]:
    """Seconds of training by what they were spent on."""
    train = results.get("train", {})
    if "seconds" not in train:
        return []
    waiting = train.get("data_wait", 0.0) * train["seconds"]
    parts = [("updates", train["seconds"] - waiting), ("waiting for data", waiting)]
    rest = train.get("wall_seconds", 0.0) - train["seconds"]
    return [*parts, *([("validation and saving", rest)] if rest > 0 else [])]


def state_sentence(facts: Facts) -> Iterator[str]:
    """What to know of a run that is no ordinary finished one."""
    if facts.state != "finished":
        again = shell_word("run", str(facts.folder.path))
        named = {
            "pruned": "was stopped by its sweep",
            "cut off": "was stopped",
            "failed": "failed",
            "running": "is still training",
        }
        yield f"This run {named[facts.state]}: there are no test scores yet. `attnlab train {again}` continues it."
    elif isinstance(facts.config.head, MaskedHead):
        yield "This run is asked about hidden vectors; other runs may start from its weights."
    elif facts.answers is None and not facts.troubles:
        yield f"Nothing was predicted for test data. `{facts.scored_with}` does so, where there are any."


def path_word(path: Path) -> str:
    """A path as one word of a shell."""
    return shlex.quote(str(path))


def examples_word(number: int) -> str:
    return plural(number, "example")
