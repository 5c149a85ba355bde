"""Every key of the configuration: one dataclass per node, with type, default and one sentence each.

Nothing here imports torch or Hydra: a mistake in the configuration is found before anything heavy
is loaded. `compose.py` turns words on the command line into these dataclasses.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from attnlab.config import claims as claims
from attnlab.config.data.base import CrossValidated, DataConfig, HubDataConfig
from attnlab.config.data.graph import GraphData
from attnlab.config.data.image import ImageData
from attnlab.config.data.pairs import ParallelData
from attnlab.config.data.speech import SpeechData
from attnlab.config.data.text import CopyingData, RecallData, TableData, TaggedData, TextData
from attnlab.config.joint import JOINT, JointConfig, JointTrainer, PartKeys
from attnlab.config.keys import LARGEST, THREADS, check, documented_keys, dropped, former_names, key, renamed

from attnlab.config.model.embedding import (  # isort: skip
    AutoEmbedding, EmbeddingConfig, LearnedEmbedding, LinearEmbedding, OneHotEmbedding, PretrainedEmbedding,
    StridedConvolutionEmbedding, WordCharEmbedding,
)  # fmt: skip
from attnlab.config.model.encoder import (  # isort: skip
    AttentionEncoder, ConvolutionEncoder, EncoderConfig, FullyConnectedEncoder, GraphConvEncoder,
    RecurrentEncoder,
)  # fmt: skip
from attnlab.config.model.head import (
    ClassificationHead,
    GraphHead,
    HeadConfig,
    MaskedHead,
    Seq2seqHead,
    TaggingHead,
)

from attnlab.config.training import (  # isort: skip
    AdamW, ConstantSchedule, CosineSchedule, JsonlLogger, LoggerConfig, Muon, OptimizerConfig, ScheduleConfig,
    Trainer, WandbLogger,
)  # fmt: skip
from attnlab.errors import UserError, suggestion
from attnlab.registry import GROUPS

__all__ = [
    "BASES", "JOINT", "AdamW", "AttentionEncoder", "AutoEmbedding", "ClassificationHead", "Config", "ConstantSchedule",
    "ConvolutionEncoder", "CopyingData", "CosineSchedule", "CrossValidated", "DataConfig", "EmbeddingConfig", "EncoderConfig",
    "FullyConnectedEncoder", "GraphConvEncoder", "GraphData", "GraphHead", "HeadConfig", "HubDataConfig", "ImageData",
    "JointConfig", "JointTrainer", "JsonlLogger", "LearnedEmbedding", "LinearEmbedding", "LoggerConfig", "MaskedHead", "Muon",
    "OneHotEmbedding", "OptimizerConfig", "ParallelData", "PartKeys", "PretrainedEmbedding", "RecallData", "RecurrentEncoder",
    "ScheduleConfig", "Seq2seqHead", "SpeechData",
    "StridedConvolutionEmbedding", "Sweep", "TableData", "TaggedData", "TaggingHead", "TextData", "Trainer",
    "WandbLogger", "WordCharEmbedding", "check", "documented_keys", "dropped", "former_names", "key", "keys_of",
    "names_now", "node_type", "renamed",
]  # fmt: skip


@dataclass
class Config:
    """Everything a run depends on; saved with it as config.yaml."""

    task: str = key("???", "what is learned, or a name of your own; names the folder of its runs")
    data: DataConfig = key("???", "data set (group)")
    embedding: EmbeddingConfig = key("???", "values to vectors (group)")
    encoder: EncoderConfig = key("???", "vectors to vectors that depend on each other (group)")
    head: HeadConfig = key("???", "vectors to answers (group)")
    optimizer: OptimizerConfig = key("???", "optimizer (group)")
    schedule: ScheduleConfig = key("???", "learning rate over updates (group)")
    logger: LoggerConfig = key("???", "where a run is recorded besides metrics.jsonl (group)")
    trainer: Trainer = field(default_factory=Trainer, metadata={"help": "the training loop"})
    members: int = key(
        1,
        "number of models trained side by side from different random weights; their answers are averaged",
        min=1,
        max=100,
    )
    seed: int = key(1, "random seed of weights, order of examples, dropout and augmentation", min=0, max=LARGEST)
    outputs: str = key("outputs", "folder in which run folders are made")
    folder: str | None = key(
        None, "the run's folder, new or empty; null: a new one in `outputs`, named by task and time"
    )
    baselines: bool = key(True, "whether `train` also scores simple methods (baselines) on the data")
    score_test: bool = key(
        True, "whether `train` ends with a score on test data; a sweep scores only its best trial there"
    )
    init: str | None = key(
        None,
        "a run whose best weights the encoder starts with: its folder, `latest`, or a sweep (its best trial); null: random weights",
    )
    init_embedding: bool = key(
        False,
        "whether the embedding starts with the weights of the run `init`, too: rows of words and characters by their names",
    )
    plugins: list[str] = key([], "modules that define parts of your own; `plugins=[my_module]` imports them")

    def problems(self) -> Iterator[str]:
        """What is wrong with the keys together, in a sentence each."""
        if self.init == "":
            yield "`init=`: name the folder of a run, or leave it out"
        if self.init_embedding and self.init is None:
            yield "`init_embedding=true`: name the run whose embedding is taken, as in `init=latest`"


SAMPLERS = ("grid", "random", "tpe")


@dataclass
class Sweep:
    """How `attnlab sweep` searches: its own words, beside those of the runs."""

    sampler: str | None = key(
        None,
        "how values are chosen: grid (all combinations), random, or tpe (near values that did well); null: grid where all can be "
        "listed, otherwise tpe",
        choices=SAMPLERS,
    )
    trials: int | None = key(
        None, "number of trials; null: all combinations of the grid, otherwise 20", min=1, max=10**5
    )
    pruner: str = key(
        "none",
        "which trials are stopped early: none, median (those below the median) or halving[:FACTOR] (only the best 1/FACTOR go on)",
    )
    warmup: int = key(
        1,
        "validations before a trial may be stopped early; with halving, before the first selection",
        min=1,
        max=10**6,
    )
    parallel: int = key(
        1, "trials trained at the same time; CPU threads or GPUs are divided among them", min=1, max=THREADS
    )
    seed: int = key(1, "random seed of the sampler", min=0, max=LARGEST)


BASES: dict[str, type] = {
    "data": DataConfig, "embedding": EmbeddingConfig, "encoder": EncoderConfig, "head": HeadConfig,
    "optimizer": OptimizerConfig, "schedule": ScheduleConfig, "logger": LoggerConfig,
}  # fmt: skip
"""From what the keys of each group's parts are derived."""


def keys_of(group: str, name: str) -> type:
    """The dataclass of a part's keys; where a plugin gives none, the group's base.

    Raises UserError where there is no such part, and where its keys are no dataclass derived from that base.
    """
    base = BASES[group]
    keys = GROUPS[group].keys(name) or base
    if not issubclass(keys, base) or "__dataclass_fields__" not in vars(keys):
        right = f"must be a @dataclass derived from {base.__name__}"
        raise UserError(f"{GROUPS[group].plugin(name)}: {group} `{name}`: its keys {keys.__name__} {right}")
    return keys


def names_now(path: str) -> list[str]:
    """What a key that earlier versions called otherwise is called now, in any part of its group."""
    group, _, former = path.partition(".")
    nodes = (keys_of(group, part) for part in GROUPS.get(group, ()))
    return sorted({f"{group}.{now}" for node in nodes if (now := renamed(node).get(former))})


def node_type(group: str, node: Mapping[str, object]) -> type:
    """The dataclass of a saved node, found by its `name` (of data: by its `loader`). Raises UserError for an unknown
    name."""
    registry = GROUPS[group]
    name = node.get(registry.named_by)
    if not isinstance(name, str) or name not in registry:
        raise UserError(f"`{group}.{registry.named_by}={name}`: unknown; {suggestion(str(name), registry)}")
    return keys_of(group, name)
