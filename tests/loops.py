"""Loops that a test can stop wherever it likes, and what they leave."""

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file

from attnlab import compose, compose_joint
from attnlab.model import build as models
from attnlab.runs import RunFolder
from attnlab.training import joint
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.run import load_data


def training(overrides: list[str], folder: Path | None = None, stop_after: int | None = None) -> Training:
    """A loop; asked to stop after some update, as Ctrl-C would."""
    if folder is not None:
        folder.mkdir(exist_ok=True)
    run = RunFolder(folder) if folder else None
    loop = _joint(overrides, run) if compose_joint.wanted(overrides) else _ordinary(overrides, run)
    update = loop._update

    def counted(group: list, own: list, batches: Iterator) -> None:
        loop.stop_requested = stop_after is not None and loop.progress.update + 1 >= stop_after
        update(group, own, batches)

    loop._update = counted  # type: ignore[method-assign]
    return loop


def _ordinary(overrides: list[str], folder: RunFolder | None) -> Training:
    config = compose.compose(overrides)
    data = load_data(config)
    torch.manual_seed(config.seed)
    model = models.build(config, data.spec)
    return Training(config, model, Parts.alone(config, data), Engine.joined(config.trainer), folder)


def _joint(overrides: list[str], folder: RunFolder | None) -> Training:
    composed = compose_joint.compose_joint(overrides)
    config, engine = composed.config, Engine.joined(composed.config.trainer)
    parts, _ = joint.opened_parts(composed, engine)
    return Training(config, joint.joint_of(parts), joint.learned_of(config, parts, engine), engine, folder)


def weights(folder: Path) -> dict[str, bytes]:
    """All tensors of all checkpoints, as bytes."""
    return {
        f"{path.relative_to(folder)}/{name}": tensor.numpy().tobytes()
        for path in sorted(folder.rglob("*.safetensors"))
        if ".previous" not in str(path)
        for name, tensor in load_file(path).items()
    }
