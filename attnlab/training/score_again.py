"""What `attnlab eval` does: score a saved run on a split, or on other data of the same kind."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from attnlab import compose
from attnlab.config import Config, DataConfig, TableData
from attnlab.data.contract import Data
from attnlab.data.prep.crossval import Folds
from attnlab.data.warnings import warnings
from attnlab.disk import read_json
from attnlab.errors import UserError
from attnlab.metrics import added
from attnlab.plural import plural
from attnlab.runs import RunFolder
from attnlab.training import changes, cross_validation
from attnlab.training.evaluate import Evaluation, intervals, word_lengths
from attnlab.training.lead import evaluated_by_all
from attnlab.training.predictions import write_predictions
from attnlab.training.report import Column, Reporter, details, show_classes, show_scores
from attnlab.training.run import Run, load_run

LONGEST_NAME = 120
"""Characters of a file's name that name its predictions; file systems allow 255 bytes."""


def score_again(run_name: str, split: str, outputs: str = "outputs", overrides: Sequence[str] = ()) -> Evaluation:
    """Score the best weights, show the scores beside those of training, and write the predictions. Raises UserError
    where there is no such run or split, or where the data cannot be used."""
    folder = RunFolder.find(run_name, outputs)
    config = compose.load_saved(folder.config, overrides)
    if cross_validation.wanted(config):
        return _score_folds_again(folder, config, split, overrides)
    reporter = Reporter()
    if folder.told:
        reporter.say(folder.told, style="cyan")
    run = load_run(folder.path, overrides)
    data = run.data_to_score(split)
    split, sentence = _chosen(run, data, split)
    reporter.say(sentence)
    saved = compose.load_saved(run.folder.config)
    if not changes.answers_alike(saved, run.config):
        reporter.say(f"Changed from training: {', '.join(changes.changed_settings(saved, run.config))}")
    for warning in warnings(data, [split]):
        reporter.warn(warning)
    evaluation = evaluated_by_all(run, split, data, overrides)
    as_trained = _is_as_trained(run, data.fingerprint, reporter)
    examples, results = data.splits[split], run.results
    limits = intervals(run.model.head, examples, evaluation)
    other = changes.other_data(saved.data, run.config.data)
    title = data_name(run.config.data) if other and data.unnamed else split
    columns = {title: Column(evaluation.scores, len(examples), evaluation.undefined, limits)}
    reported = {"validation": results.get("validation"), "test": results.get("test")}.get(split)
    if as_trained and reported is not None:
        number, undefined = results.get("examples", {}).get(split), results.get("undefined", {}).get(split, {})
        columns[f"{split} (at training)"] = Column(reported, number, undefined)
    if examples.answered:
        show_scores(reporter, f"{config.task} on {config.data.path or config.data.name}", columns)
        lengths = word_lengths(examples, run.model.head.target, evaluation) if run.model.head.uses_search else {}
        details(reporter, evaluation, lengths)
    given = other and data.fingerprint != run.fingerprint
    apart = file_name(run.config.data, "" if data.unnamed else split) if given else f"{split}-{data.fingerprint}"
    path = run.folder.predictions(split if as_trained else apart)
    written = write_predictions(path, examples, run.model.head, evaluation)
    where = f"; predictions in {path}, as a table in {path.with_suffix('.csv').name}" if written else ""
    reporter.say(f"Run {run.folder.path}{where}")
    return evaluation


def data_name(config: DataConfig) -> str:
    """What other data are called: as their file or folder, else as the data set."""
    return Path(config.path).name if config.path else config.name


def file_name(config: DataConfig, split: str) -> str:
    """By which the predictions of other data are saved, in letters that any file system has: their file's name without its
    ending, and the split where there are several; never a name that the run's own predictions have."""
    name = re.sub(r"[^\w.-]+", "-", data_name(config).removesuffix(".gz"))
    name = re.sub(r"\.[A-Za-z]\w*$", "", name) or name.strip(".") or "data"
    name = f"{name}-{split}" if split and split != name else name
    if re.match(r"(train|validation|test)\b", name):
        parent = re.sub(r"[^\w-]+", "-", Path(config.path or "").parent.name).strip("-")
        return f"{parent or 'other'}-{name}" if parent not in ("train", "validation", "test") else f"other-{name}"
    return name[:LONGEST_NAME]


def _chosen(run: Run, data: Data, split: str) -> tuple[str, str]:
    """The split that is scored, the only one where another data set has no test split; and what is scored, as one says it.
    Raises UserError where the data have no such split."""
    given = compose.load_saved(run.folder.config).data
    other, where = changes.other_data(given, run.config.data), run.config.data.path or run.config.data.name
    if other and split == "test" and split not in data.splits and len(data.splits) == 1:
        split = next(iter(data.splits))
    if split not in data.splits:
        meant = {
            "dev": "validation",
            "val": "validation",
            "valid": "validation",
            "testing": "test",
            "training": "train",
        }
        right = f"; write `split={meant[split]}`" if meant.get(split) in data.splits else ""
        raise UserError(f"`split={split}`: the data have {', '.join(data.splits)}{right}")
    examples = plural(len(data.splits[split]), "example")
    if not data.splits[split].answered:
        return split, f"Predicted: {examples} of {where}; {_missing_labels(run.config.data)}, so no scores"
    if other and data.unnamed and len(data.splits) == 1:
        return split, f"Scored: {'the only example' if examples == '1 example' else f'all {examples}'} of {where}"
    of_run = (
        ", which are the data that the run was trained with"
        if other and data.fingerprint == run.fingerprint
        else ""
    )
    return split, f"Scored: {examples}, the {split} split of {where}{of_run}"


def _missing_labels(config: DataConfig) -> str:
    """What data lack that are only predicted."""
    if not isinstance(config, TableData) or not config.labels:
        return "no labels"
    columns = " or ".join(f"`{label}`" for label in config.labels)
    return f"no column {columns} in {data_name(config)}"


def _is_as_trained(run: Run, fingerprint: str, reporter: Reporter) -> bool:
    """Whether a run answers about the data, and under the settings, that it was trained with."""
    saved = compose.load_saved(run.folder.config)
    same_data = run.fingerprint in (None, fingerprint)
    if saved.data == run.config.data and not same_data:
        reporter.warn(f"{run.folder.path}: the data have changed since this run was trained on them")
    return same_data and changes.answers_alike(saved, run.config)


def _score_folds_again(folder: RunFolder, config: Config, split: str, overrides: Sequence[str]) -> Evaluation:
    """Every fold by its own best weights; the scores are means."""
    names = list(read_json(folder.folds, Folds).test)
    folds = {name: score_again(str(folder.fold(name).path), split, overrides=overrides) for name in names}
    columns = {name: Column(fold.scores, len(fold.predictions), fold.undefined) for name, fold in folds.items()}
    reporter = Reporter()
    cross_validation.show(reporter, f"{config.task} on {config.data.path or config.data.name}", columns)
    confusion = sum((Counter(dict(fold.confusion)) for fold in folds.values()), Counter[tuple[str, str]]())
    predictions = [prediction for fold in folds.values() for prediction in fold.predictions]
    scores = cross_validation.mean([fold.scores for fold in folds.values()])
    undefined = {name: reason for fold in folds.values() for name, reason in fold.undefined.items()}
    undefined = {name: reason for name, reason in undefined.items() if name not in scores}
    of_each = [[fold.classes, fold.spans, fold.questions] for fold in folds.values()]
    classes, spans, questions = map(added, zip(*of_each, strict=True))
    if split == "test" and not changes.other_data(compose.load_saved(folder.config).data, config.data):
        show_classes(reporter, classes, spans, questions)  # each example was scored once
        cross_validation.join_predictions(folder, names)
    return Evaluation(predictions, scores, undefined, confusion, classes, spans, questions)
