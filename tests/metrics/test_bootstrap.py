"""Intervals of scores: each resample's score is the metric's own, and intervals are as wide as formulas say."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab.metrics import Comparison, Metric, Undefined, bootstrap
from attnlab.metrics.bootstrap import RECOMPUTED, interval, intervals, paired
from attnlab.metrics.numbers import MeanAbsoluteError
from attnlab.registry import METRICS


@dataclass(frozen=True)
class Answer:
    value: Any
    probability: Any = None
    complete: bool = True


def metric(name: str) -> Metric:
    return METRICS.get(name, Metric)()


chances = st.sampled_from([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
labels, tags = st.sampled_from(["", "a", "b", "c"]), st.sampled_from(["", "O", "B-x", "I-x", "B-y"])
numbers = st.sampled_from([math.nan, -1.5, 0.0, 1.0, 7.0])
words = st.lists(st.sampled_from(["ein", "Mann", "der", "."]), max_size=6).map(" ".join)


def listed(answer: st.SearchStrategy[Any], other: st.SearchStrategy[Any], least: int = 0) -> Any:
    """Examples of right answers beside predicted ones: a list of each."""
    return st.lists(st.tuples(answer, other), min_size=least, max_size=4)


def of_lists(rows: list[list[tuple[Any, Any]]]) -> tuple[list[Any], list[Answer]]:
    return [[g for g, _ in row] for row in rows], [Answer([p for _, p in row]) for row in rows]


def of_questions(rows: list[list[tuple[int, float]]]) -> tuple[list[Any], list[Answer]]:
    predictions = [Answer([int(p > 0.5) for _, p in row], [p for _, p in row]) for row in rows]
    return [[g for g, _ in row] for row in rows], predictions


def of_two_classes(rows: list[tuple[str, float]]) -> tuple[list[Any], list[Answer]]:
    return [g for g, _ in rows], [Answer("a" if p > 0.5 else "b", max(p, 1 - p)) for _, p in rows]


def of_single(rows: list[tuple[Any, Any]]) -> tuple[list[Any], list[Answer]]:
    return [g for g, _ in rows], [Answer(p) for _, p in rows]


def rows_of(example: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(example, min_size=2, max_size=7)


CASES = {
    "class": rows_of(st.tuples(labels, st.sampled_from("abcd"))).map(of_single),
    "class, two": rows_of(st.tuples(st.sampled_from(["", "a", "b"]), chances)).map(of_two_classes),
    "vector_classes": rows_of(listed(labels, st.sampled_from("abcd"))).map(of_lists),
    "vector_classes, tags": rows_of(listed(tags, st.sampled_from(["O", "B-x", "I-x", "B-y"]))).map(of_lists),
    "classes": st.integers(1, 3)
    .flatmap(lambda n: rows_of(st.lists(st.tuples(st.integers(-1, 1), chances), min_size=n, max_size=n)))
    .map(of_questions),
    "number": rows_of(st.tuples(numbers, st.sampled_from([-1.0, 0.5, 3.0]))).map(of_single),
    "vector_numbers": rows_of(listed(numbers, st.sampled_from([-1.0, 0.5, 3.0]))).map(of_lists),
    "sequence": rows_of(st.tuples(words, words)).map(of_single),
}
NAMED = [(case, name) for case in CASES for name in METRICS if case.partition(",")[0] in metric(name).kinds]


@pytest.mark.filterwarnings("ignore:.*")  # scikit-learn's
@pytest.mark.parametrize("case, name", NAMED)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_score_of_counted_examples_is_that_of_the_examples(case: str, name: str, data: st.DataObject) -> None:
    gold, predictions = data.draw(CASES[case])
    kind, asked = case.partition(",")[0], metric(name)
    comparison = Comparison(kind, gold, predictions, ("B-x", "I-x", "B-y", "O") if "tags" in case else ())
    function = asked.of_counts(comparison)
    assert function is not None, "every metric of attnlab has one"
    drawn = [data.draw(st.lists(st.integers(0, len(gold) - 1), min_size=len(gold), max_size=len(gold)))]
    resamples = [list(range(len(gold))), sorted(drawn[0])]
    counts = np.array([np.bincount(rows, minlength=len(gold)) for rows in resamples], dtype=np.float64)
    if asked.value(comparison) is None:  # it does not apply to such answers
        return
    for rows, found in zip(resamples, function(counts), strict=True):
        expected = asked.value(comparison.of(rows))
        if isinstance(expected, float | int):
            assert found == pytest.approx(expected, abs=1e-9)
        elif not math.isnan(found):  # no test of a model, but a resample like any other
            assert isinstance(expected, Undefined)
            assert "whoever always predicts it" in expected.reason or "has a word" in expected.reason


def answers_right(right: int, wrong: int) -> Comparison:
    gold = ["a", "b"] * ((right + wrong) // 2)
    return Comparison("class", gold, [Answer(g if i < right else "c") for i, g in enumerate(gold)])


def test_an_interval_is_as_wide_as_the_normal_approximation_says() -> None:
    low, high = interval(metric("accuracy"), answers_right(320, 80)) or (0, 0)
    error = 1.96 * math.sqrt(0.8 * 0.2 / 400)
    assert low == pytest.approx(0.8 - error, abs=0.006) and high == pytest.approx(0.8 + error, abs=0.006)
    draws = np.random.default_rng(0).normal(size=900)
    errors = Comparison("number", [0.0] * 900, [Answer(x) for x in draws.tolist()])
    low, high = interval(metric("rmse"), errors) or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 / math.sqrt(2 * 900), rel=0.15)


def test_whole_examples_are_drawn() -> None:
    """A hundred sets whose twenty vectors are all right or all wrong are a hundred answers, not two thousand."""
    gold = [["a", "b"] * 10] * 100
    sets = Comparison("vector_classes", gold, [Answer(g if i < 80 else ["c"] * 20) for i, g in enumerate(gold)])
    low, high = interval(metric("accuracy"), sets) or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.8 * 0.2 / 100), rel=0.1)


def test_an_interval_depends_on_the_seed_alone_and_unknown_answers_change_nothing() -> None:
    comparison = answers_right(30, 20)
    once = interval(metric("macro_f1"), comparison)
    assert (
        once
        == interval(metric("macro_f1"), answers_right(30, 20))
        == intervals(["macro_f1"], comparison)["macro_f1"]
    )
    assert once != interval(metric("macro_f1"), comparison, seed=1)
    more = Comparison("class", [*comparison.gold, "", ""], [*comparison.predictions, Answer("a"), Answer("b")])
    assert interval(metric("macro_f1"), more) == once


def test_no_interval_of_one_example_or_of_no_score() -> None:
    assert interval(metric("mae"), Comparison("number", [1.0, math.nan], [Answer(2.0), Answer(0.0)])) is None
    assert intervals(["mae"], Comparison("number", [1.0], [Answer(2.0)])) == {}
    assert interval(metric("accuracy"), Comparison("class", ["a"] * 5, [Answer("a")] * 5)) is None
    assert interval(metric("r2"), Comparison("number", [1.0] * 5, [Answer(2.0)] * 5)) is None


def test_a_difference_of_two_models_is_that_of_the_same_resamples() -> None:
    """Both are wrong about the same hard examples: alone they vary more than the difference between them."""
    gold = [float(i) for i in range(200)]
    hard = [10.0 if i % 7 == 0 else 0.0 for i in range(200)]
    first = Comparison("number", gold, [Answer(g + h + 1) for g, h in zip(gold, hard, strict=True)])
    second = Comparison("number", gold, [Answer(g + h) for g, h in zip(gold, hard, strict=True)])
    found = paired(metric("mae"), first, second)
    assert found is not None and found.difference == pytest.approx(1.0)
    assert found.low == pytest.approx(1.0) and found.high == pytest.approx(1.0)
    alone = interval(metric("mae"), first) or (0, 0)
    assert alone[1] - alone[0] > 0.5
    back = paired(metric("mae"), second, first)
    assert back is not None and back.high == pytest.approx(-1.0)
    assert paired(metric("mae"), first, first) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="other examples"):
        paired(metric("mae"), first, Comparison("number", gold[::-1], first.predictions))


def test_a_metric_that_knows_no_counts_is_asked_again_for_each_resample() -> None:
    asked = []

    class Worst(MeanAbsoluteError):
        """The largest error."""

        def score(self, right: Any, predicted: Any) -> float:
            asked.append(len(right))
            return max(abs(r - p) for r, p in zip(right, predicted, strict=True))

        def of_counts(self, comparison: Comparison) -> None:
            return None

    comparison = Comparison("number", [0.0] * 20, [Answer(float(i)) for i in range(20)])
    low, high = interval(Worst(), comparison) or (0, 0)
    assert 14 < low < high == 19.0
    assert asked == [20] * (RECOMPUTED + 1)


def test_means_leave_out_what_is_unknown_and_agree_with_the_formula_for_large_samples() -> None:
    random = np.random.default_rng(0)
    numbers = np.stack([random.normal(3, 2, 4000), random.normal(0, 1, 4000), np.full(4000, np.nan)], axis=1)
    numbers[:3000, 1] = np.nan
    found = bootstrap.means(numbers)
    for column, size in ((0, 4000), (1, 1000)):
        known = numbers[:, column][np.isfinite(numbers[:, column])]
        assert found[0, column] == pytest.approx(known.mean())
        assert np.diff(found[1:, column])[0] == pytest.approx(2 * 1.96 * known.std() / size**0.5, rel=0.15)
    assert np.isnan(found[:, 2]).all()
    weighted = bootstrap.means(np.array([[1.0], [4.0]]), np.array([[3.0], [1.0]]))
    assert weighted[0, 0] == pytest.approx((3 + 4) / 4) and weighted[1, 0] >= 1 and weighted[2, 0] <= 4
