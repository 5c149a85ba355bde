"""What `attnlab eval` does: score a saved run on a split, or on other data of the same kind."""

from collections import Counter
from collections.abc import Sequence

from attnlab import compose
from attnlab.config import Config
from attnlab.data import loader
from attnlab.runs import RunFolder
from attnlab.training import changes, cross_validation
from attnlab.training.evaluate import Evaluation, word_lengths, write_predictions
from attnlab.training.report import Reporter, details, score_table
from attnlab.training.run import Run, load_run


def score_again(run_name: str, split: str, outputs: str = "outputs", overrides: Sequence[str] = ()) -> Evaluation:
    """Score the best weights, show the scores beside those of training, and write the predictions. Raises UserError
    where there is no such run or split, or where the data cannot be used."""
    folder = RunFolder.find(run_name, outputs)
    config = compose.load_saved(folder.config, overrides)
    if cross_validation.wanted(config):
        return _score_folds_again(folder, config, split, overrides)
    run = load_run(run_name, overrides, outputs)
    data, reporter = run.data(), Reporter()
    for warning in data.warnings:
        reporter.warn(warning)
    evaluation = run.evaluate(split, data)
    as_trained = _is_as_trained(run, data.fingerprint, reporter)
    columns, results = {split: evaluation.scores}, run.results
    reported = {"validation": results.get("validation"), "test": results.get("test")}.get(split)
    if as_trained and reported is not None:
        columns["as trained"] = reported
    reporter.table(score_table(f"{config.task} on {config.data.path or config.data.name}", columns))
    target, examples = run.model.head.target, data.splits[split]
    lengths = word_lengths(examples, target, evaluation) if run.model.head.uses_search else {}
    details(reporter, evaluation.confusion, lengths)
    path = run.folder.predictions(split if as_trained else f"{split}-{data.fingerprint}")
    write_predictions(path, examples, target, evaluation)
    reporter.say(f"Run {run.folder.path}; predictions in {path}")
    return evaluation


def _is_as_trained(run: Run, fingerprint: str, reporter: Reporter) -> bool:
    """Whether a run answers about the data, and under the settings, that it was trained with."""
    saved = compose.load_saved(run.folder.config)
    same_data = run.fingerprint in (None, fingerprint)
    if saved.data == run.config.data and not same_data:
        reporter.warn(f"{run.folder.path}: the data have changed since this run was trained on them")
    return same_data and changes.answers_alike(saved, run.config)


def _score_folds_again(folder: RunFolder, config: Config, split: str, overrides: Sequence[str]) -> Evaluation:
    """Every fold by its own best weights; the scores are means."""
    names = loader(config.data).folds(config.data, config.seed).names
    folds = {name: score_again(str(folder.fold(name).path), split, overrides=overrides) for name in names}
    scores = {name: fold.scores for name, fold in folds.items()}
    cross_validation.show(Reporter(), f"{config.task} on {config.data.name}", scores)
    confusion = sum((Counter(dict(fold.confusion)) for fold in folds.values()), Counter[tuple[str, str]]())
    predictions = [prediction for fold in folds.values() for prediction in fold.predictions]
    return Evaluation(predictions, cross_validation.mean(list(scores.values())), confusion)
