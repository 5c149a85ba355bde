"""Graphs of one's own: a line of JSON for each."""

import json
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from typing import TypeGuard

from attnlab.codec import UNKNOWN
from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import plain_suffix, split_files
from attnlab.data.files.names import class_name
from attnlab.data.files.tables import usable
from attnlab.data.graph.source import MAX_NODES, SPELLINGS, TARGET, GraphRow, GraphSource, Refused, by_content
from attnlab.data.prep.source import path_of
from attnlab.errors import suggestion
from attnlab.metrics import NOT_SCORED
from attnlab.text_files import text_lines, unreadable

READ = ("nodes", "edges", TARGET)
"""The keys of a graph."""
WHOLE = "graphs with classes such as 1.0, which are the class 1"
"""What is told of whole numbers with a decimal point; programs write them in place of 1 where other labels are missing."""
UNNAMED = f"graphs with names `{UNKNOWN}`, which are those of nodes or edges without a name"
"""What is told of the one name that cannot be learned."""
FIRST = 100
"""Graphs of a file among which one has a label where any has."""
UNREAD = 8
"""Other keys that are told by name."""


class Jsonl(GraphSource):
    """`data=graph_jsonl`: a graph in each line, such as {"nodes": ["C", "O"], "edges": [[0, 1]], "label": "yes"}.

    nodes: a name of each, numbers of each, or how many; edges: [from, to] or [from, to, name or numbers], nodes counted
    from 0; two edges may have the same ends. `data.path` is a file, or a folder of those named train, validation (or dev)
    and test.
    """

    has_names = True
    needs = "a .jsonl file of graphs"

    def __init__(self, config: GraphData) -> None:
        self.config = config
        self.kind = "class" if config.target_kind == "none" else config.target_kind
        self.files, self.warnings = split_files(
            config, path_of(config), lambda path: plain_suffix(path) == ".jsonl", ".jsonl"
        )
        self._unread: set[str] = set()

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        for split, path in self.files.items():
            for line, text in enumerate(text_lines(path), 1):
                if not text.strip():
                    continue
                notes = _Notes(bad, f"{path}:{line}")
                try:
                    yield self._row(text, f"{path.name}:{line}", split, notes)
                except ValueError as error:
                    self.changed |= {"refused"} if isinstance(error, Refused) else set()
                    bad.found(f"{path}:{line}: {error}")
        told = {"spelling": SPELLINGS, "whole numbers": WHOLE}
        self.changed |= {change for change, rule in told.items() if rule in bad.notes}

    def _row(self, text: str, key: str, split: str, notes: "_Notes") -> GraphRow:
        """The graph of a line. Raises ValueError that says what is wrong."""
        record = _record(text)
        for name in READ[:2] if self.config.target_kind == "none" else READ:
            if name not in record:
                raise ValueError(f"no `{name}`; {suggestion(name, map(_shown_key, record))}")
        self._note_unread(record, notes)
        count, labels, attributes = _nodes(record["nodes"], notes)
        edges, values = _edges(record["edges"], count, self.config.directed)
        target = self._target(record.get(TARGET), count, notes)
        of_edges = _described(values, "edge", notes) if values else ([], [])
        return by_content(GraphRow(count, edges, target, key, labels, attributes, *of_edges, split))

    def _note_unread(self, record: dict[str, object], notes: "_Notes") -> None:
        """Tells of keys that nobody reads, such as misspelled ones."""
        for name in record:
            if name not in READ:
                if len(self._unread) < UNREAD:
                    self._unread.add(name)
                what = (
                    f"graphs with the key `{_shown_key(name)}`"
                    if name in self._unread
                    else "graphs with other keys"
                )
                notes.found(
                    f"{what}, which is not read (only `nodes`, `edges` and `{TARGET}` are; what an edge is called stands "
                    "within `edges`)"
                )

    def _target(self, label: object, count: int, notes: "_Notes") -> str | float | list[int] | list[str]:
        if self.config.target_kind == "none":
            return NOT_SCORED
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
            return [_class_of_node(value, notes) for value in label]
        problem = f"`{TARGET}` must be the name of one class (data.target_kind=class)"
        if label is None or label == "" or isinstance(label, list | dict):
            raise ValueError(problem)
        if not _is_class(label) or not class_name(str(label)):
            raise Refused(problem)
        return notes.name(label, "the label")


def any_labelled(config: GraphData) -> bool:
    """Whether a graph among the first of each file has a label."""
    files, _ = split_files(config, path_of(config), lambda path: plain_suffix(path) == ".jsonl", ".jsonl")
    lines = chain.from_iterable(islice(text_lines(path), FIRST) for path in files.values())
    return any(f'"{TARGET}"' in line for line in lines)


def _edges(listed: object, count: int, directed: bool) -> tuple[list[tuple[int, int]], list[object]]:
    """(edges, the value of each, or none), in both directions unless they are `directed`."""
    edges: list[tuple[int, int]] = []
    values: list[object] = []
    if not isinstance(listed, list):
        raise ValueError("`edges` must be a list of [from, to]")
    for edge in listed:
        if not isinstance(edge, list) or len(edge) not in (2, 3) or not all(map(_is_whole, edge[:2])):
            raise ValueError(
                f"the edge {_shown(edge)} must be [from, to] or [from, to, value], of nodes by their numbers from 0"
            )
        for node in edge[:2]:
            if not 0 <= node < count:
                raise ValueError(f"an edge to node {_shown(node)}, but the nodes are 0 to {count - 1}")
        one_way = directed or edge[0] == edge[1]
        directions = [(edge[0], edge[1]), (edge[1], edge[0])][: 1 if one_way else 2]
        edges += directions
        values += edge[2:] * len(directions)
    if values and len(values) != len(edges):
        raise ValueError("some edges have a value and some have none")
    return edges, values


def unanswered(given: str | dict[str, object], key: str, directed: bool) -> GraphRow:
    """The graph of a line, or of what a line holds, whatever it is labelled. Raises ValueError that says what is wrong."""
    record = _record(given) if isinstance(given, str) else given
    for name in READ[:2]:
        if name not in record:
            raise ValueError(f"no `{name}`; {suggestion(name, map(_shown_key, record))}")
    notes = _Notes(BadRows(skip=True), key)
    count, labels, attributes = _nodes(record["nodes"], notes)
    edges, values = _edges(record["edges"], count, directed)
    of_edges = _described(values, "edge", notes) if values else ([], [])
    return GraphRow(count, edges, NOT_SCORED, key, labels, attributes, *of_edges)


class _Notes:
    """What is treated by a rule in one line of a file."""

    def __init__(self, bad: BadRows, location: str) -> None:
        self.bad, self.location = bad, location
        self._found: set[str] = set()

    def found(self, rule: str) -> None:
        """Counts each rule once for the graph of this line."""
        if rule not in self._found:
            self._found.add(rule)
            self.bad.note(rule, self.location)

    def name(self, value: object, what: str) -> str:
        """A name as text, in normal form; of a whole number without a decimal point. Raises ValueError where it is no text."""
        if isinstance(value, float) and value.is_integer():
            self.found(WHOLE)
            return str(int(value))
        if problem := unreadable(str(value)):
            raise ValueError(f"{what} {_shown(value)}: {problem}")
        name = class_name(str(value))
        if name != str(value):
            self.found(SPELLINGS)
        return name


def _record(text: str) -> dict[str, object]:
    """The object of a line. Raises ValueError where there is none, or where it names a key twice."""
    repeated: list[str] = []

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        counts = Counter(name for name, _ in pairs)
        repeated.extend(name for name, count in counts.items() if count > 1)
        return dict(pairs)

    try:
        record = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):  # also of an integer of thousands of digits
        raise ValueError(unreadable(text) or "not a JSON object") from None
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    if repeated:
        raise Refused(f"the key `{_shown_key(repeated[0])}` stands twice; only one of them can be meant")
    return record


def _nodes(listed: object, notes: _Notes) -> tuple[int, list[str], list[list[float]]]:
    """(how many, their names, their numbers); names and numbers are empty where nodes have none."""
    count = listed if _is_whole(listed) else len(listed) if isinstance(listed, list) else 0
    if count < 1:
        raise ValueError("an empty graph: `nodes` must list at least one, or be their number")
    if count > MAX_NODES:
        raise ValueError(f"{count:,}"[:20] + f" nodes; a graph has at most {MAX_NODES:,}")
    return (count, *(_described(listed, "node", notes) if isinstance(listed, list) else ([], [])))


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and usable(value)


def _is_class(value: object) -> bool:
    """Whether a label is the name of a class, a number or a boolean."""
    return isinstance(value, str | bool) or _is_number(value)


def _class_of_node(label: object, notes: _Notes) -> str:
    """The class of a node, "" where it is unknown. Raises ValueError for what is no class."""
    if label is None:
        return NOT_SCORED
    if not _is_class(label):
        raise Refused(f"{_shown(label)} is no name of a class (null: not scored)")
    if label == -1:
        notes.found('graphs with nodes labelled -1, which are not scored, like null (write "-1" for a class)')
        return NOT_SCORED
    return notes.name(label, "a label")


def _described(values: list[object], what: str, notes: _Notes) -> tuple[list[str], list[list[float]]]:
    """(names, numbers) of all nodes or edges: one of the two."""
    if all(isinstance(value, str) or _is_whole(value) for value in values):
        names = [notes.name(value, f"the {what} name") for value in values]
        if broken := next((name for name in names if "\n" in name), ""):
            raise ValueError(f"the {what} name {_shown(broken)}: holds a line feed")
        if UNKNOWN in names:
            notes.found(UNNAMED)
        return names, []
    rows: list[list[float]] = []
    for value in values:
        numbers = value if isinstance(value, list) and all(map(_is_number, value)) else []
        if not numbers or (rows and len(numbers) != len(rows[0])):
            raise ValueError(
                f"each {what} must have a name, or each a list of equally many numbers, finite in single precision; "
                f"{_shown(value)} is {f'written [{_shown(value)}] as a list' if _is_number(value) else 'not like the others'}"
            )
        rows.append([float(number) for number in numbers])
    return [], rows


def _shown(value: object) -> str:
    """What stands in a file, in a form that says its type, and shortened."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits; what is nested thousands deep
        return "that is too long to be shown"
    return text if len(text) <= 40 else f"{text[:40]}…"


def _shown_key(name: str) -> str:
    return name if name.isprintable() and len(name) <= 40 else _shown(name)
