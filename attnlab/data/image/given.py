"""Pictures that a user gives a run: files, or arrays of pixels."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from attnlab.config import DataConfig, ImageData
from attnlab.data.contract import GivenSplit, Input, Reader
from attnlab.data.image.decode import decoded, with_channels
from attnlab.data.image.pack import PatchSets
from attnlab.data.image.patches import num_patches
from attnlab.data.image.prepare import CHANNELS
from attnlab.data.image.source import Pixels
from attnlab.data.image.sources import PICTURES
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.inputs import file_inputs, refuse_longer
from attnlab.errors import UserError
from attnlab.local_files import read_regular, user_path
from attnlab.sets import Batch
from attnlab.spec import DataSpec


class PictureReader(Reader[Pixels]):
    """Brings pictures to the channels that the run has learned from."""

    block = 128
    what = "picture"

    def __init__(self, config: DataConfig, spec: DataSpec) -> None:
        assert isinstance(config, ImageData)
        self.config, self.spec = config, spec

    def inputs(self, words: Sequence[str], stdin: Iterable[bytes]) -> Iterator[Input]:
        return file_inputs(words, stdin, PICTURES.read, self.what)

    def example(self, value: object, key: str) -> Pixels:
        """A file's path, or (height, width) or (height, width, channels) bytes, as pixels in the run's channels. Raises
        UserError for anything else, and for a picture of too many patches."""
        config = self.config
        if isinstance(value, str | Path):
            path = user_path(str(value))
            if not (data := read_regular(path)):
                raise UserError(f"{path}: an empty file, of 0 bytes")
            pixels = decoded(np.frombuffer(data, dtype=np.uint8), config.colour, str(path))
        else:
            pixels = _array(value)
        pixels = with_channels(pixels, CHANNELS[config.colour])
        height, width, _ = pixels.shape
        refuse_longer(int(num_patches(height, width, config)), "patches", config.max_length)
        return pixels

    def split(self, examples: Sequence[Pixels], keys: Sequence[str]) -> "GivenPictures":
        return GivenPictures(examples, keys, self.config, self.spec)


def _array(value: object) -> Pixels:
    """(height, width, channels) of an array. Raises UserError for another one."""
    wanted = "give each picture as a file, or as an array of uint8 with shape (height, width) or (height, width, channels)"
    pixels = np.asarray(value)
    if pixels.dtype != np.uint8:
        raise UserError(f"{wanted}, not of {pixels.dtype}")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4) or 0 in pixels.shape:
        raise UserError(f"{wanted}, of 1 to 4 channels, not {pixels.shape}")
    return pixels


class GivenPictures(GivenSplit):
    """Pictures without classes, by their pixels."""

    def __init__(self, pictures: Sequence[Pixels], keys: Sequence[str], config: ImageData, spec: DataSpec) -> None:
        self.pictures, self.keys = pictures, keys
        self._sides = np.array([pixels.shape[:2] for pixels in pictures], dtype=np.int32).reshape(-1, 2)
        self._patches = PatchSets(self._sides[:, 0], self._sides[:, 1], config, spec)
        self.lengths = self._patches.lengths

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of pictures -> their patches (N, F), with row and column (N, 2). Never augmented."""
        inputs = self._patches.pack(indices, lambda members: np.stack([self.pictures[i] for i in members]))
        return Batch(inputs, {}, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, object]:
        height, width = self._sides[i].tolist()
        return {"height": height, "width": width}

    def picture(self, i: int) -> Pixels:
        """(height, width, C) bytes."""
        return self.pictures[i]
