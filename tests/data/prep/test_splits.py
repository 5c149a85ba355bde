"""Who is held out: by the key alone, in the asked share."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlab.data.prep.held_out import divide_named
from attnlab.data.prep.splits import NAMES, TEST, TRAIN, VALIDATION, limited, position, split_rows


def with_held_out(owners: list[str], validation: float, test: float, labels: list[str] | None = None) -> list[str]:
    """The split of each example."""
    fractions = {"validation": validation, "test": test}
    division = divide_named(owners, labels or [""] * len(owners), fractions, 0)
    return [NAMES[split] for split in division.splits]


@given(st.text(), st.integers(0, 2**32))
def test_the_position_depends_on_key_and_seed_alone(key: str, seed: int) -> None:
    assert 0 <= position(key, seed) < 1 and position(key, seed) == position(key, seed)


def test_the_share_is_kept_and_seeds_choose_differently() -> None:
    keys = [f"file.csv:{i}" for i in range(10000)]
    chosen = [{key for key in keys if position(key, seed) < 0.1} for seed in (0, 1)]
    assert all(900 < len(found) < 1100 for found in chosen)
    assert len(chosen[0] & chosen[1]) < 200


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=3, max_size=60),
    st.floats(0.01, 0.4),
    st.floats(0.01, 0.4),
)
def test_owners_stay_together_and_nobody_is_left_without(
    rows: list[tuple[int, int]], validation: float, test: float
) -> None:
    owners = np.array([position(str(owner)) for owner, _ in rows])
    strata = np.array([stratum for _, stratum in rows])
    found = split_rows(owners, strata, validation, test)
    assert all(len(set(found[owners == owner])) == 1 for owner in owners)
    different = len(set(owners))
    assert (found == TRAIN).any()
    assert (found == VALIDATION).any() == (different >= 2) and (found == TEST).any() == (different >= 3)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(1, 90), st.integers(0, 9))
def test_a_limit_keeps_every_class_in_proportion(classes: list[int], limit: int, seed: int) -> None:
    keys, labels = [f"k{i}" for i in range(len(classes))], [str(c) for c in classes]
    rows, positions = np.arange(len(classes)), np.array([position(key, seed) for key in keys])
    kept = limited(limit, rows, positions, labels)
    assert len(kept) == min(limit, len(rows)) and (np.diff(kept) > 0).all()
    number, share = len(set(labels)), len(kept) / len(rows)
    for label in set(labels) if limit >= number else ():
        left = [labels[i] for i in kept].count(label)
        assert left >= 1 and abs(left - labels.count(label) * share) < number, "others make room for a rare class"
    assert limited(None, rows, positions, labels) is rows


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=40),
    st.integers(1, 40),
    st.randoms(),
)
def test_a_limit_keeps_the_same_examples_in_any_order(
    examples: list[tuple[int, int]], limit: int, random: Random
) -> None:
    def kept(rows: list[tuple[int, int]]) -> list[tuple[int, int]]:
        positions = np.array([position(str(content)) for content, _ in rows])
        chosen = limited(limit, np.arange(len(rows)), positions, [str(label) for _, label in rows])
        return sorted(rows[i] for i in chosen)

    found = kept(examples)
    assert len(found) == min(limit, len(examples)), "copies are examples of their own"
    assert kept(random.sample(examples, len(examples))) == found


def test_a_limit_does_not_follow_the_rhythm_of_a_list() -> None:
    labels, positions = [str(i % 10) for i in range(2400)], np.array([position(f"k{i}") for i in range(2400)])
    for limit in (120, 240, 800):
        kept = limited(limit, np.arange(2400), positions, labels)
        assert np.bincount(kept % 10).tolist() == [limit // 10] * 10


def test_classes_keep_their_shares_to_the_example() -> None:
    random = np.random.default_rng(0)
    strata = np.repeat([0, 1, 2], [1000, 300, 20])
    found = split_rows(random.random(len(strata)), strata, 0.1, 0.05)
    counts = [np.bincount(found[strata == stratum], minlength=3).tolist() for stratum in range(3)]
    assert counts == [[850, 100, 50], [255, 30, 15], [17, 2, 1]]


def test_rare_classes_are_held_out_in_the_share_of_all() -> None:
    random = np.random.default_rng(0)
    strata = np.repeat(np.arange(200), 3)  # no tenth of any class is a whole example
    found = split_rows(random.random(len(strata)), strata, 0.1, 0.1)
    assert np.bincount(found).tolist() == [480, 60, 60]
    assert set(strata[found == TRAIN]) == set(range(200)), "every class is learned"


def test_a_few_examples_more_change_only_who_is_at_the_border() -> None:
    keys = [f"file.csv:{i}" for i in range(1000)]
    before = with_held_out(keys[:990], 0.1, 0.1)
    after = with_held_out(keys, 0.1, 0.1)
    assert sum(a != b for a, b in zip(before, after, strict=False)) <= 4


@pytest.mark.parametrize("classes, distinct", [(10, 50), (10, 200), (2, 50), (1, 30)])
def test_shares_are_kept_though_some_examples_have_many_copies(classes: int, distinct: int) -> None:
    random = Random(0)
    owners = random.choices(range(distinct), [1 / (1 + i) for i in range(distinct)], k=1000)
    found = with_held_out([f"g{i}" for i in owners], 0.1, 0.1, [str(i % classes) for i in owners])
    assert 50 <= found.count("validation") <= 150 and 50 <= found.count("test") <= 150
