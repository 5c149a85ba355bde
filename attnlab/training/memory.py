"""Whether a model fits into this machine's memory, told before any of it is taken."""

import os
from pathlib import Path

import torch

from attnlab.config import Config
from attnlab.errors import UserError
from attnlab.model.build import build
from attnlab.model.width import count_parameters, without_numbers
from attnlab.spec import DataSpec
from attnlab.training.engine import Engine

GIB = 2**30


def check_memory(config: Config, spec: DataSpec, engine: Engine, training: bool = True) -> None:
    """Raises UserError where a model's weights, and with `training` what an optimizer keeps beside them, take more than
    there is. What batches take comes on top, and depends on them. Processes on CPUs share the machine's memory, whatever
    each of them holds."""
    try:
        with without_numbers():
            model = build(config, spec)
        count, trained = (
            sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers())),
            count_parameters(model),
        )
    except (RuntimeError, OverflowError) as error:  # a size beyond what eight bytes count
        raise UserError(f"this model has more numbers than can be counted; {_remedy(config)}") from error
    numbers = count * (1 + bool(config.trainer.average)) + 3 * trained if training else count
    shared = training and config.trainer.strategy == "shard" and engine.device.type == "cuda"
    needed, there = 4 * numbers, _memory(engine.device) * (engine.ranks.count if shared else 1)
    if needed > there:
        held = "weights"
        if training:
            averaged = ", and their average" if config.trainer.average else ""
            held = f"weights, gradients, two moments{averaged}"
        raise UserError(
            f"this model has {count:,} numbers, which take {needed / GIB:,.0f} GiB ({held}), where this machine has "
            f"{there / GIB:,.0f}; {_remedy(config)}"
        )


def _remedy(config: Config) -> str:
    large = ["members"] if config.members > 1 else []
    large += ["encoder.width", "encoder.depth"] if config.encoder.parameters is None else ["encoder.parameters"]
    return f"lower {', '.join(large)} or what else makes it large"


def _memory(device: torch.device) -> int:
    """Bytes in all: of a GPU, or of what this process may take of the machine's."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limits.append(int((Path("/sys/fs/cgroup") / name).read_text()))
        except (OSError, ValueError):  # no such group, or one without a limit
            continue
    return min(limits)
