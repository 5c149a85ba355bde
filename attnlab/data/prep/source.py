"""Where the examples of a data set come from: what sources of every modality share, and how one is opened."""

from pathlib import Path
from typing import ClassVar, TypeVar

from attnlab.config import DataConfig, HubDataConfig
from attnlab.data.files.layout import split_of
from attnlab.errors import UserError


class Source:
    """Examples of one format, such as a table's rows. Built from the data's configuration.

    Raises UserError where `data.path` is missing, or no file or folder of that format.
    """

    needs: ClassVar[str] = ""
    """What `data.path` has to name, for `no_path`; {key} stands for the value of `data.key`."""
    hub: ClassVar["type[Source] | None"] = None
    """The class that reads the same examples from the hub; None: they cannot be had from there."""

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

    def __init__(self, config: DataConfig) -> None:
        self.files = {}

    @property
    def unnamed(self) -> bool:
        """Whether neither the source nor a file's name says of which split the examples are; they are for training then."""
        return set(self.splits) <= {"train"} and not any(map(split_of, self.files.values()))


AnySource = TypeVar("AnySource", bound=Source)


def open_source(config: DataConfig, base: type[AnySource]) -> AnySource:
    """The source that `data.source` names or, where `data.hub` is given without `data.path`, its class for the hub.

    base: what all sources of the modality derive from. Raises UserError where there is no such source, or where it
    cannot be opened.
    """
    source = config.sources.get(config.source, base)
    if config.path is not None or not isinstance(config, HubDataConfig) or config.hub is None:
        return source(config)
    if source.hub is None:
        raise UserError(f"`data.hub={config.hub}`: data.source={config.source} is not read from the hub")
    assert issubclass(source.hub, base)
    return source.hub(config)


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
