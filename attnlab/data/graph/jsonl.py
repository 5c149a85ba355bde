"""Graphs of one's own: a line of JSON for each."""

import json
from collections.abc import Iterator
from typing import TypeGuard

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.files.tables import usable
from attnlab.data.graph.source import TARGET, GraphRow, GraphSource, by_content
from attnlab.data.prep.source import path_of
from attnlab.errors import suggestion
from attnlab.metrics import NOT_SCORED
from attnlab.text_files import text_lines, unreadable

MAX_NODES = 2**31 - 1
"""Prepared graphs number their nodes in 32 bits."""


class Jsonl(GraphSource):
    """`data=graph_jsonl`: a graph in each line, such as {"nodes": ["C", "O"], "edges": [[0, 1]], "label": "yes"}.

    nodes: a name of each, numbers of each, or how many; edges: [from, to] or [from, to, name or numbers], nodes counted
    from 0. `data.path` is a file, or a folder of those named train, validation (or dev) and test.
    """

    has_names = True
    needs = "a .jsonl file of graphs"

    def __init__(self, config: GraphData) -> None:
        self.config, self.kind = config, config.target_kind
        self.files, self.warnings = split_files(
            config, path_of(config), lambda path: plain_suffix(path) == ".jsonl", ".jsonl"
        )

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
        """The graph of a line. Raises ValueError that says what is wrong."""
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):  # also of an integer of thousands of digits
            raise ValueError(unreadable(text) or "not a JSON object") from None
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")
        for name in ("nodes", "edges", TARGET):
            if name not in record:
                raise ValueError(f"no `{name}`; {suggestion(name, record)}")
        count, labels, attributes = _nodes(record["nodes"])
        edges, values = self._edges(record["edges"], count)
        target, of_edges = self._target(record[TARGET], count), _described(values, "edge") if values else ([], [])
        return by_content(GraphRow(count, edges, target, key, labels, attributes, *of_edges, split))

    def _edges(self, listed: object, count: int) -> tuple[list[tuple[int, int]], list[object]]:
        """(edges, the value of each, or none), in both directions unless `data.directed`."""
        edges: list[tuple[int, int]] = []
        values: list[object] = []
        if not isinstance(listed, list):
            raise ValueError("`edges` must be a list of [from, to]")
        for edge in listed:
            if not isinstance(edge, list) or len(edge) not in (2, 3) or not all(map(_is_whole, edge[:2])):
                raise ValueError(f"the edge {json.dumps(edge)[:40]} must be [from, to] or [from, to, value]")
            for node in edge[:2]:
                if not 0 <= node < count:
                    raise ValueError(f"an edge to node {node}, but the nodes are 0 to {count - 1}")
            directions = [(edge[0], edge[1]), (edge[1], edge[0])][: 1 if self.config.directed else 2]
            edges += directions
            values += edge[2:] * len(directions)
        if values and len(values) != len(edges):
            raise ValueError("some edges have a value and some have none")
        return edges, values

    def _target(self, label: object, count: int) -> str | float | list[int] | list[str]:
        if self.kind == "number":
            if not _is_number(label):
                raise ValueError(f"`{TARGET}` must be a number (data.target_kind=number)")
            return float(label)
        if self.kind == "classes":
            if not isinstance(label, list) or not label or any(v not in (0, 1, None) for v in label):
                raise ValueError(f"`{TARGET}` must be a list of 0, 1 and null (data.target_kind=classes)")
            return [-1 if value is None else int(value) for value in label]
        if self.kind == "vector_classes":
            if not isinstance(label, list) or len(label) != count:
                raise ValueError(f"`{TARGET}` must be a list of {count}, one for each node (null: not scored)")
            return [NOT_SCORED if v is None or v == -1 else _readable(v, "a label") for v in label]
        if label is None or label == "" or isinstance(label, list | dict):
            raise ValueError(f"`{TARGET}` must be the name of one class (data.target_kind=class)")
        return _readable(label, "the label")


def _nodes(listed: object) -> tuple[int, list[str], list[list[float]]]:
    """(how many, their names, their numbers); names and numbers are empty where nodes have none."""
    count = listed if _is_whole(listed) else len(listed) if isinstance(listed, list) else 0
    if count < 1:
        raise ValueError("an empty graph: `nodes` must list at least one, or be their number")
    if count > MAX_NODES:
        raise ValueError(f"{count:,} nodes; a graph has at most {MAX_NODES:,}")
    return (count, *(_described(listed, "node") if isinstance(listed, list) else ([], [])))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and usable(value)


def _readable(value: object, what: str) -> str:
    """As text."""
    if problem := unreadable(str(value)):
        raise ValueError(f"{what} {json.dumps(value)[:40]}: {problem}")
    return str(value)


def _described(values: list[object], what: str) -> tuple[list[str], list[list[float]]]:
    """(names, numbers) of all nodes or edges: one of the two."""
    if all(isinstance(value, str) or _is_whole(value) for value in values):
        names = [_readable(value, f"the {what} name") for value in values]
        if broken := next((name for name in names if "\n" in name), ""):
            raise ValueError(f"the {what} name {json.dumps(broken)[:40]}: holds a line feed")
        return names, []
    listed = [value for value in values if isinstance(value, list) and all(map(_is_number, value))]
    rows = [[float(number) for number in value] for value in listed]
    if len(rows) != len(values) or len({len(row) for row in rows}) != 1 or not rows[0]:
        raise ValueError(f"each {what} must have a name, or each a list of equally many numbers")
    return [], rows
