"""Pictures cut into patches, and altered for training."""

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from attnlab.config import ImageData
from attnlab.data.image.source import Pixels
from attnlab.data.prep.batching import Indices, uniform
from attnlab.errors import UserError
from attnlab.sets import VectorSets

SMALL = 16
"""Sides of patches that may be larger than all pictures: the usual ones."""


def patches(
    pictures: NDArray[np.float32], patch: int, stride: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(B, height, width, C) -> (B, L, F) patches in reading order and the (L, 2) row and column of each, counted in
    strides; F = patch · patch · C. Every pixel is in a patch; what the last ones lack beyond the picture is 0, the mean of
    the training pixels."""
    _, height, width, _ = pictures.shape
    rows, columns = int(_steps(height, patch, stride)), int(_steps(width, patch, stride))
    below, right = (rows - 1) * stride + patch - height, (columns - 1) * stride + patch - width
    if below or right:
        pictures = np.pad(pictures, ((0, 0), (0, below), (0, right), (0, 0)))
    windows = sliding_window_view(pictures, (patch, patch), axis=(1, 2))[:, ::stride, ::stride]
    windows = windows.transpose(0, 1, 2, 4, 5, 3)  # (B, rows, columns, patch, patch, C)
    return windows.reshape(len(pictures), rows * columns, -1), _coords(rows, columns)


def augmented(pictures: Pixels, indices: Indices, seed: int, epoch: int, translate: int, flip: bool) -> Pixels:
    """(B, height, width, C) -> the same shape: what torchvision.transforms.v2's RandomCrop (padding `translate`, mode
    edge) and RandomHorizontalFlip do, all pictures at once and drawn as a function of (seed, epoch, index)."""
    if not (translate or flip):
        return pictures
    draws = uniform(seed, epoch, indices[None], np.arange(3)[:, None])  # (3, B): down, right, mirror
    if translate:
        _, height, width, _ = pictures.shape
        down, right = (draws[:2] * (2 * translate + 1)).astype(np.int64) - translate
        # What is moved in from beyond the edge repeats the pixels at the edge.
        rows = np.clip(np.arange(height) + down[:, None], 0, height - 1)
        columns = np.clip(np.arange(width) + right[:, None], 0, width - 1)
        pictures = pictures[np.arange(len(indices))[:, None, None], rows[:, :, None], columns[:, None, :]]
    if flip:
        pictures = np.where((draws[2] < 0.5)[:, None, None, None], pictures[:, :, ::-1], pictures)
    return pictures


def shown_beside(
    inputs: VectorSets, hidden: NDArray[np.bool_], config: ImageData, channels: int
) -> NDArray[np.bool_] | None:
    """(N, F): which pixels of each patch lie in another one that isn't hidden; None where patches don't overlap."""
    patch, stride = config.patch, config.stride or config.patch
    reach = -(-patch // stride) - 1  # patches farther away share no pixel
    if not reach:
        return None
    assert inputs.coords is not None, "patches have a row and a column"
    row, column = (inputs.coords[:, axis].numpy().astype(np.int64) + reach for axis in range(2))
    picture = inputs.layout.set_index.numpy()
    seen = np.zeros((len(inputs), int(row.max()) + 1 + reach, int(column.max()) + 1 + reach), dtype=bool)
    seen[picture, row, column] = ~hidden
    shown = np.zeros((len(row), patch, patch, channels), dtype=bool)
    for down, right in product(range(-reach, reach + 1), repeat=2):
        beside = seen[picture, row + down, column + right]
        (top, bottom), (left, end) = _shared(down * stride, patch), _shared(right * stride, patch)
        if down or right:
            shown[beside, top:bottom, left:end] = True
    return shown.reshape(len(row), -1)


def _shared(shift: int, patch: int) -> tuple[int, int]:
    """Along one side of a patch, the first pixel that it shares with one moved by so many, and the one behind the last."""
    return max(0, shift), min(patch, patch + shift)


def num_patches(heights: ArrayLike, widths: ArrayLike, config: ImageData) -> NDArray[np.int64]:
    """How many patches pictures of these sides have."""
    rows, columns = (_steps(sides, config.patch, config.stride or config.patch) for sides in (heights, widths))
    return rows * columns


def refuse_longer(key: str, length: int, config: ImageData) -> None:
    """Raises UserError for a picture of too many patches."""
    if length > config.max_length:
        limit = f"`data.max_length={config.max_length}`"
        raise UserError(f"{key}: {length:,} patches, more than {limit}; make `data.patch` larger, or raise it")


def refuse_beyond(longest: int, config: ImageData) -> None:
    """Raises UserError where `data.patch` or `data.translate` is more than pictures have room for, whose longest side is
    `longest` pixels."""
    if config.patch > (largest := max(longest, SMALL)):
        raise UserError(
            f"`data.patch={config.patch}`: larger than any picture; the longest side is {longest} pixels, so it can be at "
            f"most {largest}"
        )
    if config.translate >= longest:
        raise UserError(
            f"`data.translate={config.translate}`: moves pictures out of sight; the longest side is {longest} pixels, so "
            f"it can be at most {longest - 1}"
        )


def _steps(sides: ArrayLike, patch: int, stride: int) -> NDArray[np.int64]:
    """How many patches cover sides of so many pixels."""
    return 1 + -(-np.maximum(np.asarray(sides, dtype=np.int64) - patch, 0) // stride)


@lru_cache(maxsize=64)
def _coords(rows: int, columns: int) -> NDArray[np.float32]:
    """(rows · columns, 2): row and column of each patch in reading order."""
    return np.stack(np.divmod(np.arange(rows * columns), columns), axis=1).astype(np.float32)
