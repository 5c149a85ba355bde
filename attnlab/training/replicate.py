"""How a run's processes share the model between them and add up their gradients: here each holds all of it.

What derives from it (`shard.py`) does the same otherwise; the loop knows only this interface.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from attnlab.model.build import Model
from attnlab.model.joint import Learner
from attnlab.training import optim
from attnlab.training.drift import refuse_drift
from attnlab.training.gradients import TreeSum
from attnlab.training.ranks import Ranks


class Replicated:
    """Each process holds the whole model; sums of gradients have the same bits for any number of processes, see `ranks.py`.

    device: where this process computes. room: batches of an update. told: what users should know of it before training.
    """

    def __init__(self, ranks: Ranks, device: torch.device, room: int, told: str = "") -> None:
        self.ranks, self.device, self.room, self.told = ranks, device, room, told
        self._sums = TreeSum()

    def place(self, model: Learner) -> None:
        """Move a new model to where this process computes. Its parameters may be others afterwards."""
        model.to(self.device)

    def release(self, model: Model) -> None:
        """Give up what an evaluation has gathered of a model."""

    def own(self, number: int) -> Sequence[int]:
        """Which of the `number` batches of a group this process computes."""
        return self.ranks.own(number, self.room)

    def backward(self, total: Tensor, parameters: Sequence[Tensor]) -> None:
        """Add the gradients of one batch's () loss to those of this group."""
        total.backward()
        self._sums.add([p.grad for p in parameters])
        for parameter in parameters:
            parameter.grad = None

    def add_up(
        self, number: int, parameters: Sequence[Tensor], figures: Sequence[float], again: Callable[[], Tensor]
    ) -> list[float]:
        """Put the sum over all `number` batches of a group, of all processes, into the parameters; None where no batch has touched
        one. figures: of which the sums over processes are given, exact where all but one hold 0. again: computes the () loss of
        any batch of the group, for a process that must keep in step with others."""
        holders = self.ranks.holders(number, self.room)
        gradients, sums = self.ranks.add(self._sums.total(), parameters, holders, figures)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        return sums

    def scale(self, parameters: Sequence[Tensor], factor: float, clip: float) -> None:
        """Multiply their gradients, see `optim.scale`."""
        optim.scale([p.grad for p in parameters if p.grad is not None], factor, clip)

    def compare(self, learned: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Raises RankFailed where a process no longer holds what the others do, see `drift.py`."""
        refuse_drift(learned, self.ranks)

    def whole(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Tensors of a model or its optimizer, as they are saved. All processes ask for them together, and the first gets them."""
        return tensors

    def part(self, whole: Tensor, parameter: Tensor) -> Tensor:
        """What this process holds of a tensor that was saved, of a parameter or of what an optimizer remembers of it. Raises UserError
        where it cannot be divided."""
        return whole
