"""Cross-validation: every example is tested once, folds are alike, and a parent folder is a run of runs."""

import csv
import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest
import soundfile
from conftest import write_pairs, write_treebank
from pictures import write_mnist

from attnlab import train
from attnlab.cli import main
from attnlab.errors import Stopped
from attnlab.metrics import Tally, by_class
from attnlab.runs import RunFolder
from attnlab.training.cross_validation import class_scores, join_predictions, show, summary, tallies
from attnlab.training.loop import Training
from attnlab.training.report import Column, Reporter

RATE = 4000
TINY = [
    "encoder.width=8", "encoder.depth=1", "encoder.heads=2", "trainer.epochs=2", "trainer.batch_vectors=100", "members=1",
]  # fmt: skip


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


def test_classes_are_counted_over_the_tests_of_all_folds() -> None:
    """One fold's answers are all the same, which is no test of that fold, but counts like every other."""
    train = dict.fromkeys(("seconds", "wall_seconds", "epochs", "updates", "vectors_per_second", "data_wait"), 1.0)
    counts = {"a": {"yes": Tally(3, 1, 1), "no": Tally(1, 3, 1)}, "b": {"yes": Tally(4, 4, 4)}}
    folds = {
        name: {
            "test": {}, "validation": {}, "train": train, "parameters": 5, "baselines": {},
            "classes": class_scores(of),
        }
        for name, of in counts.items()
    }  # fmt: skip
    found = summary("t", "p", folds)["classes"]
    assert tallies(found) == {"no": Tally(1, 3, 1), "yes": Tally(7, 5, 5)}
    assert found["yes"]["precision"] == 1.0 and found["yes"]["recall"] == 5 / 7 and found["yes"]["support"] == 7
    del folds["b"]["classes"]["yes"]["correct"]  # as an earlier version left it
    assert "classes" not in summary("t", "p", folds)


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
    lines = [
        json.loads(line)
        for path in finished.glob("fold-*/predictions-test.jsonl")
        for line in path.read_text().splitlines()
    ]
    pairs = Counter((line["gold"], line["predicted"]) for line in lines)
    assert tallies(found["classes"]) == by_class(pairs) and len(lines) == 24
    assert "Each class" in (finished / "log.txt").read_text() and "intervals" not in found
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
    *_, table = shown.split("Each class\n")  # after those of each fold
    rows = [row.replace("│", " ").split() for row in table.splitlines() if row.startswith("│")]
    assert [(row[0], row[-1]) for row in rows] == [
        (name, str(of["support"])) for name, of in results(finished)["classes"].items()
    ]
    assert sum(int(row[-1]) for row in rows) == 24


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
        if loop.saves.folder.path.name == "fold-bob":
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


def test_the_predictions_of_all_folds_are_one_table(finished: Path) -> None:
    names = list(results(finished)["folds"])
    folds = [finished / f"fold-{name}" for name in names]
    lines = [json.loads(line) for line in (finished / "predictions-test.jsonl").read_text().splitlines()]
    assert [line.pop("fold") for line in lines] == [name for name in names for _ in range(8)]
    own = [(fold / "predictions-test.jsonl").read_text().splitlines() for fold in folds]
    assert lines == [json.loads(line) for of_fold in own for line in of_fold]
    with (finished / "predictions-test.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [line["key"] for line in lines]
    assert list(rows[0])[:2] == ["fold", "key"] and {row["fold"] for row in rows} == set(names)


def test_folds_with_other_columns_are_joined_by_name(tmp_path: Path) -> None:
    """Such as classes that only one of them has learned, and a column of the user's that is called fold."""
    parent = RunFolder(tmp_path)
    for name, table in (("0", 'key,fold,p(a)\nk1,x,"1,\n5"\n'), ("1", "key,fold,p(b)\nk2,y,0.5\n")):
        fold = parent.fold(name)
        fold.path.mkdir()
        fold.predictions("test").write_text('{"key": "k"}\n')
        join_predictions(parent, ["0", "1"])
        assert not parent.predictions("test").exists(), "there is none of fold 1"
        fold.predictions("test").with_suffix(".csv").write_text(table)
    join_predictions(parent, ["0", "1"])
    joined = (tmp_path / "predictions-test.csv").read_text()
    assert joined == 'fold_,key,fold,p(a),p(b)\n0,k1,x,"1,\n5",\n1,k2,y,,0.5\n'


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


def tags(folder: Path) -> list[str]:
    return ["task=pos", "data=ud_ewt", f"data.path={write_treebank(folder, train=30, others=6)}"]


def translations(folder: Path) -> list[str]:
    return ["task=translation", "data=parallel", f"data.path={write_pairs(folder, 40, 8)}", "data.tokens=words"]


def pictures(folder: Path) -> list[str]:
    return ["task=digits", "data=mnist", f"data.path={write_mnist(folder)}", "data.patch=3"]


@pytest.mark.parametrize("case", [tags, translations, pictures], ids=lambda case: case.__name__)
def test_data_of_every_kind_are_trained_in_folds_and_scored_again(
    case: Callable[[Path], list[str]], tmp_path: Path, capsys
) -> None:
    parent = tmp_path / "run"
    given = [*case(tmp_path / "data"), "data.folds=3", *TINY, "trainer.epochs=1", f"folder={parent}"]
    assert main(["train", *given]) == 0
    found, saved = results(parent), json.loads((parent / "folds.json").read_text())
    assert (
        found["baselines"]
        and found["standard_deviation"].keys() == found["test"].keys() - found.get("undefined", {}).keys()
    )
    for name, keys in saved["test"].items():
        predicted = (parent / f"fold-{name}" / "predictions-test.jsonl").read_text().splitlines()
        assert [json.loads(line)["key"] for line in predicted] == keys
    capsys.readouterr()
    assert main(["eval", f"run={parent}"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│ mean")]
    assert all(f"{score:.4f}" in line for score in found["test"].values())


def test_a_table_in_time_is_continued_where_it_was_killed(tmp_path: Path, capsys) -> None:
    """By a signal that nothing can catch, in the middle of its second fold."""
    rows = [f"text {i} {('dull', 'fine')[i % 2]},{'yn'[i % 2]},{2000 + i // 3}" for i in range(60)]
    (tmp_path / "x.csv").write_text("\n".join(["text,label,year", *rows]) + "\n")
    given = [
        "task=sentiment",
        "data=csv",
        f"data.path={tmp_path / 'x.csv'}",
        "data.folds=time:3",
        "data.time=year",
        *TINY,
    ]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main(["train", *given, f"folder={whole}"]) == 0
    program = (
        "import os, signal\nfrom attnlab.cli import main\nfrom attnlab.training.loop import Training\n"
        "save = Training.save\n"
        "def once(self):\n    save(self)\n"
        "    if self.saves.folder.path.name == 'fold-1':\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"Training.save = once\nmain({['train', *given, f'folder={killed}']!r})"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True).returncode == -signal.SIGKILL
    assert (killed / "fold-0/results.json").exists() and not (killed / "fold-1/results.json").exists()
    assert main(["train", f"run={killed}"]) == 0
    for fold in ("fold-0", "fold-1", "fold-2"):
        weights = Path(fold, "best", "model.safetensors")
        assert (killed / weights).read_bytes() == (whole / weights).read_bytes()
    assert results(killed)["test"] == results(whole)["test"]
    capsys.readouterr()
    assert main(["eval", f"run={killed}"]) == 0
    assert f"{results(whole)['test']['accuracy']:.4f}" in capsys.readouterr().out


def test_a_fold_of_any_name_is_a_folder_of_its_own_within_the_parent(tmp_path: Path) -> None:
    names = ["ada", "../../x", "..%2F..%2Fx", "a/b", "a%2Fb", "..", "é" * 300, "é" * 301]
    folders = [RunFolder(tmp_path).fold(name).path for name in names]
    assert folders[0] == tmp_path / "fold-ada" and len(set(folders)) == len(names)
    for folder in folders:
        folder.mkdir()
        assert folder.resolve().parent == tmp_path.resolve()


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
        of_fold["examples"]["validation"] = 1000  # of so many, the difference is none by chance
        of_fold["validation_baselines"]["most_frequent_class"]["accuracy"] = 0.1
        of_fold["validation_baselines"]["regression_on_means"]["accuracy"] = simple[name]
        (parent / f"fold-{name}" / "results.json").write_text(json.dumps(of_fold))
    capsys.readouterr()
    assert main(["train", f"run={parent}"]) == 0
    out = capsys.readouterr().out
    assert out.count("regression on means is ahead on validation (accuracy 0.5833 against 0.5000)") == 1
    on_test = [results(parent / f"fold-{name}")["baselines"]["regression_on_means"]["accuracy"] for name in own]
    (row,) = (line for line in out.splitlines() if line.startswith("│ regression on means "))
    assert f"{fmean(on_test):.4f} ± {stdev(on_test):.4f}" in row
    assert results(parent)["validation_baselines"]["regression_on_means"]["accuracy"] == pytest.approx(
        0.58333, abs=1e-4
    )
