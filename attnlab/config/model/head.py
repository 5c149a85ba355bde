"""Keys of `head=`."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import attnlab.metrics  # noqa: F401  # registers the choices of `head.metrics`
from attnlab.attention_options import POSITION_CHOICES, SCORE_CHOICES, refusal
from attnlab.config.data.base import DataConfig
from attnlab.config.data.image import ImageData
from attnlab.config.keys import WIDEST, key
from attnlab.registry import HEADS, METRICS


@dataclass
class HeadConfig:
    """Vectors to answers."""

    name: str = key("???", "choice", choices=HEADS)
    target: str | None = key(
        None,
        "name of the target that is learned, such as label or tags; null: the only one that this head can learn",
    )
    metrics: list[str] | None = key(
        None, "scores that are reported; null: the usual ones of the target", choices=METRICS
    )

    @property
    def width_step(self) -> int:
        """Widths of the model that fit are multiples of this."""
        return 1


@dataclass
@HEADS.builtin("tagging", "attnlab.model.heads.tagging:Tagging")
class TaggingHead(HeadConfig):
    """N→N: a label for each vector."""

    crf: bool = key(
        False,
        "whether a set's labels are learned as one sequence, with a weight for each label behind each other one (a conditional "
        "random field); false: each label by itself",
    )
    constraints: str = key(
        "none",
        "which sequences of labels are predicted; bio: only valid tags of spans, such as B-PER I-PER O, or those of BILOU and BIOES",
        choices=("none", "bio"),
    )


@dataclass
@HEADS.builtin("classification", "attnlab.model.heads.classification:Classification")
class ClassificationHead(HeadConfig):
    """N→1: one answer for the whole set."""

    readout: str = key(
        "mean",
        "how the vectors of a set become one: mean, max, sum or attention",
        choices=("mean", "max", "sum", "attention"),
    )
    class_weights: str = key(
        "equal",
        "weight of the classes in the loss: equal, or balanced (rare classes weigh as much as frequent ones)",
        choices=("equal", "balanced"),
    )
    bag: float | None = key(
        None,
        "texts: adds a bag-of-words linear layer beside the encoder, initialised with naive Bayes weights times this number; "
        "null: none",
        min=0,
        max=100,
    )


@dataclass
@HEADS.builtin("graph", "attnlab.model.heads.graph:Graph")
class GraphHead(ClassificationHead):
    """N→1: one answer for a graph; counting its nodes may matter, so they are summed."""

    readout: str = key(
        "sum",
        "how the vectors of a graph become one: mean, max, sum or attention",
        choices=("mean", "max", "sum", "attention"),
    )


@dataclass
@HEADS.builtin("seq2seq", "attnlab.model.heads.seq2seq:Seq2seq")
class Seq2seqHead(HeadConfig):
    """N→M: a decoder writes a new sequence, and decides itself how long it becomes."""

    depth: int = key(2, "number of the decoder's blocks", min=1, max=1000)
    heads: int = key(4, "H: attention heads", min=1, max=WIDEST)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", min=1, max=1000)
    dropout: float = key(0.1, "dropout after embedding, attention and feed-forward", min=0, max=0.99)
    score: str = key("scaled_dot", "how well two vectors match: {choices}", choices=SCORE_CHOICES)
    position: str = key(
        "auto",
        "how positions of tokens enter attention: {choices}; auto: rotary, or relative for scores of pairs (additive)",
        choices=POSITION_CHOICES,
    )
    max_position: int = key(512, "position=learned: most tokens in an answer", min=1, max=10**9, was="max_place")
    label_smoothing: float = key(
        0.1, "fraction of the target probability that is spread evenly over all tokens", min=0, max=0.99
    )
    beam: int = key(5, "width of the beam search; 1: greedy, as in validations during training", min=1, max=1000)
    length_penalty: float = key(
        1.0, "answers of the beam are ranked by log-probability / length ^ length_penalty", min=0, max=1000
    )
    n_best: int = key(1, "number of answers given for each set; the first is scored", min=1, max=1000)
    temperature: float | None = key(
        None, "draw tokens at random, at this temperature; null: beam search", min=1e-3, max=1000
    )
    min_length_ratio: float = key(
        0.0, "fewest tokens in an answer, for each vector of the source", min=0, max=1000, was="least_length"
    )
    max_length_ratio: float = key(
        2.0,
        "most tokens in an answer, for each vector of the source, plus max_length_extra",
        min=0,
        max=1000,
        was="most_length",
    )
    max_length_extra: int = key(
        10, "tokens allowed in addition to max_length_ratio", min=1, max=10**6, was="more_length"
    )

    @property
    def width_step(self) -> int:
        return 2 * self.heads  # each head's width is even

    def problems(self) -> Iterator[str]:
        if self.temperature is None and self.n_best > self.beam:
            yield f"`head.n_best={self.n_best}` must be at most head.beam={self.beam}"
        refused = refusal("auto", self.score, "causal", self.position)
        if refused:
            yield f"`head`: {refused}"


SHARES = {"speech": 0.5, "image": 0.5}
"""Of hidden vectors, by modality; 0.15 of others."""
SPAN_SECONDS = 0.12
"""Of sound that is hidden together."""


@dataclass
@HEADS.builtin("masked", "attnlab.model.heads.masked:Masked")
class MaskedHead(HeadConfig):
    """N→N: what stood at hidden places; for pretraining without labels."""

    mask: float | None = key(
        None,
        "share of the vectors that are hidden; null: 0.15 of words and nodes, 0.5 of frames and patches",
        min=0.01,
        max=0.95,
    )
    span: int | None = key(
        None,
        "vectors that are hidden together, of pictures along each side; null: 0.12 seconds, 2 patches (more where they overlap), "
        "1 word or node",
        min=1,
        max=100,
    )

    def resolved(self, data: DataConfig, modality: str, frame_seconds: float | None) -> "MaskedHead":
        """With the share and the span that suit such data where none is set. frame_seconds: of one vector of sound."""
        mask = SHARES.get(modality, 0.15) if self.mask is None else self.mask
        usual = 1
        if frame_seconds is not None:
            usual = max(1, round(SPAN_SECONDS / frame_seconds))
        elif isinstance(data, ImageData):  # so many that one patch in it shares no pixel with those around
            usual = 1 + -(-data.patch // (data.stride or data.patch))
        return replace(self, mask=mask, span=usual if self.span is None else self.span)
