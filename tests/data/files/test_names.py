"""Names of classes, and what is told of rows that were left out."""

import pytest

from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.names import class_name, noted_class_name


@pytest.mark.parametrize(
    "spelling", ["\u00e9t\u00e9", "e\u0301te\u0301", " \u00e9te\u0301\u00a0", "\u00e9t\u00e9\u3000"]
)
def test_spellings_of_a_class_are_one(spelling: str) -> None:
    assert class_name(spelling) == "\u00e9t\u00e9"


def test_a_name_that_changes_is_told() -> None:
    bad = BadRows(skip=False)
    assert [
        noted_class_name(name, bad, f"x:{i}") for i, name in enumerate(["a", " a ", "a\u00a0", "e\u0301"])
    ] == ["a", "a", "a", "é"]
    (told,) = bad.warnings()
    assert told.endswith(": 2, the first at x:2") and bad.changes == {"class names"}


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u200e", "\u00ad", " \u200b ", "\u200b\u00a0"])
def test_invisible_characters_at_the_ends_are_no_part_of_a_name(mark: str) -> None:
    bad = BadRows(skip=False)
    assert noted_class_name(f"{mark}\u00e9t\u00e9{mark}", bad, "x:1") == "\u00e9t\u00e9"
    assert len(bad.warnings()) == 1 and "invisible characters" in bad.changes


@pytest.mark.parametrize("name", ["\u2764\ufe0f", "\U0001f3f4\U000e0067\U000e0062\U000e007f", "a\u200cb"])
def test_characters_that_show_something_stay(name: str) -> None:
    assert class_name(name) == name


def test_the_first_three_bad_rows_are_told_and_all_are_counted() -> None:
    one, other = BadRows(skip=True), BadRows(skip=True)
    for i in range(2):
        one.found(f"x:{i}: odd")
        other.found(f"y:{i}: odd", 5)
    one.merge(other)
    assert (
        one.summary()
        == "12 bad rows were left out (data.skip_bad=true); the first: x:0: odd · also: x:1: odd · y:0: odd"
    )
