"""Where a run is kept and reported, and what it comes to: its results.json, and what is shown at the end."""

from dataclasses import dataclass

from attnlab.command_words import shell_word
from attnlab.data.contract import Data
from attnlab.disk import write_json
from attnlab.model.width import count_parameters
from attnlab.runs import Results, RunFolder
from attnlab.training.baselines import Scores
from attnlab.training.engine import Engine
from attnlab.training.evaluate import word_lengths, write_predictions
from attnlab.training.loop import Training
from attnlab.training.report import Reporter, counted, details, score_table
from attnlab.training.run import Run
from attnlab.training.state import Listener, Validation
from attnlab.training.tracking import Tracking


@dataclass(frozen=True)
class Session(Listener):
    """Where a run is computed, kept and reported."""

    engine: Engine
    folder: RunFolder
    reporter: Reporter
    tracking: Tracking

    def updated(self, update: int, loss: float) -> None:
        self.reporter.update(update, loss)

    def validated(self, validation: Validation) -> None:
        self.folder.append_metrics(validation.line())
        self.reporter.validation(validation)
        self.tracking.log(validation.line())
        self.reporter.update(validation.update, validation.train_loss)


def finish(training: Training, run: Run, data: Data, baselines: Scores, session: Session) -> None:
    """Score the best weights, write predictions and results, and show them. Raises UserError where the disk refuses it."""
    head, folder, reporter, progress = run.model.head, session.folder, session.reporter, training.progress
    # A head that searches for its answers did so greedily in validations.
    validation = run.evaluate("validation", data).scores if head.uses_search else progress.best
    results: Results = {"task": run.config.task, "validation": validation}
    evaluation = None
    if run.config.score_test and "test" in data.splits:
        test, evaluation = data.splits["test"], run.evaluate("test", data)
        results = {"task": run.config.task, "test": evaluation.scores, "validation": validation}
        write_predictions(folder.predictions("test"), test, head.target, evaluation)
        if head.uses_search:
            results["lengths"] = word_lengths(test, head.target, evaluation)
    train = results["train"] = {
        "seconds": round(progress.seconds, 2),
        "wall_seconds": round(training.wall_seconds, 2),
        "vectors_per_second": round(progress.vectors / max(progress.seconds, 1e-9), 1),
        "data_wait": round(progress.data_wait / max(progress.seconds, 1e-9), 4),
        "epochs": progress.epoch,
        "updates": progress.update,
        "best_update": progress.best_update,
        "monitor": progress.monitor,
    }
    results["parameters"] = count_parameters(training.model)
    results["baselines"] = baselines
    write_json(folder.results, results)
    session.tracking.result(results)
    if evaluation is not None:
        columns = {"test": evaluation.scores, "validation": validation, **baselines}
        reporter.table(score_table(f"{run.config.task} on {run.config.data.name}", columns))
        details(reporter, evaluation.confusion, results.get("lengths", {}))
    reporter.say(
        f"{counted(train['epochs'], 'epoch')} in {train['wall_seconds']:.0f} s; {train['vectors_per_second']:,.0f} vectors/s from data to "
        f"optimizer, {100 * train['data_wait']:.1f} % of it waiting for data"
    )
    again = shell_word("run", str(folder.path))
    reporter.say(f"The run lies in {folder.path}; score it again with: attnlab eval {again}")
