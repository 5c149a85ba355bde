"""Scores as tables a person can check, and against scikit-learn."""

import math
from dataclasses import dataclass
from typing import Any

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from attnlab import metrics


@dataclass
class Said:
    value: Any
    probability: Any = None
    complete: bool = True


def said(*values: Any) -> list[Said]:
    return [Said(value, 1.0) for value in values]


#        right     answered   accuracy  macro F1
CLASSES = [
    ("a b a b", "a b a b", 1.0, 1.0),
    ("a b a b", "b a b a", 0.0, 0.0),
    ("a a a b", "a a a a", 0.75, (6 / 7 + 0) / 2),
    ("a b c", "a b b", 2 / 3, (1 + 2 / 3 + 0) / 3),
    ("a a b", "a x b", 2 / 3, (2 / 3 + 1) / 2),  # x is no right class: it costs `a` a hit and has no F1 itself
    ("- a -", "b a a", 1.0, 1.0),  # - is not scored
]


@pytest.mark.parametrize("right, answered, accuracy, macro_f1", CLASSES)
def test_accuracy_and_macro_f1(right: str, answered: str, accuracy: float, macro_f1: float) -> None:
    gold = [label.replace("-", "") for label in right.split()]
    for scores in (
        metrics.one_class(gold, said(*answered.split()), {}).scores,
        metrics.vector_classes([gold], said(answered.split()), {}).scores,
    ):
        assert scores["accuracy"] == pytest.approx(accuracy) and scores["macro_f1"] == pytest.approx(macro_f1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_macro_f1_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    right, answered = [g for g, _ in pairs], [p for _, p in pairs]
    expected = f1_score(right, answered, average="macro", labels=sorted(set(right)), zero_division=0)
    assert metrics.one_class(right, said(*answered), {}).scores["macro_f1"] == pytest.approx(expected)


def test_pairs_are_the_confusion_matrix() -> None:
    pairs = metrics.one_class(["a", "a", "b", ""], said("a", "b", "b", "a"), {}).pairs
    assert pairs == {("a", "a"): 1, ("a", "b"): 1, ("b", "b"): 1}
    assert metrics.confusions({("a", "b"): 2, ("b", "a"): 5, ("a", "a"): 9}) == [("b", "a", 5), ("a", "b", 2)]


@given(st.lists(st.tuples(st.integers(-1, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=1))
def test_roc_auc_counts_pairs_in_the_right_order(pairs: list[tuple[int, float]]) -> None:
    yes, no = [c for t, c in pairs if t == 1], [c for t, c in pairs if t == 0]
    found = metrics.roc_auc([t for t, _ in pairs], [c for _, c in pairs])
    if not yes or not no:
        assert found is None
    else:
        expected = sum((y > n) + 0.5 * (y == n) for y in yes for n in no) / (len(yes) * len(no))
        assert found == pytest.approx(expected)


def test_of_two_classes_the_area_uses_the_answers_probability() -> None:
    # chances of `bad`: 0.9 0.4 0.6 0.2, so one of four (bad, good) pairs is in the wrong order
    answers = [Said("bad", 0.9), Said("good", 0.6), Said("bad", 0.6), Said("good", 0.8)]
    assert metrics.one_class(["bad", "bad", "good", "good"], answers, {}).scores["roc_auc"] == 0.75


def test_no_area_where_the_model_knows_more_than_two_classes() -> None:
    answers = [Said("a", 0.4), Said("b", 0.5), Said("c", 0.6)]
    assert "roc_auc" not in metrics.one_class(["a", "b", "a"], answers, {}).scores
    # The third one may be neither right nor answered: the two probabilities still don't add up to 1.
    assert "roc_auc" in metrics.one_class(["a", "b"], answers[:2], {}, ("a", "b")).scores
    assert "roc_auc" not in metrics.one_class(["a", "b"], answers[:2], {}, ("a", "b", "c")).scores


def test_where_nothing_is_scored_there_is_no_score() -> None:
    assert (
        metrics.one_class([""], said("a"), {}).scores
        == {}
        == metrics.vector_classes([[""]], said(["a"]), {}).scores
    )
    assert (
        metrics.number([math.nan], said(0.0), {}).scores
        == {}
        == metrics.several_yes_no([[-1]], [Said([1], [0.9])], {}).scores
    )


def test_several_yes_no_leaves_unknowns_out() -> None:
    gold = [[1, -1], [0, 1], [-1, 0]]
    answers = [Said([1, 1], [0.9, 0.9]), Said([1, 1], [0.6, 0.7]), Said([0, 1], [0.1, 0.8])]
    measured = metrics.several_yes_no(gold, answers, {}).scores
    assert measured["accuracy"] == 2 / 4
    assert measured["roc_auc"] == (1.0 + 0.0) / 2


def test_mean_absolute_error_leaves_gaps_out() -> None:
    assert metrics.number([1.0, math.nan, 4.0], said(2.0, 9.0, 4.0), {}).scores == {"mae": 0.5}
    assert metrics.vector_numbers([[1.0, math.nan], [4.0]], said([2.0, 9.0], [4.0]), {}).scores == {"mae": 0.5}


def test_marked_vectors_are_scored_apart() -> None:
    slices = {"far": [[True, False], [False, True]], "none": [[False, False], [False, False]]}
    scores = metrics.vector_classes([["a", "b"], ["a", "b"]], said(["a", "a"], ["a", "a"]), slices).scores
    assert scores["accuracy/far"] == 0.5 and "accuracy/none" not in scores


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


def test_edits_by_hand() -> None:
    """In one call: pairs of different lengths are filled up and must not see the filling."""
    assert metrics.edits([a for a, _, _ in EDITS], [b for _, b, _ in EDITS]) == [n for _, _, n in EDITS]


def plain_edits(a: str, b: str) -> int:
    """The textbook's recursion, one cell after the other."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@given(st.lists(st.tuples(st.text("abc ", max_size=9), st.text("abc ", max_size=9)), max_size=12))
def test_edits_are_the_textbooks(pairs: list[tuple[str, str]]) -> None:
    expected = [plain_edits(a, b) for a, b in pairs]
    assert metrics.edits([a for a, _ in pairs], [b for _, b in pairs]) == expected
    assert metrics.edits([b for _, b in pairs], [a for a, _ in pairs]) == expected, "edits go both ways"


#          right             answered         exact  wer      cer     length
TEXTS = [
    (["a b c d"], ["a b c d"], 1.0, 0.0, 0.0, 1.0),
    (["a b c d"], ["a x c"], 0.0, 2 / 4, 3 / 7, 3 / 4),
    (["a b c d", "a b"], ["a b c d", ""], 0.5, 2 / 6, 3 / 10, 4 / 6),
    (["a b"], ["a  b\n"], 1.0, 0.0, 0.0, 1.0),  # runs of white space are one space
    (["a b"], ["a b c c c"], 0.0, 3 / 2, 6 / 3, 5 / 2),  # more can be wrong than there is
    (["Männer"], ["Ma\u0308nner"], 1.0, 0.0, 0.0, 1.0),  # the same letter, written in two ways
    (["Ja!"], ["ja!"], 0.0, 1.0, 1 / 3, 1.0),
]


@pytest.mark.parametrize("right, answered, exact, wer, cer, length", TEXTS)
def test_texts(right: list[str], answered: list[str], exact: float, wer: float, cer: float, length: float) -> None:
    scores = metrics.sequence(right, said(*answered), {}).scores
    found = (scores["exact_match"], scores["wer"], scores["cer"], scores["length_ratio"])
    assert found == pytest.approx((exact, wer, cer, length))


def test_bleu_and_chrf_are_sacrebleus() -> None:
    right = [
        "Ein Mann schläft im Garten.",
        "Zwei Hunde, die spielen, laufen ins Haus.",
        "Sie liest ein gutes Buch!",
    ]
    answered = [
        "Ein Mann schläft in dem Garten.",
        "zwei Hunde spielen und laufen ins Haus.",
        "Sie liest ein Buch!",
    ]
    scores = metrics.sequence(right, said(*answered), {}).scores
    assert scores["bleu"] == sacrebleu.corpus_bleu(answered, [right]).score
    assert scores["bleu_lower"] == sacrebleu.corpus_bleu(answered, [right], lowercase=True).score > scores["bleu"]
    assert scores["chrf"] == sacrebleu.corpus_chrf(answered, [right]).score
    perfect = metrics.sequence(right, said(*right), {}).scores
    assert perfect["bleu"] == pytest.approx(100) and perfect["chrf"] == pytest.approx(100)


def test_the_signature_says_how_bleu_is_computed() -> None:
    assert (
        metrics.bleu_signature() == f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    )
    assert "case:lc" in metrics.bleu_signature(lower=True)


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
