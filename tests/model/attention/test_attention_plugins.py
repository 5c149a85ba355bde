"""A score, a scope and a position from outside work with every kernel of their family, with nothing edited in the package."""

from dataclasses import dataclass
from typing import Literal

import pytest
import torch
from random_sets import encoder_config, vector_sets
from torch import nn

from attnlab import registry
from attnlab.attention_options import (
    KERNELS,
    SCOPE_CHOICES,
    SCORE_CHOICES,
    PositionKeys,
    ScopeKeys,
    ScoreKeys,
    kernel_table,
    parse_scope,
    refusal,
)
from attnlab.choices import Distance
from attnlab.config import AttentionEncoder, check, documented_keys
from attnlab.errors import UserError
from attnlab.model.attention.positions import Position
from attnlab.model.attention.scopes import ByDifferences, ByEdges, scope_of
from attnlab.model.attention.scores import Score
from attnlab.model.encoders.attention import Attention
from attnlab.spec import DataSpec

SPEC = DataSpec("graph", 1, 8, {}, {}, edge_features=2, frame_seconds=0.01)


@dataclass(frozen=True)
class DilatedKeys(ScopeKeys):
    """Every other vector within a radius."""

    family = "bounded_differences"
    radius: Distance
    step: int = 2


@dataclass(frozen=True)
class Dilated(ByDifferences):
    radius: float
    step: int

    @classmethod
    def of(cls, keys, spec):
        return cls(keys.radius.in_coordinates(spec.frame_seconds), keys.step)

    @property
    def bound(self):
        return self.radius

    def within(self, differences):
        return ((differences.abs() <= self.radius) & (differences % self.step == 0)).all(-1)


@dataclass(frozen=True)
class TwoHopKeys(ScopeKeys):
    """Vectors two edges away."""

    family = "edges"


@dataclass(frozen=True)
class TwoHop(ByEdges):
    loops: bool = True

    def edges(self, sets):
        rows = len(sets.values)
        adjacency = torch.zeros(rows, rows)
        adjacency[sets.edges[0], sets.edges[1]] = 1
        return (adjacency @ adjacency).nonzero().T, None


@dataclass(frozen=True)
class BackwardKeys(ScopeKeys):
    """Vectors that don't come earlier."""

    family = "differences"
    num_coords = 1


@dataclass(frozen=True)
class Backward(ByDifferences):
    def within(self, differences):
        return differences[..., 0] <= 0


@dataclass(frozen=True)
class GaussianKeys(ScoreKeys):
    """The negative squared distance."""

    pairwise = True
    width: float = 1.0


class Gaussian(Score):
    def __init__(self, keys, heads, head_width):
        super().__init__(keys, heads, head_width)
        self.width = keys.width

    def pairs(self, q, k):
        return -(q - k).square().sum(-1) / (2 * self.width**2)


@dataclass(frozen=True)
class ScaledKeys(PositionKeys):
    """One learned direction times the coordinate."""

    changes = "vectors"
    sign: Literal["plus", "minus"] = "plus"


class Scaled(Position):
    def __init__(self, keys, config, num_coords):
        super().__init__(keys, config, num_coords)
        self.sign = 1.0 if keys.sign == "plus" else -1.0
        # Not the same in all features: LayerNorm would take that away.
        self.direction = nn.Parameter(torch.linspace(0, 1, config.width).repeat(num_coords, 1))

    def added(self, sets):
        return sets.values + self.sign * sets.coords @ self.direction


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts above, registered for the time of a test."""
    for each in (registry.SCORES, registry.SCOPES, registry.POSITIONS):
        monkeypatch.setattr(each, "_entries", dict(each._entries))
    registry.SCOPES.register("dilated", DilatedKeys)(Dilated)
    registry.SCOPES.register("two_hop", TwoHopKeys)(TwoHop)
    registry.SCOPES.register("backward", BackwardKeys)(Backward)
    registry.SCORES.register("gaussian", GaussianKeys)(Gaussian)
    registry.POSITIONS.register("scaled", ScaledKeys)(Scaled)


def encoder(**keys) -> Attention:
    torch.manual_seed(0)
    config = encoder_config(**{"position": "relative"} | keys)
    check(config, "encoder.")
    return Attention(config, SPEC).eval()


@torch.no_grad()
@pytest.mark.parametrize("score", ["scaled_dot", "gaussian:0.5"])
@pytest.mark.parametrize("scope", ["full", "dilated:4", "dilated:60ms:3", "two_hop", "backward"])
def test_every_kernel_of_the_family_equals_the_reference(scope: str, score: str) -> None:
    sets = vector_sets([9, 1, 120], seed=1, edge_features=2, shuffled=True, chance=0.05)
    right = encoder(scope=scope, score=score, kernel="reference")(sets).values
    names = ["auto", *(name for name in KERNELS if refusal(name, score, scope) is None)]
    assert len(names) > 2
    for kernel in names:
        answer = encoder(scope=scope, score=score, kernel=kernel)(sets).values
        torch.testing.assert_close(answer, right, atol=1e-5, rtol=1e-4, msg=lambda m, k=kernel: f"{k}: {m}")
    assert torch.allclose(encoder(scope="full", score=score)(sets).values, right, atol=1e-3) == (scope == "full")


def test_scopes_along_edges_get_the_bias_of_the_edges() -> None:
    assert encoder(scope="two_hop").edge_bias is not None and encoder(scope="backward").edge_bias is None


@torch.no_grad()
def test_a_position_from_outside_enters() -> None:
    sets = vector_sets([5, 3], edges=False)
    plus, minus = (encoder(position=f"scaled:{sign}")(sets).values for sign in ("plus", "minus"))
    assert not torch.allclose(plus, minus) and torch.equal(encoder(position="scaled")(sets).values, plus)


def test_choices_help_and_the_table_of_kernels_show_them() -> None:
    assert {"dilated:RADIUS", "dilated:RADIUS:STEP", "two_hop"} <= set(SCOPE_CHOICES)
    assert {"gaussian", "gaussian:WIDTH"} <= set(SCORE_CHOICES)
    helps = {key.path: key.sentence for key in documented_keys(AttentionEncoder)}
    assert (
        "gaussian:WIDTH" in helps["score"] and "two_hop" in helps["scope"] and "scaled:minus" in helps["position"]
    )
    rows = {row.split("|")[1].strip(): row for row in kernel_table().splitlines()}
    assert "all but additive, gaussian" in rows["dense"] and "window, dilated (one coordinate)" in rows["banded"]
    assert "window, edges, dilated, two_hop" in rows["edgewise"]
    with pytest.raises(
        UserError, match=r"`encoder.score`: .*write `gaussian` or `gaussian:WIDTH`; WIDTH is a number"
    ):
        check(AttentionEncoder(score="gaussian:wide"), "encoder.")
    with pytest.raises(
        UserError, match=r"position rotary rotates .* with score gaussian use position alibi or relative"
    ):
        check(AttentionEncoder(score="gaussian", position="rotary"), "encoder.")
    with pytest.raises(UserError, match=r"kernel banded cannot compute scope two_hop .* or edgewise"):
        check(AttentionEncoder(scope="two_hop", kernel="banded"), "encoder.")


def test_broken_promises_are_refused() -> None:
    registry.SCOPES.register("other", TwoHopKeys)(Backward)
    with pytest.raises(UserError, match="scope `other`: its class is planned by differences, its keys say edges"):
        scope_of("other", SPEC)
    registry.SCOPES.register("later", BackwardKeys)(
        type("Later", (Backward,), {"within": lambda self, d: d[..., 0] < 0})
    )
    with pytest.raises(UserError, match="scope `later`: a vector must attend to itself"):
        scope_of("later", SPEC)
    registry.SCOPES.register("bare")(Backward)
    with pytest.raises(UserError, match="scope `bare` must be registered with keys derived from ScopeKeys"):
        parse_scope("bare")


def test_data_without_edges_are_offered_what_they_can_have() -> None:
    with pytest.raises(
        UserError, match=r"scope `two_hop`: these data have no edges; use scope full or .*dilated:RADIUS"
    ):
        scope_of("two_hop", DataSpec("text", 1, None, {}, {}))
