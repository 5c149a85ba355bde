"""The width that gives an encoder about so many parameters."""

import math
from dataclasses import replace

import torch
from torch import nn

from attnlab.config import EncoderConfig
from attnlab.config.model.encoder import parse_count
from attnlab.errors import UserError
from attnlab.model.interfaces import Encoder
from attnlab.registry import ENCODERS
from attnlab.spec import DataSpec


def matching_width(config: EncoderConfig, spec: DataSpec, multiple: int = 1) -> int:
    """The width with which an encoder comes nearest to `encoder.parameters`, among multiples of `multiple`.

    Raises UserError where even the narrowest has more, or where its parameters don't depend on its width.
    """
    wanted, step = parse_count(config.parameters), math.lcm(config.width_step, multiple)
    encoder = ENCODERS.get(config.name, Encoder)

    def size(steps: int) -> int:
        with torch.device("meta"):  # sizes without numbers
            return count_parameters(encoder(replace(config, width=steps * step), spec))

    low = max(1, spec.num_coords)  # two numbers of a head for each coordinate, which positions need
    high = 2 * low
    if size(low) > wanted:
        raise UserError(
            f"`encoder.parameters={config.parameters}`: encoder={config.name} has at least {size(low):,} "
            "with these keys; ask for more, or lower encoder.depth"
        )
    if size(low) == size(high):
        raise UserError(
            f"`encoder.parameters={config.parameters}`: encoder={config.name} has {size(low):,} at any width; leave it out"
        )
    while size(high) <= wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= wanted else (low, middle)
    return step * min((low, high), key=lambda steps: abs(size(steps) - wanted))


def count_parameters(model: nn.Module) -> int:
    """How many numbers of a model are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
