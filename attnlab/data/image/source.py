"""A picture as its source gives it, and what every source of pictures promises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os.path import isdir
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ImageData
from attnlab.data.files.layout import no_folder
from attnlab.data.prep.source import Source, path_of
from attnlab.local_files import user_path

TARGET = "label"
Pixels = NDArray[np.uint8]
"""(height, width, channels): 1 channel of grey, or 3 of red, green and blue; as sources give them, another of opacity may
follow."""


@dataclass(frozen=True)
class Picture:
    """Read when wanted, by `read`, which raises UserError where the picture, or its label, is bad. owner: copies with the
    same one are held out together; "" is the key. changes: filled by `read` with the names of rules by which the picture is
    another than an earlier version read."""

    label: str
    key: str
    read: Callable[[], Pixels]
    owner: str = ""
    changes: set[str] = field(default_factory=set)


class ImageSource(Source):
    """Pictures by split."""

    needs = "the folder that holds its files"
    classes: tuple[str, ...] | None = None
    """All classes, where the source knows them; else None: those that occur in training."""

    def rows(self, split: str) -> Iterator[Picture]:
        """The pictures of a split, in an order that never changes. Raises UserError for a file that cannot be read."""
        raise NotImplementedError


def picture_folder(config: ImageData) -> Path:
    """`data.path`. Raises UserError where it is missing or no folder."""
    folder = user_path(path_of(config))
    if not isdir(folder):
        raise no_folder(config)
    return folder
