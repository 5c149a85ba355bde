"""Who is told how a run goes, besides metrics.jsonl, which is always written.

A tracker may fail as it likes: the first failure is told in one warning, and the run goes on without it.
"""

import os
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from attnlab.config import Config
from attnlab.runs import RunFolder, flat, read_json, read_jsonl, write_json


class Tracker(Protocol):
    """A service that keeps runs; made when training starts, from the configuration and the run's folder."""

    def log(self, values: dict[str, Any]) -> None:
        """One validation, as it stands in metrics.jsonl."""

    def result(self, results: dict[str, Any]) -> None:
        """The run has come to its end: what results.json holds; best weights and predictions lie in the folder."""

    def finish(self) -> None:
        """The process leaves, whether the run has come to its end or will be continued."""


class Tracking:
    """The tracker that `logger=` names, or none; never raises.

    warn: is told once, in a sentence, why the tracker was given up.
    """

    def __init__(self, config: Config, folder: RunFolder, warn: Callable[[str], None]) -> None:
        self._name, self._warn = config.logger.name, warn
        self._tracker: Tracker | None = None
        if self._name in TRACKERS and config.logger.mode != "disabled":
            try:
                self._tracker = TRACKERS[self._name](config, folder)
            except Exception as error:
                self._give_up(error)

    def log(self, values: dict[str, Any]) -> None:
        self._guarded(lambda tracker: tracker.log(values))

    def result(self, results: dict[str, Any]) -> None:
        self._guarded(lambda tracker: tracker.result(results))

    def finish(self) -> None:
        self._guarded(lambda tracker: tracker.finish())

    def _guarded(self, work: Callable[[Tracker], None]) -> None:
        if self._tracker is not None:
            try:
                work(self._tracker)
            except Exception as error:  # whatever a tracker raises: the run is worth more
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._tracker = None
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self._warn(f"{self._name} failed ({reason}); the run goes on without it, metrics.jsonl has everything")


class Wandb:
    """Weights & Biases. The run's id lies in its folder, so that a continued run stays one run there.

    wandb's files hold more than numbers and words, so they stay outside the run folder.
    """

    TABLE_ROWS = 1000
    """Predictions shown, at the most."""

    def __init__(self, config: Config, folder: RunFolder) -> None:
        place = Path(config.logger.folder or config.outputs).expanduser().resolve()
        (place / "wandb").mkdir(parents=True, exist_ok=True)
        # Copies of artifacts that wait to be sent lie beside the runs, not in the home folder.
        os.environ.setdefault("WANDB_DATA_DIR", str(place / "wandb" / "data"))
        os.environ.setdefault("WANDB_CACHE_DIR", str(place / "wandb" / "cache"))
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # offline means that nothing is sent
        import wandb

        settings = config.logger
        if settings.mode == "online" and not wandb.login(prompt=False, verify=False):
            raise RuntimeError("no API key: set WANDB_API_KEY or run `wandb login`")
        if not folder.tracking.exists():
            write_json(folder.tracking, {"wandb": secrets.token_hex(4), "project": settings.project})
        self._folder, self._wandb = folder, wandb
        self._run = wandb.init(
            id=read_json(folder.tracking)["wandb"],
            resume="allow",
            mode=settings.mode,
            project=settings.project,
            entity=settings.entity,
            group=settings.group,
            name=folder.path.name,
            job_type="train",
            config=flat(asdict(config)),
            dir=place,
            settings=wandb.Settings(silent=True, console="off", disable_git=True, init_timeout=30),
        )

    def log(self, values: dict[str, Any]) -> None:
        numbers = {name: value for name, value in values.items() if isinstance(value, (int, float))}
        self._run.log(numbers, step=values["update"])

    def result(self, results: dict[str, Any]) -> None:
        for name, value in flat(results).items():
            self._run.summary[name] = value
        artifact = self._wandb.Artifact(f"model-{self._run.id}", type="model", metadata=flat(results))
        for path in sorted(self._folder.best.iterdir()):
            artifact.add_file(str(path))
        self._run.log_artifact(artifact)
        lines = read_jsonl(self._folder.predictions("test"))[: self.TABLE_ROWS]
        if lines:
            columns = list(lines[0])
            rows = [[_cell(line.get(name)) for name in columns] for line in lines]
            self._run.log({"predictions": self._wandb.Table(columns=columns, data=rows)})

    def finish(self) -> None:
        # While an error passes through, the run is told to have failed.
        self._run.finish(exit_code=0 if sys.exc_info()[0] is None else 1)


TRACKERS: dict[str, Callable[[Config, RunFolder], Tracker]] = {"wandb": Wandb}


def _cell(value: Any) -> Any:
    """wandb's tables want one type in a column: lists become words."""
    return " ".join(map(str, value)) if isinstance(value, list) else value
