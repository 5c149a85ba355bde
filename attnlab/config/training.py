"""Keys of `optimizer=`, `schedule=`, `trainer.*` and `logger=`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from attnlab.config.keys import THREADS, key
from attnlab.registry import LOGGERS, OPTIMIZERS, SCHEDULES


@dataclass
class OptimizerConfig:
    """How gradients change weights."""

    name: str = key("???", "choice", choices=OPTIMIZERS)
    lr: float = key(3e-3, "highest learning rate", values="a number above 0")
    layer_decay: float = key(
        1.0,
        "factor of the learning rate per layer, from the head down: the last layer learns at lr · layer_decay, the one below at "
        "lr · layer_decay², the embedding slowest; 1: all alike",
        min=0.001,
        max=1,
    )

    def problems(self) -> Iterator[str]:
        """What is wrong with the keys together, in a sentence each."""
        if self.lr <= 0:
            yield f"`optimizer.lr={self.lr:g}`: nothing would be learned; write a number above 0, such as 0.001"


@dataclass
@OPTIMIZERS.builtin("adamw", "attnlab.training.optim:AdamW")
class AdamW(OptimizerConfig):
    """AdamW (Loshchilov & Hutter 2019), one fused step for all weights."""

    weight_decay: float = key(0.01, "weight decay of matrices; biases and norms have none", min=0)
    beta1: float = key(0.9, "decay of the mean gradient", min=0, max=0.99999)
    beta2: float = key(0.98, "decay of the mean squared gradient", min=0, max=0.99999)


@dataclass
@OPTIMIZERS.builtin("muon", "attnlab.training.optim:Muon")
class Muon(AdamW):
    """Muon (Jordan et al. 2024) for the matrices inside encoder and head, AdamW for all other weights."""

    momentum: float = key(
        0.95, "of matrices inside encoder and head: decay of the mean gradient", min=0, max=0.99999
    )


@dataclass
class ScheduleConfig:
    """The learning rate over the updates, as a fraction of `optimizer.lr`."""

    name: str = key("???", "choice", choices=SCHEDULES)


@dataclass
@SCHEDULES.builtin("constant", "attnlab.training.optim:Constant")
class ConstantSchedule(ScheduleConfig):
    """A linear warm-up, then a constant rate."""

    DROPPED: ClassVar[tuple[str, ...]] = ("final",)

    warmup: float = key(0.1, "fraction of all updates in which the rate rises from 0", min=0, max=1)


@dataclass
@SCHEDULES.builtin("cosine", "attnlab.training.optim:Cosine")
class CosineSchedule(ScheduleConfig):
    """A linear warm-up, then half a cosine."""

    warmup: float = key(0.1, "fraction of all updates in which the rate rises from 0", min=0, max=1)
    final: float = key(0.01, "learning rate at the end, as a fraction of the highest", min=0, max=1)


@dataclass
class Trainer:
    """The training loop."""

    epochs: int = key(15, "passes over the training data", min=1, max=10**6)
    updates: int | None = key(
        None, "updates after which training stops; null: `epochs` say when", min=1, max=10**9
    )
    batch_vectors: int = key(1500, "most vectors (words, frames, patches, nodes) in a batch", min=1, max=10**9)
    accumulate: int = key(1, "batches whose gradients are added up for one update", min=1, max=10**6)
    clip: float = key(
        1.0, "largest norm of the gradient; a larger one is scaled down to it; 0: no clipping", min=0
    )
    average: float = key(
        0.99, "decay of the running average of the weights, which is evaluated; 0: no average", min=0, max=0.99999
    )
    average_best: int = key(
        1,
        "number of best validations whose weights are averaged at the end, to be used if that scores better; 1: no average",
        min=1,
        max=1000,
    )
    validate_every: int | None = key(None, "updates between validations; null: once an epoch", min=1, max=10**9)
    monitor: str | None = key(
        None,
        "validation score that picks the best weights, such as accuracy or loss; null: the usual one of the target",
    )
    patience: int | None = key(
        None, "stop after this many validations in a row without an improvement; null: never", min=1, max=10**6
    )
    save_minutes: float = key(
        5.0, "minutes between saves, in addition to the save at each validation", min=0, max=10**6
    )
    precision: str = key("fp32", "number format of matrix products: fp32 or bf16", choices=("fp32", "bf16"))
    device: str = key(
        "auto",
        "where to compute: cpu, cuda (a GPU) or auto (a GPU if there is one)",
        choices=("auto", "cpu", "cuda"),
    )
    threads: int | None = key(None, "number of CPU threads; null: PyTorch's choice", min=1, max=THREADS)
    ranks: int | None = key(
        None,
        "processes that compute a run together on this machine, with the same result; null: one, or as many as torchrun starts",
        min=1,
        max=1024,
    )
    strategy: str = key(
        "replicate",
        "what each of several processes holds: replicate (the whole model) or shard (a part, for encoders that don't fit)",
        choices=("replicate", "shard"),
    )
    restarts: int = key(
        2,
        "how often a run of several processes goes on from its last save after one of them has died",
        min=0,
        max=1000,
    )
    workers: int = key(
        0,
        "processes that prepare batches; 0: none, the training process prepares them, in a thread where that takes long",
        min=0,
        max=256,
    )


@dataclass
class LoggerConfig:
    """Where a run is recorded besides metrics.jsonl, which is always written."""

    name: str = key("???", "choice", choices=LOGGERS)


@dataclass
@LOGGERS.builtin("jsonl", "attnlab.training.tracking:Jsonl")
class JsonlLogger(LoggerConfig):
    """Only the run folder's own record, metrics.jsonl, which is always written."""


@dataclass
@LOGGERS.builtin("wandb", "attnlab.training.tracking:Wandb")
class WandbLogger(LoggerConfig):
    """Weights & Biases beside metrics.jsonl; it never asks anything, and its failure never stops a run."""

    mode: str = key(
        "offline",
        "offline (`wandb sync` uploads the run later), online or disabled",
        choices=("offline", "online", "disabled"),
    )
    project: str = key("attnlab", "name of the project in which runs appear")
    entity: str | None = key(None, "user or team; null: the account's own")
    group: str | None = key(None, "name that groups runs; a sweep puts its own name here")
    folder: str | None = key(None, "where wandb keeps its files; null: `outputs`/wandb")
