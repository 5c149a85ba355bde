"""Scores as tables a person can check, and against scikit-learn."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
import sacrebleu
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from attnlab import metrics
from attnlab.errors import UserError
from attnlab.metrics import text
from attnlab.registry import METRICS
from attnlab.targets import KINDS


@dataclass
class Answer:
    value: Any
    probability: Any = None
    complete: bool = True


def answers(*values: Any) -> list[Answer]:
    return [Answer(value, 1.0) for value in values]


def scores(
    kind: str, gold: Any, predictions: list[Answer], slices: Any = None, names: Any = None, classes: Any = ()
):
    """By the metrics that are usual for the kind of target, or by those of these names."""
    comparison = metrics.Comparison(kind, gold, predictions, classes)
    return metrics.measure(names or KINDS[kind].metrics, comparison, slices).scores


#        right     predicted  accuracy  macro F1
CLASSES = [
    ("a b a b", "a b a b", 1.0, 1.0),
    ("a b a b", "b a b a", 0.0, 0.0),
    ("a a a b", "a a a a", 0.75, (6 / 7 + 0) / 2),
    ("a b c", "a b b", 2 / 3, (1 + 2 / 3 + 0) / 3),
    ("a a b", "a x b", 2 / 3, (2 / 3 + 1 + 0) / 3),  # x is no right class: it costs `a` a hit, and its own F1 is 0
    ("a a a", "a a x", 2 / 3, (4 / 5 + 0) / 2),
    ("- a b", "b a b", 1.0, 1.0),  # - is not scored
]


@pytest.mark.parametrize("right, predicted, accuracy, macro_f1", CLASSES)
def test_accuracy_and_macro_f1(right: str, predicted: str, accuracy: float, macro_f1: float) -> None:
    gold = [label.replace("-", "") for label in right.split()]
    for found in (
        scores("class", gold, answers(*predicted.split())),
        scores("vector_classes", [gold], answers(predicted.split())),
    ):
        assert found["accuracy"] == pytest.approx(accuracy) and found["macro_f1"] == pytest.approx(macro_f1)


SCIKIT = {
    "accuracy": sklearn_metrics.accuracy_score,
    "macro_f1": lambda g, p: sklearn_metrics.f1_score(g, p, average="macro"),
    "macro_precision": lambda g, p: sklearn_metrics.precision_score(g, p, average="macro", zero_division=0),
    "weighted_f1": lambda g, p: sklearn_metrics.f1_score(g, p, average="weighted"),
    "balanced_accuracy": sklearn_metrics.balanced_accuracy_score,
    "matthews": sklearn_metrics.matthews_corrcoef,
}


@pytest.mark.filterwarnings("ignore:.*")  # scikit-learn's, of classes that are only predicted
@pytest.mark.parametrize("name", SCIKIT)
@given(pairs=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1))
def test_scores_of_counts_are_scikit_learns_of_lists(name: str, pairs: list[tuple[str, str]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    for kind, right, found in (
        ("class", gold, answers(*predicted)),
        ("vector_classes", [gold], answers(predicted)),
    ):
        measured = metrics.measure([name], metrics.Comparison(kind, right, found))
        if len({*gold, *predicted}) == 1:  # a score of 1 there is nobody's merit
            assert measured.scores == {} and f"`{gold[0]}`" in measured.undefined[name]
        else:
            assert measured.scores[name] == pytest.approx(SCIKIT[name](gold, predicted))


@pytest.mark.filterwarnings("ignore:.*")
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1))
def test_what_each_class_comes_to_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    names = sorted({*gold, *predicted})
    expected = sklearn_metrics.precision_recall_fscore_support(gold, predicted, labels=names, zero_division=0)
    comparison = metrics.Comparison("vector_classes", [["", *gold]], answers(["d", *predicted]))
    classes = metrics.measure([], comparison).classes
    assert list(classes) == names
    found = [(t.precision, t.recall, t.f1, t.right) for t in classes.values()]
    assert found == [pytest.approx(row) for row in zip(*expected, strict=True)]


def test_classes_that_are_only_predicted_count_as_scikit_learn_counts_them() -> None:
    found = scores("class", ["pos"] * 21, answers(*["pos"] * 13, *["neg"] * 8))
    assert found["macro_f1"] == pytest.approx(13 / 34) and round(found["macro_f1"], 4) == 0.3824
    assert found["accuracy"] == 13 / 21


chances = st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.9, 1.0])
rows = st.integers(1, 4).flatmap(
    lambda n: st.lists(
        st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 1)), min_size=n, max_size=n), min_size=1
    )
)


@given(rows)
def test_f1_of_questions_is_scikit_learns_where_somebody_says_yes(table: list[list[tuple[int, int]]]) -> None:
    gold, predicted = ([[pair[i] for pair in row] for row in table] for i in (0, 1))
    comparison = metrics.Comparison("classes", gold, answers(*predicted))
    measured = metrics.measure(["macro_f1", "micro_f1", "accuracy"], comparison)
    known = [[pair for pair in column if pair[0] >= 0] for column in zip(*table, strict=True)]
    expected = [
        sklearn_metrics.f1_score(*zip(*column, strict=True), zero_division=0)
        for column in known
        if any(1 in pair for pair in column)
    ]
    if all(len({answer for pair in column for answer in pair}) < 2 for column in known):
        assert measured.scores == {} and set(measured.undefined) == {"macro_f1", "micro_f1", "accuracy"}
        return
    flat = [pair for column in known for pair in column]
    assert measured.scores["accuracy"] == sum(g == p for g, p in flat) / len(flat)
    assert measured.scores["macro_f1"] == pytest.approx(sum(expected) / len(expected))
    assert measured.scores["micro_f1"] == pytest.approx(sklearn_metrics.f1_score(*zip(*flat, strict=True)))


@given(rows)
def test_what_yes_comes_to_for_each_question_is_scikit_learns(table: list[list[tuple[int, int]]]) -> None:
    gold, predicted = ([[pair[i] for pair in row] for row in table] for i in (0, 1))
    names = [f"question {i}" for i in range(len(table[0]))]
    measured = metrics.measure([], metrics.Comparison("classes", gold, answers(*predicted), names))
    assert list(measured.questions) == names and measured.classes == {}
    for tally, column in zip(measured.questions.values(), zip(*table, strict=True), strict=True):
        known = [(g, p) for g, p in column if g >= 0] or [(0, 0)]
        expected = sklearn_metrics.precision_recall_fscore_support(
            *zip(*known, strict=True), labels=[1], zero_division=0
        )
        assert (tally.precision, tally.recall, tally.f1, tally.right) == pytest.approx(
            tuple(float(part[0]) for part in expected)
        )


@given(
    st.lists(st.tuples(*[st.integers(0, 1), st.integers(0, 1), chances, chances]), min_size=1).map(
        lambda rows: [(0, 1, 0.5, 0.5), (1, 0, 0.5, 0.5), *rows]
    )
)
def test_average_precision_of_questions_is_scikit_learns_macro_mean(
    rows: list[tuple[int, int, float, float]],
) -> None:
    gold, probabilities = [[a, b] for a, b, _, _ in rows], [[p, q] for _, _, p, q in rows]
    predictions = [Answer([int(p > 0.5) for p in row], row) for row in probabilities]
    found = scores("classes", gold, predictions, names=["average_precision", "roc_auc"])
    expected = sklearn_metrics.average_precision_score(gold, probabilities, average="macro")
    assert found["average_precision"] == pytest.approx(expected)
    assert found["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(gold, probabilities, average="macro"))


numbers = st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=1)


@given(numbers)
def test_scores_of_numbers_are_those_of_scikit_learn_and_scipy(pairs: list[tuple[int, int]]) -> None:
    right, predicted = [float(r) for r, _ in pairs], [float(p) for _, p in pairs]
    comparison = metrics.Comparison("number", right, answers(*predicted))
    measured = metrics.measure(["mae", "rmse", "r2", "spearman"], comparison)
    assert measured.scores["mae"] == pytest.approx(sklearn_metrics.mean_absolute_error(right, predicted))
    assert measured.scores["rmse"] == pytest.approx(sklearn_metrics.root_mean_squared_error(right, predicted))
    varied = len(set(right)) > 1
    assert ("r2" in measured.scores) == varied and ("r2" in measured.undefined) == (not varied)
    if varied:
        assert measured.scores["r2"] == pytest.approx(sklearn_metrics.r2_score(right, predicted))
    if varied and len(set(predicted)) > 1:
        assert measured.scores["spearman"] == pytest.approx(scipy.stats.spearmanr(right, predicted).statistic)
    else:
        assert "spearman" in measured.undefined


@given(st.lists(st.tuples(*[st.sampled_from(["", "a", "a b", "b c d e"])] * 2), max_size=5))
def test_scores_of_texts_are_sacrebleus_where_there_are_words(pairs: list[tuple[str, str]]) -> None:
    right, predicted = [r for r, _ in pairs], [p for _, p in pairs]
    names = ["bleu", "chrf", "ter", "wer", "cer", "exact_match", "length_ratio", "cut"]
    measured = metrics.measure(names, metrics.Comparison("sequence", right, answers(*predicted)))
    if not any(right):
        assert measured.scores == {} and list(measured.undefined) == names
        return
    if len(right) > 1 and len({*right, *predicted}) == 1:
        assert measured.scores == {} and "all" in measured.undefined["exact_match"]
        return
    assert measured.undefined == {}
    for name, metric in (("bleu", sacrebleu.BLEU()), ("chrf", sacrebleu.CHRF()), ("ter", sacrebleu.metrics.TER())):
        assert measured.scores[name] == pytest.approx(metric.corpus_score(predicted, [right]).score)
    assert measured.scores["exact_match"] == sum(r == p for r, p in pairs) / len(pairs)


def test_a_slice_without_a_scored_vector_says_so() -> None:
    comparison = metrics.Comparison("vector_classes", [["a", "b"], ["a"]], answers(["a", "a"], ["a"]))
    slices = {
        "none": [[False, False], [False]],
        "second": [[False, True], [False]],
        "first": [[True, False], [True]],
    }
    measured = metrics.measure(["accuracy"], comparison, slices)
    assert measured.scores == {"accuracy": 2 / 3, "accuracy/second": 0.0}
    assert measured.undefined == {
        "accuracy/none": "no labelled vector is none",
        "accuracy/first": "all 2 labels are `a`: whoever always predicts it is right",
    }


def test_a_score_that_is_no_number_is_no_score() -> None:
    measured = metrics.measure(["mae"], metrics.Comparison("number", [1.0], answers(math.inf)))
    assert measured == metrics.Measured({}, {"mae": "it is inf"})


def test_the_confusion_counts_pairs_that_are_scored() -> None:
    comparison = metrics.Comparison("class", ["a", "a", "b", ""], answers("a", "b", "b", "a"))
    assert metrics.measure(["accuracy"], comparison).confusion == {("a", "a"): 1, ("a", "b"): 1, ("b", "b"): 1}
    assert metrics.most_confused({("a", "b"): 2, ("b", "a"): 5, ("a", "a"): 9}) == [("b", "a", 5), ("a", "b", 2)]


@given(st.lists(st.tuples(st.integers(-1, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=1))
def test_roc_auc_counts_pairs_in_the_right_order(pairs: list[tuple[int, float]]) -> None:
    yes, no = [p for t, p in pairs if t == 1], [p for t, p in pairs if t == 0]
    found = scores("classes", [[t] for t, _ in pairs], [Answer([int(p > 0.5)], [p]) for _, p in pairs])
    if not yes or not no:
        assert "roc_auc" not in found
    else:
        expected = sum((y > n) + 0.5 * (y == n) for y in yes for n in no) / (len(yes) * len(no))
        assert found["roc_auc"] == pytest.approx(expected)


def test_of_two_classes_the_area_uses_the_probability_of_the_predicted_one() -> None:
    # probabilities of `bad`: 0.9 0.4 0.6 0.2, so one of four (bad, good) pairs is in the wrong order
    predictions = [Answer("bad", 0.9), Answer("good", 0.6), Answer("bad", 0.6), Answer("good", 0.8)]
    assert scores("class", ["bad", "bad", "good", "good"], predictions)["roc_auc"] == 0.75


def test_no_area_where_the_model_knows_more_than_two_classes() -> None:
    predictions = [Answer("a", 0.4), Answer("b", 0.5), Answer("c", 0.6)]
    assert "roc_auc" not in scores("class", ["a", "b", "a"], predictions)
    # The third one may be neither right nor predicted: the two probabilities still don't add up to 1.
    assert "roc_auc" in scores("class", ["a", "b"], predictions[:2], classes=("a", "b"))
    assert "roc_auc" not in scores("class", ["a", "b"], predictions[:2], classes=("a", "b", "c"))


def test_no_area_where_a_prediction_has_no_probability() -> None:
    found = scores("class", ["a", "b"], [Answer("a"), Answer("a")])
    assert found["accuracy"] == 0.5 and "roc_auc" not in found


def test_where_nothing_is_scored_there_is_no_score() -> None:
    nothing = {
        "class": ([""], answers("a")),
        "vector_classes": ([[""]], answers(["a"])),
        "number": ([math.nan], answers(0.0)),
        "classes": ([[-1]], [Answer([1], [0.9])]),
    }
    for kind, (gold, predictions) in nothing.items():
        fitting = [name for name in METRICS if kind in METRICS.get(name, metrics.Metric).kinds]
        assert scores(kind, gold, predictions, names=fitting) == {}


def test_unknown_answers_to_questions_are_left_out() -> None:
    gold = [[1, -1], [0, 1], [-1, 0]]
    predictions = [Answer([1, 1], [0.9, 0.9]), Answer([1, 1], [0.6, 0.7]), Answer([0, 1], [0.1, 0.8])]
    found = scores("classes", gold, predictions, names=["accuracy", "roc_auc", "micro_f1", "macro_f1"])
    assert found["accuracy"] == 2 / 4
    assert found["roc_auc"] == (1.0 + 0.0) / 2
    assert found["micro_f1"] == 2 * 2 / (2 * 2 + 2)  # two yes are right, two answers are wrongly yes
    assert found["macro_f1"] == 2 / 3


def test_average_precision_is_scikit_learns() -> None:
    gold, probabilities = [[1], [0], [1], [-1]], [0.9, 0.8, 0.3, 0.5]
    found = scores("classes", gold, [Answer([1], [p]) for p in probabilities], names=["average_precision"])
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)


def test_errors_of_numbers_leave_gaps_out() -> None:
    expected = {"mae": 0.5, "rmse": math.sqrt(0.5), "r2": 1 - 1 / 4.5}
    assert scores("number", [1.0, math.nan, 4.0], answers(2.0, 9.0, 4.0)) == expected
    assert scores("vector_numbers", [[1.0, math.nan], [4.0]], answers([2.0, 9.0], [4.0])) == expected
    found = scores("number", [1.0, math.nan, 5.0], answers(2.0, 9.0, 4.0), names=["rmse", "r2", "spearman"])
    assert found == {"rmse": 1.0, "r2": 1 - 2 / 8, "spearman": pytest.approx(1.0)}
    assert scores("number", [1.0], answers(2.0), names=["r2", "spearman"]) == {}, "of one number nothing varies"


def test_marked_vectors_are_scored_apart() -> None:
    slices = {"far": [[True, False], [False, True]], "none": [[False, False], [False, False]]}
    found = scores("vector_classes", [["a", "b"], ["a", "b"]], answers(["a", "a"], ["a", "a"]), slices)
    assert found["accuracy/far"] == 0.5 and "accuracy/none" not in found


def test_a_metric_of_another_kind_is_refused_with_those_that_fit() -> None:
    assert metrics.chosen(["rmse"], "number") == ["rmse"]
    with pytest.raises(UserError, match=r"`head.metrics`: bleu does not score .* `number`; choose from mae, rmse"):
        metrics.chosen(["bleu"], "number")
    with pytest.raises(UserError, match="metric `acuracy`: no such metric; did you mean `accuracy`"):
        metrics.chosen(["acuracy"], "class")


#          this       that      edits
EDITS = [
    ("", "", 0),
    ("", "abc", 3),
    ("abc", "", 3),
    ("kitten", "sitting", 3),
    ("flaw", "lawn", 2),
    ("abc", "cab", 2),
    ("Männer", "Manner", 1),
]


def test_edit_distances_by_hand() -> None:
    """In one call: pairs of different lengths are padded, which changes nothing."""
    assert text.edit_distances([a for a, _, _ in EDITS], [b for _, b, _ in EDITS]) == [n for _, _, n in EDITS]


def plain_edits(a: str, b: str) -> int:
    """The textbook's recursion, one cell after the other."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@given(st.lists(st.tuples(st.text("abc ", max_size=9), st.text("abc ", max_size=9)), max_size=12))
def test_edit_distances_are_the_textbooks(pairs: list[tuple[str, str]]) -> None:
    expected = [plain_edits(a, b) for a, b in pairs]
    assert text.edit_distances([a for a, _ in pairs], [b for _, b in pairs]) == expected
    assert text.edit_distances([b for _, b in pairs], [a for a, _ in pairs]) == expected, "edits go both ways"


#          right             predicted        exact  wer      cer     length
TEXTS = [
    (["a b c d"], ["a b c d"], 1.0, 0.0, 0.0, 1.0),
    (["a b c d"], ["a x c"], 0.0, 2 / 4, 3 / 7, 3 / 4),
    (["a b c d", "a b"], ["a b c d", ""], 0.5, 2 / 6, 3 / 10, 4 / 6),
    (["a b"], ["a  b\n"], 1.0, 0.0, 0.0, 1.0),  # runs of white space are one space
    (["a b"], ["a b c c c"], 0.0, 3 / 2, 6 / 3, 5 / 2),  # more can be wrong than there is
    (["Männer"], ["Ma\u0308nner"], 1.0, 0.0, 0.0, 1.0),  # the same letter, written in two ways
    (["Ja!"], ["ja!"], 0.0, 1.0, 1 / 3, 1.0),
]


@pytest.mark.parametrize("right, predicted, exact, wer, cer, length", TEXTS)
def test_texts(
    right: list[str], predicted: list[str], exact: float, wer: float, cer: float, length: float
) -> None:
    found = scores("sequence", right, answers(*predicted))
    assert (found["exact_match"], found["wer"], found["cer"], found["length_ratio"]) == pytest.approx(
        (exact, wer, cer, length)
    )


def test_bleu_and_chrf_are_sacrebleus() -> None:
    right = [
        "Ein Mann schläft im Garten.",
        "Zwei Hunde, die spielen, laufen ins Haus.",
        "Sie liest ein gutes Buch!",
    ]
    predicted = [
        "Ein Mann schläft in dem Garten.",
        "zwei Hunde spielen und laufen ins Haus.",
        "Sie liest ein Buch!",
    ]
    found = scores("sequence", right, answers(*predicted), names=[*KINDS["sequence"].metrics, "ter"])
    assert found["bleu"] == sacrebleu.corpus_bleu(predicted, [right]).score
    assert found["bleu_lower"] == sacrebleu.corpus_bleu(predicted, [right], lowercase=True).score > found["bleu"]
    assert found["chrf"] == sacrebleu.corpus_chrf(predicted, [right]).score
    assert found["ter"] == sacrebleu.corpus_ter(predicted, [right]).score
    perfect = scores("sequence", right, answers(*right))
    assert perfect["bleu"] == pytest.approx(100) and perfect["chrf"] == pytest.approx(100)


def test_the_signature_says_how_bleu_is_computed() -> None:
    assert text.bleu_signature() == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    assert "case:lc" in text.bleu_signature(lower=True)


#          score  best  name        better?
BETTER = [
    (0.5, None, "accuracy", True),
    (0.5, 0.4, "accuracy", True),
    (0.4, 0.4, "accuracy", False),
    (0.5, 0.4, "loss", False),
    (0.3, 0.4, "mae", True),
    (0.1, 0.2, "wer", True),
    (30.0, 20.0, "bleu", True),
    (0.5, 0.1, "cut", False),
    (float("nan"), None, "accuracy", False),
    (0.1, 0.2, "cut", True),
]


@pytest.mark.parametrize("score, best, name, expected", BETTER)
def test_what_counts_as_better(score: float, best: float | None, name: str, expected: bool) -> None:
    assert metrics.better(score, best, name) is expected
