"""Baselines never stop a run: one that fails or has nothing to say is left out, and told. One that is better than the
run is named at its end."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import write_pairs, write_tables

from attnlab import compose
from attnlab.cli import main
from attnlab.registry import BASELINES
from attnlab.training.baselines import Baseline, Problem, baselines, of_splits
from attnlab.training.baselines.ahead import ahead
from attnlab.training.engine import Engine
from attnlab.training.run import load_data


class Broken(Baseline):
    def fits(self, problem: Problem) -> bool:
        return problem.kind == "class"

    def scores(self, problem: Problem) -> dict[str, float]:
        raise ZeroDivisionError("no\nreason")


def measured(*words: str) -> tuple[dict, list[str]]:
    config = compose.compose(list(words))
    warnings: list[str] = []
    return baselines(config, load_data(config), Engine(config.trainer), warnings.append), warnings


def test_one_that_fails_is_left_out_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["task=sentiment", "data=csv", f"data.path={write_tables(tmp_path)}", "head.target=label"]
    monkeypatch.setattr(BASELINES, "_entries", dict(BASELINES._entries))
    BASELINES.register("broken")(Broken)
    for _ in range(2):
        scores, warnings = measured(*words)
        assert list(scores) == ["most_frequent_class", "naive_bayes"]
        assert warnings == ["the baseline broken is left out: ZeroDivisionError: no"]


@pytest.mark.parametrize("side", ["en", "de"])
def test_texts_without_letters_have_no_word_by_word_translation(side: str, tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "pairs")
    for path in folder.glob(f"*.{side}"):
        path.write_text("".join("-. .-\n" for _ in path.read_text().splitlines()))
    words = [
        "task=translation",
        "data=parallel",
        f"data.path={folder}",
        "data.tokens=characters",
        "head.target=translation",
    ]
    scores, warnings = measured(*words)
    assert scores == {}
    assert warnings == [
        "the baseline word_by_word is left out: one side of the training pairs has no words of letters or digits"
    ]


@dataclass
class KnownAnswers:
    """Right answers of training and of the split that is scored; answers are kept as they come."""

    kind: str
    learned: list
    gold: list

    def measure(self, answers: list) -> list:
        return [answer.value for answer in answers]


def test_unknown_answers_of_training_count_for_no_simple_answer() -> None:
    unknown, simple = math.nan, BASELINES.get("median", Baseline)()
    assert simple.scores(KnownAnswers("number", [unknown, 1.0, unknown, 5.0, 2.0], [0.0])) == [2.0]
    vectors = KnownAnswers("vector_numbers", [[unknown, 1.0], [], [5.0, unknown, 2.0]], [[0.0, 0.0], [0.0]])
    assert simple.scores(vectors) == [[2.0, 2.0], [2.0]]
    simple = BASELINES.get("most_frequent_class", Baseline)()
    assert simple.scores(KnownAnswers("class", ["", "a", "", "", "b", "b"], ["a"])) == ["b"]
    simple = BASELINES.get("most_frequent_answers", Baseline)()
    learned = [[1, -1], [-1, -1], [1, 1], [1, 0], [0, 0]]
    assert simple.scores(KnownAnswers("classes", learned, [[1, 1]])) == [[1, 0]]


def uneven(folder: Path) -> list[str]:
    """Texts whose most frequent class is right of half of training, a quarter of validation and three quarters of test."""
    folder.mkdir()
    labels = {"train": "aab", "dev": "abbb", "test": "aaab"}
    for name, of_each in labels.items():
        rows = (f"{name} film {i},{label}\n" for i, label in enumerate(of_each * 10))
        (folder / f"{name}.csv").write_text("text,label\n" + "".join(rows))
    return ["task=sentiment", "data=csv", f"data.path={folder}", "head.target=label"]


def test_they_are_measured_on_validation_and_test_and_each_is_kept(tmp_path: Path) -> None:
    config = compose.compose([*uneven(tmp_path / "texts"), f"data.cache={tmp_path / 'cache'}"])
    data, engine = load_data(config), Engine(config.trainer)
    for _ in range(2):  # the second time they are read
        found = of_splits(config, data, engine, print)
        accuracy = {split: scores["most_frequent_class"].scores["accuracy"] for split, scores in found.items()}
        assert accuracy == {"test": 0.75, "validation": 0.25}
    kept = sorted(path.name for path in data.folder.glob("baselines-*"))
    assert [name.split("-")[1] for name in kept] == ["test", "validation"]


def test_what_fails_on_both_splits_is_told_once_and_generated_data_are_measured_on_test_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BASELINES, "_entries", dict(BASELINES._entries))
    BASELINES.register("broken")(Broken)
    for words, splits in ((uneven(tmp_path / "texts"), ["test", "validation"]), (["task=sentiment"], ["test"])):
        config, warnings = compose.compose([*words, "head.target=label"]), list[str]()
        found = of_splits(config, load_data(config), Engine(config.trainer), warnings.append)
        assert list(found) == splits and all("most_frequent_class" in scores for scores in found.values())
        assert warnings == ["the baseline broken is left out: ZeroDivisionError: no"]


@pytest.mark.parametrize(
    ("own", "monitor", "words", "begins"),
    [
        ({"accuracy": 0.79, "loss": 0.1}, "accuracy", [], "naive bayes is ahead on validation (accuracy 0.8040 against 0.7900): more"),
        ({"macro_f1": 0.5, "accuracy": 0.9, "loss": 0.1}, "loss", [], "most frequent class is ahead on validation (macro_f1 0.6000 against 0.5000): more"),
        ({"mae": 2.5, "accuracy": 0.9}, "mae", [], "median is ahead on validation (mae 2.0000 against 2.5000): more"),
        ({"rmse": 0.00035}, "mae", [], "median is ahead on validation (rmse 0.00021 against 0.00035): more"),
        ({"mae": 1.5, "accuracy": 0.1}, "mae", [], ""),
        ({"accuracy": 0.80401}, "accuracy", [], ""),
        ({"accuracy": 0.95}, "accuracy", [], ""),
        ({"loss": 9.0}, "loss", [], ""),
    ],
)  # fmt: skip
def test_the_best_simple_answer_is_named_where_it_is_better(
    own: dict[str, float], monitor: str, words: list[str], begins: str
) -> None:
    simple = {
        "most_frequent_class": {"accuracy": 0.3, "macro_f1": 0.6}, "naive_bayes": {"accuracy": 0.804, "macro_f1": 0.4},
        "median": {"mae": 2.0, "rmse": 0.00021}, "ceiling": {"accuracy": 1.0},
    }  # fmt: skip
    said = ahead(own, simple, monitor, compose.compose(["task=sentiment"]), still_improving=False, examples=4000)
    assert said.startswith(begins) and bool(said) == bool(begins) and "\n" not in said


def test_what_may_help_depends_on_the_run() -> None:
    own, simple = {"accuracy": 0.5}, {"naive_bayes": {"accuracy": 0.75}}
    config = compose.compose(["task=sentiment"])
    assert ahead(own, simple, "accuracy", config, still_improving=False, examples=100).endswith(
        ": more examples, a smaller model (encoder.width=, encoder.depth=), more dropout (encoder.dropout=) or members=4 may "
        "help"
    )
    config.trainer.epochs = 3
    cut_short = ahead(own, simple, "accuracy", config, still_improving=True, examples=100)
    assert cut_short.endswith("while validation was still improving: train longer, such as trainer.epochs=6")
    assert "smaller" not in cut_short
    config.encoder.parameters = "1M"
    assert "a smaller model (encoder.parameters=), more" in ahead(own, simple, "accuracy", config, False, 100)


@pytest.mark.parametrize(
    ("own", "best", "examples", "advised"),
    [
        (44 / 45, 1.0, 45, False),  # one example
        (43 / 45, 1.0, 45, True),
        (0.5, 0.54, 100, False),  # four, but the standard error is 0.05
        (0.5, 0.56, 100, True),
        (0.5, 0.54, 1000, True),
    ],
)
def test_a_difference_that_few_examples_have_by_chance_is_reported_as_such(
    own: float, best: float, examples: int, advised: bool
) -> None:
    simple = {"naive_bayes": {"accuracy": best}}
    told = ahead({"accuracy": own}, simple, "accuracy", compose.compose(["task=sentiment"]), False, examples)
    assert told.startswith("naive bayes is ahead on validation (accuracy ")
    assert told.endswith(" may help") == advised != told.endswith(f"may be chance on {examples} examples")


@pytest.mark.parametrize("more", [[], ["score_test=false"], ["baselines=false"]])
def test_a_run_that_is_worse_than_a_baseline_says_so(more: list[str], tmp_path: Path) -> None:
    rows = "".join(f"film {i} was {('fine', 'dull')[i % 2]},{('good', 'bad')[i % 2]}\n" for i in range(200))
    (tmp_path / "films.csv").write_text("text,label\n" + rows)
    words = [
        "task=sentiment",
        "data=csv",
        f"data.path={tmp_path / 'films.csv'}",
        "encoder.width=8",
        "encoder.depth=1",
        "defaults=plain",
    ]
    run = tmp_path / "run"
    # Nothing is learned at this rate.
    words += ["trainer.updates=1", "optimizer.lr=1e-9", f"folder={run}", *more]
    assert main(["train", *words]) == 0
    results, log = json.loads((run / "results.json").read_text()), (run / "log.txt").read_text()
    if "baselines=false" in more:
        assert "validation_baselines" not in results and "is ahead" not in log
        return
    assert results["validation_baselines"]["naive_bayes"]["accuracy"] == 1.0
    own = results["validation"]["accuracy"]
    assert (
        log.count(
            f"naive bayes is ahead on validation (accuracy 1.0000 against {own:.4f}), but training ended while"
        )
        == 1
    )
