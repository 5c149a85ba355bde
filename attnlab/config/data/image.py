"""Keys of `data=` for pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from attnlab.config.data.base import CrossValidated, HubDataConfig, embedded_problems, unlabelled_problems
from attnlab.config.keys import LARGEST, key
from attnlab.registry import IMAGE_SOURCES, LOADERS, SourceRegistry

SIDE = 2**16
"""Pixels of the longest side of a picture."""


@dataclass
@LOADERS.builtin("image", "attnlab.data.image.loader:Image")
@IMAGE_SOURCES.builtin("digits", "attnlab.data.image.sources:Digits")
@IMAGE_SOURCES.builtin("idx", "attnlab.data.image.sources:Idx")
@IMAGE_SOURCES.builtin("folder", "attnlab.data.image.sources:ImageFolder")
@IMAGE_SOURCES.builtin("cifar10", "attnlab.data.image.sources:Cifar10")
class ImageData(HubDataConfig, CrossValidated):
    """Pictures as sets of patches, each with its row and column."""

    sources: ClassVar[SourceRegistry] = IMAGE_SOURCES

    source: str = key("???", "in which form the pictures come", choices=IMAGE_SOURCES)
    path: str | None = key(None, "folder of local files; null for embedded data and the hub")
    image: str = key("image", "hub: the column of the pictures")
    label: str | None = key(
        "label", "hub: the column with the class; null: none, and folders are no classes, for task=masked"
    )
    limit: int | None = key(
        None, "number of training pictures that are used, each class in proportion; null: all", min=1, max=LARGEST
    )
    classes: list[str] | None = key(None, "idx: the names of classes 0, 1, …; null: their numbers")
    colour: str = key("rgb", "colours that pictures are converted to: grey or rgb", choices=("grey", "rgb"))
    patch: int = key(4, "side of a patch, in pixels; 1: a vector for each pixel", min=1, max=SIDE)
    stride: int | None = key(
        None, "pixels from one patch to the next; null: patches don't overlap", min=1, max=SIDE
    )
    max_length: int = key(4096, "most patches in a picture", min=1, max=10**9)
    flip: bool = key(False, "training: whether pictures are mirrored left to right, each with probability 1/2")
    translate: int = key(
        0, "training: shift pictures by up to this many pixels in each direction", min=0, max=SIDE, was="shift"
    )

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        return ("digits",) if settings.get("source") == "digits" else ("classification",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("digits",), "image_folder")
        yield from unlabelled_problems(self.label, self.hub)
        if self.stride is not None and self.stride > self.patch:
            yield f"data.stride={self.stride} must be at most data.patch={self.patch}, or pixels would be lost"
