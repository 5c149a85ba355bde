"""Parts that a plugin brings are used like the program's own, and a run that was trained with them can be continued."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from conftest import write_tables
from loops import weights

from attnlab import compose
from attnlab.config import Config, ConstantSchedule, LoggerConfig, OptimizerConfig, ScheduleConfig, key
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.registry import BASELINES, LOGGERS, OPTIMIZERS, SCHEDULES, Registry
from attnlab.runs import RunFolder
from attnlab.sets import Prediction
from attnlab.training.baselines import Baseline, Problem, baselines
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.optim import Optimizer, ParameterGroups, Schedule, optimizer_tensors
from attnlab.training.parts import Parts
from attnlab.training.resume import restore
from attnlab.training.run import load_data
from attnlab.training.tracking import Tracker, Tracking


@dataclass
class SgdKeys(OptimizerConfig):
    name: str = key("sgd", "choice")
    momentum: float = key(0.9, "of the mean gradient")


class Sgd(Optimizer):
    config: SgdKeys

    def build(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        return torch.optim.SGD(groups.with_decay(0.01), lr=self.config.lr, momentum=self.config.momentum)


@dataclass
class FallingKeys(ScheduleConfig):
    name: str = key("falling", "choice")


class Falling(Schedule):
    def factor(self, update: int, updates: int) -> float:
        return 1 - update / updates


class Recorder(Tracker):
    updates: ClassVar[list[object]] = []

    def log(self, values: Mapping[str, object]) -> None:
        self.updates.append(values["update"])


class FirstClass(Baseline):
    measured = 0

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "class"

    def scores(self, problem: Problem) -> dict[str, float]:
        FirstClass.measured += 1
        return problem.measure([Prediction(min(map(str, problem.learned)), 1.0)] * len(problem.scored))


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the parts above, for one test each."""
    registries: list[Registry] = [OPTIMIZERS, SCHEDULES, LOGGERS, BASELINES]
    for registry in registries:
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    OPTIMIZERS.register("sgd", SgdKeys)(Sgd)
    SCHEDULES.register("falling", FallingKeys)(Falling)
    LOGGERS.register("recorder", LoggerConfig)(Recorder)
    BASELINES.register("first_class")(FirstClass)


def loop(words: list[str], folder: Path, optimizer: OptimizerConfig) -> Training:
    config = compose.compose([*words, "encoder.dropout=0.3"])
    config.optimizer, config.schedule = optimizer, FallingKeys()
    data = load_data(config)
    torch.manual_seed(config.seed)
    folder.mkdir(exist_ok=True)
    return Training(
        config,
        models.build(config, data.spec),
        Parts.alone(config, data),
        Engine(config.trainer),
        RunFolder(folder),
    )


def test_stopped_and_resumed_with_momentum_is_bit_identical(tiny: list[str], tmp_path: Path) -> None:
    keys = SgdKeys(lr=0.1)
    whole = loop(tiny, tmp_path / "whole", keys)
    whole.run()
    assert isinstance(whole.learned.optimizer, torch.optim.SGD)
    assert any(
        name.startswith("momentum_buffer/") for name in optimizer_tensors(whole.model, whole.learned.optimizer)
    )
    assert whole.learned.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / whole.updates)
    stopped = loop(tiny, tmp_path / "stopped", keys)
    stopped._after_update = lambda epoch_ends: setattr(stopped, "stopping", True)  # type: ignore[method-assign]
    stopped.run()
    torch.manual_seed(999)
    rest = loop(tiny, tmp_path / "stopped", keys)
    restore(rest)
    assert rest.progress.update == 1
    rest.run()
    assert weights(tmp_path / "stopped") == weights(tmp_path / "whole")


def test_an_optimizer_whose_state_is_no_tensor_is_refused(tiny: list[str], tmp_path: Path) -> None:
    training = loop(tiny, tmp_path / "run", SgdKeys())
    training.learned.optimizer.state[next(training.model.parameters())]["step"] = 3
    with pytest.raises(UserError, match="its state `step` is no tensor"):
        training.save()


def test_a_tracker_is_told_of_validations_alone(tiny: list[str], tmp_path: Path) -> None:
    config = compose.compose(tiny)
    config.logger = LoggerConfig(name="recorder")
    warnings: list[str] = []
    followed = Tracking(config, RunFolder(tmp_path), warnings.append)
    followed.log({"update": 7, "accuracy": 0.5})
    followed.finish()
    assert Recorder.updates == [7] and warnings == []


def test_a_plugins_baseline_stands_before_the_ceiling_and_is_measured_for_every_run(tmp_path: Path) -> None:
    words = ["task=sentiment", "data=csv", f"data.path={write_tables(tmp_path)}", "head.target=label"]
    config = compose.compose([*words, f"data.cache={tmp_path / 'cache'}"])
    data = load_data(config)
    FirstClass.measured = 0
    first, again = (baselines(config, data, Engine(config.trainer), print) for _ in range(2))
    assert list(first) == ["most_frequent_class", "naive_bayes", "first_class"] and first == again
    assert FirstClass.measured == 2, "tomorrow it may be another one of the same name"
    gold = data.splits["test"].gold("label")
    assert first["first_class"].scores["accuracy"] == sum(label == "bad" for label in gold) / len(gold)


def test_what_fits_later_is_added_to_what_was_measured_before(tmp_path: Path) -> None:
    words = ["task=sentiment", "data=csv", f"data.path={write_tables(tmp_path)}", "head.target=label"]
    config = compose.compose([*words, f"data.cache={tmp_path / 'cache'}"])
    data, engine = load_data(config), Engine(config.trainer)
    del BASELINES._entries["first_class"]
    assert list(baselines(config, data, engine, print)) == ["most_frequent_class", "naive_bayes"]
    BASELINES.register("first_class")(FirstClass)
    assert list(baselines(config, data, engine, print)) == ["most_frequent_class", "naive_bayes", "first_class"]
    del BASELINES._entries["first_class"]
    assert list(baselines(config, data, engine, print)) == ["most_frequent_class", "naive_bayes"]


def test_a_constant_schedule_that_was_saved_with_an_end_is_read(tiny: list[str], tmp_path: Path) -> None:
    config = compose.compose([*tiny, "schedule=constant", "schedule.warmup=0.25"])
    path = tmp_path / "config.yaml"
    path.write_text(compose.to_yaml(config).replace("  warmup: 0.25\n", "  warmup: 0.25\n  final: 0.01\n"))
    saved: Config = compose.load_saved(path)
    assert saved.schedule == ConstantSchedule(warmup=0.25)
