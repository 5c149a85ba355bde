"""Graphs prepared once: names, numbers, edges and structure of each, whichever of them will be trained on."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import GraphData
from attnlab.config.data.graph import ONE_NUMBER, parse_structures
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.file_names import FileNames
from attnlab.data.graph import structure
from attnlab.data.graph.source import BARE_LOOPS, MAX_NODES, REPEATED, ROUNDED, TARGET, GraphRow, GraphSource
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.disk import read_json
from attnlab.errors import UserError
from attnlab.schema import Size
from attnlab.spec import Target
from attnlab.targets import StoredAnswers, kind_named, stored_answers

MAX_NUMBERS = 1 << 26
"""Of `data.structure`, for all nodes of a graph together."""
LARGE = 1e6
"""Numbers from which single precision leaves less than one decimal place."""
FEW_STEPS = 64
"""Steps of random walks that any data may be given."""
SETTINGS = "source name structure target_kind directed labelled skip_bad".split()
"""The keys that what is prepared depends on; the others are applied when the data are opened."""


def prepare(config: GraphData, source: GraphSource, learned: bool = False) -> tuple[str, Path]:
    """The name of the prepared graphs, by what they depend on, and their folder: graphs.arrow and meta.json.

    learned: whether a run has learned from other graphs with the same structure. Else raises UserError where no graph has
    enough nodes for it.
    """
    settings = {name: getattr(config, name) for name in (*SETTINGS, *source.settings)}
    settings |= {"files": [*source.files, *source.rules]}
    settings |= {"identity": source.identity} if source.identity else {}
    digest = fingerprint([*source.files.values(), *source.rules.values()], settings)
    name = f"graphs-{config.name}-{digest}"
    return name, prepared(cache_folder(config.cache), name, partial(_write, config, source, learned))


class Meta(TypedDict):
    """meta.json: see the attributes of `PreparedGraphs`. answers: the `labels` that their numbers stand for."""

    names: dict[str, list[str]]
    answers: dict[str, list[str]]
    structure: list[str]
    attributes: Size
    edge_attributes: Size
    warnings: list[str]
    changed: list[str]


class PreparedGraphs:
    """All prepared graphs, mapped into memory. `rows` are numbers of graphs, in the order of their source. file_names: of the
    source's files."""

    def __init__(self, folder: Path, file_names: FileNames) -> None:
        self.columns = Columns(folder / "graphs.arrow")
        self.keys = [file_names.shown(key) for key in self.columns.strings("key")]
        self.owners, self.splits = self.columns.strings("owner"), self.columns.strings("split")
        self.num_nodes = self.columns.numbers("nodes").astype(np.int64)
        self.edges, self.edge_numbers = self.columns.ragged("edges"), self.columns.ragged("edge_numbers")
        self.labels = {"nodes": self.columns.ragged("labels"), "edges": self.columns.ragged("edge_labels")}
        self.num_edges = self.edges.lengths // 2
        self._numbers = self.columns.ragged("numbers")
        meta = read_json(folder / "meta.json", Meta)
        self.names = meta["names"]
        """Of nodes and of edges: what the numbers in `labels` stand for."""
        self.attributes = meta["attributes"]
        """How many numbers a node has besides those of its structure."""
        self.edge_attributes = meta["edge_attributes"]
        self.structure = meta["structure"]
        self.structures = parse_structures(self.structure)
        self.warnings = [file_names.shown(warning) for warning in meta["warnings"]]
        self.changed = meta["changed"]
        """In what these graphs differ from what an earlier version made of the same files: a run that it stopped must not
        go on with them, so this is part of the fingerprint; empty for most data."""
        self._answers = meta["answers"]

    def answers(self, target: Target) -> StoredAnswers:
        """The right answers, by the classes of a target."""
        return stored_answers(self.columns, TARGET, target, self._answers.get("labels", ()))

    def numbers(self, rows: Indices) -> NDArray[np.float32]:
        """(B,) graphs -> (N, attributes + structure): the numbers of their nodes, as they were prepared."""
        width = self.attributes + sum(size for _, size in self.structures)
        return self._numbers.take(rows).reshape(int(self.num_nodes[rows].sum()), width)

    @cached_property
    def laplacian_columns(self) -> NDArray[np.int64]:
        """The columns of `numbers` that hold laplacian vectors, whose signs mean nothing."""
        kinds = [kind for kind, size in self.structures for _ in range(size)]
        columns = [i for i, kind in enumerate(kinds, self.attributes) if kind == "laplacian"]
        return np.array(columns, dtype=np.int64)


def _write(config: GraphData, source: GraphSource, learned: bool, folder: Path) -> None:
    """Read every graph once; names become numbers in the order in which they appear."""
    from datasets import Features, List, Value

    writer = kind_named(source.kind).writer()
    columns: dict[str, object] = {name: Value("string") for name in ("key", "owner", "split")}
    columns["nodes"] = Value("int32")
    columns |= {name: List(Value("int32")) for name in ("labels", "edges", "edge_labels")}
    columns |= {name: List(Value("float32")) for name in ("numbers", "edge_numbers")}
    columns |= Features.from_arrow_schema(pa.schema([(TARGET, writer.arrow)]))
    names: dict[str, dict[str, int]] = {"nodes": {}, "edges": {}}
    bad, widths, file_names = BadRows(config.skip_bad, "graph"), _Widths(), FileNames(source.files)
    configured, changed = parse_structures(config.structure), set[str]()
    if configured and not learned:  # before wide rows of zeros fill the disk
        refuse_wide(configured, (row.nodes for row in source.rows(BadRows(skip=True))))

    def rows() -> Iterator[dict[str, object]]:
        for row in source.rows(bad):
            structures = configured or (() if row.labels or row.attributes else (("degree", 1),))
            location, questions = _location(row, source), source.kind == "classes"
            if problem := widths.problem(row, questions) or too_large(row, structures):
                bad.found(f"{location}: {problem}")
                continue
            edges, chosen = distinct_edges(row)
            for rule in _rules(row, edges):
                bad.note(rule, location)
            changed.update(_changed(row.nodes, edges, structures))
            if edges.shape[1] < len(row.edges) and not row.split:
                changed.add("held out")  # an edge listed again made another graph of it, held out by itself
            widths.structure = [kind if kind in ONE_NUMBER else f"{kind}:{size}" for kind, size in structures]
            attributes = np.array(row.attributes, dtype=np.float32).reshape(row.nodes, -1)
            roles = structure.node_roles(row.nodes, edges, structures)
            yield {
                "key": file_names.stored_key(row.key), "owner": row.owner or row.key, "split": row.split, "nodes": row.nodes, "edges": edges.T.ravel(),
                "labels": _numbered(row.labels, names["nodes"]),
                "edge_labels": _numbered([row.edge_labels[i] for i in chosen] if row.edge_labels else [], names["edges"]),
                "edge_numbers": [number for i in chosen for number in row.edge_attributes[i]] if row.edge_attributes else [],
                "numbers": np.concatenate([attributes, roles], axis=1).ravel(),
                TARGET: writer.stored(row.target),
            }  # fmt: skip

    if write_rows(folder / "graphs.arrow", columns, rows()) == 0:
        raise UserError(f"data={config.name}: no graph can be used{'; ' if bad.count else ''}{bad.summary()}")
    source.refuse_changed()
    meta = {
        "names": {kind: list(ids) for kind, ids in names.items()}, "answers": {"labels": writer.labels},
        "structure": widths.structure, "attributes": widths.numbers("nodes"), "edge_attributes": widths.numbers("edges"),
        "warnings": [file_names.stored(warning) for warning in bad.warnings()],
        "changed": sorted(changed | source.changed),
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def _rules(row: GraphRow, edges: NDArray[np.int64]) -> Iterator[str]:
    """What a user should know of how a graph's edges are read; edges: (2, E) those that are kept."""
    if edges.shape[1] < len(row.edges):
        yield REPEATED
    if not row.edge_labels and not row.edge_attributes and (edges[0] == edges[1]).any():
        yield BARE_LOOPS
    if any(map(_rounded, (row.attributes, row.edge_attributes))):
        yield ROUNDED


def _rounded(rows: list[list[float]]) -> bool:
    """Whether single precision changes a large number."""
    numbers = np.array(rows, dtype=np.float64)
    large = numbers[np.abs(numbers) >= LARGE]
    return bool((large != large.astype(np.float32)).any())


def _changed(nodes: int, edges: NDArray[np.int64], structures: Sequence[tuple[str, int]]) -> Iterator[str]:
    """In what a graph differs from what an earlier version made of it. edges: (2, E) in order of both ends."""
    if (edges[0] == edges[1]).any() or (edges[:, 1:] == edges[:, :-1]).all(axis=0).any():
        yield "edges"  # those from a node to itself were left out, of several between two nodes all but one
    if nodes >= structure.SPARSE_FROM and any(kind == "laplacian" for kind, _ in structures):
        yield "laplacian"


def too_large(row: GraphRow, structures: Sequence[tuple[str, int]]) -> str:
    """Why a graph cannot be prepared; empty where it can."""
    if row.nodes > MAX_NODES:
        return f"{row.nodes:,} nodes; a graph has at most {MAX_NODES:,}"
    width = sum(size for _, size in structures)
    if row.nodes * width > MAX_NUMBERS:
        return (
            f"{row.nodes:,} nodes with {width:,} numbers each by `data.structure`; a graph has at most {MAX_NUMBERS:,} of "
            f"them, {MAX_NUMBERS // row.nodes:,} for each of its nodes"
        )
    return ""


def refuse_wide(structures: Sequence[tuple[str, int]], sizes: Iterable[int]) -> None:
    """Raises UserError where `data.structure` asks for more than any graph has. sizes: how many nodes each has, asked until
    one has enough."""
    needed = max((size + (kind == "laplacian") for kind, size in structures if kind not in ONE_NUMBER), default=0)
    largest = 0
    for nodes in sizes:
        largest = max(largest, nodes)
        if nodes >= needed:
            return
    for kind, size in structures if largest else ():
        # What walks longer than the number of nodes would say follows from the shorter ones.
        most = largest - 1 if kind == "laplacian" else max(largest, FEW_STEPS)
        if size > most:
            remedy = f"at most {kind}:{most}" if most else f"leave {kind} out"
            raise UserError(
                f"`data.structure={kind}:{size}`: the largest graph has {largest} node{'s' * (largest > 1)}; {remedy}"
            )


def _location(row: GraphRow, source: GraphSource) -> str:
    """The file and line of a graph."""
    name = row.key.partition(":")[0]
    path = next((path for path in source.files.values() if path.name == name), None)
    return row.key if path is None else f"{path}{row.key.removeprefix(name)}"


class _Widths:
    """What describes nodes and edges, and how many questions are answered: the same for all graphs of a data set."""

    def __init__(self) -> None:
        self.structure: list[str] = []
        self._first: dict[str, tuple[bool, int]] = {}  # whether they have names, and how many numbers

    def problem(self, row: GraphRow, questions: bool) -> str:
        """What is wrong with a graph unlike the first; empty where nothing is. questions: answered by yes or no."""
        described = {"nodes": _description(row.labels, row.attributes)}
        if row.edges:
            described["edges"] = _description(row.edge_labels, row.edge_attributes)
        for what, here in described.items():
            first = self._first.setdefault(what, here)
            if here != first:
                return f"{what} with {_in_words(here)}, where the first graph has {_in_words(first)}"
        if questions and isinstance(row.target, list):
            _, first_answers = self._first.setdefault("answers", (False, len(row.target)))
            if len(row.target) != first_answers:
                return f"{len(row.target)} answers, where the first graph has {first_answers}"
        return ""

    def numbers(self, what: str) -> int:
        """How many numbers each of the nodes, or edges, has."""
        return self._first.get(what, (False, 0))[1]


def _description(names: list[str], numbers: list[list[float]]) -> tuple[bool, int]:
    return bool(names), len(numbers[0]) if numbers else 0


def _in_words(description: tuple[bool, int]) -> str:
    named, numbers = description
    words = ["a name"] * named + [f"{numbers} numbers"] * bool(numbers)
    return " and ".join(words) or "nothing"


def distinct_edges(row: GraphRow) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2, E) edges in order of where they lead, where they come from and what they are called, so that the order in a file
    doesn't matter, and the number of each in the row; of those that are equal in all of it the first alone."""
    edges = np.array(row.edges, dtype=np.int64).reshape(-1, 2)
    columns = [edges[:, 1], edges[:, 0]]
    if row.edge_labels:
        ranks = {name: rank for rank, name in enumerate(sorted(set(row.edge_labels)))}
        columns.append(np.array([ranks[name] for name in row.edge_labels]))
    if row.edge_attributes:
        columns += list(np.array(row.edge_attributes, dtype=np.float32).T)
    order = np.lexsort(columns[::-1])
    first = np.ones(len(edges), dtype=bool)
    first[1:] = np.any([column[order[1:]] != column[order[:-1]] for column in columns], axis=0)
    return edges[order[first]].T, order[first]


def _numbered(names: list[str], ids: dict[str, int]) -> list[int]:
    return [ids.setdefault(name, len(ids)) for name in names]
