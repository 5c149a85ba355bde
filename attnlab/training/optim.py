"""Optimizer, learning rate and averaged weights, all counted in updates."""

import copy
import math

import torch
from torch import Tensor, nn

from attnlab.config import AdamW, Schedule
from attnlab.model.build import Model


def build_optimizer(model: nn.Module, config: AdamW) -> torch.optim.AdamW:
    """AdamW in one fused step; matrices decay, biases, norms and embeddings don't."""
    tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.dim() >= 2 and id(p) not in tables]
    spared = [p for p in trained if p.dim() < 2 or id(p) in tables]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)


def rate(config: Schedule, update: int, updates: int) -> float:
    """The learning rate of this update (0, 1, …) as a share of the highest."""
    warmup = round(config.warmup * updates)
    if update < warmup:
        return (update + 1) / warmup
    if config.name == "constant":
        return 1.0
    progress = (update - warmup) / max(1, updates - warmup)
    return config.final + (1 - config.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


class Average:
    """A running average of a model's weights (Polyak & Juditsky 1992), in a second model for evaluation.

    The first updates count more, so that the average doesn't remember the random start:
    the decay of update u is min(decay, (1 + u) / (10 + u)).
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model)
        self.model.requires_grad_(False).eval()
        self._averaged: list[Tensor] = list(self.model.parameters())
        self._live: list[Tensor] = list(model.parameters())

    @torch.no_grad()
    def update(self, update: int) -> None:
        weight = 1 - min(self.decay, (1 + update) / (10 + update))
        torch._foreach_lerp_(self._averaged, self._live, weight)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's memory by parameter name."""
    found = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            found[f"{key}/{name}"] = value
    return found


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave."""
    parameters = dict(model.named_parameters())
    for path, value in tensors.items():
        key, name = path.split("/", 1)
        parameter = parameters[name]
        # The step counter stays where the optimizer made it; moments live with their parameter.
        target = value if key == "step" and parameter.device.type == "cpu" else value.to(parameter.device)
        optimizer.state[parameter][key] = target
