"""Graphs of TU sets (Morris et al. 2020), by their text files.

They are read here and not by `torch_geometric.io.read_tu_data`, which knows of no lines: it could not say where a file is
wrong, takes an edge to a missing node for a larger graph, and an unequal count for an error inside torch.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.downloads import downloaded
from attnlab.data.files.tables import usable
from attnlab.data.graph.source import GraphRow
from attnlab.errors import UserError, suggestion
from attnlab.text_files import text_lines


class Tu:
    """`data=tu`: the text files of a TU set (Morris et al. 2020): NAME_A.txt, NAME_graph_indicator.txt, …, in
    `data.path` itself, its folder raw, NAME or NAME/raw. All numbers count from 1."""

    notice = ""
    ceiling: float | None = None

    def __init__(self, config: GraphData) -> None:
        self.name, self.folder = config.name, _folder(config)
        names = "A graph_indicator graph_labels graph_attributes node_labels node_attributes edge_labels edge_attributes"
        paths = {name: self.folder / f"{self.name}_{name}.txt" for name in names.split()}
        self.files = {name: path for name, path in paths.items() if path.is_file()}
        if "graph_labels" not in self.files and "graph_attributes" not in self.files:
            raise UserError(f"{paths['graph_labels']}: missing; it says the class of each graph, line by line")
        if "graph_indicator" not in self.files:
            raise UserError(f"{paths['graph_indicator']}: missing; it says the graph of each node, line by line")
        self.kind = "class" if "graph_labels" in self.files else "number"

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        owners = [row[0] for row in self._table("graph_indicator", int, 1)]
        answers = self._table(
            "graph_labels" if self.kind == "class" else "graph_attributes", int if self.kind == "class" else float
        )
        edges = self._table("A", int, 2)
        labels, attributes = self._of("node_labels", int, owners), self._of("node_attributes", float, owners)
        edge_labels, edge_attributes = (
            self._of("edge_labels", int, edges),
            self._of("edge_attributes", float, edges),
        )
        members: list[list[int]] = [[] for _ in answers]
        place = []
        for line, owner in enumerate(owners, 1):
            if not 1 <= owner <= len(answers):
                raise UserError(
                    f"{self.files['graph_indicator']}:{line}: graph {owner}, but there are answers for graphs 1 to {len(answers)}"
                )
            place.append(len(members[owner - 1]))
            members[owner - 1].append(line - 1)
        own_edges = self._edges_of_graphs(edges, owners, len(answers))
        for number, (nodes, lines) in enumerate(zip(members, own_edges, strict=True)):
            target_file = self.files["graph_labels" if self.kind == "class" else "graph_attributes"]
            if not nodes:
                bad.found(
                    f"{target_file}:{number + 1}: graph {number + 1} is empty: graph_indicator gives it no node"
                )
                continue
            answer = answers[number]
            yield GraphRow(
                nodes=len(nodes),
                edges=[(place[edges[i][0] - 1], place[edges[i][1] - 1]) for i in lines],
                target=_joined(answer) if self.kind == "class" else float(answer[0]),
                key=f"{target_file.name}:{number + 1}",
                labels=[_joined(labels[i]) for i in nodes] if labels else [],
                attributes=[attributes[i] for i in nodes] if attributes else [],
                edge_labels=[_joined(edge_labels[i]) for i in lines] if edge_labels else [],
                edge_attributes=[edge_attributes[i] for i in lines] if edge_attributes else [],
            )

    def _edges_of_graphs(self, edges: list[list[Any]], owners: list[int], graphs: int) -> list[list[int]]:
        """The lines, from 0, of each graph's edges; refuses an edge to a missing node or to another graph."""
        found: list[list[int]] = [[] for _ in range(graphs)]
        for number, (one, other) in enumerate(edges):
            for node in (one, other):
                if not 1 <= node <= len(owners):
                    raise UserError(
                        f"{self.files['A']}:{number + 1}: an edge to node {node}, but graph_indicator lists nodes 1 to {len(owners)}"
                    )
            owner = owners[one - 1]
            if owner != owners[other - 1]:
                raise UserError(
                    f"{self.files['A']}:{number + 1}: an edge from graph {owner} to graph {owners[other - 1]}; edges stay within a graph"
                )
            found[owner - 1].append(number)
        return found

    def _of(self, name: str, kind: Callable[[str], Any], others: list[Any]) -> list[list[Any]]:
        """A table with a line for each node or edge; empty where the set has none."""
        if name not in self.files:
            return []
        found = self._table(name, kind)
        if len(found) != len(others):
            what = "graph_indicator" if name.startswith("node") else "A"
            raise UserError(
                f"{self.files[name]}:{len(found)}: the last line, but {self.files[what].name} has {len(others)} lines; "
                f"both need one for each {name.partition('_')[0]}"
            )
        return found

    def _table(self, name: str, kind: Callable[[str], Any], width: int | None = None) -> list[list[Any]]:
        """The numbers of each line."""
        path, found = self.files[name], []
        lines = [text.strip() for text in text_lines(path)]
        while lines and not lines[-1]:
            lines.pop()
        for number, text in enumerate(lines, 1):
            try:
                row = [kind(cell) for cell in text.split(",")]
            except ValueError:
                wanted = "whole numbers" if kind is int else "numbers"
                raise UserError(
                    f"{path}:{number}: expected {wanted} with commas between, found `{text[:40]}`"
                ) from None
            width = len(row) if width is None else width
            if len(row) != width:
                raise UserError(f"{path}:{number}: {len(row)} numbers, where there must be {width}")
            if kind is float and not all(map(usable, row)):
                raise UserError(f"{path}:{number}: `{text[:40]}` is no finite number in single precision")
            found.append(row)
        return found


def _folder(config: GraphData) -> Path:
    """The folder that holds NAME_A.txt."""
    if config.path is None and config.download is not None:
        return _downloaded(config.download, config.cache)
    if config.path is None:
        raise UserError(
            "`data.path` is missing: the folder of a TU set's text files; set it with `data.path=…`, or have a set "
            "downloaded with `data.download=…`"
        )
    root, name = Path(config.path).expanduser(), config.name
    if not root.is_dir():
        raise UserError(f"`data.path={config.path}`: no such folder")
    for folder in (root, root / "raw", root / name, root / name / "raw"):
        if (folder / f"{name}_A.txt").is_file():
            return folder
    others = {p.name.removesuffix("_A.txt") for depth in ("", "*/", "*/*/") for p in root.glob(f"{depth}*_A.txt")}
    hint = (
        suggestion(name, others) if others else "the edges of a TU set stand there, a pair of nodes in each line"
    )
    raise UserError(f"{root}: no {name}_A.txt in it, in raw, {name} or {name}/raw (`data.name={name}`); {hint}")


def _downloaded(name: str, cache: str | None) -> Path:
    """The folder of a set's text files, from where PyTorch Geometric has them."""
    from torch_geometric.datasets import TUDataset

    return downloaded(
        cache, f"{TUDataset.url}/{name}.zip", f"`data.download={name}`",
        f"unpack {name}.zip from chrsmrrs.github.io/datasets, and give `data.name={name} data.path=FOLDER`",
    )  # fmt: skip


def _joined(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))
