"""Mistakes a user can make, told in one sentence: what is wrong, where, and what would be right."""

import unicodedata
from collections.abc import Iterable, Sequence

from attnlab import synonyms

LONGEST_SENTENCE = 580
"""Characters of a mistake that are told; of a longer one, its beginning and its end."""


class UserError(ValueError):
    """Something the user can put right; printed without a traceback, exit code 2. The sentence is one printable line,
    whatever it repeats of a file or of the command line."""

    def __init__(self, sentence: str) -> None:
        super().__init__(_shortened(printable(sentence)))


class Damaged(UserError):
    """A file holds something else than what was written there."""


class Stopped(Exception):
    """A run was asked by a signal to stop, and has saved itself."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class RankFailed(Exception):
    """Something is wrong with another of the processes that compute a run together: what; "" where that has been told, or is seen
    by what has started them."""


def printable(text: str) -> str:
    """The text as one line that a terminal shows and doesn't obey: control characters, those that change the direction of
    writing, and halves of characters are written as `\\x1b` or `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(_escaped(character) if _is_obeyed(character) else character for character in text)


def _is_obeyed(character: str) -> bool:
    # Joiners and the soft hyphen belong to words, and change nothing else.
    category = unicodedata.category(character)
    return category in ("Cc", "Cs", "Zl", "Zp") or (category == "Cf" and character not in "\u00ad\u200c\u200d")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _shortened(sentence: str) -> str:
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    left = LONGEST_SENTENCE * 2 // 3
    return f"{sentence[:left]} … {sentence[left + 3 - LONGEST_SENTENCE :]}"


def near_name(word: str, names: Iterable[str]) -> str | None:
    """The name that a word is a typing mistake of: one that has a letter more, less, or another one."""
    from difflib import get_close_matches

    near = get_close_matches(synonyms.spelt(word[:100]), list(names), n=1, cutoff=0.85)
    return next((name for name in near if abs(len(name) - len(word)) <= 2), None)


def missing_column(column: str, columns: Sequence[str]) -> str:
    """The end of a refusal of a column that a table has not: the one that is spelled nearly so, else all that there are."""
    from difflib import get_close_matches

    near = [name for name in columns if name.casefold() == column.casefold()]
    near = near or get_close_matches(column[:100], columns, n=1, cutoff=0.75)
    return (
        f"did you mean `{near[0]}`?"
        if near
        else f"its columns are {', '.join(columns[:20])}{', …' * (len(columns) > 20)}"
    )


def suggestion(
    word: str,
    choices: Iterable[str],
    listed: str = "`attnlab train --help` lists them",
    of: str | None = None,
) -> str:
    """The end of a refusal: the right word where the trade uses this one for it, or the near match if there is one,
    otherwise every choice, or where many are `listed`.

    of: whose values the choices are: a group, a key or a kind of part; "" where they are names of keys and groups; None:
    they are the user's own, of which the trade knows nothing.
    """
    from difflib import get_close_matches  # imported by mistakes alone: completion answers sooner

    word, choices = word[:100], sorted(set(choices))
    if (spelt := synonyms.spelt(word)) in choices:
        return f"did you mean `{spelt}`?"
    if of is not None and (right := synonyms.right_word(word, of)) and (of or synonyms.key(word) in choices):
        return right
    # An abbreviated path is compared by its last word too: `depht` should find `encoder.depth`.
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if not near:
        by_ending = {choice.rsplit(".", 1)[-1]: choice for choice in choices}
        near = [by_ending[e] for e in get_close_matches(word.rsplit(".", 1)[-1], by_ending, n=1, cutoff=0.7)]
    if near:
        return f"did you mean `{near[0]}`?"
    if len(choices) > 20:
        return listed
    return f"choose one of {', '.join(choices)}" if choices else "there is nothing to choose from"
