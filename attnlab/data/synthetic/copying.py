"""Copying: each word's tag is the word that stands a fixed number of places before it, or several such words.

With shifts 2 and 5, the tag of each word is the word 2 before and the word 5 before, joined: `ca`. Words are drawn independently,
so that nothing but these places tells the answer, and where they are beyond the beginning there is none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

SYMBOLS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Copying:
    """Words, and of each the word or words that its tag copies, or ""."""

    words: tuple[str, ...]
    tags: tuple[str, ...]


def sequences(
    count: int, seed: int, lengths: Sequence[int], shifts: Sequence[int], symbols: int
) -> Iterator[Copying]:
    """Yield `count` sequences, the same ones for the same arguments. lengths: from which that of each is drawn; symbols: how
    many words there are, at most 26."""
    random = Random(seed)
    for _ in range(count):
        words = tuple(random.choices(SYMBOLS[:symbols], k=random.choice(lengths)))
        yield Copying(words, tuple(_copied(words, place, shifts) for place in range(len(words))))


def _copied(words: Sequence[str], place: int, shifts: Sequence[int]) -> str:
    return "".join(words[place - shift] for shift in shifts) if place >= max(shifts) else ""
