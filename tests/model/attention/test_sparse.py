"""Attention over pairs by bags of rows: its gradients are those of numbers moved a little, whatever is dropped."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab.model.attention import sparse
from attnlab.model.attention.sparse import PairMatrix, stable_order


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_gradients_with_biases_and_dropped_weights(count, seed):
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.rand(count, count, generator=generator).lt(0.5).nonzero().T  # some rows have no pair
    matrix = PairMatrix.of(*pairs, count, heads=2)
    q, k, v = (
        torch.randn(count, 2, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(3)
    )
    bias = torch.randn(pairs.shape[1], 2, generator=generator, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(2 * pairs.shape[1], generator=generator, dtype=torch.float64).round() * 2
    for dropout_mask in (None, mask):
        assert torch.autograd.gradcheck(
            lambda *x, mask=dropout_mask: sparse.attend(*x[:3], matrix, x[3], mask), (q, k, v, bias)
        )


@pytest.mark.parametrize("count", [5, 2**16, 2**16 + 1])
def test_equal_numbers_stay_in_their_order(count):
    numbers = torch.tensor([count - 1, 0, 3, 0, count - 1, 1])
    assert stable_order(numbers, count).tolist() == [1, 3, 5, 2, 0, 4]
