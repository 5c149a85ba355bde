"""Names of classes, which are the same however they are spelled in bytes."""

import unicodedata

from attnlab.data.files.bad_rows import BadRows

UNIFIED = "{what} names were put in normal form (Unicode NFC, no white space at the ends)"
"""The rule that is told where it changes a name."""


def class_name(text: str) -> str:
    """A label as the class that it names: in normal form NFC, without white space at its ends.

    `é` may be written as one character or as a letter and an accent, which look alike and differ in bytes: macOS writes
    the names of folders in the second way.
    """
    return unicodedata.normalize("NFC", text).strip()


def noted_class_name(text: str, bad: BadRows, location: str, what: str = "class") -> str:
    """`class_name`, told where the label differs from it by more than spaces and tabs; location: file:line, or a key; what:
    is named, such as a speaker, whose name is as easily spelled in two ways."""
    name = class_name(text)
    if name != text.strip(" \t\r\n"):
        bad.note(UNIFIED.format(what=what), location)
    if name != text.strip():
        bad.changes.add(f"{what} names")
    return name
