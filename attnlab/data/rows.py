"""A row of text as its source gives it, and what a source promises."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from attnlab.data.reading import BadRows


@dataclass(frozen=True)
class TextRow:
    """A sentence: its words, the right answer for each target, and where it stands.

    targets: by name; what an answer is depends on its kind, see `answers.RECORDS`. ceiling: the probability that a
    perfect reader is right, of each scored answer. slices: marks on the words, for separate scores.
    """

    words: tuple[str, ...]
    targets: dict[str, Any]
    key: str
    ceiling: tuple[float, ...] = ()
    slices: dict[str, tuple[bool, ...]] = field(default_factory=dict)


class TextSource(Protocol):
    """Rows of text. Built from the data's configuration; refuses a missing folder or file."""

    notice: str
    targets: dict[str, str]
    """The kind of each target that rows have an answer for."""
    questions: tuple[str, ...]
    """The names of what is answered by yes or no, where the target is of kind `classes`."""
    slices: tuple[str, ...]
    """Names of the marks that rows carry."""
    splits: tuple[str, ...]
    files: dict[str, Path]
    """What the rows are read from: their contents are the data's fingerprint."""

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]: ...
