"""Who is held out: whatever the order of the file, and so that every class that can be is in every split."""

from collections import Counter
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from attnlab.data.prep.coverage import missing_classes
from attnlab.data.prep.held_out import Division, divide_named, refuse_shared_groups
from attnlab.data.prep.splits import NAMES, TEST, TRAIN, VALIDATION, position, split_rows
from attnlab.errors import UserError
from attnlab.spec import Target

TENTHS = {"validation": 0.1, "test": 0.1}
examples = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 6)), min_size=1, max_size=60)
"""(owner, class)"""
fractions = st.fixed_dictionaries(
    {}, optional={"validation": st.floats(0.01, 0.45), "test": st.floats(0.01, 0.45)}
)


def divided(
    rows: list[tuple[object, object]], shares: dict[str, float], seed: int = 0, stratified: bool = True
) -> Division:
    owners, labels = [f"o{owner}" for owner, _ in rows], [f"c{label}" for _, label in rows]
    return divide_named(owners, labels, shares, seed, stratified)


@given(examples, fractions, st.integers(0, 3), st.booleans(), st.randoms())
def test_owners_stay_together_in_any_order_of_the_file(
    rows: list[tuple[int, int]], shares: dict[str, float], seed: int, stratified: bool, random: Random
) -> None:
    splits = divided(rows, shares, seed, stratified).splits
    of_owner = {owner: split for (owner, _), split in zip(rows, splits.tolist(), strict=True)}
    assert [of_owner[owner] for owner, _ in rows] == splits.tolist(), (
        "every example is in one split, copies in the same"
    )
    shuffled = random.sample(rows, len(rows))
    assert [of_owner[owner] for owner, _ in shuffled] == divided(
        shuffled, shares, seed, stratified
    ).splits.tolist()
    if len(of_owner) > len(shares):
        assert set(splits.tolist()) == {TRAIN, *(NAMES.index(name) for name in shares)}


@given(st.lists(st.integers(1, 9), min_size=2, max_size=12), fractions, st.integers(0, 3))
def test_each_class_with_enough_examples_is_in_each_split(
    sizes: list[int], shares: dict[str, float], seed: int
) -> None:
    rows = [(f"{label}-{i}", label) for label, size in enumerate(sizes) for i in range(size)]
    splits = divided(rows, shares, seed).splits.tolist()
    found = Counter((label, split) for (_, label), split in zip(rows, splits, strict=True))
    due = [TRAIN, *(NAMES.index(name) for name in shares)]
    for label, size in enumerate(sizes):
        if size >= len(due):
            assert all(found[label, split] for split in due)


def formerly(positions: NDArray, strata: NDArray, validation: float, test: float) -> NDArray:
    """The rule of earlier versions, as it stood."""
    owners, first, owner_of, sizes = np.unique(
        positions, return_index=True, return_inverse=True, return_counts=True
    )
    stratum = strata[first]
    order = np.argsort(stratum, kind="stable")
    bounds = np.flatnonzero(np.diff(stratum[order], prepend=-1, append=-1)).tolist()
    groups = [order[a:b] for a, b in pairwise(bounds)]

    def numbers(counts: list[NDArray], most: list[int], fraction: float) -> list[int]:
        if fraction == 0:
            return [0] * len(counts)
        wanted = np.array([fraction * examples[-1] for examples in counts])
        quotas = np.floor(wanted)
        missing = int(max(1, round(float(wanted.sum()))) - quotas.sum())
        ranking = np.lexsort((-wanted, quotas - wanted, np.array(most) <= quotas))
        quotas[ranking[: max(0, missing)]] += 1
        found, open_quota = [], 0.0
        for examples, quota, limit in zip(counts, quotas.tolist(), most, strict=True):
            open_quota += quota
            upto = np.concatenate([[0], examples[:limit]])
            found.append(int(np.abs(upto - open_quota).argmin()))
            open_quota -= int(upto[found[-1]])
        return found

    lowest = numbers([np.cumsum(sizes[g]) for g in groups], [len(g) - 1 for g in groups], validation)
    left = [len(g) - 1 - n for g, n in zip(groups, lowest, strict=True)]
    highest = numbers([np.cumsum(sizes[g[::-1]]) for g in groups], left, test)
    split = np.zeros(len(owners), dtype=np.int8)
    for group, low, high in zip(groups, lowest, highest, strict=True):
        split[group[:low]] = VALIDATION
        split[group[len(group) - high :]] = TEST
    return split[owner_of.reshape(-1)]


@settings(max_examples=50)
@given(
    st.lists(st.integers(30, 90), min_size=1, max_size=6, unique=True),
    st.floats(0.08, 0.3),
    st.floats(0.08, 0.3),
    st.randoms(),
)
def test_large_classes_are_divided_as_ever(
    sizes: list[int], validation: float, test: float, random: Random
) -> None:
    rows = [(f"{label}-{i}", label) for label, size in enumerate(sizes) for i in range(size)]
    random.shuffle(rows)
    division = divided(rows, {"validation": validation, "test": test})
    positions = np.array([position(f"o{owner}") for owner, _ in rows])
    strata = np.array([label for _, label in rows])
    before = formerly(positions, strata, validation, test)
    assert np.array_equal(split_rows(positions, strata, validation, test), before)
    if np.array_equal(division.splits, before):
        assert division.settings == {}
    else:  # which of two classes with equal claims to one example more gets it, no longer depends on their order
        assert division.settings and np.abs(np.bincount(division.splits) - np.bincount(before)).max() == 0
        assert (division.splits != before).sum() <= 2 * len(sizes)


def test_a_published_split_stays_as_it_was() -> None:
    rows = [(i, i % 10) for i in range(2700)]
    division = divided(rows, TENTHS)
    positions = np.array([position(f"o{i}") for i in range(2700)])
    assert np.array_equal(division.splits, formerly(positions, np.arange(2700) % 10, 0.1, 0.1))
    assert division == Division(division.splits)


def test_small_classes_are_validated_and_tested_all_of_them() -> None:
    rows = [(f"{label}-{i}", label) for label in range(40) for i in range(5)]
    division = divided(rows, TENTHS)
    assert np.bincount(division.splits).tolist() == [120, 40, 40]
    for split in (VALIDATION, TEST):
        assert len({label for (_, label), own in zip(rows, division.splits, strict=True) if own == split}) == 40
    part = (
        "the {} split has 40 of 200 examples, more than data.{}=0.1, so that each class with at least 3 different"
    )
    assert division.warnings == [f"{part.format(name, name)} examples is in it" for name in ("validation", "test")]
    assert division.settings, "a run that was begun before isn't continued with these"


def test_classes_of_two_are_either_validated_or_tested_whatever_their_place_in_the_file() -> None:
    rows = [(f"{label}-{i}", label) for label in range(40) for i in range(2)]
    splits = divided(rows, TENTHS).splits
    of = {
        split: {label for (_, label), own in zip(rows, splits, strict=True) if own == split} for split in range(3)
    }
    assert (
        of[TRAIN] == set(range(40)) and len(of[VALIDATION]) == len(of[TEST]) == 8 and not of[VALIDATION] & of[TEST]
    )
    assert of[VALIDATION] != set(range(8)) and of[VALIDATION] != {
        str(label) for label in sorted(map(str, range(40)))[:8]
    }


def test_the_largest_owner_of_a_small_class_stays_for_training() -> None:
    rows = [("big", 0)] * 50 + [("small", 0), ("tiny", 0)] + [(i, 1) for i in range(500)]
    found = dict(zip((owner for owner, _ in rows), divided(rows, TENTHS).splits.tolist(), strict=True))
    assert found["big"] == TRAIN and {found["small"], found["tiny"]} == {VALIDATION, TEST}


def test_groups_of_several_classes_cover_rare_ones() -> None:
    rows = [(group, label) for group in range(30) for label in ("a", "b") for _ in range(5)]
    rows += [(group, "rare") for group in (3, 11, 27)]
    for seed in range(5):
        splits = divided(rows, TENTHS, seed, stratified=False).splits
        assert {own for (_, label), own in zip(rows, splits.tolist(), strict=True) if label == "rare"} == {0, 1, 2}
        assert len({(group, own) for (group, _), own in zip(rows, splits.tolist(), strict=True)}) == 30


def test_missing_classes_are_named_once_for_each_split() -> None:
    target = Target("class", tuple("abcd"), (5, 5, 5, 0))
    counts = {"train": {"a": 5, "b": 5, "c": 5}, "validation": {"a": 1}, "test": {"a": 1, "c": 2}}
    assert missing_classes(target, counts) == [
        "2 of 3 classes have no example in the validation split: b, c",
        "1 of 3 classes has no example in the test split: b",
    ]
    many = Target("class", tuple(f"c{i}" for i in range(40)), (1,) * 40)
    (warning,) = missing_classes(many, {"test": {}})
    assert warning.startswith("40 of 40 classes have no example in the test split: c0, c1,") and warning.endswith(
        "c11, …"
    )


def test_a_group_in_two_given_splits_is_refused() -> None:
    refuse_shared_groups("author", {"train": ["Ann", "Bob"], "test": ["Cid"]})
    with pytest.raises(
        UserError,
        match=r"`data\.group=author`: `Bob` is in the train and in the test split .* set data\.group=null",
    ):
        refuse_shared_groups("author", {"train": ["Ann", "Bob"], "test": ["Cid", "Bob"]})
