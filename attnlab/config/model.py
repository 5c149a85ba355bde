"""Keys of `embedding=`, `encoder=` and `head=`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attnlab.combinations import KERNELS, POSITIONS, SCORES, parse_count, parse_scope, parse_scopes, refusal
from attnlab.config.keys import key
from attnlab.errors import UserError


@dataclass
class AutoEmbedding:
    """What suits the data: a learned vector for each word, or a matrix for vectors of numbers."""

    name: str = key("auto", "choice; a run keeps what was chosen", choices=("auto",))


@dataclass
class OneHotEmbedding:
    """A fixed random unit code per word: all words equally far apart, nothing learned."""

    name: str = key("one_hot", "choice", choices=("one_hot",))


@dataclass
class LearnedEmbedding:
    """A learned vector per word."""

    name: str = key("learned", "choice", choices=("learned",))


@dataclass
class PretrainedEmbedding:
    """Vectors read from a GloVe or word2vec text file (.gz too), then trained on."""

    name: str = key("pretrained", "choice", choices=("pretrained",))
    path: str = key("???", "the text file: a word and its numbers per line")
    features: int | None = key(None, "width of the file's vectors; null: read from the file", least=1)
    trainable: bool = key(True, "whether training changes the vectors")


@dataclass
class WordCharEmbedding:
    """A learned vector per word, plus one made from its characters by a small convolution."""

    name: str = key("word_char", "choice", choices=("word_char",))
    char_width: int = key(32, "width of a character's vector", least=1)
    char_window: int = key(5, "characters that the convolution sees at once (odd)", least=1)
    char_filters: int = key(128, "features that the convolution looks for", least=1)

    def problems(self) -> Iterator[str]:
        if self.char_window % 2 == 0:
            yield f"`embedding.char_window={self.char_window}` must be odd"


@dataclass
class LinearEmbedding:
    """Vectors of numbers, brought to width D by a matrix."""

    name: str = key("linear", "choice", choices=("linear",))


@dataclass
class StridedConvolutionEmbedding:
    """A convolution in steps over neighbouring vectors: the set becomes shorter."""

    name: str = key("strided_convolution", "choice", choices=("strided_convolution",))
    window: int = key(5, "neighbouring vectors seen at once (odd)", least=1)
    stride: int = key(2, "vectors from one step to the next", least=1)

    def problems(self) -> Iterator[str]:
        if self.window % 2 == 0:
            yield f"`embedding.window={self.window}` must be odd"


PARAMETERS_HELP = "about so many in the encoder, such as 1M: picks encoder.width; null: the width as given"


def _parameters_problem(parameters: object) -> Iterator[str]:
    if parameters is not None:
        try:
            parse_count(parameters)
        except UserError as error:
            yield str(error)


@dataclass
class AttentionEncoder:
    """Pre-norm blocks: attention over the set, then a feed-forward layer for each vector."""

    name: str = key("attention", "choice", choices=("attention",))
    width: int = key(128, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(2, "number of blocks", least=1)
    heads: int = key(4, "H: attention heads", least=1)
    head_width: int | None = key(None, "K: width of one head; null: D / H", least=1)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", least=1)
    activation: str = key("gelu", "of the feed-forward layer", choices=("gelu", "relu"))
    dropout: float = key(0.1, "after embedding, attention and feed-forward", least=0, most=0.99)
    attention_dropout: float = key(0.0, "share of attention weights dropped in training", least=0, most=0.99)
    score: str = key("scaled_dot", f"how well two vectors match: {', '.join(SCORES)}", choices=SCORES)
    scope: Any = key(
        "full",
        "who may look at whom: full, window:RADIUS (in coordinates, or a time such as window:40ms), edges, causal; "
        "a list is cycled over the layers",
    )
    position: str = key("rotary", f"how places enter: {', '.join(POSITIONS)}", choices=POSITIONS)
    max_place: int = key(512, "position=learned: places from 0 up to below this one are trained", least=1)
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
        yield from _parameters_problem(self.parameters)
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


@dataclass
class RecurrentEncoder:
    """An LSTM or GRU that reads the vectors in order of their places, forwards and backwards."""

    name: str = key("recurrent", "choice", choices=("recurrent",))
    width: int = key(128, "D: width of every vector inside the model (even: half for each direction)", least=2)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(2, "number of layers", least=1)
    cell: str = key("lstm", "what carries the past", choices=("lstm", "gru"))
    dropout: float = key(0.1, "after embedding and each layer", least=0, most=0.99)

    width_step = 2

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)
        if self.width % 2:
            yield f"encoder.width={self.width} must be even: half of it reads forwards, half backwards"


@dataclass
class ConvolutionEncoder:
    """Pre-norm residual convolutions over places on a line or a grid."""

    name: str = key("convolution", "choice", choices=("convolution",))
    width: int = key(128, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(4, "number of layers", least=1)
    radius: int = key(1, "places seen on each side along each axis, by each layer", least=0)
    dropout: float = key(0.1, "after embedding and each layer", least=0, most=0.99)

    width_step = 1

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)


@dataclass
class FullyConnectedEncoder:
    """A window of neighbours through one fully connected layer per block: what attention replaces."""

    name: str = key("fully_connected", "choice", choices=("fully_connected",))
    width: int = key(128, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(1, "number of blocks", least=1)
    radius: int = key(3, "neighbours seen on each side", least=0)
    dropout: float = key(0.1, "after embedding and each block", least=0, most=0.99)

    width_step = 1

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)


@dataclass
class GraphConvEncoder:
    """Residual graph convolutions of PyTorch Geometric over the edges."""

    name: str = key("graph_conv", "choice", choices=("graph_conv",))
    width: int = key(64, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(4, "number of layers", least=1)
    convolution: str = key(
        "gin",
        "what a node does with its neighbours; gcn doesn't look at edge values",
        choices=("gin", "gatv2", "gcn"),
    )
    heads: int = key(4, "convolution=gatv2: attention heads", least=1)
    dropout: float = key(0.1, "after embedding and each layer", least=0, most=0.99)

    @property
    def width_step(self) -> int:
        """Widths that fit are multiples of this."""
        return self.heads if self.convolution == "gatv2" else 1

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)
        if self.convolution == "gatv2" and self.width % self.heads:
            yield f"encoder.width={self.width} must be a multiple of encoder.heads={self.heads}"


@dataclass
class TaggingHead:
    """N→N: a label for each vector."""

    name: str = key("tagging", "choice", choices=("tagging",))
    target: str | None = key(None, "which target of the data it learns; null: the one that it can")


@dataclass
class ClassificationHead:
    """N→1: one answer for the whole set."""

    name: str = key("classification", "choice", choices=("classification",))
    target: str | None = key(None, "which target of the data it learns; null: the one that it can")
    readout: str = key("mean", "how a set becomes one vector", choices=("mean", "max", "sum", "attention"))
    class_weights: str = key("equal", "of the classes in the loss", choices=("equal", "balanced"))


@dataclass
class GraphHead(ClassificationHead):
    """N→1: one answer for a graph; counting its nodes may matter, so they are summed."""

    name: str = key("graph", "choice", choices=("graph",))
    readout: str = key("sum", "how a graph becomes one vector", choices=("mean", "max", "sum", "attention"))


@dataclass
class Seq2seqHead:
    """N→M: a decoder writes a new sequence, and decides itself how long it becomes."""

    name: str = key("seq2seq", "choice", choices=("seq2seq",))
    target: str | None = key(None, "which target of the data it learns; null: the one that it can")
    depth: int = key(2, "number of the decoder's blocks", least=1)
    heads: int = key(4, "H: attention heads", least=1)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", least=1)
    dropout: float = key(0.1, "after embedding, attention and feed-forward", least=0, most=0.99)
    score: str = key("scaled_dot", f"how well two vectors match: {', '.join(SCORES)}", choices=SCORES)
    position: str = key("rotary", f"how places enter: {', '.join(POSITIONS)}", choices=POSITIONS)
    max_place: int = key(512, "position=learned: so many tokens can be written", least=1)
    label_smoothing: float = key(0.1, "share of each right token that is spread over all", least=0, most=0.99)
    beam: int = key(5, "sequences kept while writing; 1: greedy, as in validations during training", least=1)
    length_penalty: float = key(1.0, "hypotheses are ranked by log P / length to this power", least=0)
    n_best: int = key(1, "answers told for each set; the first is scored", least=1)
    temperature: float | None = key(
        None, "draw tokens at random, at this temperature, instead of searching", least=1e-3
    )
    least_length: float = key(0.0, "fewest tokens written, for each vector of the source", least=0)
    most_length: float = key(
        2.0, "most tokens written, for each vector of the source, besides more_length", least=0
    )
    more_length: int = key(10, "tokens that may be written whatever the source's length", least=1)

    def problems(self) -> Iterator[str]:
        if self.temperature is None and self.n_best > self.beam:
            yield f"`head.n_best={self.n_best}` must be at most head.beam={self.beam}"
        refused = refusal("auto", self.score, parse_scope("causal"), self.position)
        if refused:
            yield f"`head`: {refused}"
