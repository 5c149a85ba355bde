"""A tracker sees the whole run under one id, and can't harm it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from attnlab import compose
from attnlab.config import Config
from attnlab.errors import UserError
from attnlab.runs import RunFolder, flat
from attnlab.training import tracking
from attnlab.training.tracking import Tracker, Tracking

VALIDATION = {"update": 5, "epoch": 1, "accuracy": 0.25, "best": True, "monitor": "accuracy"}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder.create(str(tmp_path), "pos")
    found.best.mkdir()
    (found.best / "state.json").write_text("{}")
    lines = [{"key": "a:1", "words": ["the", "saw"], "gold": ["DET", "NOUN"], "probability": [0.5, 0.75]}]
    found.predictions("test").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return found


def config(*words: str) -> Config:
    return compose.compose(["logger=wandb", *words])


def warnings_of(*words: str, folder: RunFolder) -> list[str]:
    told: list[str] = []
    followed = Tracking(config(*words), folder, told.append)
    followed.log(VALIDATION)
    followed.log(VALIDATION | {"update": 10})
    followed.finish()
    return told


def records(outputs: Path) -> dict[str, list[Any]]:
    """What wandb's own reader finds, by type of record, in every file of the run."""
    found: dict[str, list[Any]] = {}
    for path in sorted(outputs.glob("wandb/offline-run-*/*.wandb")):
        program = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)]
        for line in subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines():
            record = json.loads(line)
            found.setdefault(record["type"], []).append(record[record["type"]])
    return found


def test_offline_run_opens_in_wandbs_own_reader_and_keeps_its_id(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    told: list[str] = []
    settings = config("logger.group=my-sweep", "encoder.depth=3", f"outputs={tmp_path}")
    followed = Tracking(settings, folder, told.append)
    followed.log(VALIDATION)
    followed.finish()
    again = Tracking(settings, folder, told.append)
    again.log(VALIDATION | {"update": 10, "accuracy": 0.5})
    again.result({"test": {"accuracy": 0.45}})
    again.finish()
    assert told == []

    found = records(tmp_path)
    runs = found["run"]
    assert {run["run_id"] for run in runs} == {json.loads(folder.tracking.read_text())["wandb"]} and len(runs) == 2
    assert runs[0]["run_group"] == "my-sweep"
    assert runs[0]["config"]["update"]["encoder.depth"] == 3
    curve = [
        (line["item"]["update"], line["item"]["accuracy"]) for line in found["history"] if "update" in line["item"]
    ]
    assert curve == [(5, 0.25), (10, 0.5)]
    assert {artifact["type"] for artifact in found["artifact"]} == {"model", "run_table"}
    RunFolder.find(str(prepared(folder)))  # wandb's files lie elsewhere: the folder is still plain


def prepared(folder: RunFolder) -> Path:
    folder.config.write_text("task: pos\n")
    return folder.path


def test_disabled_leaves_nothing(folder: RunFolder, tmp_path: Path) -> None:
    assert warnings_of("logger.mode=disabled", f"outputs={tmp_path}", folder=folder) == []
    assert not folder.tracking.exists() and not (tmp_path / "wandb").exists()


def test_online_without_a_key_warns_and_asks_nothing(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    (warning,) = warnings_of("logger.mode=online", f"outputs={tmp_path}", folder=folder)
    assert "WANDB_API_KEY" in warning and "the run goes on without it" in warning


@pytest.mark.parametrize("breaks", ["start", "log", "finish"])
def test_a_failing_tracker_warns_once_and_stops_nothing(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    class Broken(Tracker):
        def __init__(self, config: Config, folder: RunFolder) -> None:
            self._at("start")

        def _at(self, place: str) -> None:
            if place == breaks:
                raise OSError("the service is gone\nand more")

        def log(self, values: dict[str, Any]) -> None:
            self._at("log")

        def result(self, results: dict[str, Any]) -> None:
            self._at("result")

        def finish(self) -> None:
            self._at("finish")

    monkeypatch.setattr(tracking, "Wandb", Broken)
    (warning,) = warnings_of(f"outputs={tmp_path}", folder=folder)
    assert warning.startswith("wandb failed (the service is gone);")


def test_flat_writes_keys_as_on_the_command_line() -> None:
    assert flat({"a": {"b": {"c": 1}}, "d": [1]}) == {"a.b.c": 1, "d": [1]}


def test_a_list_of_loggers_names_what_comes_beside_the_runs_own_record() -> None:
    assert compose.compose(["logger=[jsonl]"]).logger == compose.compose([]).logger
    assert (
        compose.compose(["logger=[jsonl,wandb]", "logger.mode=online"]).logger
        == config("logger.mode=online").logger
    )
    with pytest.raises(UserError, match="did you mean `wandb`"):
        compose.compose(["logger=[jsonl,wanb]"])
