"""A row of text as its source gives it, and what a source of text promises."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from attnlab.data.contract import Gold
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.source import Source
from attnlab.spec import DataSpec

Piece = TypeVar("Piece")


@dataclass(frozen=True)
class TextRow:
    """A sentence: its words, the right answer for each target, and where it stands.

    targets: by name; what an answer is depends on its kind, see `attnlab.targets`. ceiling: the probability that a
    perfect reader is right, of each scored answer. slices: marks on the words, for separate scores. group, time: the cells
    of columns `data.group` and `data.time`; "" for none.
    """

    words: tuple[str, ...]
    targets: Mapping[str, Gold]
    key: str
    ceiling: tuple[float, ...] = ()
    slices: Mapping[str, tuple[bool, ...]] = field(default_factory=dict)
    group: str = ""
    time: str = ""


class TextSource(Source, Generic[Piece]):
    """Rows of text.

    A split is read in pieces, by one process after the other, and each piece becomes rows in any process.
    """

    targets: Mapping[str, str]
    """The kind of each target that rows have an answer for."""
    questions: tuple[str, ...] = ()
    """The names of the yes-or-no questions, where the target is of kind `classes`."""
    grouped: bool = False
    """Whether rows have a group: see `TextRow`."""
    timed: bool = False
    """Whether rows have a time, one that `moment` reads."""
    slices: tuple[str, ...] = ()
    """Names of the marks that rows carry."""
    answered: bool = True
    """Whether rows have right answers; without them, each is one that no score looks at."""

    def answer_for(self, spec: DataSpec) -> None:
        """Called before rows are read where a run that has learned is to answer about them: right answers may then be
        missing. spec: of that run."""

    def pieces(self, split: str) -> Iterator[Piece]:
        """A split in parts that fit into memory and can be sent to another process; by default one, which is None."""
        yield cast(Piece, None)

    def rows(self, split: str, piece: Piece, bad: BadRows) -> Iterator[TextRow]:
        """The rows of one part; what is wrong with others goes to `bad`, which may raise UserError."""
        raise NotImplementedError

    def evidence(self, key: str) -> NDArray[np.bool_] | None:
        """(L,) or (L, L) words of the row with this key that decide its answers, see `Split.evidence`; None where the source
        doesn't know them."""
        return None
