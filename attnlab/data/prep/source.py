"""Where the examples of a data set come from: what sources of every modality share, and how one is opened."""

import os
from pathlib import Path
from typing import ClassVar, TypeVar

from attnlab.config import DataConfig, HubDataConfig
from attnlab.data.files.layout import split_of
from attnlab.errors import UserError

State = tuple[int, int, int]
"""The number of a file, its size and when it was changed: the same as long as nothing is written to it."""


class Source:
    """Examples of one format, such as a table's rows. Built from the data's configuration.

    Raises UserError where `data.path` is missing, or no file or folder of that format.
    """

    needs: ClassVar[str] = ""
    """What `data.path` has to name, for `no_path`; {key} stands for the value of `data.key`."""
    hub: ClassVar["type[Source] | None"] = None
    """The class that reads the same examples from the hub; None: they cannot be had from there."""

    has_names: ClassVar[bool] = False
    """Whether `data.train_name`, `data.validation_name` and `data.test_name` choose among its files, folders or splits."""

    notice: str = ""
    """Of generated data: that they are, and how to use real ones."""
    splits: tuple[str, ...] = ()
    """Those that the source names itself."""
    files: dict[str, Path]
    """By name, what is read: the contents are part of the data's fingerprint."""
    identity: str = ""
    """What the examples depend on besides files, such as the commit of a data set on the hub."""
    rules: ClassVar[dict[str, bytes]] = {}
    """By name, a digest of what the source itself decides, such as the division into splits, changed with it."""
    commit: str | None = None
    """Of a data set on the hub."""
    warnings: tuple[str, ...] = ()
    """What the user should know before training."""
    ceiling: float | None = None
    """Accuracy of a perfect reader, where it is known and the same for all examples."""

    _states: dict[Path, State] | None = None

    def __init__(self, config: DataConfig) -> None:
        self.files = {}

    def remember_states(self) -> None:
        """Notes how its files are now, before they are read."""
        self._states = {path: _state(path) for path in self.files.values()}

    def refuse_changed(self) -> None:
        """Raises UserError where a file is no longer as it was when the source was opened: what was read of it belongs to
        no fingerprint."""
        for path, state in (self._states or {}).items():
            if _state(path) != state:
                raise UserError(
                    f"{path}: changed while it was read; give the command again once nobody writes to it"
                )

    @property
    def unnamed(self) -> bool:
        """Whether neither the source nor a file's name says of which split the examples are; they are for training then."""
        return set(self.splits) <= {"train"} and not any(split_of(path.name) for path in self.files.values())


def _state(path: Path) -> State:
    try:
        status = os.stat(path)
    except OSError:  # told by whoever reads it
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


AnySource = TypeVar("AnySource", bound=Source)


def open_source(config: DataConfig, base: type[AnySource]) -> AnySource:
    """The source that `data.source` names or, where `data.hub` is given without `data.path`, its class for the hub.

    base: what all sources of the modality derive from. Raises UserError where there is no such source, or where it
    cannot be opened.
    """
    source = config.sources.get(config.source, base)
    if config.path is None and isinstance(config, HubDataConfig) and config.hub is not None:
        if source.hub is None:
            raise UserError(f"`data.hub={config.hub}`: data.source={config.source} is not read from the hub")
        assert issubclass(source.hub, base)
        source = source.hub
    for name in ("train_name", "validation_name", "test_name"):
        if getattr(config, name) is not None and not source.has_names:
            given = f"`data.{name}={getattr(config, name)}`"
            raise UserError(f"{given}: data={config.name} has no files or folders to choose from by name")
    opened = source(config)
    opened.remember_states()
    return opened


def no_training(config: DataConfig, source: Source, what: str) -> UserError:
    """What to say where a run is to learn from data without training examples; what: they are, in the plural."""
    told = "".join(f"; {warning}" for warning in source.warnings)
    return UserError(f"data={config.name}: there are no {what} to learn from{told}")


def path_of(config: DataConfig) -> str:
    """`data.path`. Raises UserError where there is none."""
    if config.path is None:
        raise no_path(config)
    return config.path


def no_path(config: DataConfig, reason: str = "") -> UserError:
    """What to say where neither `data.path` nor the hub gives anything; reason: why the hub doesn't."""
    needs = config.sources.get(config.source, Source).needs.format(**vars(config))
    where = f"; the data are to be had from {config.origin}" if config.origin else ""
    return UserError(f"`data.path` is missing: data={config.name} needs {needs}{where}{reason}")
