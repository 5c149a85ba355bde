"""What a training run has learned: weights, their average, and what the optimizer remembers."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from attnlab.config import Config, JointConfig, Trainer
from attnlab.errors import UserError
from attnlab.model.joint import Learner
from attnlab.training import checkpoint, optim
from attnlab.training.engine import Engine
from attnlab.training.replicate import Replicated


@dataclass(frozen=True, eq=False)
class Learned:
    """chosen: what built the optimizer. average: None where the configuration wants none. strategy: what this process holds of all
    that."""

    model: Learner
    chosen: optim.Optimizer
    optimizer: torch.optim.Optimizer
    average: optim.Average | None
    strategy: Replicated

    @classmethod
    def at_first(cls, model: Learner, config: Config | JointConfig, engine: Engine) -> "Learned":
        """Of a model with its initial weights, which is moved to the device."""
        strategy, decay = _strategy(config.trainer, engine), config.trainer.average
        averaged = copy.deepcopy(model).requires_grad_(False).eval() if decay else None  # parts cannot be copied
        strategy.place(model)
        average = None
        if averaged is not None:
            strategy.place(averaged)
            average = optim.Average(model, averaged, decay)
        chosen = optim.chosen_optimizer(config.optimizer)
        return cls(model, chosen, optim.build_optimizer(model, config.optimizer), average, strategy)

    @property
    def evaluated(self) -> Learner:
        """The model whose weights are validated: the averaged one, where there is an average."""
        return self.average.model if self.average else self.model

    def step(self, update: int, rate: float) -> None:
        """One step of the optimizer with this learning rate, of which each layer has its part (`optimizer.layer_decay`), by the gradients that there are, and of the average; both are
        counted in updates."""
        for options in self.optimizer.param_groups:
            options["lr"] = rate * options["lr_factor"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average:
            self.average.update(update)

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """All of it, as it is saved."""
        averaged = {"average": self.average.model.state_dict()} if self.average else {}
        optimizer = optim.optimizer_tensors(self.model, self.optimizer)
        return {"model": self.model.state_dict(), "optimizer": optimizer} | averaged

    def refuse_others(self, saved: checkpoint.Checkpoint) -> None:
        """Raises Damaged where a checkpoint's tensors are those of another model or optimizer, and UserError for one of an
        earlier version, in which random numbers went on from update to update."""
        if "random" in saved.tensors:
            raise UserError(
                f"{saved.folder.parent}: an earlier version of attnlab began this run, which drew dropout otherwise; finish it "
                "with that version, or train a new one (it can be evaluated)"
            )
        empty: dict[str, Tensor] = {}
        weights, own = saved.tensors.get("model", empty), self.model.state_dict()
        for found in (weights, saved.tensors.get("average", weights)):
            checkpoint.refuse_other_tensors(found, own, saved.folder)
        state = saved.tensors.get("optimizer", empty)
        optim.refuse_other_state(self.model, self.optimizer, self.chosen, state, saved.folder)

    def load(self, tensors: dict[str, dict[str, Tensor]]) -> None:
        """Put back what was saved, and checked."""
        self.model.load_state_dict(tensors["model"])
        if self.average:
            self.average.model.load_state_dict(tensors.get("average", tensors["model"]))
        optim.restore_optimizer(self.model, self.optimizer, tensors["optimizer"], self.strategy.part)


def _strategy(config: Trainer, engine: Engine) -> Replicated:
    """What `trainer.strategy` chooses."""
    ranks, told = engine.ranks, ""
    if config.strategy == "shard":
        if ranks.count > 1:
            from attnlab.training.shard import Sharded  # which imports much

            return Sharded(ranks, engine.device, config.accumulate)
        told = "`trainer.strategy=shard`: this one process holds the whole model; `trainer.ranks` says how many share it."
    return Replicated(ranks, engine.device, config.accumulate, told)
