"""What each kind of target loses and answers, against the formulas written out."""

import math

import pytest
import torch

from attnlab.errors import UserError
from attnlab.model.targets import ANSWERS, class_weights
from attnlab.spec import Target

CLASSES = Target("class", ("a", "b", "c"), (6, 3, 1))
QUESTIONS = Target("classes", ("funny", "sad"))
NUMBERS = Target("number", mean=10.0, std=4.0)


def answer(target: Target, balanced: bool = False, width: int = 4):
    torch.manual_seed(0)
    return ANSWERS[target.kind](target, width, balanced)


def rows(count: int, width: int = 4) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("balanced", [False, True])
def test_one_class_is_cross_entropy_without_what_is_not_scored(balanced: bool) -> None:
    part, x, truth = answer(CLASSES, balanced), rows(5), torch.tensor([0, 2, -1, 1, 0])
    probabilities = part.decide(x).softmax(-1).detach()
    weights = [10 / (3 * 6), 10 / (3 * 3), 10 / (3 * 1)] if balanced else [1, 1, 1]
    expected = -sum(weights[c] * math.log(probabilities[i, c]) for i, c in enumerate(truth.tolist()) if c >= 0)
    loss = part.loss(x, truth)
    assert loss.total.item() == pytest.approx(expected, rel=1e-5) and int(loss.count) == 4
    values = part.answers(x)
    assert [v for v, _ in values] == ["abc"[i] for i in probabilities.argmax(-1)]
    assert [p for _, p in values] == pytest.approx(probabilities.amax(-1).tolist())


def test_balanced_weights_make_every_class_weigh_the_same() -> None:
    weights = class_weights(CLASSES)
    totals = weights * torch.tensor(CLASSES.counts)
    torch.testing.assert_close(totals, torch.full((3,), 10 / 3))
    for target in (QUESTIONS, NUMBERS):
        with pytest.raises(UserError, match="class_weights=balanced"):
            answer(target, balanced=True)


def test_several_yes_no_leaves_gaps_out() -> None:
    part, x, truth = answer(QUESTIONS), rows(3), torch.tensor([[1, -1], [0, 1], [-1, -1]])
    probabilities = part.decide(x).sigmoid().detach()
    known = [(0, 0), (1, 0), (1, 1)]
    expected = -sum(math.log(probabilities[i, j] if truth[i, j] else 1 - probabilities[i, j]) for i, j in known)
    loss = part.loss(x, truth)
    assert loss.total.item() == pytest.approx(expected, rel=1e-5) and int(loss.count) == 3
    for (value, probability), row in zip(part.answers(x), probabilities.tolist(), strict=True):
        assert probability == pytest.approx(row) and value == [int(p > 0.5) for p in row]


def test_a_number_is_learned_in_units_of_its_spread_and_told_in_its_own() -> None:
    part, x = answer(NUMBERS), rows(3)
    answers = torch.tensor([value for value, _ in part.answers(x)])
    truth = torch.tensor([12.0, math.nan, 3.0])
    loss = part.loss(x, truth)
    assert loss.total.item() == pytest.approx(float((answers - truth).abs()[[0, 2]].sum()) / 4, rel=1e-5)
    assert int(loss.count) == 2
    loss.total.backward()
    assert all(p.grad.isfinite().all() for p in part.parameters()), "a gap leaves no NaN in the gradient"


def test_large_numbers_with_a_small_spread_are_told_apart() -> None:
    part, x = answer(Target("number", mean=1_600_000_049.5, std=28.9)), rows(3)
    truth = torch.tensor([1_600_000_000.0, 1_600_000_001.0, 1_600_000_099.0], dtype=torch.float64)
    answers = torch.tensor([value for value, _ in part.answers(x)], dtype=torch.float64)
    steps = part.decide(x).double().squeeze(-1) * 28.9
    torch.testing.assert_close(answers - 1_600_000_049.5, steps, atol=1e-5, rtol=0)
    assert part.loss(x, truth).total.item() == pytest.approx(float((answers - truth).abs().sum()) / 28.9, rel=1e-5)
