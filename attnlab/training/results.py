"""What a finished run comes to: its results.json, and what is shown at the end."""

import shlex

from attnlab.data.contract import Data
from attnlab.disk import write_json
from attnlab.model import build as models
from attnlab.runs import Results
from attnlab.training.baselines import Scores
from attnlab.training.evaluate import Evaluation, word_lengths, write_predictions
from attnlab.training.loop import Training
from attnlab.training.report import details, score_table
from attnlab.training.run import Run
from attnlab.training.session import Session


def finish(training: Training, run: Run, data: Data, baselines: Scores, session: Session) -> None:
    """Score the best weights, write predictions and results, and show them. Raises UserError where the disk refuses it."""
    head, folder = run.model.head, session.folder
    # A head that searches for its answers did so greedily in validations.
    validation = run.evaluate("validation", data).scores if head.searches else training.progress.best
    results: Results = {"task": run.config.task, "validation": validation}
    evaluation = None
    if run.config.score_test and "test" in data.splits:
        test, evaluation = data.splits["test"], run.evaluate("test", data)
        results = {"task": run.config.task, "test": evaluation.scores, "validation": validation}
        write_predictions(folder.predictions("test"), test, head.target, evaluation)
        if head.searches:
            results["lengths"] = word_lengths(test, head.target, evaluation)
    results["train"] = _training_figures(training)
    results["parameters"] = models.count_parameters(training.model)
    results["baselines"] = baselines
    write_json(folder.results, results)
    session.tracking.result(results)
    _show(results, evaluation, run, session)


def _training_figures(training: Training) -> dict[str, object]:
    """How training went."""
    progress = training.progress
    return {
        "seconds": round(progress.seconds, 2),
        "wall_seconds": round(training.wall_seconds, 2),
        "vectors_per_second": round(progress.vectors / max(progress.seconds, 1e-9), 1),
        "data_wait": round(progress.data_wait / max(progress.seconds, 1e-9), 4),
        "epochs": progress.epoch,
        "updates": progress.update,
        "best_update": progress.best_update,
        "monitor": progress.monitor,
    }


def _show(results: Results, evaluation: Evaluation | None, run: Run, session: Session) -> None:
    """Tables of scores, and where the run lies."""
    reporter, train = session.reporter, results["train"]
    if evaluation is not None:
        columns = {"test": evaluation.scores, "validation": results["validation"], **results["baselines"]}
        reporter.table(score_table(f"{run.config.task} on {run.config.data.name}", columns))
        details(reporter, evaluation.pairs, results.get("lengths", {}))
    reporter.say(
        f"{train['epochs']} epochs in {train['wall_seconds']:.0f} s; {train['vectors_per_second']:,.0f} vectors/s from data to "
        f"optimizer, {100 * train['data_wait']:.1f} % of it waiting for data"
    )
    again = shlex.quote(f"run={session.folder.path}")
    reporter.say(f"The run lies in {session.folder.path}; score it again with: attnlab eval {again}")
