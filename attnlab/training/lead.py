"""What the first of a run's processes says to the others, once training can begin."""

from importlib.metadata import version

import torch

from attnlab.errors import UserError
from attnlab.runs import RunFolder
from attnlab.training import launch
from attnlab.training.loop import Training


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
    facts = facts_of(training) | {"folder": str(folder.path), "update": str(training.progress.update)}
    training.engine.ranks.told(facts)
    for rank, found in enumerate(training.engine.ranks.all_told({})):
        for name, value in found.items():
            if value != facts[name]:
                raise UserError(
                    f"{name}: {facts[name]} in the first process of this run, but {value} in process {rank}"
                )


def facts_of(training: Training) -> dict[str, str]:
    """What must be the same in all processes."""
    return {
        "fingerprint of the data": training.parts.fingerprint,
        "version of attnlab": version("attnlab"),
        "version of torch": torch.__version__,
        "number of threads": str(torch.get_num_threads()),
    }
