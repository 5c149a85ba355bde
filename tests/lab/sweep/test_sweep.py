"""A sweep loses nothing, repeats nothing and decides the same, however often it is killed."""

import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from attnlab.cli import main
from attnlab.command_words import parse
from attnlab.errors import Damaged, UserError
from attnlab.lab.sweep import command
from attnlab.lab.sweep.child import Child
from attnlab.runs import RunFolder

STAND_IN = Path(__file__).with_name("stand_in.py")
DRIVER = """
import sys
from attnlab.lab.sweep import command
command.score_on_test = lambda folder, search, chosen: {"mean": {"accuracy": 0.5}}
command.sweep(sys.argv[2:], command=[sys.executable, sys.argv[1]])
"""
RATE = "optimizer.lr=tag(log,interval(1e-4,1e-1))"


def sweep_process(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(STAND_IN), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=STAND_IN.parents[3],
    )


def run_sweep(monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, Any]:
    """What results.json holds."""
    monkeypatch.setattr(command, "score_on_test", lambda folder, search, chosen: {"mean": {"accuracy": 0.5}})
    return command.sweep(words, command=[sys.executable, str(STAND_IN)])


def only_folder(outputs: Path) -> Path:
    (found,) = outputs.glob("*/*/sweep.yaml")
    return found.parent


def what_came_of(results: dict[str, Any]) -> list[tuple[Any, ...]]:
    trials = sorted(results["trials"], key=lambda trial: trial["number"])
    return [(t["number"], t["values"], t["state"], t["score"]) for t in trials]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


def test_killed_twice_and_resumed_equals_never_killed(
    outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [RATE, "encoder.depth=1,2,3,4", "sweep.trials=12", "sweep.sampler=tpe", "sweep.pruner=median"]
    whole = run_sweep(monkeypatch, *words, f"outputs={tmp_path / 'whole'}")

    process = sweep_process(*words, f"outputs={outputs}")
    for trial in (2, 10):  # wait until this trial trains, then kill
        deadline = time.monotonic() + 60
        while not list(outputs.glob(f"*/*/trial-{trial}/metrics.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        folder = only_folder(outputs)
        assert not (folder / "results.json").exists()
        process = sweep_process(f"sweep={folder}")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output.decode()

    results = json.loads((folder / "results.json").read_text())
    assert len(results["trials"]) == 12
    assert {t["state"] for t in results["trials"]} == {"finished", "pruned"}
    assert what_came_of(results) == what_came_of(whole)
    assert results["best"]["number"] == whole["best"]["number"]
    starts = [len((folder / f"trial-{n}" / "started.jsonl").read_text().splitlines()) for n in range(12)]
    assert sum(starts) <= 12 + 2  # only those that were cut off began again


def test_an_unfinished_line_of_the_journal_is_dropped(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["optimizer.lr=0.001,0.002,0.003,0.004", f"outputs={outputs}"]
    whole = run_sweep(monkeypatch, *words)
    folder = only_folder(outputs)
    lines = (folder / "journal.jsonl").read_text().splitlines(keepends=True)
    (folder / "journal.jsonl").write_text("".join(lines[:-6]) + lines[-6][:20])
    (folder / "results.json").unlink()
    shutil.rmtree(folder / "trial-3")
    assert what_came_of(run_sweep(monkeypatch, f"sweep={folder}")) == what_came_of(whole)


def test_a_failing_trial_stops_nothing_and_tells_why(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = run_sweep(monkeypatch, "optimizer.lr=0.9,0.005,0.0005", f"outputs={outputs}", "sweep.parallel=2")
    by_number = {trial["number"]: trial for trial in results["trials"]}
    assert by_number[0]["state"] == "failed"
    assert by_number[0]["error"] == "the loss became nan; try a lower `optimizer.lr`"
    assert results["best"]["number"] == 1 and by_number[2]["state"] == "finished"
    page = (only_folder(outputs) / "report.html").read_text()
    assert "the loss became nan" in page


def test_seeds_repeat_a_trial_and_their_mean_decides(
    outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = run_sweep(monkeypatch, "optimizer.lr=0.005,0.05", "seed=1,2,3", f"outputs={outputs}")
    assert len(results["trials"]) == 2
    best = results["best"]
    assert best["values"] == {"optimizer.lr": "0.005"} and list(best["seeds"]) == ["1", "2", "3"]
    assert best["score"] == pytest.approx(sum(best["seeds"].values()) / 3)
    assert best["deviation"] == pytest.approx(0.001)
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("│ ")]
    shown = [[cell for cell in row if cell != "│"] for row in rows]
    score = f"{best['score']:.4f}"
    assert shown[0] == ["0", "0.005", "3", score, "±", "0.0010", "*", "0.5000", "12", "finished"], (
        "0.5000: on test data"
    )
    assert shown[1][:3] == ["1", "0.05", "3"] and "*" not in shown[1] and len(shown[1]) == 8, "not tested"
    found = RunFolder.find("latest", str(outputs))
    assert found.path == only_folder(outputs) / "trial-0/seed-1" and "of its seeds 1 is the best" in found.told


def test_halving_gives_up_what_lags_and_keeps_the_best(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [RATE, "sweep.sampler=random", "sweep.trials=8", "sweep.parallel=2", "trainer.epochs=60"]
    halved = run_sweep(monkeypatch, *words, "sweep.pruner=halving:2", f"outputs={outputs}")
    assert {trial["state"] for trial in halved["trials"]} == {"finished", "pruned"}
    # The stand-in's curves never cross, so the best can't be lost; a child may run on a little before it hears.
    best = min(halved["trials"], key=lambda trial: abs(math.log10(trial["values"]["optimizer.lr"]) + 2.3))
    assert halved["best"]["values"] == best["values"]
    assert halved["epochs"] < 8 * 60


def test_two_processes_share_the_work(outputs: Path) -> None:
    first = sweep_process(RATE, "sweep.trials=8", "trainer.epochs=30", f"outputs={outputs}")
    deadline = time.monotonic() + 60
    while not list(outputs.glob("*/*/trial-0")) and time.monotonic() < deadline:
        time.sleep(0.01)
    folder = only_folder(outputs)
    second = sweep_process(f"sweep={folder}")
    ended = [process.communicate(timeout=60)[0].decode().count("finished, ") for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert sum(ended) == 8 and min(ended) > 0
    starts = [len((folder / f"trial-{n}" / "started.jsonl").read_text().splitlines()) for n in range(8)]
    assert starts == [1] * 8


def test_a_trial_that_is_trained_further_keeps_its_score_in_the_sweep(
    outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["optimizer.lr=0.005,0.05", "seed=1,2", f"outputs={outputs}"]
    expected = run_sweep(monkeypatch, *words)
    for path in only_folder(outputs).glob("trial-0/seed-*/results.json"):
        path.unlink()
    found = run_sweep(monkeypatch, "sweep=latest", f"outputs={outputs}")
    before, after = ([score for *_, score in what_came_of(results)] for results in (expected, found))
    assert after == pytest.approx(before) and found["best"]["values"] == expected["best"]["values"]


def test_a_sweep_is_finished_as_it_was_begun(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(monkeypatch, "optimizer.lr=0.001,0.002", f"outputs={outputs}")

    def refusal(*words: str) -> str:
        with pytest.raises(UserError) as refused:
            run_sweep(monkeypatch, "sweep=latest", f"outputs={outputs}", *words)
        return str(refused.value)

    assert "it was `optimizer.lr=0.001,0.002`" in refusal("optimizer.lr=0.5")
    assert "it was None" in refusal("sweep.sampler=tpe")
    assert "its choice was scored on test data" in refusal("sweep.trials=1")
    base = only_folder(outputs) / "base.yaml"
    base.write_text(base.read_text().replace("depth: 2", "depth: 7"))
    assert "encoder.depth: 7 → 2" in refusal()


def test_a_sweep_of_another_version_is_told_why(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_sweep(monkeypatch, "optimizer.lr=0.001,0.002", f"outputs={outputs}")
    request = only_folder(outputs) / "sweep.yaml"
    good = request.read_text()
    why = "a sweep is finished by the version of attnlab that began it; start a new one"
    for text, sentence in {
        good.replace("warmup:", "patience:"): "`sweep.patience` is no key of this version",
        good.replace("  seed: 1\n", ""): "`sweep.seed` is not there",
    }.items():
        request.write_text(text)
        with pytest.raises(UserError) as refused:
            run_sweep(monkeypatch, "sweep=latest", f"outputs={outputs}")
        assert str(refused.value) == f"{request}: {sentence}; {why}"
    for text in ("words: [a]\n", good.replace("- optimizer.lr=0.001,0.002", "- 3")):
        request.write_text(text)
        with pytest.raises(Damaged, match=r"sweep\.yaml: "):
            run_sweep(monkeypatch, "sweep=latest", f"outputs={outputs}")
    request.write_text(good)
    (request.parent / "results.json").unlink()
    (request.parent / "journal.jsonl").write_text('{"op_code": 99, "worker_id": "x"}\n')
    with pytest.raises(UserError) as refused:
        run_sweep(monkeypatch, "sweep=latest", f"outputs={outputs}")
    assert str(refused.value) == f"{request.parent / 'journal.jsonl'}: no journal of this version; {why}"


def test_trials_of_another_measure_are_not_ranked(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_LOSS_ABOVE", "0.01")
    results = run_sweep(monkeypatch, "optimizer.lr=0.005,0.05,0.006", f"outputs={outputs}")
    assert [(state, error) for number, _, state, error in sorted(
        (t["number"], t["values"], t["state"], t["error"]) for t in results["trials"]
    )] == [
        ("finished", None),
        ("failed", "it was measured by loss, where the sweep ranks by accuracy; set `trainer.monitor=` to a score that all trials have"),
        ("finished", None),
    ]  # fmt: skip
    assert results["monitor"] == "accuracy" and results["best"]["number"] != 1


def test_a_stopped_sweep_says_what_finishes_it(tmp_path: Path) -> None:
    outputs = tmp_path / "my runs"
    process = sweep_process("optimizer.lr=0.001,0.002", "trainer.epochs=50", f"outputs={outputs}")
    deadline = time.monotonic() + 60
    while not list(outputs.glob("*/*/trial-0/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    (line,) = re.findall("Finish it with: attnlab sweep (.*)", output.decode())
    assert sweep_process(*shlex.split(line)).wait() == 0
    assert len(json.loads((only_folder(outputs) / "results.json").read_text())["trials"]) == 2


def test_a_trial_is_told_its_folder_whatever_its_name(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "it's (1), a=b")
    write = "import json, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(json.dumps(sys.argv[2:]))"
    given = tmp_path / "given.json"
    child = Child(folder, ["seed=3"], {}, [sys.executable, "-c", write, str(given)])
    while child.exit_code() is None:
        time.sleep(0.01)
    values = {word.key_or_group: word.value() for word in parse(json.loads(given.read_text()))}
    values.pop("plugins", None)  # of other tests in this process
    assert values == {"seed": 3, "folder": str(folder.path)}


def test_children_end_with_their_parent(outputs: Path) -> None:
    process = sweep_process("optimizer.lr=0.001,0.002", "trainer.epochs=1000", f"outputs={outputs}")
    deadline = time.monotonic() + 60
    while not list(outputs.glob("*/*/trial-0/metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.005)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.1)
    assert children and not any(os.path.exists(f"/proc/{child}") and _alive(child) for child in children)


def _alive(child: str) -> bool:
    return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
def test_real_training_killed_and_resumed_equals_never_killed(tmp_path: Path) -> None:
    words = ["task=pos", "data.limit=300", "encoder.width=16", "encoder.depth=1", "encoder.heads=2", RATE]
    words += ["seed=1,2", "trainer.epochs=4", "trainer.threads=1", "sweep.trials=3", "sweep.pruner=halving:2"]
    program = [sys.executable, "-m", "attnlab", "sweep"]
    scores = []
    for name, kills in (("whole", 0), ("killed", 2)):
        process = subprocess.Popen([*program, *words, f"outputs={tmp_path / name}"], stdout=subprocess.DEVNULL)
        for trial in range(kills):
            while not list((tmp_path / name).glob(f"*/*/trial-{trial}/seed-1/last")) and process.poll() is None:
                time.sleep(0.05)
            process.kill()
            process.wait()
            process = subprocess.Popen(
                [*program, "sweep=latest", f"outputs={tmp_path / name}"], stdout=subprocess.DEVNULL
            )
        assert process.wait() == 0
        results = json.loads((only_folder(tmp_path / name) / "results.json").read_text())
        assert main(["eval", "run=latest", f"outputs={tmp_path / name}"]) == 0
        assert "test" not in json.loads((only_folder(tmp_path / name) / "trial-0/seed-1/results.json").read_text())
        scores.append((what_came_of(results), results["best"]["number"], results["best"]["test"]))
    assert scores[0] == scores[1]
