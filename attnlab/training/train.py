"""Training from start to result: what `attnlab train` does, anew or from where a run stopped."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import torch

from attnlab import compose, compose_joint
from attnlab.command_words import shell_word, text
from attnlab.config import Config
from attnlab.data import loader
from attnlab.data.prep.crossval import Folds
from attnlab.data.warnings import warnings
from attnlab.disk import read_json, write_json, write_text
from attnlab.errors import Stopped, UserError
from attnlab.model import build as models
from attnlab.model.width import count_parameters
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec
from attnlab.training import changes, checkpoint, cross_validation, defaults, from_run, joint, starts, task
from attnlab.training.baselines import of_splits
from attnlab.training.cross_validation import CrossValidation
from attnlab.training.engine import Engine, memory_bytes
from attnlab.training.joint import JointRun
from attnlab.training.lead import lead_training
from attnlab.training.loop import Training
from attnlab.training.memory import check_memory
from attnlab.training.monitor import monitor_for
from attnlab.training.parts import Parts
from attnlab.training.report import Reporter
from attnlab.training.results import Session, finish
from attnlab.training.resume import restore
from attnlab.training.run import Run, load_data
from attnlab.training.running import (
    best_runs,
    failures_told,
    open_run,
    refuse_missing_splits,
    remove_copies,
    train_until_done,
    write_beginnings,
)
from attnlab.training.tracking import Tracking


def train(*overrides: str, quiet: bool = False) -> Run | CrossValidation | JointRun:
    """What `attnlab train …` does, from Python: `train("task=pos", "encoder.depth=4")`. Raises UserError where the
    configuration or the data cannot be used, and Stopped where a signal asked for an end."""
    for word in overrides:
        if not isinstance(word, str):
            raise UserError(
                f'`{word}`: give each override as a string of its own, as in train("task=pos", "seed=2")'
            )
    if folder := joint.find(overrides):
        return joint.resume(
            folder, [word for word in overrides if not word.startswith(("run=", "outputs="))], quiet
        )
    if compose_joint.wanted(overrides):
        return joint.start(compose_joint.compose_joint(overrides), overrides, quiet)
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
            write_beginnings(folder, overrides)
            write_json(folder.folds, asdict(folds))
            write_text(folder.config, compose.to_yaml(config))
            told = "\n".join(filter(None, (title, line)))
            return _train_folds(folder, config, folds, overrides, quiet, told, brief)
    opened = open_run(config, engine)
    data = opened.data
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
        write_beginnings(folder, overrides)
        data.spec.save(folder.path)
        session = Session(engine, folder, reporter, Tracking(config, folder, reporter.warn), warned, brief)
        training = Training(config, opened.model, Parts.alone(config, data), engine, folder, session)
        if opened.taken:
            reporter.say(opened.taken.line, style="cyan")
            write_json(folder.init, asdict(opened.taken))
            training.save()  # nobody reads the other run again: it may be deleted
        write_text(folder.config, compose.to_yaml(config))  # last: a folder with a config.yaml is a run
        return _finish(training, session)


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
                    f"{folder.path}: the folds are no longer those of this cross-validation: the data have changed, or an earlier "
                    "version of attnlab divided them otherwise; give it the same files (`data.path=`), or start a new one"
                )
            return _train_folds(folder, config, folds, overrides, quiet)
        spec = DataSpec.load(folder.path)
        changes.check_tokenizer(folder, config, spec)
        _refuse_other_size(folder, config, spec)
        engine = Engine.joined(config.trainer)
        data = load_data(config, spec)
        refuse_missing_splits(config, data)
        check_memory(config, spec, engine)
        torch.manual_seed(config.seed)
        model = models.build(config, spec)
        if not checkpoint.exists(folder.last) and config.init is None:
            starts.start(model, config, data)
        reporter = Reporter(folder.log, quiet)
        session = Session(engine, folder, reporter, Tracking(config, folder, reporter.warn), warned)
        training = Training(config, model, Parts.alone(config, data), engine, folder, session)
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
                (finished,) = best_runs(training, folder).values()
                return finished
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
        return _finish(training, session)


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


def _finish(training: Training, session: Session) -> Run:
    """Train to the end, score the best weights and report the results; of a failure, write down why."""
    with failures_told(training, session):
        return _to_the_end(training, session)


def _to_the_end(training: Training, session: Session) -> Run:
    """Raises Stopped where a signal asked for an end before the last update, once everything is saved."""
    (part,), (model,) = training.parts.by_name.values(), training.model.parts.values()
    config, data, reporter, progress = part.config, part.data, session.reporter, training.progress
    lead_training(training, session.folder)
    _, unusual = monitor_for(config.trainer.monitor, model.head, data.splits["validation"])
    told = [*warnings(data, config=config), *filter(None, (unusual, from_run.warning(config)))]
    if session.warned:
        reporter.note(told)
    for warning in [] if session.warned else told:
        reporter.warn(warning)
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in data.splits.items())
    fixed = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    parameters = f"{count_parameters(model):,} parameters" + (f", besides {fixed:,} fixed ones" if fixed else "")
    reporter.say(f"{config.task}: {config.data.name} ({sizes} examples); {parameters}; {session.engine.device}")
    if training.strategy.told:
        reporter.say(training.strategy.told, style="cyan")
    simple = of_splits(config, data, session.engine, reporter.warn) if config.baselines else {}
    train_until_done(training, session)
    (run,) = best_runs(training, session.folder).values()
    with reporter.only_log(session.brief):
        finish(progress, training.wall_seconds, run, data, simple, session, told)
    remove_copies(session.folder)
    return run
