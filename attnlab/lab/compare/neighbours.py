"""A fully connected layer over a window of neighbours, which attention replaces, sees its window and nothing else."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from markupsafe import Markup

from attnlab.lab.compare.by_distance import accuracies, against_distance, ahead, beyond, within_less_beyond
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Exact, Larger, Smaller
from attnlab.training.run import Run

RADII = (4, 8, 16)
ENCODER = {
    **{f"radius {radius}": ["encoder=fully_connected", f"encoder.radius={radius}"] for radius in RADII},
    "attention": ["encoder=attention", "encoder.depth=2"],
}
BEYOND = {f"radius {radius}": radius for radius in RADII}


def gradients(arm: str, evidence: Evidence) -> list[float]:
    return [value for seed in evidence.found(arm) for value in seed]


class Neighbours(Claim):
    theory = (
        "A fully connected layer takes the vectors of a window, one beside the other, and has a matrix for each place. What stands outside "
        "the window cannot matter; a wider window needs more parameters, and learns what it has learned for one place anew for the next. "
        "Measured on generated sentences in which one word decides how a later one is read, as noun or verb: accuracy by how far away the "
        "nearest deciding word stands. Each sentence has a twin with the other reading, so that who doesn't see the deciding word guesses. "
        "All encoders have equally many parameters."
    )
    source = "Bengio et al. 2003; Collobert et al. 2011, section 3.3; Vaswani et al. 2017, section 4"
    statements = (
        *(
            Statement(
                f"A layer of radius {radius} sees nothing beyond {radius} words", "largest gradient from beyond", Exact(0.0),
                partial(gradients, f"radius {radius}"),
            )
            for radius in RADII
        ),
        *(
            Statement(
                f"With radius {radius}, words that are decided farther away are guessed",
                f"accuracy beyond {radius} words − 1/2", Smaller(0.05), partial(beyond, f"radius {radius}", radius),
            )
            for radius in RADII
        ),
        Statement(
            "What is decided within 16 words, a layer of radius 16 tells better than what is not",
            "accuracy within 16 words − beyond, radius 16", Larger(0.1), partial(within_less_beyond, "radius 16", 16),
        ),
        Statement(
            "Attention tells what is decided beyond 16 words", "accuracy beyond 16 words, attention − radius 16", Larger(0.2),
            partial(ahead, "attention", "radius 16", "beyond 16"),
        ),
        Statement(
            "And is no worse within 16", "accuracy within 16 words, radius 16 − attention", Smaller(0.02),
            partial(ahead, "radius 16", "attention", "within 16"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        sentences, epochs, parameters = (5000, 12, "100k") if full else (2500, 4, "60k")
        alike = [
            "task=pos", f"data.limit={sentences}", f"trainer.epochs={epochs}", f"encoder.parameters={parameters}", "embedding=learned",
            "encoder.dropout=0", "trainer.batch_vectors=1000",
        ]  # fmt: skip
        return {arm: [*alike, *words] for arm, words in ENCODER.items()}

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each radius: norms of the gradient of a word's vector by those of words beyond the radius, before any training."""
        return {arm: _beyond(words, BEYOND[arm], seed) for arm, words in ENCODER.items() if arm in BEYOND}

    def examine(self, arm: str, run: Run) -> Measured:
        """As of `by_distance.accuracies`, for each radius."""
        return accuracies(run, RADII)

    def drawing(self) -> Markup:
        return layers([
            ("fully connected, radius 1", lambda one, other: abs(one - other) <= 1),
            ("fully connected, radius 2", lambda one, other: abs(one - other) <= 2),
            ("attention", lambda one, other: True),
        ], depth=1)  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        return [against_distance(list(ENCODER), evidence)]


def _beyond(words: Sequence[str], radius: int, seed: int) -> list[float]:
    """Of a layer with random weights: the norms of the gradient by every vector outside the window of one in the middle."""
    encoder = fresh(["encoder.width=32", *words], seed)
    vectors = torch.randn(4 * radius + 1, encoder.width, requires_grad=True)
    middle = 2 * radius
    (gradient,) = torch.autograd.grad((encoder(vectors)[middle] * torch.randn(encoder.width)).sum(), vectors)
    norms = gradient.norm(dim=1).tolist()
    return [norm for place, norm in enumerate(norms) if abs(place - middle) > radius]
