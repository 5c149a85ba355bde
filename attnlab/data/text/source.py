"""A row of text as its source gives it, what a source promises, and which sources there are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attnlab.data.files.bad_rows import BadRows


@dataclass(frozen=True)
class TextRow:
    """A sentence: its words, the right answer for each target, and where it stands.

    targets: by name; what an answer is depends on its kind, see `answers.RECORDS`. ceiling: the probability that a
    perfect reader is right, of each scored answer. slices: marks on the words, for separate scores. group: what
    `data.group` says of it; "" for none.
    """

    words: tuple[str, ...]
    targets: dict[str, Any]
    key: str
    ceiling: tuple[float, ...] = ()
    slices: dict[str, tuple[bool, ...]] = field(default_factory=dict)
    group: str = ""


class TextSource:
    """Rows of text. Built from the data's configuration; refuses a missing folder or file.

    A split is read in pieces, by one process after the other, and each piece becomes rows in any process.
    """

    notice = ""
    targets: dict[str, str]
    """The kind of each target that rows have an answer for."""
    questions: tuple[str, ...] = ()
    """The names of what is answered by yes or no, where the target is of kind `classes`."""
    slices: tuple[str, ...] = ()
    """Names of the marks that rows carry."""
    splits: tuple[str, ...]
    files: dict[str, Path]
    """What the rows are read from: their contents are the data's fingerprint."""
    identity = ""
    """What the rows depend on besides files, such as the commit of a data set on the hub."""
    commit: str | None = None
    """Of a data set on the hub."""
    warnings: tuple[str, ...] = ()

    def pieces(self, split: str) -> Iterator[Any]:
        """A split in parts that fit into memory and can be sent to another process."""
        yield None

    def rows(self, split: str, piece: Any, bad: BadRows) -> Iterator[TextRow]:
        """The rows of one part."""
        raise NotImplementedError
