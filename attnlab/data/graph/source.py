"""A graph as its source gives it, and what every source of graphs promises."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.registry import GRAPH_SOURCES

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


class GraphSource:
    """Graphs, whose rows name their splits. Built from the data's configuration.

    Raises UserError where `data.path` is missing, or no file or folder of that format.
    """

    needs: ClassVar[str] = ""
    """What `data.path` has to name."""
    settings: ClassVar[tuple[str, ...]] = ()
    """Keys that the graphs depend on besides those of every source: see `prepare.SETTINGS`."""

    kind: str = "class"
    """The kind of the target `label`."""
    notice: str = ""
    """Of generated data: that they are, and how to use real ones."""
    ceiling: float | None = None
    """Accuracy of a perfect reader, where it is known."""
    files: dict[str, Path]
    """By name, what is read: the contents are part of the data's fingerprint."""
    identity: str = ""
    """What the graphs depend on besides files and settings."""
    rules: ClassVar[dict[str, bytes]] = {}
    """By name, a digest of what the source itself decides, such as the division into splits; changed with it."""

    def __init__(self, config: GraphData) -> None:
        self.config, self.files = config, {}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        """All graphs; those that cannot be used are handed to `bad`."""
        raise NotImplementedError


def graph_source(config: GraphData) -> GraphSource:
    """The source that `data.source` names. Raises UserError where there is none, or where it cannot be opened."""
    return GRAPH_SOURCES.get(config.source, GraphSource)(config)
