"""Every key of the configuration: one dataclass per node, with type, default and one sentence each.

Nothing here imports torch or Hydra: a mistake in the configuration is found before anything heavy
is loaded. `compose.py` turns words on the command line into these dataclasses.
"""

from dataclasses import dataclass, field
from typing import Any

from attnlab.config.data import Dataset, GraphData, ImageData, OnHub, SpeechData
from attnlab.config.keys import LARGEST, check, documented_keys, key
from attnlab.config.model import (
    AttentionEncoder,
    AutoEmbedding,
    ClassificationHead,
    ConvolutionEncoder,
    FullyConnectedEncoder,
    GraphConvEncoder,
    GraphHead,
    LearnedEmbedding,
    LinearEmbedding,
    OneHotEmbedding,
    PretrainedEmbedding,
    RecurrentEncoder,
    Seq2seqHead,
    StridedConvolutionEmbedding,
    TaggingHead,
    WordCharEmbedding,
)
from attnlab.config.text import ParallelData, TableData, TaggedData, TextData
from attnlab.config.training import AdamW, JsonlLogger, Schedule, Trainer, WandbLogger
from attnlab.errors import UserError, suggestion

__all__ = [
    "NODES",
    "AdamW",
    "AttentionEncoder",
    "AutoEmbedding",
    "ClassificationHead",
    "Config",
    "ConvolutionEncoder",
    "Dataset",
    "FullyConnectedEncoder",
    "GraphConvEncoder",
    "GraphData",
    "GraphHead",
    "ImageData",
    "JsonlLogger",
    "LearnedEmbedding",
    "LinearEmbedding",
    "OnHub",
    "OneHotEmbedding",
    "ParallelData",
    "PretrainedEmbedding",
    "RecurrentEncoder",
    "Schedule",
    "Seq2seqHead",
    "SpeechData",
    "StridedConvolutionEmbedding",
    "Sweep",
    "TableData",
    "TaggedData",
    "TaggingHead",
    "TextData",
    "Trainer",
    "WandbLogger",
    "WordCharEmbedding",
    "check",
    "documented_keys",
    "key",
    "node_type",
]


@dataclass
class Config:
    """Everything a run depends on; saved with it as config.yaml."""

    task: str = key("???", "what is learned; names the run's folder")
    data: Any = key("???", "data set (group)")
    embedding: Any = key("???", "values to vectors (group)")
    encoder: Any = key("???", "vectors to vectors that know of each other (group)")
    head: Any = key("???", "vectors to answers (group)")
    optimizer: Any = key("???", "optimizer (group)")
    schedule: Any = key("???", "learning rate over updates (group)")
    logger: Any = key("???", "who is told besides metrics.jsonl (group)")
    trainer: Trainer = field(default_factory=Trainer, metadata={"help": "the training loop"})
    seed: int = key(1, "of weights, order of examples, dropout and augmentation", least=0, most=LARGEST)
    outputs: str = key("outputs", "folder in which run folders are made")
    folder: str | None = key(
        None, "this run's own folder, new or empty; null: one in `outputs`, named by task and time"
    )
    baselines: bool = key(True, "whether `train` measures the data's baselines")
    score_test: bool = key(True, "whether `train` ends with a score on test data; a sweep scores only its choice")


@dataclass
class Sweep:
    """How `attnlab sweep` searches: its own words, beside those of the runs."""

    sampler: str | None = key(
        None,
        "how values are chosen; null: grid where all can be listed, tpe otherwise",
        choices=("grid", "random", "tpe"),
    )
    trials: int | None = key(None, "how many; null: the whole grid, or 20", least=1)
    pruner: str = key("none", "stops what lags behind: none | median | halving[:FACTOR]")
    warmup: int = key(1, "validations before a trial may be pruned; the first rung of halving", least=1)
    parallel: int = key(1, "trials at a time; CPU threads or GPUs are dealt out to them", least=1)
    seed: int = key(1, "of what the sampler draws", least=0, most=LARGEST)


# What each group may hold. A saved node finds its dataclass by its `name` (data: by its `loader`).
NODES: dict[str, dict[str, type]] = {
    "data": {
        "text": TextData,
        "tagged": TaggedData,
        "table": TableData,
        "parallel": ParallelData,
        "image": ImageData,
        "speech": SpeechData,
        "graph": GraphData,
    },
    "embedding": {
        "auto": AutoEmbedding,
        "one_hot": OneHotEmbedding,
        "learned": LearnedEmbedding,
        "pretrained": PretrainedEmbedding,
        "word_char": WordCharEmbedding,
        "linear": LinearEmbedding,
        "strided_convolution": StridedConvolutionEmbedding,
    },
    "encoder": {
        "attention": AttentionEncoder,
        "recurrent": RecurrentEncoder,
        "convolution": ConvolutionEncoder,
        "fully_connected": FullyConnectedEncoder,
        "graph_conv": GraphConvEncoder,
    },
    "head": {
        "tagging": TaggingHead,
        "classification": ClassificationHead,
        "graph": GraphHead,
        "seq2seq": Seq2seqHead,
    },
    "optimizer": {"adamw": AdamW},
    "schedule": {"cosine": Schedule, "constant": Schedule},
    "logger": {"jsonl": JsonlLogger, "wandb": WandbLogger},
}


def node_type(group: str, node: dict[str, Any]) -> type:
    """The dataclass of a saved node; refuses an unknown name."""
    discriminator = "loader" if group == "data" else "name"
    name = node.get(discriminator)
    if name not in NODES[group]:
        raise UserError(f"`{group}.{discriminator}={name}`: unknown; {suggestion(str(name), NODES[group])}")
    return NODES[group][name]
