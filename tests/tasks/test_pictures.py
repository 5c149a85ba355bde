"""From pictures of many sizes to their class, through the program itself."""

import json
from pathlib import Path

import pytest
import torch
from pictures import load, write_folder, write_mnist

from attnlab import compose, load_run
from attnlab.cli import main
from attnlab.model.build import build
from attnlab.training.baselines import Problem, images
from attnlab.training.baselines.images import NearestNeighbours
from attnlab.training.engine import Engine

SMALL = [
    "task=digits", "data=image_folder", "data.patch=2", "data.translate=1", "data.flip=true", "encoder.width=16",
    "encoder.depth=1", "encoder.heads=2", "trainer.epochs=6", "trainer.batch_vectors=40", "optimizer.lr=0.01",
]  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return [*SMALL, f"data.path={write_folder(tmp_path_factory.mktemp('pictures'), each=16)}"]


@pytest.fixture(scope="module")
def finished(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    assert main(["train", *words, f"outputs={outputs}"]) == 0
    (found,) = outputs.glob("digits/*")
    return found


def test_pictures_of_many_sizes_are_learned_and_eval_repeats_the_score(finished: Path) -> None:
    results = json.loads((finished / "results.json").read_text())
    assert results["test"]["accuracy"] == 1.0
    assert list(results["baselines"]) == ["most_frequent_class"], (
        "pictures of different sizes have no nearest neighbours"
    )
    assert results["baselines"]["most_frequent_class"]["accuracy"] == 0.5
    assert load_run(finished).evaluate("test").scores == results["test"]
    lines = [json.loads(line) for line in (finished / "predictions-test.jsonl").read_text().splitlines()]
    found = next(line for line in lines if line["key"] == "test/red/2.png")
    assert (found["gold"], found["predicted"], found["height"], found["width"]) == ("red", "red", 6, 5)


def test_nearest_pictures_are_compared_where_they_are_few_but_not_where_they_fill_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [f"data.path={write_mnist(tmp_path, train=2)}", "data.validation=0"]
    config = compose.compose(["task=digits", "head.target=label"])
    problem = Problem(config, load("data=mnist", *words), Engine(config.trainer))
    assert NearestNeighbours().fits(problem) and "accuracy" in NearestNeighbours().scores(problem)
    monkeypatch.setattr(images, "MAX_PIXELS", 2 * 6 * 6 - 1)
    assert not NearestNeighbours().fits(problem)


def test_words_and_numbers_are_not_embedded_alike(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words, "embedding=learned"]) == 2
    told = capsys.readouterr().err
    assert "`embedding=learned`: image data are vectors of numbers; choose one of linear" in told
    assert main(["train", "task=pos", "embedding=linear"]) == 2
    assert "`embedding=linear`: text data are ids; choose one of learned, " in capsys.readouterr().err


@pytest.mark.parametrize("position", ["none", "sinusoidal", "learned"])
def test_rows_and_columns_are_told_apart(tmp_path: Path, position: str) -> None:
    """The same patches in other places are another picture, unless there are no positions."""
    data = load("data=mnist", f"data.path={write_mnist(tmp_path)}", "data.patch=2")
    config = compose.compose(["task=digits", f"encoder.position={position}"])
    torch.manual_seed(0)
    model = build(config, data.spec).eval()
    inputs = data.splits["test"][0].inputs
    turned = type(inputs).of(inputs.values, coords=inputs.coords.flip(1))
    with torch.no_grad():
        same = torch.allclose(model.encode(inputs).values, model.encode(turned).values, atol=1e-5)
    assert same == (position == "none")


def test_nearest_neighbours_stand_beside_digits(tmp_path: Path) -> None:
    words = ["task=digits", "trainer.updates=1", "encoder.width=16", "encoder.heads=2", f"outputs={tmp_path}"]
    assert main(["train", *words]) == 0
    (found,) = tmp_path.glob("digits/*")
    baselines = json.loads((found / "results.json").read_text())["baselines"]
    assert 0.98 < baselines["nearest_neighbours"]["accuracy"] < 0.99
    assert 0.08 < baselines["most_frequent_class"]["accuracy"] < 0.12
