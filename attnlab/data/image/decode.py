"""The pixels of files of pictures: PNG, JPEG and idx."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.data.image.source import Pixels
from attnlab.errors import UserError
from attnlab.local_files import read_regular


def decoded(data: NDArray[np.uint8], colour: str, location: str) -> Pixels:
    """The pixels of a PNG or JPEG file's bytes. Raises UserError where they are no picture of 8 bits to a channel."""
    from torchvision.io import ImageReadMode, decode_image

    mode = ImageReadMode.GRAY if colour == "grey" else ImageReadMode.RGB
    try:
        picture = decode_image(torch.tensor(data), mode, apply_exif_orientation=True)
    except RuntimeError as error:
        raise UserError(f"{location}: not a readable PNG or JPEG picture ({_first_line(error)})") from error
    if picture.ndim != 3:
        several = f"{len(picture)} pictures that follow each other (an animation)"
        raise UserError(f"{location}: {several}; save the one you want")
    if picture.dtype != torch.uint8:
        raise UserError(f"{location}: a picture of 16 bits to a channel; save it with 8")
    return picture.permute(1, 2, 0).numpy()


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """A picture brought to grey (1) or to colour (3)."""
    if pixels.shape[2] == channels:
        return pixels
    from torchvision.transforms.v2 import functional

    convert = functional.rgb_to_grayscale if channels == 1 else functional.grayscale_to_rgb
    return convert(torch.tensor(pixels).permute(2, 0, 1)).permute(1, 2, 0).numpy()


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """The array of an idx file of bytes with so many axes, plain or .gz. Raises UserError where it is none, or damaged."""
    try:
        data = read_regular(path)
        data = gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or truncated gzip file ({_first_line(error)})") from error
    head, magic = 4 + 4 * axes, bytes([0, 0, 8, axes])
    if data[:4] != magic:
        raise UserError(
            f"{path}: begins with {data[:4].hex() or 'nothing'}, not {magic.hex()}, the sign of an idx file of bytes "
            f"with {axes} {'axis' if axes == 1 else 'axes'}"
        )
    if len(data) < head:
        raise UserError(f"{path}: ends within its head; truncated")
    shape = struct.unpack(f">{axes}I", data[4:head])
    expected = head + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise UserError(f"{path}: {len(data):,} bytes where its head announces {expected:,}; truncated or damaged")
    return np.frombuffer(data, dtype=np.uint8, offset=head).reshape(shape)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
