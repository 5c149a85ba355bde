"""What is told about one answer of a model: what its attention layers computed, and how much each vector mattered.

Letters: L vectors of the set · H heads · K width of a head · Lq queries and Lk keys of a layer · G points of a curve.
Vectors are those that the encoder sees: where an embedding shortens sets (`Model.embedding.stride` above 1), L is what it leaves.
Classes, vectors, tokens, heads and queries are numbered from 0, layers from 1 as on pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]

LayerKind = Literal["encoder", "decoder", "cross"]
"""Vectors of the set among themselves; written tokens to earlier ones; written tokens to the encoded set."""


@dataclass(frozen=True)
class Question:
    """One number of a model's answer about one set, which is to be explained.

    answer: the number of a class, of a token, or 0 where the answer is a number. against: another one: then the logit of `answer`
    less that of `against` is explained, else the log-probability of `answer` (of numbers: the output itself). vector: the vector
    whose answer it is, where each has one; it is never taken out of the set. written: of output sequences, the ids of the tokens
    before the one asked about.
    """

    answer: int
    against: int | None = None
    vector: int | None = None
    written: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Layer:
    """What one attention layer computed for one set.

    name: as `attention_layers` gives it; number: from 1 among those of its kind; scope: as `encoder.scope` names it, "" in a
    decoder, whose row i is of the query that predicts token i: it has read `<s>` and the i tokens before. weights: (H, Lq, Lk),
    the share of each key in each query's vector. error: the largest difference between Σ weights · values · W^O and what the
    layer gave, relative to the largest number that it gave.
    """

    name: str
    kind: LayerKind
    number: int
    scope: str
    weights: Numbers
    error: float


@dataclass(frozen=True, eq=False)
class Relevance:
    """How much each vector of a set mattered to an answer, by one method, with a test of it.

    method: a key of `METHODS`. scores: (L,), higher: mattered more; signed: whether below 0 means that the vector spoke against
    the answer. deletion, insertion: (G,), the answer's probability (see `Explanation.probability`) when the first share of
    vectors in the order of `scores` is taken out of the set, or when only they are left in it; their areas by the trapezoid
    rule over both ends. comprehensiveness, sufficiency: means over shares of 5, 10, 20, 30 and 50 %, one vector at least
    (DeYoung et al. 2020, section 4). completeness: of integrated gradients, the difference between the sum of scores and that
    of the answers, relative to the latter. found: where the evidence is known, its share among as many vectors ranked first.
    """

    method: str
    scores: Numbers
    signed: bool
    deletion: Numbers
    insertion: Numbers
    deletion_area: float
    insertion_area: float
    comprehensiveness: float
    sufficiency: float
    completeness: float | None = None
    found: float | None = None


@dataclass(frozen=True, eq=False)
class Explanation:
    """One answer, and what each method says it is due to.

    value: what the question asks for; probability: of the answer; where it is asked against another one, if there were only these
    two; of a number, e^−|its change in standard deviations of training|, which is 1 for the whole set. shares: (G,), the shares
    of the vectors that may be taken out at which curves were measured, from 0 to 1. relevances: by method; `random` (the mean of
    random orders) and, where vectors have an order, `position` (mean weight by distance) are among them, to be compared with.
    best: the method with the least deletion area, or None where none is below that of `random`. without: (L,), the value when
    each vector alone is taken out, of long sets when the stretch around it is; `value` for the vector asked about. empty: the
    probability for a set without vectors, where the model can answer about one and the question is not about a vector.
    """

    question: Question
    value: float
    probability: float
    shares: Numbers
    relevances: Mapping[str, Relevance]
    best: str | None
    without: Numbers
    empty: float | None


@dataclass(frozen=True, eq=False)
class Followed:
    """How one query of one head came to its vector, in this model's numbers.

    scores: (Lk,) before the softmax, with what positions add, −∞ for keys outside the scope; weights: (Lk,); query: (K,), keys and
    values: (Lk, K); head_output: (K,). by_head: (H, D), what each head adds to the layer's output through W^O. before, after:
    (D,), the residual stream before and after the layer: after is before, the sum of by_head and the bias of W^O. logits: (C,)
    of each class from the residual stream after this layer's block (feed-forward included) through the last norm and the head: of this vector, of the set for
    heads that read sets out, of this token in a decoder; None where nothing of the kind can be had, as from the encoder of
    output sequences.
    """

    layer: str
    head: int
    query_number: int
    query: Numbers
    keys: Numbers
    values: Numbers
    scores: Numbers
    weights: Numbers
    head_output: Numbers
    by_head: Numbers
    before: Numbers
    after: Numbers
    logits: Numbers | None


METHODS: dict[str, str] = {
    "leave_one_out": "Leave one out: change of the answer when a vector is taken out of the set",
    "gradient_input": "Gradient × input: slope of the answer at each vector, times the vector",
    "integrated_gradients": "Integrated gradients: the slope of the answer, averaged on the way from a mean vector to this one, times the difference "
    "(Sundararajan et al. 2017)",
    "attention": "Attention weights: mean over layers and heads",
    "rollout": "Attention rollout: weights multiplied through the layers (Abnar & Zuidema 2020)",
    "norm": "Norm-based: length of what each vector adds to another, not only its weight (Kobayashi et al. 2020)",
    "gradient_attention": "Gradient × attention: weights that raise the answer (Chefer et al. 2021)",
    "value_zeroing": "Value zeroing: change of each vector when another one's value is 0 (Mohebbi et al. 2023)",
    "position": "Position alone: the mean weight at each distance, whatever the input",
    "random": "Random order: the mean of 20, for more than 256 vectors of 3",
}
"""Sentences by name; the last two are what the others are compared with."""
ATTENTION_METHODS = ("attention", "rollout", "norm", "gradient_attention", "value_zeroing")
"""Those that need attention layers."""
