"""Names of classes, which are the same however they are spelled in bytes."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from attnlab.data.files.bad_rows import BadRows

UNIFIED = "{what} names were put in normal form (Unicode NFC, no white space or invisible characters at the ends)"
"""The rule that is told where it changes a name."""
HEADER = "a first line that only names the columns is no example and was left out"

_ENDS = re.compile(r"^[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")
"""White space, and characters that show nothing by themselves: zero width spaces and joiners, marks of direction and of
byte order. Parts of emoji, such as variation selectors and the letters in flags, are none of them."""
_COLUMNS = frozenset(
    "text texts sentence sentences review reviews comment tweet title word words token tokens form label labels class "
    "category target sentiment score rating stars author tag tags pos upos xpos ner pos_tag pos_tags ner_tag ner_tags".split()
)
"""What columns are called."""


@lru_cache(4096)  # there are few classes, and many labels
def class_name(text: str) -> str:
    """A label as the class that it names: in normal form NFC, without white space and invisible characters at its ends.

    `é` may be written as one character or as a letter and an accent, which look alike and differ in bytes: macOS writes
    the names of folders in the second way.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if name.isascii():
        return name
    return _ENDS.sub("", _ENDS.sub("", name)[::-1])[::-1]


def name_columns(cells: Iterable[str]) -> bool:
    """Whether cells of a file's first line can only be the names of its columns."""
    return all(cell.strip().casefold() in _COLUMNS for cell in cells)


def noted_class_name(text: str, bad: BadRows, location: str, what: str = "class") -> str:
    """`class_name`, told where the label differs from it by more than spaces and tabs; location: file:line, or a key; what:
    is named, such as a speaker, whose name is as easily spelled in two ways."""
    name = class_name(text)
    if name == text:
        return name
    if name != text.strip(" \t\r\n"):
        bad.note(UNIFIED.format(what=what), location)
    if name != text.strip():
        bad.changes.add(f"{what} names")
    if name != unicodedata.normalize("NFC", text).strip():
        bad.changes.add("invisible characters")
    return name
