"""Cross-validation: a parent folder of ordinary runs, one for each fold, and what they come to together.

Every fold is a run like any other (`data.fold=<name>`): it can be scored, resumed and looked at alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import cast

from attnlab.command_words import shell_word
from attnlab.config import Config, CrossValidated
from attnlab.data.prep.crossval import Folds
from attnlab.disk import read_json, write_json
from attnlab.runs import FoldResults, Results, RunFolder, Scores, Trained
from attnlab.schema import Count
from attnlab.training import report


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

    parameters: Count
    baselines: dict[str, Scores]


def wanted(config: Config) -> bool:
    """Whether a configuration asks for a run on each fold."""
    data = config.data
    return isinstance(data, CrossValidated) and data.folds is not None and data.fold is None


def conclude(folder: RunFolder, config: Config, folds: Folds, reporter: report.Reporter) -> CrossValidation:
    """Write and show what finished folds come to together. Raises Damaged where one's results.json holds anything else."""
    results = {name: read_json(folder.fold(name).results, Finished) for name in folds.names}
    write_json(folder.results, summary(config.task, folds.protocol, results))
    title = f"{config.task} on {config.data.name}: {folds.protocol}"
    show(reporter, title, {name: fold["test"] for name, fold in results.items()})
    again = shell_word("run", str(folder.path))
    reporter.say(f"The folds lie in {folder.path}; score all again with: attnlab eval {again}")
    return CrossValidation(folder, config)


def summary(task: str, protocol: str, folds: Mapping[str, Finished]) -> Results:
    """results.json of a parent: means over the folds where a run has scores, and each fold's own."""
    results = list(folds.values())
    tests, train = [r["test"] for r in results], [r["train"] for r in results]
    sums = {n: round(sum(t[n] for t in train), 2) for n in ("seconds", "wall_seconds", "epochs", "updates")}
    means = {n: round(fmean(t[n] for t in train), 4) for n in ("vectors_per_second", "data_wait")}
    baselines = [r["baselines"] for r in results]
    return {
        "task": task,
        "protocol": protocol,
        "test": mean(tests),
        "validation": mean([r["validation"] for r in results]),
        "standard_deviation": deviation(tests),
        "folds": {
            name: {"test": r["test"], "validation": r["validation"], "train": r["train"]}
            for name, r in folds.items()
        },
        "train": cast(Trained, sums | means),
        "parameters": results[0]["parameters"],
        "baselines": {name: mean([scores[name] for scores in baselines]) for name in _common(baselines)},
    }


def mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of every score that all folds have."""
    return {name: fmean(s[name] for s in scores) for name in _common(scores)}


def deviation(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The standard deviation over folds (of a sample: divided by their number − 1)."""
    return {name: stdev([s[name] for s in scores]) for name in _common(scores)}


def show(reporter: report.Reporter, title: str, scores: Mapping[str, Mapping[str, float]]) -> None:
    """A row for each fold, their mean and standard deviation."""
    of_all = list(scores.values())
    rows = {**scores, "mean": mean(of_all), "±": deviation(of_all)}
    columns = {score: {name: row[score] for name, row in rows.items()} for score in _common(of_all)}
    reporter.table(report.score_table(title, columns, of="fold"))


def _common(scores: Sequence[Mapping[str, object]]) -> list[str]:
    return [name for name in scores[0] if all(name in s for s in scores)]
