"""A graph as its source gives it, and what every source of graphs promises."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.source import Source

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
    target: str | float | list[int] | list[str]
    key: str
    labels: list[str] = field(default_factory=list)
    attributes: list[list[float]] = field(default_factory=list)
    edge_labels: list[str] = field(default_factory=list)
    edge_attributes: list[list[float]] = field(default_factory=list)
    split: str = ""
    owner: str = ""


class GraphSource(Source):
    """Graphs, whose rows name their splits."""

    settings: ClassVar[tuple[str, ...]] = ()
    """Keys that the graphs depend on besides those of every source: see `prepare.SETTINGS`."""
    kind: str = "class"
    """The kind of the target `label`."""

    def __init__(self, config: GraphData) -> None:
        super().__init__(config)
        self.config = config

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        """All graphs; those that cannot be used are handed to `bad`."""
        raise NotImplementedError
