"""Text split into words."""

import re
from collections.abc import Sequence

import regex

_NOT_PLAIN = re.compile(
    "[^\t-\r\x1c-~\x85\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u1e00-\u200a\u2010-\u2029\u202f-\u205f\u2070-\u20cf"
    "\u2100-\u22ff]"
)
"""A character outside of Latin, Greek, Cyrillic and Armenian letters, digits, marks and white space. Of those, each is a
grapheme cluster by itself."""
_PLAIN_WORD = re.compile(r"\d+(?:[.,]\d+)*|\w+(?:['’-]\w+)*|[^\w\s]")
"""What `_WORD` finds, quickly, in a text of plain characters."""

_AFTER = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]*"
"""What belongs to the character before it by rule WB4 of UAX #29: accents, vowel signs, joiners, variation selectors."""
_ALONE = r"[[\p{Lo}\p{Ideographic}]&&\p{WB=Other}]"
"""Characters of scripts without spaces between words: Han, Hiragana, Thai, Khmer, … Each is a word, as UAX #29 has it
where there is no dictionary."""
_KEYCAP = r"[0-9]\ufe0f?\u20e3"
_DIGIT = rf"(?:(?=\d)(?!{_KEYCAP})\X(?<!\s){_AFTER})"
_LETTER = rf"(?:(?=[[\p{{L}}\p{{N}}_]--{_ALONE}--\p{{DI}}])(?!{_KEYCAP})\X(?<!\s){_AFTER})"
_OTHER = r"(?=[^\s\p{Cc}])(?:\p{RI}\p{RI}[\p{GCB=Extend}\p{GCB=ZWJ}]*+|\X(?<!\s)|.)"
"""A cluster, but for the few characters that would join the space after them; flags are pairs, which `\\X` is slow to count."""
_WORD = regex.compile(
    rf"{_DIGIT}++(?:[.,]{_DIGIT}++)*|{_LETTER}++(?:['’-]{_LETTER}++)*|{_OTHER}{_AFTER}", regex.V1
)
_CLUSTER = regex.compile(_OTHER)
_VISIBLE = regex.compile(r"[^\p{DI}\p{Cf}\s]")
_READ_ANEW = regex.compile(
    rf"{_ALONE}|[\p{{Cf}}\p{{Cc}}\p{{DI}}\p{{Me}}\p{{RI}}\p{{Emoji_Modifier}}--\s]|(?<![\p{{L}}\p{{M}}_])\p{{M}}",
    regex.V1,
)
"""Where words may be others than before they followed UAX #29."""


def tokens(text: str, how: str) -> list[str]:
    """A string in pieces, as `data.tokens` says.

    words: runs of letters with inner apostrophes and hyphens, numbers, each other mark by itself, and each character of a
    script without spaces between words; characters: each one that is not white space. A piece never ends within what a
    reader takes for one character (a grapheme cluster of Unicode's UAX #29): accents, vowel signs, joiners and the parts
    of an emoji stay with the character that they belong to, and invisible characters are no pieces. spaces: whatever
    stands between white space.
    """
    if how == "spaces":
        return text.split()
    is_plain = _is_plain(text)
    if how == "characters":
        if is_plain:
            return [character for character in text if not character.isspace()]
        return [cluster for cluster in _CLUSTER.findall(text) if _VISIBLE.search(cluster)]
    if is_plain:
        return _PLAIN_WORD.findall(text)
    return [word for word in _WORD.findall(text) if _VISIBLE.search(word)]


SEPARATOR = "<sep>"
"""Stands between the words of several columns. No text of `data.tokens=words` or `characters` holds it as one word."""


def joined_tokens(texts: Sequence[str], how: str) -> list[str]:
    """The tokens of several texts with `SEPARATOR` between them, also where one of them is empty; none where all are."""
    pieces = [tokens(text, how) for text in texts]
    if not any(pieces):
        return []
    return [word for number, piece in enumerate(pieces) for word in ([SEPARATOR] if number else []) + piece]


def _is_plain(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or _NOT_PLAIN.search(text) is None


def read_anew(text: str, how: str) -> bool:
    """Whether `tokens` may split a text otherwise than versions that took every invisible character for a piece."""
    if how == "spaces" or _is_plain(text):
        return False
    return _READ_ANEW.search(text) is not None or (
        how == "characters" and regex.search(r"\p{M}", text) is not None
    )
