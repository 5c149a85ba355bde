"""`attnlab runs` shows every run with its state, picked and ordered by words."""

import json
import os
from pathlib import Path

import pytest
from filelock import FileLock

from attnlab import compose
from attnlab.cli import main
from attnlab.disk import write_json, write_text
from attnlab.errors import UserError
from attnlab.lab.runs_table import show
from attnlab.runs import RunFolder


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """A finished, a failed, a pruned and a cut-off run."""
    for name, score in (("finished", 0.75), ("failed", None), ("pruned", 0.5), ("cut", 0.25)):
        folder = RunFolder.create(str(tmp_path), "pos", str(tmp_path / "pos" / name))
        write_text(folder.config, compose.to_yaml(compose.compose([f"encoder.depth={len(name)}"])))
        if score is not None:
            folder.append_metrics(
                {"update": 1, "epoch": 1, "accuracy": score, "monitor": "accuracy", "best": True, "done": False}
            )
    write_json(RunFolder(tmp_path / "pos/failed").error, {"error": "bad"})
    write_json(RunFolder(tmp_path / "pos/pruned").pruned, {"pruned": "after validation 1"})
    write_json(
        RunFolder(tmp_path / "pos/finished").results,
        {
            "task": "pos",
            "test": {"accuracy": 0.7},
            "validation": {"accuracy": 0.75},
            "train": {"monitor": "accuracy", "epochs": 3, "wall_seconds": 75.0},
            "parameters": 1234,
        },
    )
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], outputs: Path, *words: str) -> list[str]:
    show([*words, f"outputs={outputs}"])
    return [line.split()[0].removeprefix("pos/") for line in capsys.readouterr().out.splitlines()[1:]]


def test_states_scores_and_order(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, outputs, "sort=-score") == ["finished", "pruned", "cut", "failed"]
    assert listed(capsys, outputs, "state=pruned,failed", "sort=encoder.depth") == ["failed", "pruned"]
    assert listed(capsys, outputs, "encoder.depth=3", "sort=") == ["cut"]
    assert listed(capsys, outputs, "encoder.depth=3") == ["cut"] == listed(capsys, outputs, "encoder.depth=1,3.0")
    assert listed(capsys, outputs, "optimizer.lr=3e-3") == listed(capsys, outputs, "optimizer.lr=0.003") != []
    assert listed(capsys, outputs, "state=running") == [], "a state that no run has just now is no mistake"
    assert listed(capsys, outputs, "state=failed", "encoder.depth=3") == []
    show(["--json", f"outputs={outputs}", "state=finished"])
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["score"], found["test"], found["seconds"], found["parameters"]) == (0.75, 0.7, 75.0, 1234)


DAMAGE = {
    "config.yaml": ["task: [pos", "", "- task"],
    "metrics.jsonl": ['{"update": 1,\n', "[]\n"],
    "results.json": ["[]", '{"task": "pos"'],
}


@pytest.mark.parametrize("name, text", [(name, text) for name, texts in DAMAGE.items() for text in texts])
def test_a_damaged_run_is_told_among_the_others(
    name: str, text: str, outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (outputs / "pos" / "finished" / name).write_text(text)
    assert sorted(listed(capsys, outputs)) == ["cut", "failed", "finished", "pruned"]
    assert listed(capsys, outputs, "state=damaged") == ["finished"]


def test_a_held_run_is_running(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(outputs / "pos" / "cut")
    assert folder.state() == "cut off"
    with FileLock(folder.lock):
        assert listed(capsys, outputs, "state=running") == ["cut"]
        with pytest.raises(UserError, match="another process is training"), folder.held():
            pass
    assert folder.state() == "cut off"


def test_a_test_score_may_be_a_column_and_the_order(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of every score in results.json, whatever picked the weights."""
    folder = RunFolder(outputs / "pos" / "finished")
    results = folder.read_results()
    write_json(folder.results, results | {"test": results["test"] | {"macro_f1": 0.12345}})
    show(["show=macro_f1", "sort=-macro_f1", f"outputs={outputs}"])
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "macro_f1" and first.split()[-1] == "0.1235"


def test_an_unknown_word_is_refused(outputs: Path) -> None:
    with pytest.raises(UserError, match="did you mean `score`"):
        show(["sort=-scor", f"outputs={outputs}"])
    with pytest.raises(
        UserError, match=r"the columns are run, task, .*, and `attnlab train --help` lists the keys"
    ):
        show(["show=nope", f"outputs={outputs}"])


IMPOSSIBLE = {
    "state=finishd": "`state=finishd`: no such state (the states are cut off, damaged, failed, finished, pruned, running); "
    "did you mean `finished`?",
    "state=failed,xyz": "`state=xyz`: no such state; choose one of cut off, damaged, failed, finished, pruned, running",
    "state=done": "write `state=finished`",
    "task=sentiment": "`task=sentiment`: no run in OUT/ is of this kind; the only value there is pos",
    "encoder.depth=1,2": "`encoder.depth=1,2`: no run in OUT/ is of this kind; the values there are 3, 6, 8",
    "optimizer.lr=fast": "the only value there is 0.003",
    "data.limit=5": "none has a value there",
    "lr=0.003": "`lr`: no such column or key; it is `optimizer.lr` here",
}


@pytest.mark.parametrize("word", IMPOSSIBLE)
def test_what_no_run_can_be_is_refused(word: str, outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--json"]):
        assert main(["runs", word, f"outputs={outputs}", *more]) == 2
        told = capsys.readouterr()
        assert IMPOSSIBLE[word] in told.err.replace(str(outputs), "OUT") and not told.out


def test_of_many_values_the_near_one_is_told(outputs: Path) -> None:
    config = compose.to_yaml(compose.compose())
    for number in range(21):
        folder = RunFolder.create(str(outputs), "pos", str(outputs / "pos" / f"many-{number}"))
        write_text(folder.config, config.replace("name: grammar", f"name: grammar{number}"))
    with pytest.raises(UserError, match=r"22 values are there; did you mean `grammar.?`\?$"):
        show(["data.name=gramar", f"outputs={outputs}"])
    with pytest.raises(UserError, match=r"22 values are there; the first is grammar$"):
        show(["data.name=xyz", f"outputs={outputs}"])


def test_a_bare_folder_is_told_with_its_word(
    outputs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(outputs)
    here = "outputs=."
    for words, right in (
        (["eval", "pos/cut"], "`pos/cut`: write `run=pos/cut`"),
        (["train", "pos/cut", "trainer.epochs=9"], "`pos/cut`: write `run=pos/cut`"),
        (["eval", "pos"], "`pos`: write key=value"),
        (["train", "--cfg", "job"], ""),
        (["runs", str(outputs / "pos/cut"), here], "write `run=pos/cut`"),
        (["runs", "pos"], "`pos`: write `outputs=pos` for the runs below a folder"),
        (["runs", "nowhere"], "`nowhere`: write key=value to pick runs"),
    ):
        assert main(words) == (2 if right else 0)
        assert right in capsys.readouterr().err
    assert listed(capsys, Path("."), "run=pos/cut") == ["cut"]


def a_sweep(outputs: Path, seeds: dict[str, float], number: int = 3) -> Path:
    """A finished one whose best trial has these scores."""
    sweep = outputs / "pos" / "29991231-235959-abcd"
    for seed in seeds:
        trial = sweep / f"trial-{number}" / (f"seed-{seed}" if len(seeds) > 1 else "")
        trial.mkdir(parents=True)
        (trial / "config.yaml").write_text((outputs / "pos/finished/config.yaml").read_text())
    (sweep / "sweep.yaml").write_text("words: []\n")
    best = {"number": number, "score": sum(seeds.values()) / len(seeds), "seeds": seeds, "values": {}}
    write_json(sweep / "results.json", {"monitor": "mae", "best": best, "trials": []})
    return sweep


def test_a_sweep_is_its_best_trial(outputs: Path) -> None:
    sweep = a_sweep(outputs, {"1": 0.5})
    for name in ("latest", str(sweep)):
        found = RunFolder.find(name, str(outputs))
        assert found.path == sweep / "trial-3"
        assert found.told == f"Using trial 3, the best of {sweep}: validation mae 0.5000"


def test_of_a_trial_with_several_seeds_the_best_one_is_taken(outputs: Path) -> None:
    sweep = a_sweep(outputs, {"5": 0.5, "6": 0.25, "7": 0.75})
    found = RunFolder.find(str(sweep))
    assert found.path == sweep / "trial-3/seed-6", "the mae is lowest there"
    assert found.told == f"Using trial 3, the best of {sweep}, of its seeds 6 is the best: validation mae 0.2500"


def test_a_sweep_that_is_not_finished_is_no_run(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = a_sweep(outputs, {"1": 0.5})
    (sweep / "results.json").unlink()
    later = sweep.stat().st_mtime + 100
    os.utime(sweep / "trial-3", (later, later))
    for verb in ("eval", "train"):
        assert main([verb, "run=latest", f"outputs={outputs}"]) == 2
        assert capsys.readouterr().err == (
            f"attnlab: `run=latest`: {sweep} is a sweep that isn't finished; finish it with "
            f"`attnlab sweep sweep={sweep}`, or name one of its runs, such as `run={sweep}/trial-3`\n"
        )


FORGED = {
    '{"monitor": "mae", "best": {"number": 3, "score": 1, "seeds": {"../../cut": 1, "2": 2}}}': "where a seed should be",
    '{"monitor": "mae", "best": {"number": -1, "score": 1, "seeds": {}}}': "`best.number`: -1",
    '{"monitor": "mae"}': "`best` is missing",
}


@pytest.mark.parametrize("text", FORGED)
def test_a_forged_choice_leads_nowhere(text: str, outputs: Path) -> None:
    sweep = a_sweep(outputs, {"1": 0.5})
    (sweep / "results.json").write_text(text)
    with pytest.raises(UserError, match=r"results\.json") as refused:
        RunFolder.find(str(sweep))
    assert FORGED[text] in str(refused.value)


def test_a_score_that_says_nothing_is_a_dash(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = RunFolder(outputs / "pos/finished").results
    results = json.loads(path.read_text())
    write_json(path, results | {"test": {"loss": 0.1}})
    show(["state=finished", f"outputs={outputs}"])
    assert capsys.readouterr().out.splitlines()[1].split()[5:7] == ["0.7500", "–"]
    write_json(path, {name: value for name, value in results.items() if name != "test"})
    show(["state=finished", f"outputs={outputs}"])
    assert "–" not in capsys.readouterr().out, "nothing was tested"
