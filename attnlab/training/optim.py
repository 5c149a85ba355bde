"""Optimizer, learning rate and averaged weights, all counted in updates."""

import copy
import math
from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnlab import config as keys
from attnlab.errors import Damaged, UserError
from attnlab.model.joint import Learner
from attnlab.registry import OPTIMIZERS, SCHEDULES


@dataclass(frozen=True)
class ParameterGroups:
    """The trained parameters of a model. decayed: its matrices; spared: biases, norms and tables of embeddings, which
    weight decay leaves alone."""

    decayed: list[nn.Parameter]
    spared: list[nn.Parameter]

    @classmethod
    def of(cls, model: nn.Module) -> "ParameterGroups":
        tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
        trained = [p for p in model.parameters() if p.requires_grad]
        decayed = [p for p in trained if p.dim() >= 2 and id(p) not in tables]
        return cls(decayed, [p for p in trained if p.dim() < 2 or id(p) in tables])

    def with_decay(self, weight_decay: float) -> list[dict[str, object]]:
        """As the optimizers of torch take them."""
        return [
            {"params": self.decayed, "weight_decay": weight_decay},
            {"params": self.spared, "weight_decay": 0.0},
        ]


class Optimizer:
    """What `optimizer=` chooses. A plugin derives its own, with keys derived from `OptimizerConfig`."""

    def __init__(self, config: keys.OptimizerConfig) -> None:
        self.config = config

    def build(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """The optimizer of these parameters; what it remembers of each must be tensors, so that it can be saved. Its
        learning rate is set before every update."""
        raise NotImplementedError


class AdamW(Optimizer):
    """AdamW (Loshchilov & Hutter 2019) in one fused step."""

    config: keys.AdamW

    def build(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        config, decayed = self.config, groups.with_decay(self.config.weight_decay)
        return torch.optim.AdamW(decayed, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)


def build_optimizer(model: nn.Module, config: keys.OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer that the configuration names, for the trained parameters of a model."""
    return OPTIMIZERS.get(config.name, Optimizer)(config).build(ParameterGroups.of(model))


class Schedule:
    """What `schedule=` chooses. A plugin derives its own, with keys derived from `ScheduleConfig`."""

    def __init__(self, config: keys.ScheduleConfig) -> None:
        self.config = config

    def factor(self, update: int, updates: int) -> float:
        """The learning rate of this update (0, 1, …, updates - 1) as a fraction of `optimizer.lr`."""
        raise NotImplementedError


class Constant(Schedule):
    """A linear warm-up, then a constant rate."""

    config: keys.ConstantSchedule | keys.CosineSchedule

    def factor(self, update: int, updates: int) -> float:
        warmup = round(self.config.warmup * updates)
        return (update + 1) / warmup if update < warmup else 1.0


class Cosine(Constant):
    """A linear warm-up, then half a cosine."""

    config: keys.CosineSchedule

    def factor(self, update: int, updates: int) -> float:
        warmup, final = round(self.config.warmup * updates), self.config.final
        if update < warmup:
            return super().factor(update, updates)
        progress = (update - warmup) / max(1, updates - warmup)
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def build_schedule(config: keys.ScheduleConfig) -> Schedule:
    """The schedule that the configuration names."""
    return SCHEDULES.get(config.name, Schedule)(config)


class Average:
    """A running average of a model's weights (Polyak & Juditsky 1992), in a second model for evaluation.

    The first updates count more, so that the average doesn't remember the random start:
    the decay of update u is min(decay, (1 + u) / (10 + u)).
    """

    def __init__(self, model: Learner, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model)
        self.model.requires_grad_(False).eval()
        self._averaged: list[Tensor] = list(self.model.parameters())
        self._live: list[Tensor] = list(model.parameters())

    @torch.no_grad()
    def update(self, update: int) -> None:
        """Move the average towards the weights after this update."""
        weight = 1 - min(self.decay, (1 + update) / (10 + update))
        torch._foreach_lerp_(self._averaged, self._live, weight)


def scale(gradients: list[Tensor], factor: float, clip: float) -> None:
    """Multiply gradients by a factor, and by a smaller one where their norm would be above `clip` (0: no limit), in one pass."""
    if not gradients:
        return
    scale = torch.tensor(factor, device=gradients[0].device)
    if clip:
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) * scale
        scale = scale * (clip / (norm + 1e-6)).clamp_max(1.0)
    torch._foreach_mul_(gradients, scale)


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state by `<key>/<name of the parameter>`. Raises UserError where it isn't made of tensors."""
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if not isinstance(value, Tensor):
                raise UserError(f"`optimizer`: its state `{key}` is no tensor, so that the run cannot be saved")
            tensors[f"{key}/{name}"] = value
    return tensors


def refuse_other_state(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], where: object
) -> None:
    """Raises Damaged where these aren't what `optimizer_tensors` gave: of this model's parameters, in their shapes, and of
    AdamW all that it remembers."""
    parameters, adamw = dict(model.named_parameters()), isinstance(optimizer, torch.optim.AdamW)
    remembered: dict[str, set[str]] = defaultdict(set)
    for path, value in tensors.items():
        key, _, name = path.partition("/")
        remembered[name].add(key)
        if name not in parameters:
            raise Damaged(f"{where}: the optimizer's {path!r} is of no parameter of this model")
        parameter = parameters[name]
        smaller = key == "step" and not value.dim() if adamw else value.dim() < parameter.dim()
        if not (smaller or value.shape == parameter.shape) or (adamw and value.dtype != parameter.dtype):
            raise Damaged(f"{where}: the optimizer's {path!r} is {value.dtype} {tuple(value.shape)}")
    for name, keys_of in remembered.items():
        if adamw and keys_of != {"step", "exp_avg", "exp_avg_sq"}:
            raise Damaged(f"{where}: the optimizer remembers only {', '.join(sorted(keys_of))} of {name!r}")


def restore_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave; torch decides where each tensor lives."""
    parameters = dict(model.named_parameters())
    ordered = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = {parameter: number for number, parameter in enumerate(ordered)}
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for path, value in tensors.items():
        key, name = path.split("/", 1)
        state[numbers[parameters[name]]][key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": dict(state)})
