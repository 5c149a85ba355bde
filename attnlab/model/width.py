"""The width that gives an encoder about so many parameters."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from attnlab.config import EncoderConfig
from attnlab.config.keys import WIDEST
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
        with without_numbers():
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
        if low * step > WIDEST:
            raise UserError(
                f"`encoder.parameters={config.parameters}`: encoder={config.name} has fewer with these keys even where "
                f"encoder.width is {WIDEST:,}; ask for less, or raise encoder.depth"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(middle) <= wanted else (low, middle)
    return step * min((low, high), key=lambda steps: abs(size(steps) - wanted))


class _NoDraws(TorchFunctionMode):
    """Draws nothing where there is nothing to be drawn: on the meta device torch would import half of itself for it."""

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> object:
        return args[0] if func is torch.Tensor.normal_ else func(*args, **(kwargs or {}))


@contextmanager
def without_numbers() -> Iterator[None]:
    """Inside, modules have sizes, and take no memory for numbers."""
    with torch.device("meta"), _NoDraws():
        yield


def count_parameters(model: nn.Module) -> int:
    """How many numbers of a model are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
