"""Pictures cut into patches, and altered for training."""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from attnlab.config import ImageData
from attnlab.data.image.sources import Pixels
from attnlab.data.prep.batching import Indices, uniform
from attnlab.errors import UserError


def patches(
    pictures: NDArray[np.float32], patch: int, stride: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(B, height, width, C) -> (B, L, F) patches in reading order and the (L, 2) row and column of each, counted in
    strides; F = patch · patch · C.

    Every pixel is in a patch. Where the last patches reach beyond the picture, what is missing is 0: the mean of the
    training pixels, so that it says nothing; a smaller picture is never stretched.
    """
    _, height, width, _ = pictures.shape
    rows, columns = _steps(height, patch, stride), _steps(width, patch, stride)
    below, right = (rows - 1) * stride + patch - height, (columns - 1) * stride + patch - width
    if below or right:
        pictures = np.pad(pictures, ((0, 0), (0, below), (0, right), (0, 0)))
    windows = sliding_window_view(pictures, (patch, patch), axis=(1, 2))[:, ::stride, ::stride]
    windows = windows.transpose(0, 1, 2, 4, 5, 3)  # (B, rows, columns, patch, patch, C)
    return windows.reshape(len(pictures), rows * columns, -1), _places(int(rows), int(columns))


def augmented(pictures: Pixels, indices: Indices, seed: int, epoch: int, shift: int, flip: bool) -> Pixels:
    """What torchvision.transforms.v2's RandomCrop (padding `shift`, mode edge) and RandomHorizontalFlip do, all
    pictures at once and drawn as a function of (seed, epoch, index): (B, height, width, C)."""
    if not (shift or flip):
        return pictures
    draws = uniform(seed, epoch, indices[None], np.arange(3)[:, None])  # (3, B): down, right, mirror
    if shift:
        _, height, width, _ = pictures.shape
        down, right = (draws[:2] * (2 * shift + 1)).astype(np.int64) - shift
        # Beyond its edge a picture goes on as it ends there.
        rows = np.clip(np.arange(height) + down[:, None], 0, height - 1)
        columns = np.clip(np.arange(width) + right[:, None], 0, width - 1)
        pictures = pictures[np.arange(len(indices))[:, None, None], rows[:, :, None], columns[:, None, :]]
    if flip:
        pictures = np.where((draws[2] < 0.5)[:, None, None, None], pictures[:, :, ::-1], pictures)
    return pictures


@lru_cache(maxsize=64)
def _places(rows: int, columns: int) -> NDArray[np.float32]:
    """(rows · columns, 2): row and column of each patch in reading order."""
    return np.stack(np.divmod(np.arange(rows * columns), columns), axis=1).astype(np.float32)


def _length(height: Any, width: Any, config: ImageData) -> Any:
    """How many patches pictures of these sides have."""
    rows, columns = (_steps(side, config.patch, config.stride or config.patch) for side in (height, width))
    return rows * columns


def _refuse_longer(where: str, length: int, config: ImageData) -> None:
    """Raise UserError for a picture of too many patches."""
    if length > config.max_length:
        raise UserError(
            f"{where}: {length:,} patches, more than `data.max_length={config.max_length}`; make `data.patch` larger, or "
            "raise it"
        )


def _steps(side: Any, patch: int, stride: int) -> Any:
    """How many patches cover a side of so many pixels."""
    return 1 + -(-np.maximum(side - patch, 0) // stride)


def _coloured(pixels: Pixels, channels: int) -> Pixels:
    """Bring a picture to grey or to colour."""
    if pixels.shape[2] == channels:
        return pixels
    from torchvision.transforms.v2 import functional

    convert = functional.rgb_to_grayscale if channels == 1 else functional.grayscale_to_rgb
    return convert(torch.tensor(pixels).permute(2, 0, 1)).permute(1, 2, 0).numpy()


def _natural(label: str) -> tuple[float, str]:
    """Numbers by value, before words by alphabet."""
    return (float(label), "") if label.isdecimal() else (math.inf, label)
