"""Spans that tags mark: as a table a person can check, against the four ways of writing them, and against seqeval."""

import itertools
from collections.abc import Callable

import pytest
import seqeval.metrics
from hypothesis import given
from hypothesis import strategies as st
from test_metrics import answers

from attnlab import metrics
from attnlab.errors import UserError
from attnlab.metrics import Tally
from attnlab.metrics.spans import Span, are_tags, may_follow, spans, types_with_ends, unfounded
from attnlab.targets import KINDS

NAMES = ("span_f1", "span_precision", "span_recall")

#        tags                      spans: type, first, last                     why
READ = [
    ("", []),
    ("O O", []),
    ("B-a I-a O", [("a", 0, 1)]),
    ("I-a I-a O", [("a", 0, 1)]),  # I- at the beginning
    ("O I-a I-a", [("a", 1, 2)]),  # I- after O; the sentence ends within the span
    ("B-a I-b I-b", [("a", 0, 0), ("b", 1, 2)]),  # the type changes within
    ("B-a B-a I-a", [("a", 0, 0), ("a", 1, 2)]),  # neighbours of one type
    ("B-a B-b", [("a", 0, 0), ("b", 1, 1)]),
    ("B-a-b I-a-b", [("a-b", 0, 1)]),  # a dash in the type
    ("B-a I-a-b", [("a", 0, 0), ("a-b", 1, 1)]),
    ("B-a I-a L-a U-b", [("a", 0, 2), ("b", 3, 3)]),  # BILOU
    ("B-a I-a E-a S-b", [("a", 0, 2), ("b", 3, 3)]),  # BIOES
    ("U-a U-a", [("a", 0, 0), ("a", 1, 1)]),
    ("L-a", [("a", 0, 0)]),  # an end without a beginning
    ("B-a L-a L-a", [("a", 0, 1), ("a", 2, 2)]),
    ("B-a L-a I-a", [("a", 0, 1), ("a", 2, 2)]),  # I- after an end
    ("U-a I-a L-a", [("a", 0, 0), ("a", 1, 2)]),
    ("B-a L-b", [("a", 0, 0), ("b", 1, 1)]),
    ("B-a O L-a", [("a", 0, 0), ("a", 2, 2)]),  # never ended
    ("B-a U-a", [("a", 0, 0), ("a", 1, 1)]),
    ("B-a NEW I-a", [("a", 0, 0), ("a", 2, 2)]),  # whatever is no tag is outside
]


@pytest.mark.parametrize(("tags", "expected"), READ)
def test_spans_by_hand(tags: str, expected: list[Span]) -> None:
    assert list(spans(tags.split())) == expected


def iob2(kind: str, length: int, before: str) -> list[str]:
    return [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]


def iob1(kind: str, length: int, before: str) -> list[str]:
    return [f"{'B' if before == kind else 'I'}-{kind}", *[f"I-{kind}"] * (length - 1)]


def bilou(kind: str, length: int, before: str) -> list[str]:
    return [f"U-{kind}"] if length == 1 else [f"B-{kind}", *[f"I-{kind}"] * (length - 2), f"L-{kind}"]


def bioes(kind: str, length: int, before: str) -> list[str]:
    return [tag.replace("U-", "S-").replace("L-", "E-") for tag in bilou(kind, length, before)]


@pytest.mark.parametrize("written", [iob2, iob1, bilou, bioes])
@given(parts=st.lists(st.tuples(st.sampled_from(["", "x", "y"]), st.integers(1, 4))))
def test_spans_are_read_as_they_were_written(
    written: Callable[[str, int, str], list[str]], parts: list[tuple[str, int]]
) -> None:
    """parts: of types and lengths; of no type is what lies outside."""
    tags, expected, before = list[str](), list[Span](), ""
    for kind, length in parts:
        if kind:
            expected.append((kind, len(tags), len(tags) + length - 1))
        tags += written(kind, length, before) if kind else ["O"] * length
        before = kind
    assert list(spans(tags)) == expected
    begun = sum(tags[first].startswith("B-") for _, first, _ in expected)
    assert unfounded(tags, "") == (len(expected) - begun if written is iob1 else 0)


@pytest.mark.parametrize(("written", "letters"), [(iob2, "BI"), (bilou, "BILU"), (bioes, "BIES")])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_valid_are_the_sequences_that_are_written_so(
    written: Callable[[str, int, str], list[str]], letters: str, length: int
) -> None:
    """Whoever reads the spans of a sequence and writes them again gets it back if it is valid."""
    classes = ["O", *(f"{letter}-{kind}" for kind in "xy" for letter in letters)]
    with_ends = types_with_ends(classes)
    for tags in itertools.product(classes, repeat=length):
        again = ["O"] * length
        for kind, first, last in spans(tags):
            again[first : last + 1] = written(kind, last + 1 - first, "")
        valid = all(may_follow(before, tag, with_ends) for before, tag in itertools.pairwise(["O", *tags, "O"]))
        assert valid == (list(tags) == again), tags


#         right                predicted            right, predicted, both: of a; of b
SCORED = [
    ("B-a I-a O B-b", "B-a I-a O B-b", (1, 1, 1), (1, 1, 1)),
    ("B-a I-a O B-b", "I-a I-a O I-b", (1, 1, 1), (1, 1, 1)),  # other tags, the same spans
    ("B-a I-a O B-b", "B-a O O B-b", (1, 1, 0), (1, 1, 1)),  # one vector too short
    ("B-a I-a O B-b", "B-b I-b O O", (1, 0, 0), (1, 1, 0)),  # of another type
    ("B-a I-a O B-b", "B-a B-a O B-b", (1, 2, 0), (1, 1, 1)),  # in two pieces
    ("B-a I-a / B-b", "B-a I-a / I-a", (1, 2, 1), (1, 0, 0)),  # nothing goes on in the next sentence
    ("B-a ? B-b", "B-a I-a B-b", (1, 1, 1), (1, 1, 1)),  # a vector that is not scored ends spans …
    ("B-b ? B-a", "B-b B-a I-a", (1, 1, 1), (1, 1, 1)),  # … and what is predicted of it counts for nothing
]


@pytest.mark.parametrize(("right", "predicted", "a", "b"), SCORED)
def test_scores_of_spans_by_hand(
    right: str, predicted: str, a: tuple[int, int, int], b: tuple[int, int, int]
) -> None:
    gold = [part.replace("?", "").split(" ") for part in right.split(" / ")]
    comparison = metrics.Comparison("vector_classes", gold, answers(*map(str.split, predicted.split(" / "))))
    measured = metrics.measure(NAMES, comparison)
    assert measured.spans == {"a": Tally(*a), "b": Tally(*b)}
    truth, found, both = map(sum, zip(a, b, strict=True))
    expected = {"span_f1": 2 * both / (truth + found), "span_precision": both / found, "span_recall": both / truth}
    assert measured.scores == pytest.approx(expected)


tagged = st.lists(st.sampled_from(["O", "B-a", "I-a", "E-a", "S-a", "B-b", "I-b", "E-b", "S-b"]), max_size=8)


@given(st.lists(tagged.flatmap(lambda tags: st.tuples(st.just(tags), st.permutations(tags))), max_size=4))
def test_scores_of_spans_are_seqevals(pairs: list[tuple[list[str], list[str]]]) -> None:
    right, predicted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    measured = metrics.measure(NAMES, metrics.Comparison("vector_classes", right, answers(*predicted), ("B-a",)))
    for name in measured.scores:
        function = getattr(seqeval.metrics, f"{name.removeprefix('span_')}_score")
        assert measured.scores[name] == pytest.approx(function(right, predicted, zero_division=0))


def test_without_spans_there_is_no_score() -> None:
    def undefined(gold: list[str], predicted: list[str], classes: tuple[str, ...] = ("B-a", "O")) -> set[str]:
        comparison = metrics.Comparison("vector_classes", [gold], answers(predicted), classes)
        measured = metrics.measure(NAMES, comparison)
        assert list(measured.undefined) == list(NAMES) and not measured.scores
        return set(measured.undefined.values())

    assert undefined(["O", "O"], ["O", "O"]) == {"there is no span, neither a right one nor a predicted one"}
    assert undefined(["", ""], ["B-a", "O"]) == {"no labels"}
    assert undefined(["B-a"], ["B-a"]) == {"the only label is `B-a`: whoever always predicts it is right"}
    (reason,) = undefined(["NOUN", "VERB"], ["NOUN", "NOUN"], ("NOUN", "VERB"))
    assert reason == "its classes are no tags of spans, such as B-PER, I-PER and O"
    for gold, predicted in ((["O", "O"], ["B-a", "O"]), (["B-a", "O"], ["O", "O"])):
        found = metrics.measure(
            NAMES, metrics.Comparison("vector_classes", [gold], answers(predicted), ("B-a", "O"))
        )
        assert found.scores == dict.fromkeys(NAMES, 0.0), "one side has a span"


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ("O B-a I-a", True),
        ("B-a", True),
        ("O B-a I-a L-a U-a", True),
        ("O B-a I-a E-a S-a", True),
        ("O I-a", False),
        ("O B-a NOUN", False),
        ("B I O", False),
        ("NOUN VERB", False),
        ("", False),
    ],
)
def test_which_classes_are_tags(classes: str, expected: bool) -> None:
    names = classes.split()
    assert are_tags(names) is expected
    assert set(NAMES).isdisjoint(KINDS["vector_classes"].usual_metrics(names)) is not expected
    assert set(NAMES).isdisjoint(KINDS["class"].usual_metrics(names)), "of a text as a whole"
    if not expected:
        with pytest.raises(
            UserError, match=r"`head\.metrics`: span_f1 does not score this target: its classes are no"
        ):
            metrics.chosen(["accuracy", "span_f1"], "vector_classes", names)


def test_tags_that_begin_a_span_without_saying_so() -> None:
    assert unfounded("I-a I-a O I-b B-b I-b I-a".split(), "") == 3
    assert unfounded(["", "I-a", "O", "I-a"], "") == 1, "behind a word that is not scored nothing is known"
