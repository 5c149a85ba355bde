"""Names of classes, however a file system or a program writes their letters."""

import unicodedata


def class_name(text: str) -> str:
    """A name in NFC: `é` is one character, also where it was written as `e` and an accent, as in archives of macOS."""
    return unicodedata.normalize("NFC", text)
