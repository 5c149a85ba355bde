"""Services that keep runs, besides metrics.jsonl, which is always written.

A tracker may fail: the first failure becomes one warning, and the run goes on without it.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Literal, cast

from attnlab.config import Config, JointConfig, LoggerConfig, WandbLogger
from attnlab.disk import read_json, read_jsonl, write_json
from attnlab.local_files import user_path
from attnlab.registry import LOGGERS
from attnlab.runs import Results, RunFolder, flat


class Tracker:
    """What `logger=` chooses, made when training starts; this one does nothing. A plugin derives its own, with keys derived
    from `LoggerConfig`; whatever it raises is caught."""

    def __init__(self, config: Config | JointConfig, folder: RunFolder) -> None:
        self.folder = folder

    def log(self, values: Mapping[str, object]) -> None:
        """After a validation. values: its line of metrics.jsonl."""

    def result(self, results: Results) -> None:
        """When the run is finished. Its best weights and its predictions lie in the folder."""

    def finish(self) -> None:
        """When the process ends, whether the run is finished or will be continued."""

    @classmethod
    def wanted(cls, config: LoggerConfig) -> bool:
        """Whether these keys ask for it at all."""
        return True


class Jsonl(Tracker):
    """The run folder's own record alone."""


class Tracking:
    """The tracker that `logger=` names; its methods are those of `Tracker`, and never raise. warn: is called once, with
    the reason, where the tracker was given up."""

    def __init__(self, config: Config | JointConfig, folder: RunFolder, warn: Callable[[str], None]) -> None:
        self._name, self._warn = config.logger.name, warn
        self._tracker: Tracker | None = None
        try:
            tracker = LOGGERS.get(self._name, Tracker)
            self._tracker = tracker(config, folder) if tracker.wanted(config.logger) else None
        except Exception as error:
            self._give_up(error)

    def log(self, values: Mapping[str, object]) -> None:
        self._guarded(lambda tracker: tracker.log(values))

    def result(self, results: Results) -> None:
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


class Wandb(Tracker):
    """Weights & Biases. The run's id lies in its folder, so that a continued run stays one run there. wandb's files
    hold more than numbers and words, so they stay outside the run folder."""

    TABLE_ROWS = 1000
    """Predictions shown, at the most."""

    @classmethod
    def wanted(cls, config: LoggerConfig) -> bool:
        return isinstance(config, WandbLogger) and config.mode != "disabled"

    def __init__(self, config: Config | JointConfig, folder: RunFolder) -> None:
        super().__init__(config, folder)
        settings = config.logger
        assert isinstance(settings, WandbLogger)
        files = user_path(settings.folder or config.outputs).resolve()
        (files / "wandb").mkdir(parents=True, exist_ok=True)
        # Copies of artifacts that wait to be sent lie beside the runs, not in the home folder.
        os.environ.setdefault("WANDB_DATA_DIR", str(files / "wandb" / "data"))
        os.environ.setdefault("WANDB_CACHE_DIR", str(files / "wandb" / "cache"))
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # offline means that nothing is sent
        import wandb

        if settings.mode == "online" and not wandb.login(prompt=False, verify=False):
            raise RuntimeError("no API key: set WANDB_API_KEY or run `wandb login`")
        if not folder.tracking.exists():
            write_json(folder.tracking, {"wandb": secrets.token_hex(4), "project": settings.project})
        self._wandb = wandb
        self._run = wandb.init(
            id=read_json(folder.tracking, dict[str, str])["wandb"],
            resume="allow",
            mode=cast(Literal["online", "offline"], settings.mode),
            project=settings.project,
            entity=settings.entity,
            group=settings.group,
            name=folder.path.name,
            job_type="train",
            config=flat(asdict(config)),
            dir=files,
            settings=wandb.Settings(silent=True, console="off", disable_git=True, init_timeout=30),
        )

    def log(self, values: Mapping[str, object]) -> None:
        numbers = {name: value for name, value in values.items() if isinstance(value, (int, float))}
        self._run.log(numbers, step=cast(int, values["update"]))

    def result(self, results: Results) -> None:
        for name, value in flat(results).items():
            self._run.summary[name] = value
        artifact = self._wandb.Artifact(f"model-{self._run.id}", type="model", metadata=flat(results))
        for path in sorted(self.folder.best.iterdir()):
            artifact.add_file(str(path))
        self._run.log_artifact(artifact)
        lines = read_jsonl(self.folder.predictions("test"), dict[str, object])[: self.TABLE_ROWS]
        if lines:
            columns = list(lines[0])
            rows = [[_cell(line.get(name)) for name in columns] for line in lines]
            self._run.log({"predictions": self._wandb.Table(columns=[*columns], data=rows)})

    def finish(self) -> None:
        # Called while an error passes through, too: then the run has failed.
        self._run.finish(exit_code=0 if sys.exc_info()[0] is None else 1)


def _cell(value: object) -> object:
    """wandb's tables take one type in a column: lists and what has names become text."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return " ".join(map(str, value)) if isinstance(value, list) else value
