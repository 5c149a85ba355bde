"""Training from start to result: what `attnlab train` does, anew or from where a run stopped."""

import platform
import shlex
import signal
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import torch
import yaml

from attnlab import compose
from attnlab.config import Config
from attnlab.data import loader
from attnlab.errors import Stopped, UserError
from attnlab.model import build as models
from attnlab.model.width import count_parameters
from attnlab.runs import RunFolder, write_json, write_text
from attnlab.spec import DataSpec
from attnlab.training import changes, checkpoint, folds, report
from attnlab.training.baselines import baselines
from attnlab.training.checks import check_positions
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.run import (
    Run,
    load_data,
    load_run,
    word_lengths,
    write_predictions,
)
from attnlab.training.tracking import Tracking


def train(*overrides: str, quiet: bool = False) -> Run | folds.CrossValidation:
    """What `attnlab train …` does, from Python: `train("task=pos", "encoder.depth=4")`."""
    for word in overrides:
        if not isinstance(word, str):
            raise UserError(
                f'`{word}`: give each override as a string of its own, as in train("task=pos", "seed=2")'
            )
    resumed = [word for word in overrides if word.startswith("run=")]
    if resumed:
        others = [word for word in overrides if not word.startswith("run=")]
        return resume(resumed[-1].removeprefix("run="), others, quiet)
    return start(compose.compose(overrides), overrides, quiet)


def start(config: Config, overrides: Sequence[str] = (), quiet: bool = False) -> Run | folds.CrossValidation:
    """A new run, or one for each fold. Its folder is made once the configuration and the data have been accepted."""
    engine = Engine(config.trainer)
    if folds.wanted(config):
        return _start_folds(config, overrides, quiet)
    data = load_data(config)
    _refuse_missing_splits(config, data)
    models.resolve(config, data.spec)
    if data.commit is not None:
        config.data.revision = data.commit  # whatever the hub has tomorrow
    torch.manual_seed(config.seed)
    model = models.build(config, data.spec)
    check_positions(config, model, data)
    models.start_from_files(model, config, data.spec)
    folder = RunFolder.create(config.outputs, config.task, config.folder)
    reporter = report.Reporter(folder.log, quiet)
    with folder.held():
        if data.notice:
            reporter.say(data.notice, style="cyan")
        write_text(folder.overrides, yaml.safe_dump(list(overrides)))
        write_json(folder.environment, environment())
        data.spec.save(folder.path)
        write_text(folder.config, compose.to_yaml(config))  # last: a folder with a config.yaml is a run
        tracking = Tracking(config, folder, reporter.warn)
        training = _training(config, model, data, engine, folder, reporter, tracking)
        return _finish(training, data, folder, reporter, tracking)


def _refuse_missing_splits(config: Config, data: Any) -> None:
    for needed in ("train", "validation"):
        if needed not in data.splits:
            hint = "; hold one out by `data.validation=0.1`" if needed == "validation" else ""
            raise UserError(f"data={config.data.name}: training needs a {needed} split; there is none{hint}")


def _start_folds(config: Config, overrides: Sequence[str], quiet: bool) -> folds.CrossValidation:
    if not config.score_test:
        raise UserError(
            "`score_test=false`: a cross-validation is its folds' test scores; name one by `data.fold=`"
        )
    divided = loader(config.data).folds(config.data, config.seed)
    folder = RunFolder.create(config.outputs, config.task, config.folder)
    with folder.held():
        write_text(folder.overrides, yaml.safe_dump(list(overrides)))
        write_json(folder.environment, environment())
        folds.save(folder, divided)
        write_text(folder.config, compose.to_yaml(config))

        def train_one(name: str, own: RunFolder) -> None:
            start(folds.of_fold(config, name, own), [*overrides, f"data.fold={name}"], quiet)

        return folds.train_each(folder, config, divided, train_one, report.Reporter(folder.log, quiet))


def _resume_folds(
    folder: RunFolder, config: Config, overrides: Sequence[str], quiet: bool
) -> folds.CrossValidation:
    """Train every fold that isn't finished under these settings, which may give all of them more to do."""
    divided = loader(config.data).folds(config.data, config.seed)
    folds.check_unchanged(folder, divided)

    def accepted() -> None:
        write_text(folder.config, compose.to_yaml(config))

    def train_one(name: str, own: RunFolder) -> None:
        if own.config.exists():
            resume(str(own.path), [*changes.settings_for(own, config), *overrides], quiet, accepted)
        else:
            start(folds.of_fold(config, name, own), [*overrides, f"data.fold={name}"], quiet)

    found = folds.train_each(folder, config, divided, train_one, report.Reporter(folder.log, quiet))
    accepted()
    return found


def resume(
    run: str, overrides: Sequence[str] = (), quiet: bool = False, accepted: Callable[[], None] = lambda: None
) -> Run | folds.CrossValidation:
    """Continue a run from `last/` as if it had never stopped; overrides may give it more to do. accepted: told when the
    run can go on under them."""
    outputs = next((word.removeprefix("outputs=") for word in overrides if word.startswith("outputs=")), "outputs")
    folder = RunFolder.find(run, outputs)
    with folder.held():
        return _resume(folder, overrides, quiet, accepted)


def _resume(
    folder: RunFolder, overrides: Sequence[str], quiet: bool, accepted: Callable[[], None]
) -> Run | folds.CrossValidation:
    config = compose.load_saved(folder.config, overrides)
    changes.refuse_another_model(folder, config)
    if folds.wanted(config):
        return _resume_folds(folder, config, overrides, quiet)
    spec = DataSpec.load(folder.path)
    changes.check_spelling(folder, config, spec)
    engine = Engine(config.trainer)
    data = load_data(config, spec)
    _refuse_missing_splits(config, data)
    reporter = report.Reporter(folder.log, quiet)
    torch.manual_seed(config.seed)
    model = models.build(config, spec)
    models.start_from_files(model, config, spec)
    tracking = Tracking(config, folder, reporter.warn)
    training = _training(config, model, data, engine, folder, reporter, tracking)
    if checkpoint.exists(folder.last):
        for warning in training.restore():
            reporter.warn(warning)
        if not training.progress.done:
            folder.outdate_results()  # before the settings change that they came from
        write_text(folder.config, compose.to_yaml(config))
        accepted()
        reporter.say(f"Continuing {folder.path} after update {training.progress.update} of {training.updates}.")
    else:
        reporter.say(f"Starting {folder.path} anew: it stopped before its first save.")
    folder.forget_metrics_after(training.progress.update)
    return _finish(training, data, folder, reporter, tracking)


def _training(
    config: Config,
    model: models.Model,
    data: Any,
    engine: Engine,
    folder: RunFolder,
    reporter: report.Reporter,
    tracking: Tracking,
) -> Training:
    def tell(kind: str, values: dict[str, Any]) -> None:
        if kind == "validation":
            folder.append_metrics(values)
            reporter.validation(values)
            tracking.log(values)
        reporter.update(values["update"], values.get("train_loss", values.get("loss", 0.0)))

    return Training(
        config, model, data.splits["train"], data.splits["validation"], engine, folder, tell, data.fingerprint
    )


def _finish(
    training: Training, data: Any, folder: RunFolder, reporter: report.Reporter, tracking: Tracking
) -> Run:
    """Train to the end, score the best weights on test, and tell the result; leave word of what failed."""
    folder.error.unlink(missing_ok=True)
    try:
        return _to_the_end(training, data, folder, reporter, tracking)
    except Exception as error:
        if not isinstance(error, Stopped):
            sentence = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            write_json(folder.error, {"error": sentence})
        raise
    finally:
        tracking.finish()


def _to_the_end(
    training: Training, data: Any, folder: RunFolder, reporter: report.Reporter, tracking: Tracking
) -> Run:
    config, engine = training.config, training.engine
    for warning in data.warnings:
        reporter.warn(warning)
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    parameters = count_parameters(training.model)
    reporter.say(
        f"{config.task}: {data.config.name} ({sizes} examples); {parameters:,} parameters; {engine.device}"
    )
    simple = baselines(config, data, engine) if config.baselines else {}
    reporter.start_bar(training.progress.update, training.updates)
    try:
        with _stop_signals(training) as caught:
            progress = training.run()
    finally:
        reporter.stop_bar()
    if caught and not progress.done:
        reporter.say(f"Stopped after update {progress.update} of {training.updates}, saved.")
        reporter.say(f"Continue with: attnlab train {_run_word(folder)}")
        raise Stopped(caught[0])
    run = load_run(folder.path, [f"trainer.device={engine.device.type}"])
    # A head that searches for its answers gave greedy ones in validations.
    uses_search = training.model.head.uses_search
    validation = run.evaluate("validation", data).scores if uses_search else progress.best
    results: dict[str, Any] = {"task": config.task, "validation": validation}
    tested = config.score_test and "test" in data.splits
    if tested:
        evaluation = run.evaluate("test", data)
        results = {"task": config.task, "test": evaluation.scores, "validation": validation}
        write_predictions(run, "test", data, evaluation)
        if uses_search:
            results["lengths"] = word_lengths(run, data.splits["test"], evaluation)
    results["train"] = {
        "seconds": round(progress.seconds, 2),
        "wall_seconds": round(training.wall_seconds, 2),
        "vectors_per_second": round(progress.vectors / max(progress.seconds, 1e-9), 1),
        "data_wait": round(progress.data_wait / max(progress.seconds, 1e-9), 4),
        "epochs": progress.epoch,
        "updates": progress.update,
        "best_update": progress.best_update,
        "monitor": progress.monitor,
    }
    results |= {"parameters": parameters, "baselines": simple}
    write_json(folder.results, results)
    tracking.result(results)
    if tested:
        columns = {"test": evaluation.scores, "validation": validation, **simple}
        reporter.table(report.score_table(f"{config.task} on {data.config.name}", columns))
        report.details(reporter, evaluation.pairs, results.get("lengths"))
    told = results["train"]
    reporter.say(
        f"{told['epochs']} epochs in {told['wall_seconds']:.0f} s; {told['vectors_per_second']:,.0f} vectors/s from data to "
        f"optimizer, {100 * told['data_wait']:.1f} % of it waiting for data"
    )
    reporter.say(f"The run lies in {folder.path}; score it again with: attnlab eval {_run_word(folder)}")
    return run


def _run_word(folder: RunFolder) -> str:
    """As a shell takes it."""
    return shlex.quote(f"run={folder.path}")


def environment() -> dict[str, Any]:
    """What a figure may depend on besides the configuration."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


class _stop_signals:
    """While inside, the first Ctrl-C or SIGTERM asks the loop to save and stop; the second acts at once."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.caught: list[int] = []

    def __enter__(self) -> list[int]:
        self._before: dict[int, Any] = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._before[number] = signal.signal(number, self._catch)
            except ValueError:  # not in the main thread: whoever runs us handles signals
                break
        return self.caught

    def _catch(self, number: int, frame: FrameType | None) -> None:
        self.caught.append(number)
        self.training.stop_requested = True
        signal.signal(number, self._before[number])

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
