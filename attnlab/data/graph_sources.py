"""Where graphs come from: each source yields plain rows, and names the files it reads.

TU sets are read here and not by `torch_geometric.io.read_tu_data`, which knows of no lines: it could not say where a
file is wrong, takes an edge to a missing node for a larger graph, and an unequal count for an error inside torch.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any, Protocol

from attnlab.config import GraphData
from attnlab.data.answers import NOT_SCORED
from attnlab.data.reading import BadRows, text_lines, unreadable
from attnlab.data.synthetic import molecules
from attnlab.errors import UserError, suggestion

TARGET = "label"


@dataclass(frozen=True)
class GraphRow:
    """A graph as its source gives it.

    nodes: how many. labels: a name for each node, or none; attributes: numbers of each node, or none. edges: (from,
    to), each direction listed; edge_labels, edge_attributes: of each edge, or none. split: "" where the source names
    none.
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


class GraphSource(Protocol):
    """Graphs. Built from the data's configuration; refuses a missing folder or file."""

    notice: str
    kind: str
    """The kind of the target `label`."""
    ceiling: float | None
    files: dict[str, Path]
    """What the rows are read from: their contents are the data's fingerprint."""

    def rows(self, bad: BadRows) -> Iterator[GraphRow]: ...


class Molecules:
    """`data=molecules`: generated molecules; the data are as fixed as those of a file."""

    notice = (
        "These molecules are generated (data=molecules). For real ones: "
        "attnlab train task=graph data=tu data.name=MUTAG data.path=FOLDER, with the text files of a TU set in FOLDER."
    )
    kind = "class"
    ceiling: float | None = 1.0

    def __init__(self, config: GraphData) -> None:
        self.files = {"molecules": Path(molecules.__file__)}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        for seed, (split, size) in enumerate(molecules.SIZES.items(), 1):
            for i, m in enumerate(molecules.molecules(size, seed)):
                bonds = [(a, b, bond) for one, other, bond in m.bonds for a, b in ((one, other), (other, one))]
                edges, kinds = [(a, b) for a, b, _ in bonds], [bond for _, _, bond in bonds]
                yield GraphRow(
                    len(m.atoms), edges, m.activity, f"molecules-{split}-{i}", list(m.atoms), edge_labels=kinds, split=split
                )  # fmt: skip


class Karate:
    """`data=karate`: who talks to whom in a karate club that broke in two, and whom each member followed (Zachary
    1977). One graph, seen three times: each split scores other nodes."""

    notice = ""
    kind = "vector_classes"
    ceiling: float | None = None
    FOLLOWED_INSTRUCTOR = frozenset([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21])
    """Zachary's table 3. The labels that PyG carries are communities found by an algorithm, no observation."""

    def __init__(self, config: GraphData) -> None:
        self.config, self.files = config, {"karate": Path(__file__)}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        from torch_geometric.datasets import KarateClub

        club = KarateClub()[0]
        edges = [(a, b) for a, b in club.edge_index.t().tolist()]
        nodes = int(club.num_nodes)
        sides = ["instructor" if node in self.FOLLOWED_INSTRUCTOR else "officer" for node in range(nodes)]
        for split, scored in self._views(sides).items():
            labels = [side if node in scored else NOT_SCORED for node, side in enumerate(sides)]
            # Which node it is, is the only thing known of it.
            yield GraphRow(nodes, edges, labels, f"karate-{split}", [str(n) for n in range(nodes)], split=split)

    def _views(self, sides: list[str]) -> dict[str, set[int]]:
        """The nodes that each split scores: `data.labelled` of each side are learned, of the others a share validates."""
        random = Random(self.config.split_seed)
        found: dict[str, set[int]] = {"train": set(), "validation": set(), "test": set()}
        for side in sorted(set(sides)):
            members = [node for node, own in enumerate(sides) if own == side]
            random.shuffle(members)
            others = len(members) - self.config.labelled
            if others < 2:
                raise UserError(
                    f"`data.labelled={self.config.labelled}`: the {side}'s side has only {len(members)} members, of "
                    "whom two are left to validate and test"
                )
            validating = self.config.labelled + max(1, round(self.config.validation * others))
            found["train"] |= set(members[: self.config.labelled])
            found["validation"] |= set(members[self.config.labelled : validating])
            found["test"] |= set(members[validating:])
        return found


class Tu:
    """`data=tu`: the text files of a TU set (Morris et al. 2020): NAME_A.txt, NAME_graph_indicator.txt, …, in
    `data.path` itself, its folder raw, NAME or NAME/raw. All numbers count from 1."""

    notice = ""
    ceiling: float | None = None

    def __init__(self, config: GraphData) -> None:
        self.name, self.folder = config.name, _tu_folder(config)
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
            if kind is float and not all(map(math.isfinite, row)):
                raise UserError(f"{path}:{number}: `{text[:40]}` is no finite number")
            found.append(row)
        return found


def _tu_folder(config: GraphData) -> Path:
    """The folder that holds NAME_A.txt."""
    if config.path is None:
        raise UserError("`data.path` is missing: the folder of a TU set's text files; set it with `data.path=…`")
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


def _joined(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


class Jsonl:
    """`data=graph_jsonl`: a graph in each line, such as {"nodes": ["C", "O"], "edges": [[0, 1]], "label": "yes"}.

    nodes: a name of each, numbers of each, or how many; edges: [from, to] or [from, to, name or numbers], nodes
    counted from 0. A folder holds train.jsonl, and validation.jsonl and test.jsonl where there are such.
    """

    notice = ""
    ceiling: float | None = None

    def __init__(self, config: GraphData) -> None:
        self.config, self.kind = config, config.target_kind
        if config.path is None:
            raise UserError("`data.path` is missing: a .jsonl file of graphs; set it with `data.path=…`")
        path = Path(config.path).expanduser()
        if path.is_dir():
            names = ("train", "validation", "test")
            self.files = {n: path / f"{n}.jsonl" for n in names if (path / f"{n}.jsonl").is_file()}
            if not self.files:
                raise UserError(f"{path}: no train.jsonl in it")
        elif path.is_file():
            self.files = {"": path}
        else:
            raise UserError(f"`data.path={config.path}`: no such file")

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        for split, path in self.files.items():
            for line, text in enumerate(text_lines(path), 1):
                if not text.strip():
                    continue
                try:
                    yield self._row(text, f"{path.name}:{line}", split)
                except ValueError as error:
                    bad.found(f"{path}:{line}: {error}")

    def _row(self, text: str, key: str, split: str) -> GraphRow:
        """Raises ValueError with what is wrong."""
        try:
            record = json.loads(text)
        except (json.JSONDecodeError, RecursionError):
            raise ValueError(unreadable(text) or "not a JSON object") from None
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")
        for name in ("nodes", "edges", TARGET):
            if name not in record:
                raise ValueError(f"no `{name}`; {suggestion(name, record)}")
        nodes = record["nodes"]
        count = nodes if _is_whole(nodes) else len(nodes) if isinstance(nodes, list) else 0
        if count < 1:
            raise ValueError("an empty graph: `nodes` must list at least one, or be their number")
        labels, attributes = ([], []) if _is_whole(nodes) else _described(nodes, "node")
        edges, values = self._edges(record["edges"], count)
        edge_labels, edge_attributes = _described(values, "edge") if values else ([], [])
        return GraphRow(
            count, edges, self._target(record[TARGET], count), key, labels, attributes, edge_labels, edge_attributes, split
        )  # fmt: skip

    def _edges(self, given: Any, count: int) -> tuple[list[tuple[int, int]], list[Any]]:
        edges: list[tuple[int, int]] = []
        values: list[Any] = []
        if not isinstance(given, list):
            raise ValueError("`edges` must be a list of [from, to]")
        for edge in given:
            if not isinstance(edge, list) or len(edge) not in (2, 3) or not all(map(_is_whole, edge[:2])):
                raise ValueError(f"the edge {json.dumps(edge)[:40]} must be [from, to] or [from, to, value]")
            for node in edge[:2]:
                if not 0 <= node < count:
                    raise ValueError(f"an edge to node {node}, but the nodes are 0 to {count - 1}")
            ways = [(edge[0], edge[1])] if self.config.directed else [(edge[0], edge[1]), (edge[1], edge[0])]
            edges += ways
            values += edge[2:] * len(ways)
        if values and len(values) != len(edges):
            raise ValueError("some edges have a value and some have none")
        return edges, values

    def _target(self, label: Any, count: int) -> Any:
        if self.kind == "number":
            if not _is_number(label):
                raise ValueError(f"`{TARGET}` must be a number (data.target_kind=number)")
            return float(label)
        if self.kind == "classes":
            if not isinstance(label, list) or any(v not in (0, 1, None) for v in label):
                raise ValueError(f"`{TARGET}` must be a list of 0, 1 and null (data.target_kind=classes)")
            return [-1 if value is None else int(value) for value in label]
        if self.kind == "vector_classes":
            if not isinstance(label, list) or len(label) != count:
                raise ValueError(f"`{TARGET}` must be a list of {count}, one for each node (null: not scored)")
            return [NOT_SCORED if v is None or v == -1 else str(v) for v in label]
        if label is None or isinstance(label, list | dict):
            raise ValueError(f"`{TARGET}` must be the name of one class (data.target_kind=class)")
        return str(label)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _described(values: list[Any], what: str) -> tuple[list[str], list[list[float]]]:
    """(names, numbers) of all nodes or edges: one of the two."""
    if all(isinstance(value, str) or _is_whole(value) for value in values):
        return [str(value) for value in values], []
    rows = [
        [float(v) for v in value] if isinstance(value, list) and all(map(_is_number, value)) else None
        for value in values
    ]
    widths = [
        len(list(run)) and width for width, run in groupby(None if row is None else len(row) for row in rows)
    ]
    if len(widths) != 1 or not widths[0]:
        raise ValueError(f"each {what} must have a name, or each a list of equally many numbers")
    return [], [row for row in rows if row is not None]


GRAPH_SOURCES: dict[str, Callable[[GraphData], GraphSource]] = {
    "molecules": Molecules,
    "karate": Karate,
    "tu": Tu,
    "jsonl": Jsonl,
}
