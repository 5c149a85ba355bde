"""Dropout from bytes is dropout: its rate, its mean, its gradient, and the same draws for the same seed."""

import pytest
import torch

from attnlab.model.dropout import Dropout


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_rate_and_mean(rate: float) -> None:
    torch.manual_seed(1)
    y = Dropout(rate)(torch.ones(999, 1001))
    assert float((y == 0).float().mean()) == pytest.approx(rate, abs=0.004)
    assert float(y.mean()) == pytest.approx(1.0, abs=0.01)
    columns = (y == 0).float().mean(0)
    assert float((columns - columns.mean()).abs().max()) < 0.1, "every byte of a draw is as good as another"


def test_gradients_pass_where_numbers_did() -> None:
    x = torch.randn(50, 7, requires_grad=True)
    y = Dropout(0.5)(x)
    y.sum().backward()
    assert torch.allclose(x.grad * x, y)


def test_the_seed_decides_and_evaluation_changes_nothing() -> None:
    x, dropout = torch.randn(5, 3), Dropout(0.5)
    torch.manual_seed(3)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(3)
    assert torch.equal(dropout(x), first) and not torch.equal(first, second)
    assert torch.equal(dropout.eval()(x), x)
