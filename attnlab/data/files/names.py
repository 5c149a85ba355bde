"""Names of classes, which are the same however they are spelled in bytes."""

import unicodedata
from functools import lru_cache

from attnlab.data.files.bad_rows import BadRows

UNIFIED = "class names were put in normal form (Unicode NFC, no white space at the ends)"
"""The rule that is told where it changes a name."""


@lru_cache(4096)  # there are few classes, and many labels
def class_name(text: str) -> str:
    """A label as the class that it names: in normal form NFC, without white space at its ends.

    `é` may be written as one character or as a letter and an accent, which look alike and differ in bytes: macOS writes
    the names of folders in the second way.
    """
    return unicodedata.normalize("NFC", text).strip()


def noted_class_name(text: str, bad: BadRows, location: str) -> str:
    """`class_name`, told where the label differs from it by more than spaces and tabs; location: file:line, or a key."""
    name = class_name(text)
    if name == text:
        return name
    if name != text.strip(" \t\r\n"):
        bad.note(UNIFIED, location)
    if name != text.strip():
        bad.changes.add("class names")
    return name
