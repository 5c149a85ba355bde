"""Several edges between two nodes, edges from a node to itself, and edges that are listed twice."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from graphs import load, write_jsonl, write_tu

from attnlab import compose
from attnlab.data.graph.loader import Graphs
from attnlab.data.graph.prepare import distinct_edges
from attnlab.data.graph.source import GraphRow
from attnlab.lab.pictures import draw
from attnlab.model.build import build, resolve

WHOLE = ["data.validation=0", "data.test=0"]


def one_graph(tmp_path: Path, edges: list, *words: str, nodes: object = 3) -> Graphs:
    record = {"nodes": nodes, "edges": edges, "label": "a"}
    return load("data=graph_jsonl", f"data.path={write_jsonl(tmp_path / 'train.jsonl', [record])}", *WHOLE, *words)


def listed(data: Graphs) -> list[tuple]:
    """(from, to, name or numbers) of each edge."""
    inputs = data.splits["train"][0].inputs
    edges = inputs.edges.T.tolist()
    if inputs.edge_values is None:
        return sorted(map(tuple, edges))
    values = [tuple(row) for row in inputs.edge_values.tolist()]
    if "edges" in data.spec.vocabularies:
        words = data.spec.vocabularies["edges"].words[1:]
        values = [words[row.index(1.0)] for row in values]
    return sorted((a, b, value) for (a, b), value in zip(edges, values, strict=True))


def test_edges_that_differ_are_kept_and_equal_ones_are_given_once(tmp_path: Path) -> None:
    data = one_graph(tmp_path, [[0, 1, "road"], [0, 1, "rail"], [1, 0, "road"], [2, 2, "road"], [0, 1, "rail"]])
    both = [(0, 1, "rail"), (0, 1, "road"), (1, 0, "rail"), (1, 0, "road")]
    assert listed(data) == [*both, (2, 2, "road")] and data.splits["train"].show(0)["edges"] == 5
    (warning,) = data.warnings
    assert (
        "list an edge more than once" in warning
        and f"once: 1, the first at {tmp_path / 'train.jsonl'}:1" in warning
    )
    data = one_graph(tmp_path, [[0, 1, "road"], [1, 0, "rail"], [0, 1, "road"], [2, 2, "a"]], "data.directed=true")
    assert listed(data) == [(0, 1, "road"), (1, 0, "rail"), (2, 2, "a")]
    data = one_graph(tmp_path, [[0, 1, [0.5, 1]], [1, 0, [0.5, 2]], [0, 1, [0.5, 1]]])
    assert listed(data) == [(0, 1, (0.5, 1)), (0, 1, (0.5, 2)), (1, 0, (0.5, 1)), (1, 0, (0.5, 2))]
    data = one_graph(tmp_path, [[0, 1], [1, 0], [1, 2], [2, 2]])
    assert listed(data) == [(0, 1), (1, 0), (1, 2), (2, 1), (2, 2)]
    assert any("from a node to itself without name or numbers" in warning for warning in data.warnings)


def test_nothing_depends_on_the_order_of_edges_in_a_file(tmp_path: Path) -> None:
    random = Random(0)
    for kind in ("names", "numbers"):
        records = []
        for i in range(30):
            edges = [[random.randrange(4), random.randrange(4)] for _ in range(12)]
            edges = [[*e, random.choice("xyz") if kind == "names" else [random.random(), i]] for e in edges]
            records.append({"nodes": 4, "edges": edges, "label": "ab"[i % 2]})
        loaded = []
        for name in "abc":
            path = write_jsonl(tmp_path / f"{kind}-{name}.jsonl", records)
            loaded.append(load("data=graph_jsonl", f"data.path={path}"))
            records = [r | {"edges": random.sample(r["edges"], len(r["edges"]))} for r in records]
        for other in loaded[1:]:
            assert other.spec == loaded[0].spec
            for split in ("train", "validation", "test"):
                one, same = (data.splits[split] for data in (loaded[0], other))
                batches = [each.batch(np.arange(len(each))).inputs for each in (one, same)]
                for what in ("values", "edges", "edge_values"):
                    assert torch.equal(getattr(batches[0], what), getattr(batches[1], what))


def test_edges_of_any_source_stand_in_one_order() -> None:
    edges = [(1, 0), (0, 1), (1, 0), (1, 1), (0, 1)]
    row = GraphRow(2, edges, "a", "k", edge_labels=["b", "b", "a", "c", "b"])
    kept, numbers = distinct_edges(row)
    assert kept.T.tolist() == [[1, 0], [1, 0], [0, 1], [1, 1]] and numbers.tolist() == [2, 0, 1, 3]
    kept, numbers = distinct_edges(GraphRow(2, [], "a", "k"))
    assert kept.shape == (2, 0) and len(numbers) == 0


def test_only_data_that_are_read_otherwise_have_another_fingerprint(tmp_path: Path) -> None:
    """A run that an earlier version stopped goes on only where its graphs are the same."""
    for edges, changed in (
        ([[0, 1], [1, 2]], []),
        ([[0, 1], [1, 0], [0, 1]], []),
        ([[0, 1, "a"], [1, 0, "b"]], ["edges"]),
        ([[0, 1], [1, 1]], ["edges"]),
    ):
        assert one_graph(tmp_path, edges).graphs.changed == changed
    assert one_graph(tmp_path, [[0, 1, "a"], [1, 0, "b"]], "data.directed=true").graphs.changed == []


def test_a_tu_set_keeps_them_too_and_tells_of_what_it_does_not_read(tmp_path: Path) -> None:
    write_tu(tmp_path)
    for name, line in {"A": "1, 2", "edge_labels": "2"}.items():
        with (tmp_path / f"TOY_{name}.txt").open("ab") as file:
            file.write(f"{line}\r\n{line}\r\n".encode())
    (tmp_path / "TOY_node_label.txt").write_text("1\n")
    (tmp_path / "TOY_README.txt").write_text("a set\n")
    data = load("data=tu", "data.name=TOY", f"data.path={tmp_path}", *WHOLE)
    assert data.splits["train"][0].inputs.edges.T.tolist().count([0, 1]) == 2
    unread, repeated = data.warnings
    assert unread == f"{tmp_path / 'TOY_node_label.txt'}: not read; did you mean `node_labels`?"
    assert "list an edge more than once" in repeated and "TOY_graph_labels.txt:1" in repeated


def test_a_tu_set_that_lists_edges_once_is_told(tmp_path: Path) -> None:
    write_tu(tmp_path)
    edges = (tmp_path / "TOY_A.txt").read_text().splitlines()[::2]
    (tmp_path / "TOY_A.txt").write_text("\n".join(edges) + "\n")
    (tmp_path / "TOY_edge_labels.txt").unlink()
    (warning,) = load("data=tu", "data.name=TOY", f"data.path={tmp_path}", *WHOLE).warnings
    assert "lead one way only" in warning and ": 24, the first at" in warning


def test_such_graphs_are_drawn(tmp_path: Path) -> None:
    data = one_graph(tmp_path, [[0, 1, "a"], [0, 1, "b"], [2, 2, "a"]])
    path = draw(data.splits["train"].picture(0), tmp_path / "graph")
    assert path.read_text().count("<circle") == 3
    assert one_graph(tmp_path, [], nodes=2000).splits["train"].picture(0) is None


@pytest.mark.parametrize("encoder", ["encoder.scope=edges", "encoder=graph_conv"])
def test_what_the_second_edge_is_called_reaches_the_answer(tmp_path: Path, encoder: str) -> None:
    path = tmp_path / "train.jsonl"
    graphs = [{"nodes": ["p", "q"], "edges": [[0, 1, "a"], [0, 1, second]], "label": second} for second in "bc"]
    write_jsonl(path, graphs)
    config = compose.compose(
        ["task=graph", encoder, "data=graph_jsonl", f"data.path={path}", *WHOLE, "encoder.width=8"]
    )
    data = load("data=graph_jsonl", f"data.path={path}", *WHOLE)
    resolve(config, data.spec)
    torch.manual_seed(0)
    model = build(config, data.spec).eval()
    with torch.no_grad():
        vectors = model.encoder(model.embedding(data.splits["train"].batch(np.arange(2)).inputs)).values
    assert not torch.allclose(vectors[:2], vectors[2:], atol=1e-5)


def test_keys_that_are_not_read_are_told_once(tmp_path: Path) -> None:
    graph = {"nodes": 2, "edges": [[0, 1]], "label": "a"}
    path = write_jsonl(tmp_path / "a.jsonl", [graph, graph | {"edge_label": ["x"]}, graph | {"edge_label": ["y"]}])
    (warning,) = load("data=graph_jsonl", f"data.path={path}", *WHOLE).warnings
    assert "the key `edge_label`, which is not read" in warning and f": 2, the first at {path}:2" in warning
    many = {f"key{i}": i for i in range(100)}
    path = write_jsonl(tmp_path / "b.jsonl", [graph | many])
    assert len(load("data=graph_jsonl", f"data.path={path}", *WHOLE).warnings) < 12


def test_names_that_look_alike_are_one_and_nodes_labelled_minus_one_are_told(tmp_path: Path) -> None:
    graph = {"nodes": ["caf\u00e9", "cafe\u0301"], "edges": [[0, 1]]}
    records = [graph | {"label": label} for label in ("\u00e9", "e\u0301", "\u00e9 ")]
    data = load("data=graph_jsonl", f"data.path={write_jsonl(tmp_path / 'a.jsonl', records)}", *WHOLE)
    assert data.spec.targets["label"].classes == ("\u00e9",)
    assert data.spec.vocabularies["nodes"].words[1:] == ("caf\u00e9",)
    assert "normal form" in data.warnings[0] and ": 3, the first at" in data.warnings[0]
    assert data.graphs.changed == ["spelling"]
    path = write_jsonl(tmp_path / "b.jsonl", [{"nodes": 3, "edges": [], "label": [-1, 1, "-1"]}])
    data = load("data=graph_jsonl", f"data.path={path}", "data.target_kind=vector_classes", *WHOLE)
    assert data.splits["train"].gold("label")[0] == ["", "1", "-1"] and "labelled -1" in data.warnings[0]
    assert json.dumps(data.warnings).count("the first at") == 1
