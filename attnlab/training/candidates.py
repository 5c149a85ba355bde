"""The weights of the best validations, of which the mean is often better than each (Vaswani et al. 2017, section 6.1)."""

import json
import shutil
from pathlib import Path

import torch
from torch import Tensor

from attnlab import metrics
from attnlab.errors import UserError
from attnlab.training import checkpoint


class Candidates:
    """The `count` best of a run so far, each a checkpoint below `folder` that is named by its update.

    What is kept depends on the scores alone, so that a run which was stopped in between ends with the same ones.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def offer(self, weights: dict[str, Tensor], scores: dict[str, float], monitor: str, update: int) -> None:
        """Keep these weights if they are among the best by scores[monitor]; of equal scores the later."""
        checkpoint.save(self.folder / str(update), {"model": weights}, {"update": update, "scores": scores})
        sign = 1 if monitor in metrics.LOWER_IS_BETTER else -1
        ranks = {place: (sign * _scores(place)[monitor], -int(place.name)) for place in self._kept()}
        for worse in sorted(ranks, key=ranks.__getitem__)[self.count :]:
            _remove(worse)

    def forget_after(self, update: int) -> None:
        """Drop what a resumed run will offer again, and what was being removed when it ended."""
        for place in self.folder.glob("*.gone"):
            shutil.rmtree(place)
        for place in self._kept():
            if int(place.name) > update:
                _remove(place)

    def mean(self) -> dict[str, Tensor]:
        """The mean of the weights that are kept."""
        kept = [_weights(place) for place in self._kept()]
        return {
            name: torch.stack([weights[name] for weights in kept]).mean(0) if first.is_floating_point() else first
            for name, first in kept[0].items()
        }

    def _kept(self) -> list[Path]:
        return sorted((path for path in self.folder.glob("*") if path.name.isdecimal()), key=lambda p: int(p.name))


def _scores(place: Path) -> dict[str, float]:
    try:
        return dict(json.loads((place / checkpoint.STATE).read_text(encoding="utf-8"))["scores"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{place}: no scores in it; {_REMEDY}") from error


def _weights(place: Path) -> dict[str, Tensor]:
    try:
        return checkpoint.load(place)[0].tensors["model"]
    except (UserError, KeyError) as error:
        raise UserError(f"{error}; {_REMEDY}") from error


_REMEDY = "delete this folder and continue the run without it"


def _remove(place: Path) -> None:
    """At once, as far as `_kept` sees: a process that is ended meanwhile leaves nothing half removed under its name."""
    gone = place.with_name(f"{place.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    place.rename(gone)
    shutil.rmtree(gone)
