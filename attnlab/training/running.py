"""What a new run, a resumed one and a joint one have in common: the data and the model with which it begins, and its updates
until the end or a signal."""

import platform
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import yaml

from attnlab.command_words import shell_word
from attnlab.config import Config, HubDataConfig
from attnlab.data.contract import Data
from attnlab.disk import write_json, write_text
from attnlab.errors import RankFailed, Stopped, UserError
from attnlab.model import build as models
from attnlab.model.build import Model
from attnlab.runs import RunFolder
from attnlab.training import checkpoint, from_run, starts, task
from attnlab.training.checks import check_answers, check_counts, check_optimizer, check_positions
from attnlab.training.engine import Engine
from attnlab.training.from_run import Taken
from attnlab.training.loop import Training
from attnlab.training.memory import check_memory
from attnlab.training.monitor import monitor_for
from attnlab.training.results import Session
from attnlab.training.run import Run, best_weights, load_data, with_weights
from attnlab.training.signals import on_stop_signal


@dataclass(frozen=True)
class Opened:
    """A run with its data and its model. taken: what a new one took of another run."""

    config: Config
    data: Data
    model: Model
    taken: Taken | None = None


def open_run(config: Config, engine: Engine) -> Opened:
    """A run that begins, whose configuration gets what only the data and the model know. Raises UserError where they cannot be
    used, or don't go together."""
    data = from_run.knowing_its_words(config, load_data(config))
    refuse_missing_splits(config, data)
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
    return Opened(config, data, model, starts.start(model, config, data))


def write_beginnings(folder: RunFolder, overrides: Sequence[str]) -> None:
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


def refuse_missing_splits(config: Config, data: Data) -> None:
    """Raises UserError where data have nothing to train or to validate on."""
    for needed in ("train", "validation"):
        if needed not in data.splits:
            hint = "; hold one out by `data.validation=0.1`" if needed == "validation" else ""
            raise UserError(f"data={config.data.name}: training needs a {needed} split; there is none{hint}")


@contextmanager
def failures_told(training: Training, session: Session) -> Iterator[None]:
    """Inside, a run is trained and concluded: of a failure, write down why."""
    folder = session.folder
    folder.error.unlink(missing_ok=True)
    try:
        yield
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


def train_until_done(training: Training, session: Session) -> None:
    """Raises Stopped where a signal asked for an end before the last update, once everything is saved."""
    progress, reporter = training.progress, session.reporter
    training.engine.ranks.wait()  # the others have, however long baselines took
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


def best_runs(training: Training, folder: RunFolder) -> dict[str, Run]:
    """By the names of its parts, what a training has come to: their best weights, all of the same update, in the models that were
    trained. Those of the last update are in `last/`."""
    parts, models = training.parts.by_name, training.model.parts
    saved = {name: best_weights(folder.part(name), model.state_dict()) for name, model in models.items()}
    return {
        name: with_weights(
            best, folder.part(name), parts[name].config, parts[name].data.spec, models[name], training.engine
        )
        for name, best in saved.items()
    }


def remove_copies(folder: RunFolder) -> None:
    """Of checkpoints that are whole by now, so that the ones before aren't needed."""
    for kept in (folder.best, folder.last):
        for copy in checkpoint.copies(kept):
            checkpoint.remove(copy)
