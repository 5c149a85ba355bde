"""The weights of the best validations, of which the mean is often better than each (Vaswani et al. 2017, section 6.1)."""

import json
import shutil
from pathlib import Path

import torch
from torch import Tensor

from attnlab import metrics
from attnlab.training import checkpoint


class Candidates:
    """The `count` best of a run so far, each a checkpoint below `folder` that is named by its update.

    What is kept depends on the scores alone, so that a run which was stopped in between ends with the same ones.
    """

    def __init__(self, folder: Path, count: int, monitor: str) -> None:
        self.folder, self.count, self.lower = folder, count, monitor in metrics.LOWER_IS_BETTER

    def offer(self, weights: dict[str, Tensor], score: float, update: int) -> None:
        """Keep these weights if they are among the best; of equal scores the later."""
        checkpoint.save(self.folder / str(update), {"model": weights}, {"update": update, "score": score})
        for worse in self._ranked()[self.count :]:
            shutil.rmtree(worse)

    def forget_after(self, update: int) -> None:
        """Drop what a resumed run will offer again."""
        for place in self._ranked():
            if int(place.name) > update:
                shutil.rmtree(place)

    def mean(self) -> dict[str, Tensor]:
        """The mean of the weights that are kept."""
        kept = [checkpoint.load(place)[0].tensors["model"] for place in self._ranked()]
        return {
            name: torch.stack([weights[name] for weights in kept]).mean(0) if first.is_floating_point() else first
            for name, first in kept[0].items()
        }

    def _ranked(self) -> list[Path]:
        """Best first."""
        places = [path for path in self.folder.glob("*") if path.name.isdecimal()]
        scores = {path: json.loads((path / checkpoint.STATE).read_text())["score"] for path in places}
        return sorted(places, key=lambda path: (scores[path] * (1 if self.lower else -1), -int(path.name)))
