"""What cannot be used, and what is not read as it stands, is counted and told."""

from dataclasses import dataclass

import pytest

from attnlab.config import former_names, key
from attnlab.data.files.bad_rows import BadRows
from attnlab.errors import UserError


def test_what_is_left_out_is_counted_with_the_first_of_it() -> None:
    bad, later = BadRows(skip=True, what="pair"), BadRows(skip=True, what="pair")
    assert bad.warnings() == []
    later.found("b.txt:9: no text", count=2)
    later.note("lines that begin with # were left out as comments", "b.txt:7")
    bad.note("lines that begin with # were left out as comments", "a.txt:1", count=1999)
    bad.merge(later)
    assert bad.warnings() == [
        "2 bad pairs were left out (data.skip_bad=true); the first: b.txt:9: no text",
        "lines that begin with # were left out as comments: 2,000, the first at a.txt:1",
    ]


def test_a_bad_row_is_refused_where_none_are_skipped() -> None:
    with pytest.raises(UserError, match=r"a.csv:3: no label; .* data.skip_bad=true"):
        BadRows(skip=False).found("a.csv:3: no label")


def test_a_key_that_was_added_changes_fingerprints_only_with_another_value() -> None:
    @dataclass
    class Keys:
        limit: int = key(3, "of examples")
        background: str = key("white", "of pictures", added=True)

    assert former_names(Keys()) == {"limit": 3}
    assert former_names(Keys(background="black")) == {"limit": 3, "background": "black"}
