"""The rules are judged themselves, on claims whose truth is known because they are simulated."""

from collections import Counter

import numpy as np
import pytest

from attnlab.lab.compare.rules import Between, Changes, Exact, Larger, Rule, Smaller

CLAIMS = 10_000


def shares(rule: Rule, effect: float, deviation: float, seeds: int = 5) -> Counter[str]:
    """How often simulated claims get each verdict, in fractions of 1. effect: the true mean; deviation: between seeds."""
    drawn = np.random.default_rng(7).normal(effect, deviation, (CLAIMS, seeds)).tolist()
    counts = Counter(rule.decide(values).verdict for values in drawn)
    return Counter({verdict: count / CLAIMS for verdict, count in counts.items()})


@pytest.mark.parametrize("deviation", [0.01, 0.05, 5.0])
def test_claims_without_effect_seldom_hold(deviation: float) -> None:
    """Whatever the seeds' deviation, and also just at the limit that a rule names."""
    none = shares(Larger(0.02), 0.0, deviation)
    assert none["holds"] < 0.01 and none["reversed"] < 0.01
    at_margin = shares(Larger(0.02), 0.02, deviation)
    assert at_margin["holds"] < 0.01 and at_margin["no difference"] < 0.01
    assert shares(Smaller(0.02), 0.02, deviation)["holds"] < 0.01
    assert shares(Between(0.9, 1.1), 1.1, deviation)["holds"] < 0.01


def test_effects_well_beyond_the_margin_are_found() -> None:
    assert shares(Larger(0.02), 0.06, 0.01)["holds"] > 0.95
    assert shares(Larger(0.02), -0.06, 0.01)["reversed"] > 0.95
    assert shares(Larger(0.02), 0.0, 0.005)["no difference"] > 0.85
    assert shares(Smaller(0.02), 0.0, 0.005)["holds"] > 0.95


def test_three_seeds_decide_nothing() -> None:
    decision = Larger(0.1).decide([0.9, 0.9, 0.9])
    assert decision.verdict == "not decided" and "5 seeds" in decision.why


def test_one_seed_on_the_other_side_leaves_a_claim_undecided() -> None:
    values = [1.0] * 40 + [-0.1]
    assert Larger(0.02).decide(values).verdict == "not decided"
    assert Larger(0.02).decide(values[:-1]).verdict == "holds"


def test_the_number_of_seeds_that_would_decide_is_told() -> None:
    decision = Larger(0.02).decide([0.2, 0.0, 0.15, -0.05, 0.1, 0.12])
    assert (
        decision.verdict == "not decided" and decision.why == "about 33 seeds would decide"
    )  # (4.03 · 0.0942 / 0.0667)²


def test_exact_claims_allow_rounding_and_nothing_else() -> None:
    assert Exact(1e-6).decide([0.0, 9e-7]).verdict == "exact"
    assert Exact(1e-6).decide([0.0, -2e-6]).verdict == "reversed"
    assert Changes(1e-2).decide([0.5, 0.02]).verdict == "exact"
    assert Changes(1e-2).decide([0.5, 0.002]).verdict == "reversed"
