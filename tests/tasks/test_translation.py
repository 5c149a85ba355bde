"""Sequences out, by the program's own door: it learns, stops and goes on exactly, and says what is wrong."""

import json
from pathlib import Path

import pytest
import torch
from conftest import write_pairs
from loops import training, weights
from safetensors.torch import load_file

from attnlab import compose
from attnlab.cli import main
from attnlab.runs import RunFolder
from attnlab.training.resume import restore
from attnlab.training.run import load_run


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp("pairs"))


@pytest.fixture
def words(pairs: Path, tmp_path: Path) -> list[str]:
    return [
        "task=translation", "data=parallel", f"data.path={pairs}", f"outputs={tmp_path / 'outputs'}", "data.tokens=words",
        "encoder.width=16", "encoder.heads=2", "encoder.depth=1", "head.heads=2", "head.depth=1", "trainer.epochs=2",
        "trainer.batch_vectors=120", "baselines=false",
    ]  # fmt: skip


def only_run(outputs: Path) -> Path:
    (folder,) = (outputs / "translation").iterdir()
    return folder


def test_a_run_splits_text_as_it_has_learned_to(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words, "trainer.epochs=1"]) == 0
    folder = only_run(tmp_path / "outputs")
    assert main(["eval", f"run={folder}", "data.tokens=words"]) == 0
    for command in ("eval", "train"):
        for word in ("data.tokens=bpe", "data.joint_vocabulary=true"):
            capsys.readouterr()
            assert main([command, f"run={folder}", word]) == 2
            assert f"`{word.split('=')[0]}`" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["data.joint_vocabulary=true"], ["head.n_best=2", "head.position=learned"]])
def test_eval_repeats_what_train_reported(words: list[str], tmp_path: Path, more: list[str]) -> None:
    assert main(["train", *words, *more]) == 0
    folder = only_run(tmp_path / "outputs")
    results = json.loads((folder / "results.json").read_text())
    first = (folder / "predictions-test.jsonl").read_bytes()
    for split in ("test", "validation"):
        assert main(["eval", f"run={folder}", f"split={split}"]) == 0
        assert load_run(folder).evaluate(split).scores == results[split]
    assert (folder / "predictions-test.jsonl").read_bytes() == first
    assert len(results["lengths"]["answers"]) == 7
    assert len((folder / "hypotheses").glob("*.txt").__next__().read_text().splitlines()) == 16
    said = load_run(folder).predict(["big old dog", "tree"])
    assert all(isinstance(prediction.value, str) for prediction in said)


def test_it_learns_to_turn_a_sentence_round(words: list[str], tmp_path: Path) -> None:
    words += [f"data.path={write_pairs(tmp_path / 'more', train=400)}", "trainer.epochs=10", "optimizer.lr=0.01"]
    words += ["encoder.width=32", "encoder.dropout=0", "head.dropout=0"]
    words += ["trainer.monitor=exact_match"]  # BLEU of texts of under four words is 0
    assert main(["train", *words]) == 0
    results = json.loads((only_run(tmp_path / "outputs") / "results.json").read_text())
    assert results["test"]["exact_match"] > 0.8 and results["test"]["cut"] == 0


def test_stopped_after_any_update_the_rest_is_bit_identical(words: list[str], tmp_path: Path) -> None:
    words += ["encoder.dropout=0.3", "trainer.average_best=2", "trainer.validate_every=2", "head.dropout=0.2"]
    whole = training(words, tmp_path / "whole")
    whole.run()
    expected = weights(tmp_path / "whole")
    assert len({path for path in expected if path.startswith("candidates")}) and whole.progress.update >= 5
    for stop in (1, 4, whole.progress.update - 1):
        folder = tmp_path / f"stopped-{stop}"
        training(words, folder, stop_after=stop).run()
        torch.manual_seed(999)
        rest = training(words, folder)
        restore(rest)
        rest.run()
        assert weights(folder) == expected, f"stopped after update {stop}"


def test_the_mean_of_the_best_is_kept_where_it_is_better(words: list[str], tmp_path: Path) -> None:
    loop = training([*words, "trainer.average_best=2", "trainer.epochs=3", "trainer.average=0"], tmp_path / "run")
    loop.run()
    kept = sorted((tmp_path / "run" / "candidates").iterdir())
    assert len(kept) == 2
    both = [load_file(path / "model.safetensors") for path in kept]
    mean = loop.saves.mean(loop.model.state_dict())
    assert all(torch.allclose(mean[name], (both[0][name] + both[1][name]) / 2) for name in mean)


@pytest.mark.parametrize(
    "more, sentence",
    [
        (["data=digits", "data.path=null"], "`task=translation` learns to write an answer for each picture, but `label` has 10 classes"),
        (["encoder.position=learned", "encoder.max_position=2"], "`encoder.max_position=2`: a set of the train split takes 3 positions"),
        (["head.position=learned", "head.max_position=2"], "`head.max_position=2`: an answer of the train split takes 4 positions"),
        (["head.heads=32"], "`head.heads=32`: encoder.width=16 must be a multiple of it"),
        (["head.heads=16"], "`head.position=rotary` needs two numbers for each of 1 coordinates, with head.heads=16"),
        (["data.joint_vocabulary=true", "embedding=one_hot"], "`data.joint_vocabulary=true` needs embedding=learned"),
        (["head.n_best=9"], "`head.n_best=9` must be at most head.beam=5"),
        (["head.position=rotary", "head.score=additive"], "`head`: position rotary rotates queries and keys"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    words: list[str], more: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "data=digits" in more:
        words = ["task=translation", "data=digits"]
        more = []
    assert main(["train", *words, *more]) == 2
    told = capsys.readouterr().err
    assert sentence in told and len(told.splitlines()) == 1
    assert not (tmp_path / "outputs").exists(), "nothing is left behind"


def test_the_run_keeps_words_and_numbers_only(words: list[str], tmp_path: Path) -> None:
    assert main(["train", *words]) == 0
    folder = only_run(tmp_path / "outputs")
    RunFolder.find(str(folder))
    config = compose.load_saved(folder / "config.yaml", [])
    assert config.head.beam == 5
