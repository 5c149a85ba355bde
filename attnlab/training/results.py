"""Where a run is kept and reported, and what it comes to: its results.json, and what is shown at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnlab.command_words import shell_word
from attnlab.data.contract import Data
from attnlab.disk import write_json
from attnlab.metrics import Measured
from attnlab.model.width import count_parameters
from attnlab.plural import plural
from attnlab.runs import Results, RunFolder, Trained
from attnlab.training.baselines.ahead import ahead
from attnlab.training.cross_validation import class_scores
from attnlab.training.engine import Engine
from attnlab.training.evaluate import Evaluation, intervals, perfect, word_lengths
from attnlab.training.monitor import selected, still_improving
from attnlab.training.predictions import write_predictions
from attnlab.training.report import Column, Reporter, details, show_scores
from attnlab.training.run import Run
from attnlab.training.state import Listener, Progress, Validation
from attnlab.training.tracking import Tracking


@dataclass(frozen=True)
class Session(Listener):
    """Where a run is computed, kept and reported. warned: whether the warnings of its data were told already, with those
    of the other folds. brief: whether validations and the report at the end are only written to the log, as of one of
    several runs."""

    engine: Engine
    folder: RunFolder
    reporter: Reporter
    tracking: Tracking
    warned: bool = False
    brief: bool = False

    def updated(self, update: int, loss: float) -> None:
        self.reporter.update(update, loss)

    def validated(self, validation: Validation) -> None:
        self.folder.append_metrics(validation.line())
        self.reporter.validation(validation)
        self.tracking.log(validation.line())
        self.reporter.update(validation.update, validation.train_loss)


def finish(
    progress: Progress,
    wall_seconds: float,
    run: Run,
    data: Data,
    baselines: Mapping[str, Mapping[str, Measured]],
    session: Session,
    warnings: Sequence[str] = (),
) -> None:
    """Score the best weights, write predictions and results, and show them. progress: of its training, which took wall_seconds in all. baselines: by split, and by name. warnings: that
    were told of the data. Raises UserError where the disk refuses it."""
    head, folder, reporter = run.model.head, session.folder, session.reporter
    validation, evaluation = final_evaluations(run, data, progress.best)
    columns = {"validation": validation}
    results: Results = {"task": run.config.task}
    if evaluation is not None:
        test = data.splits["test"]
        limits = intervals(head, test, evaluation)
        columns = {"test": Column(evaluation.scores, len(test), evaluation.undefined, limits)} | columns
        if limits:
            results["intervals"] = {"test": limits}
        write_predictions(folder.predictions("test"), test, head, evaluation)
        if evaluation.classes:
            results["classes"] = class_scores(evaluation.classes)
        if evaluation.spans:
            results["spans"] = class_scores(evaluation.spans)
        if evaluation.questions:
            results["questions"] = class_scores(evaluation.questions)
        if head.uses_search:
            results["lengths"] = word_lengths(test, head.target, evaluation)
    for name, column in columns.items():
        results[name] = dict(column.scores)  # type: ignore[literal-required]
    results["examples"] = {name: len(split) for name, split in data.splits.items()}
    if undefined := {name: dict(column.undefined) for name, column in columns.items() if column.undefined}:
        results["undefined"] = undefined
    if warnings:
        results["warnings"] = list(warnings)
    train = results["train"] = how_trained(progress, wall_seconds)
    results["parameters"] = count_parameters(run.model)
    simple = baselines.get("test", {})
    results["baselines"] = {name: measured.scores for name, measured in simple.items()}
    if on_validation := {name: measured.scores for name, measured in baselines.get("validation", {}).items()}:
        results["validation_baselines"] = on_validation
    write_json(folder.results, results)
    session.tracking.result(results)
    if evaluation is not None:
        number = len(data.splits["test"])
        columns |= {name: Column(found.scores, number, found.undefined) for name, found in simple.items()}
        show_scores(reporter, f"{run.config.task} on {run.config.data.name}", columns)
        details(reporter, evaluation, results.get("lengths", {}))
    reporter.say(
        f"{plural(train['epochs'], 'epoch')} in {train['wall_seconds']:.0f} s; {train['vectors_per_second']:,.0f} vectors/s "
        f"end to end; {100 * train['data_wait']:.1f} % of the time was data loading"
    )
    lines, number = folder.read_metrics(), len(data.splits["validation"])
    if best := selected(progress, lines, run.config.trainer):
        reporter.say(f"{best}, by greedy decoding" if head.uses_search else best)
    improving = still_improving(lines)
    if told := ahead(results["validation"], on_validation, progress.monitor, run.config, improving, number):
        reporter.say(told)
    again = shell_word("run", str(folder.path))
    reporter.say(f"Saved in {folder.path}; score it again with: attnlab eval {again}")


def how_trained(progress: Progress, wall_seconds: float) -> Trained:
    """As results.json tells it."""
    return {
        "seconds": round(progress.seconds, 2),
        "wall_seconds": round(wall_seconds, 2),
        "vectors_per_second": round(progress.vectors / max(progress.seconds, 1e-9), 1),
        "data_wait": round(progress.data_wait / max(progress.seconds, 1e-9), 4),
        "epochs": progress.epoch,
        "updates": progress.update,
        "best_update": progress.best_update,
        "monitor": progress.monitor,
    }


def final_evaluations(run: Run, data: Data, best: dict[str, float]) -> tuple[Column, Evaluation | None]:
    """The best weights on validation data, of which `best` holds scores, and on test data where they are to be scored. All
    processes of a run do this together."""
    validation = _validation(run, data, best)
    tested = run.config.score_test and "test" in data.splits
    return validation, run.evaluate("test", data) if tested else None


def _validation(run: Run, data: Data, best: dict[str, float]) -> Column:
    """The best weights' scores of validation data, which `best` holds, with the reasons of those that are missing."""
    head, split = run.model.head, data.splits["validation"]
    missing = [name for name in head.metrics if name not in best]
    ideal = perfect(head, split, missing) if missing and not head.uses_search else Measured({})
    # A head that searches for its answers did so greedily in validations. A score that a perfect reader has, but not the
    # run, depends on what is predicted.
    if head.uses_search or ideal.scores:
        evaluation = run.evaluate("validation", data)
        scores = evaluation.scores if head.uses_search else best
        return Column(scores, len(split), evaluation.undefined)
    return Column(best, len(split), ideal.undefined)
