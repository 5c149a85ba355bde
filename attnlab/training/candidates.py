"""The weights of the best validations, of which the mean is often better than each (Vaswani et al. 2017, section 6.1)."""

import math
import shutil
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

from attnlab import metrics
from attnlab.disk import make_folder, read_json, refuse_link
from attnlab.errors import Damaged, UserError
from attnlab.runs import Scores
from attnlab.schema import Count
from attnlab.training import checkpoint


class Candidate(TypedDict):
    """The state of one: after which update, and its scores of the validation data."""

    update: Count
    scores: Scores


_REMEDY = "delete this folder and continue the run without it"


class Candidates:
    """The `count` best of a run so far, each a checkpoint below `folder` that is named by its update. What is kept
    depends on the scores alone, so that a run which was stopped in between ends with the same ones."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def offer(self, weights: dict[str, Tensor], scores: dict[str, float], monitor: str, update: int) -> None:
        """Keep these weights if they are among the best by scores[monitor]; of equal scores the later. Raises UserError
        where a candidate's scores cannot be read."""
        make_folder(self.folder)
        checkpoint.save(self.folder / str(update), {"model": weights}, {"update": update, "scores": scores})
        sign = metrics.direction(monitor)
        scored = {folder: _score(folder, monitor) for folder in self._saved()}  # None: it was undefined
        ranks = {
            folder: (math.inf if score is None else -sign * score, -int(folder.name))
            for folder, score in scored.items()
        }
        for worse in sorted(ranks, key=ranks.__getitem__)[self.count :]:
            checkpoint.remove(worse)

    def forget_after(self, update: int) -> None:
        """Drop what a resumed run will offer again, and what was being removed when it ended. Raises UserError where a
        link stands in the place of their folder."""
        refuse_link(self.folder)
        for folder in self.folder.glob("*.gone"):
            shutil.rmtree(folder)
        for folder in self._saved():
            if int(folder.name) > update:
                checkpoint.remove(folder)

    def mean(self) -> dict[str, Tensor]:
        """The mean of the weights that are kept. Raises UserError where some cannot be read, or are of another model."""
        candidates = [_weights(folder) for folder in self._saved()]
        for weights in candidates[1:]:
            checkpoint.refuse_other_tensors(weights, candidates[0], f"{self.folder}: {_REMEDY}")
        return {
            name: torch.stack([weights[name] for weights in candidates]).mean(0)
            if first.is_floating_point()
            else first
            for name, first in candidates[0].items()
        }

    def _saved(self) -> list[Path]:
        return sorted((path for path in self.folder.glob("*") if path.name.isdecimal()), key=lambda p: int(p.name))


def _score(folder: Path, monitor: str) -> float | None:
    try:
        return read_json(folder / checkpoint.STATE, Candidate)["scores"].get(monitor)
    except (OSError, Damaged) as error:
        raise UserError(f"{folder}: no scores in it; {_REMEDY}") from error


def _weights(folder: Path) -> dict[str, Tensor]:
    try:
        return checkpoint.load(folder)[0].tensors["model"]
    except (UserError, KeyError) as error:
        raise UserError(f"{error}; {_REMEDY}") from error
