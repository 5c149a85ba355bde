"""Optimizer, learning rate and averaged weights, all counted in updates."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnlab import config as keys
from attnlab.errors import Damaged, UserError
from attnlab.model.build import Model
from attnlab.model.joint import Learner
from attnlab.model.output_layer import OutputLayer
from attnlab.model.tag_sequences import TagSequences
from attnlab.registry import OPTIMIZERS, SCHEDULES


@dataclass(frozen=True)
class ParameterGroups:
    """The trained parameters of a model. decayed: its matrices; spared: biases, norms and tables of embeddings, which
    weight decay leaves alone. hidden: the decayed ones that map hidden vectors to hidden vectors: matrices of the encoder's
    layers, and of the head but for its output layer."""

    decayed: list[nn.Parameter]
    spared: list[nn.Parameter]
    hidden: list[nn.Parameter]

    @classmethod
    def of(cls, model: Learner) -> "ParameterGroups":
        tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
        trained = [p for p in model.parameters() if p.requires_grad]
        decayed = [p for p in trained if p.dim() >= 2 and id(p) not in tables]
        inside = {id(p) for member in model.members for p in _inside(member)}
        hidden = [p for p in decayed if id(p) in inside and p.dim() == 2 and min(p.shape) > 1]
        return cls(decayed, [p for p in trained if p.dim() < 2 or id(p) in tables], hidden)

    def with_decay(self, weight_decay: float) -> list[dict[str, object]]:
        """As the optimizers of torch take them."""
        return [
            {"params": self.decayed, "weight_decay": weight_decay},
            {"params": self.spared, "weight_decay": 0.0},
        ]


def _inside(model: Model) -> list[nn.Parameter]:
    """The parameters of the encoder's layers, and of the head but for what gives its outputs."""
    outputs = [module for module in model.head.modules() if isinstance(module, OutputLayer | TagSequences)]
    of_outputs = {id(p) for module in outputs for p in module.parameters()}
    of_layers = [p for name, p in model.encoder.named_parameters() if model.encoder.layer_of(name) is not None]
    return [*of_layers, *(p for p in model.head.parameters() if id(p) not in of_outputs)]


class Optimizer:
    """What `optimizer=` chooses. A plugin derives its own, with keys derived from `OptimizerConfig`."""

    def __init__(self, config: keys.OptimizerConfig) -> None:
        self.config = config

    def build(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """The optimizer of these parameters; what it remembers of each must be tensors, so that it can be saved. Its
        learning rate is set before every update."""
        raise NotImplementedError

    def remembers(self, group: Mapping[str, object]) -> frozenset[str] | None:
        """The names of what it remembers of each parameter in one of its groups: `step` is a single number, the others have the
        parameter's shape and type. None: that isn't known, and only shapes are checked when a run is resumed."""
        return None


class AdamW(Optimizer):
    """AdamW (Loshchilov & Hutter 2019) in one fused step."""

    config: keys.AdamW

    def build(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        config, decayed = self.config, groups.with_decay(self.config.weight_decay)
        return torch.optim.AdamW(decayed, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)

    def remembers(self, group: Mapping[str, object]) -> frozenset[str]:
        return frozenset({"step", "exp_avg", "exp_avg_sq"})


class Muon(AdamW):
    """Muon for the hidden matrices, AdamW for all other weights (Jordan et al. 2024, "Muon: An optimizer for hidden layers in
    neural networks", whose output layers and embeddings AdamW trains, too)."""

    config: keys.Muon

    def build(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        config, hidden = self.config, {id(p) for p in groups.hidden}
        others = ParameterGroups([p for p in groups.decayed if id(p) not in hidden], groups.spared, [])
        options = {"lr": config.lr, "weight_decay": config.weight_decay, "momentum": config.momentum}
        muon = _MuonAlone([{"params": groups.hidden}], options)
        return _MuonAndAdamW(muon, super().build(others))

    def remembers(self, group: Mapping[str, object]) -> frozenset[str]:
        return frozenset({"momentum_buffer"}) if _is_muons(group) else super().remembers(group)


def _is_muons(group: Mapping[str, object]) -> bool:
    return "momentum" in group


class _MuonAlone(torch.optim.Optimizer):
    """Equal to `torch.optim.Muon(adjust_lr_fn="match_rms_adamw")`, but for the number format of its products: see
    `orthogonalised`. Queries, keys and values are one matrix here, whose step is made as a whole."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                mean = state["momentum_buffer"].lerp_(p.grad, 1 - momentum)
                step = orthogonalised(p.grad.lerp(mean, momentum))  # Nesterov's: as if the next mean were known
                p.mul_(1 - rate * group["weight_decay"])
                # So it is about as large as a step of AdamW (Liu et al. 2025, "Muon is scalable for LLM training").
                p.add_(step, alpha=-rate * 0.2 * math.sqrt(max(p.shape)))


def orthogonalised(matrix: Tensor) -> Tensor:
    """(A, B) -> (A, B): with the same singular vectors, and singular values brought near 1, by five steps of a Newton-Schulz
    iteration with the coefficients of Jordan et al. 2024. Products are in bf16 on a GPU, and in fp32 on a CPU, where those
    in bf16 took 12 to 25 times as long."""
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = x / x.norm().clamp_min(1e-7)
    if x.is_cuda:
        x = x.bfloat16()
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    return (x if matrix.shape[0] <= matrix.shape[1] else x.T).to(matrix)


class _MuonAndAdamW(torch.optim.Optimizer):
    """Both as one, with the groups and the state of both. Before a step each is given its own again, since they are others after
    `load_state_dict`."""

    def __init__(self, muon: torch.optim.Optimizer, adamw: torch.optim.Optimizer) -> None:
        self.muon, self.adamw = muon, adamw
        super().__init__([*muon.param_groups, *adamw.param_groups], {})

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        self.muon.param_groups = [group for group in self.param_groups if _is_muons(group)]
        self.adamw.param_groups = [group for group in self.param_groups if not _is_muons(group)]
        for optimizer in (self.muon, self.adamw):
            optimizer.state = self.state
            optimizer.step()


def chosen_optimizer(config: keys.OptimizerConfig) -> Optimizer:
    """What the configuration names."""
    return OPTIMIZERS.get(config.name, Optimizer)(config)


def build_optimizer(model: Learner, config: keys.OptimizerConfig) -> torch.optim.Optimizer:
    """The optimizer that the configuration names, for the trained parameters of a model. The parameters of each of its groups
    have the same learning rate, `lr_factor` times that of an update."""
    optimizer = chosen_optimizer(config).build(ParameterGroups.of(model))
    factors, groups = rate_factors(model, config.layer_decay), []
    for group in optimizer.param_groups:
        for factor in sorted({factors[p] for p in group["params"]}, reverse=True):
            parameters = [p for p in group["params"] if factors[p] == factor]
            groups.append(group | {"params": parameters, "lr_factor": factor})
    optimizer.param_groups = groups
    return optimizer


def rate_factors(model: Learner, decay: float) -> dict[nn.Parameter, float]:
    """Of each parameter, its learning rate as a fraction of the head's: decay^(number of layers above it), as in ELECTRA (Clark
    et al. 2020) and BEiT (Bao et al. 2022). The head is above the encoder's last layer; the encoder's last norm learns as the
    head does, what tells positions apart as the embedding."""
    factors = dict.fromkeys(model.parameters(), 1.0)
    for member in model.members:
        encoder = member.encoder
        layers = {name: encoder.layer_of(name) for name, _ in encoder.named_parameters()}
        depth = 1 + max((layer for layer in layers.values() if layer is not None), default=-1)
        for name, parameter in encoder.named_parameters():
            if name.startswith(encoder.of_places):
                factors[parameter] = decay ** (depth + 1)
            elif (layer := layers[name]) is not None:
                factors[parameter] = decay ** (depth - layer)
        factors |= dict.fromkeys(member.embedding.parameters(), decay ** (depth + 1))
    return factors


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
    """A running average of a model's weights (Polyak & Juditsky 1992), in a second model for evaluation. averaged: that
    one, with the same weights at first.

    The first updates count more, so that the average doesn't remember the random start:
    the decay of update u is min(decay, (1 + u) / (10 + u)).
    """

    def __init__(self, model: Learner, averaged: Learner, decay: float) -> None:
        self.decay, self.model = decay, averaged
        self._averaged: list[Tensor] = list(averaged.parameters())
        self._live: list[Tensor] = list(model.parameters())

    @torch.no_grad()
    def update(self, update: int) -> None:
        """Move the average towards the weights after this update."""
        weight = 1 - min(self.decay, (1 + update) / (10 + update))
        torch._foreach_lerp_(self._averaged, self._live, weight)


def norm(gradients: list[Tensor]) -> Tensor:
    """() of all of them as one vector."""
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))


def scale(
    gradients: list[Tensor], factor: float, clip: float, norm: Callable[[list[Tensor]], Tensor] = norm
) -> None:
    """Multiply gradients by a factor, and by a smaller one where their norm would be above `clip` (0: no limit), in one
    pass. norm: finds it, where these are parts of the gradients."""
    if not gradients:
        return
    scale = torch.tensor(factor, device=gradients[0].device)
    if clip:
        scale = scale * (clip / (norm(gradients) * scale + 1e-6)).clamp_max(1.0)
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
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    chosen: Optimizer,
    tensors: dict[str, Tensor],
    where: object,
) -> None:
    """Raises Damaged where these aren't what `optimizer_tensors` gave: of this model's trained parameters, in their shapes, and
    all that the optimizer says it remembers. chosen: what built it."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    known = {names[p]: chosen.remembers(group) for group in optimizer.param_groups for p in group["params"]}
    parameters = dict(model.named_parameters())
    remembered: dict[str, set[str]] = defaultdict(set)
    for path, value in tensors.items():
        key, _, name = path.partition("/")
        remembered[name].add(key)
        if name not in known:
            raise Damaged(f"{where}: the optimizer's {path!r} is of no trained parameter of this model")
        parameter, expected = parameters[name], known[name]
        smaller = key == "step" and not value.dim() if expected else value.dim() < parameter.dim()
        if not (smaller or value.shape == parameter.shape) or (expected and value.dtype != parameter.dtype):
            raise Damaged(f"{where}: the optimizer's {path!r} is {value.dtype} {tuple(value.shape)}")
    for name, keys_of in remembered.items():
        if known[name] not in (None, keys_of):
            raise Damaged(f"{where}: the optimizer remembers only {', '.join(sorted(keys_of))} of {name!r}")


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor],
    part: Callable[[Tensor, Tensor], Tensor],
) -> None:  # fmt: skip
    """Put back what `optimizer_tensors` gave; torch decides where each tensor lives. part: what this process holds of a tensor
    that belongs to a parameter."""
    parameters = dict(model.named_parameters())
    ordered = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = {parameter: number for number, parameter in enumerate(ordered)}
    state: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for path, value in tensors.items():
        key, name = path.split("/", 1)
        state[numbers[parameters[name]]][key] = part(value, parameters[name])
    optimizer.load_state_dict(optimizer.state_dict() | {"state": dict(state)})
