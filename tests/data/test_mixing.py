"""Which batches of which part form an update."""

from collections import Counter
from itertools import chain, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attnlab.data.mixing import Draw, Mixture, shares
from attnlab.data.prep.batching import Batching

SIZES = {"pos": 57, "digits": 12, "graph": 1}


def mixture(sizes: dict[str, int], accumulate: int, mixing: float = 0.5) -> Mixture:
    """Of parts with so many examples, each a batch of its own."""
    batchings = {name: Batching(np.ones(size, dtype=np.int64), 1, 1) for name, size in sizes.items()}
    return Mixture(batchings, accumulate, mixing)


def told(draws: list[Draw]) -> list[tuple[str, int, list[int]]]:
    return [(draw.part, draw.epoch, draw.indices.tolist()) for draw in draws]


def test_shares_in_examples() -> None:
    assert shares({"a": 100, "b": 100}, 8, 1.0) == {"a": 4, "b": 4}
    assert shares({"a": 900, "b": 100}, 8, 1.0) == {"a": 7, "b": 1}
    assert shares({"a": 900, "b": 100}, 8, 0.5) == {"a": 6, "b": 2}
    assert shares({"a": 900, "b": 100}, 8, 0.0) == {"a": 4, "b": 4}
    assert shares({"a": 10**6, "b": 1, "c": 1}, 3, 1.0) == {"a": 1, "b": 1, "c": 1}


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10**6), min_size=1),
    st.integers(0, 30),
    st.floats(0, 1),
)
def test_an_update_has_all_its_batches_and_one_of_each_part(
    sizes: dict[str, int], more: int, mixing: float
) -> None:
    accumulate = len(sizes) + more
    found = shares(sizes, accumulate, mixing)
    assert sum(found.values()) == accumulate and min(found.values()) >= 1
    by_size = sorted(sizes, key=sizes.__getitem__)
    assert all(found[small] <= found[large] + 1 for small, large in pairwise(by_size))
    backwards = dict(reversed(sizes.items()))
    assert shares(backwards, accumulate, mixing) == found


def test_each_example_once_in_each_epoch_of_its_part() -> None:
    mixed = mixture(SIZES, accumulate=5)
    draws = [draw for epoch in range(3) for group in mixed.groups(epoch) for draw in group]
    seen = Counter((draw.part, draw.epoch, int(i)) for draw in draws for i in draw.indices)
    assert set(seen.values()) == {1}
    for part, size in SIZES.items():
        last = max(draw.epoch for draw in draws if draw.part == part)
        for epoch in range(last):
            assert sum(seen[part, epoch, i] for i in range(size)) == size
    assert max(draw.epoch for draw in draws if draw.part == "pos") == 2, "the largest part sets the epoch"


def test_every_update_has_the_same_parts_in_the_same_order() -> None:
    mixed = mixture(SIZES, accumulate=5)
    groups = mixed.groups(0)
    assert mixed.shares == {"digits": 1, "graph": 1, "pos": 3} and mixed.largest == "pos"
    for group in groups:
        assert [draw.part for draw in group] == ["digits", "graph", "pos", "pos", "pos"]
    assert len(groups) == mixed.updates() == 19


def test_the_rest_of_an_epoch_is_what_follows() -> None:
    mixed = mixture({"pos": 56, "digits": 12}, accumulate=5)
    for epoch in (0, 2):
        groups, cursor = mixed.groups(epoch), 0
        for number, group in enumerate(groups):
            rest = mixed.groups(epoch, cursor)
            assert told(chain(*rest)) == told(chain(*groups[number:])) and len(rest) == mixed.updates(cursor)
            cursor += mixed.done_by(group)
        assert cursor == mixed.batches_per_epoch == 56


def test_one_part_alone_is_its_epochs_in_groups() -> None:
    mixed = mixture({"": 11}, accumulate=4)
    batches = [indices.tolist() for indices in mixed.batchings[""].epoch(1)]
    assert [[draw.indices.tolist() for draw in group] for group in mixed.groups(1)] == [
        batches[:4],
        batches[4:8],
        batches[8:],
    ]


def test_the_order_in_which_parts_are_given_changes_nothing() -> None:
    forwards, backwards = mixture(SIZES, 6), mixture(dict(reversed(SIZES.items())), 6)
    assert [told(group) for group in forwards.groups(1)] == [told(group) for group in backwards.groups(1)]
