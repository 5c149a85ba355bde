"""What all processes of a command but the first do: they compute with it, and leave reading, writing and telling to it.

The first one does what it would do alone. Where a run or an evaluation can be computed by all, it says which; the others build
the same model from the run's folder, and compute their batches. What goes wrong in them, the first one tells.
"""

import contextlib
import json
import os
import signal
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType

import torch

from attnlab import compose
from attnlab.errors import RankFailed, Stopped, UserError, printable
from attnlab.model import build as models
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec
from attnlab.training import joint, launch, starts
from attnlab.training.engine import Engine
from attnlab.training.lead import agree
from attnlab.training.loop import Training
from attnlab.training.parts import Parts, scores_of
from attnlab.training.ranks import Ranks
from attnlab.training.results import final_evaluations
from attnlab.training.resume import restore
from attnlab.training.run import load_data, load_run
from attnlab.training.running import best_runs
from attnlab.training.signals import on_stop_signal


def together(command: Callable[[list[str]], int | None], words: list[str]) -> int:
    """Run a command in one of several processes that a launcher has started: the first does it, the others follow. Returns the exit
    code. Raises what the command raises, and in the first process what others have failed by."""
    ranks = Ranks.joined()
    if ranks.rank:
        return _follow(ranks)

    def end(number: int, frame: FrameType | None) -> None:
        """Of the launcher's signals, the one that follows the failure of another process has to wait until that is told."""
        if not ranks.has_failed():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    signal.signal(signal.SIGTERM, end)
    try:
        code = command(words) or 0
    except Stopped:
        ranks.end()  # all have stopped after the same update, and ask what is next
        raise
    ranks.end()
    return code


def _follow(ranks: Ranks) -> int:
    """Do what the first process says, until it ends."""
    works = {"train": _train, "evaluate": _evaluate}
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        try:
            while told := ranks.told({}):
                works[told["work"]](told)
            ranks.end()
            return 0
        except RankFailed:
            ranks.stay()
            return 1
        except (UserError, OSError) as error:
            ranks.fail(printable(str(error)), mistake=True)
            return launch.USER_ERROR
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        except Exception:
            ranks.fail(traceback.format_exc(), mistake=False)
            return 1


def _train(told: Mapping[str, str]) -> None:
    folder = RunFolder(Path(told["folder"]))
    training = (joint.follow if folder.is_joint else _again)(folder, told["update"] == "0")
    agree(training.engine.ranks, training.config, training.parts.fingerprint)
    with on_stop_signal(training.request_stop, one_of_several=True):
        training.engine.ranks.wait()  # for the first one's baselines
        training.run()
    if training.progress.done:
        for name, run in best_runs(training, folder).items():
            final_evaluations(run, training.parts.by_name[name].data, scores_of(name, training.progress.best))


def _again(folder: RunFolder, anew: bool) -> Training:
    """The training of an ordinary run, as another process computes it. anew: whether no update has been made."""
    config, spec = compose.load_saved(folder.config), DataSpec.load(folder.path)
    data = load_data(config, spec)
    torch.manual_seed(config.seed)
    model = models.build(config, spec)
    saved = not anew or config.init is not None  # whose first weights the first process has saved
    if not saved:
        starts.start(model, config, data)
    training = Training(config, model, Parts.alone(config, data), Engine.joined(config.trainer), folder)
    if saved:
        restore(training)
    return training


def _evaluate(told: Mapping[str, str]) -> None:
    run = load_run(told["folder"], json.loads(told["words"]))
    engine = Engine.joined(run.config.trainer)
    data = run.data_to_score(told["split"])
    agree(engine.ranks, run.config, data.fingerprint)
    replace(run, engine=engine).evaluate(told["split"], data)
