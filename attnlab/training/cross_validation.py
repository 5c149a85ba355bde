"""Cross-validation: a parent folder of ordinary runs, one for each fold, and what they come to together.

Every fold is a run like any other (`data.fold=<name>`): it can be scored, resumed and looked at alone.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev

from attnlab.config import Config, CrossValidated
from attnlab.data.prep.crossval import Folds
from attnlab.disk import read_json, write_json
from attnlab.errors import Stopped, UserError
from attnlab.runs import Results, RunFolder
from attnlab.training import changes, report


@dataclass(frozen=True)
class CrossValidation:
    """A finished cross-validation; `results` holds means, standard deviations and each fold's own."""

    folder: RunFolder
    config: Config

    @property
    def results(self) -> Results:
        """What the parent's results.json holds."""
        return self.folder.read_results()


def wanted(config: Config) -> bool:
    """Whether a configuration asks for a run on each fold."""
    data = config.data
    return isinstance(data, CrossValidated) and data.folds is not None and data.fold is None


def of_fold(config: Config, name: str, folder: RunFolder) -> Config:
    """The configuration of one fold's run, in the folder of that fold."""
    assert isinstance(config.data, CrossValidated)
    return replace(config, data=replace(config.data, fold=name), folder=str(folder.path))


def save(folder: RunFolder, folds: Folds) -> None:
    """folds.json: the protocol, and the keys of the examples that each fold tests and validates on."""
    write_json(folder.folds, asdict(folds))


def check_unchanged(folder: RunFolder, folds: Folds) -> None:
    """Raises UserError where data are divided otherwise than when the cross-validation began."""
    if read_json(folder.folds) != asdict(folds):
        raise UserError(
            f"{folder.path}: the data are no longer those of this cross-validation; give it the same files "
            "(`data.path=`), or start a new one"
        )


def train_each(
    folder: RunFolder,
    config: Config,
    folds: Folds,
    train: Callable[[str, RunFolder], None],
    reporter: report.Reporter,
) -> CrossValidation:
    """Train the folds that have no results under these settings yet, then write the parent's. train: called with the
    name and the folder of a fold."""
    run_word = shlex.quote(f"run={folder.path}")
    for number, name in enumerate(folds.names, 1):
        fold = folder.fold(name)
        if fold.results.exists() and not changes.settings_for(fold, config):
            reporter.say(f"Fold {name} ({number} of {len(folds.names)}) is finished.")
            continue
        reporter.say(f"Fold {name} ({number} of {len(folds.names)})", style="bold")
        try:
            train(name, fold)
        except Stopped:
            reporter.say(f"Continue all folds with: attnlab train {run_word}")
            raise
    results = {name: folder.fold(name).read_results() for name in folds.names}
    write_json(folder.results, summary(config.task, folds.protocol, results))
    title = f"{config.task} on {config.data.name}: {folds.protocol}"
    tell(reporter, title, {name: fold["test"] for name, fold in results.items()})
    reporter.say(f"The folds lie in {folder.path}; score all again with: attnlab eval {run_word}")
    return CrossValidation(folder, config)


def summary(task: str, protocol: str, folds: Mapping[str, Results]) -> Results:
    """results.json of a parent: means over the folds where a run has scores, and each fold's own."""
    results = list(folds.values())
    baselines = {
        name: mean([r["baselines"][name] for r in results])
        for name in results[0]["baselines"]
        if all(name in r["baselines"] for r in results)
    }
    train = [r["train"] for r in results]
    return {
        "task": task,
        "protocol": protocol,
        "test": mean([r["test"] for r in results]),
        "validation": mean([r["validation"] for r in results]),
        "standard_deviation": deviation([r["test"] for r in results]),
        "folds": {
            name: {"test": r["test"], "validation": r["validation"], "train": r["train"]}
            for name, r in folds.items()
        },
        "train": {
            **{
                name: round(sum(t[name] for t in train), 2)
                for name in ("seconds", "wall_seconds", "epochs", "updates")
            },
            **{name: round(fmean(t[name] for t in train), 4) for name in ("vectors_per_second", "data_wait")},
        },
        "parameters": results[0]["parameters"],
        "baselines": baselines,
    }


def mean(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of every score that all folds have."""
    return {name: fmean(s[name] for s in scores) for name in _common(scores)}


def deviation(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The standard deviation over folds (of a sample: divided by their number − 1)."""
    return {name: stdev([s[name] for s in scores]) for name in _common(scores)}


def tell(reporter: report.Reporter, title: str, scores: Mapping[str, Mapping[str, float]]) -> None:
    """A row for each fold, their mean and standard deviation."""
    of_all = list(scores.values())
    rows = {**scores, "mean": mean(of_all), "±": deviation(of_all)}
    columns = {score: {name: row[score] for name, row in rows.items()} for score in _common(of_all)}
    reporter.table(report.score_table(title, columns, of="fold"))


def _common(scores: Sequence[Mapping[str, float]]) -> list[str]:
    return [name for name in scores[0] if all(name in s for s in scores)]
