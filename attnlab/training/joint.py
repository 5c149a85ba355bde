"""A joint run: several tasks, each with its own data, embedding, places and head, around one trunk.

Its folder has `last/`, from which it goes on, and below `parts/` an ordinary run's folder for each part, with the whole weights of
that part's model; whatever reads runs reads these.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean

import torch

from attnlab import compose, compose_joint
from attnlab.command_words import as_written, shell_word, text
from attnlab.compose_joint import Composed
from attnlab.config import ClassificationHead, Config, JointConfig
from attnlab.data.warnings import warnings
from attnlab.disk import make_folder, write_json, write_text
from attnlab.errors import UserError
from attnlab.metrics import Measured, better
from attnlab.model import build as models
from attnlab.model.joint import Joint
from attnlab.model.width import count_parameters
from attnlab.runs import Results, RunFolder, flat
from attnlab.spec import DataSpec
from attnlab.training import balance, changes, checkpoint, defaults, starts
from attnlab.training.baselines import of_splits
from attnlab.training.engine import Engine
from attnlab.training.lead import lead_training
from attnlab.training.loop import Training
from attnlab.training.memory import check_memory
from attnlab.training.parts import JointParts, Part, Scale, scores_of
from attnlab.training.report import Reporter, new_table, shown
from attnlab.training.results import Session, finish, how_trained
from attnlab.training.resume import restore
from attnlab.training.run import Run, load_data
from attnlab.training.running import (
    Opened,
    best_runs,
    failures_told,
    open_run,
    refuse_missing_splits,
    remove_copies,
    train_until_done,
    write_beginnings,
)
from attnlab.training.state import Progress, Validation
from attnlab.training.tracking import Tracking

FIXED = ("task", "parts", "encoder", "seed", "trainer.accumulate", "trainer.mixing", "trainer.balance")
"""What must not change while a joint run is trained: what its weights are weights of, and which batches form its updates."""


@dataclass(frozen=True, eq=False)
class JointRun:
    """A finished joint run. parts: by name, with their best weights in memory."""

    folder: RunFolder
    config: JointConfig
    parts: dict[str, Run]

    @property
    def results(self) -> Results:
        """What results.json holds."""
        return self.folder.read_results()


@dataclass(frozen=True)
class JointSession(Session):
    """Where a joint run is kept and reported. monitors: of each part, its own score that is told."""

    monitors: dict[str, str] = field(default_factory=dict)

    def validated(self, validation: Validation) -> None:
        self.folder.append_metrics(validation.line())
        for name, monitor in self.monitors.items():
            own = replace(validation, monitor=monitor, scores=scores_of(name, validation.scores))
            self.folder.part(name).append_metrics(own.line())
        self.reporter.validation(validation, [f"{name}/{monitor}" for name, monitor in self.monitors.items()])
        self.tracking.log(validation.line())
        self.reporter.update(validation.update, validation.train_loss)


def start(composed: Composed, overrides: Sequence[str] = (), quiet: bool = False) -> JointRun:
    """A new joint run. Its folder is made once all parts have been accepted. Raises UserError and Stopped, as `train` does."""
    config, engine = composed.config, Engine.joined(composed.config.trainer)
    parts, lines = opened_parts(composed, engine)
    model, learned = joint_of(parts), learned_of(config, parts, engine)
    folder = RunFolder.create(config.outputs, config.task, config.folder)
    reporter = Reporter(folder.log, quiet)
    with folder.held():
        for name, line in lines.items():
            if line:
                reporter.say(f"{name}: chosen from its data: {line}", style="cyan")
        write_beginnings(folder, overrides)
        for name, part in parts.items():
            own_folder = folder.part(name)
            make_folder(own_folder.path)
            write_beginnings(own_folder, composed.words[name])
            part.data.spec.save(own_folder.path)
            write_text(own_folder.config, compose.to_yaml(part.config))
        write_text(folder.config, compose.to_yaml(config))  # last: a folder with a config.yaml is a run
        session = _session(config, engine, folder, reporter, learned)
        return _conclude(Training(config, model, learned, engine, folder, session), config, session)


def resume(folder: RunFolder, overrides: Sequence[str] = (), quiet: bool = False) -> JointRun:
    """Continue a joint run from `last/` as if it had never stopped; overrides may give it more to do. Raises UserError and
    Stopped, as `train` does."""
    with folder.held():
        config = compose.load_saved_joint(folder.config, overrides)
        _refuse_other(folder, config)
        engine = Engine.joined(config.trainer)
        parts = _reopened(folder, config, engine)
        learned, reporter = learned_of(config, parts, engine), Reporter(folder.log, quiet)
        session = _session(config, engine, folder, reporter, learned)
        training = Training(config, joint_of(parts), learned, engine, folder, session)
        if checkpoint.exists(folder.last):
            told = restore(training)
            if training.progress.done and folder.results.exists():
                Reporter(quiet=quiet).say(
                    f"{folder.path} is finished, after update {training.progress.update:,}: nothing is trained. To train it longer, "
                    "give it more trainer.epochs, trainer.updates or trainer.patience."
                )
                return JointRun(folder, config, best_runs(training, folder))
            for warning in told:
                reporter.warn(warning)
            for own in (folder, *map(folder.part, parts)):
                own.outdate_results()
            for name, part in parts.items():
                write_text(folder.part(name).config, compose.to_yaml(part.config))
            write_text(folder.config, compose.to_yaml(config))
            update = training.progress.update
            reporter.say(f"Continuing {folder.path} after update {update:,} of {training.updates:,}.")
        elif folder.results.exists():
            raise UserError(
                f"{folder.path}: `attnlab prune` removed what this run would be trained further from; its parts can still be "
                "evaluated; to train longer, start a new run"
            )
        else:
            reporter.say(f"Starting {folder.path} from the beginning: it stopped before its first save.")
        for own in (folder, *map(folder.part, parts)):
            own.forget_metrics_after(training.progress.update)
        return _conclude(training, config, session)


def follow(folder: RunFolder, anew: bool) -> Training:
    """The training of a joint run, as all processes but the first compute it. anew: whether no update has been made."""
    config = compose.load_saved_joint(folder.config)
    engine = Engine.joined(config.trainer)
    parts = _reopened(folder, config, engine)
    training = Training(config, joint_of(parts), learned_of(config, parts, engine), engine, folder)
    if not anew:
        restore(training)
    return training


def find(words: Sequence[str]) -> RunFolder | None:
    """The joint run that `run=` among words names; None where it is another run, or none. Raises UserError where it is a part
    of one, which isn't trained alone."""
    runs = [text(word) for word in words if word.startswith("run=")]
    if not runs:
        return None
    outputs = [text(word) for word in words if word.startswith("outputs=")]
    folder = RunFolder.find(runs[-1], outputs[-1] if outputs else "outputs")
    if joint := folder.joint():
        whole = shell_word("run", str(joint.path))
        raise UserError(
            f"{folder.path}: a part of a joint run, which is trained as a whole: attnlab train {whole}"
        )
    return folder if folder.is_joint else None


def opened_parts(composed: Composed, engine: Engine) -> tuple[dict[str, Opened], dict[str, str]]:
    """The parts of a joint run that begins, each as an ordinary run would; and, of each, the settings that follow from its data.
    Raises UserError where one cannot be trained."""
    parts, lines = dict[str, Opened](), dict[str, str]()
    for name, words in composed.words.items():
        try:
            plain = compose.compose(words)
            settled = compose_joint.in_common(defaults.settle(plain, words)[0], composed.config)
            if len(composed.words) > 1 and not compose.wants_plain(words):
                settled = _read_by_means(settled, words)
            own = compose.with_absolute_paths(settled)
            lines[name] = _chosen(compose_joint.in_common(plain, composed.config), settled)
            parts[name] = open_run(own, engine)
        except UserError as error:
            raise UserError(f"part `{name}`: {error}") from error
    return parts, lines


def _read_by_means(config: Config, words: Sequence[str]) -> Config:
    """What adds up the vectors of a set reads their mean instead, where no word says otherwise: a sum over the nodes of graphs gives
    the trunk gradients 40 to 100 times those of other parts, see docs/joint.md."""
    head = config.head
    if (
        isinstance(head, ClassificationHead)
        and head.readout == "sum"
        and "head.readout" not in compose.stated(words)
    ):
        return replace(config, head=replace(head, readout="mean"))
    return config


def _chosen(plain: Config, settled: Config) -> str:
    """The settings by which a configuration differs from a plain one, as words."""
    before, now = flat(asdict(plain)), flat(asdict(settled))
    return " ".join(f"{key}={as_written(value)}" for key, value in now.items() if before.get(key) != value)


def _refuse_other(folder: RunFolder, config: JointConfig) -> None:
    """Raises UserError where a joint run would go on as another than it began as."""
    began, now = flat(asdict(compose.load_saved_joint(folder.config))), flat(asdict(config))
    for name in sorted(began.keys() | now.keys()):
        fixed = name.split(".")[0] in FIXED or name in FIXED
        if fixed and not changes.FREE.fullmatch(name) and began.get(name) != now.get(name):
            raise UserError(
                f"`{name}={now.get(name)}`: {folder.path} has been trained with {name}={began.get(name)}; to change that, train a "
                "new run"
            )


def _reopened(folder: RunFolder, config: JointConfig, engine: Engine) -> dict[str, Opened]:
    """The parts of a saved joint run. Raises UserError where their data are no longer there, or aren't the same."""
    parts = {}
    for name in sorted(config.parts):
        own = folder.part(name)
        saved = compose_joint.in_common(compose.load_saved(own.config), config)
        spec = DataSpec.load(own.path)
        data = load_data(saved, spec)
        refuse_missing_splits(saved, data)
        check_memory(saved, spec, engine)
        torch.manual_seed(saved.seed)
        model = models.build(saved, spec)
        if not checkpoint.exists(folder.last):
            starts.start(model, saved, data)
        parts[name] = Opened(saved, data, model)
    return parts


def joint_of(parts: dict[str, Opened]) -> Joint:
    return Joint({name: part.model for name, part in parts.items()})


def learned_of(config: JointConfig, parts: dict[str, Opened], engine: Engine) -> JointParts:
    """What the parts learn, and how much each counts. Raises UserError where one has nothing to learn."""
    of_parts, scales = dict[str, Part](), dict[str, Scale]()
    roots = dict.fromkeys(parts, 1.0)
    if config.trainer.balance == "noise":
        roots = {
            name: balance.answers(part.config, part.data, part.model.head) ** 0.5 for name, part in parts.items()
        }
    for name, part in parts.items():
        constant = balance.constant_loss(part.data, part.model.head) if config.trainer.balance != "none" else 1.0
        try:
            scales[name] = balance.scale_of(part.config, part.data, part.model.head, engine)
            if not constant:
                raise UserError("all training examples have the same answer; there is nothing to be learned")
        except UserError as error:
            raise UserError(f"part `{name}`: {error}") from error
        factor = config.parts[name].weight * roots[name] / fmean(roots.values()) / constant
        of_parts[name] = Part(part.config, part.data, factor)
    return JointParts(of_parts, scales, config.trainer.accumulate, config.trainer.mixing)


def _session(
    config: JointConfig, engine: Engine, folder: RunFolder, reporter: Reporter, learned: JointParts
) -> JointSession:
    monitors = {name: scale.monitor for name, scale in learned.scales.items()}
    return JointSession(engine, folder, reporter, Tracking(config, folder, reporter.warn), monitors=monitors)


def _conclude(training: Training, config: JointConfig, session: JointSession) -> JointRun:
    """Train to the end, then score the best weights of each part. Raises Stopped where a signal asked for an end before."""
    with failures_told(training, session):
        folder, reporter, parts = session.folder, session.reporter, training.parts.by_name
        lead_training(training, folder)
        told = {name: warnings(part.data, config=part.config) for name, part in parts.items()}
        for name, sentences in told.items():
            for sentence in sentences:
                reporter.warn(f"{name}: {sentence}")
        reporter.say(_described(training, session))
        simple = {
            name: of_splits(part.config, part.data, session.engine, reporter.warn) if config.baselines else {}
            for name, part in parts.items()
        }
        train_until_done(training, session)
        runs = best_runs(training, folder)
        for name, run in runs.items():
            own = Reporter(folder.part(name).log, quiet=True)
            of_part = Session(session.engine, run.folder, own, Tracking(run.config, run.folder, own.warn))
            progress = progress_of(name, session.monitors[name], training.progress)
            finish(progress, training.wall_seconds, run, parts[name].data, simple[name], of_part, told[name])
            remove_copies(run.folder)
        _write_results(training, folder, runs)
        _show(reporter, session.monitors, runs, simple)
        remove_copies(folder)
        one = next(iter(runs))
        again = shell_word("run", str(folder.path))
        reporter.say(f"Saved in {folder.path}; score a part again with: attnlab eval {again} part={one}")
        return JointRun(folder, config, runs)


def _described(training: Training, session: JointSession) -> str:
    """What is trained, in a line for each part and one for all."""
    shares = training.mixture.shares
    lines = []
    for name, part in training.parts.by_name.items():
        sizes = ", ".join(f"{len(split):,} {split_name}" for split_name, split in part.data.splits.items())
        lines.append(
            f"{name}: {part.config.data.name} ({sizes} examples); {shares[name]} of {sum(shares.values())} batches an update"
        )
    return "\n".join([*lines, f"{count_parameters(training.model):,} parameters; {session.engine.device}"])


def progress_of(part: str, monitor: str, progress: Progress) -> Progress:
    """How far a joint run has come, as one part sees it."""
    best = scores_of(part, progress.best)
    return replace(progress, monitor=monitor, best=best, best_score=best.get(monitor))


def _write_results(training: Training, folder: RunFolder, runs: dict[str, Run]) -> None:
    """results.json of the whole: all scores by the names of their parts."""
    tested = {
        f"{name}/{score}": value
        for name, run in runs.items()
        for score, value in run.results.get("test", {}).items()
    }
    results: Results = {"task": training.config.task, "validation": training.progress.best}
    if tested:
        results["test"] = tested
    results["train"] = how_trained(training.progress, training.wall_seconds)
    results["parameters"] = count_parameters(training.model)
    write_json(folder.results, results)


def _show(
    reporter: Reporter,
    monitors: dict[str, str],
    runs: dict[str, Run],
    simple: dict[str, dict[str, dict[str, Measured]]],
) -> None:
    """A row for each part: the score that its monitor names, and that of the best simple answer, on test data."""
    table = new_table("Each part", ["part", "score"], ["test", "best baseline", "validation"])
    for name, run in runs.items():
        score, results = monitors[name], run.results
        others = [
            found.scores[score]
            for baseline, found in simple[name].get("test", {}).items()
            if score in found.scores and baseline != "ceiling"
        ]
        best: float | None = None
        for other in others:
            best = other if better(other, best, score) else best
        cells = (results.get("test", {}).get(score), best, results.get("validation", {}).get(score))
        table.add_row(name, score, *("" if cell is None else shown(cell) for cell in cells))
    reporter.table(table)
