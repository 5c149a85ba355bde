"""The attention weights of any model, while it computes something."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from attnlab.errors import UserError, suggestion
from attnlab.model.attention.multihead import CrossAttention, SelfAttention


def attention_layers(model: nn.Module) -> dict[str, SelfAttention | CrossAttention]:
    """The attention layers of a model by name, in the order in which they were built."""
    return {
        name: layer for name, layer in model.named_modules() if isinstance(layer, SelfAttention | CrossAttention)
    }


@contextmanager
def record(model: nn.Module, layers: Sequence[str] | None = None) -> Iterator[dict[str, list[Tensor]]]:
    """While inside, what the model computes is recorded: for each layer, of each set, weights (H, Lq, Lk).

    layers: names as `attention_layers` gives them; None: all. Several batches are recorded one after the other.
    The weights are those of the reference, before dropout, whatever kernel computes the model's answer; nothing
    is left on the layers. Of several `members`, `model.encode` asks the first and `model.predict` all; the layers of
    the second are called `others.0.encoder.…`. Raises UserError where there is no such layer.

        with record(model, ["encoder.blocks.0.attention"]) as weights:
            model.encode(inputs)
    """
    known = attention_layers(model)
    recorded: dict[str, list[Tensor]] = {name: [] for name in (known if layers is None else layers)}
    for name in recorded:
        if name not in known:
            raise UserError(f"layer `{name}`: no such attention layer; {suggestion(name, known)}")

    @torch.no_grad()
    def append_weights(name: str, layer: SelfAttention | CrossAttention, inputs: tuple, named: dict) -> None:
        recorded[name] += layer.weights(*inputs, **named)

    handles = [
        known[name].register_forward_pre_hook(partial(append_weights, name), with_kwargs=True) for name in recorded
    ]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()
