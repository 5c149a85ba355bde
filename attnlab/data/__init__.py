"""Data sets, opened by their configuration."""

from attnlab.config import DataConfig
from attnlab.data.contract import Data
from attnlab.registry import LOADERS
from attnlab.spec import DataSpec


def loader(config: DataConfig) -> type[Data]:
    """The class that reads these data. Raises UserError where no loader is called `data.loader`."""
    return LOADERS.get(config.loader, Data)


def open_data(config: DataConfig, seed: int, spec: DataSpec | None = None, parts: bool = False) -> Data:
    """The prepared data that a configuration names; the arguments are those of `Data`."""
    return loader(config)(config, seed, spec, parts)
