"""Sentences in files with a word on each line: where they end, and whether their words are counted right."""

import re
from collections.abc import Iterator
from itertools import chain

from attnlab.data.files.bad_rows import BadRows
from attnlab.text_files import Lines

NO_WORD_ID = re.compile(r"(\d{1,9})([-.])(\d{1,9})")
"""The id of a multi-word range (`1-2`) or of an empty node (`8.1`), which stand between syntactic words."""


SPACES = "words with spaces at their ends were read without these"


def line_groups(lines: Lines) -> Iterator[list[tuple[int, str]]]:
    """(number, line without its end) of the lines of each sentence; one without anything to be seen ends a sentence."""
    group: list[tuple[int, str]] = []
    for number, line in chain(lines.numbered(), [(0, "")]):  # the last sentence may lack its empty line
        if line and not line.isspace():
            group.append((number, line.rstrip("\r\n")))
        elif group:
            yield group
            group = []


def without_spaces(word: str, bad: BadRows, location: str) -> str:
    """A word without spaces at its ends, which would make another word of it."""
    if word[:1] != " " and word[-1:] != " ":
        return word
    bad.applied(SPACES, location)
    return word.strip(" ")


class WordIds:
    """Whether the ids of a sentence count its words, so that a missing empty line is noticed. first: the id that a sentence
    may begin with, or several."""

    def __init__(self, first: tuple[int, ...] = (1,)) -> None:
        self.first = first
        self.last: int | None = None
        self.end_of_range, self.empty_nodes = 0, 0

    def check(self, word_id: str) -> bool:
        """Whether this is the id of a word rather than of a range or an empty node. Raises ValueError where it cannot
        follow the ids before it."""
        if other := NO_WORD_ID.fullmatch(word_id):
            self._check_other(word_id, int(other[1]), other[2], int(other[3]))
            return False
        if not word_id.isdecimal() or len(word_id) > 9:
            raise ValueError(f"word id `{word_id[:40]}` is no number")
        number = int(word_id)
        if self.last is None and number not in self.first:
            raise ValueError(
                f"word id {number} at the beginning of a sentence, where {self.first[-1]} is expected"
            )
        if self.last is not None and number != self.last + 1:
            missing = "; an empty line may be missing before it" if number in self.first else ""
            raise ValueError(f"word id {number} after {self.last}{missing}")
        self.last, self.empty_nodes = number, 0
        return True

    def _check_other(self, word_id: str, start: int, mark: str, end: int) -> None:
        last = self.first[-1] - 1 if self.last is None else self.last
        if mark == ".":
            if (start, end) != (last, self.empty_nodes + 1):
                raise ValueError(f"empty node {word_id} after word {last}")
            self.empty_nodes += 1
        elif start != last + 1 or end < start or start <= self.end_of_range:
            raise ValueError(f"range {word_id} after word {last}")
        else:
            self.end_of_range = end

    def check_end(self) -> None:
        """Raises ValueError where the sentence ends within a range."""
        if self.last is not None and self.last < self.end_of_range:
            raise ValueError(f"the sentence ends with word {self.last}, within a range up to {self.end_of_range}")
