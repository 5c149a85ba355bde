"""A run from start to result: what `attnlab train` and `attnlab eval` do, and what Python sees of a run."""

import json
import platform
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import yaml

from attnlab import compose
from attnlab.config import Config
from attnlab.data.image import Image
from attnlab.data.speech import Speech
from attnlab.data.text import Text
from attnlab.data.words import Sentences
from attnlab.errors import Stopped, UserError
from attnlab.model import build as models
from attnlab.runs import RunFolder, write_json, write_text
from attnlab.sets import Prediction
from attnlab.spec import DataSpec
from attnlab.training import checkpoint, folds, report
from attnlab.training.baselines import baselines
from attnlab.training.engine import Engine
from attnlab.training.evaluate import Evaluation, evaluate, predict, prediction_lines
from attnlab.training.loop import Training
from attnlab.training.tracking import Tracking

LOADERS: dict[str, Any] = {"text": Text, "table": Text, "image": Image, "speech": Speech}


class Run:
    """A run folder with its model in memory: evaluate it, or let it predict."""

    def __init__(
        self, folder: RunFolder, config: Config, spec: DataSpec, model: models.Model, engine: Engine
    ) -> None:
        self.folder, self.config, self.spec, self.model, self.engine = folder, config, spec, model, engine

    @property
    def results(self) -> dict[str, Any]:
        """What results.json holds."""
        return self.folder.read_results()

    def data(self) -> Any:
        """The run's data, or other data of the same kind where `config.data` has been changed."""
        return load_data(self.config, self.spec)

    def evaluate(self, split: str = "test", data: Any = None) -> Evaluation:
        """Scores and predictions of the best weights."""
        data = self.data() if data is None else data
        if split not in data.splits:
            raise UserError(f"`split={split}`: the data have {', '.join(data.splits)}")
        return evaluate(self.model, data.splits[split], self.engine, self.config.trainer.batch_vectors)

    def predict(self, sentences: Sequence[str | Sequence[str]]) -> list[Prediction]:
        """An answer for each sentence, given as a string (split as `data.tokens` says) or as a list of words.

        Raises UserError where the run has not learned from text, and for a sentence without words.
        """
        if self.spec.modality != "text":
            raise UserError(f"{self.folder.path}: this run learned from {self.spec.modality}, not from sentences")
        parts = models.needs_parts(self.config)
        sets = Sentences(sentences, self.config.data.tokens, self.spec, parts)
        return predict(self.model, sets, self.engine, self.config.trainer.batch_vectors)


def load_data(config: Config, spec: DataSpec | None = None) -> Any:
    """Prepare and open the data that a configuration names."""
    return LOADERS[config.data.loader](config.data, config.seed, spec, parts=models.needs_parts(config))


def load_run(run: str | Path, overrides: Sequence[str] = (), outputs: str = "outputs") -> Run:
    """A finished or unfinished run with its best weights, from its folder alone.

    Raises UserError where the folder is damaged, not a run, or holds anything that could run.
    """
    folder = RunFolder.find(str(run), outputs)
    config = compose.load_saved(folder.config, overrides)
    if folds.wanted(config):
        raise UserError(f"{folder.path}: a cross-validation; name one of its runs, such as {folder.path}/fold-…")
    spec = DataSpec.load(folder.path)
    engine = Engine(config.trainer)
    model = models.build(config, spec).to(engine.device)
    found, warning = checkpoint.load(folder.best)
    if warning:
        print(f"attnlab: warning: {warning}", file=sys.stderr)
    try:
        model.load_state_dict(found.tensors["model"])
    except (KeyError, RuntimeError) as error:
        raise UserError(f"{found.folder}: these weights don't fit config.yaml and spec.json") from error
    return Run(folder, config, spec, model, engine)


def train(*overrides: str, quiet: bool = False) -> Run | folds.CrossValidation:
    """What `attnlab train …` does, from Python: `train("task=pos", "encoder.depth=4")`."""
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
    for needed in ("train", "validation"):
        if needed not in data.splits:
            raise UserError(f"data={config.data.name}: training needs a {needed} split; there is none")
    models.resolve(config, data.spec)
    torch.manual_seed(config.seed)
    model = models.build(config, data.spec)
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


def _start_folds(config: Config, overrides: Sequence[str], quiet: bool) -> folds.CrossValidation:
    if not config.score_test:
        raise UserError(
            "`score_test=false`: a cross-validation is its folds' test scores; name one by `data.fold=`"
        )
    divided = LOADERS[config.data.loader].folds(config.data, config.seed)
    folder = RunFolder.create(config.outputs, config.task, config.folder)
    with folder.held():
        write_text(folder.overrides, yaml.safe_dump(list(overrides)))
        write_json(folder.environment, environment())
        folds.save(folder, divided)
        write_text(folder.config, compose.to_yaml(config))

        def train_one(name: str, own: RunFolder) -> None:
            start(folds.of_fold(config, name, own), [*overrides, f"data.fold={name}"], quiet)

        return folds.train_each(folder, config, divided, train_one, False, report.Reporter(folder.log, quiet))


def _resume_folds(
    folder: RunFolder, config: Config, overrides: Sequence[str], quiet: bool
) -> folds.CrossValidation:
    """Train what is unfinished; with overrides, which may give them more to do, every fold goes on."""
    divided = LOADERS[config.data.loader].folds(config.data, config.seed)
    folds.check_unchanged(folder, divided)
    write_text(folder.config, compose.to_yaml(config))

    def train_one(name: str, own: RunFolder) -> None:
        if own.config.exists():
            resume(str(own.path), overrides, quiet)
        else:
            start(folds.of_fold(config, name, own), [*overrides, f"data.fold={name}"], quiet)

    changed = any(not word.startswith("outputs=") for word in overrides)
    return folds.train_each(folder, config, divided, train_one, not changed, report.Reporter(folder.log, quiet))


def resume(run: str, overrides: Sequence[str] = (), quiet: bool = False) -> Run | folds.CrossValidation:
    """Continue a run from `last/` as if it had never stopped; overrides may give it more to do."""
    outputs = next((word.removeprefix("outputs=") for word in overrides if word.startswith("outputs=")), "outputs")
    folder = RunFolder.find(run, outputs)
    with folder.held():
        return _resume(folder, overrides, quiet)


def _resume(folder: RunFolder, overrides: Sequence[str], quiet: bool) -> Run | folds.CrossValidation:
    config = compose.load_saved(folder.config, overrides)
    if folds.wanted(config):
        return _resume_folds(folder, config, overrides, quiet)
    spec = DataSpec.load(folder.path)
    engine = Engine(config.trainer)
    data = load_data(config, spec)
    reporter = report.Reporter(folder.log, quiet)
    torch.manual_seed(config.seed)
    model = models.build(config, spec)
    models.start_from_files(model, config, spec)
    tracking = Tracking(config, folder, reporter.warn)
    training = _training(config, model, data, engine, folder, reporter, tracking)
    if checkpoint.exists(folder.last):
        warning = training.restore()
        if warning:
            reporter.warn(warning)
        write_text(folder.config, compose.to_yaml(config))
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
    parameters = models.count_parameters(training.model)
    reporter.say(
        f"{config.task}: {data.config.name} ({sizes} examples); {parameters:,} parameters; {engine.device}"
    )
    simple = baselines(config, data, engine) if config.baselines else {}
    reporter.start_bar(training.progress.update, training.updates)
    began = time.monotonic()
    try:
        with _stop_signals(training) as caught:
            progress = training.run()
    finally:
        reporter.stop_bar()
    if caught and not progress.done:
        reporter.say(f"Stopped after update {progress.update} of {training.updates}, saved.")
        reporter.say(f"Continue with: attnlab train run={folder.path}")
        raise Stopped(caught[0])
    run = load_run(folder.path, [f"trainer.device={engine.device.type}"])
    results: dict[str, Any] = {"task": config.task, "validation": progress.best}
    tested = config.score_test and "test" in data.splits
    if tested:
        evaluation = run.evaluate("test", data)
        results = {"task": config.task, "test": evaluation.scores, "validation": progress.best}
        write_predictions(run, "test", data, evaluation)
    results["train"] = {
        "seconds": round(progress.seconds, 2),
        "wall_seconds": round(time.monotonic() - began, 2),
        "vectors_per_second": round(progress.vectors / max(progress.seconds, 1e-9), 1),
        "data_wait": round(progress.data_wait / max(progress.seconds, 1e-9), 4),
        "epochs": progress.epoch,
        "updates": progress.update,
        "best_update": progress.best_update,
        "monitor": training.monitor,
    }
    results |= {"parameters": parameters, "baselines": simple}
    write_json(folder.results, results)
    tracking.result(results)
    if tested:
        columns = {"test": evaluation.scores, "validation": progress.best, **simple}
        reporter.table(report.score_table(f"{config.task} on {data.config.name}", columns))
        if evaluation.pairs:
            reporter.table(report.confusion_table(evaluation.pairs))
    told = results["train"]
    reporter.say(
        f"{told['epochs']} epochs in {told['wall_seconds']:.0f} s; {told['vectors_per_second']:,.0f} vectors/s from data to "
        f"optimizer, {100 * told['data_wait']:.1f} % of it waiting for data"
    )
    reporter.say(f"The run lies in {folder.path}; score it again with: attnlab eval run={folder.path}")
    return run


def score_again(run_name: str, split: str, outputs: str = "outputs", overrides: Sequence[str] = ()) -> Evaluation:
    """What `attnlab eval` does: score the best weights on a split, or on other data of the same kind."""
    folder = RunFolder.find(run_name, outputs)
    config = compose.load_saved(folder.config, overrides)
    if folds.wanted(config):
        return _score_folds_again(folder, config, split, overrides)
    run = load_run(run_name, overrides, outputs)
    data = run.data()
    reporter = report.Reporter()
    for warning in data.warnings:
        reporter.warn(warning)
    evaluation = run.evaluate(split, data)
    own = load_run(run.folder.path).config.data == run.config.data
    name = split if own else f"{split}-{data.fingerprint}"
    path = write_predictions(run, split, data, evaluation, name)
    columns = {split: evaluation.scores}
    if own and split in run.results:
        columns["as trained"] = run.results[split]
    reporter.table(
        report.score_table(f"{run.config.task} on {run.config.data.path or run.config.data.name}", columns)
    )
    if evaluation.pairs:
        reporter.table(report.confusion_table(evaluation.pairs))
    reporter.say(f"Run {run.folder.path}; predictions in {path}")
    return evaluation


def _score_folds_again(folder: RunFolder, config: Config, split: str, overrides: Sequence[str]) -> Evaluation:
    """Every fold by its own best weights; the scores are means."""
    names = LOADERS[config.data.loader].folds(config.data, config.seed).names
    found = {name: score_again(str(folder.fold(name).path), split, overrides=overrides) for name in names}
    folds.tell(report.Reporter(), f"{config.task} on {config.data.name}", {n: e.scores for n, e in found.items()})
    pairs = sum((Counter(dict(e.pairs)) for e in found.values()), Counter[tuple[str, str]]())
    predictions = [prediction for e in found.values() for prediction in e.predictions]
    return Evaluation(predictions, folds.mean([e.scores for e in found.values()]), pairs)


def write_predictions(run: Run, split: str, data: Any, evaluation: Evaluation, name: str | None = None) -> Path:
    """predictions-<name>.jsonl, a line for each example of the split."""
    lines = prediction_lines(data.splits[split], run.config.head.target, evaluation)
    path = run.folder.predictions(name or split)
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path


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
