"""What all processes of a run but the first do: they compute with it, and leave reading, writing and telling to it.

The first one makes the run as it would alone. Once its training can begin, it says where the run lies; the others build the
same model from that folder and go through the same loop.
"""

from pathlib import Path

import torch

from attnlab import compose
from attnlab.errors import RankFailed
from attnlab.model import build as models
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec
from attnlab.training import joint, starts
from attnlab.training.engine import Engine
from attnlab.training.lead import facts_of
from attnlab.training.loop import Training
from attnlab.training.parts import Parts, scores_of
from attnlab.training.ranks import Ranks
from attnlab.training.results import final_evaluations
from attnlab.training.resume import restore
from attnlab.training.run import Run, best_weights, load_data, with_weights
from attnlab.training.signals import on_stop_signal


def follow() -> int:
    """Compute what the first process begins, until it ends; the exit code. Raises UserError and RankFailed."""
    ranks = Ranks.joined()
    told = ranks.told({})
    folder = RunFolder(Path(told["folder"]))
    saved = (compose.load_saved_joint if folder.is_joint else compose.load_saved)(folder.config)
    training = (joint.follow if folder.is_joint else _again)(folder, Engine(saved.trainer))
    if told["update"] != "0":
        restore(training)
    facts = facts_of(training)
    ranks.all_told(facts)
    if any(facts[name] != told[name] for name in facts):
        raise RankFailed("the first process says why")
    with on_stop_signal(training.request_stop, one_of_several=True):
        training.run()
    if training.progress.done:
        for name, part in training.parts.by_name.items():
            model, own = training.model.parts[name], folder.part(name)
            best = best_weights(own, model.state_dict())
            run: Run = with_weights(best, own, part.config, part.data.spec, model, training.engine)
            final_evaluations(run, part.data, scores_of(name, training.progress.best))
    return 0


def _again(folder: RunFolder, engine: Engine) -> Training:
    """The training of an ordinary run that the first process has begun."""
    config, spec = compose.load_saved(folder.config), DataSpec.load(folder.path)
    data = load_data(config, spec)
    torch.manual_seed(config.seed)
    model = models.build(config, spec)
    starts.start(model, config, data)
    return Training(config, model, Parts.alone(config, data), engine, folder)
