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
