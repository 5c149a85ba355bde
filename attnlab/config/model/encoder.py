"""Keys of `encoder=`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attnlab.attention_options import KERNELS, POSITION_CHOICES, SCOPE_CHOICES, SCORE_CHOICES, refusal
from attnlab.choices import listed
from attnlab.config.keys import WIDEST, key
from attnlab.errors import UserError
from attnlab.registry import ENCODERS

MOST_PARAMETERS = 10**12
"""Of an encoder, whatever the machine."""


@dataclass
class EncoderConfig:
    """Vectors to vectors, each of which depends on others of its set."""

    name: str = key("???", "choice", choices=ENCODERS)
    width: int = key(128, "D: width of every vector inside the model", min=1, max=WIDEST)
    parameters: Any = key(
        None,
        "number of parameters of the encoder, such as 1M, from which encoder.width follows; null: encoder.width is used",
    )
    depth: int = key(2, "number of layers", min=1, max=1000)
    dropout: float = key(0.1, "dropout after the embedding and each layer", min=0, max=0.99)
    trained: str = key(
        "all",
        "which of the encoder's weights are trained: all, norms (gains and biases of LayerNorms) or none; its positions always are",
        choices=("all", "norms", "none"),
    )

    @property
    def width_step(self) -> int:
        """Widths that fit are multiples of this."""
        return 1

    def problems(self) -> Iterator[str]:
        """What is wrong with the keys together, in a sentence each."""
        if self.parameters is not None:
            try:
                parse_count(self.parameters)
            except UserError as error:
                yield str(error)


USUAL_WIDTHS = (32, 64, 128)
"""Those of `encoder.width` where nobody sets it: the last one, or what `training/defaults.py` chooses for the data."""


def _undivided(width: int, heads: int) -> str:
    """That a width is no multiple of the number of heads, and what would be right, with an even width for each head."""
    usual = width == USUAL_WIDTHS[-1]
    which = f"encoder.width={width}" + " (the default; 32 or 64 for some data)" * usual
    smallest = USUAL_WIDTHS[0] if usual else width
    fitting = [str(n) for n in range(1, smallest // 2 + 1) if smallest % (2 * n) == 0] or ["1"]
    multiple = 2 * heads * max(1, round(width / (2 * heads)))
    return (
        f"`encoder.heads={heads}` must divide {which}, as {', '.join(fitting[:12])} do; or set a width that it divides, such as "
        f"encoder.width={multiple}"
    )


@dataclass
@ENCODERS.builtin("attention", "attnlab.model.encoders.attention:Attention")
class AttentionEncoder(EncoderConfig):
    """Pre-norm blocks: attention over the set, then a feed-forward layer for each vector."""

    depth: int = key(2, "number of blocks", min=1, max=1000)
    heads: int = key(4, "H: attention heads", min=1, max=WIDEST)
    head_width: int | None = key(None, "K: width of one head; null: D / H", min=1, max=WIDEST)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", min=1, max=1000)
    activation: str = key("gelu", "activation of the feed-forward layer: gelu or relu", choices=("gelu", "relu"))
    dropout: float = key(0.1, "dropout after embedding, attention and feed-forward", min=0, max=0.99)
    attention_dropout: float = key(0.0, "fraction of attention weights dropped in training", min=0, max=0.99)
    score: str = key("scaled_dot", "how well two vectors match: {choices}", choices=SCORE_CHOICES)
    scope: Any = key(
        "full",
        "which vectors attend to which: {choices} (a radius in coordinates, or a time such as 40ms); a list gives "
        "one to each layer in turn",
        choices=SCOPE_CHOICES,
    )
    position: str = key(
        "auto",
        "how positions enter attention: {choices}; auto: rotary, or relative for scores of pairs (additive)",
        choices=POSITION_CHOICES,
    )
    max_position: int = key(
        512,
        "position=learned: number of positions that have a vector",
        min=1,
        max=10**9,
        was="max_place",
    )
    kernel: str = key("auto", "how attention is computed: {choices}", choices=("auto", *KERNELS))

    @property
    def width_of_head(self) -> int:
        """K, the width of each head."""
        return self.head_width or self.width // self.heads

    @property
    def width_step(self) -> int:
        return 2 if self.head_width else 2 * self.heads

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.width % self.heads and self.head_width is None:
            yield f"{_undivided(self.width, self.heads)}; or set encoder.head_width"
        for scope in listed(self.scope):
            refused = refusal(self.kernel, self.score, scope, self.position)
            if refused:
                yield f"`encoder`: {refused}"


@dataclass
@ENCODERS.builtin("recurrent", "attnlab.model.encoders.recurrent:Recurrent")
class RecurrentEncoder(EncoderConfig):
    """An LSTM or GRU that reads the vectors in order of their coordinates, forwards and backwards."""

    width: int = key(
        128, "D: width of every vector inside the model (even: half for each direction)", min=2, max=WIDEST
    )
    cell: str = key("lstm", "kind of cell: lstm or gru", choices=("lstm", "gru"))

    @property
    def width_step(self) -> int:
        return 2  # half of a width reads forwards, half backwards

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.width % 2:
            yield f"encoder.width={self.width} must be even: half of it reads forwards, half backwards"


@dataclass
@ENCODERS.builtin("convolution", "attnlab.model.encoders.convolution:Convolution")
class ConvolutionEncoder(EncoderConfig):
    """Pre-norm residual convolutions over positions on a line or a grid."""

    depth: int = key(4, "number of layers", min=1, max=1000)
    radius: int = key(1, "positions on each side, along each axis, that a layer sees", min=0, max=1000)


@dataclass
@ENCODERS.builtin("fully_connected", "attnlab.model.encoders.fully_connected:FullyConnected")
class FullyConnectedEncoder(EncoderConfig):
    """A window of neighbours through one fully connected layer per block: what attention replaces."""

    depth: int = key(1, "number of blocks", min=1, max=1000)
    radius: int = key(3, "neighbours on each side that a block sees", min=0, max=1000)
    dropout: float = key(0.1, "dropout after the embedding and each block", min=0, max=0.99)


@dataclass
@ENCODERS.builtin("graph_conv", "attnlab.model.encoders.graph_conv:GraphConv")
class GraphConvEncoder(EncoderConfig):
    """Residual graph convolutions of PyTorch Geometric over the edges."""

    width: int = key(64, "D: width of every vector inside the model", min=1, max=WIDEST)
    depth: int = key(4, "number of layers", min=1, max=1000)
    convolution: str = key(
        "gin",
        "kind of graph convolution: gin, gatv2 or gcn; gcn ignores the values of edges",
        choices=("gin", "gatv2", "gcn"),
    )
    heads: int = key(4, "convolution=gatv2: attention heads", min=1, max=WIDEST)

    @property
    def width_step(self) -> int:
        return self.heads if self.convolution == "gatv2" else 1

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.convolution == "gatv2" and self.width % self.heads:
            yield _undivided(self.width, self.heads)


def parse_count(text: object) -> int:
    """A number of parameters: 250000, 250k or 1.5M. Raises UserError where it is none."""
    match = re.fullmatch(r"(\d+(?:\.\d*)?)([kKmM]?)", str(text).strip())
    if not match:
        raise UserError(f"`encoder.parameters={text}`: write a number such as 250k or 1M")
    count = float(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2].lower()]
    if count > MOST_PARAMETERS:
        raise UserError(f"`encoder.parameters={text}`: write at most {MOST_PARAMETERS // 10**6}M")
    return round(count)
