"""Graphs of TU sets (Morris et al. 2020), by their text files.

`torch_geometric.io.read_tu_data` doesn't say in which line a file is wrong, and takes an edge to a missing node for a larger
graph.
"""

import glob
from collections.abc import Callable, Iterator, Sequence
from os.path import isdir
from pathlib import Path
from typing import TypeVar

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import no_folder
from attnlab.data.files.tables import usable
from attnlab.data.graph.source import GraphRow, GraphSource, by_content, given_or_downloaded
from attnlab.errors import UserError, suggestion
from attnlab.local_files import is_regular
from attnlab.text_files import text_lines

FILES = "A graph_indicator graph_labels graph_attributes node_labels node_attributes edge_labels edge_attributes"
ONE_WAY = "graphs whose edges lead one way only, since the set lists them in one direction (others list both)"
"""What is told of a set that lists every edge once."""
Number = TypeVar("Number", int, float)


class Tu(GraphSource):
    """`data=tu`: NAME_A.txt, NAME_graph_indicator.txt, … in `data.path` itself, its folder raw, NAME or NAME/raw; numbers of
    graphs and nodes count from 1. Raises UserError where one is missing, or says what cannot be."""

    needs = "the folder of a TU set's text files"
    identity = "held out by content"  # earlier versions went by the graph's number

    def __init__(self, config: GraphData) -> None:
        folder = _folder(config, self.needs)
        paths = {name: _plain_or_packed(folder / f"{config.name}_{name}.txt") for name in FILES.split()}
        self.files = {name: path for name, path in paths.items() if is_regular(path)}
        if "graph_labels" not in self.files and "graph_attributes" not in self.files:
            raise UserError(f"{paths['graph_labels']}: missing; it says the class of each graph, line by line")
        if "graph_indicator" not in self.files:
            raise UserError(f"{paths['graph_indicator']}: missing; it says the graph of each node, line by line")
        self.kind = "class" if "graph_labels" in self.files else "number"
        self.warnings = tuple(self._unread(folder, config.name))

    def _unread(self, folder: Path, name: str) -> Iterator[str]:
        """What is told of files of the set that are of no use here, such as those with misspelled names."""
        if {"graph_labels", "graph_attributes"} <= self.files.keys():
            yield f"{self.files['graph_attributes']}: not read; the answers are those of graph_labels"
        listed = [path for ending in ("txt", "txt.gz") for path in folder.glob(f"{glob.escape(name)}_*.{ending}")]
        for path in sorted(listed):
            part = path.name.partition(".txt")[0].removeprefix(f"{name}_")
            if path not in self.files.values() and "readme" not in part.lower():
                yield f"{path}: not read; {suggestion(part, FILES.split())}"

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        graph_of = [row[0] for row in self._table("graph_indicator", int, 1)]
        target_name = "graph_labels" if self.kind == "class" else "graph_attributes"
        if self.kind == "class":
            targets: Sequence[str | float] = [_joined(row) for row in self._table(target_name, int)]
        else:
            targets = self._numbers_of_graphs(bad)
        edges = self._table("A", int, 2)
        labels = self._table_of("node_labels", int, len(graph_of))
        attributes = self._table_of("node_attributes", float, len(graph_of))
        edge_labels = self._table_of("edge_labels", int, len(edges))
        edge_attributes = self._table_of("edge_attributes", float, len(edges))
        members, positions = self._nodes_of_graphs(graph_of, len(targets))
        edges_of = self._edges_of_graphs(edges, graph_of, len(targets))
        target_file = self.files[target_name]
        for number, (target, nodes, lines) in enumerate(zip(targets, members, edges_of, strict=True), 1):
            if not nodes:
                bad.found(f"{target_file}:{number}: graph {number} is empty: graph_indicator gives it no node")
                continue
            links = [(positions[edges[i][0] - 1], positions[edges[i][1] - 1]) for i in lines]
            if links and not {(b, a) for a, b in links} & set(links):
                bad.note(ONE_WAY, f"{target_file}:{number}")
            yield by_content(GraphRow(
                nodes=len(nodes),
                edges=links,
                target=target,
                key=f"{target_file.name}:{number}",
                labels=[_joined(labels[i]) for i in nodes] if labels else [],
                attributes=[attributes[i] for i in nodes] if attributes else [],
                edge_labels=[_joined(edge_labels[i]) for i in lines] if edge_labels else [],
                edge_attributes=[edge_attributes[i] for i in lines] if edge_attributes else [],
            ))  # fmt: skip

    def _numbers_of_graphs(self, bad: BadRows) -> list[float]:
        """The first number of each graph, which is learned."""
        rows = self._table("graph_attributes", float)
        if rows and len(rows[0]) > 1:
            others = f"the first of {len(rows[0])} numbers is learned, the others are not read"
            bad.note(
                f"graphs with several answers, of which {others}", f"{self.files['graph_attributes']}:1", len(rows)
            )
        return [row[0] for row in rows]

    def _nodes_of_graphs(self, graph_of: list[int], graphs: int) -> tuple[list[list[int]], list[int]]:
        """The nodes of each graph, from 0, and the position of each node in its graph."""
        members: list[list[int]] = [[] for _ in range(graphs)]
        positions = []
        for node, graph in enumerate(graph_of):
            if not 1 <= graph <= graphs:
                location = f"{self.files['graph_indicator']}:{node + 1}"
                raise UserError(f"{location}: graph {graph}, but there are answers for graphs 1 to {graphs}")
            positions.append(len(members[graph - 1]))
            members[graph - 1].append(node)
        return members, positions

    def _edges_of_graphs(self, edges: list[list[int]], graph_of: list[int], graphs: int) -> list[list[int]]:
        """The edges of each graph, by their lines from 0."""
        lines: list[list[int]] = [[] for _ in range(graphs)]
        for i, edge in enumerate(edges):
            location, nodes = f"{self.files['A']}:{i + 1}", len(graph_of)
            if outside := [node for node in edge if not 1 <= node <= nodes]:
                raise UserError(
                    f"{location}: an edge to node {outside[0]}, but graph_indicator lists nodes 1 to {nodes}"
                )
            first, second = (graph_of[node - 1] for node in edge)
            if first != second:
                raise UserError(
                    f"{location}: an edge from graph {first} to graph {second}; edges stay within a graph"
                )
            lines[first - 1].append(i)
        return lines

    def _table_of(self, name: str, parse: Callable[[str], Number], count: int) -> list[list[Number]]:
        """A table with a line for each of `count` nodes or edges; empty where the set has none."""
        if name not in self.files:
            return []
        table = self._table(name, parse)
        if len(table) != count:
            other = "graph_indicator" if name.startswith("node") else "A"
            raise UserError(
                f"{self.files[name]}:{len(table)}: the last line, but {self.files[other].name} has {count} lines; "
                f"both need one for each {name.partition('_')[0]}"
            )
        return table

    def _table(self, name: str, parse: Callable[[str], Number], width: int | None = None) -> list[list[Number]]:
        """The numbers of each line, `width` of them."""
        path, table = self.files[name], []
        lines = [text.strip() for text in text_lines(path)]
        while lines and not lines[-1]:
            lines.pop()
        for line, text in enumerate(lines, 1):
            try:
                if "_" in text:  # which Python passes over in numbers
                    raise ValueError
                row = [parse(cell) for cell in text.split(",")]
            except ValueError:
                expected = f"{'whole ' if parse is int else ''}numbers with commas between"
                raise UserError(f"{path}:{line}: expected {expected}, found `{text[:40]}`") from None
            width = len(row) if width is None else width
            if len(row) != width:
                raise UserError(f"{path}:{line}: {len(row)} numbers, where there must be {width}")
            if parse is float and not all(map(usable, row)):
                raise UserError(f"{path}:{line}: `{text[:40]}` is no finite number in single precision")
            table.append(row)
        return table


def _folder(config: GraphData, needs: str) -> Path:
    """The folder that holds NAME_A.txt. Raises UserError where there is none."""

    def url() -> str:
        from torch_geometric.datasets import TUDataset

        return f"{TUDataset.url}/{config.download}.zip"

    name = config.name
    by_hand = f"unpack {name}.zip from chrsmrrs.github.io/datasets, and give `data.name={name} data.path=FOLDER`"
    root = given_or_downloaded(config, needs, url, by_hand)
    if not isdir(root):
        raise no_folder(config)
    for folder in (root, root / "raw", root / name, root / name / "raw"):
        if is_regular(_plain_or_packed(folder / f"{name}_A.txt")):
            return folder
    others = {p.name.removesuffix("_A.txt") for depth in ("", "*/", "*/*/") for p in root.glob(f"{depth}*_A.txt")}
    hint = (
        suggestion(name, others) if others else "the edges of a TU set stand there, a pair of nodes in each line"
    )
    raise UserError(f"{root}: no {name}_A.txt in it, in raw, {name} or {name}/raw (`data.name={name}`); {hint}")


def _plain_or_packed(path: Path) -> Path:
    """The file itself, or the packed one where there is no other."""
    packed = path.with_name(f"{path.name}.gz")
    return packed if is_regular(packed) and not is_regular(path) else path


def _joined(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))
