"""What reports compute equals what libraries, formulas by hand, or counting one by one give."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, confusion_matrix

from attnlab.lab.report.measures import (
    by_share,
    by_size,
    calibration,
    confusion,
    first_of_each,
    group_mean,
    mcnemar,
    wilson,
)

RANDOM = np.random.default_rng(0)


def test_calibration_equals_that_of_sklearn_and_the_formulas() -> None:
    probability = np.round(RANDOM.random(500), 2)
    right = RANDOM.random(500) < probability**2
    found = calibration(np.append(probability, np.nan), np.append(right, True))  # the last has no probability
    assert found is not None
    shares, means = calibration_curve(right, probability, n_bins=10)
    assert [b.right for b in found.bins] == pytest.approx(shares)
    assert [b.probability for b in found.bins] == pytest.approx(means)
    inside = [(probability > b.low if b.low else probability >= 0) & (probability <= b.high) for b in found.bins]
    assert [b.count for b in found.bins] == [i.sum() for i in inside] and found.count == 500
    ece = sum(
        i.sum() / 500 * abs(right[i].mean() - probability[i].mean()) for i in inside
    )  # Guo et al. 2017, eq. 3
    assert found.ece == pytest.approx(ece) and found.ece > 0.1
    assert found.brier == pytest.approx(brier_score_loss(right, probability))
    assert calibration(np.array([np.nan]), np.array([True])) is None


def test_the_interval_of_a_share_equals_that_of_scipy() -> None:
    for hits, count in ((0, 7), (7, 7), (3, 10), (480, 500)):
        expected = binomtest(hits, count).proportion_ci(method="wilson")
        assert wilson(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_few_classes_are_confused_as_sklearn_counts_them() -> None:
    labels = [f"c{i}" for i in range(6)]
    gold, predicted = RANDOM.integers(0, 5, 300), RANDOM.integers(0, 5, 300)  # class 5 never occurs
    found = confusion(gold, predicted, labels)
    order = [labels.index(name) for name in found.names]
    assert found.rest == 0 and sorted(found.names) == labels[:5]
    assert (found.counts == confusion_matrix(gold, predicted, labels=order)).all()
    assert (np.bincount(found.cells, minlength=25).reshape(5, 5) == found.counts).all()
    assert (np.diff(found.counts.sum(axis=1)) <= 0).all()


def test_of_many_classes_the_rest_is_put_together() -> None:
    labels = [f"c{i:02}" for i in range(30)]
    gold = np.repeat(np.arange(30), np.arange(30, 0, -1))
    predicted = np.where(RANDOM.random(len(gold)) < 0.5, gold, RANDOM.integers(0, 30, len(gold)))
    found = confusion(gold, predicted, labels)
    assert found.names == [*labels[:20], "10 other classes"] and found.counts.sum() == len(gold)
    assert found.counts[20].sum() == (gold >= 20).sum() and found.counts[:, 20].sum() == (predicted >= 20).sum()
    assert found.mistaken_rest == ((gold >= 20) & (predicted >= 20) & (gold != predicted)).sum() > 0


def test_mcnemar_is_the_exact_test_of_scipy() -> None:
    first, second = RANDOM.random(200) < 0.8, RANDOM.random(200) < 0.7
    found = mcnemar(first, second)
    assert (found.first, found.second) == ((first & ~second).sum(), (second & ~first).sum())
    assert found.p == binomtest(found.first, found.first + found.second, 0.5).pvalue < 1
    assert mcnemar(first, first).p == 1


def test_intervals_of_groups_reach_as_far_as_the_bootstrap() -> None:
    """Answers of one example are alike: intervals over answers would be far too narrow."""
    sizes = RANDOM.integers(1, 9, 400)
    example = np.repeat(np.arange(400), sizes)
    values = np.repeat(RANDOM.random(400) < 0.8, sizes).astype(float)
    found = group_mean("all", values, example)
    sums = np.bincount(example, values)
    drawn = RANDOM.integers(0, 400, (2000, 400))
    low, high = np.percentile(sums[drawn].sum(1) / sizes[drawn].sum(1), (2.5, 97.5))
    assert found.mean == pytest.approx(values.mean()) and (found.count, found.examples) == (len(values), 400)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)
    assert group_mean("same", np.ones(5), np.arange(5)).low is None


def test_every_answer_is_in_one_group() -> None:
    sizes, example = RANDOM.integers(1, 40, 300), np.repeat(np.arange(300), 2)
    values = sizes[example].astype(float)
    groups = by_size(sizes[example], values, example)
    assert 5 <= len(groups) <= 8 and sum(g.count for g in groups) == 600
    assert all(a.mean < b.mean for a, b in pairwise(groups))
    low, _, high = groups[0].name.partition("–")
    assert groups[0].count == 2 * ((sizes >= int(low)) & (sizes <= int(high))).sum()
    shares = by_share(np.array([0.0, 0.1, 0.11, 1.0]), np.arange(4.0), np.arange(4))
    assert [(g.name, g.mean) for g in shares] == [("none", 0), ("0–10 %", 1), ("10–20 %", 2), ("50–100 %", 3)]


def test_the_first_of_each_group_are_taken_in_order() -> None:
    group, order = np.array([0, 1, 0, 0, 1]), np.array([3, 4, 0, 1, 2])
    assert first_of_each(group, order, 2).tolist() == [3, 0, 4, 1]
