"""From graphs to answers, through the program itself."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from graphs import load, write_tu

from attnlab import compose, load_run
from attnlab.cli import main
from attnlab.model.build import build
from attnlab.sets import VectorSets

SMALL = [
    "task=graph", "data=tu", "data.name=TOY", "data.structure=[laplacian:2,random_walk:3]", "encoder.width=16",
    "encoder.depth=2", "trainer.epochs=12", "trainer.batch_vectors=30", "optimizer.lr=0.01",
]  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [*SMALL, f"data.path={write_tu(tmp_path_factory.mktemp('toy'), count=60)}"]


@pytest.fixture(scope="module")
def finished(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    assert main(["train", *words, f"outputs={outputs}"]) == 0
    (found,) = outputs.glob("graph/*")
    return found


def test_triangles_are_told_from_paths_and_eval_repeats_the_score(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    assert results["test"]["accuracy"] == 1.0
    assert {"most_frequent_class", "bag_of_nodes", "degree_counts"} <= set(results["baselines"])
    assert load_run(finished).evaluate("test").scores == results["test"]


@torch.no_grad()
@pytest.mark.parametrize("choice", [
    "encoder.scope=edges", "encoder.scope=full", "encoder.scope=[edges,full]", "encoder.score=additive",
    "encoder=graph_conv",
])  # fmt: skip
@pytest.mark.parametrize("task", ["graph", "social"])
def test_renumbered_nodes_keep_or_renumber_the_answer(words: list[str], task: str, choice: str) -> None:
    torch.manual_seed(0)
    data = (
        load("data=karate") if task == "social" else load("data=tu", *(w for w in words if w.startswith("data.")))
    )
    model = build(compose.compose([f"task={task}", "encoder.width=16", choice]), data.spec).eval()
    split = data.splits["test"]
    inputs = split.batch(np.arange(len(split))).inputs
    (before, *_), one = model.predict(inputs), inputs.unbind()[0]
    order = torch.randperm(len(one.values))
    place, values = torch.argsort(order), one.edge_values
    shuffle = torch.randperm(one.edges.shape[1])
    turned = VectorSets.of(
        one.values[order],
        edges=place[one.edges][:, shuffle],
        edge_values=None if values is None else values[shuffle],
    )
    (found,) = model.predict(turned)
    chances = np.array(before.probability)[order] if task == "social" else before.probability
    np.testing.assert_allclose(found.probability, chances, atol=1e-5)
    encoded, again = model.encode(one).values, model.encode(turned).values
    torch.testing.assert_close(again, encoded[order], atol=1e-5, rtol=1e-5)
    if choice != "encoder.scope=full":
        alone = VectorSets.of(
            one.values, edges=one.edges[:, :0], edge_values=None if values is None else values[:0]
        )
        assert not torch.allclose(model.encode(alone).values, encoded, atol=1e-3), "edges matter"


def test_numbered_folds_are_trained_and_scored_again(words: list[str], tmp_path: Path) -> None:
    assert main(["train", *words, "data.folds='3'", "trainer.epochs=1", f"outputs={tmp_path}"]) == 0
    (parent,) = tmp_path.glob("graph/*")
    found = json.loads((parent / "results.json").read_text())
    assert found["protocol"].startswith("3-fold cross-validation, stratified") and len(found["folds"]) == 3
    assert main(["eval", f"run={parent}"]) == 0


@pytest.mark.parametrize(("given", "told"), [
    (["encoder=attention", "encoder.position=rotary"], "`encoder.position=rotary`: these data have no coordinates; use encoder.position=none"),
    (["encoder.scope=window:2"], "these data have no coordinates; use scope full or edges"),
    (["head.target=lable"], "the data have `label`"),
])  # fmt: skip
def test_what_graphs_cannot_do_is_refused(words: list[str], given: list[str], told: str, capsys) -> None:
    assert main(["train", *words, *given]) == 2
    assert told in capsys.readouterr().err


def test_the_karate_club_learns_from_labelled_nodes_alone(tmp_path: Path) -> None:
    assert main(["train", "task=social", "trainer.epochs=40", f"outputs={tmp_path}"]) == 0
    (run,) = tmp_path.glob("social/*")
    assert json.loads((run / "results.json").read_text())["test"]["accuracy"] >= 0.85
