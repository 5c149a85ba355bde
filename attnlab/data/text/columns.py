"""How a file with a word on each line, and its tags in columns, separates them; and which of its lines are no words."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from attnlab.data.text.lines import NO_WORD_ID, line_groups
from attnlab.text_files import Lines

LOOKED_AT = 2000
"""Sentences from which the form of a file is taken."""
COMMENTS = "comments (lines that begin with #) are no words and were left out"
DOCUMENTS = "marks of documents (-DOCSTART-) are no words and were left out"
RANGES = "ranges and empty nodes (1-2, 8.1) are no words and were left out"

_KEY_AND_VALUE = re.compile(r"#+ *[\w.:-]+ *=( |$)|# ?new(par|doc)\b|#(begin|end) document\b")
"""Comments that cannot be words: of CoNLL-U, and of the CoNLL-2012 files."""
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Form:
    """What the lines of a file have in common. width: how many columns most of them have.

    tabs: separate the columns, so that words may hold spaces; else spaces do, any number of them. has_ids: the first
    column counts the words of each sentence. word, tag: the columns of these, from 0. tags: those of words other than `#`.
    comments_everywhere: whether every sentence begins with a line that has `#` in the place of a word.
    """

    tabs: bool
    width: int
    has_ids: bool
    word: int
    tag: int
    tags: frozenset[str] = frozenset()
    comments_everywhere: bool = False

    def cells(self, line: str) -> list[str]:
        """The columns of a line, however many; empty ones at its end beyond those of most lines are none."""
        cells = _cells(line, self.tabs)
        while len(cells) > self.width and not cells[-1]:
            cells.pop()
        return cells

    def check_width(self, cells: Sequence[str]) -> None:
        """Raises ValueError where a line has another number of columns than most lines, or none for the word or its tag."""
        count = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
        if max(self.word, self.tag) >= len(cells) == self.width:
            raise ValueError(f"{count}, where `data.words={self.word + 1} data.tags={self.tag + 1}` asks for more")
        if len(cells) == self.width:
            return
        separator = "a tab" if self.tabs else "spaces"
        more = "; a word that holds a space needs tabs between the columns" if not self.tabs else ""
        raise ValueError(f"{count}, where most lines have {self.width}, separated by {separator}{more}")

    def left_out(self, line: str, cells: Sequence[str], is_first: bool) -> str:
        """By which rule a line of these columns is no word, or "". is_first: whether no word of the sentence stands before it.

        Raises ValueError where it might be a word as well as a comment.
        """
        if line.startswith("#") and self._is_comment(line, cells, is_first):
            return COMMENTS
        if self.has_ids and NO_WORD_ID.fullmatch(cells[0]):
            return RANGES
        word = cells[self.word] if self.word < len(cells) else cells[0]
        return DOCUMENTS if word.startswith("-DOCSTART-") else ""

    def _is_comment(self, line: str, cells: Sequence[str], is_first: bool) -> bool:
        if _KEY_AND_VALUE.match(line) and not (self.tabs and len(cells) == self.width):
            if not is_first:
                raise ValueError("a comment within a sentence; an empty line may be missing before it")
            return True
        if not is_first or self.width == 1:
            return False
        if len(cells) != self.width:
            return len(cells) == 1 or cells[0] == "#" or (self.tabs and line.startswith("# "))
        if self.tabs or cells[0] != "#" or self.word != 0 or cells[self.tag] in self.tags:
            return False
        if not self.comments_everywhere:
            shown = f"a comment, or the word # with the tag {cells[self.tag]}"
            raise ValueError(f"`{line[:40]}` may be {shown}; leave it out, or separate all columns by tabs")
        return True


def form_of(beginning: Iterable[Lines], word: int, tag: int) -> Form:
    """The form of a file that begins with these lines. word, tag: the columns of these, from 0."""
    groups = _sentences(beginning)
    words = [line for group in groups for line in group if not line.startswith(("#", "-DOCSTART-"))]
    words = words or [line for group in groups for line in group]
    tabs = 2 * sum("\t" in line for line in words) > len(words)
    widths = Counter(len(_cells(line, tabs)) for line in words)
    width = max(widths, key=lambda width: widths[width], default=max(word, tag) + 1)
    has_ids = word != 0 and _counts_words(groups, tabs)
    hashes = [_tag(group[0], tabs, width, tag) for group in groups if group[0].startswith("# ")]
    everywhere = len(groups) > 1 and len(list(filter(None, hashes))) == len(groups)
    known = {_tag(line, tabs, width, tag) for line in words}
    known |= {_tag(line, tabs, width, tag) for group in groups for line in group[1:] if line.startswith("#")}
    if not everywhere:  # a tag that the word # has again and again
        known |= {name for name, times in Counter(hashes).items() if times > 1}
    return Form(tabs, width, has_ids, word, tag, frozenset(known - {""}), everywhere)


def first_column_counts(beginning: Iterable[Lines], form: Form) -> bool:
    """Whether the first column of a file that begins with these lines counts the words of each sentence."""
    return _counts_words(_sentences(beginning), form.tabs)


def _sentences(beginning: Iterable[Lines]) -> list[list[str]]:
    """The lines of each sentence from which the form of a file is taken."""
    found = (group for lines in beginning for group in line_groups(lines))
    return [[line for _, line in group] for group in islice(found, LOOKED_AT)]


def _cells(line: str, tabs: bool) -> list[str]:
    """The columns of a line, of which there is at least one. Only spaces and tabs separate: a no-break space is a character
    like others."""
    if tabs:
        return [cell.strip(" ") for cell in line.split("\t")]
    return _SPACES.split(line.strip(" \t"))


def _tag(line: str, tabs: bool, width: int, tag: int) -> str:
    """The tag of a line of so many columns; "" of another."""
    cells = _cells(line, tabs)
    return cells[tag] if len(cells) == width > tag else ""


def _counts_words(groups: Iterable[list[str]], tabs: bool) -> bool:
    """Whether the first column counts the words of each sentence, from 0 or 1, on most lines."""
    fitting = total = 0
    for group in groups:
        firsts = [_cells(line, tabs)[0] for line in group if not line.startswith("#")]
        ids = [first for first in firsts if not NO_WORD_ID.fullmatch(first)]
        numbers = [int(word_id) if word_id.isdecimal() and len(word_id) < 10 else -1 for word_id in ids]
        fitting += sum(new == old + 1 for old, new in pairwise(numbers)) + (numbers[:1] in ([0], [1]))
        total += len(ids)
    return 2 * fitting > total
