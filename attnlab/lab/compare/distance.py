"""How far apart two words may stand for one to depend on the other, and whether that is learned."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Exact, Larger, Smaller
from attnlab.pages.charts import Axis, lines
from attnlab.runs import score_of

ENCODER = {
    "attention": ["encoder=attention", "encoder.position=rotary"],
    "LSTM": ["encoder=recurrent"],
    "GRU": ["encoder=recurrent", "encoder.cell=gru"],
    "convolution": ["encoder=convolution", "encoder.depth=2", "encoder.radius=2"],
    "window": ["encoder=attention", "encoder.position=rotary", "encoder.scope=window:2"],
    "fully connected": ["encoder=fully_connected", "encoder.depth=2", "encoder.radius=2"],
}
REACH = 4
"""Two layers of radius 2: the farthest word that a window, a convolution or a fully connected layer sees."""
DISTANCES = (4, 16, 64)
TESTED = (4, 16, 64, 128)
FAR = 64
PROBED = (1, 2, 4, 8, 16, 32, 64)
SMALLEST = 1e-30
"""Gradients below it count as this one."""
CHANCE = 1 / 8
"""Accuracy of guessing one of eight values."""
LEARNED = 0.5
"""Accuracy on validation data from which recall over a distance counts as learned."""


def beyond_reach(arm: str, evidence: Evidence) -> list[float]:
    """Gradients from words farther away than two layers see."""
    first = next(i for i, distance in enumerate(PROBED) if distance > REACH)
    return [value for seed in evidence.found(arm) for value in seed[first:]]


def decades(arm: str, evidence: Evidence) -> list[float]:
    """By how many powers of ten a gradient is smaller from 64 words away than from 4."""
    near, far = PROBED.index(4), PROBED.index(FAR)
    return [math.log10(seed[near] / max(seed[far], SMALLEST)) for seed in evidence.found(arm)]


def above_chance(arm: str, evidence: Evidence) -> list[float]:
    return [accuracy - CHANCE for accuracy in evidence.score(arm, f"accuracy/distance_{FAR}")]


def lost(arm: str, near: int, far: int, evidence: Evidence) -> list[float]:
    pairs = zip(
        evidence.score(arm, f"accuracy/distance_{near}"),
        evidence.score(arm, f"accuracy/distance_{far}"),
        strict=True,
    )
    return [one - other for one, other in pairs]


def updates_until_learned(arm: str, distance: int, evidence: Evidence) -> list[float]:
    """Updates after which recall over a distance was learned; where it never was, all that there were, which is too few."""
    found = []
    for seed in evidence.seeds:
        lines = evidence.curves[arm, seed]
        learned = [line["update"] for line in lines if score_of(line, f"accuracy/distance_{distance}") >= LEARNED]
        found.append(float(min(learned, default=lines[-1]["update"])))
    return found


def later(one: tuple[str, int], other: tuple[str, int], evidence: Evidence) -> list[float]:
    """By how many doublings of updates an (arm, distance) is learned later than another one."""
    pairs = zip(updates_until_learned(*one, evidence), updates_until_learned(*other, evidence), strict=True)
    return [math.log2(late / soon) for late, soon in pairs]


def difference(first: list[float], second: list[float]) -> list[float]:
    return [one - other for one, other in zip(first, second, strict=True)]


class Distance(Claim):
    theory = (
        "Between two words that stand far apart, attention has one step, whatever lies between; a recurrent network has as many steps as "
        "there are words, and what must pass through all of them fades; a window, a convolution or a fully connected layer sees its "
        "neighbours alone, and two layers twice as far. Measured on associative recall: a word such as a3 gives a key its value, and a "
        "later word asks for it, among words that mean nothing; training asks over 4, 16 and 64 words. All encoders have about equally many "
        "parameters (attention the fewest), and as many updates."
    )
    source = "Vaswani et al. 2017, table 1; Hochreiter et al. 2001; Arora et al. 2023"
    statements = (
        *(
            Statement(
                f"Two {arm} layers of radius 2 see nothing beyond 4 words", "largest gradient from beyond", Exact(0.0),
                partial(beyond_reach, arm),
            )
            for arm in ("window", "convolution", "fully connected")
        ),
        Statement(
            "A new LSTM's gradient fades with distance, and attention's does not",
            "powers of ten lost from 4 to 64 words, LSTM − attention", Larger(1.0),
            lambda evidence: difference(decades("LSTM", evidence), decades("attention", evidence)),
        ),
        Statement(
            "Attention learns to recall over 64 words better than an LSTM", "accuracy over 64 words, attention − LSTM",
            Larger(0.1), lambda evidence: evidence.difference("attention", "LSTM", f"accuracy/distance_{FAR}"),
        ),
        Statement(
            "And better than a GRU", "accuracy over 64 words, attention − GRU",
            Larger(0.1), lambda evidence: evidence.difference("attention", "GRU", f"accuracy/distance_{FAR}"),
        ),
        Statement(
            "Attention has learned to recall over 16 words earlier than an LSTM",
            "doublings of updates until accuracy over 16 words is 1/2, LSTM (all updates, where it never is) to attention",
            Larger(0.5), partial(later, ("LSTM", 16), ("attention", 16)),
        ),
        Statement(
            "And over 64 words as soon as over 4", "doublings of updates until accuracy is 1/2, over 64 words to over 4, attention",
            Smaller(0.5), partial(later, ("attention", FAR), ("attention", 4)),
        ),
        Statement(
            "An LSTM recalls less the farther away it is", "accuracy over 4 words − over 64, LSTM", Larger(0.05),
            partial(lost, "LSTM", 4, FAR),
        ),
        Statement(
            "Attention recalls as much", "accuracy over 4 words − over 64, attention", Smaller(0.05),
            partial(lost, "attention", 4, FAR),
        ),
        Statement(
            "And beyond any distance in training", "accuracy over 64 words − over 128, attention", Smaller(0.05),
            partial(lost, "attention", FAR, 128),
        ),
        *(
            Statement(
                f"With two {arm} layers, nothing is recalled from beyond their reach", "accuracy over 64 words − 1/8", Smaller(0.06),
                partial(above_chance, arm),
            )
            for arm in ("window", "convolution", "fully connected")
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        sequences, epochs, parameters, every = (6000, 10, "60k", 100) if full else (2000, 4, "30k", 20)
        alike = [
            "data=recall", f"data.distances=[{','.join(map(str, DISTANCES))}]",
            f"data.test_distances=[{','.join(map(str, TESTED))}]", f"data.sequences={sequences}", f"trainer.epochs={epochs}",
            f"encoder.parameters={parameters}", "embedding=learned", "encoder.dropout=0", f"trainer.validate_every={every}",
        ]  # fmt: skip
        return {arm: [*alike, *words] for arm, words in ENCODER.items()}

    def of_seed(self, seed: int) -> Sequence[str]:
        return [f"seed={seed}", f"data.draw={seed}"]

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each arm, before any training: the norm of the gradient of one word's vector by the word at each distance of
        `PROBED` before it."""
        return {arm: _reach(words, seed) for arm, words in self.arms(full).items()}

    def drawing(self) -> Markup:
        return layers([
            ("attention", lambda one, other: True),
            ("window of 1, convolution", lambda one, other: abs(one - other) <= 1),
        ])  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        accuracy, gradient, learning = [], [], []
        for number, arm in enumerate(ENCODER, 1):
            scores = [evidence.score(arm, f"accuracy/distance_{distance}") for distance in TESTED]
            accuracy.append(band(arm, TESTED, list(zip(*scores, strict=True)), number))
            gradient.append(band(arm, PROBED, evidence.found(arm), number))
            of_seeds = [evidence.curves[arm, seed] for seed in evidence.seeds]
            rows = [[score_of(line, f"accuracy/distance_{FAR}") for line in lines_of] for lines_of in of_seeds]
            learning.append(band(arm, [line["update"] for line in of_seeds[0]], rows, number))
        across = Axis("words between", log=True, ticks=[(n, str(n)) for n in TESTED])
        probed = Axis("words between", log=True, ticks=[(n, str(n)) for n in PROBED])
        return [
            Figure(
                "Recall against distance; 128 words did not occur in training. Guessing gives 0.125.",
                lines(accuracy, "accuracy against distance", across, Axis("accuracy", low=0, high=1)),
                legend(accuracy),
            ),
            Figure(
                f"Recall over {FAR} words as training goes on, on validation data.",
                lines(learning, "accuracy against updates", Axis("updates"), Axis("accuracy", low=0, high=1)),
                legend(learning),
            ),
            Figure(
                "How much one word's vector depends on a word before it, in encoders with random weights. Where a curve ends, it is 0.",
                lines(gradient, "gradient against distance", probed, Axis("norm of the gradient", log=True)),
                legend(gradient),
            ),
        ]


def _reach(words: Sequence[str], seed: int) -> list[float]:
    """Of an encoder with random weights."""
    encoder = fresh(words, seed)
    asking = PROBED[-1]
    vectors = torch.randn(asking + REACH + 1, encoder.width, requires_grad=True)
    along = (encoder(vectors)[asking] * torch.randn(encoder.width)).sum()
    (gradient,) = torch.autograd.grad(along, vectors)
    return [float(gradient[asking - distance].norm()) for distance in PROBED]
