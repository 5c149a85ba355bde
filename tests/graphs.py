"""Tiny graphs in the formats that the loader reads."""

import json
from pathlib import Path
from typing import Any

import yaml

from attnlab.compose import config_folder
from attnlab.config import GraphData, check
from attnlab.data.graph.loader import Graphs

TRIANGLE, PATH = [(0, 1), (1, 2), (2, 0)], [(0, 1), (1, 2)]


def graph_data(*words: str) -> GraphData:
    """The node that `data=<name> data.<key>=<value> …` makes, without Hydra's second."""
    given = {word.partition("=")[0]: yaml.safe_load(word.partition("=")[2]) for word in words}
    keys = yaml.safe_load((config_folder() / "data" / f"{given.pop('data')}.yaml").read_text(encoding="utf-8"))
    del keys["defaults"]
    node = GraphData(**keys | {name.removeprefix("data."): value for name, value in given.items()})
    check(node, "data.")
    return node


def load(*words: str, seed: int = 1) -> Graphs:
    return Graphs(graph_data(*words), seed)


def write_tu(folder: Path, count: int = 24, end: str = "\r\n") -> Path:
    """TOY: triangles (1) and paths (-1) of three nodes, in turn, with an isolated node at the end of every fourth graph;
    names of nodes and edges, and an attribute that grows from node to node."""
    lines: dict[str, list[str]] = {
        name: [] for name in "A graph_indicator graph_labels node_labels node_attributes edge_labels".split()
    }
    first = 1
    for graph in range(count):
        nodes = 3 + (graph % 4 == 3)
        for a, b in TRIANGLE if graph % 2 == 0 else PATH:
            lines["A"] += [f"{first + a}, {first + b}", f"{first + b}, {first + a}"]
            lines["edge_labels"] += [str(a)] * 2
        lines["graph_indicator"] += [str(graph + 1)] * nodes
        lines["node_labels"] += [str((graph + i) % 2 + 4) for i in range(nodes)]
        lines["node_attributes"] += [f"{first + i}.5, -1" for i in range(nodes)]
        lines["graph_labels"].append("1" if graph % 2 == 0 else "-1")
        first += nodes
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in lines.items():
        (folder / f"TOY_{name}.txt").write_bytes("".join(row + end for row in rows).encode())
    return folder


def write_jsonl(path: Path, records: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), encoding="utf-8"
    )
    return path
