"""`attnlab runs compare A B`: whether one of two runs is better on test data, or runs of two settings with several seeds.

The difference of each score gets a 95 % interval by the paired bootstrap (`metrics.bootstrap`): over the examples, and over the
seeds where a side has several runs. The verdict is on the measure that picked the weights: *better* where the interval excludes 0,
*no difference* where all of it lies within the margin, else *not decided*. Where no example was scored differently, resamples
cannot differ either; then up to 3 of n examples may, as the rule of three has it (Hanley & Lippman-Hand 1983), and the verdict is
*no difference* only where that share lies within the margin.

A cross-validation is compared with one of the same folds, by the answers of all folds together: each example has one, of a model
that was not trained on it.
"""

import json
import math
import os.path
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Literal, NotRequired, TypedDict

from rich.table import Table

from attnlab import compose, groups, metrics, plugins
from attnlab.command_words import shell_word, text, texts
from attnlab.config import Config
from attnlab.data.prep.crossval import Folds
from attnlab.disk import read_json, read_jsonl
from attnlab.errors import Damaged, UserError, printable
from attnlab.lab.run_groups import console, differences, finished, shown
from attnlab.lab.run_rows import Row, comparable, data_names, picked, read_row, read_rows, refuse_unknown, written
from attnlab.local_files import user_path
from attnlab.metrics.bootstrap import Difference, paired_runs
from attnlab.plural import plural
from attnlab.registry import METRICS
from attnlab.runs import RunFolder, is_sweep, located, runs_of_best
from attnlab.schema import checked
from attnlab.sets import Prediction
from attnlab.spec import DataSpec
from attnlab.targets import kind_named
from attnlab.training import cross_validation

MARGIN = 0.01
"""The largest difference that counts as none, where nobody names one: a hundredth of the best score that there is."""
OUT_OF_100 = ("bleu", "bleu_lower", "chrf", "ter")
IN_UNITS = ("mae", "rmse")
"""Errors in the unit of the answers, which have no best score: a hundredth of the second side's score."""
FEW_SEEDS = 5
"""A bootstrap of fewer values misses much of how far they may lie apart."""
Verdict = Literal["better", "no difference", "not decided"]


class Line(TypedDict):
    """What is read of a line of predictions-test.jsonl; other fields may stand there."""

    key: str
    gold: object
    predicted: object
    probability: NotRequired[object]
    complete: NotRequired[bool]


ANSWERS: dict[str, type[object]] = {
    "class": str, "vector_classes": list[str], "classes": list[float], "number": float, "vector_numbers": list[float],
    "sequence": str,
}  # fmt: skip
"""What an answer is, by the kind of target."""


@dataclass(frozen=True)
class TestedRun:
    """One run, or a cross-validation, with its predictions of the test examples. keys: of the examples, in the order of the
    comparison. scores: the usual ones, or those of `head.metrics`. monitor: what picked its weights. folds: of a cross-validation,
    by name, the sorted keys of what each tests; else empty."""

    folder: RunFolder
    row: Row
    keys: list[tuple[str, int]]
    comparison: metrics.Comparison
    scores: list[str]
    monitor: str
    folds: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """Runs that are compared with others, as the user named them."""

    word: str
    runs: list[TestedRun]

    def scores(self, name: str) -> list[float]:
        metric = METRICS.get(name, metrics.Metric)()
        return [
            float(value) for run in self.runs if isinstance(value := metric.value(run.comparison), int | float)
        ]


def compare(words: Sequence[str]) -> Verdict:
    """Print how two runs compare, or two settings: two words, each a run folder, several with commas, or `key=value` for all
    finished runs that have it; then words that pick among these, `margin=` and `outputs=`. Raises UserError where they
    cannot be compared."""
    words = plugins.load(words)
    if len(words) < 2:
        raise UserError(
            "write `attnlab runs compare A B`: A and B are run folders, several with commas, or key=value"
        )
    outputs, margin, filters = "outputs", None, dict[str, list[str]]()
    for word in words[2:]:
        name, equals, _ = word.partition("=")
        if not equals:
            raise UserError(
                f"`{word}`: two sides are compared; several runs of one side stand in one word, with commas"
            )
        if name == "outputs":
            outputs = text(word)
        elif name == "margin":
            margin = read_margin(word)
        else:
            filters[name] = texts(word)
    first, second = (side_of(word, filters, outputs) for word in words[:2])
    _refuse_same_run(first, second)
    return _tell(compared(first, second, margin))


def _refuse_same_run(first: Side, second: Side) -> None:
    """Raises UserError where a run is on both sides."""
    if both := {str(run.folder.path.resolve()) for run in first.runs} & {
        str(run.folder.path.resolve()) for run in second.runs
    }:
        raise UserError(f"{os.path.relpath(min(both))}: this run is on both sides")


def read_margin(word: str) -> float:
    """`margin=…`. Raises UserError for anything else than a number of at least 0."""
    value = text(word)
    try:
        margin = float(value)
    except ValueError:
        margin = math.nan
    if not 0 <= margin < math.inf:
        raise UserError(f"`{word}`: write a number of at least 0, such as margin=0.005")
    return margin


def side_of(word: str, filters: Mapping[str, Sequence[str]], outputs: str) -> Side:
    """The runs that a word names. Raises UserError where there are none, or none that were tested."""
    return Side(word, [tested(folder) for folder in named_runs(word, filters, outputs)])


def named_runs(word: str, filters: Mapping[str, Sequence[str]], outputs: str) -> list[RunFolder]:
    """The run folders that a word names: one, several with commas, or `key=value` for all tested runs that have it. Raises UserError
    where there are none."""
    named = text(word) if word.startswith("run=") else word
    name, equals, _ = named.partition("=")
    first = named.partition(",")[0]
    if equals and not os.path.isdir(user_path(first)) and re.fullmatch(r"[\w.]+", name):
        return _of_setting(named, filters, outputs)
    folders: list[RunFolder] = []
    for item in [named] if os.path.isdir(user_path(named)) else named.split(","):
        folders += _folders(item, outputs)
    repeated = [path for path, count in Counter(folder.path.resolve() for folder in folders).items() if count > 1]
    if repeated:
        raise UserError(f"`{word}`: names {os.path.relpath(repeated[0])} twice")
    return folders


def _folders(item: str, outputs: str) -> list[RunFolder]:
    """The run that a name means; of a sweep, every seed of its best trial; of a trial with several seeds, each of them."""
    path = located(item, outputs)
    if item != "latest" and "=" not in item and not path.is_dir() and os.sep not in item:
        group = next((name for name in groups.NAMES if item in groups.choices(name)), "")
        group = "task" if os.path.isdir(os.path.join(outputs, item)) else group
        example = f", such as `{group}={item}`" if group else ""
        raise UserError(f"`{item}`: no such folder; for all runs with a value write key=value{example}")
    if is_sweep(path):
        choice, runs = runs_of_best(path, item)
        print(printable(f"Using trial {choice['best']['number']}, the best of {path}"))
        return [RunFolder.find(str(run)) for run in runs.values()]
    seeds = sorted(path.glob("seed-*/config.yaml"))
    if seeds and not RunFolder(path).config.is_file():
        return [RunFolder.find(str(seed.parent)) for seed in seeds]
    found = RunFolder.find(item, outputs)
    if found.told:
        print(printable(found.told))
    return [found]


def _of_setting(word: str, filters: Mapping[str, Sequence[str]], outputs: str) -> list[RunFolder]:
    """Every finished run that has a value, and those of the filters. Raises UserError where their scores don't compare."""
    name, rows = word.partition("=")[0], read_rows(outputs)
    refuse_unknown([name, *filters], rows)
    having = finished(picked(rows, {**filters, name: texts(word)}, outputs))
    tested = [row for row in having if _was_tested(RunFolder(Path(outputs, str(row["run"]))))]
    if not tested:
        why = "none was scored on test data" if having else "none has finished"
        if not having and filters and (others := finished(picked(rows, {name: texts(word)}, outputs))):
            found = sorted({written(row.get(key)) for key in filters for row in others})
            asked = " ".join(f"{key}={','.join(allowed)}" for key, allowed in filters.items())
            why = f"none with {asked} has finished; others have, with {' and '.join(filters)} {', '.join(found)}"
        raise UserError(f"`{word}`: of the runs in {outputs}/ that have it, {why}")
    names = data_names(rows)
    kinds = sorted({comparable(row, names) for row in tested})
    if len(kinds) > 1:
        listed = "; ".join(f"{task} on {data} by {measure}" for task, data, measure in kinds)
        raise UserError(
            f"`{word}`: these runs are {listed}; add words that select one kind, such as `task={kinds[0][0]}`"
        )
    return [RunFolder.find(str(Path(outputs, str(row["run"])))) for row in tested]


def _was_tested(folder: RunFolder) -> bool:
    """Whether there are predictions of a run's test examples, or of those of all folds."""
    folds = read_json(folder.folds, Folds).names if folder.folds.exists() else []
    return all(run.predictions("test").exists() for run in (map(folder.fold, folds) if folds else [folder]))


def tested(folder: RunFolder) -> TestedRun:
    """A run with its predictions; a cross-validation with those of all its folds. Raises UserError where there aren't any, and
    Damaged where a file holds anything else."""
    config = compose.load_saved(folder.config)
    again = shell_word("run", str(folder.path))
    if folder.state() != "finished":
        raise UserError(f"{folder.path}: this run has not finished; `attnlab train {again}` continues it")
    if not _was_tested(folder):
        raise UserError(f"{folder.path}: this run was not scored on test data; do so with `attnlab eval {again}`")
    return _of_folds(folder, config) if cross_validation.wanted(config) else _of_run(folder, config)


def _of_run(folder: RunFolder, config: Config) -> TestedRun:
    path, spec = folder.predictions("test"), DataSpec.load(folder.path)
    target = spec.target(config.head.target or next(iter(spec.targets), ""))
    lines = read_jsonl(path, Line)
    if not lines:
        raise Damaged(f"{path}: no predictions")
    right, predictions = [], []
    for number, line in enumerate(lines, 1):
        gold, prediction = _answer(line, target.kind, f"{path}:{number}")
        right.append(gold)
        predictions.append(prediction)
    comparison = metrics.Comparison(target.kind, right, predictions, target.classes)
    monitor, _ = folder.validation_score() or ("", 0.0)
    row, keys = read_row(folder.path, str(folder.path.parent)), _numbered([line["key"] for line in lines])
    run = TestedRun(folder, row, keys, comparison, _score_names(config, comparison), monitor)
    _refuse_other_scores(run, path)
    return run


def _of_folds(folder: RunFolder, config: Config) -> TestedRun:
    """The predictions of all folds end to end. Folds may have learned different classes."""
    tested_keys = read_json(folder.folds, Folds).test
    runs = [_of_run(fold, compose.load_saved(fold.config)) for fold in map(folder.fold, tested_keys)]
    first = runs[0].comparison
    if any(run.comparison.kind != first.kind for run in runs):
        raise Damaged(f"{folder.path}: its folds answer different questions")
    classes = dict.fromkeys(chain.from_iterable(run.comparison.classes for run in runs))
    gold = [right for run in runs for right in run.comparison.gold]
    predictions = [prediction for run in runs for prediction in run.comparison.predictions]
    comparison = metrics.Comparison(first.kind, gold, predictions, tuple(classes))
    keys = _numbered([key for run in runs for key, _ in run.keys])
    row, scores = read_row(folder.path, str(folder.path.parent)), _score_names(config, comparison)
    division = {name: sorted(keys) for name, keys in tested_keys.items()}
    return TestedRun(folder, row, keys, comparison, scores, runs[0].monitor, division)


def _score_names(config: Config, comparison: metrics.Comparison) -> list[str]:
    usual = kind_named(comparison.kind).usual_metrics(comparison.classes)
    return metrics.chosen(config.head.metrics or usual, comparison.kind, comparison.classes)


def _answer(line: Line, kind: str, where: str) -> tuple[metrics.Value, Prediction]:
    """The right answer and the predicted one. Raises Damaged where they are no answers of this kind."""
    expected, probability = ANSWERS[kind], line.get("probability")
    gold: metrics.Value = checked(expected, line["gold"], f"{where}: `gold`")
    value: metrics.Value = checked(expected, line["predicted"], f"{where}: `predicted`")
    if isinstance(gold, list) and len(gold) != len(value):
        raise Damaged(f"{where}: {len(gold)} labels, but {len(value)} predictions")
    if kind == "classes":
        probability = checked(list[float], probability, f"{where}: `probability`")
        if len(probability) != len(gold):
            raise Damaged(f"{where}: {len(gold)} labels, but {len(probability)} probabilities")
    elif not isinstance(probability, int | float):
        probability = None
    return gold, Prediction(value, probability, complete=line.get("complete", True))


def _numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """The key of each example, with a number where several have the same."""
    seen: dict[str, int] = defaultdict(int)
    keys = []
    for name in names:
        keys.append((name, seen[name]))
        seen[name] += 1
    return keys


def _refuse_other_scores(run: TestedRun, path: Path) -> None:
    """Raises UserError where predictions are of other weights than those whose score results.json holds."""
    reported = run.folder.read_results().get("test", {}).get(run.monitor)
    if reported is None or run.monitor not in run.scores:
        return
    value = METRICS.get(run.monitor, metrics.Metric)().value(run.comparison)
    if not isinstance(value, int | float) or not math.isclose(value, reported, rel_tol=1e-4, abs_tol=1e-4):
        again = shell_word("run", str(run.folder.path))
        raise UserError(
            f"{path}: these predictions don't have the {run.monitor} of {reported:.4f} that results.json says; write them "
            f"again with `attnlab eval {again}`"
        )


def _same_examples(first: Side, second: Side) -> tuple[Side, Side]:
    """All runs with their examples in the order of the first. Raises UserError where they were tested on other examples, or
    these have other right answers."""
    base = first.runs[0]
    right = dict(zip(base.keys, map(_plain, base.comparison.gold), strict=True))
    sides = []
    for side in (first, second):
        runs = []
        for run in side.runs:
            positions = {key: i for i, key in enumerate(run.keys)}
            if bool(run.folds) != bool(base.folds):
                whole, single = (run, base) if run.folds else (base, run)
                raise UserError(
                    f"{whole.folder.path} is a cross-validation and {single.folder.path} a single run: compare cross-validations "
                    "of the same folds, or runs that were tested on the same examples"
                )
            if run.comparison.kind != base.comparison.kind:
                raise UserError(f"{base.folder.path} and {run.folder.path} answer different questions: one predicts "
                                f"{_answered(base)}, the other {_answered(run)}")  # fmt: skip
            if other := right.keys() ^ positions.keys():
                example = min(other)
                alone = base if example in right else run
                both = len(right.keys() & positions.keys())
                shared = f"they share {both:,}" if both else f"they share none of their {len(right):,}"
                raise UserError(
                    f"{base.folder.path} and {run.folder.path} were tested on different examples: {shared}, and "
                    f"{example[0]} is one of {alone.folder.path} alone"
                )
            if run.folds != base.folds:
                raise UserError(
                    f"{base.folder.path} and {run.folder.path} divide the same examples into other folds: train both with the same "
                    "`data.folds=` and `data.split_seed=`, in the same version of attnlab"
                )
            ordered = run.comparison.of([positions[key] for key in base.keys])
            for key, gold in zip(base.keys, ordered.gold, strict=True):
                if _plain(gold) != right[key]:
                    raise UserError(
                        f"{base.folder.path} and {run.folder.path} were tested with different labels, such as those "
                        f"of {key[0]}"
                    )
            runs.append(replace(run, keys=base.keys, comparison=ordered))
        sides.append(Side(side.word, runs))
    return sides[0], sides[1]


def _answered(run: TestedRun) -> str:
    """What it predicts, in words."""
    kind = run.comparison.kind
    return {
        "class": "a class", "classes": "yes or no to several questions", "number": "numbers", "vector_classes": "tags",
        "vector_numbers": "a number for each vector", "sequence": "texts",
    }.get(kind, kind)  # fmt: skip


def _plain(gold: metrics.Value) -> str:
    """A right answer as text: numbers that are unknown are equal, too."""
    return json.dumps(gold)


@dataclass(frozen=True)
class Compared:
    """Two sides on the same examples. found: by score, its difference with the interval over examples, and over examples and seeds.
    measure: the score that decides. monitors: what picked the weights. margin: the largest difference that counts as none."""

    sides: tuple[Side, Side]
    found: Mapping[str, tuple[Difference, Difference]]
    measure: str
    monitors: Sequence[str]
    margin: float

    @property
    def verdict(self) -> Verdict:
        interval = self.found[self.measure][1]
        if _equal(interval) and self.may_differ > self.margin:
            return "not decided"
        return verdict_on(interval, self.margin)

    @property
    def may_differ(self) -> float:
        """The largest difference that is likely (95 %) where none of n examples differs: 3 / n of the best score there is."""
        return 3 / self.examples * _usual_margin(self.measure, self.sides[1].scores(self.measure)) / MARGIN

    @property
    def examples(self) -> int:
        return len(self.sides[0].runs[0].comparison.gold)

    def sentence(self, letters: tuple[str, str] = ("A", "B")) -> str:
        """The verdict with its reason. letters: what the sides are called."""
        interval = self.found[self.measure][1]
        if _equal(interval):
            small = self.verdict == "no difference"
            where = "lies within" if small else "extends past"
            return (
                f"{'No difference' if small else 'Not decided'} ({self.measure}, {plural(self.examples, 'test example')}): "
                f"none was scored differently; with this many examples, a difference of up to {self.may_differ:.4f} cannot be excluded (3 / "
                f"{self.examples:,}, 95 %), which {where} the margin of {self.margin:.3g}."
            )
        return _sentence(self.verdict, interval, self.margin, self.measure, self.examples, letters)

    def notes(self, letters: tuple[str, str] = ("A", "B")) -> Iterator[str]:
        """What to know of the verdict, a line each."""
        if folds := self.sides[0].runs[0].folds:
            yield (
                f"These are the test examples of {plural(len(folds), 'fold')}, each answered by the model of its fold: scores are of all "
                "answers together, not means over folds."
            )
        counts = [len(side.runs) for side in self.sides]
        if max(counts) == 1:
            yield "One run on each side: this says what other examples would change, not what another seed would."
        elif single := [letter for letter, count in zip(letters, counts, strict=True) if count == 1]:
            yield f"{single[0]} is one run: what another seed would change there isn't in the interval."
        if max(counts) > 1 and min(count for count in counts if count > 1) < FEW_SEEDS:
            yield (f"With fewer than {FEW_SEEDS} seeds on a side, the interval over seeds is probably too narrow.")


def compared(first: Side, second: Side, margin: float | None = None) -> Compared:
    """Raises UserError where they were tested on other examples, or no score of theirs says which one is better."""
    first, second = sides = _same_examples(first, second)
    of_first, of_second = ([run.comparison for run in side.runs] for side in sides)
    every = [run for side in sides for run in side.runs]
    found: dict[str, tuple[Difference, Difference]] = {}
    for name in (name for name in first.runs[0].scores if all(name in run.scores for run in every)):
        if pair := paired_runs(METRICS.get(name, metrics.Metric)(), of_first, of_second):
            found[name] = pair
    monitors = list(dict.fromkeys(run.monitor for run in every))
    decisive = [name for name in (*monitors, *found) if name in found and metrics.direction(name)]
    if not decisive:
        raise UserError(f"{first.word} and {second.word}: no score of the predictions says which one is better")
    measure = decisive[0]
    most = _usual_margin(measure, second.scores(measure)) if margin is None else margin
    return Compared(sides, found, measure, monitors, most)


def _tell(comparison: Compared) -> Verdict:
    """The table, the verdict, and what to know of it."""
    sides, measure, monitors = comparison.sides, comparison.measure, comparison.monitors
    for letter, side in zip("AB", sides, strict=True):
        seeds = sorted((str(run.row.get("seed")) for run in side.runs), key=lambda seed: (len(seed), seed))
        noun = "seed" if len(seeds) == 1 else "seeds"
        print(printable(f"{letter}: {side.word} ({plural(len(seeds), 'run')}, {noun} {', '.join(seeds)})"))
    print(printable(f"They differ in {', '.join(_difference(sides)) or 'nothing but the seed'}."))
    for letter, side in zip("AB", sides, strict=True):
        if inside := differences([run.row for run in side.runs]):
            print(printable(f"Warning: the runs that are averaged in {letter} differ in {', '.join(inside)}."))
    console().print(_table(sides, comparison.found, measure))
    if monitors != [measure]:
        why = "" if measure in monitors else ", which predictions don't hold"
        print(printable(f"The verdict is on {measure}; the weights were picked by {' and '.join(monitors)}{why}."))
    print(printable(comparison.sentence()))
    for note in comparison.notes():
        print(note)
    return comparison.verdict


def _difference(sides: tuple[Side, Side]) -> list[str]:
    """The settings in which runs differ, with their values on each side."""
    rows = [[run.row for run in side.runs] for side in sides]
    told = []
    for name in differences([*rows[0], *rows[1]]):
        first, second = ("/".join(dict.fromkeys(written(row[name]) for row in of_side)) for of_side in rows)
        told.append(f"{name} ({first} and {second})")
    return told


def _usual_margin(measure: str, scores: Sequence[float]) -> float:
    """See `MARGIN`. scores: of the second side."""
    if measure in IN_UNITS:
        return MARGIN * fmean(scores)
    return MARGIN * (100 if measure in OUT_OF_100 else 1)


def verdict_on(interval: Difference, margin: float) -> Verdict:
    """better: the interval excludes 0. no difference: the whole interval lies within the margin. Else: not decided."""
    if interval.low > 0 or interval.high < 0:
        return "better"
    return "no difference" if -margin <= interval.low and interval.high <= margin else "not decided"


def _equal(interval: Difference) -> bool:
    """Whether no resample differs, as where no example was scored differently."""
    return interval.low == interval.high == 0


def _sentence(
    verdict: Verdict, interval: Difference, margin: float, measure: str, examples: int, letters: tuple[str, str]
) -> str:
    _, low, high = interval
    reach = f"the 95 % interval of the difference, {low:+.4f} to {high:+.4f}"
    on = f"{measure}, {plural(examples, 'test example')}"
    if verdict == "better":
        winner, loser = letters if low * metrics.direction(measure) > 0 else letters[::-1]
        small = f"; it is within the margin of {margin:.3g}" if abs(low) <= margin and abs(high) <= margin else ""
        return f"{winner} is better than {loser} ({on}): {reach}, excludes 0{small}."
    if verdict == "no difference":
        return f"No difference ({on}): {reach}, lies within the margin of {margin:.3g}."
    return f"Not decided ({on}): {reach}, includes 0 and extends past the margin of {margin:.3g}."


def _table(sides: tuple[Side, Side], found: Mapping[str, tuple[Difference, Difference]], measure: str) -> Table:
    """A row for each score, first the one that decides."""
    several = any(len(side.runs) > 1 for side in sides)
    table = Table(box=None, pad_edge=False)
    table.add_column("test score")
    drawn = ["other examples", "other examples and seeds"] if several else ["other examples"]
    intervals = [f"95 % interval\n({what})" for what in drawn]
    for title in ("A", "B", "A − B", *intervals):
        table.add_column(title, no_wrap=True)
    for name in sorted(found, key=lambda name: name != measure):
        over_examples, over_both = found[name]
        limits = [over_examples, over_both] if several else [over_examples]
        cells = [shown(side.scores(name)) for side in sides]
        table.add_row(
            name, *cells, f"{over_both.difference:+.4f}", *(f"{i.low:+.4f} to {i.high:+.4f}" for i in limits)
        )
    return table
