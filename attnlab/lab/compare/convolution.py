"""A convolution written as attention, and where its fixed neighbours help."""

import math
from collections.abc import Mapping, Sequence
from itertools import product

import torch
from markupsafe import Markup
from torch import Tensor, nn

from attnlab.config import AttentionEncoder
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fit import slope
from attnlab.lab.compare.rules import Between, Exact, Larger
from attnlab.model.attention.kernels import REFERENCE
from attnlab.model.attention.multihead import SelfAttention
from attnlab.model.attention.positions import Relative, position_of
from attnlab.model.attention.scopes import scope_of
from attnlab.pages.charts import Axis, Curve, lines
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

RADIUS, WIDTH, SIDE = 1, 6, 7
"""Of the convolutions that are written as attention: what they see to each side, channels, and vectors along each axis."""
SHARP = 40.0
CASES = 20
"""Convolutions for each seed."""
SHARPNESS = (4.0, 6.0, 8.0, 10.0, 12.0)
PICTURES = (50, 200, 800)
ENCODER = {
    "convolution": ["encoder=convolution", "encoder.depth=2", "encoder.radius=1"],
    "window": ["encoder=attention", "encoder.position=learned", "encoder.scope=window:1"],
    "full": ["encoder=attention", "encoder.position=learned"],
}


def decay(evidence: Evidence) -> list[float]:
    """How the logarithm of the largest error changes with the sharpness."""
    return [slope(SHARPNESS, [math.log(error) for error in errors]) for errors in evidence.found("errors")]


def gap(pictures: int, evidence: Evidence) -> list[float]:
    """By how much convolution is ahead of full attention."""
    return evidence.difference(f"convolution, {pictures}", f"full, {pictures}")


class Convolution(Claim):
    theory = (
        "A convolution gives each neighbour a matrix of its own. Attention can do the same: one head for each neighbour, whose relative "
        "position scores α there and 0 elsewhere; the head's values are the vectors, and its part of W^O is the neighbour's matrix. "
        "As α grows, softmax leaves e^−α to the others, and the layer becomes the convolution. So a convolution is attention that may "
        "not choose where it looks. Having less to learn, it should be ahead with few examples and lose its lead with many: measured on "
        "pictures of digits, for encoders with equally many parameters."
    )
    source = "Cordonnier et al. 2020, theorem 1; Dosovitskiy et al. 2021, section 4.3"
    statements = (
        Statement(
            "Attention with a head for each neighbour is a 1-d convolution", "largest difference", Exact(1e-5),
            lambda evidence: [value for seed in evidence.found("line") for value in seed],
        ),
        Statement(
            "And a 2-d convolution", "largest difference", Exact(1e-5),
            lambda evidence: [value for seed in evidence.found("grid") for value in seed],
        ),
        Statement(
            "The difference shrinks by e for each unit of α", "slope of the logarithm of the difference against α",
            Between(-1.1, -0.9), decay,
        ),
        Statement(
            "With 50 pictures, convolution is ahead of full attention", "accuracy of convolution − full",
            Larger(0.02), lambda evidence: gap(PICTURES[0], evidence),
        ),
        Statement(
            "Its lead is smaller with 800", "lead with 50 pictures − lead with 800", Larger(0.02),
            lambda evidence: [
                few - many for few, many in zip(gap(PICTURES[0], evidence), gap(PICTURES[-1], evidence), strict=True)
            ],
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        updates, parameters = (600, "60k") if full else (100, "30k")
        alike = [
            "task=digits", f"trainer.updates={updates}", f"trainer.validate_every={updates // 4}", "trainer.batch_vectors=800",
            f"encoder.parameters={parameters}",
        ]  # fmt: skip
        return {
            f"{arm}, {pictures}": [*alike, *words, f"data.limit={pictures}"]
            for arm, words in ENCODER.items()
            for pictures in PICTURES
        }

    def of_seed(self, seed: int) -> Sequence[str]:
        return [f"seed={seed}", f"data.split_seed={seed}"]

    def measure(self, seed: int, full: bool) -> Measured:
        """line, grid: largest differences between a random convolution and its attention at α = 40. errors: on a line, at each
        α of `SHARPNESS`."""
        return {
            "line": [_difference(1, SHARP, CASES * seed + case) for case in range(CASES)],
            "grid": [_difference(2, SHARP, CASES * seed + case) for case in range(CASES)],
            "errors": [_difference(1, sharpness, seed) for sharpness in SHARPNESS],
        }

    def drawing(self) -> Markup:
        return layers([
            ("convolution: fixed neighbours", lambda one, other: abs(one - other) <= 1),
            ("attention: any", lambda one, other: True),
        ], depth=1)  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        curves = []
        for number, arm in enumerate(ENCODER, 1):
            scores = [evidence.score(f"{arm}, {n}") for n in PICTURES]
            curves.append(band(arm, PICTURES, list(zip(*scores, strict=True)), number))
        errors = band("largest difference", SHARPNESS, evidence.found("errors"), 1)
        predicted = [errors.y[0] * math.exp(SHARPNESS[0] - x) for x in SHARPNESS if errors.y[0] is not None]
        theory = Curve("e^−α", SHARPNESS, predicted, colour=2, dashed=True)
        return [
            Figure(
                "The difference between a convolution and the attention that copies it.",
                lines([errors, theory], "difference against sharpness", Axis("α"), Axis("largest difference", log=True)),
                legend([errors, theory]),
            ),
            Figure(
                "Accuracy on pictures of digits against how many were learned from.",
                lines(
                    curves, "accuracy against pictures", Axis("pictures", log=True, ticks=[(n, str(n)) for n in PICTURES]),
                    Axis("accuracy"),
                ),
                legend(curves),
            ),
        ]  # fmt: skip


def _difference(axes: int, sharpness: float, seed: int) -> float:
    """Between a random convolution over a line or a grid and the attention layer that copies it."""
    torch.manual_seed(seed)
    convolution = (nn.Conv1d if axes == 1 else nn.Conv2d)(WIDTH, WIDTH, 2 * RADIUS + 1, padding=RADIUS)
    vectors = torch.randn(WIDTH, *[SIDE] * axes)
    with torch.no_grad():
        wanted = convolution(vectors[None])[0].flatten(1).T
        found = _attention(convolution.weight, convolution.bias, vectors, sharpness)
    return float((wanted - found).abs().max())


def _attention(kernel: Tensor, bias: Tensor | None, vectors: Tensor, sharpness: float) -> Tensor:
    """The kernel (D, D, 2r+1, …) of a convolution and vectors (D, S, …) -> (S·…, D), by attention with a head for each neighbour."""
    axes = vectors.ndim - 1
    shifts = list(product(range(-RADIUS, RADIUS + 1), repeat=axes))  # key − query
    config = AttentionEncoder(width=WIDTH, heads=len(shifts), head_width=WIDTH, position="relative")
    spec = DataSpec(modality="image", num_coords=axes, features=WIDTH, targets={}, vocabularies={})
    layer = SelfAttention(WIDTH, len(shifts), WIDTH, "scaled_dot")
    position = position_of(config, axes)
    assert isinstance(position, Relative)
    # 1. Content doesn't matter: W_q = W_k = 0. Each head passes its vectors on: W_v = 1.
    layer.qkv_proj.weight.zero_()
    layer.qkv_proj.bias.zero_()
    layer.qkv_proj.weight[-len(shifts) * WIDTH :] = torch.eye(WIDTH).repeat(len(shifts), 1)
    # 2. Head h scores α along each axis on which a key stands at its shift, and 0 elsewhere.
    for axis, table in enumerate(position.tables):
        assert isinstance(table, nn.Embedding)
        table.weight.zero_()
        for head, shift in enumerate(shifts):
            table.weight[position.bucket(torch.tensor(-shift[axis])), head] = sharpness
    # 3. Its part of W^O is the matrix that the convolution has for that neighbour.
    of_neighbours = kernel.flatten(2).unbind(2)  # in the order of shifts
    layer.out_proj.weight.copy_(torch.cat(of_neighbours, dim=1))
    layer.out_proj.bias.copy_(torch.zeros(WIDTH) if bias is None else bias)
    # 4. Beyond the border stand zeros, as a convolution pads them.
    padded = nn.functional.pad(vectors, (RADIUS, RADIUS) * axes)
    coords = torch.tensor(list(product(range(padded.shape[1]), repeat=axes)), dtype=torch.float32)
    sets = VectorSets.of(padded.flatten(1).T.contiguous(), coords=coords)
    plan = REFERENCE.plan(scope_of("full", spec), sets, sets)
    biases = [position.bias()]
    found = layer.attend(*layer.project(sets.values), plan, None, biases)
    inside = ((coords >= RADIUS) & (coords < RADIUS + SIDE)).all(1)
    return found[inside]
