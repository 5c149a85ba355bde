"""The same weights take sets of any length, in any order."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Changes, Exact, Smaller
from attnlab.pages.charts import Axis, lines

TRAINED = 32
"""The longest distance in training; the sequences are a few words longer."""
SHORTEST = 8
"""The shortest one."""
TESTED = (4, 8, 16, 32, 64, 128, 256)
PERMUTED = {
    "attention": ["encoder.position=none"],
    "attention with an additive score": ["encoder.position=none", "encoder.score=additive"],
    "an LSTM": ["encoder=recurrent"],
    "a convolution": ["encoder=convolution"],
}
WORDS, CASES = 40, 20
"""Vectors in a set that is permuted, and sets for each seed."""


def deviation(name: str, evidence: Evidence) -> list[float]:
    return [value for seed in evidence.found(name) for value in seed]


def lost(arm: str, trained: int, tested: int, evidence: Evidence) -> list[float]:
    """Accuracy that is lost from one distance to another."""
    one, other = (evidence.score(arm, f"accuracy/distance_{n}") for n in (trained, tested))
    return [before - after for before, after in zip(one, other, strict=True)]


class Length(Claim):
    theory = (
        "Attention learns three matrices that all vectors share; the table of scores is computed from the vectors, and a weighted sum "
        "makes one vector of however many there are. So no parameter depends on the length, and without positions the order changes "
        "nothing: if a set is permuted, the answers are permuted in the same way. Whether what was learned is still right for longer sets "
        "is another question, measured on recall: one run for each seed, trained over 8 to 32 words and asked over 4 to 256, in sequences "
        "that are as much shorter or longer."
    )
    source = "Vaswani et al. 2017, section 3.2; Zaheer et al. 2017, section 2"
    statements = (
        *(
            Statement(
                f"Permuting a set permutes the answers of {name}", "largest deviation", Exact(1e-5), partial(deviation, name)
            )
            for name in ("attention", "attention with an additive score")
        ),
        *(
            Statement(f"Not so those of {name}", "smallest deviation", Changes(1e-2), partial(deviation, name))
            for name in ("an LSTM", "a convolution")
        ),
        Statement(
            "Without positions, recall over 8 times the trained distance is as good", "accuracy over 32 words − over 256",
            Smaller(0.05), partial(lost, "no positions", TRAINED, 8 * TRAINED),
        ),
        Statement(
            "And with rotary positions", "accuracy over 32 words − over 256", Smaller(0.05),
            partial(lost, "rotary", TRAINED, 8 * TRAINED),
        ),
        *(
            Statement(
                f"Recall over half the shortest trained distance is as good, {named}", "accuracy over 8 words − over 4", Smaller(0.05),
                partial(lost, arm, SHORTEST, SHORTEST // 2),
            )
            for named, arm in (("without positions", "no positions"), ("with rotary ones", "rotary"))
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        sequences, epochs = (4000, 8) if full else (2000, 4)
        alike = [
            "data=recall", f"data.distances=[{SHORTEST},16,{TRAINED}]", f"data.test_distances=[{','.join(map(str, TESTED))}]",
            f"data.sequences={sequences}", f"trainer.epochs={epochs}", "trainer.batch_vectors=1000", "embedding=learned",
            "encoder.width=32", "encoder.dropout=0",
        ]  # fmt: skip
        positions = {"no positions": "none", "rotary": "rotary"}
        return {arm: [*alike, f"encoder.position={position}"] for arm, position in positions.items()}

    def of_seed(self, seed: int) -> Sequence[str]:
        return [f"seed={seed}", f"data.draw={seed}"]

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each encoder, with random weights: how far the answers about a permuted set are from the permuted answers."""
        return {name: _permuted(words, seed) for name, words in PERMUTED.items()}

    def drawing(self) -> Markup:
        return layers([("any number of vectors, one rule", lambda one, other: True)], vectors=6, depth=1)

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        curves = []
        for number, arm in enumerate(self.arms(evidence.full), 1):
            scores = [evidence.score(arm, f"accuracy/distance_{n}") for n in TESTED]
            curves.append(band(arm, TESTED, list(zip(*scores, strict=True)), number))
        across = Axis(
            "words between question and answer; training saw 8 to 32",
            log=True,
            ticks=[(n, str(n)) for n in TESTED],
        )
        chart = lines(curves, "accuracy of recall against distance", across, Axis("accuracy", low=0, high=1))
        return [
            Figure(
                "Recall from half the shortest to eight times the longest trained distance, by the same weights.",
                chart,
                legend(curves),
            )
        ]


def _permuted(words: Sequence[str], seed: int) -> list[float]:
    encoder, deviations = fresh(["encoder.width=32", *words], seed), []
    for _ in range(CASES):
        vectors, order = torch.randn(WORDS, encoder.width), torch.randperm(WORDS)
        with torch.no_grad():
            deviations.append(float((encoder(vectors[order]) - encoder(vectors)[order]).abs().max()))
    return deviations
