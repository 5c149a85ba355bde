"""Tiny pictures in the formats that the loader reads."""

import gzip
import struct
from pathlib import Path

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torchvision.io import write_png

from attnlab.compose import config_folder
from attnlab.config import ImageData
from attnlab.data.image.loader import Image


def image_data(*words: str) -> ImageData:
    """The node that `data=<name> data.<key>=<value> …` makes, without Hydra's second."""
    given = {word.partition("=")[0]: yaml.safe_load(word.partition("=")[2]) for word in words}
    keys = yaml.safe_load((config_folder() / "data" / f"{given.pop('data')}.yaml").read_text(encoding="utf-8"))
    del keys["defaults"]
    return ImageData(**keys | {name.removeprefix("data."): value for name, value in given.items()})


def load(*words: str, seed: int = 1) -> Image:
    return Image(image_data(*words), seed)


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(array: NDArray[np.uint8]) -> bytes:
    """An idx file of bytes."""
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.tobytes()


def write_mnist(folder: Path, train: int = 30, test: int = 6, side: int = 6, zipped: bool = False) -> Path:
    """Dark (0) and bright (1) pictures under MNIST's names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in {"train": train, "t10k": test}.items():
        labels = np.arange(count, dtype=np.uint8) % 2
        images = noise(count, side, side, seed=count) // 2 + 127 * labels[:, None, None]
        for kind, array in {"images-idx3": images, "labels-idx1": labels}.items():
            data = idx(array.astype(np.uint8))
            if zipped:
                (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(data))
            else:
                (folder / f"{name}-{kind}-ubyte").write_bytes(data)
    return folder


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """A PNG of (height, width, channels) bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_png(torch.from_numpy(pixels.transpose(2, 0, 1).copy()), str(path))


def write_folder(root: Path, each: int = 8) -> Path:
    """Greenish and reddish pictures of many sizes, a folder for each class, in three splits."""
    for split, count in {"train": each, "val": 3, "test": 3}.items():
        for number, name in enumerate(("red", "green")):
            for i in range(count):
                pixels = noise(4 + i % 3, 5 + i % 2, 3, seed=i) // 3
                pixels[..., number] += 150
                write_picture(root / split / name / f"{i}.png", pixels)
    return root
