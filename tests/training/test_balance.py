"""What an answer that is always the same comes to."""

import math

import numpy as np
import pytest
import torch

from attnlab.spec import Target
from attnlab.targets import kind_named


def mean_loss(kind: str, outputs: list[float], truth: torch.Tensor, target: Target) -> float:
    """Of the same outputs for each of the right answers."""
    loss = kind_named(kind).loss(torch.tensor([outputs] * len(truth), dtype=torch.float64), truth, target)
    assert int(loss.count) == kind_named(kind).count(truth)
    return float(loss.total) / int(loss.count)


@pytest.mark.parametrize("kind", ["class", "vector_classes"])
def test_of_classes_it_is_that_of_their_frequencies(kind: str) -> None:
    target = Target(kind, ("a", "b", "c"), (5, 3, 0))
    truth = torch.tensor([0] * 5 + [1] * 3 + [-1])
    best = mean_loss(kind, [math.log(5 / 8), math.log(3 / 8), -100.0], truth, target)
    assert kind_named(kind).constant_loss([], target) == pytest.approx(best, rel=1e-6)
    assert kind_named(kind).constant_loss([], Target(kind, ("a",), (9,))) == 0


def test_of_questions_it_is_that_of_each_ones_frequency() -> None:
    target, gold = Target("classes", ("p", "q"), (1, 3)), [[1, 1], [0, 1], [0, -1], [0, 1], [-1, 0]]
    best = mean_loss("classes", [math.log(1 / 3), math.log(3)], torch.tensor(gold), target)
    assert kind_named("classes").constant_loss(gold, target) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "gold"),
    [("number", [1.0, 2.0, 9.0, math.nan]), ("vector_numbers", [[1.0, 9.0], [2.0, math.nan], []])],
)
def test_of_numbers_it_is_that_of_the_median(kind: str, gold: list) -> None:
    target, truth = Target(kind, mean=4.0, std=3.5), torch.from_numpy(np.hstack(gold))
    best = mean_loss(kind, [(2.0 - 4.0) / 3.5], truth, target)
    found = kind_named(kind).constant_loss(gold, target)
    assert found == pytest.approx(best, rel=1e-6)
    assert all(mean_loss(kind, [(other - 4.0) / 3.5], truth, target) > found for other in (1.5, 2.5))


def test_of_hidden_words_it_is_that_of_their_frequencies() -> None:
    found = kind_named("hidden_words").constant_loss([["the", "", "dog"], ["the", ""]], Target("hidden_words"))
    assert found == pytest.approx(-(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)))


def test_of_hidden_numbers_it_is_that_of_each_ones_median() -> None:
    gold = [np.array([[1.0, 9.0], [2.0, math.nan]]), np.array([[9.0, 5.0]])]
    found = kind_named("hidden_numbers").constant_loss(gold, Target("hidden_numbers"))  # type: ignore[arg-type]
    assert found == pytest.approx((1 + 0 + 7 + 2 + 2) / 5)


def test_of_texts_it_is_that_of_their_tokens_frequencies() -> None:
    found = kind_named("sequence").constant_loss([[7, 7, -1], [5, -1]], Target("sequence", codec="target"))
    shares = np.array([2, 1, 2]) / 5
    assert found == pytest.approx(-(shares * np.log(shares)).sum())
