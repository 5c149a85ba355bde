"""A graph as its source gives it, what a source promises, and which sources there are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from attnlab.data.files.bad_rows import BadRows

TARGET = "label"


@dataclass(frozen=True)
class GraphRow:
    """A graph as its source gives it.

    nodes: how many. labels: a name for each node, or none; attributes: numbers of each node, or none. edges: (from,
    to), each direction listed; edge_labels, edge_attributes: of each edge, or none. split: "" where the source names
    none. owner: graphs of one owner are held out together, and in an order that depends on it alone; "" where that is
    the key, by which a published set knows its graphs.
    """

    nodes: int
    edges: list[tuple[int, int]]
    target: Any
    key: str
    labels: list[str] = field(default_factory=list)
    attributes: list[list[float]] = field(default_factory=list)
    edge_labels: list[str] = field(default_factory=list)
    edge_attributes: list[list[float]] = field(default_factory=list)
    split: str = ""
    owner: str = ""


class GraphSource(Protocol):
    """Graphs. Built from the data's configuration; refuses a missing folder or file."""

    notice: str
    kind: str
    """The kind of the target `label`."""
    ceiling: float | None
    files: dict[str, Path]
    """What the rows are read from: their contents are the data's fingerprint."""

    def rows(self, bad: BadRows) -> Iterator[GraphRow]: ...
