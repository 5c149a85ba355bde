"""A picture as its source gives it, and what every source of pictures promises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ImageData
from attnlab.data.files.layout import no_path
from attnlab.errors import UserError
from attnlab.registry import IMAGE_SOURCES

Pixels = NDArray[np.uint8]  # (height, width, channels): 1 channel of grey, or 3 of red, green and blue


@dataclass(frozen=True)
class Picture:
    """Read when wanted: a picture that belongs to another split is never decoded.

    read: raises UserError where the picture, or its label, is bad.
    """

    label: str
    key: str
    read: Callable[[], Pixels]


class ImageSource:
    """Pictures by split. Built from the data's configuration.

    Raises UserError where `data.path` is missing, or no file or folder of that format.
    """

    needs: ClassVar[str] = "the folder that holds its files"
    """What `data.path` has to name."""

    notice: str = ""
    """Of generated data: that they are, and how to use real ones."""
    splits: tuple[str, ...] = ()
    """Those that the source names itself."""
    classes: tuple[str, ...] | None = None
    """All classes, where the source knows them; else None: those that occur in training."""
    files: dict[str, Path]
    """By name, what is read: names and contents are part of the data's fingerprint."""
    identity: str = ""
    """What the pictures depend on besides files, such as the commit of a data set on the hub."""
    rules: ClassVar[dict[str, bytes]] = {}
    """By name, a digest of what the source itself decides, such as the division into splits; changed with it."""
    commit: str | None = None
    """Of a data set on the hub."""
    warnings: tuple[str, ...] = ()
    """What the user should know before training."""

    def __init__(self, config: ImageData) -> None:
        self.files = {}

    def rows(self, split: str) -> Iterator[Picture]:
        """The pictures of a split, in an order that never changes."""
        raise NotImplementedError


def image_source(config: ImageData) -> ImageSource:
    """The source that `data.source` names or, where there is no `data.path`, the hub's data set.

    Raises UserError where there is no such source, or where it cannot be opened.
    """
    if config.path is None and config.hub is not None:
        return IMAGE_SOURCES.get("hub", ImageSource)(config)
    return IMAGE_SOURCES.get(config.source, ImageSource)(config)
