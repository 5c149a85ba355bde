"""Graphs as found in the wild: what is read of them, what structure says, and one sentence for each way to be wrong."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from conftest import shared_data
from graphs import graph_data, load, write_jsonl, write_tu
from torch_geometric.io import read_tu_data

from attnlab import compose
from attnlab.config import GraphData
from attnlab.data import open_data
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.graph.loader import Graphs
from attnlab.data.graph.source import GraphRow, GraphSource
from attnlab.errors import UserError
from attnlab.registry import GRAPH_SOURCES

WHOLE = ["data.validation=0", "data.test=0"]
"""Nothing is held out."""


def tu(folder: Path, *words: str) -> list[str]:
    return ["data=tu", "data.name=TOY", f"data.path={folder}", *words]


def refusal(*words: str) -> str:
    with pytest.raises(UserError) as refused:
        load(*words)
    return str(refused.value)


@pytest.mark.parametrize(("subfolder", "end"), [("", "\n"), ("raw", "\r\n"), ("TOY/raw", "\r\n"), ("TOY", "\n")])
def test_a_tu_set_is_read_wherever_its_files_stand(tmp_path: Path, subfolder: str, end: str) -> None:
    write_tu(tmp_path / subfolder, end=end)
    data = load(*tu(tmp_path), "data.validation=0", "data.test=0")
    train = data.splits["train"]
    assert data.spec.targets["label"].classes == ("-1", "1") and data.spec.edge_features == 3
    assert data.spec.features == 2 + 2, "two names and two attributes"
    fourth = train[3].inputs
    assert fourth.lengths == (4,) and 3 not in fourth.edges.flatten().tolist(), "an isolated node"
    assert fourth.edges.tolist() == [[1, 0, 2, 1], [0, 1, 1, 2]]
    assert train.show(0) == {"nodes": 3, "edges": 6} and train.keys[3] == "TOY_graph_labels.txt:4"
    attributes = fourth.values[:, 2:] * torch.tensor(data.spec.feature_std) + torch.tensor(data.spec.feature_mean)
    assert torch.allclose(attributes, torch.tensor([[10.5 + i, -1] for i in range(4)]), atol=1e-4)


@pytest.mark.parametrize("name", ["MUTAG", "PROTEINS"])
def test_real_sets_are_read_as_torch_geometric_reads_them(name: str) -> None:
    folder = shared_data("tu") / name / "raw"
    theirs, slices, _ = read_tu_data(str(folder), name)
    data = load(
        "data=tu", f"data.name={name}", f"data.path={folder.parents[1]}", "data.validation=0", "data.test=0"
    )
    split = data.splits["train"]
    batch = split.batch(np.arange(len(split)))
    assert torch.equal(torch.tensor(batch.inputs.layout.starts), slices["x"])
    shift = slices["x"][:-1].repeat_interleave(slices["edge_index"].diff())
    expected = theirs.edge_index + shift
    order = torch.argsort(expected[1] * len(theirs.x) + expected[0])
    assert torch.equal(batch.inputs.edges, expected[:, order])
    assert torch.equal(batch.targets["label"], theirs.y)
    names = data.spec.vocabularies["nodes"].words[1:]
    columns = [int(word) for word in sorted(names, key=int)]
    ours = batch.inputs.values[:, [names.index(str(c)) for c in columns]]
    assert torch.equal(ours, theirs.x[:, -len(names) :])


def damage(kind: str, folder: Path) -> str:
    """Damage one file of TOY; returns what the refusal must say."""
    path = {
        name: folder / f"TOY_{name}.txt"
        for name in ("A", "graph_indicator", "graph_labels", "node_labels", "edge_labels")
    }
    lines = {name: file.read_text().splitlines() for name, file in path.items()}
    if kind == "edge":
        lines["A"][4] = "2, 999"
        expected = f"{path['A']}:5: an edge to node 999, but graph_indicator lists nodes 1 to 78"
    elif kind == "other graph":
        lines["A"][4] = "2, 9"
        expected = f"{path['A']}:5: an edge from graph 1 to graph 3"
    elif kind in ("node_labels", "edge_labels"):
        del lines[kind][-1]
        expected = f"{path[kind]}:{len(lines[kind])}: the last line, but "
    elif kind == "empty":
        lines["graph_labels"].append("1")
        expected = f"{path['graph_labels']}:25: graph 25 is empty"
    elif kind == "indicator":
        lines["graph_indicator"][6] = "99"
        expected = f"{path['graph_indicator']}:7: graph 99, but there are answers for graphs 1 to 24"
    elif kind == "word":
        lines["A"][2] = "2, x"
        expected = f"{path['A']}:3: expected whole numbers with commas between, found `2, x`"
    elif kind == "range":
        path["node_attributes"], lines["node_attributes"] = folder / "TOY_node_attributes.txt", ["1e39, 1"] * 78
        expected = f"{path['node_attributes']}:1: `1e39, 1` is no finite number in single precision"
    else:
        lines["A"][2] = "2"
        expected = f"{path['A']}:3: 1 numbers, where there must be 2"
    for name, rows in lines.items():
        path[name].write_text("\n".join(rows) + "\n")
    return expected


KINDS = ("edge", "other graph", "node_labels", "edge_labels", "empty", "indicator", "word", "range", "width")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_tu_set_is_refused_with_file_and_line(tmp_path: Path, kind: str) -> None:
    expected = damage(kind, write_tu(tmp_path))
    message = refusal(*tu(tmp_path))
    assert expected in message and "\n" not in message


def test_missing_files_are_named(tmp_path: Path) -> None:
    write_tu(tmp_path)
    assert "no TOI_A.txt" in refusal("data=tu", "data.name=TOI", f"data.path={tmp_path}") and "TOY" in refusal(
        "data=tu", "data.name=TOI", f"data.path={tmp_path}"
    )
    for name in ("graph_labels", "graph_indicator"):
        (tmp_path / f"TOY_{name}.txt").rename(tmp_path / "away")
        assert f"{tmp_path / f'TOY_{name}.txt'}: missing" in refusal(*tu(tmp_path))
        (tmp_path / "away").rename(tmp_path / f"TOY_{name}.txt")
    assert "no such folder" in refusal(*tu(tmp_path / "nowhere"))


def test_an_empty_graph_may_be_left_out(tmp_path: Path) -> None:
    damage("empty", write_tu(tmp_path))
    data = load(*tu(tmp_path), "data.skip_bad=true")
    assert "1 bad graph was left out" in data.warnings[0] and sum(map(len, data.splits.values())) == 24


PLAIN = {"nodes": ["C", "O", "C"], "edges": [[0, 1], [1, 2]], "label": "yes"}
BAD = {
    "an edge to node 3, but the nodes are 0 to 2": PLAIN | {"edges": [[0, 3]]},
    "an empty graph": PLAIN | {"nodes": []},
    "no `label`": {"nodes": 3, "edges": []},
    "must be [from, to]": PLAIN | {"edges": [[0]]},
    "not a JSON object": "[1, 2",
    "each node must have a name": PLAIN | {"nodes": ["C", [1.0], "C"]},
    "each node must have a name, or each a list of": PLAIN | {"nodes": [[0.0], [1e39], [1.0]]},
    "or each a list of equally many numbers": PLAIN | {"nodes": [[0], [10**400], [1]]},
    "3,000,000,000 nodes; a graph has at most": {"nodes": 3_000_000_000, "edges": [], "label": "yes"},
    "not a JSON object; put": f'{{"nodes": 1, "edges": [], "label": {"1" * 5000}}}',
    "some edges have a value": PLAIN | {"edges": [[0, 1, "single"], [1, 2]]},
    'the node name "\\u0000": holds a NUL character': PLAIN | {"nodes": ["C", "\0", "C"]},
    'the node name "\\ud800": not UTF-8 text': PLAIN | {"nodes": ["C", "\ud800", "C"]},
    'the node name "x\\ny": holds a line feed': PLAIN | {"nodes": ["C", "x\ny", "C"]},
    'the edge name "x\\ny": holds a line feed': PLAIN | {"edges": [[0, 1, "x\ny"]]},
    'the label "\\ud800": not UTF-8 text': PLAIN | {"label": "\ud800"},
    "`label` must be the name of one class": PLAIN | {"label": ""},
    "must be the name of one class (data.target_kind=class)": PLAIN | {"label": float("nan")},
    "an edge to node 1000000000000000000000000000000, but": PLAIN | {"edges": [[0, 10**30]]},
    "an edge to node -1, but the nodes are 0 to 2": PLAIN | {"edges": [[0, -1]]},
    "the edge [0, 1.5] must be [from, to] or [from, to, value], of nodes by their numbers": PLAIN
    | {"edges": [[0, 1.5]]},
    "the edge [true, 1] must be": PLAIN | {"edges": [[True, 1]]},
    'the edge ["C", "O"] must be': PLAIN | {"edges": [["C", "O"]]},
    "the key `label` stands twice": '{"nodes": 1, "edges": [], "label": 1, "label": 2}',
    "[NaN] is not like the others": PLAIN | {"nodes": [[1.0], [float("nan")], [2.0]]},
    "not a JSON object; put it right": "[" * 100_000,
    "1,000,000,000 nodes; a graph has at most 10,000,000": {"nodes": 10**9, "edges": [[0, 1]], "label": "yes"},
    "nodes with 2 numbers, where the first graph has a name": PLAIN | {"nodes": [[1.0, 2.0]] * 3},
}


BAD_ANSWERS = {
    "2 answers, where the first graph has 3": [1, 0],
    "must be a list of 0, 1 and null": [],
}


@pytest.mark.parametrize("problem", BAD_ANSWERS)
def test_every_graph_answers_equally_many_questions(tmp_path: Path, problem: str) -> None:
    path = write_jsonl(tmp_path / "train.jsonl", [PLAIN | {"label": [1, 0, None]}] * 3)
    write_jsonl(tmp_path / "test.jsonl", [PLAIN | {"label": label} for label in ([0, 0, 1], BAD_ANSWERS[problem])])
    words = ["data=graph_jsonl", *WHOLE, f"data.path={path.parent}", "data.target_kind=classes"]
    message = refusal(*words)
    assert f"{path.with_name('test.jsonl')}:2: " in message and problem in message
    assert len(load(*words, "data.skip_bad=true").splits["test"]) == 1


@pytest.mark.parametrize("problem", BAD)
def test_a_bad_line_of_jsonl_is_refused_or_left_out(tmp_path: Path, problem: str) -> None:
    path = write_jsonl(tmp_path / "graphs.jsonl", [PLAIN, BAD[problem], *[PLAIN] * 20])
    words = ["data=graph_jsonl", *WHOLE, f"data.path={path}"]
    message = refusal(*words)
    assert f"{path}:2: " in message and problem in message and "\n" not in message
    assert sum(map(len, load(*words, "data.skip_bad=true").splits.values())) == 21


def test_what_is_no_utf8_is_refused_by_its_line(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "graphs.jsonl", [PLAIN] * 2)
    path.write_bytes(
        path.read_bytes() + json.dumps(PLAIN | {"label": "größ"}, ensure_ascii=False).encode("latin-1")
    )
    message = refusal("data=graph_jsonl", *WHOLE, f"data.path={path}")
    assert f"{path}:3: " in message and "not UTF-8 text; save the file as UTF-8" in message


@pytest.mark.parametrize(
    "names", [("train.jsonl", "dev.jsonl"), ("train.jsonl.gz", "valid.jsonl", "test.jsonl.gz")]
)
def test_graphs_in_a_folder_are_named_as_those_of_all_data(tmp_path: Path, names: tuple[str, ...]) -> None:
    for count, name in enumerate(names, 3):
        content = (json.dumps(PLAIN) + "\n").encode() * count
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    data = load("data=graph_jsonl", *WHOLE, f"data.path={tmp_path}")
    assert {name: len(split) for name, split in data.splits.items()} == dict(
        zip(("train", "validation", "test"), range(3, 3 + len(names)), strict=False)
    )
    assert "no such file" in refusal("data=graph_jsonl", *WHOLE, f"data.path={tmp_path}/train")


def test_jsonl_without_features_gets_degrees_and_every_kind_of_answer(tmp_path: Path) -> None:
    edges = [[0, 1, [0.5]], [1, 2, [1.0]]]
    answers = {"number": 0.1, "classes": [1, None], "vector_classes": ["a", "b", None], "class": True}
    for kind, answer in answers.items():
        path = write_jsonl(tmp_path / kind / "train.jsonl", [{"nodes": 3, "edges": edges, "label": answer}] * 7)
        write_jsonl(path.with_name("validation.jsonl"), [{"nodes": 3, "edges": edges, "label": answer}])
        data = load("data=graph_jsonl", *WHOLE, f"data.path={path.parent}", f"data.target_kind={kind}")
        inputs = data.splits["validation"][0].inputs
        assert inputs.values.shape == (3, 1) and inputs.values[0] == inputs.values[2] != inputs.values[1]
        assert inputs.edge_values.flatten().tolist() == [0.5, 0.5, 1.0, 1.0]
        expected = {"classes": [1, -1], "vector_classes": ["a", "b", ""], "class": "True"}.get(kind, answer)
        assert data.splits["validation"].gold("label") == [expected]
        assert data.spec.targets["label"].std == 1.0, "of equal numbers, even where their mean is rounded"


def test_edges_keep_their_own_names_and_numbers_in_whatever_order_they_are_listed(tmp_path: Path) -> None:
    values = {(2, 0): 0.1, (0, 1): 0.2, (1, 2): 0.3, (1, 0): 0.4, (0, 2): 0.5}
    for kind in ("name", "number"):
        edges = [[*pair, str(value) if kind == "name" else [value]] for pair, value in values.items()]
        record = {
            "nodes": 3,
            "edges": [[1, 1, edges[0][2]], *edges, edges[1]],
            "label": "a",
        }  # from a node to itself, and one twice
        path = write_jsonl(tmp_path / f"{kind}.jsonl", [record] * 20)
        data = load("data=graph_jsonl", *WHOLE, f"data.path={path}", "data.directed=true")
        inputs = data.splits["train"][0].inputs
        values_of_edges = inputs.edge_values[:, 0].tolist()
        if kind == "name":
            values_of_edges = [
                float(data.spec.vocabularies["edges"].words[1 + int(row.argmax())]) for row in inputs.edge_values
            ]
        expected = [(values | {(1, 1): 0.1})[tuple(edge)] for edge in inputs.edges.T.tolist()]
        assert len(expected) == 6 and "list an edge more than once" in data.warnings[0]
        assert values_of_edges == pytest.approx(expected)


def test_a_graph_without_edges_is_a_graph(tmp_path: Path) -> None:
    records = [{"nodes": ["C"], "edges": [], "label": "no"}, PLAIN | {"edges": [[0, 1, [0.5]]]}] * 20
    words = [f"data.path={write_jsonl(tmp_path / 'a.jsonl', records)}"]
    split = load("data=graph_jsonl", *WHOLE, *words).splits["train"]
    alone = [split[i].inputs for i in range(len(split))]
    assert {(len(one.values), tuple(one.edge_values.shape)) for one in alone} == {(1, (0, 1)), (3, (2, 1))}


def test_numbers_that_never_vary_in_training_are_not_made_louder(tmp_path: Path) -> None:
    records = [{"nodes": [[1.0, float(i)]], "edges": [], "label": "a"} for i in range(30)]
    path = write_jsonl(tmp_path / "train.jsonl", records)
    write_jsonl(tmp_path / "test.jsonl", [{"nodes": [[3.0, 0.0]], "edges": [], "label": "a"}])
    data = load("data=graph_jsonl", *WHOLE, f"data.path={path.parent}")
    assert data.splits["test"][0].inputs.values[0, 0] == 2.0


def test_data_of_another_kind_are_refused_and_unknown_names_are_nothing(tmp_path: Path) -> None:
    learned = load("data=graph_jsonl", *WHOLE, f"data.path={write_jsonl(tmp_path / 'a.jsonl', [PLAIN] * 30)}")
    other = write_jsonl(tmp_path / "b.jsonl", [PLAIN | {"nodes": ["C", "Xe", "C"]}] * 30)
    data = Graphs(graph_data("data=graph_jsonl", *WHOLE, f"data.path={other}"), 1, learned.spec)
    assert data.splits["train"][0].inputs.values.sum(1).tolist() == [1, 0, 1]


NAMED_EDGE = {"edges": [[0, 1, "single"], [1, 2, "double"]]}
NUMBERED = {"nodes": [[1.0], [2.0], [3.0]]}
OTHER_DATA = {
    "numbers of each node: 2, where the run learned 1": (
        PLAIN | NUMBERED,
        PLAIN | {"nodes": [[1.0, 2.0]] * 3},
        [],
    ),
    "names of nodes: none, where the run learned some": (PLAIN, PLAIN | {"nodes": 3}, ["data.structure=degree"]),
    "names of edges: none, where the run learned some": (PLAIN | NAMED_EDGE, PLAIN, []),
    "names of edges: some, where the run learned none": (PLAIN, PLAIN | NAMED_EDGE, []),
    "numbers of each edge: 1, where the run learned 0": (PLAIN, PLAIN | {"edges": [[0, 1, [0.5]]]}, []),
    "numbers of each node: 0, where the run learned 1": (PLAIN | NUMBERED, PLAIN | {"nodes": 3}, []),
    "questions: 3, where the run learned 2": (
        PLAIN | {"label": [0, 1]},
        PLAIN | {"label": [0, 1, 1]},
        ["data.target_kind=classes"],
    ),
}


@pytest.mark.parametrize("expected", OTHER_DATA)
def test_data_of_another_kind_than_the_runs_are_refused_by_what_differs(tmp_path: Path, expected: str) -> None:
    learned, other, words = OTHER_DATA[expected]
    run = load("data=graph_jsonl", *WHOLE, f"data.path={write_jsonl(tmp_path / 'a.jsonl', [learned] * 9)}", *words)
    path = write_jsonl(tmp_path / "b.jsonl", [other] * 9)
    with pytest.raises(UserError) as refused:
        Graphs(graph_data("data=graph_jsonl", *WHOLE, f"data.path={path}", *words), 1, run.spec)
    assert expected in str(refused.value) and "\n" not in str(refused.value)


def test_another_structure_or_another_kind_of_answer_than_the_runs_is_refused(tmp_path: Path) -> None:
    words = [
        "data=graph_jsonl",
        *WHOLE,
        f"data.path={write_jsonl(tmp_path / 'a.jsonl', [PLAIN | {'label': 1}] * 9)}",
    ]
    run = load(*words, "data.structure=degree")
    for word, expected in {
        "data.structure=size": "structure: size, where the run learned degree",
        "data.target_kind=number": "its label is of kind `number`, but the run learned `class`",
    }.items():
        with pytest.raises(UserError, match=expected):
            Graphs(graph_data(*words, word), 1, run.spec)


def test_graphs_without_any_edge_fit_whatever_a_run_learned_of_edges(tmp_path: Path) -> None:
    alone = write_jsonl(tmp_path / "b.jsonl", [PLAIN | {"edges": []}] * 9)
    for edges, width in ((NAMED_EDGE, 2), ({"edges": [[0, 1, [0.5, 1]]]}, 2), ({}, 0)):
        run = load(
            "data=graph_jsonl", *WHOLE, f"data.path={write_jsonl(tmp_path / 'a.jsonl', [PLAIN | edges] * 9)}"
        )
        split = Graphs(graph_data("data=graph_jsonl", *WHOLE, f"data.path={alone}"), 1, run.spec).splits["train"]
        values = split.batch(np.arange(3)).inputs.edge_values
        assert (values is None and not width) or values.shape == (0, width)


def test_signs_are_drawn_by_seed_epoch_and_example_and_never_in_evaluation(tmp_path: Path) -> None:
    words = [*tu(write_tu(tmp_path)), "data.structure=laplacian:2"]
    split, all_rows = load(*words).splits["train"], np.arange(8)
    plain = split.batch(all_rows).inputs
    drawn = [split.batch(all_rows, epoch).inputs.values for epoch in (0, 1)]
    assert not torch.equal(*drawn) and torch.equal(drawn[0], split.batch(all_rows, 0).inputs.values)
    assert torch.allclose(drawn[0].abs()[:, -2:], plain.values.abs()[:, -2:])
    alone = torch.cat([split.batch(all_rows[i : i + 1], 1).inputs.values for i in range(8)])
    assert torch.equal(alone, drawn[1])
    kept = load(*words, "data.flip_signs=false").splits["train"]
    assert torch.equal(kept.batch(all_rows, 1).inputs.values, plain.values)


def test_folds_test_every_graph_once_with_each_class_equally_often(tmp_path: Path) -> None:
    words = tu(write_tu(tmp_path), "data.folds='4'")
    tested = []
    for fold in range(4):
        data = load(*words, f"data.fold='{fold}'")
        gold = data.splits["test"].gold("label")
        assert gold.count("1") == gold.count("-1") == 3
        tested += data.splits["test"].keys
        assert not set(data.splits["test"].keys) & set(data.splits["train"].keys + data.splits["validation"].keys)
    assert len(set(tested)) == len(tested) == 24
    assert Graphs.folds(graph_data(*words), 1).test["3"] == data.splits["test"].keys


def path_graph(i: int) -> dict:
    return {"nodes": ["C"] * (i + 2), "edges": [[j, j + 1] for j in range(i + 1)], "label": "ab"[i % 2]}


def sizes(splits: dict) -> dict[str, list[int]]:
    return {name: sorted(split.lengths.tolist()) for name, split in splits.items()}


def test_what_is_held_out_depends_on_the_graphs_not_on_their_order_in_a_file(tmp_path: Path) -> None:
    graphs = [path_graph(i) for i in range(40)]
    backwards = [g | {"edges": [[b, a] for a, b in reversed(g["edges"])]} for g in graphs]
    first = write_jsonl(tmp_path / "a.jsonl", graphs)
    second = write_jsonl(tmp_path / "b.jsonl", ["", *reversed(backwards)])
    for words in ([], ["data.folds='4'", "data.fold='1'"]):
        one, other = (load("data=graph_jsonl", f"data.path={path}", *words) for path in (first, second))
        assert sizes(one.splits) == sizes(other.splits)


def test_copies_of_a_graph_stay_together_whatever_their_answer(tmp_path: Path) -> None:
    copies = [path_graph(i % 20) | {"label": "ab"[i // 20]} for i in range(40)]
    path = write_jsonl(tmp_path / "a.jsonl", copies)
    for words in ([], ["data.folds='4'", "data.fold='1'"]):
        lengths = sizes(load("data=graph_jsonl", f"data.path={path}", *words).splits)
        assert len(lengths) == 3 and sum(map(len, lengths.values())) == 40
        assert sum(len(set(split)) for split in lengths.values()) == 20
    message = refusal("data=graph_jsonl", f"data.path={path}", "data.folds='30'", "data.fold='1'")
    assert "`data.folds=30`: there are only 20 different examples" in message


def test_too_few_graphs_to_hold_any_out_are_refused(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [path_graph(1)] * 9)
    message = refusal("data=graph_jsonl", f"data.path={path}")
    assert f"{path}: too few different examples to hold out `data.validation=0.1` of them" in message


def test_the_sides_of_the_karate_club_are_those_that_networkx_has_of_zachary() -> None:
    club = nx.karate_club_graph()
    sides = {node: "instructor" if side == "Mr. Hi" else "officer" for node, side in club.nodes(data="club")}
    data = load("data=karate")
    known = [dict(enumerate(split.gold("label")[0])) for split in data.splits.values()]
    assert {node: label for labels in known for node, label in labels.items() if label} == sides
    assert {tuple(edge) for edge in data.splits["train"][0].inputs.edges.T.tolist()} == set(
        club.to_directed().edges
    )


def test_the_karate_club_is_one_graph_whose_splits_score_other_nodes() -> None:
    data = load("data=karate")
    gold = {name: split.gold("label")[0] for name, split in data.splits.items()}
    assert all(len(labels) == 34 for labels in gold.values())
    scored = {name: {i for i, label in enumerate(labels) if label} for name, labels in gold.items()}
    assert sorted(i for nodes in scored.values() for i in nodes) == list(range(34))
    assert [label for label in gold["train"] if label].count("officer") == 4 and len(scored["train"]) == 8
    assert torch.equal(data.splits["train"][0].inputs.values, data.splits["test"][0].inputs.values)
    others = load("data=karate", "data.split_seed=1").splits["train"].gold("label")[0]
    assert others != gold["train"]
    assert "has only 17 members" in refusal("data=karate", "data.labelled=16")


def test_wrong_structures_are_refused() -> None:
    for word, expected in {
        "laplace:8": "laplacian",
        "degree:3": "degree or size",
        "size:2": "degree or size",
        "random_walk": "random_walk:16",
    }.items():
        with pytest.raises(UserError, match=expected):
            graph_data("data=molecules", f"data.structure={word}")


@pytest.mark.parametrize(("task", "fingerprint"), [
    ("graph", "1fefbb27ae486c6f51c790cc"),
    ("social", "66fb8a2c71f7450abaf4c0fe"),
])  # fmt: skip
def test_generated_graphs_and_the_club_are_the_data_of_earlier_versions(task: str, fingerprint: str) -> None:
    """A run that was stopped under an earlier version is resumed only on data with the fingerprint that it knows."""
    config = compose.compose([f"task={task}"])
    assert open_data(config.data, config.seed).fingerprint == fingerprint


def test_a_source_from_outside_is_chosen_by_its_name(tmp_path: Path) -> None:
    @GRAPH_SOURCES.register("rings")
    class Rings(GraphSource):
        settings = ("labelled",)

        def rows(self, bad: BadRows) -> Iterator[GraphRow]:
            for i in range(20):
                size = 3 + i % self.config.labelled
                edges = [(a, (a + 1) % size) for a in range(size)]
                yield GraphRow(
                    size, edges + [(b, a) for a, b in edges], "even" if size % 2 == 0 else "odd", f"ring:{i}"
                )

    data = [Graphs(GraphData(name="rings", source="rings", labelled=n, cache=str(tmp_path)), 1) for n in (2, 4)]
    assert [max(split.lengths.max() for split in each.splits.values()) for each in data] == [4, 6]
    assert data[0].spec.targets["label"].classes == ("even", "odd")


def test_graphs_that_list_edges_again_stay_with_those_that_list_them_once(tmp_path: Path) -> None:
    once = [{"nodes": n, "edges": [[i, i + 1] for i in range(n - 1)], "label": "ab"[n % 2]} for n in range(2, 32)]
    again = [graph | {"edges": graph["edges"] + [[b, a] for a, b in graph["edges"]]} for graph in once]
    data = load("data=graph_jsonl", f"data.path={write_jsonl(tmp_path / 'graphs.jsonl', once + again)}")
    sizes = {name: {int(n) for n in split.lengths} for name, split in data.splits.items()}
    assert sum(map(len, sizes.values())) == len(set.union(*sizes.values())) == 30


def test_a_whole_number_is_one_class_with_and_without_a_decimal_point(tmp_path: Path) -> None:
    records = [{"nodes": n, "edges": [], "label": label} for n, label in enumerate([1, 1.0, 0, 0.0, -0.0, 0.5], 1)]
    words = ("data=graph_jsonl", "data.validation=0", "data.test=0")
    data = load(*words, f"data.path={write_jsonl(tmp_path / 'graphs.jsonl', records)}")
    assert data.splits["train"].gold("label") == ["1", "1", "0", "0", "0", "0.5"]
    assert "classes such as 1.0, which are the class 1: 3, the first at" in data.warnings[0]
    nodes = [{"nodes": 4, "edges": [], "label": [1, 1.0, -1.0, None]}]
    path = write_jsonl(tmp_path / "nodes.jsonl", nodes)
    data = load(*words, f"data.path={path}", "data.target_kind=vector_classes")
    assert list(data.splits["train"].gold("label")[0]) == ["1", "1", "", ""]


def test_names_of_nodes_and_edges_that_were_never_learned_are_told(tmp_path: Path) -> None:
    train = [{"nodes": ["C", "O"], "edges": [[0, 1, "s"]], "label": label} for label in "ab"]
    test = [{"nodes": ["C", "c", "x", "c"], "edges": [[0, 1, "s"], [1, 2, "d"]], "label": "a"}]
    write_jsonl(tmp_path / "train.jsonl", train), write_jsonl(tmp_path / "test.jsonl", test)
    warnings = load("data=graph_jsonl", f"data.path={tmp_path}", "data.validation=0").warnings
    rest = "of the test split have names never seen in training, and count as nameless"
    assert f"3 of 4 nodes {rest}: c, x" in warnings and f"2 of 4 edges {rest}: d" in warnings


def test_what_single_precision_or_the_unknown_name_takes_away_is_told(tmp_path: Path) -> None:
    words = ("data=graph_jsonl", "data.validation=0", "data.test=0")
    times = [{"nodes": [[1700000000 + i]], "edges": [], "label": "ab"[i]} for i in (0, 1)]
    (warning,) = load(*words, f"data.path={write_jsonl(tmp_path / 'times.jsonl', times)}").warnings
    assert "single precision rounds" in warning and ": 1, the first at" in warning and "times.jsonl:2" in warning
    unknown = [{"nodes": ["<unk>", "C"], "edges": [], "label": label} for label in "ab"]
    (warning,) = load(*words, f"data.path={write_jsonl(tmp_path / 'unknown.jsonl', unknown)}").warnings
    assert "names `<unk>`, which are those of nodes or edges without a name: 2" in warning


def test_single_numbers_are_refused_with_how_to_write_them(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "train.jsonl", [{"nodes": 2, "edges": [[0, 1, 0.5]], "label": "a"}])
    with pytest.raises(UserError, match=r"train.jsonl:1: each edge .*; 0.5 is written \[0.5\] as a list"):
        load("data=graph_jsonl", f"data.path={path}")


def test_a_packed_tu_set_is_read_like_a_plain_one(tmp_path: Path) -> None:
    plain, packed = write_tu(tmp_path / "plain"), tmp_path / "packed"
    packed.mkdir()
    for path in plain.iterdir():
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    ours, theirs = (load("data=tu", "data.name=TOY", f"data.path={folder}") for folder in (packed, plain))
    for name, split in theirs.splits.items():
        everything = np.arange(len(split))
        one, other = ours.splits[name].batch(everything).inputs, split.batch(everything).inputs
        assert torch.equal(one.values, other.values) and torch.equal(one.edges, other.edges)
    (packed / "TOY_nodelabels.txt.gz").write_bytes(b"")
    assert any(
        "TOY_nodelabels.txt.gz: not read" in w
        for w in load("data=tu", "data.name=TOY", f"data.path={packed}").warnings
    )


def test_further_answers_of_a_tu_set_are_told(tmp_path: Path) -> None:
    folder = write_tu(tmp_path / "TOY")
    (folder / "TOY_graph_labels.txt").unlink()
    (folder / "TOY_graph_attributes.txt").write_text("".join(f"{i}.5, 7, -1\n" for i in range(24)))
    data = load("data=tu", "data.name=TOY", f"data.path={folder}", "data.validation=0", "data.test=0")
    assert list(data.splits["train"].gold("label")) == [i + 0.5 for i in range(24)]
    assert any("the first of 3 numbers is learned, the others are not read: 24" in w for w in data.warnings)
