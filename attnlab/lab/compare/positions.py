"""Self-attention knows no order, and what adds it reaches differently far."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Changes, Exact, Larger, Smaller
from attnlab.pages.charts import Axis, lines

KINDS = ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")
TRAINED = 32
"""The longest sequence in training."""
LENGTHS = (32, 64, 128, 256)
CASES = 20
"""Sentences for each seed of what is exact."""


def forgotten(arm: str, evidence: Evidence) -> list[float]:
    """How much accuracy an arm loses from the trained length to four times as much."""
    near, far = (
        evidence.score(arm, f"accuracy/length_{TRAINED}"),
        evidence.score(arm, f"accuracy/length_{4 * TRAINED}"),
    )
    return [one - other for one, other in zip(near, far, strict=True)]


def told_apart(kind: str, evidence: Evidence) -> list[float]:
    return [value for seed in evidence.found(kind) for value in seed]


class Positions(Claim):
    theory = (
        "Self-attention sums over a set, and a sum has no order: without positions, “A hit B” and “B hit A” give every word the same "
        "vector. So something about the position must be added: to the vectors (sinusoidal, learned), by turning queries and keys "
        "(rotary), or to the scores (alibi, relative). Learned vectors end where training ended; of the others it is claimed that "
        "they go on. Measured on copying: the tag of each word is the word three places before it; training sees up to 32 words."
    )
    source = "Vaswani et al. 2017, section 3.5; Press et al. 2022; Su et al. 2021; Shaw et al. 2018"
    statements = (
        Statement(
            "Without positions, “A hit B” and “B hit A” are the same",
            "largest difference of a word's vectors", Exact(1e-6), partial(told_apart, "none"),
        ),
        *(
            Statement(
                f"With {kind} positions they differ", "smallest difference of a word's vectors", Changes(1e-4),
                partial(told_apart, kind),
            )
            for kind in KINDS[1:]
        ),
        Statement(
            "Without positions, a word three places before cannot be found", "accuracy of rotary − none at 32 words",
            Larger(0.3), lambda evidence: evidence.difference("rotary", "none", f"accuracy/length_{TRAINED}"),
        ),
        Statement(
            "Learned positions don't reach beyond trained lengths", "accuracy at 32 words − at 128", Larger(0.1),
            partial(forgotten, "learned"),
        ),
        Statement(
            "Sinusoidal ones degrade there, too", "accuracy at 32 words − at 128", Larger(0.1),
            partial(forgotten, "sinusoidal"),
        ),
        Statement(
            "Rotary ones keep more than sinusoidal ones", "loss of sinusoidal − loss of rotary", Larger(0.1),
            lambda evidence: [
                one - other
                for one, other in zip(forgotten("sinusoidal", evidence), forgotten("rotary", evidence), strict=True)
            ],
        ),
        Statement(
            "Relative positions lose nothing beyond trained lengths", "accuracy at 32 words − at 128", Smaller(0.05),
            partial(forgotten, "relative"),
        ),
        Statement(
            "Alibi loses nothing there, either", "accuracy at 32 words − at 128", Smaller(0.05), partial(forgotten, "alibi"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        size = (4000, 10) if full else (2000, 5)
        alike = [
            "data=copying", "data.shifts=[3]", f"data.lengths=[8,{TRAINED}]", f"data.test_lengths=[{','.join(map(str, LENGTHS))}]",
            f"data.sequences={size[0]}", f"trainer.epochs={size[1]}", "trainer.batch_vectors=1000", "embedding=learned",
            "encoder.width=32", "encoder.depth=2", "encoder.dropout=0",
        ]  # fmt: skip
        return {kind: [*alike, f"encoder.position={kind}"] for kind in KINDS}

    def of_seed(self, seed: int) -> Sequence[str]:
        return [f"seed={seed}", f"data.draw={seed}"]

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each kind: differences of a word's vectors in the two sentences, the largest of three words in each case."""
        return {kind: _differences(kind, seed) for kind in KINDS}

    def drawing(self) -> Markup:
        return layers(
            [("every vector sees all, wherever they stand", lambda one, other: True)], vectors=5, depth=1
        )

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        rows = {
            kind: list(zip(*(evidence.score(kind, f"accuracy/length_{n}") for n in LENGTHS), strict=True)) for kind in KINDS
        }  # fmt: skip
        curves = [band(kind, LENGTHS, rows[kind], number) for number, kind in enumerate(KINDS, 1)]
        chart = lines(
            curves, "accuracy of copying against length",
            Axis("words in a sequence; training saw 8 to 32", log=True, ticks=[(n, str(n)) for n in LENGTHS]),
            Axis("accuracy", low=0, high=1),
        )  # fmt: skip
        caption = "Copying the word three places before, beyond trained lengths. Lines are means over seeds, bands from lowest to highest."
        return [Figure(caption, chart, legend(curves))]


def _differences(kind: str, seed: int) -> list[float]:
    """Of an encoder with random weights, and sentences of random words."""
    encoder, found = fresh([f"encoder.position={kind}", "encoder.width=32", "encoder.kernel=reference"], seed), []
    for _ in range(CASES):
        words = torch.randn(3, encoder.width)  # A, hit, B
        with torch.no_grad():
            found.append(float((encoder(words) - encoder(words.flip(0)).flip(0)).abs().max()))
    return found
