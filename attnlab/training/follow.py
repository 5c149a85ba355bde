"""What all processes of a command but the first do: they compute with it, and leave reading, writing and telling to it.

The first one does what it would do alone. Where a run or an evaluation can be computed by all, it says which; the others build
the same model from the run's folder, and compute their batches. What goes wrong in them, the first one tells.
"""

import contextlib
import json
import os
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import torch

from attnlab import compose
from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.errors import RankFailed, UserError, printable
from attnlab.model import build as models
from attnlab.runs import RunFolder, flat
from attnlab.spec import DataSpec
from attnlab.training import launch, starts
from attnlab.training.engine import Engine
from attnlab.training.evaluate import Evaluation
from attnlab.training.loop import Training
from attnlab.training.ranks import Ranks
from attnlab.training.results import final_evaluations
from attnlab.training.resume import restore
from attnlab.training.run import Run, best_weights, load_data, load_run, with_weights
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
    code = command(words) or 0
    ranks.end()
    return code


def lead_training(training: Training, folder: RunFolder) -> None:
    """Let the others begin to train: what the first process says once it can itself. Raises UserError where one of them cannot."""
    ranks, wanted = training.engine.ranks, training.config.trainer.ranks
    if wanted is not None and wanted != ranks.count:
        raise UserError(
            f"`trainer.ranks={wanted}`: {ranks.count} processes were started; write `trainer.ranks={ranks.count}`, or "
            "`trainer.ranks=null` for as many as there are"
            if ranks.count > 1
            else f"`trainer.ranks={wanted}`: `attnlab train` starts several processes; a run from Python is one: write "
            "`trainer.ranks=1`, which gives the same results"
        )
    launch.check(training.config, ranks.count)
    ranks.told({"work": "train", "folder": str(folder.path), "update": str(training.progress.update)})
    _agree(ranks, training.config, training.fingerprint)


def evaluated_by_all(run: Run, split: str, data: Data, overrides: Sequence[str]) -> Evaluation:
    """What `run.evaluate(split, data)` gives, computed by all processes of this command. overrides: with which the run was loaded.
    Raises UserError as it does, and where one of them cannot."""
    engine = Engine.joined(run.config.trainer)
    words = json.dumps(list(overrides))
    engine.ranks.told({"work": "evaluate", "folder": str(run.folder.path), "split": split, "words": words})
    _agree(engine.ranks, run.config, data.fingerprint)
    return replace(run, engine=engine).evaluate(split, data)


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
    config, spec = compose.load_saved(folder.config), DataSpec.load(folder.path)
    engine = Engine.joined(config.trainer)
    data = load_data(config, spec)
    torch.manual_seed(config.seed)
    model = models.build(config, spec)
    saved = told["update"] != "0" or config.init is not None  # whose first weights the first process has saved
    if not saved:
        starts.start(model, config, data)
    training = Training(config, model, data, engine, folder)
    if saved:
        restore(training)
    _agree(engine.ranks, config, training.fingerprint)
    with on_stop_signal(training.request_stop, one_of_several=True):
        engine.ranks.wait()  # for the first one's baselines
        training.run()
    if training.progress.done:
        best = best_weights(folder, model.state_dict())
        run: Run = with_weights(best, folder, config, spec, model, engine)
        final_evaluations(run, data, training.progress.best)


def _evaluate(told: Mapping[str, str]) -> None:
    run = load_run(told["folder"], json.loads(told["words"]))
    engine = Engine.joined(run.config.trainer)
    data = run.data_to_score(told["split"])
    _agree(engine.ranks, run.config, data.fingerprint)
    replace(run, engine=engine).evaluate(told["split"], data)


def _agree(ranks: Ranks, config: Config, fingerprint: str) -> None:
    """Raises UserError where the processes don't compute the same."""
    own = {f"`{name}`": json.dumps(value, default=str) for name, value in flat(asdict(config)).items()} | {
        "fingerprint of the data": fingerprint,
        "version of attnlab": version("attnlab"),
        "version of torch": torch.__version__,
        "number of threads": str(torch.get_num_threads()),
    }
    first, *others = ranks.all_told(own)
    for rank, found in enumerate(others, 1):
        for name in first | found:
            if found.get(name) != first.get(name):
                raise UserError(
                    f"{name}: {first.get(name)} in the first process, but {found.get(name)} in process {rank}"
                )
