"""Cross-validation: every example is tested once, folds are alike, and a parent folder is a run of runs."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab import train
from attnlab.cli import main
from attnlab.data.prep.crossval import assign, divided, fold_splits
from attnlab.data.prep.splits import held_out
from attnlab.errors import Stopped, UserError
from attnlab.training.cross_validation import show, summary
from attnlab.training.loop import Training
from attnlab.training.report import Column, Reporter

RATE = 4000


def words(outputs: Path, digits: Path) -> list[str]:
    return [
        "task=keywords", "data=fsdd", f"data.path={digits}", "data.rate=4000", "data.bands=8", "encoder.width=8",
        "encoder.depth=1", "encoder.heads=2", "trainer.epochs=2", "trainer.batch_vectors=100", f"outputs={outputs}",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two digits of three speakers, four recordings each."""
    folder = tmp_path_factory.mktemp("digits")
    for digit in range(2):
        for number, speaker in enumerate(("ada", "bob", "cy")):
            for index in range(4):
                time = np.arange(500 + 40 * index + 100 * number) / RATE
                sound = 0.3 * np.sin(2 * np.pi * (300 + 700 * digit + 30 * number) * time)
                soundfile.write(folder / f"{digit}_{speaker}_{index}.wav", sound, RATE)
    return folder


@pytest.fixture(scope="module")
def finished(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cross-validation over speakers."""
    outputs = tmp_path_factory.mktemp("finished")
    assert main(["train", *words(outputs, digits), "data.folds=speaker", "data.validation=0.2"]) == 0
    (parent,) = (outputs / "keywords").iterdir()
    return parent


def results(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text())


@settings(max_examples=30, deadline=None)
@given(
    labels=st.lists(st.sampled_from("abc"), min_size=12, max_size=60),
    number=st.integers(3, 10),
    seed=st.integers(0, 5),
)
def test_every_example_is_tested_once_and_labels_are_spread_evenly(
    labels: list[str], number: int, seed: int
) -> None:
    keys = [f"k{i}" for i in range(len(labels))]
    assigned = assign(str(number), keys, labels, [""] * len(keys), seed)
    for label in set(labels):
        counts = Counter(fold for fold, own in zip(assigned, labels, strict=True) if own == label)
        spread = [counts[str(fold)] for fold in range(number)]
        assert max(spread) - min(spread) <= 1
    found = divided(str(number), keys, keys, labels, [""] * len(keys), 0.1, seed)
    assert sorted(key for tested in found.test.values() for key in tested) == sorted(keys)
    for name in found.names:
        assert not set(found.test[name]) & set(found.validation[name])
    assert (
        found == divided(str(number), keys, keys, labels, ["x"] * len(keys), 0.9, seed)
        or "speaker" in found.protocol
    )


def test_somebody_validates_when_a_group_of_few_is_left_out() -> None:
    keys, groups = [f"k{i}" for i in range(12)], ["xyz"[i // 4] for i in range(12)]
    for seed in range(20):
        found = divided("speaker", keys, keys, ["a"] * 12, groups, 0.05, seed)
        assert all(0 < len(own) < 8 for own in found.validation.values())
    assert not any(divided("speaker", keys, keys, ["a"] * 12, groups, 0.0, 0).validation.values())
    with pytest.raises(UserError, match=r"`data\.fold=x`: too few different examples beside x's"):
        divided("speaker", ["a", "b"], ["a", "b"], ["a"] * 2, ["x", "y"], 0.1, 0)


def test_folds_are_fixed_by_their_seed_and_the_examples_not_their_order() -> None:
    keys, labels = [f"k{i}" for i in range(40)], ["ab"[i % 2] for i in range(40)]
    one = dict(zip(keys, assign("4", keys, labels, [""] * 40, 1), strict=True))
    back = dict(zip(keys[::-1], assign("4", keys[::-1], labels[::-1], [""] * 40, 1), strict=True))
    assert one == back
    assert one != dict(zip(keys, assign("4", keys, labels, [""] * 40, 2), strict=True))


def test_a_group_is_tested_by_a_model_that_never_saw_it() -> None:
    keys, groups = [f"k{i}" for i in range(60)], [f"g{i % 3}" for i in range(60)]
    splits = fold_splits("speaker", "g1", groups, keys, 0.2, 0)
    assert {g for g, split in zip(groups, splits, strict=True) if split == "test"} == {"g1"}
    assert "g1" not in {g for g, split in zip(groups, splits, strict=True) if split != "test"}
    assert 0 < splits.count("validation") < 20
    with pytest.raises(UserError, match=r"`data\.fold=g7`: no such fold; choose one of g0, g1, g2"):
        fold_splits("speaker", "g7", groups, keys, 0.2, 0)


def test_a_held_out_share_doesnt_depend_on_who_else_is_there() -> None:
    keys = [f"k{i}" for i in range(2000)]
    kept = [held_out(key, 0.2, 3) for key in keys]
    splits = fold_splits("speaker", "a", ["a", *["b"] * 1999], keys, 0.2, 3)
    assert splits == ["test", *("validation" if out else "train" for out in kept[1:])]
    assert 0.16 < sum(kept) / 2000 < 0.24


def test_a_summary_holds_mean_and_deviation() -> None:
    train = dict.fromkeys(("seconds", "wall_seconds", "epochs", "updates", "vectors_per_second", "data_wait"), 1.0)
    folds = {
        name: {
            "test": {"accuracy": x},
            "validation": {"accuracy": 1.0},
            "train": train,
            "parameters": 5,
            "baselines": {},
            "validation_baselines": {"simple": {"accuracy": x}, **({"rare": {}} if x > 0.5 else {})},
        }
        for name, x in (("a", 0.5), ("b", 0.7), ("c", 0.9))
    }
    found = summary("t", "p", folds)
    assert found["test"]["accuracy"] == pytest.approx(0.7)
    assert found["standard_deviation"]["accuracy"] == pytest.approx(0.2)
    assert found["train"]["seconds"] == 3.0
    assert found["validation_baselines"] == {"simple": {"accuracy": pytest.approx(0.7)}}, "what all folds have"


def test_a_mean_is_over_the_folds_that_have_a_score(capsys) -> None:
    train = dict.fromkeys(("seconds", "wall_seconds", "epochs", "updates", "vectors_per_second", "data_wait"), 1.0)
    tests = {"a": {"accuracy": 0.5}, "b": {}, "c": {"accuracy": 0.9}}
    folds = {
        name: {
            "test": test | {"loss": 1.0}, "validation": {"loss": 1.0}, "examples": {"test": 4}, "train": train,
            "undefined": {} if test else {"test": {"accuracy": "one class", "roc_auc": "one class"}},
            "parameters": 5, "baselines": {},
        }
        for name, test in tests.items()
    }  # fmt: skip
    found = summary("t", "p", folds)
    assert found["test"] == {"accuracy": pytest.approx(0.7), "loss": 1.0} and found["examples"] == {"test": 12}
    assert found["undefined"] == {"test": {"accuracy": "no score in fold b", "roc_auc": "one class"}}
    columns = {name: Column(fold["test"], 4, fold["undefined"].get("test", {})) for name, fold in folds.items()}
    show(Reporter(), "t", columns)
    shown = capsys.readouterr().out
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("│ b")]
    assert row == ["│", "b", "│", "4", "│", "–", "│", "1.0000", "│", "–", "│"]
    assert "accuracy: no score in fold b; the mean is over the other 2" in shown


def test_warnings_of_folds_are_told_once_and_kept_with_each(finished: Path) -> None:
    log = (finished / "log.txt").read_text()
    assert log.count("the test split has only 8 examples") == 1
    assert log.index("Warning: ") < log.index("Fold ada")
    for name in ("ada", "bob", "cy"):
        fold = finished / f"fold-{name}"
        assert (fold / "log.txt").read_text().count("the test split has only 8 examples") == 1
        assert "the test split has only 8 examples: a score on it says little" in results(fold)["warnings"]


def test_a_parent_of_ordinary_runs(finished: Path) -> None:
    found = results(finished)
    assert sorted(found["folds"]) == ["ada", "bob", "cy"] and "leave one speaker out" in found["protocol"]
    own = [results(finished / f"fold-{name}")["test"]["accuracy"] for name in found["folds"]]
    assert found["test"]["accuracy"] == pytest.approx(np.mean(own))
    saved = json.loads((finished / "folds.json").read_text())
    assert all(f"_{name}_" in key for name, keys in saved["test"].items() for key in keys)
    predicted = (finished / "fold-bob" / "predictions-test.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in predicted] == saved["test"]["bob"]


def test_eval_repeats_all_folds_and_latest_is_the_parent(finished: Path, capsys) -> None:
    capsys.readouterr()
    assert main(["eval", "run=latest", f"outputs={finished.parents[1]}"]) == 0
    shown = capsys.readouterr().out
    mean = results(finished)["test"]["accuracy"]
    (line,) = [line for line in shown.splitlines() if line.startswith("│ mean")]
    assert f"{mean:.4f}" in line


def test_what_is_finished_is_kept_and_the_rest_is_trained(finished: Path, tmp_path: Path) -> None:
    expected = results(finished)
    parent = tmp_path / "outputs" / "keywords" / finished.name
    shutil.copytree(finished, parent)
    (parent / "results.json").unlink()
    shutil.rmtree(parent / "fold-bob")
    (parent / "fold-cy" / "results.json").unlink()
    kept = (parent / "fold-ada" / "results.json").stat().st_mtime_ns
    assert main(["train", f"run={parent}"]) == 0
    found = results(parent)
    assert (parent / "fold-ada" / "results.json").stat().st_mtime_ns == kept
    assert found["test"] == expected["test"] and found["validation"] == expected["validation"]
    assert (parent / "fold-bob/best/model.safetensors").read_bytes() == (
        finished / "fold-bob/best/model.safetensors"
    ).read_bytes()


def test_more_epochs_are_for_every_fold_whatever_comes_between(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = Path(shutil.copytree(finished, tmp_path / "outputs" / "keywords" / finished.name))
    epoch = Training._epoch

    def interrupted(loop: Training) -> None:
        if loop.folder.path.name == "fold-bob":
            raise Stopped(2)
        epoch(loop)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_epoch", interrupted)
        with pytest.raises(Stopped):
            train(f"run={parent}", "trainer.epochs=3", quiet=True)
    assert main(["train", f"run={parent}"]) == 0
    assert {name: fold["train"]["epochs"] for name, fold in results(parent)["folds"].items()} == {
        "ada": 3, "bob": 3, "cy": 3,
    }  # fmt: skip


def test_a_word_that_is_refused_changes_nothing(finished: Path, tmp_path: Path) -> None:
    parent = Path(shutil.copytree(finished, tmp_path / "outputs" / "keywords" / finished.name))
    assert main(["train", f"run={parent}", "trainer.monitor=acuracy", "trainer.epochs=3"]) == 2
    assert (parent / "config.yaml").read_bytes() == (finished / "config.yaml").read_bytes()
    assert main(["train", f"run={parent}"]) == 0 and results(parent)["test"] == results(finished)["test"]


def test_other_data_are_refused_on_resume(finished: Path, digits: Path, tmp_path: Path, capsys) -> None:
    other = Path(shutil.copytree(digits, tmp_path / "other"))
    (other / "0_ada_0.wav").unlink()
    assert main(["train", f"run={finished}", f"data.path={other}"]) == 2
    assert "no longer those of this cross-validation" in capsys.readouterr().err


def test_numbered_folds_train_too(digits: Path, tmp_path: Path) -> None:
    assert main(["train", *words(tmp_path, digits), "data.folds=3", "trainer.epochs=1"]) == 0
    (parent,) = (tmp_path / "keywords").iterdir()
    assert results(parent)["protocol"].startswith("3-fold cross-validation, stratified")
    assert sorted(results(parent)["folds"]) == ["0", "1", "2"]


def test_a_baseline_that_is_better_on_the_mean_over_folds_is_named_at_the_end(
    finished: Path, tmp_path: Path, capsys
) -> None:
    parent = Path(shutil.copytree(finished, tmp_path / "outputs" / "keywords" / finished.name))
    own = {"ada": 0.5, "bob": 0.75, "cy": 0.25}
    simple = {"ada": 0.25, "bob": 1.0, "cy": 0.5}
    for name in own:
        of_fold = results(parent / f"fold-{name}")
        assert set(of_fold["validation_baselines"]) == {"most_frequent_class", "regression_on_means"}
        of_fold["validation"]["accuracy"] = own[name]
        of_fold["validation_baselines"]["most_frequent_class"]["accuracy"] = 0.1
        of_fold["validation_baselines"]["regression_on_means"]["accuracy"] = simple[name]
        (parent / f"fold-{name}" / "results.json").write_text(json.dumps(of_fold))
    capsys.readouterr()
    assert main(["train", f"run={parent}"]) == 0
    sentence = "regression on means is ahead on validation (accuracy 0.5833 against 0.5000): "
    assert capsys.readouterr().out.count(sentence) == 1
    assert results(parent)["validation_baselines"]["regression_on_means"]["accuracy"] == pytest.approx(
        0.58333, abs=1e-4
    )
