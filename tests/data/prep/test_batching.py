"""Batches hold every example once, are a pure function of (seed, epoch, lengths), and deal out fairly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlab.data.prep.batching import Batching, uniform

lengths_strategy = st.lists(st.integers(1, 30), min_size=1, max_size=60).map(np.array)


@given(lengths_strategy, st.integers(1, 50), st.integers(0, 9))
def test_an_epoch_holds_every_example_once_within_the_budget(lengths, budget: int, epoch: int) -> None:
    batches = Batching(lengths, budget, seed=3).epoch(epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or lengths[batch].sum() <= budget
        assert (np.diff(lengths[batch]) >= 0).all(), "sorted by length within a batch"


@given(lengths_strategy, st.integers(1, 50))
def test_every_epoch_has_as_many_batches_and_the_same_seed_the_same_ones(lengths, budget: int) -> None:
    first, second = Batching(lengths, budget, seed=3), Batching(lengths, budget, seed=3)
    for epoch in range(3):
        again = second.epoch(epoch)
        assert len(first.epoch(epoch)) == len(first.in_order())
        assert all(np.array_equal(a, b) for a, b in zip(first.epoch(epoch), again, strict=True))


pairs_strategy = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=60).map(np.array)


@given(pairs_strategy, st.integers(1, 50))
def test_pairs_are_batched_by_both_lengths_alike_in_every_epoch(lengths, budget: int) -> None:
    batching = Batching(lengths, budget, seed=3)
    sizes = sorted(len(batch) for batch in batching.in_order())
    for epoch in range(3):
        batches = batching.epoch(epoch)
        assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
        assert sorted(map(len, batches)) == sizes, "only who is in which batch changes"
        for batch in batches:
            assert len(batch) == 1 or lengths[batch].sum() <= budget
            by_target_then_source = lengths[batch][:, ::-1].tolist()
            assert by_target_then_source == sorted(by_target_then_source)


def test_seeds_and_epochs_differ() -> None:
    lengths = np.full(50, 5)
    orders = [
        np.concatenate(Batching(lengths, 20, seed).epoch(epoch)).tolist() for seed in (1, 2) for epoch in (0, 1)
    ]
    assert len({tuple(order) for order in orders}) == 4


def test_uniform_numbers_are_uniform_and_depend_on_every_argument() -> None:
    indices, places = np.repeat(np.arange(100), 50), np.tile(np.arange(50), 100)
    numbers = uniform(1, 2, indices, places)
    assert np.array_equal(numbers, uniform(1, 2, indices, places))
    assert numbers.min() >= 0 and numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=10, range=(0, 1))
    assert np.abs(counts - 500).max() < 100  # 4.7 standard deviations
    others = [uniform(2, 2, indices, places), uniform(1, 3, indices, places), uniform(1, 2, indices + 1, places)]
    for other in [*others, uniform(1, 2, indices, places + 1)]:
        assert np.corrcoef(numbers, other)[0, 1] == pytest.approx(0, abs=0.06)
