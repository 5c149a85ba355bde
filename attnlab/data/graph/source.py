"""A graph as its source gives it, and what every source of graphs promises."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.downloads import downloaded
from attnlab.data.prep.source import Source
from attnlab.data.prep.splits import owner_of
from attnlab.errors import UserError
from attnlab.local_files import user_path

TARGET = "label"
MAX_NODES = 10_000_000
"""Of one graph."""
REPEATED = "graphs that list an edge more than once, with the same ends, name and numbers, were given it once"
"""What is told of graphs with edges that say the same; those that differ in name or numbers are kept."""
BARE_LOOPS = (
    "graphs with edges from a node to itself without name or numbers, which say nothing to attention, where each node "
    "attends to itself anyway (data.structure=degree counts them)"
)
ROUNDED = (
    "graphs with numbers of a million or more that single precision rounds to about seven digits, so that some that differ "
    "may have become equal (subtract what they have in common)"
)
"""What is told of numbers of nodes or edges, such as times in seconds."""
SPELLINGS = "graphs whose names or labels were put in normal form (Unicode NFC, no white space or invisible characters at the ends)"
"""What is told of names that look alike and are one, however they are spelled in bytes."""


class Refused(ValueError):
    """What is wrong with a graph that an earlier version took as it was."""


@dataclass(frozen=True)
class GraphRow:
    """A graph as its source gives it.

    nodes: how many. labels: a name for each node, or none; attributes: numbers of each node, or none. edges: (from, to),
    each direction listed, in any order; two may have the same ends, and an edge may lead from a node to itself.
    edge_labels, edge_attributes: of each edge, or none. split: "" where the source names none.
    owner: graphs of one owner are held out together, in an order that depends on it alone; "" is the key.
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


def by_content(graph: GraphRow) -> GraphRow:
    """The graph with an owner that graphs of the same nodes and edges share, in whatever order the edges are listed and
    whatever the answer.

    An edge that is listed again, alike in everything, says nothing new.
    """
    values: list[object] = [*(graph.edge_labels or graph.edge_attributes)]
    if graph.edge_labels and graph.edge_attributes:
        values = list(zip(graph.edge_labels, graph.edge_attributes, strict=True))
    listed = sorted(zip(graph.edges, values, strict=True)) if values else sorted(graph.edges)
    edges = [edge for edge, _ in itertools.groupby(listed)]
    described = json.dumps([graph.nodes, graph.labels, graph.attributes, edges])
    return replace(graph, owner=owner_of(described.encode()))


def given_or_downloaded(config: GraphData, needs: str, url: Callable[[], str], remedy: str) -> Path:
    """`data.path`, or the folder of what `data.download` fetches from this address. Raises UserError without either.

    needs: what `data.path` has to name. remedy: what to do where nothing can be fetched.
    """
    if config.path is not None:
        return user_path(config.path)
    if config.download is not None:
        return downloaded(config.cache, url(), f"`data.download={config.download}`", remedy)
    raise UserError(
        f"`data.path` is missing: {needs}; set it with `data.path=…`, or have it downloaded with `data.download=…`"
    )


class GraphSource(Source):
    """Graphs, whose rows name their splits."""

    settings: ClassVar[tuple[str, ...]] = ()
    """Keys that the graphs depend on besides those of every source: see `prepare.SETTINGS`."""
    kind: str = "class"
    """The kind of the target `label`."""
    changed: frozenset[str] = frozenset()
    """After reading: in what the rows differ from those that an earlier version made of the same files."""

    def __init__(self, config: GraphData) -> None:
        super().__init__(config)
        self.config = config

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        """All graphs; those that cannot be used are handed to `bad`."""
        raise NotImplementedError
