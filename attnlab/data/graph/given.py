"""Graphs that a user gives a run: lines of JSON, SMILES, dictionaries, networkx graphs or PyTorch Geometric's `Data`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attnlab.config import DataConfig, GraphData
from attnlab.config.data.graph import parse_structures
from attnlab.data.contract import GivenSplit, Input, Reader
from attnlab.data.files.layout import plain_suffix
from attnlab.data.graph import structure
from attnlab.data.graph.jsonl import unanswered
from attnlab.data.graph.molecule_net import element, molecule_of
from attnlab.data.graph.pack import num_names, one_hot, packed
from attnlab.data.graph.prepare import distinct_edges, too_large
from attnlab.data.graph.source import GraphRow
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.inputs import line_inputs, text_inputs
from attnlab.errors import UserError
from attnlab.sets import Batch, Layout
from attnlab.spec import DataSpec
from attnlab.text_files import text_lines

if TYPE_CHECKING:
    from networkx import Graph
    from torch_geometric.data import Data as Geometric


@dataclass(frozen=True, eq=False)
class Measured:
    """A graph as the run sees it. values: (L, F); edges: (E, 2), edge_values: (E, …), or None where edges have none. unknown: names of
    nodes and edges that training never saw."""

    values: NDArray[np.float32]
    edges: NDArray[np.int64]
    edge_values: NDArray[np.float32] | None
    unknown: tuple[str, ...] = ()


class GraphReader(Reader[Measured]):
    """Reads graphs as data=graph_jsonl does, without labels; SMILES where the run has learned from data=molecule_net."""

    block = 512
    what = "graph"

    def __init__(self, config: DataConfig, spec: DataSpec) -> None:
        assert isinstance(config, GraphData)
        self.config, self.spec = config, spec
        self._structures = parse_structures(config.structure if spec.structure is None else list(spec.structure))
        self._attributes = len(spec.feature_mean) - sum(size for _, size in self._structures)
        self._means = np.array(spec.feature_mean, dtype=np.float32)
        self._rates = (1 / np.array(spec.feature_std)).astype(np.float32)

    def inputs(self, words: Sequence[str], stdin: Iterable[bytes]) -> Iterator[Input]:
        for given in text_inputs(words, stdin, _lines, self.what, self.run):
            yield given if self._is_smiles(given.shown) else replace(given, shown=given.key)

    def example(self, value: object, key: str) -> Measured:
        """A line of JSON or the dictionary that it holds, SMILES, a networkx graph, or PyTorch Geometric's `Data`. Raises
        UserError for anything else, and where nodes or edges are of another kind than those that the run has learned."""
        try:
            row = self._row(value, key)
        except UserError:
            raise
        except ValueError as error:
            raise UserError(str(error)) from None
        if problem := too_large(row, self._structures):
            raise UserError(problem)
        self._refuse_others(row)
        edges, chosen = distinct_edges(row)
        attributes = np.array(row.attributes, dtype=np.float32).reshape(row.nodes, -1)
        roles = structure.node_roles(row.nodes, edges, self._structures)
        numbers = (np.concatenate([attributes, roles], axis=1) - self._means) * self._rates
        values = np.concatenate([self._named("nodes", row.labels, row.nodes), numbers], axis=1)
        edge_values = None
        if self.spec.edge_features:
            named = self._named(
                "edges", [row.edge_labels[i] for i in chosen] if row.edge_labels else [], len(chosen)
            )
            of_edges = [row.edge_attributes[i] for i in chosen] if row.edge_attributes else []
            width = self.spec.edge_features - named.shape[1]
            edge_values = np.concatenate(
                [named, np.array(of_edges, dtype=np.float32).reshape(len(chosen), width)], axis=1
            )
        return Measured(
            values,
            edges.T,
            edge_values,
            (*self._unknown("nodes", row.labels), *self._unknown("edges", row.edge_labels)),
        )

    def _row(self, value: object, key: str) -> GraphRow:
        if isinstance(value, str):
            if self._is_smiles(value):
                return molecule_of(value.strip(), key)
            return unanswered(value, key, self.config.directed)
        if isinstance(value, Mapping):
            return unanswered(dict(value), key, self.config.directed)
        from networkx import Graph  # seconds, for whoever has such an object
        from torch_geometric.data import Data as Geometric

        if isinstance(value, Geometric):
            return _of_geometric(value, key)
        if isinstance(value, Graph):
            return unanswered(_of_networkx(value), key, self.config.directed)
        raise UserError(
            "give each graph as a line of JSON or its dictionary, a networkx graph, or PyTorch Geometric's `Data`"
        )

    def _is_smiles(self, text: str) -> bool:
        return self.config.source == "molecule_net" and not text.lstrip().startswith("{")

    def _named(self, part: str, names: Sequence[str], count: int) -> NDArray[np.float32]:
        """(count, names that were learned): one-hot; no columns where there are no names. part: nodes or edges."""
        if part not in self.spec.vocabularies or not count:
            return np.zeros((count, num_names(self.spec.vocabularies, part)), dtype=np.float32)
        return one_hot(names, self.spec.vocabularies[part])

    def _unknown(self, part: str, names: Sequence[str]) -> list[str]:
        """Names of a graph's nodes or edges that were not learned."""
        known = self.spec.vocabularies[part].ids if part in self.spec.vocabularies else {}
        atoms = part == "nodes" and self.config.source == "molecule_net"
        return [element(name) if atoms else name for name in names if name not in known]

    def _refuse_others(self, row: GraphRow) -> None:
        spec = self.spec
        pairs = [
            ("names of nodes", int(bool(row.labels)), int("nodes" in spec.vocabularies)),
            ("numbers of each node", len(row.attributes[0]) if row.attributes else 0, self._attributes),
        ]
        if row.edges and spec.edge_features is not None:
            width = spec.edge_features - num_names(spec.vocabularies, "edges")
            pairs.append(("names of edges", int(bool(row.edge_labels)), int("edges" in spec.vocabularies)))
            pairs.append(
                ("numbers of each edge", len(row.edge_attributes[0]) if row.edge_attributes else 0, width)
            )
        for what, here, learned in pairs:
            if here != learned:
                known = self._known(what.removeprefix("names of ")) if learned and what.startswith("names") else ""
                raise UserError(
                    f"{what}: {here or 'none'}, where the run has learned from graphs with {known or learned or 'none'}"
                )

    def _known(self, part: str) -> str:
        """Names of nodes or edges that were learned, the first ten."""
        names = self.spec.vocabularies[part].words[1:]
        return ", ".join(names[:10]) + (f", … ({len(names):,} in all)" if len(names) > 10 else "")

    def split(self, examples: Sequence[Measured], keys: Sequence[str]) -> "GivenGraphs":
        return GivenGraphs(examples, keys)


def _lines(path: Path) -> Iterator[Input]:
    """The lines of a .jsonl file."""
    if plain_suffix(path) != ".jsonl":
        raise UserError(f"{path}: this run reads graphs from .jsonl, one on each line")
    return line_inputs(text_lines(path), path.name)


def _of_geometric(graph: "Geometric", key: str) -> GraphRow:
    """A graph whose `x` are numbers of nodes, and `edge_attr` of edges; `edge_index` lists both directions."""
    if graph.num_nodes is None or graph.edge_index is None:
        raise UserError("`Data` needs edge_index, and x or num_nodes")
    record: dict[str, object] = {
        "nodes": int(graph.num_nodes) if graph.x is None else _rows(graph.x),
        "edges": [list(edge) for edge in graph.edge_index.t().tolist()],
    }
    if graph.edge_attr is not None and isinstance(edges := record["edges"], list):
        record["edges"] = [[*edge, value] for edge, value in zip(edges, _rows(graph.edge_attr), strict=True)]
    return unanswered(record, key, directed=True)


def _rows(numbers: Tensor) -> list[list[float]]:
    """(rows, width) or (rows,) -> a list of numbers for each row."""
    return numbers.reshape(len(numbers), -1).double().tolist()


def _of_networkx(graph: "Graph") -> dict[str, object]:
    """What a line of JSON would say: of nodes the attribute `label`, or `x`; of edges `label`, or `x`; both may be missing."""
    numbers = {node: i for i, node in enumerate(graph.nodes)}
    nodes = [_value(attributes) for _, attributes in graph.nodes(data=True)]
    edges = [
        [numbers[one], numbers[other], *([] if (value := _value(attributes)) is None else [value])]
        for one, other, attributes in graph.edges(data=True)
    ]
    described = any(value is not None for value in nodes)
    return {"nodes": nodes if described else len(nodes), "edges": edges}


def _value(attributes: Mapping[str, object]) -> object:
    found = attributes.get("label", attributes.get("x"))
    return list(found) if isinstance(found, tuple | np.ndarray) else found


class GivenGraphs(GivenSplit):
    """Graphs without right answers."""

    def __init__(self, graphs: Sequence[Measured], keys: Sequence[str]) -> None:
        self.graphs, self.keys = graphs, keys
        self.lengths = np.array([len(graph.values) for graph in graphs], dtype=np.int64)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of graphs -> their nodes (N, F) and edges (2, E). Never augmented."""
        chosen = [self.graphs[i] for i in indices]
        of_edges = [graph.edge_values for graph in chosen if graph.edge_values is not None]
        inputs = packed(
            np.concatenate([graph.values for graph in chosen]),
            Layout.of(self.lengths[indices].tolist()),
            np.concatenate([graph.edges for graph in chosen]),
            np.array([len(graph.edges) for graph in chosen], dtype=np.int64),
            np.concatenate(of_edges) if of_edges else None,
        )
        return Batch(inputs, {}, tuple(self.keys[i] for i in indices))

    def unknown_words(self, i: int) -> Sequence[str]:
        return self.graphs[i].unknown

    def show(self, i: int) -> dict[str, object]:
        return {"nodes": len(self.graphs[i].values), "edges": len(self.graphs[i].edges)}
