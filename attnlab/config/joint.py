"""Keys of `task=joint`: several tasks, each an ordinary run, that share one trunk."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from attnlab.config.keys import LARGEST, key
from attnlab.config.model.encoder import AttentionEncoder
from attnlab.config.training import LoggerConfig, OptimizerConfig, ScheduleConfig, Trainer

JOINT = "joint"
"""The task of a run that learns several."""


OWN = ("task", "data", "embedding", "head", "weight", "defaults")
"""Groups and keys that each part has for itself, with all keys below them."""
OWN_KEYS = (
    "encoder.position",
    "encoder.max_position",
    "encoder.scope",
    "encoder.kernel",
    "trainer.batch_vectors",
    "trainer.monitor",
)
"""The others that it has: what of the encoder and of training belongs to its data."""


def is_own(name: str) -> bool:
    """Whether each part has this key or group for itself; of a node, such as `encoder.`, whether some of its keys are."""
    return name.partition(".")[0] in OWN or any(key.startswith(name) for key in OWN_KEYS)


@dataclass
class PartKeys:
    """One part of a joint run; what it is itself stands in the configuration of its own folder."""

    weight: float = key(1.0, "weight of a part's mean loss in that of an update, above 0", min=0)


@dataclass
class JointTrainer(Trainer):
    """The training loop of a joint run; an epoch is one of its largest part."""

    accumulate: int = key(8, "batches of an update, of each part at least one", min=1, max=10**6)
    mixing: float = key(
        0.5,
        "how the batches of an update are divided among parts, by their sizes to this power: 1 as they are, 0 equally",
        min=0,
        max=1,
    )
    balance: str = key(
        "chance",
        "what the mean loss of each part is multiplied by: chance (1 / that of the best constant answer, so that all begin near 1), "
        "noise (besides, the root of its answers in a batch, so that gradients are equally noisy) or none (1)",
        choices=("chance", "noise", "none"),
    )


@dataclass
class JointConfig:
    """Everything that the parts of a joint run have in common; saved with it as config.yaml."""

    task: str = key(JOINT, "the name of what is learned, and of the folder of its runs")
    parts: dict[str, PartKeys] = field(
        default_factory=dict,
        metadata={
            "help": "by name, what is learned together: names of tasks, or of parts with a `parts.NAME.task` or data of their own",
            "values": "a list of names, such as [pos,digits]",
        },
    )
    encoder: AttentionEncoder = field(default_factory=AttentionEncoder, metadata={"help": "the trunk"})
    optimizer: OptimizerConfig = key("???", "optimizer (group)")
    schedule: ScheduleConfig = key("???", "learning rate over updates (group)")
    logger: LoggerConfig = key("???", "where a run is recorded besides metrics.jsonl (group)")
    trainer: JointTrainer = field(default_factory=JointTrainer, metadata={"help": "the training loop"})
    seed: int = key(1, "random seed of weights, order of examples, dropout and augmentation", min=0, max=LARGEST)
    outputs: str = key("outputs", "folder in which run folders are made")
    folder: str | None = key(
        None, "the run's folder, new or empty; null: a new one in `outputs`, named by task and time"
    )
    baselines: bool = key(True, "whether `train` also scores simple methods (baselines) on the data")
    score_test: bool = key(True, "whether `train` ends with a score on test data")
    plugins: list[str] = key([], "modules that define parts of your own; `plugins=[my_module]` imports them")

    def problems(self) -> Iterator[str]:
        """What is wrong with the keys together, in a sentence each."""
        if self.trainer.accumulate < len(self.parts):
            yield (
                f"`trainer.accumulate={self.trainer.accumulate}`: each of {len(self.parts)} parts has a batch in every update; "
                f"set trainer.accumulate={len(self.parts)} or more"
            )
        if self.trainer.strategy == "shard":
            yield "`trainer.strategy=shard`: each process holds the whole trunk of a joint run; use trainer.strategy=replicate"
        if self.encoder.trained != "all":
            yield (
                f"`encoder.trained={self.encoder.trained}`: a joint run begins with random weights, all of which it trains; leave "
                "it out"
            )
        for name, part in self.parts.items():
            if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII):
                yield f"`parts`: `{name}` names a folder; begin with a letter, and use letters, digits and _"
            if not 0 < part.weight < math.inf:
                yield f"`parts.{name}.weight={part.weight:g}`: write a number above 0, or leave `{name}` out of `parts`"
