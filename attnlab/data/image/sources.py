"""Where pictures come from: files in the formats of their publishers, a folder for each class, an embedded set."""

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from os.path import isdir
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.config import ImageData
from attnlab.data.files.hub import HubSet
from attnlab.data.files.layout import class_files, no_path
from attnlab.data.prep.splits import position
from attnlab.errors import UserError
from attnlab.text_files import unreadable

PICTURES = 256
"""Pictures of a data set on the hub that are in memory together."""
Pixels = NDArray[np.uint8]  # (height, width, channels): 1 channel of grey, or 3 of red, green and blue


@dataclass(frozen=True)
class Picture:
    """Read when wanted: a picture that is held out or beyond the limit is never decoded.

    read: raises UserError where the picture, or its label, is bad.
    """

    label: str
    key: str
    read: Callable[[], Pixels]


class ImageSource(Protocol):
    """Pictures by split. Built from the data's configuration; refuses a missing folder or file."""

    splits: tuple[str, ...]
    files: dict[str, Path]
    """By name, what the pictures are read from: names and contents are the data's fingerprint."""
    classes: tuple[str, ...] | None
    """All classes, where the source knows them; else None: those that occur in training."""

    identity: str
    """What the pictures depend on besides files, such as the commit of a data set on the hub."""
    commit: str | None
    """Of a data set on the hub."""
    warnings: tuple[str, ...]

    def rows(self, split: str) -> Iterator[Picture]: ...


class Here:
    """What all sources share whose pictures lie here."""

    identity = ""
    commit: str | None = None
    warnings: tuple[str, ...] = ()


class Digits(Here):
    """`data=digits`: 1,797 real handwritten digits, 8×8, of 17 grey levels, which scikit-learn carries.

    They are the test part of Alpaydin & Kaynak's "Optical Recognition of Handwritten Digits" (1998), in its order.
    Of seven pictures in a row, the first four train (1,028), the fifth validates (257), the last two test (512):
    the same 13 writers are in all three, and seven shares no rhythm with the file's runs from 0 to 9.
    """

    splits: tuple[str, ...] = ("train", "validation", "test")
    classes: tuple[str, ...] | None = tuple("0123456789")
    of_seven: ClassVar = {"train": (0, 1, 2, 3), "validation": (4,), "test": (5, 6)}

    def __init__(self, config: ImageData) -> None:
        found = find_spec("sklearn")
        assert found is not None and found.origin is not None, "a dependency"
        data = Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"
        self.files = {"digits": data, "split": Path(__file__)}  # which picture is in which split stands here

    def rows(self, split: str) -> Iterator[Picture]:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        images = images.reshape(-1, 8, 8, 1).astype(np.uint8)
        for i in range(len(images)):
            if i % 7 in self.of_seven[split]:
                yield Picture(str(labels[i]), f"digits:{i}", partial(images.__getitem__, i))


class Idx(Here):
    """Files in LeCun's idx format under the names that MNIST and Fashion-MNIST gave them, plain or .gz."""

    beginnings: ClassVar = {"train": "train", "test": "t10k"}

    def __init__(self, config: ImageData) -> None:
        folder = _folder(config)
        self.classes = tuple(config.classes) if config.classes else None
        self.files: dict[str, Path] = {}
        for beginning in self.beginnings.values():
            names = [f"{beginning}-images-idx3-ubyte", f"{beginning}-labels-idx1-ubyte"]
            found = {
                name: path for name in names for path in (folder / name, folder / f"{name}.gz") if path.is_file()
            }
            for name in names:
                if found and name not in found:
                    raise UserError(f"{folder / name}: missing, plain or .gz, beside {', '.join(found)}")
            self.files |= found
        self.splits = tuple(
            split for split, name in self.beginnings.items() if any(f.startswith(name) for f in self.files)
        )
        if not self.splits:
            raise UserError(
                f"`data.path={config.path}`: no train-images-idx3-ubyte and no t10k-images-idx3-ubyte there, plain or .gz"
            )

    def rows(self, split: str) -> Iterator[Picture]:
        image_name = f"{self.beginnings[split]}-images-idx3-ubyte"
        label_name = f"{self.beginnings[split]}-labels-idx1-ubyte"
        images = read_idx(self.files[image_name], axes=3)[..., None]
        labels = read_idx(self.files[label_name], axes=1)
        if len(images) != len(labels):
            raise UserError(
                f"{self.files[label_name]}: {len(labels):,} labels for {len(images):,} pictures in "
                f"{self.files[image_name].name}"
            )
        if 0 in images.shape[1:3]:
            height, width = images.shape[1:3]
            raise UserError(f"{self.files[image_name]}: pictures of {height} × {width} pixels")
        for i, number in enumerate(labels.tolist()):
            key = f"{image_name}:{i}"
            yield _numbered(number, self.classes, key, f"{self.files[label_name]}:{i}", images[i])


class Cifar10(Here):
    """The binary version of CIFAR-10 (Krizhevsky 2009): 10,000 records to a file, a label and 32×32 of each colour."""

    record = 1 + 3 * 32 * 32
    names: ClassVar = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}

    def __init__(self, config: ImageData) -> None:
        folder = _folder(config)
        if not (folder / "data_batch_1.bin").is_file() and (folder / "data_batch_1").is_file():
            raise UserError(
                f"{folder / 'data_batch_1'}: the python version of CIFAR-10 is made of pickles, which are programs "
                "and never opened here; use the binary version, whose files end in .bin"
            )
        self.files = {}
        for name in ("batches.meta.txt", *self.names["train"], *self.names["test"]):
            if not (folder / name).is_file():
                raise UserError(
                    f"`data.path={config.path}`: no {name} there; the binary version of CIFAR-10 has it in the folder "
                    "cifar-10-batches-bin"
                )
            self.files[name] = folder / name
        names = self.files["batches.meta.txt"]
        text = names.read_bytes().decode(errors="surrogateescape")
        if problem := unreadable(text):
            raise UserError(f"{names}: {problem}")
        self.classes: tuple[str, ...] | None = tuple(text.split())
        self.splits: tuple[str, ...] = ("train", "test")

    def rows(self, split: str) -> Iterator[Picture]:
        for name in self.names[split]:
            path = self.files[name]
            data = np.fromfile(path, dtype=np.uint8)
            if len(data) % self.record:
                raise UserError(
                    f"{path}: {len(data):,} bytes, no multiple of a record's {self.record:,}; truncated?"
                )
            for i, record in enumerate(data.reshape(-1, self.record)):
                pixels = record[1:].reshape(3, 32, 32).transpose(1, 2, 0)
                yield _numbered(int(record[0]), self.classes, f"{name}:{i}", f"{path}:{i}", pixels)


class ImageFolder(Here):
    """A folder for each class with PNG and JPEG pictures of any size, below train/, validation/ and test/ or not.

    Pictures come in an order that looks random and never changes (by a hash of their names), so that the first
    `data.limit` are of all classes.
    """

    endings = (".png", ".jpg", ".jpeg")

    def __init__(self, config: ImageData) -> None:
        root = _folder(config)
        self.colour = config.colour
        self.files: dict[str, Path] = {}
        self._keys: dict[str, list[tuple[str, str]]] = {}
        for split, files in class_files(str(config.path), self.endings, "pictures").items():
            keys = self._keys[split or "train"] = []
            for path, label in files:
                key = path.relative_to(root).as_posix()
                self.files[key] = path
                keys.append((key, label))
            keys.sort(key=lambda item: position(item[0]))
        self.splits: tuple[str, ...] = tuple(self._keys)
        self.classes: tuple[str, ...] | None = None

    def rows(self, split: str) -> Iterator[Picture]:
        for key, label in self._keys[split]:
            yield Picture(label, key, partial(self._read, self.files[key]))

    def _read(self, path: Path) -> Pixels:
        if path.suffix.lower() not in self.endings:
            raise UserError(f"{path}: not a picture by its name ({', '.join(self.endings)}); move it elsewhere")
        return decoded(np.fromfile(path, dtype=np.uint8), self.colour, str(path))


class HubImages:
    """Pictures in a column of a data set on the hub, and their classes in another."""

    def __init__(self, config: ImageData) -> None:
        self.set = HubSet(config, (config.image, config.label), config.label)
        self.colour = config.colour
        self.splits: tuple[str, ...] = tuple(self.set.splits)
        self.classes = self.set.classes(config.label)
        self.files: dict[str, Path] = {}
        self.identity, self.commit, self.warnings = self.set.identity, self.set.commit, tuple(self.set.warnings)

    def rows(self, split: str) -> Iterator[Picture]:
        for piece in self.set.pieces(split, PICTURES):
            for key, (picture, label) in self.set.rows(split, piece):
                yield Picture("" if label is None else str(label), key, partial(self._read, picture, label, key))

    def _read(self, picture: dict[str, Any] | None, label: Any, key: str) -> Pixels:
        if label is None or picture is None or picture["bytes"] is None:
            raise UserError(f"{key}: a picture without {'a class' if label is None else 'contents'}")
        return decoded(np.frombuffer(picture["bytes"], dtype=np.uint8), self.colour, key)


IMAGE_SOURCES: dict[str, Callable[[ImageData], ImageSource]] = {
    "digits": Digits,
    "idx": Idx,
    "cifar10": Cifar10,
    "folder": ImageFolder,
}


def image_source(config: ImageData) -> ImageSource:
    """The user's own files come first, then the hub."""
    if config.path is None and config.hub is not None:
        return HubImages(config)
    return IMAGE_SOURCES[config.source](config)


def decoded(data: NDArray[np.uint8], colour: str, where: str) -> Pixels:
    """The pixels of a PNG or JPEG file's bytes."""
    from torchvision.io import ImageReadMode, decode_image

    mode = ImageReadMode.GRAY if colour == "grey" else ImageReadMode.RGB
    try:
        picture = decode_image(torch.tensor(data), mode, apply_exif_orientation=True)
    except RuntimeError as error:
        raise UserError(f"{where}: not a readable PNG or JPEG picture ({_first_line(error)})") from error
    if picture.ndim != 3:
        raise UserError(
            f"{where}: {len(picture)} pictures that follow each other (an animation); save the one you want"
        )
    if picture.dtype != torch.uint8:
        raise UserError(f"{where}: a picture of 16 bits to a channel; save it with 8")
    return picture.permute(1, 2, 0).numpy()


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """The array of an idx file of bytes with so many axes, plain or .gz."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or truncated gzip file ({_first_line(error)})") from error
    head = 4 + 4 * axes
    wanted = bytes([0, 0, 8, axes])
    if data[:4] != wanted:
        raise UserError(
            f"{path}: begins with {data[:4].hex() or 'nothing'}, not {wanted.hex()}, the sign of an idx file of bytes "
            f"with {axes} {'axis' if axes == 1 else 'axes'}"
        )
    if len(data) < head:
        raise UserError(f"{path}: ends within its head; truncated")
    shape = struct.unpack(f">{axes}I", data[4:head])
    expected = head + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise UserError(f"{path}: {len(data):,} bytes where its head announces {expected:,}; truncated or damaged")
    return np.frombuffer(data, dtype=np.uint8, offset=head).reshape(shape)


def _numbered(number: int, classes: tuple[str, ...] | None, key: str, where: str, pixels: Pixels) -> Picture:
    """A picture whose class is given by its number."""
    if classes is None:
        return Picture(str(number), key, lambda: pixels)
    if number < len(classes):
        return Picture(classes[number], key, lambda: pixels)

    def refuse() -> Pixels:
        raise UserError(f"{where}: label {number} is outside the {len(classes)} classes {', '.join(classes)}")

    return Picture("", key, refuse)


def _folder(config: ImageData) -> Path:
    if config.path is None:
        raise no_path(config)
    folder = Path(config.path).expanduser()
    if not isdir(folder):
        raise UserError(f"`data.path={config.path}`: no such folder")
    return folder


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
