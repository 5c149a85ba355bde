"""What the first of several processes says to the others: which run they train together, or evaluate."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version

import torch

from attnlab.config import Config, JointConfig
from attnlab.data.contract import Data
from attnlab.errors import UserError
from attnlab.runs import RunFolder, flat
from attnlab.training import launch
from attnlab.training.engine import Engine
from attnlab.training.evaluate import Evaluation
from attnlab.training.loop import Training
from attnlab.training.ranks import Ranks
from attnlab.training.run import Run


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
    launch.check(training.config.trainer, ranks.count)
    ranks.told({"work": "train", "folder": str(folder.path), "update": str(training.progress.update)})
    agree(ranks, training.config, training.parts.fingerprint)


def evaluated_by_all(run: Run, split: str, data: Data, overrides: Sequence[str]) -> Evaluation:
    """What `run.evaluate(split, data)` gives, computed by all processes of this command. overrides: with which the run was loaded.
    Raises UserError as it does, and where one of them cannot."""
    engine = Engine.joined(run.config.trainer)
    words = json.dumps(list(overrides))
    engine.ranks.told({"work": "evaluate", "folder": str(run.folder.path), "split": split, "words": words})
    agree(engine.ranks, run.config, data.fingerprint)
    return replace(run, engine=engine).evaluate(split, data)


def agree(ranks: Ranks, config: Config | JointConfig, fingerprint: str) -> None:
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
