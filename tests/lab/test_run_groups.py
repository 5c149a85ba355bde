"""Runs of the same settings in one row: their number, and mean and standard deviation of their scores."""

import json
import re
from pathlib import Path
from statistics import fmean, stdev

import pytest

from attnlab import compose
from attnlab.cli import main
from attnlab.disk import write_json, write_text
from attnlab.errors import UserError
from attnlab.runs import RunFolder

LOW = {"1": 0.5, "2": 0.52, "3": 0.57}
"""Scores by seed."""
HIGH = {"1": 0.9, "2": 0.94}


def finished(
    outputs: Path, name: str, score: float, *words: str, measure: str = "accuracy", test: bool = True
) -> None:
    folder = RunFolder.create("", "", str(outputs / name))
    write_text(folder.config, compose.to_yaml(compose.compose(words)))
    train = {"monitor": measure, "epochs": 2, "wall_seconds": 1.0}
    scores = {"validation": {measure: score}} | ({"test": {measure: score - 0.1}} if test else {})
    write_json(folder.results, {"task": "pos", "train": train, "parameters": 9, **scores})


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    for seed, score in LOW.items():
        finished(tmp_path, f"low-{seed}", score, f"seed={seed}", "encoder.depth=1")
    for seed, score in HIGH.items():
        finished(tmp_path, f"high-{seed}", score, f"seed={seed}", "encoder.depth=2")
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], outputs: Path, *words: str) -> list[str]:
    assert main(["runs", *words, f"outputs={outputs}"]) == 0
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_row_has_mean_and_deviation_over_the_seeds_the_best_first(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, high, low, best = printed(capsys, outputs, "group=encoder.depth")
    assert head.split() == ["encoder.depth", "task", "data", "measure", "runs", "validation", "test"]
    assert high.split() == [
        "2",
        "pos",
        "grammar",
        "accuracy",
        "2",
        "0.9200",
        "±",
        "0.0283",
        "*",
        "0.8200",
        "±",
        "0.0283",
    ]
    mean, deviation = f"{fmean(LOW.values()):.4f}", f"{stdev(LOW.values()):.4f}"
    assert low.split()[4:8] == ["3", mean, "±", deviation] and "*" not in low
    assert best == "* the best on validation data"
    (low_group,) = json.loads(
        "\n".join(printed(capsys, outputs, "group=encoder.depth", "encoder.depth=1", "--json"))
    )
    assert low_group["validation"] == {"mean": fmean(LOW.values()), "standard_deviation": stdev(LOW.values())}
    assert sorted(low_group["runs"]) == ["low-1", "low-2", "low-3"]


def test_the_best_of_an_error_is_the_smallest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for depth, score in ((1, 0.5), (2, 0.25)):
        finished(tmp_path, f"run-{depth}", score, f"encoder.depth={depth}", measure="mae")
    assert [line[:1] for line in printed(capsys, tmp_path, "group=encoder.depth")[1:3]] == ["2", "1"]


def test_equal_scores_are_all_the_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for depth, score in ((1, 0.5), (2, 0.75), (3, 0.75)):
        finished(tmp_path, f"run-{depth}", score, f"encoder.depth={depth}")
    _, *rows, note = printed(capsys, tmp_path, "group=encoder.depth")
    assert [row.split()[0] for row in rows if "*" in row] == ["2", "3"]
    assert note == "* the best on validation data; several have the same score"


def test_what_else_differs_is_told(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = printed(capsys, outputs, "group=encoder.depth")
    assert not any("differ" in line or "repeat" in line for line in said)
    finished(
        outputs, "low-4", 0.6, "seed=4", "encoder.depth=1", "data.limit=50", "trainer.threads=1", "logger=wandb"
    )
    finished(outputs, "high-2-again", 0.94, "seed=2", "encoder.depth=2")
    said = printed(capsys, outputs, "group=encoder.depth")
    assert "The runs of encoder.depth=1 are averaged, but differ in data.limit." in said
    assert "The runs of encoder.depth=2 repeat seed 2: equal runs make the standard deviation too small." in said
    assert "These runs are averaged, but differ in data.limit, encoder.depth." in printed(
        capsys, outputs, "group="
    )
    finished(outputs, "other", 0.6, "encoder=recurrent")
    said = printed(capsys, outputs, "group=task")
    assert "The runs of task=pos are averaged, but differ in data.limit, encoder, encoder.depth." in said


def test_measures_tasks_and_data_are_never_mixed(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(outputs, "loss", 2.5, "encoder.depth=1", measure="loss")
    for name in ("old/reviews.csv", "new/reviews.csv", "more.csv"):
        finished(outputs, name[:3], 0.7, "task=sentiment", "data=csv", f"data.path={name}")
    said = printed(capsys, outputs, "group=encoder")
    assert [re.split("  +", row)[1:5] for row in said[1:6]] == [
        ["pos", "grammar", "accuracy", "5"],
        ["pos", "grammar", "loss", "1"],
        ["sentiment", "csv more.csv", "accuracy", "1"],
        ["sentiment", "csv new/reviews.csv", "accuracy", "1"],
        ["sentiment", "csv old/reviews.csv", "accuracy", "1"],
    ]
    assert "Rows are ranked only within the same task, data and measure." in said
    rows = printed(capsys, outputs, "sort=-score")
    assert rows[-1] == "Ordered within each task, data and measure: scores of different ones don't compare."
    names = [row.split()[0] for row in rows[1:-1]]
    assert names == ["high-2", "high-1", "low-3", "low-2", "low-1", "loss", "mor", "new", "old"]
    assert "csv new/reviews.csv" in rows[8] and "csv more.csv" in rows[7] and "  grammar  " in rows[1]


def test_only_finished_runs_count(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(outputs, "untested", 0.6, "seed=4", "encoder.depth=1", test=False)
    folder = RunFolder.create("", "", str(outputs / "cut"))
    write_text(folder.config, compose.to_yaml(compose.compose(["encoder.depth=2"])))
    folder.append_metrics(
        {"update": 1, "epoch": 1, "accuracy": 1.0, "monitor": "accuracy", "best": True, "done": False}
    )
    _, high, low, *notes = printed(capsys, outputs, "group=encoder.depth")
    assert high.split()[4] == "2" and low.split()[4] == "4" and low.endswith("(3 runs)")
    assert notes[-1] == "Not counted: 1 run that did not finish (1 cut off)."
    (line, _) = printed(capsys, outputs, "group=encoder.depth", "run=cut")
    assert line == "None of these runs has finished, and only scores of finished runs are compared."


def test_folds_are_counted_as_their_cross_validation(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished(outputs, "low-1/fold-0", 0.1, "seed=9", "encoder.depth=1")
    assert printed(capsys, outputs, "group=encoder.depth")[2].split()[4] == "3"


def test_words_that_say_nothing_of_groups_are_refused(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        (
            ["group=encoder", "sort=-score"],
            "`sort=-score`: not with `group=`: each task, data and measure is ordered by",
        ),
        (["group=encodr"], "`encodr`: no such column or key; did you mean `encoder`?"),
        (["group=encoder", "state=finishd"], "did you mean `finished`?"),
    ):
        assert main(["runs", *words, f"outputs={outputs}"]) == 2
        assert sentence in capsys.readouterr().err


def test_a_multirun_ends_with_a_row_for_each_setting(
    tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["encoder=attention,attention_no_positions", "seed=1,2", "trainer.epochs=1", "baselines=false"]
    assert main(["train", "-m", *tiny, *words]) == 0
    out = capsys.readouterr().out
    head, *rows, last = [line.rstrip() for line in out.splitlines()[-4:]]
    assert head.split() == ["encoder", "task", "data", "measure", "runs", "validation", "test"]
    assert {row.split()[0] for row in rows} == {"attention", "attention_no_positions"}, "as they were typed"
    assert all(re.split("  +", row)[4] == "2" and row.count("±") == 2 for row in rows)
    assert rows[0].count("*") == 1 and "*" not in rows[1] and last == "* the best on validation data"
    titles = [f"Run {2 * i + j} of 4: encoder={name} seed={j}"
              for i, name in enumerate(("attention", "attention_no_positions")) for j in (1, 2)]  # fmt: skip
    assert [line for line in out.splitlines() if line.startswith("Run ")] == titles
    logs = [path.read_text() for path in (tmp_path / "outputs/pos").glob("*/log.txt")]
    assert {log.splitlines()[0] for log in logs} == set(titles)
    assert all("Saved in " in log and "  epoch   1 " in log for log in logs)
    assert "Saved in " not in out and "  epoch " not in out, "the report of each run is in its log alone"
    assert out.count(" parameters; cpu") == 1, "what the first run says of the data"
    told = re.findall(
        r"^  validation accuracy (0\.\d{4}), test accuracy 0\.\d{4}, \d+ s; report in (.*)$", out, re.M
    )
    for score, report in told:
        assert Path(report).is_file() and Path(report).name == "report.html"
        assert f"validation accuracy {score}" in Path(report).with_name("log.txt").read_text()
    assert len({report for _, report in told}) == 4


def test_a_multirun_says_what_its_runs_differ_in_by_default(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [word for word in tiny if not word.startswith(("encoder.depth=", "encoder.heads="))]
    words += ["encoder=recurrent,convolution", "trainer.updates=1", "baselines=false", "defaults=plain"]
    assert main(["train", "-m", *words]) == 0
    told = "The runs also differ in encoder.depth, chosen by default; set it to give all the same."
    assert told in " ".join(capsys.readouterr().out.split())


def test_a_multirun_that_fails_tells_what_it_has_come_to(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from attnlab.lab import multirun

    start, begun = multirun.start, []

    def third_fails(*words: object, **title: object) -> object:
        begun.append(words)
        if len(begun) == 3:
            raise UserError("the loss is nan")
        return start(*words, **title)  # type: ignore[arg-type]

    monkeypatch.setattr(multirun, "start", third_fails)
    words = ["seed=1,2", "encoder.depth=1,2", "trainer.updates=1", "baselines=false"]
    assert main(["train", "-m", *(word for word in tiny if "depth" not in word), *words]) == 2
    told = capsys.readouterr()
    head, *rows, _ = told.out.splitlines()[-4:]
    assert head.split()[0] == "encoder.depth" and {row.split()[0] for row in rows} == {"1", "2"}
    assert told.err == "attnlab: the loss is nan\n"


def test_trials_of_a_sweep_are_not_counted_beside_other_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(tmp_path, "alone", 0.8, "encoder.depth=1")
    sweep = tmp_path / "pos" / "20260301-101500-abcd"
    finished(sweep, "trial-0", 0.9, "encoder.depth=1")
    (sweep / "sweep.yaml").touch()
    said = printed(capsys, tmp_path, "group=encoder.depth")
    assert said[1].split()[4] == "1" and "0.8" in said[1]
    assert "Not counted: 1 trial of sweeps; group those of one with `outputs=SWEEPFOLDER`." in said
    assert printed(capsys, sweep, "group=encoder.depth")[1].split()[4] == "1"
