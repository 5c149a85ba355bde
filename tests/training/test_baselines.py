"""Baselines never stop a run: one that fails or has nothing to say is left out, and told."""

from pathlib import Path

import pytest
from conftest import write_pairs, write_tables

from attnlab import compose
from attnlab.registry import BASELINES
from attnlab.training.baselines import Baseline, Problem, baselines
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
        assert list(scores) == ["larger_class", "naive_bayes"]
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
