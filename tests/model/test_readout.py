"""Readouts and set-wise sums against plain loops, for any lengths, empty sets among them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab.model.readout import READOUTS, set_max, set_softmax, set_sum
from attnlab.sets import Layout, VectorSets

LENGTHS = st.lists(st.integers(0, 6), min_size=1, max_size=6)


def some(lengths: list[int], width: int = 4, seed: int = 0) -> VectorSets:
    values = torch.randn(sum(lengths), width, generator=torch.Generator().manual_seed(seed))
    return VectorSets.of(values, lengths)


@given(LENGTHS)
@settings(max_examples=40, deadline=None)
def test_sums_and_maxima_are_those_of_each_set(lengths: list[int]) -> None:
    sets = some(lengths)
    sums, largest = set_sum(sets.values, sets.layout), set_max(sets.values, sets.layout, empty=-7.0)
    for b, single in enumerate(sets.unbind()):
        torch.testing.assert_close(sums[b], single.values.sum(0))
        floor = torch.full((1, 4), -7.0)
        torch.testing.assert_close(largest[b], torch.cat([single.values, floor]).amax(0))


@given(LENGTHS)
@settings(max_examples=40, deadline=None)
def test_equal_maxima_share_the_gradient_whatever_its_sign(lengths: list[int]) -> None:
    values = some(lengths).values.round().requires_grad_()  # many are equal
    sets = VectorSets.of(values, lengths)
    weight = torch.randn(len(lengths), 4, generator=torch.Generator().manual_seed(1))
    if not sum(lengths):
        return
    (ours,) = torch.autograd.grad((set_max(values, sets.layout, -7.0) * weight).sum(), values)
    parts = [
        single.values.amax(0) * w for single, w in zip(sets.unbind(), weight, strict=True) if len(single.values)
    ]
    (right,) = torch.autograd.grad(torch.stack(parts).sum(), values)
    torch.testing.assert_close(ours, right)


@given(LENGTHS, st.floats(-1e4, 1e4))
@settings(max_examples=40, deadline=None)
def test_softmax_weights_sum_to_one_over_each_set_whatever_the_scale(lengths: list[int], shift: float) -> None:
    sets = some(lengths)
    weights = set_softmax(1000 * sets.values + shift, sets.layout)
    assert weights.isfinite().all()
    expected = (sets.layout.counts > 0).float()[:, None].expand(-1, 4)
    torch.testing.assert_close(set_sum(weights, sets.layout), expected)


@pytest.mark.parametrize("name", READOUTS)
def test_a_readout_ignores_neighbours_and_order(name: str) -> None:
    torch.manual_seed(0)
    readout = READOUTS[name](4)
    lengths = [3, 0, 1, 5]
    sets = some(lengths)
    together = readout(sets)
    assert together.shape == (4, 4) and together[1].eq(0).all(), "an empty set reads out as 0"
    for b, single in enumerate(sets.unbind()):
        torch.testing.assert_close(readout(single)[0], together[b])
        shuffled = VectorSets.of(single.values[torch.randperm(len(single.values))])
        torch.testing.assert_close(readout(shuffled)[0], together[b])


EXPECTED = {
    "mean": [[2.0, 3.0], [5.0, 0.0]],
    "max": [[3.0, 5.0], [5.0, 0.0]],
    "sum": [[4.0, 6.0], [5.0, 0.0]],
    "attention": [[2.0, 3.0], [5.0, 0.0]],  # with a query of zeros every weight is the same
}


@pytest.mark.parametrize("name", READOUTS)
def test_each_readout_of_two_small_sets(name: str) -> None:
    readout = READOUTS[name](2)
    for parameter in readout.parameters():
        torch.nn.init.zeros_(parameter)
    sets = VectorSets.of(torch.tensor([[1.0, 5.0], [3.0, 1.0], [5.0, 0.0]]), [2, 1])
    torch.testing.assert_close(readout(sets), torch.tensor(EXPECTED[name]))


@pytest.mark.parametrize("name", READOUTS)
def test_gradients_are_right(name: str) -> None:
    torch.manual_seed(1)
    readout = READOUTS[name](3).double()
    layout = Layout.of([2, 0, 3])
    values = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: readout(VectorSets(v, layout)), (values,))


@pytest.mark.parametrize("name", READOUTS)
def test_half_precision_is_near_full(name: str) -> None:
    torch.manual_seed(2)
    readout, sets = READOUTS[name](8), some([4, 7], width=8)
    with torch.autocast("cpu", torch.bfloat16):
        half = readout(sets)
    torch.testing.assert_close(half.float(), readout(sets), atol=0.05, rtol=0.05)
