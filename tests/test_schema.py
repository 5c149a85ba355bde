"""Values are what their annotations say, or one sentence names the key that isn't."""

from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired, TypedDict

import pytest

from attnlab.errors import Damaged
from attnlab.schema import Count, Finite, Within, checked


class Entry(TypedDict):
    name: str
    size: NotRequired[Count]


@dataclass(frozen=True)
class Record:
    kind: Literal["a", "b"]
    pair: tuple[str, Finite]
    entries: list[Entry]
    counts: tuple[Count, ...] = ()
    rate: Annotated[float, Within(0.5, 2)] | None = None

    def problems(self) -> list[str]:
        return ["more counts than entries"] if len(self.counts) > len(self.entries) else []


def test_lists_become_tuples_and_objects_dataclasses() -> None:
    value = {
        "kind": "a",
        "pair": ["x", 1],
        "entries": [{"name": "n", "size": 3, "more": 1}],
        "counts": [4],
        "rate": 0.5,
    }
    assert checked(Record, value, "f") == Record("a", ("x", 1), [{"name": "n", "size": 3, "more": 1}], (4,), 0.5)


GOOD = {"kind": "a", "pair": ["x", 1], "entries": []}
WRONG = [
    ({"kind": "c"}, "f: `kind`: 'c' where a or b should be"),
    ({"pair": ["x"]}, "f: `pair`: a list where a list of 2 should be"),
    ({"pair": ["x", float("nan")]}, "f: `pair[1]`: nan where a number of at most 1e+300 should be"),
    ({"entries": {}}, "f: `entries`: an object where a list should be"),
    ({"entries": [{}]}, "f: `entries[0].name` is missing"),
    (
        {"entries": [{"name": "n", "size": -1}]},
        "f: `entries[0].size`: -1 where a whole number of at least 0 should be",
    ),
    ({"entries": [{"name": "n", "size": True}]}, "f: `entries[0].size`: true where a whole number should be"),
    (
        {"counts": [2**60]},
        "f: `counts[0]`: 1152921504606846976 where a whole number of at most 9.0072e+15 should be",
    ),
    ({"counts": [1]}, "f: more counts than entries"),
    ({"rate": "\x1b[31m"}, r"f: `rate`: '\x1b[31m' where a number should be"),
    ({"raet": 1}, "f: `raet`: no such key"),
]


@pytest.mark.parametrize("change, sentence", WRONG)
def test_anything_else_is_told_with_its_key(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(Damaged) as refused:
        checked(Record, GOOD | change, "f")
    assert str(refused.value) == sentence


def test_another_type_at_the_top() -> None:
    with pytest.raises(Damaged, match="f: 3 where an object should be"):
        checked(Record, 3, "f")
