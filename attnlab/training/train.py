"""Training from start to result: what `attnlab train` does, anew or from where a run stopped."""

import platform
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import torch
import yaml

from attnlab import compose
from attnlab.command_words import shell_word, text
from attnlab.config import Config, HubDataConfig
from attnlab.data import loader
from attnlab.data.contract import Data
from attnlab.data.prep.crossval import Folds
from attnlab.data.warnings import warnings
from attnlab.disk import read_json, write_json, write_text
from attnlab.errors import RankFailed, Stopped, UserError
from attnlab.model import build as models
from attnlab.model.width import count_parameters
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec
from attnlab.training import changes, checkpoint, cross_validation, defaults, from_run, starts, task
from attnlab.training.baselines import of_splits
from attnlab.training.checks import check_answers, check_counts, check_optimizer, check_positions
from attnlab.training.cross_validation import CrossValidation
from attnlab.training.engine import Engine, memory_bytes
from attnlab.training.follow import lead_training
from attnlab.training.loop import Training
from attnlab.training.memory import check_memory
from attnlab.training.monitor import monitor_for
from attnlab.training.report import Reporter
from attnlab.training.results import Session, finish
from attnlab.training.resume import restore
from attnlab.training.run import Run, best_weights, load_data, with_weights
from attnlab.training.signals import on_stop_signal
from attnlab.training.tracking import Tracking


def train(*overrides: str, quiet: bool = False) -> Run | CrossValidation:
    """What `attnlab train …` does, from Python: `train("task=pos", "encoder.depth=4")`. Raises UserError where the
    configuration or the data cannot be used, and Stopped where a signal asked for an end."""
    for word in overrides:
        if not isinstance(word, str):
            raise UserError(
                f'`{word}`: give each override as a string of its own, as in train("task=pos", "seed=2")'
            )
    if runs := [text(word) for word in overrides if word.startswith("run=")]:
        return resume(runs[-1], [word for word in overrides if not word.startswith("run=")], quiet)
    return start(compose.compose(overrides), overrides, quiet)


def start(
    config: Config, overrides: Sequence[str] = (), quiet: bool = False, title: str = "", brief: bool = False
) -> Run | CrossValidation:
    """A new run, or one for each fold, with the settings that suit its data, or the run that it starts from, where overrides state no
    others. title: what is told first, of one of several runs. brief: only what is known before training is shown, the rest is in log.txt. Raises UserError and Stopped, as `train` does."""
    if words := from_run.words_of(config, overrides):
        overrides = [*words, *overrides]
        config = compose.compose(overrides)
    settled, line = defaults.settle(config, overrides)
    return _start(
        from_run.located(compose.with_absolute_paths(settled)),
        overrides,
        quiet,
        title=title,
        line=line,
        brief=brief,
    )


def _start(
    config: Config, overrides: Sequence[str], quiet: bool, warned: bool = False, title: str = "", line: str = "",
    brief: bool = False,
) -> Run | CrossValidation:  # fmt: skip
    """A new run, or one for each fold. Its folder is made once the configuration and the data have been accepted. warned, brief:
    see `Session`. title, line: what is told first, and of its settings."""
    engine = Engine.joined(config.trainer)
    if cross_validation.wanted(config):
        if not config.score_test:
            raise UserError(
                "`score_test=false`: a cross-validation is its folds' test scores; name one by `data.fold=`"
            )
        folds = loader(config.data).folds(config.data, config.seed)
        folder = RunFolder.create(config.outputs, config.task, config.folder)
        with folder.held():
            _write_beginnings(folder, overrides)
            write_json(folder.folds, asdict(folds))
            write_text(folder.config, compose.to_yaml(config))
            told = "\n".join(filter(None, (title, line)))
            return _train_folds(folder, config, folds, overrides, quiet, told, brief)
    data = from_run.knowing_its_words(config, load_data(config))
    _refuse_missing_splits(config, data)
    models.resolve(config, data.spec)
    task.refuse_other(config, data.spec)
    if data.commit is not None:
        assert isinstance(config.data, HubDataConfig)
        config.data.revision = data.commit  # whatever the hub has tomorrow
    check_counts(config, data)
    check_memory(config, data.spec, engine)
    torch.manual_seed(config.seed)
    model = models.build(config, data.spec)
    check_answers(model, data)
    monitor_for(config.trainer.monitor, model.head, data.splits["validation"])
    check_positions(config, model, data)
    check_optimizer(config, model)
    taken = starts.start(model, config, data)
    folder = RunFolder.create(config.outputs, config.task, config.folder)
    reporter = Reporter(folder.log, quiet)
    with folder.held():
        if title:
            reporter.say(title, style="bold")
        if data.notice:
            reporter.say(data.notice, style="cyan")
        if (follows := task.told(config, data.spec, overrides)) and not warned:
            reporter.say(follows, style="cyan")
        if line:
            reporter.say(line, style="cyan")
        _write_beginnings(folder, overrides)
        data.spec.save(folder.path)
        session = Session(engine, folder, reporter, Tracking(config, folder, reporter.warn), warned, brief)
        training = Training(config, model, data, engine, folder, session)
        if taken:
            reporter.say(taken.line, style="cyan")
            write_json(folder.init, asdict(taken))
            training.save()  # nobody reads the other run again: it may be deleted
        write_text(folder.config, compose.to_yaml(config))  # last: a folder with a config.yaml is a run
        return _finish(training, data, session)


def _write_beginnings(folder: RunFolder, overrides: Sequence[str]) -> None:
    """How a run was asked for, and what its figures may depend on besides the configuration."""
    write_text(folder.overrides, yaml.safe_dump(list(overrides)))
    environment = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
    write_json(folder.environment, environment)


def _refuse_missing_splits(config: Config, data: Data) -> None:
    for needed in ("train", "validation"):
        if needed not in data.splits:
            hint = "; hold one out by `data.validation=0.1`" if needed == "validation" else ""
            raise UserError(f"data={config.data.name}: training needs a {needed} split; there is none{hint}")


def _train_folds(
    folder: RunFolder, config: Config, folds: Folds, overrides: Sequence[str], quiet: bool, line: str = "",
    brief: bool = False,
) -> CrossValidation:  # fmt: skip
    """Train every fold that isn't finished under these settings, which may give all of them more to do. line: what is told
    of them. brief: see `Session`."""
    reporter, warned = Reporter(folder.log, quiet), False
    if line:
        reporter.say(line, style="cyan")

    def accepted() -> None:
        write_text(folder.config, compose.to_yaml(config))

    for number, name in enumerate(folds.names, 1):
        fold, title = folder.fold(name), f"Fold {name} ({number} of {len(folds.names)})"
        if fold.results.exists() and not changes.settings_for(fold, config):
            reporter.say(f"{title} is finished.")
            continue
        of_fold = replace(cross_validation.of_fold(config, name), folder=str(fold.path))
        if not warned:
            data = load_data(of_fold)
            if follows := task.told(config, data.spec, overrides):
                reporter.say(follows, style="cyan")
            for warning in warnings(data, config=of_fold):
                reporter.warn(warning)
            warned = True
        with reporter.only_log(brief):
            reporter.say(title, style="bold")
        try:
            if fold.config.exists():
                words = [*changes.settings_for(fold, config), *overrides]
                resume(str(fold.path), words, quiet, accepted, warned)
            else:
                _start(of_fold, [*overrides, f"data.fold={name}"], quiet or brief, warned)
        except Stopped:
            again = shell_word("run", str(folder.path))
            reporter.say(f"Continue all folds with: attnlab train {again}")
            raise
    with reporter.only_log(brief):
        finished = cross_validation.conclude(folder, config, folds, reporter)
    accepted()
    return finished


def resume(
    run: str, overrides: Sequence[str] = (), quiet: bool = False, accepted: Callable[[], None] = lambda: None,
    warned: bool = False,
) -> Run | CrossValidation:  # fmt: skip
    """Continue a run from `last/` as if it had never stopped; overrides may give it more to do. accepted: called when
    the run can go on under them. warned: see `Session`. Raises UserError and Stopped, as `train` does."""
    outputs = [text(word) for word in overrides if word.startswith("outputs=")]
    folder = RunFolder.find(run, outputs[-1] if outputs else "outputs")
    if folder.told:
        Reporter(quiet=quiet).say(folder.told, style="cyan")
    with folder.held():
        config = compose.load_saved(folder.config, overrides)
        folder.read_metrics()  # refused now, where they are damaged, and not once they are rewritten
        changes.refuse_another_model(folder, config)
        if cross_validation.wanted(config):
            folds = loader(config.data).folds(config.data, config.seed)
            began = read_json(folder.folds, Folds)
            if (began.test, began.validation) != (folds.test, folds.validation):
                raise UserError(
                    f"{folder.path}: the data are no longer those of this cross-validation; give it the same files "
                    "(`data.path=`), or start a new one"
                )
            return _train_folds(folder, config, folds, overrides, quiet)
        spec = DataSpec.load(folder.path)
        changes.check_tokenizer(folder, config, spec)
        _refuse_other_size(folder, config, spec)
        engine = Engine.joined(config.trainer)
        data = load_data(config, spec)
        _refuse_missing_splits(config, data)
        check_memory(config, spec, engine)
        torch.manual_seed(config.seed)
        model = models.build(config, spec)
        if not checkpoint.exists(folder.last) and config.init is None:
            starts.start(model, config, data)
        reporter = Reporter(folder.log, quiet)
        session = Session(engine, folder, reporter, Tracking(config, folder, reporter.warn), warned)
        training = Training(config, model, data, engine, folder, session)
        if checkpoint.exists(folder.last):
            restored = restore(training)
            if (
                training.progress.done
                and folder.results.exists()
                and folder.config.read_text() == compose.to_yaml(config)
            ):
                Reporter(quiet=quiet).say(
                    _how_far(training, folder)
                )  # nothing of the folder changes, its log neither
                best = best_weights(folder, model.state_dict())
                return with_weights(best, folder, config, spec, model, engine)
            for warning in restored:
                reporter.warn(warning)
            if not training.progress.done:
                folder.outdate_results()  # before the settings change that they came from
            write_text(folder.config, compose.to_yaml(config))
            accepted()
            reporter.say(_how_far(training, folder))
        elif folder.results.exists():
            raise UserError(
                f"{folder.path}: `attnlab prune` removed what this run would be trained further from; it can still be "
                "evaluated; to train longer, start a new run"
            )
        elif config.init is not None:
            raise UserError(
                f"{folder.path}: `last/` is missing, with the weights that it took of {config.init}; start a new run"
            )
        else:
            reporter.say(f"Starting {folder.path} from the beginning: it stopped before its first save.")
        folder.forget_metrics_after(training.progress.update)
        return _finish(training, data, session)


def _how_far(training: Training, folder: RunFolder) -> str:
    """What is told of a run that was found, before it goes on or its results are shown again."""
    progress, settings = training.progress, training.config.trainer
    if not progress.done:
        return f"Continuing {folder.path} after update {progress.update:,} of {training.updates:,}."
    patience = f" or patience, trainer.patience={2 * settings.patience}" if settings.patience else ""
    longer = (
        f"updates, trainer.updates={2 * settings.updates}"
        if settings.updates
        else f"epochs, trainer.epochs={2 * settings.epochs}"
    )
    return (
        f"{folder.path} is finished, after update {progress.update:,}: nothing is trained. To train it longer, give it more "
        f"{longer}{patience}."
    )


def _refuse_other_size(folder: RunFolder, config: Config, spec: DataSpec) -> None:
    """Raises UserError where a folder's weights are those of a smaller or larger model, or where there are none and this
    machine's memory doesn't hold the model, before any memory is taken for it."""
    sizes = models.sizes(config, spec)

    def check(saved: checkpoint.Checkpoint) -> None:
        checkpoint.refuse_other_tensors(saved.tensors.get("model", {}), sizes, saved.folder)

    if checkpoint.exists(folder.last):
        checkpoint.load(folder.last, check)
    elif (needed := sum(tensor.nbytes for tensor in sizes.values())) > memory_bytes():
        raise UserError(
            f"{folder.config}: a model of {needed / 2**30:,.0f} GiB, of which this machine has {memory_bytes() / 2**30:,.0f}"
        )


def _finish(training: Training, data: Data, session: Session) -> Run:
    """Train to the end, score the best weights and report the results; of a failure, write down why."""
    folder = session.folder
    folder.error.unlink(missing_ok=True)
    try:
        return _to_the_end(training, data, session)
    except BrokenPipeError:  # nobody reads what is told: stop as if it had been asked for
        if not training.progress.done:
            training.save()
        raise
    except Exception as error:
        told = isinstance(error, UserError | RankFailed)
        sentence = str(error) if told else f"{type(error).__name__}: {error}"
        if sentence and not isinstance(error, Stopped):  # of a process that was killed there is nothing to be told
            write_json(folder.error, {"error": sentence})
        raise
    finally:
        session.tracking.finish()


def _to_the_end(training: Training, data: Data, session: Session) -> Run:
    """Raises Stopped where a signal asked for an end before the last update, once everything is saved."""
    config, reporter, progress = training.config, session.reporter, training.progress
    lead_training(training, session.folder)
    _, unusual = monitor_for(config.trainer.monitor, training.model.head, data.splits["validation"])
    told = [*warnings(data, config=config), *filter(None, (unusual, from_run.warning(config)))]
    if session.warned:
        reporter.note(told)
    for warning in [] if session.warned else told:
        reporter.warn(warning)
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    fixed = sum(p.numel() for p in training.model.parameters() if not p.requires_grad)
    parameters = f"{count_parameters(training.model):,} parameters" + (
        f", besides {fixed:,} fixed ones" if fixed else ""
    )
    reporter.say(f"{config.task}: {config.data.name} ({sizes} examples); {parameters}; {session.engine.device}")
    if training.strategy.told:
        reporter.say(training.strategy.told, style="cyan")
    simple = of_splits(config, data, session.engine, reporter.warn) if config.baselines else {}
    training.engine.ranks.wait()  # the others have, however long that took
    several = training.engine.ranks.count > 1
    with (
        reporter.bar(progress.update, training.updates),
        on_stop_signal(training.request_stop, several) as caught,
        reporter.only_log(session.brief),
    ):
        training.run()
    if training.stopping and not progress.done:
        reporter.say(f"Stopped after update {progress.update} of {training.updates}, saved.")
        again = shell_word("run", str(session.folder.path))
        reporter.say(f"Continue with: attnlab train {again}")
        raise Stopped(caught[0] if caught else signal.SIGTERM)  # or another process was asked to stop
    # The model itself takes the best weights: its own are in `last/`.
    best = best_weights(session.folder, training.model.state_dict())
    run = with_weights(best, session.folder, config, data.spec, training.model, session.engine)
    with reporter.only_log(session.brief):
        finish(training, run, data, simple, session, told)
    for kept in (session.folder.best, session.folder.last):  # whole by now, so that the ones before aren't needed
        for copy in checkpoint.copies(kept):
            checkpoint.remove(copy)
    return run
