"""How well two vectors match: by a dot product, divided by √K or not, or by a small network."""

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fit import exponent
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Between, Larger, Smaller
from attnlab.lab.compare.step import times
from attnlab.model.attention.scores import score_of
from attnlab.pages.charts import Axis, lines

WIDTHS = (8, 16, 32, 64, 128, 256, 512)
"""K, of queries and keys."""
KEYS, QUERIES = 64, 200
TIMED = 256
"""Vectors of a set that is timed."""
REPEATS = 7
SCORES = ("scaled_dot", "dot", "additive")


def growth(name: str, evidence: Evidence) -> list[float]:
    """The exponent with which something grows with K."""
    return [exponent(WIDTHS, seed) for seed in evidence.found(name)]


class Score(Claim):
    theory = (
        "The dot product of a query and a key with K independent numbers has variance K, so that with large K softmax puts all weight on "
        "one key, and its gradient vanishes; divided by √K, the score keeps variance 1. An additive score, w · tanh(q + k), needs no such "
        "scaling and allows queries and keys of different width, but must be computed for each pair by itself, where dot products are one "
        "matrix product. Measured on random queries and keys, by the time of a step of one encoder, and on recall over up to 16 words."
    )
    source = "Vaswani et al. 2017, section 3.2.1; Bahdanau et al. 2015; Luong et al. 2015"
    timed = True
    statements = (
        Statement(
            "A dot product's variance grows as K", "exponent of K", Between(0.9, 1.1), partial(growth, "variance, dot")
        ),
        Statement(
            "Without scaling, softmax's gradient vanishes as K grows", "exponent of K", Between(-2.0, -0.2),
            partial(growth, "gradient, dot"),
        ),
        Statement(
            "With scaling, it doesn't depend on K", "exponent of K", Between(-0.05, 0.05), partial(growth, "gradient, scaled_dot")
        ),
        Statement(
            "An additive score takes more than twice the time", "doublings of a step's time, additive to scaled dot", Larger(1.0),
            lambda evidence: [math.log2(additive / dot) for dot, additive in evidence.found("seconds")],
        ),
        Statement(
            "And learns no better", "accuracy of additive − scaled dot", Smaller(0.02),
            lambda evidence: evidence.difference("additive", "scaled_dot"),
        ),
        Statement(
            "With heads of 64 numbers, scaling matters", "accuracy of scaled dot − dot", Larger(0.01),
            lambda evidence: evidence.difference("scaled_dot", "dot"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        sequences, epochs = (4000, 8) if full else (1500, 4)
        alike = [
            "data=recall", "data.distances=[4,8,16]", f"data.sequences={sequences}", f"trainer.epochs={epochs}",
            "trainer.batch_vectors=800", "embedding=learned", "encoder.width=32", "encoder.heads=1", "encoder.head_width=64",
            "encoder.position=none", "encoder.dropout=0",
        ]  # fmt: skip
        return {score: [*alike, f"encoder.score={score}"] for score in SCORES}

    def of_seed(self, seed: int) -> Sequence[str]:
        return [f"seed={seed}", f"data.draw={seed}"]

    def measure(self, seed: int, full: bool) -> Measured:
        """Of dot and scaled dot, at each K: the variance of scores, the entropy of the weights, and the norm of softmax's
        Jacobian. seconds: of a step, with scaled dot and with additive scores."""
        torch.manual_seed(seed)
        found: Measured = {}
        for score in ("dot", "scaled_dot"):
            rows = [_softmax(score, width) for width in WIDTHS]
            for number, name in enumerate(("variance", "entropy", "gradient")):
                found[f"{name}, {score}"] = [row[number] for row in rows]
        encoders = [
            fresh(["encoder.width=64", "encoder.position=none", f"encoder.score={score}"], seed)
            for score in ("scaled_dot", "additive")
        ]  # fmt: skip
        # The first step warms up.
        seconds = [statistics.median(times(encoder, TIMED, REPEATS)[1:]) for encoder in encoders]
        return found | {"seconds": seconds}

    def drawing(self) -> Markup:
        return layers([("each pair has a score", lambda one, other: True)], vectors=5, depth=1)

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        across = Axis("K, width of queries and keys", log=True, ticks=[(k, str(k)) for k in WIDTHS])
        figures = []
        for name, axis in (
            ("gradient", Axis("norm of softmax's Jacobian", log=True)),
            ("entropy", Axis("entropy", low=0)),
        ):
            curves = [
                band(score, WIDTHS, evidence.found(f"{name}, {score}"), number)
                for number, score in enumerate(("dot", "scaled_dot"), 1)
            ]
            caption = f"The {name} of softmax over {KEYS} random keys."
            figures.append(Figure(caption, lines(curves, f"{name} against K", across, axis), legend(curves)))
        return figures


def _softmax(word: str, width: int) -> tuple[float, float, float]:
    """Of random queries and keys: the variance of scores, the mean entropy of weights, and the mean norm of ∂ weights / ∂ scores,
    which is diag(w) − w wᵀ."""
    score = score_of(word, 1, width)
    q, k = torch.randn(1, QUERIES, 1, width), torch.randn(1, KEYS, 1, width)
    scores = score.table(*score.prepare(q, k))[0, 0]
    weights = scores.double().softmax(-1)
    entropy = -(weights * weights.clamp_min(1e-300).log()).sum(-1).mean()
    jacobian = torch.diag_embed(weights) - weights[:, :, None] * weights[:, None]
    return float(scores.var()), float(entropy), float(jacobian.flatten(1).norm(dim=1).mean())
