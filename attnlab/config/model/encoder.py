"""Keys of `encoder=`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attnlab.attention_options import KERNELS, POSITIONS, SCORES, parse_count, parse_scopes, refusal
from attnlab.config.keys import key
from attnlab.errors import UserError
from attnlab.registry import ENCODERS


@dataclass
class EncoderConfig:
    """Vectors to vectors that know of each other."""

    name: str = key("???", "choice", choices=ENCODERS)
    width: int = key(128, "D: width of every vector inside the model", min=1)
    parameters: Any = key(
        None, "about so many in the encoder, such as 1M: picks encoder.width; null: the width as given"
    )
    depth: int = key(2, "number of layers", min=1)
    dropout: float = key(0.1, "after embedding and each layer", min=0, max=0.99)

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


@ENCODERS.builtin("attention", "attnlab.model.encoders.attention:Attention")
@dataclass
class AttentionEncoder(EncoderConfig):
    """Pre-norm blocks: attention over the set, then a feed-forward layer for each vector."""

    name: str = key("attention", "choice", choices=ENCODERS)
    depth: int = key(2, "number of blocks", min=1)
    heads: int = key(4, "H: attention heads", min=1)
    head_width: int | None = key(None, "K: width of one head; null: D / H", min=1)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", min=1)
    activation: str = key("gelu", "of the feed-forward layer", choices=("gelu", "relu"))
    dropout: float = key(0.1, "after embedding, attention and feed-forward", min=0, max=0.99)
    attention_dropout: float = key(0.0, "share of attention weights dropped in training", min=0, max=0.99)
    score: str = key("scaled_dot", f"how well two vectors match: {', '.join(SCORES)}", choices=SCORES)
    scope: Any = key(
        "full",
        "who may look at whom: full, window:RADIUS (in coordinates, or a time such as window:40ms), edges, causal; "
        "a list is cycled over the layers",
    )
    position: str = key("rotary", f"how places enter: {', '.join(POSITIONS)}", choices=POSITIONS)
    max_position: int = key(
        512, "position=learned: positions from 0 up to below this one are trained", min=1, was="max_place"
    )
    kernel: str = key("auto", f"how attention is computed: auto, {', '.join(KERNELS)}", choices=("auto", *KERNELS))

    @property
    def width_of_head(self) -> int:
        """K."""
        return self.head_width or self.width // self.heads

    @property
    def width_step(self) -> int:
        """Widths that fit are multiples of this."""
        return 2 if self.head_width else 2 * self.heads

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.width % self.heads and self.head_width is None:
            yield (
                f"encoder.width={self.width} must be a multiple of encoder.heads={self.heads}, "
                "unless encoder.head_width is set"
            )
        try:
            scopes = parse_scopes(self.scope)
        except UserError as error:
            yield f"`encoder.scope`: {error}"
            return
        for scope in scopes:
            refused = refusal(self.kernel, self.score, scope, self.position)
            if refused:
                yield f"`encoder`: {refused}"


@ENCODERS.builtin("recurrent", "attnlab.model.encoders.recurrent:Recurrent")
@dataclass
class RecurrentEncoder(EncoderConfig):
    """An LSTM or GRU that reads the vectors in order of their places, forwards and backwards."""

    name: str = key("recurrent", "choice", choices=ENCODERS)
    width: int = key(128, "D: width of every vector inside the model (even: half for each direction)", min=2)
    cell: str = key("lstm", "what carries the past", choices=("lstm", "gru"))

    @property
    def width_step(self) -> int:
        """Half of a width reads forwards, half backwards."""
        return 2

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.width % 2:
            yield f"encoder.width={self.width} must be even: half of it reads forwards, half backwards"


@ENCODERS.builtin("convolution", "attnlab.model.encoders.convolution:Convolution")
@dataclass
class ConvolutionEncoder(EncoderConfig):
    """Pre-norm residual convolutions over places on a line or a grid."""

    name: str = key("convolution", "choice", choices=ENCODERS)
    depth: int = key(4, "number of layers", min=1)
    radius: int = key(1, "places seen on each side along each axis, by each layer", min=0)


@ENCODERS.builtin("fully_connected", "attnlab.model.encoders.fully_connected:FullyConnected")
@dataclass
class FullyConnectedEncoder(EncoderConfig):
    """A window of neighbours through one fully connected layer per block: what attention replaces."""

    name: str = key("fully_connected", "choice", choices=ENCODERS)
    depth: int = key(1, "number of blocks", min=1)
    radius: int = key(3, "neighbours seen on each side", min=0)
    dropout: float = key(0.1, "after embedding and each block", min=0, max=0.99)


@ENCODERS.builtin("graph_conv", "attnlab.model.encoders.graph_conv:GraphConv")
@dataclass
class GraphConvEncoder(EncoderConfig):
    """Residual graph convolutions of PyTorch Geometric over the edges."""

    name: str = key("graph_conv", "choice", choices=ENCODERS)
    width: int = key(64, "D: width of every vector inside the model", min=1)
    depth: int = key(4, "number of layers", min=1)
    convolution: str = key(
        "gin",
        "what a node does with its neighbours; gcn doesn't look at edge values",
        choices=("gin", "gatv2", "gcn"),
    )
    heads: int = key(4, "convolution=gatv2: attention heads", min=1)

    @property
    def width_step(self) -> int:
        """Widths that fit are multiples of this."""
        return self.heads if self.convolution == "gatv2" else 1

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.convolution == "gatv2" and self.width % self.heads:
            yield f"encoder.width={self.width} must be a multiple of encoder.heads={self.heads}"
