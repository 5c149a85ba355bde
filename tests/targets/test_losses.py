"""The loss and the predictions of each kind of target, against the formulas written out."""

import math

import pytest
import torch

from attnlab.errors import UserError
from attnlab.model.output_layer import OutputLayer
from attnlab.spec import Target
from attnlab.targets import KINDS, kind_named

CLASSES = Target("class", ("a", "b", "c"), (6, 3, 1))
QUESTIONS = Target("classes", ("funny", "sad"))
NUMBERS = Target("number", mean=10.0, std=4.0)


def output_layer(target: Target, balanced: bool = False, width: int = 4) -> OutputLayer:
    torch.manual_seed(0)
    return OutputLayer(target, width, balanced)


def rows(count: int, width: int = 4) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("balanced", [False, True])
def test_classes_are_learned_by_cross_entropy_where_they_are_scored(balanced: bool) -> None:
    layer, x, truth = output_layer(CLASSES, balanced), rows(5), torch.tensor([0, 2, -1, 1, 0])
    probabilities = layer.proj(x).softmax(-1).detach()
    weights = [10 / (3 * 6), 10 / (3 * 3), 10 / (3 * 1)] if balanced else [1, 1, 1]
    expected = -sum(weights[c] * math.log(probabilities[i, c]) for i, c in enumerate(truth.tolist()) if c >= 0)
    loss = layer.loss(x, truth)
    assert loss.total.item() == pytest.approx(expected, rel=1e-5) and int(loss.count) == 4
    values = layer.predict(x)
    assert [v for v, _ in values] == ["abc"[i] for i in probabilities.argmax(-1)]
    assert [p for _, p in values] == pytest.approx(probabilities.amax(-1).tolist())


def test_balanced_weights_make_every_class_weigh_the_same() -> None:
    weights = KINDS["class"].class_weights(CLASSES)
    totals = weights * torch.tensor(CLASSES.counts)
    torch.testing.assert_close(totals, torch.full((3,), 10 / 3))
    for target in (QUESTIONS, NUMBERS):
        with pytest.raises(UserError, match="class_weights=balanced"):
            output_layer(target, balanced=True)


def test_unknown_answers_to_questions_cost_nothing() -> None:
    layer, x, truth = output_layer(QUESTIONS), rows(3), torch.tensor([[1, -1], [0, 1], [-1, -1]])
    probabilities = layer.proj(x).sigmoid().detach()
    known = [(0, 0), (1, 0), (1, 1)]
    expected = -sum(math.log(probabilities[i, j] if truth[i, j] else 1 - probabilities[i, j]) for i, j in known)
    loss = layer.loss(x, truth)
    assert loss.total.item() == pytest.approx(expected, rel=1e-5) and int(loss.count) == 3
    for (value, probability), row in zip(layer.predict(x), probabilities.tolist(), strict=True):
        assert probability == pytest.approx(row) and value == [int(p > 0.5) for p in row]


def test_a_number_is_learned_in_standard_deviations_and_predicted_in_its_own_unit() -> None:
    layer, x = output_layer(NUMBERS), rows(3)
    predicted = torch.tensor([value for value, _ in layer.predict(x)])
    truth = torch.tensor([12.0, math.nan, 3.0])
    loss = layer.loss(x, truth)
    assert loss.total.item() == pytest.approx(float((predicted - truth).abs()[[0, 2]].sum()) / 4, rel=1e-5)
    assert int(loss.count) == 2
    loss.total.backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters()), "a gap leaves no NaN in the gradient"


def test_large_numbers_with_a_small_standard_deviation_are_predicted_apart() -> None:
    layer, x = output_layer(Target("number", mean=1_600_000_049.5, std=28.9)), rows(3)
    truth = torch.tensor([1_600_000_000.0, 1_600_000_001.0, 1_600_000_099.0], dtype=torch.float64)
    predicted = torch.tensor([value for value, _ in layer.predict(x)], dtype=torch.float64)
    steps = layer.proj(x).double().squeeze(-1) * 28.9
    torch.testing.assert_close(predicted - 1_600_000_049.5, steps, atol=1e-5, rtol=0)
    assert layer.loss(x, truth).total.item() == pytest.approx(
        float((predicted - truth).abs().sum()) / 28.9, rel=1e-5
    )


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UserError, match="target kind `clas`: choose one of class, vector_classes, "):
        kind_named("clas")
