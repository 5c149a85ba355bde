"""What many explanations say of the methods: the rule of the first sentence."""

import numpy as np
import pytest

from attnlab.explain.over_examples import MEASURES, Trust, summary

METHODS = ("leave_one_out", "integrated_gradients", "attention", "random")


def told(*areas: float, examples: int = 60, noise: float = 0.02) -> Trust:
    """Deletion areas of the methods above: these means, with what examples add to all methods, and to each alone."""
    random = np.random.default_rng(1)
    table = np.full((examples, len(METHODS), len(MEASURES)), np.nan)
    table[:, :, 0] = (
        np.array(areas) + random.normal(0, 0.3, (examples, 1)) + random.normal(0, noise, (examples, len(areas)))
    )
    return summary(METHODS, table, np.full(examples, np.nan))


def test_the_least_area_is_best_where_the_difference_is_beyond_chance() -> None:
    found = told(0.3, 0.4, 0.5, 0.5)
    assert found.best == ["leave_one_out"] and found.better == {
        "leave_one_out": True, "integrated_gradients": True, "attention": None
    }  # fmt: skip
    assert found.sentence.startswith("Leave one out explains this model's answers best (deletion area 0.")
    assert "Attention weights are not better than a random order (" in found.sentence
    # The examples differ by far more than the methods: only differences on the same examples can tell.
    area = found.estimates["leave_one_out"]["deletion"]
    assert area.low is not None and area.high is not None and area.high - area.low > 0.1


def test_methods_that_cannot_be_told_apart_are_named_together() -> None:
    found = told(0.3, 0.3, 0.4, 0.5)
    assert sorted(found.best) == ["integrated_gradients", "leave_one_out"]
    assert "no difference beyond chance between them" in found.sentence
    assert "Attention weights are better than a random order, but not as good" in found.sentence
    assert told(0.3, 0.3, 0.3, 0.5).sentence.count("Attention weights") <= 1


@pytest.mark.parametrize(("attention", "better"), [(0.5, None), (0.6, False)])
def test_without_a_method_better_than_random_none_is_best(attention: float, better: bool | None) -> None:
    found = told(0.5, 0.6, attention, 0.5)
    assert found.best == [] and found.better["attention"] is better
    assert found.sentence.startswith(
        "No method finds what this model's answers depend on better than a random order does"
    )
