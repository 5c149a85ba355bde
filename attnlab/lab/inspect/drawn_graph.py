"""Graphs as a page draws them: where each node lies, and the edges between them."""

import math
from collections.abc import Sequence
from importlib.util import find_spec

import networkx
import numpy as np
from numpy.typing import NDArray

from attnlab.config import GraphData
from attnlab.data.contract import Split
from attnlab.data.graph.molecule_net import element
from attnlab.errors import UserError
from attnlab.lab.inspect.drawn_set import Drawn
from attnlab.lab.inspect.reach import reaches
from attnlab.lab.pictures import layout
from attnlab.pages.page import Array, Json
from attnlab.sets import VectorSets
from attnlab.training.run import Run

MOST_NODES = 1000
"""Of a graph that a browser draws and moves in without delay."""
FEW = 60
"""Nodes up to which all pairs are laid out by their distance."""
GAP = 0.6
"""Between the parts of a graph that isn't connected, in lengths of an edge."""


def graph(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """A graph. labels: the name of each node, where nodes have names, and its number from 1. facts: `names`, to be written into the
    nodes; `unknown`, the numbers of nodes with names that training never saw; `reach` after each layer, in edges;
    `structure`, what each node's numbers tell of its place in the whole graph. arrays: `places` (L, 2), x to the right and y
    downwards, an edge about 1 long; `edges` (2, E), from and to.

    Raises UserError for a graph of too many nodes to be drawn.
    """
    nodes = len(inputs.values)
    if nodes > MOST_NODES:
        raise UserError(
            f"{split.keys[row]}: {nodes:,} nodes, where a page can draw {MOST_NODES:,}; give it a part of the graph, such as the "
            "neighbours of a few nodes"
        )
    config, edges = run.config.data, np.zeros((2, 0), dtype=np.int64)
    assert isinstance(config, GraphData)
    if inputs.edges is not None:
        edges = inputs.edges.numpy()
    molecules = config.source == "molecule_net" and find_spec("rdkit") is not None
    names, unknown = _names(run, inputs)
    if names and molecules:
        names = [element(name) for name in names]
    places = _molecule(names, edges) if names and molecules else laid_out(nodes, edges)
    labels = (
        [f"{name} #{number}" for number, name in enumerate(names, 1)]
        if names
        else [f"#{i + 1}" for i in range(nodes)]
    )
    facts: dict[str, Json] = {
        "names": names,
        "unknown": unknown,
        "reach": [[each.before, each.after] for each in reaches(run.config, run.spec)],
        "structure": [word.partition(":")[0] for word in run.spec.structure or ()],
    }
    arrays: dict[str, Array] = {"places": places.astype(np.float32), "edges": edges.astype(np.int32)}
    return Drawn("graph", labels, facts, arrays)


def _names(run: Run, inputs: VectorSets) -> tuple[list[str], list[int]]:
    """What nodes are called, and which of them have a name that training never saw; nothing where nodes have no names."""
    if "nodes" not in run.spec.vocabularies:
        return [], []
    words = run.spec.vocabularies["nodes"].words
    codes = inputs.values[:, : len(words) - 1].numpy()  # one-hot; zeros for a name never seen
    known = (codes != 0).any(axis=1)
    names = [
        words[1 + number] if seen else "?"
        for number, seen in zip(codes.argmax(axis=1).tolist(), known.tolist(), strict=True)
    ]
    return names, np.flatnonzero(~known).tolist()


def laid_out(nodes: int, edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2, E) edges -> (nodes, 2) places, with edges about 1 long: of few nodes by Kamada & Kawai (1989), of more by springs
    (Fruchterman & Reingold 1991), always the same. Parts without an edge between them lie side by side, in rows."""
    whole: networkx.Graph[int] = networkx.Graph()
    whole.add_nodes_from(range(nodes))
    whole.add_edges_from((a, b) for a, b in edges.T.tolist() if a != b)
    parts = sorted(networkx.connected_components(whole), key=lambda part: (-len(part), min(part)))
    of_parts = [_part(whole.subgraph(part)) for part in parts]
    widest = max([1.3 * math.sqrt(sum(map(_area, of_parts))), *(places[:, 0].max() for places in of_parts)])
    placed, x, y, tallest = np.zeros((nodes, 2)), 0.0, 0.0, 0.0
    for part, places in zip(parts, of_parts, strict=True):
        width, height = places.max(axis=0)
        if x and x + width > widest:
            x, y, tallest = 0.0, y + tallest + GAP, 0.0
        placed[sorted(part)] = places + np.array([x, y])
        x, tallest = x + width + GAP, max(tallest, height)
    return placed


def _area(places: NDArray[np.float64]) -> float:
    width, height = places.max(axis=0)
    return float((width + GAP) * (height + GAP))


def _part(part: "networkx.Graph[int]") -> NDArray[np.float64]:
    """(nodes, 2) places of a connected graph, in order of its nodes' numbers, from 0 on."""
    if len(part) == 1:
        return np.zeros((1, 2))
    numbers = {node: i for i, node in enumerate(sorted(part))}
    edges = sorted((numbers[a], numbers[b]) for a, b in part.edges)
    ordered: networkx.Graph[int] = networkx.Graph()  # parts of a graph have their nodes in no fixed order
    ordered.add_nodes_from(range(len(numbers)))
    ordered.add_edges_from(edges)
    if len(ordered) > FEW:
        both = np.array([*edges, *((b, a) for a, b in edges)])
        return _scaled(layout(len(ordered), both), edges)
    found = networkx.kamada_kawai_layout(ordered)
    return _scaled(np.array([found[node] for node in ordered]), edges)


def _scaled(places: NDArray[np.float64], edges: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """From 0 on, with the median edge 1 long, and broad rather than high."""
    places = places - places.min(axis=0)
    if (extent := places.max(axis=0))[1] > extent[0]:
        places = places[:, ::-1]
    lengths = [float(np.linalg.norm(places[a] - places[b])) for a, b in edges]
    return places / max(float(np.median(lengths)) if lengths else 1.0, 1e-9)


def _molecule(symbols: Sequence[str], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Places as chemists draw them: RDKit's, of the atoms and bonds alone."""
    from rdkit import Chem
    from rdkit.Chem.rdDepictor import Compute2DCoords

    molecule = Chem.RWMol()
    for _ in symbols:
        molecule.AddAtom(Chem.Atom(6))
    pairs = sorted({(min(a, b), max(a, b)) for a, b in edges.T.tolist() if a != b})
    for a, b in pairs:
        molecule.AddBond(a, b, Chem.BondType.SINGLE)
    Chem.FastFindRings(molecule)
    Compute2DCoords(molecule)
    places = np.array(molecule.GetConformer().GetPositions())[:, :2] * (1, -1)
    return _scaled(places, pairs)
