"""Names of weights in runs that earlier versions saved."""

import re

from torch import Tensor

FORMER_NAMES = (
    (r"\bto_(qkv|q|kv)\.", r"\1_proj."),
    (r"\b(attention|memory)\.mix\.", r"\1.out_proj."),
    (r"\bhead\.answer\.decide\.", "head.output.proj."),
    (r"\bdecoder\.blocks\.(\d+)\.(norm_)?memory\.", r"decoder.blocks.\1.\2cross_attention."),
)
"""(pattern of a part of the name, what stands there now), applied one after another. Names of now match none of them."""


def present_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Saved tensors by the names that they have now; the tensors of an optimizer are named after the weights' names."""
    for pattern, now in FORMER_NAMES:
        tensors = {re.sub(pattern, now, name): tensor for name, tensor in tensors.items()}
    return tensors
