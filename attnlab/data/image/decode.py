"""The pixels of files of pictures: PNG, JPEG and idx."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.data.files.bad_rows import FormerlyRead
from attnlab.data.files.quiet import captured_stderr
from attnlab.data.image.header import Header, other_kind, read_header
from attnlab.data.image.source import Pixels
from attnlab.errors import UserError
from attnlab.local_files import read_regular

if TYPE_CHECKING:
    from torchvision.io import ImageReadMode


WHITE = 255
"""The ground on which transparent pictures are laid."""
GREY, UPRIGHT = "grey by the levels as they stand", "turned upright by EXIF data anywhere"
"""Changes of pixels: see `decoded`."""
GZIP = b"\x1f\x8b"
IDX_NUMBERS = {
    0x08: "bytes", 0x09: "signed bytes", 0x0B: "numbers of 16 bits", 0x0C: "numbers of 32 bits",
    0x0D: "fractions of 32 bits", 0x0E: "fractions of 64 bits",
}  # fmt: skip
"""What an idx file may hold, by its third byte."""
CORRUPT = ("Corrupt JPEG data", "Premature end", "Inconsistent progression")
"""How libjpeg's warnings begin after which it makes up what is missing."""


def decoded(data: NDArray[np.uint8], colour: str, location: str, changes: set[str] | None = None) -> Pixels:
    """The pixels of a PNG or JPEG file's bytes, with a last channel of opacity where some of them are transparent.

    colour: what is wanted; colours may be given for grey. changes: takes the names of rules by which the pixels are others
    than an earlier version gave. Raises UserError where they are no picture of 8 bits to a channel, or one that is damaged
    or too large.
    """
    from torchvision.io import ImageReadMode

    header = read_header(data.tobytes(), location)
    # Where a PNG says how bright it is meant, libpng would mix its channels by that, and not by their levels.
    grey = colour == "grey" and not header.gamma
    pixels = _decoded(data, ImageReadMode.GRAY if grey else ImageReadMode.RGB, location)
    pixels = pixels[..., :3]  # WebP knows no grey, and keeps its opacity where that is asked for
    opacity = _opacity(data, header, location)
    if changes is not None:
        changes |= {GREY} if colour == "grey" and header.gamma else set()
        changes |= {UPRIGHT} if header.turned != 1 else set()
    return _upright(pixels if opacity is None else np.concatenate([pixels, opacity], axis=2), header.turned)


def _upright(pixels: Pixels, turned: int) -> Pixels:
    """A picture of this orientation, the number in EXIF data, as it is meant to be seen."""
    if turned in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    if turned in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if turned in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _decoded(data: NDArray[np.uint8], mode: "ImageReadMode", location: str) -> Pixels:
    """(height, width, channels), turned upright."""
    from torchvision.io import decode_image

    try:
        with captured_stderr() as said:
            picture = decode_image(torch.tensor(data), mode, apply_exif_orientation=True)
    except RuntimeError as error:
        reason = said[0] if said else _first_line(error)
        raise UserError(f"{location}: not a readable PNG or JPEG picture ({reason})") from error
    if said and said[0].startswith(CORRUPT):
        raise FormerlyRead(f"{location}: a damaged picture ({said[0]}); save it once more, or remove it")
    if picture.dtype != torch.uint8 or picture.ndim != 3:
        raise UserError(f"{location}: not a picture of 8 bits to a channel; save it as PNG or JPEG")
    return picture.permute(1, 2, 0).numpy()


def _opacity(data: NDArray[np.uint8], header: Header, location: str) -> Pixels | None:
    """(height, width, 1): 255 where nothing shines through; None for a picture of which that holds everywhere."""
    from torchvision.io import ImageReadMode

    if header.alpha:
        opacity = _decoded(data, ImageReadMode.RGB_ALPHA, location)[..., 3:]
    elif header.hidden:
        # The decoder spreads grey levels of fewer bits over all of 0 to 255.
        highest = (1 << header.bits) - 1
        hidden = [(level & highest) * 255 // highest for level in header.hidden]
        shown = (_decoded(data, ImageReadMode.RGB, location) != np.array(hidden)).any(axis=2, keepdims=True)
        opacity = shown.astype(np.uint8) * 255
    else:
        return None
    return None if opacity.min() == 255 else opacity


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """A picture brought to grey (1) or to colour (3), laid on white where it is transparent."""
    if is_transparent(pixels):
        pixels = _on_white(pixels)
    if pixels.shape[2] == channels:
        return pixels
    from torchvision.transforms.v2 import functional

    convert = functional.rgb_to_grayscale if channels == 1 else functional.grayscale_to_rgb
    return convert(torch.tensor(pixels).permute(2, 0, 1)).permute(1, 2, 0).numpy()


def is_transparent(pixels: Pixels) -> bool:
    """Whether the last channel is opacity."""
    return pixels.shape[2] in (2, 4)


def _on_white(pixels: Pixels) -> Pixels:
    """Colours mixed with the ground by their opacity, which isn't a channel of the result."""
    colours, opacity = pixels[..., :-1].astype(np.uint16), pixels[..., -1:].astype(np.uint16)
    return ((colours * opacity + WHITE * (255 - opacity) + 127) // 255).astype(np.uint8)


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """The array of an idx file of bytes with so many axes, plain or packed by gzip. Raises UserError where it is none, or
    damaged."""
    try:
        data = read_regular(path)
        data = gzip.decompress(data) if data.startswith(GZIP) else data  # whatever the name says of it
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or truncated gzip file ({_first_line(error)})") from error
    head, magic = 4 + 4 * axes, bytes([0, 0, 8, axes])
    if data[:4] != magic:
        raise UserError(
            f"{path}: begins with {data[:4].hex() or 'nothing'}{_idx_kind(data)}, not {magic.hex()}, the sign of an idx "
            f"file of bytes with {_axes(axes)}"
        )
    if len(data) < head:
        raise UserError(f"{path}: ends within its head; truncated")
    shape = struct.unpack(f">{axes}I", data[4:head])
    expected = head + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise UserError(f"{path}: {len(data):,} bytes where its head announces {expected:,}; truncated or damaged")
    return np.frombuffer(data, dtype=np.uint8, offset=head).reshape(shape)


def _idx_kind(data: bytes) -> str:
    """What the first bytes of a file mean that is no idx file of bytes with the wanted axes, in brackets; "" where that is
    nothing known."""
    if data[:2] == b"\0\0" and len(data) > 3 and data[2] in IDX_NUMBERS:
        return f" (an idx file of {IDX_NUMBERS[data[2]]} with {_axes(data[3])})"
    return f" ({said})" if (said := other_kind(data)) else ""


def _axes(number: int) -> str:
    return f"{number} {'axis' if number == 1 else 'axes'}"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
