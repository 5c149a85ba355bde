"""Graphs prepared once: names, numbers, edges and structure of each, whoever will be trained on them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import GraphData
from attnlab.config.data.graph import ONE_NUMBER, parse_structures
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.graph import structure
from attnlab.data.graph.source import TARGET, GraphRow, GraphSource
from attnlab.data.prep.answers import RECORDS
from attnlab.data.prep.arrow import write_rows
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.errors import UserError

PREPARED = "source name structure target_kind directed labelled skip_bad".split()
"""The settings that what is prepared depends on; the others are applied when the data are opened."""


def prepare(config: GraphData, source: GraphSource) -> Path:
    """The folder of the prepared graphs: graphs.arrow and meta.json."""
    settings = {name: getattr(config, name) for name in PREPARED}
    if config.source == "karate":  # which nodes are labelled is part of each view
        settings |= {"split_seed": config.split_seed, "validation": config.validation}
    name = fingerprint(source.files.values(), settings | {"files": list(source.files)})
    return prepared(
        cache_folder(config.cache), f"graphs-{config.name}-{name}", lambda folder: _write(config, source, folder)
    )


def _write(config: GraphData, source: GraphSource, folder: Path) -> None:
    """Read every graph once; names become numbers in the order in which they appear."""
    from datasets import Features, List, Value

    record = RECORDS[source.kind](source.kind)
    columns: dict[str, Any] = {name: Value("string") for name in ("key", "owner", "split")} | {
        "nodes": Value("int32")
    }
    columns |= {name: List(Value("int32")) for name in ("labels", "edges", "edge_labels")}
    columns |= {name: List(Value("float32")) for name in ("numbers", "edge_numbers")}
    columns |= Features.from_arrow_schema(pa.schema([(TARGET, record.arrow)]))
    names: dict[str, dict[str, int]] = {"nodes": {}, "edges": {}}
    bad, found = BadRows(config.skip_bad, "graph"), _Widths(source.kind)
    configured = parse_structures(config.structure)

    def rows() -> Iterator[dict[str, Any]]:
        for row in source.rows(bad):
            problem = found.differs(row)
            if problem:
                bad.found(f"{_place(row, source)}: {problem}")
                continue
            edges, kept = simple(row)
            structures = configured or (() if row.labels or row.attributes else (("degree", 1),))
            found.structure = [kind if kind in ONE_NUMBER else f"{kind}:{size}" for kind, size in structures]
            role = structure.described(row.nodes, edges, structures)
            attributes = np.array(row.attributes, dtype=np.float32).reshape(row.nodes, -1)
            yield {
                "key": row.key, "owner": row.owner or row.key, "split": row.split, "nodes": row.nodes, "edges": edges.T.ravel(),
                "labels": _numbered(row.labels, names["nodes"]),
                "edge_labels": _numbered([row.edge_labels[i] for i in kept] if row.edge_labels else [], names["edges"]),
                "edge_numbers": [number for i in kept for number in row.edge_attributes[i]] if row.edge_attributes else [],
                "numbers": np.concatenate([attributes, role], axis=1).ravel(),
                TARGET: record.stored(row.target),
            }  # fmt: skip

    if write_rows(folder / "graphs.arrow", columns, rows()) == 0:
        raise UserError(f"data={config.name}: no graph can be used{'; ' if bad.count else ''}{bad.first}")
    meta = {
        "names": {kind: list(known) for kind, known in names.items()}, "answers": record.meta(),
        "structure": found.structure, "attributes": found.attributes, "edge_attributes": found.edge_attributes,
        "bad": bad.summary(),
    }  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def _place(row: GraphRow, source: GraphSource) -> str:
    """The file and line of a graph."""
    name = row.key.partition(":")[0]
    path = next((path for path in source.files.values() if path.name == name), None)
    return row.key if path is None else f"{path}{row.key.removeprefix(name)}"


class _Widths:
    """What nodes and edges of a data set are described by, and how many questions are answered by yes or no: the same
    for all its graphs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.questions = 0
        self.structure: list[str] = []
        self.first: tuple[bool, int] | None = None
        self.first_edges: tuple[bool, int] | None = None

    @property
    def attributes(self) -> int:
        return self.first[1] if self.first else 0

    @property
    def edge_attributes(self) -> int:
        return self.first_edges[1] if self.first_edges else 0

    def differs(self, row: GraphRow) -> str:
        """What is wrong with a graph unlike the first; empty where all is well."""
        nodes = (bool(row.labels), len(row.attributes[0]) if row.attributes else 0)
        edges = (bool(row.edge_labels), len(row.edge_attributes[0]) if row.edge_attributes else 0)
        self.first = self.first or nodes
        if row.edges:
            self.first_edges = self.first_edges or edges
        if nodes != self.first:
            return f"nodes with {_told(nodes)}, where the first graph has {_told(self.first)}"
        if row.edges and self.first_edges and edges != self.first_edges:
            return f"edges with {_told(edges)}, where the first graph has {_told(self.first_edges)}"
        if self.kind == "classes":
            self.questions = self.questions or len(row.target)
            if len(row.target) != self.questions:
                return f"{len(row.target)} answers, where the first graph has {self.questions}"
        return ""


def _told(description: tuple[bool, int]) -> str:
    named, numbers = description
    return (
        " and ".join([*(["a name"] if named else []), *([f"{numbers} numbers"] if numbers else [])]) or "nothing"
    )


def simple(row: GraphRow) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2, E) edges in order of where they lead, without loops and repetitions, and the number of each in the row."""
    given = np.array(row.edges, dtype=np.int64).reshape(-1, 2)
    kept = np.flatnonzero(given[:, 0] != given[:, 1])
    _, first = np.unique(given[kept][:, ::-1], axis=0, return_index=True)
    return given[kept[first]].T, kept[first]


def _numbered(names: list[str], known: dict[str, int]) -> list[int]:
    return [known.setdefault(name, len(known)) for name in names]
