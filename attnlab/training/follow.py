"""What all processes of a run but the first do: they compute with it, and leave reading, writing and telling to it.

The first one makes the run as it would alone. Once its training can begin, it says where the run lies; the others build the
same model from that folder and go through the same loop.
"""

from importlib.metadata import version
from pathlib import Path

import torch

from attnlab import compose
from attnlab.errors import RankFailed, UserError
from attnlab.model import build as models
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec
from attnlab.training import launch, starts
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.ranks import Ranks
from attnlab.training.results import final_evaluations
from attnlab.training.resume import restore
from attnlab.training.run import Run, best_weights, load_data, with_weights
from attnlab.training.signals import on_stop_signal


def lead(training: Training, folder: RunFolder) -> None:
    """Let the others begin: what the first process says once its training can. Raises UserError where one of them cannot."""
    count, wanted = training.engine.ranks.count, training.config.trainer.ranks
    if wanted is not None and wanted != count:
        raise UserError(
            f"`trainer.ranks={wanted}`: only `attnlab train` of a single run starts several processes; sweeps, `-m`, folds and "
            "runs from Python have one"
        )
    if count == 1:
        return
    launch.check(training.config.trainer, count)
    facts = _facts(training) | {"folder": str(folder.path), "update": str(training.progress.update)}
    training.engine.ranks.told(facts)
    for rank, found in enumerate(training.engine.ranks.all_told({})):
        for name, value in found.items():
            if value != facts[name]:
                raise UserError(
                    f"{name}: {facts[name]} in the first process of this run, but {value} in process {rank}"
                )


def follow() -> int:
    """Compute what the first process begins, until it ends; the exit code. Raises UserError and RankFailed."""
    ranks = Ranks.joined()
    told = ranks.told({})
    folder = RunFolder(Path(told["folder"]))
    config, spec = compose.load_saved(folder.config), DataSpec.load(folder.path)
    engine = Engine(config.trainer)
    data = load_data(config, spec)
    torch.manual_seed(config.seed)
    model = models.build(config, spec)
    starts.start(model, config, data)
    training = Training(config, model, Parts.alone(config, data), engine, folder)
    if told["update"] != "0":
        restore(training)
    facts = _facts(training)
    ranks.all_told(facts)
    if any(facts[name] != told[name] for name in facts):
        raise RankFailed("the first process says why")
    with on_stop_signal(training.request_stop, one_of_several=True):
        training.run()
    if training.progress.done:
        best = best_weights(folder, model.state_dict())
        run: Run = with_weights(best, folder, config, spec, model, engine)
        final_evaluations(run, data, training.progress.best)
    return 0


def _facts(training: Training) -> dict[str, str]:
    """What must be the same in all processes."""
    return {
        "fingerprint of the data": training.parts.fingerprint,
        "version of attnlab": version("attnlab"),
        "version of torch": torch.__version__,
        "number of threads": str(torch.get_num_threads()),
    }
