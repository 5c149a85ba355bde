"""Folds: every example is tested once, folds are alike, and none is tested by a model that knows too much."""

from collections import Counter
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from attnlab.data.prep.crossval import Folding, FoldsInTime, NumberedFolds, OneGroupOut
from attnlab.data.prep.splits import LEFT_OUT, TEST, TRAIN, VALIDATION, Named, positions_of
from attnlab.errors import UserError


def numbered(number: int, owners: list[str], labels: list[str], seed: int = 0, group: str = "") -> NumberedFolds:
    return NumberedFolds(number, positions_of(owners, seed), Named.of(labels), group)


def one_out(
    groups: list[str], owners: list[str], validation: float, seed: int = 0, labels: list[str] | None = None
) -> OneGroupOut:
    classes = Named.of(labels or [""] * len(groups))
    return OneGroupOut("speaker", "speaker", Named.of(groups), positions_of(owners, seed), classes, validation)


def spread(folds: NumberedFolds, labels: list[str], label: str) -> list[int]:
    """How many examples with the label are in each fold."""
    counts = Counter(fold for fold, own in zip(folds.fold_of.tolist(), labels, strict=True) if own == label)
    return [counts[fold] for fold in range(folds.number)]


def once_tested(folding: Folding) -> list[int]:
    return [i for name in folding.names for i in np.flatnonzero(folding.splits(name) == TEST).tolist()]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=12, max_size=60), st.integers(3, 10), st.integers(0, 5))
def test_every_example_is_tested_once_and_labels_are_spread_evenly(
    labels: list[str], number: int, seed: int
) -> None:
    folds = numbered(number, [f"k{i}" for i in range(len(labels))], labels, seed)
    for label in set(labels):
        assert max(spread(folds, labels, label)) - min(spread(folds, labels, label)) <= 1
    assert sorted(once_tested(folds)) == list(range(len(labels)))
    for name in folds.names:
        counts = Counter(folds.splits(name).tolist())
        assert set(counts) == {TRAIN, VALIDATION, TEST}
    rare = any(labels.count(label) < number for label in set(labels))
    assert bool(folds.warnings()) == (rare and len(set(labels)) > 1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 15), st.sampled_from("aaab")), min_size=3, max_size=60),
    st.integers(3, 6),
    st.randoms(),
)
def test_a_group_is_in_one_fold_in_any_order_and_no_fold_is_empty(
    rows: list[tuple[int, str]], number: int, random: Random
) -> None:
    def folds_of(rows: list[tuple[int, str]]) -> NumberedFolds:
        return numbered(number, [f"g{group}" for group, _ in rows], [label for _, label in rows], group="author")

    if len({group for group, _ in rows}) < number:
        with pytest.raises(UserError, match=r"there are only \d+ different groups \(`data\.group=author`\)"):
            folds_of(rows)
        return
    folds = folds_of(rows)
    of_group = {group: fold for (group, _), fold in zip(rows, folds.fold_of.tolist(), strict=True)}
    assert [of_group[group] for group, _ in rows] == folds.fold_of.tolist()
    assert set(of_group.values()) == set(range(number))
    shuffled = random.sample(rows, len(rows))
    assert [of_group[group] for group, _ in shuffled] == folds_of(shuffled).fold_of.tolist()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from("aaabc")), min_size=10, max_size=60),
    st.integers(3, 10),
    st.integers(0, 5),
)
def test_sizes_differ_by_at_most_the_largest_set_of_equal_examples(
    owners: list[tuple[int, str]], number: int, seed: int
) -> None:
    """Of all examples, and of those of each class."""
    rows = [(f"k{i}", label) for i, (size, label) in enumerate(owners) for _ in range(size)]
    labels = [label for _, label in rows]
    folds = numbered(number, [owner for owner, _ in rows], labels, seed)
    sizes = [len(folds.splits(name)[folds.splits(name) == TEST]) for name in folds.names]
    assert sum(sizes) == len(rows) and min(sizes) > 0
    assert max(sizes) - min(sizes) <= max(size for size, _ in owners)
    for label in set(labels):
        counts = spread(folds, labels, label)
        assert max(counts) - min(counts) <= max(size for size, own in owners if own == label)


def test_only_folds_that_are_others_than_before_have_another_fingerprint() -> None:
    """Of ten different examples in five folds, the sixth goes to the first of them; where that one has 9 already, it doesn't."""
    keys = sorted((f"k{i}" for i in range(10)), key=lambda key: positions_of([key], 0)[0])
    different = numbered(5, keys, [""] * 10)
    assert different.fold_of.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    assert all(different.settings(name) == {} for name in different.names)
    with_copies = [keys[0]] * 9 + keys[1:]
    folds = numbered(5, with_copies, [""] * len(with_copies))
    assert [folds.settings(name) for name in folds.names] == [{"folds": "of even size"}] * 5
    assert all(numbered(5, with_copies, [""] * 18, group="author").settings(name) == {} for name in "01234")


def test_folds_of_groups_are_alike_in_classes_and_size() -> None:
    random = Random(0)
    rows = [(f"g{i}", label) for i in range(40) for label in random.choices("abbb", k=random.randint(1, 12))]
    labels = [label for _, label in rows]
    folds = numbered(5, [group for group, _ in rows], labels, group="author")
    for label in "ab":
        counts = spread(folds, labels, label)
        assert max(counts) - min(counts) <= 3, counts


def test_folds_are_fixed_by_their_seed_and_the_examples_not_their_order() -> None:
    keys, labels = [f"k{i}" for i in range(40)], ["ab"[i % 2] for i in range(40)]
    one = dict(zip(keys, numbered(4, keys, labels, 1).fold_of.tolist(), strict=True))
    back = dict(zip(keys[::-1], numbered(4, keys[::-1], labels[::-1], 1).fold_of.tolist(), strict=True))
    assert one == back
    assert one != dict(zip(keys, numbered(4, keys, labels, 2).fold_of.tolist(), strict=True))
    with pytest.raises(UserError, match=r"`data\.folds=50`: there are only 40 different examples"):
        numbered(50, keys, labels)


# --- one group out ------------------------------------------------------------------------------------


def test_somebody_validates_when_a_group_of_few_is_left_out() -> None:
    keys, groups = [f"k{i}" for i in range(12)], ["xyz"[i // 4] for i in range(12)]
    for seed in range(20):
        folding = one_out(groups, keys, 0.05, seed)
        assert sorted(once_tested(folding)) == list(range(12))
        assert all(0 < (folding.splits(name) == VALIDATION).sum() < 8 for name in folding.names)
    assert not (one_out(groups, keys, 0.0).splits("x") == VALIDATION).any()
    with pytest.raises(UserError, match=r"`data\.fold=x`: too few different examples beside x's"):
        one_out(["x", "y"], ["a", "b"], 0.1).splits("x")
    for wrong in (["x", "x"], ["x", ""]):
        with pytest.raises(
            UserError, match=r"`data\.folds=speaker`: every example needs a speaker, and there must be"
        ):
            one_out(wrong, ["a", "b"], 0.1)


def test_a_group_is_tested_by_a_model_that_never_saw_it() -> None:
    keys, groups = [f"k{i}" for i in range(60)], [f"g{i % 3}" for i in range(60)]
    splits = one_out(groups, keys, 0.2).splits("g1")
    assert [split == TEST for split in splits] == [group == "g1" for group in groups]
    assert 0 < (splits == VALIDATION).sum() < 20
    with pytest.raises(UserError, match=r"`data\.fold=g7`: no such fold; choose one of g0, g1, g2"):
        one_out(groups, keys, 0.2).splits("g7")


def test_a_held_out_share_doesnt_depend_on_who_else_is_there() -> None:
    keys = [f"k{i}" for i in range(2000)]
    splits = one_out(["a", *["b"] * 1999], keys, 0.2, seed=3).splits("a")
    assert (splits[1:] == VALIDATION).tolist() == [place < 0.2 for place in positions_of(keys[1:], 3)]
    assert 0.16 < (splits == VALIDATION).mean() < 0.24


def test_each_label_that_can_be_validates_when_a_group_is_left_out() -> None:
    owners = [f"k{i}" for i in range(60)]
    labels = ["rare" if i in (7, 8) else "often" for i in range(60)]
    groups = ["x" if i < 5 else "y" if i < 30 else "z" for i in range(60)]
    for seed in range(5):
        folding = one_out(groups, owners, 0.1, seed, labels)
        splits = folding.splits("x").tolist()
        assert {splits[7], splits[8]} == {TRAIN, VALIDATION} and splits.count(VALIDATION) >= 2
        alike = one_out(groups, owners, 0.1, seed)
        assert folding.settings("x") == (
            {} if splits == alike.splits("x").tolist() else {"held_out": "each class"}
        )
        assert alike.settings("x") == {}


# --- in time ------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=80), st.integers(2, 6), st.floats(0.0, 0.5), st.randoms())
def test_nothing_of_the_test_period_or_after_it_is_learned(
    times: list[int], number: int, validation: float, random: Random
) -> None:
    when = np.array(times, dtype=np.float64)
    least = number + (2 if validation else 1)
    if len(set(times)) < least:
        with pytest.raises(UserError, match=rf"only {len(set(times))} different times .* need at least {least}"):
            FoldsInTime(number, "date", when, validation)
        return
    folding = FoldsInTime(number, "date", when, validation)
    assert folding.names == [str(fold) for fold in range(number)]
    order = random.sample(range(len(times)), len(times))
    shuffled = FoldsInTime(number, "date", when[order], validation)
    ends = []
    for name in folding.names:
        splits = folding.splits(name)
        assert (shuffled.splits(name) == splits[order]).all()
        own = {split: when[splits == split] for split in (TRAIN, VALIDATION, TEST, LEFT_OUT)}
        assert len(own[TRAIN]) and len(own[TEST]) and bool(len(own[VALIDATION])) == bool(validation)
        ranges = [
            (own[split].min(), own[split].max())
            for split in (TRAIN, VALIDATION, TEST, LEFT_OUT)
            if len(own[split])
        ]
        assert all(before[1] < after[0] for before, after in pairwise(ranges))
        ends.append((own[TEST].min(), own[TEST].max()))
    assert all(before[1] < after[0] for before, after in pairwise(ends))
    assert ends[-1][1] == when.max(), "the last fold is tested on the newest examples"
    found = once_tested(folding)
    assert len(found) == len(set(found)), "nothing is tested twice"
    never = set(range(len(times))) - set(found)
    assert when[list(never)].max() < ends[0][0], "only what comes before all test periods is never tested"


@given(st.integers(8, 60), st.integers(2, 6))
def test_folds_of_different_times_are_those_of_scikit_learn(count: int, number: int) -> None:
    folding = FoldsInTime(number, "date", np.arange(count, dtype=np.float64), 0.2)
    for name, (past, test) in zip(folding.names, TimeSeriesSplit(number).split(np.arange(count)), strict=True):
        splits = folding.splits(name)
        assert np.flatnonzero(splits == TEST).tolist() == test.tolist()
        learned = np.flatnonzero((splits == TRAIN) | (splits == VALIDATION))
        assert learned.tolist() == past.tolist()
        assert abs((splits == VALIDATION).sum() - 0.2 * len(past)) <= 0.5 or (splits == VALIDATION).sum() == 1
