"""Cross-validation: a parent folder of ordinary runs, one for each fold, and what they come to together.

Every fold is a run like any other (`data.fold=<name>`): it can be scored, resumed and looked at alone.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import NotRequired, cast

from attnlab.command_words import shell_word
from attnlab.config import Config, CrossValidated
from attnlab.data.prep.crossval import Folds
from attnlab.disk import read_json, read_text, write_json, write_pieces, write_text
from attnlab.metrics import Tallies, Tally, added
from attnlab.runs import ClassScores, FoldResults, Results, RunFolder, Scores, Trained
from attnlab.schema import Count
from attnlab.training import report
from attnlab.training.baselines.ahead import ahead
from attnlab.training.monitor import still_improving

csv.field_size_limit(1 << 24)  # as of the tables that are read: 131,072 characters are the default


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation; `results` holds means, standard deviations and each fold's own."""

    folder: RunFolder
    config: Config

    @property
    def results(self) -> Results:
        """What the parent's results.json holds."""
        return self.folder.read_results()


class Finished(FoldResults):
    """What results.json of a fold's run holds."""

    classes: NotRequired[dict[str, ClassScores]]
    spans: NotRequired[dict[str, ClassScores]]
    questions: NotRequired[dict[str, ClassScores]]
    undefined: NotRequired[dict[str, dict[str, str]]]
    warnings: NotRequired[list[str]]
    parameters: Count
    baselines: dict[str, Scores]
    validation_baselines: NotRequired[dict[str, Scores]]


def wanted(config: Config) -> bool:
    """Whether a configuration asks for a run on each fold."""
    data = config.data
    return isinstance(data, CrossValidated) and data.folds is not None and data.fold is None


def of_fold(config: Config, name: str) -> Config:
    """The configuration of one fold's run."""
    assert isinstance(config.data, CrossValidated)
    return replace(config, data=replace(config.data, fold=name))


def conclude(folder: RunFolder, config: Config, folds: Folds, reporter: report.Reporter) -> CrossValidation:
    """Write and show what finished folds come to together. Raises Damaged where one's results.json holds anything else."""
    results = {name: read_json(folder.fold(name).results, Finished) for name in folds.names}
    of_all = summary(config.task, folds.protocol, results)
    join_predictions(folder, folds.names)
    write_json(folder.results, of_all)
    improving = all(still_improving(folder.fold(name).read_metrics()) for name in results)
    told = _ahead(list(results.values()), config, improving)
    title = f"{config.task} on {config.data.name}: {folds.protocol}"
    columns = {
        name: report.Column(
            fold["test"], fold.get("examples", {}).get("test"), fold.get("undefined", {}).get("test", {})
        )
        for name, fold in results.items()
    }
    show(reporter, title, columns, _baselines(list(results.values())))
    of_each = (of_all.get("classes", {}), of_all.get("spans", {}), of_all.get("questions", {}))
    report.show_classes(reporter, *map(tallies, of_each))
    if told:
        reporter.say(told)
    again = shell_word("run", str(folder.path))
    if folder.predictions("test").exists():
        reporter.say(
            f"The test predictions of all folds together: {folder.predictions('test').with_suffix('.csv')}"
        )
    reporter.say(f"The folds are saved in {folder.path}; score all again with: attnlab eval {again}")
    return CrossValidation(folder, config)


def join_predictions(folder: RunFolder, names: Sequence[str]) -> None:
    """Write the test predictions of all folds end to end, each with the name of its fold: lines of JSON, and a table whose columns
    are those of any fold. Nothing is written where a fold has none."""
    paths = {name: folder.fold(name).predictions("test") for name in names}
    if not all(path.exists() and path.with_suffix(".csv").exists() for path in paths.values()):
        return
    tables = {
        name: list(csv.DictReader(io.StringIO(read_text(path.with_suffix(".csv")), newline="")))
        for name, path in paths.items()
    }
    columns = dict.fromkeys(column for rows in tables.values() for row in rows for column in row)
    fold = "fold_" if "fold" in columns else "fold"  # a column that was kept of the user's table
    lines = (
        f"{{{json.dumps(fold)}: {json.dumps(name, ensure_ascii=False)}, {line.removeprefix('{')}\n"
        for name, path in paths.items()
        for line in read_text(path).split("\n")
        if line
    )
    table = io.StringIO()
    writer = csv.DictWriter(table, [fold, *columns], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({fold: name} | row for name, rows in tables.items() for row in rows)
    joined = folder.predictions("test")
    write_pieces(joined, lines)
    write_text(joined.with_suffix(".csv"), table.getvalue())


def summary(task: str, protocol: str, folds: Mapping[str, Finished]) -> Results:
    """results.json of a parent: means over the folds that have a score where a run has scores, and each fold's own."""
    results = list(folds.values())
    tests, train = [r["test"] for r in results], [r["train"] for r in results]
    sums = {n: round(sum(t[n] for t in train), 2) for n in ("seconds", "wall_seconds", "epochs", "updates")}
    means = {n: round(fmean(t[n] for t in train), 4) for n in ("vectors_per_second", "data_wait")}
    baselines, simple = [r["baselines"] for r in results], _on_validation(results)
    undefined = {name: partial for name in ("test", "validation") if (partial := _partial(folds, name))}
    warnings = dict.fromkeys(warning for r in results for warning in r.get("warnings", ()))
    classes = _together([r.get("classes", {}) for r in results])
    spans = _together([r.get("spans", {}) for r in results])
    questions = _together([r.get("questions", {}) for r in results])
    return {
        "task": task,
        "protocol": protocol,
        "test": mean(tests),
        "validation": mean([r["validation"] for r in results]),
        "standard_deviation": deviation(tests),
        "examples": {"test": sum(r.get("examples", {}).get("test", 0) for r in results)},
        **({"undefined": undefined} if undefined else {}),
        **({"warnings": list(warnings)} if warnings else {}),
        "folds": {name: _of_fold(r) for name, r in folds.items()},
        **({"classes": classes} if classes else {}),
        **({"spans": spans} if spans else {}),
        **({"questions": questions} if questions else {}),
        "train": cast(Trained, sums | means),
        "parameters": results[0]["parameters"],
        "baselines": {name: mean([scores[name] for scores in baselines]) for name in _common(baselines)},
        **({"validation_baselines": {name: mean(scores) for name, scores in simple.items()}} if simple else {}),
    }


def class_scores(tallies: Tallies) -> dict[str, ClassScores]:
    """As results.json holds them."""
    return {
        name: {
            "precision": tally.precision, "recall": tally.recall, "f1": tally.f1,
            "support": tally.right, "predicted": tally.predicted, "correct": tally.both,
        }
        for name, tally in tallies.items()
    }  # fmt: skip


def tallies(scores: Mapping[str, ClassScores]) -> Tallies:
    """What `class_scores` was given."""
    return {name: Tally(of["support"], of["predicted"], of["correct"]) for name, of in scores.items()}


def _together(folds: Sequence[Mapping[str, ClassScores]]) -> dict[str, ClassScores]:
    """Counted over all folds, each example in the one that tests it; none where a fold has no counts, as those of earlier
    versions."""
    if not all(fold and all("correct" in of_class for of_class in fold.values()) for fold in folds):
        return {}
    return class_scores(added([tallies(fold) for fold in folds]))


def _on_validation(results: Sequence[Finished]) -> dict[str, list[Scores]]:
    """Of every baseline that all folds have: its scores on the validation data of each."""
    simple = [r.get("validation_baselines", {}) for r in results]
    return {name: [scores[name] for scores in simple] for name in _common(simple)}


def _ahead(results: Sequence[Finished], config: Config, improving: bool) -> str:
    """See `ahead`: of means over scores that all folds have, so that those of the same folds are compared."""
    simple = {name: _mean_of_all(scores) for name, scores in _on_validation(results).items()}
    trained = [r["train"] for r in results]
    own = _mean_of_all([r["validation"] for r in results])
    examples = sum(r.get("examples", {}).get("validation", 0) for r in results)
    return ahead(own, simple, trained[0].get("monitor", "loss"), config, improving, examples)


def _baselines(results: Sequence[Finished]) -> dict[str, list[Scores]]:
    """Of every baseline that all folds have: its scores on the test data of each."""
    simple = [r["baselines"] for r in results]
    return {name: [scores[name] for scores in simple] for name in _common(simple)}


def _mean_of_all(scores: Sequence[Scores]) -> Scores:
    """Of every score that all folds have."""
    return {name: fmean(of_fold[name] for of_fold in scores) for name in _common(scores)}


def _of_fold(results: Finished) -> FoldResults:
    kept: FoldResults = {"test": results["test"], "validation": results["validation"], "train": results["train"]}
    if "examples" in results:
        kept["examples"] = results["examples"]
    return kept


def mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of every score, over the folds that have it."""
    return {name: fmean(values) for name, values in _by_score(scores).items()}


def deviation(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The standard deviation over the folds that have a score (of a sample: divided by their number − 1); none of a score
    that one fold alone has."""
    return {name: stdev(values) for name, values in _by_score(scores).items() if len(values) > 1}


def without(folds: Mapping[str, Mapping[str, float]]) -> dict[str, list[str]]:
    """Of each score that some folds have and some don't, the names of those without it."""
    lacking = {
        score: [n for n, scores in folds.items() if score not in scores] for score in _by_score([*folds.values()])
    }
    return {score: names for score, names in lacking.items() if names}


def show(
    reporter: report.Reporter, title: str, folds: Mapping[str, report.Column],
    baselines: Mapping[str, Sequence[Scores]] | None = None,
) -> None:  # fmt: skip
    """A row for each fold, their mean and standard deviation, and one of both for each baseline; below, which folds have no
    score, and why. baselines: by name, their scores of each fold."""
    scores = {name: fold.scores for name, fold in folds.items()}
    of_all, counts = list(scores.values()), [fold.examples for fold in folds.values() if fold.examples is not None]
    rows = [*folds.items(), ("mean", report.Column(mean(of_all))), ("±", report.Column(deviation(of_all)))]
    named = list(dict.fromkeys(name for fold in folds.values() for name in (*fold.scores, *fold.undefined)))
    table = report.new_table(title, ["fold"], [*(["examples"] if counts else []), *named])
    for name, row in rows:
        count = "" if row.examples is None else f"{row.examples:,}"
        table.add_row(name, *([count] if counts else []), *map(row.cell, named))
    if baselines:
        table.add_section()
    for name, of_folds in (baselines or {}).items():
        means, deviations = mean(of_folds), deviation(of_folds)
        cells = (_with_deviation(means.get(score), deviations.get(score)) for score in named)
        table.add_row(name.replace("_", " "), *([""] if counts else []), *cells)
    reporter.table(table)
    for score, names in without(scores).items():
        reporter.say(f"{score}: no score in {_folds(names)}; the mean is over the other {len(folds) - len(names)}")
    for reason in report.reasons(folds):
        reporter.say(reason)


def _with_deviation(score: float | None, deviation: float | None) -> str:
    """`0.8500 ± 0.0210`; empty where there is no score."""
    if score is None:
        return ""
    return report.shown(score) + ("" if deviation is None else f" ± {report.shown(deviation)}")


def _by_score(scores: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """The values of every score that any fold has."""
    names = dict.fromkeys(name for of_fold in scores for name in of_fold)
    return {name: [of_fold[name] for of_fold in scores if name in of_fold] for name in names}


def _partial(folds: Mapping[str, Finished], split: str) -> dict[str, str]:
    """Of scores that not all folds have: which ones don't, or why none has."""
    undefined = {name: fold.get("undefined", {}).get(split, {}) for name, fold in folds.items()}
    nowhere = {score: reason for reasons in undefined.values() for score, reason in reasons.items()}
    some = without({name: fold[split] for name, fold in folds.items()})  # type: ignore[literal-required]
    return nowhere | {score: f"no score in {_folds(names)}" for score, names in some.items()}


def _folds(names: Sequence[str]) -> str:
    return f"fold{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _common(scores: Sequence[Mapping[str, object]]) -> list[str]:
    return [name for name in scores[0] if all(name in s for s in scores)]
