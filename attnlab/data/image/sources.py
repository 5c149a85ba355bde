"""Where pictures come from: files in the formats of their publishers, a folder for each class, the hub, an embedded set."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import numpy as np

from attnlab.config import DataConfig, ImageData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.class_folders import Kind, class_folders, unlabelled_files
from attnlab.data.files.hub import HubSource
from attnlab.data.files.layout import choose, is_packed, left_out, same_contents, split_of
from attnlab.data.files.names import class_name
from attnlab.data.files.walk import few, listed
from attnlab.data.image.decode import decoded, read_idx
from attnlab.data.image.header import other_kind
from attnlab.data.image.source import ImageSource, Picture, Pixels, picture_folder
from attnlab.data.prep.splits import lacking, owner_of, position
from attnlab.errors import UserError
from attnlab.local_files import is_regular, name_text, read_regular
from attnlab.text_files import unreadable

PICTURES = Kind(
    what="pictures",
    read=(".png", ".jpg", ".jpeg"),
    unread=tuple(
        ".gif .webp .bmp .tif .tiff .heic .heif .avif .jp2 .jxl .jfif .svg .ico .tga .ppm .pgm .pnm .raw .dng "
        ".jpe .jif .apng .mpo .j2k .jpx .pbm .psd .exr .dcm .cr2 .cr3 .nef .arw".split()
    ),
)
HUB_ROWS = 256
"""Pictures of a data set on the hub that are in memory together."""


class Digits(ImageSource):
    """`data=digits`: 1,797 real handwritten digits, 8×8, of 17 grey levels, which scikit-learn carries.

    They are the test part of Alpaydin & Kaynak's "Optical Recognition of Handwritten Digits" (1998), in its order.
    Of seven pictures in a row, the first four train (1,028), the fifth validates (257), the last two test (512):
    the same 13 writers are in all three, and seven has no common rhythm with the file's runs from 0 to 9.
    """

    splits = ("train", "validation", "test")
    classes = tuple("0123456789")
    of_seven: ClassVar = {"train": (0, 1, 2, 3), "validation": (4,), "test": (5, 6)}
    rules: ClassVar = {
        # Of the file that `of_seven` once stood in. Change it when other pictures are in a split.
        "split": bytes.fromhex(
            "715ccc614cdc67a9bba012f8b6763b0443c43631639402e97289cec6a804ab8a"
            "00fcba29244172067b92b193831b6cd8266435ae193735541964c865acac04ed"
        )
    }

    def __init__(self, config: DataConfig) -> None:
        sklearn = find_spec("sklearn")
        assert sklearn is not None and sklearn.origin is not None, "a dependency"
        self.files = {"digits": Path(sklearn.origin).parent / "datasets" / "data" / "digits.csv.gz"}

    def rows(self, split: str) -> Iterator[Picture]:
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        images = images.reshape(-1, 8, 8, 1).astype(np.uint8)
        for i in range(len(images)):
            if i % 7 in self.of_seven[split]:
                yield Picture(str(labels[i]), f"digits:{i}", partial(images.__getitem__, i))


class HubImages(HubSource, ImageSource):
    """Pictures in a column of a data set on the hub, and their classes in another."""

    def __init__(self, config: ImageData) -> None:
        assert config.label is not None, "a label is refused to be missing"
        super().__init__(config, (config.image, config.label), config.label)
        classes = self.set.classes(config.label)
        self.colour, self.column = config.colour, config.image
        self.classes = None if classes is None else tuple(dict.fromkeys(map(class_name, classes)))
        self.identity += _chosen_by_content(config, self.splits)

    def rows(self, split: str) -> Iterator[Picture]:
        for piece in self.set.pieces(split, HUB_ROWS):
            for key, (picture, label) in self.set.rows(split, piece):
                name, contents, changes = "" if label is None else str(label), self._contents(picture), set[str]()
                read = partial(self._read, picture, label, key, changes)
                yield Picture(name, key, read, owner_of(contents or b""), changes)

    def _contents(self, picture: object) -> bytes | None:
        """The bytes of a picture's file, from a column of pictures or of plain bytes; None where a cell has none."""
        if isinstance(picture, bytes):
            return picture
        return picture.get("bytes") if isinstance(picture, dict) else None

    def _without_contents(self, picture: object) -> str:
        """What a cell is that has no bytes of a picture."""
        if isinstance(picture, dict) and picture.get("path"):
            return (
                f"only the path of a picture, {few([str(picture['path'])])}, without its contents; download the data set, and "
                "give its folder by `data.path=`"
            )
        if picture is None or isinstance(picture, dict):
            return "a picture without contents"
        what = "text" if isinstance(picture, str) else "a list" if isinstance(picture, list) else "a number"
        return f"{what} in column `{self.column}`, where a picture is wanted; give the column of pictures by `data.image=`"

    def _read(self, picture: object, label: object, key: str, changes: set[str]) -> Pixels:
        data = self._contents(picture)
        if data is None:
            raise UserError(f"{key}: {self._without_contents(picture)}")
        if label is None:
            raise UserError(f"{key}: a picture without a class")
        return decoded(np.frombuffer(data, dtype=np.uint8), self.colour, key, changes)


class Idx(ImageSource):
    """Files in LeCun's idx format, train-images-idx3-ubyte and train-labels-idx1-ubyte, t10k-… or test-…, plain or .gz; with
    `.idx` for `-idx`, too, as some programs unpack them. Raises UserError where one is missing, or unlike the other."""

    has_names = True
    hub = HubImages
    images: ClassVar = "-images-idx3-ubyte"
    labels: ClassVar = "-labels-idx1-ubyte"

    def __init__(self, config: ImageData) -> None:
        folder = picture_folder(config)
        self.classes = _distinct(config.classes, f"`data.classes={config.classes}`") if config.classes else None
        there = _unpacked_names(folder, (self.images, self.labels))
        prefixes = list(dict.fromkeys(name[: -len(self.images)] for name in there))
        self.prefixes = choose(config, prefixes, "sets", _idx_split)
        self.warnings = left_out(config, prefixes, self.prefixes, _idx_split)
        self.splits = tuple(self.prefixes)
        if not {"train", "test"} & self.prefixes.keys():
            told = "".join(f"; {warning}" for warning in self.warnings)
            wanted = f"no train{self.images} and no t10k{self.images}"
            seen = "" if told else f"; seen are {few(path.name for path in listed(folder)) or 'no files'}"
            raise UserError(f"`data.path={config.path}`: {wanted} there, plain or .gz{told or seen}")
        self.files = {}
        for prefix in self.prefixes.values():
            names = [prefix + self.images, prefix + self.labels]
            paths = {name: there[name] for name in names if name in there}
            if missing := [name for name in names if name not in paths]:
                raise UserError(f"{folder / missing[0]}: missing, plain or .gz, beside {', '.join(paths)}")
            self.files |= paths
        self.identity += _chosen_by_content(config, self.splits)

    def rows(self, split: str) -> Iterator[Picture]:
        image_name = self.prefixes[split] + self.images
        image_file, label_file = self.files[image_name], self.files[self.prefixes[split] + self.labels]
        images, labels = read_idx(image_file, axes=3)[..., None], read_idx(label_file, axes=1)
        if len(images) != len(labels):
            counts = f"{len(labels):,} labels for {len(images):,} pictures"
            raise UserError(f"{label_file}: {counts} in {image_file.name}")
        _, height, width, _ = images.shape
        if 0 in (height, width):
            raise UserError(f"{image_file}: pictures of {height} × {width} pixels")
        for i, number in enumerate(labels.tolist()):
            yield _numbered(number, self.classes, f"{image_name}:{i}", f"{label_file}:{i}", images[i])


class Cifar10(ImageSource):
    """The binary version of CIFAR-10 (Krizhevsky 2009): 10,000 records to a file, a label and 32×32 of each colour. Raises
    UserError where a file is missing or damaged."""

    hub = HubImages
    splits = ("train", "test")
    record = 1 + 3 * 32 * 32
    names: ClassVar = {"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]}

    def __init__(self, config: ImageData) -> None:
        folder = picture_folder(config)
        if not is_regular(folder / "data_batch_1.bin") and is_regular(folder / "data_batch_1"):
            raise UserError(
                f"{folder / 'data_batch_1'}: the python version of CIFAR-10 is made of pickles, which are programs "
                "and never opened here; use the binary version, whose files end in .bin"
            )
        self.files = {n: folder / n for n in ("batches.meta.txt", *self.names["train"], *self.names["test"])}
        if missing := [name for name, path in self.files.items() if not is_regular(path)]:
            if is_regular(folder / "fine_label_names.txt"):
                raise UserError(
                    f"`data.path={config.path}`: these are the files of CIFAR-100, which are not read; give the folder "
                    "cifar-10-batches-bin of CIFAR-10"
                )
            raise UserError(
                f"`data.path={config.path}`: no {missing[0]} there; the binary version of CIFAR-10 has it in the folder "
                "cifar-10-batches-bin"
            )
        others = [path.name for path in listed(folder) if path.suffix == ".bin" and path.name not in self.files]
        if others:
            self.warnings = (f"{folder}: left out: {few(others)}; CIFAR-10 has no such file",)
        names = self.files["batches.meta.txt"]
        text = read_regular(names).decode(errors="surrogateescape")
        if problem := unreadable(text):
            raise UserError(f"{names}: {problem}")
        lines = text.removeprefix("\ufeff").rstrip().split("\n")
        if lines == [""]:
            raise UserError(f"{names}: no names of classes in it; write one on each line")
        self.classes = _distinct(lines, str(names))
        if self.classes != tuple(text.split()):  # earlier versions took each word for a class
            self.identity = "a class on each line"
        self.identity += _chosen_by_content(config, self.splits)

    def rows(self, split: str) -> Iterator[Picture]:
        for name in self.names[split]:
            path = self.files[name]
            data = np.frombuffer(read_regular(path), dtype=np.uint8)
            if not len(data):
                raise UserError(f"{path}: an empty file, of 0 bytes; CIFAR-10 has pictures in each")
            if len(data) % self.record:
                size = f"{len(data):,} bytes, no multiple of a record's {self.record:,}"
                kind = other_kind(data[:64].tobytes())
                if not len(data) % (self.record + 1):
                    kind = "records of CIFAR-100, which have two labels, are not read"
                raise UserError(f"{path}: {size}; {kind or 'truncated?'}")
            for i, record in enumerate(data.reshape(-1, self.record)):
                pixels = record[1:].reshape(3, 32, 32).transpose(1, 2, 0)
                yield _numbered(int(record[0]), self.classes, f"{name}:{i}", f"{path}:{i}", pixels)


class ImageFolder(ImageSource):
    """A folder for each class with PNG and JPEG pictures of any size, below train/, validation/ and test/ or not; they
    come in the order of a hash of their names."""

    needs = "a folder that holds a folder for each class"
    has_names = True
    hub = HubImages

    def __init__(self, config: ImageData) -> None:
        root = picture_folder(config)
        found = unlabelled_files(config, PICTURES) if config.label is None else class_folders(config, PICTURES)
        self.colour, self.files = config.colour, {}
        bad = BadRows(config.skip_bad, "picture")
        for problem in (PICTURES.problem(path) for files in found.splits.values() for path, _ in files):
            if problem:
                bad.found(problem)
        self.warnings, self.identity = (*found.warnings, *bad.warnings()), found.identity
        self._labels: dict[str, list[tuple[str, str]]] = {}  # of each split: (key, label) of its pictures
        for split, files in found.splits.items():
            readable = [(path, label) for path, label in files if not PICTURES.problem(path)]
            keyed = {name_text(path.relative_to(root).as_posix()): (path, label) for path, label in readable}
            self.files |= {key: path for key, (path, _) in keyed.items()}
            labels = [(key, label) for key, (_, label) in keyed.items()]
            self._labels[split or "train"] = sorted(labels, key=lambda item: position(item[0]))
        self.splits = tuple(self._labels)

    def rows(self, split: str) -> Iterator[Picture]:
        for key, label in self._labels[split]:
            changes = set[str]()
            yield Picture(label, key, partial(self._read, self.files[key], changes), changes=changes)

    def _read(self, path: Path, changes: set[str]) -> Pixels:
        if not (data := read_regular(path)):
            raise UserError(f"{path}: an empty file, of 0 bytes")
        return decoded(np.frombuffer(data, dtype=np.uint8), self.colour, str(path), changes)


def _unpacked_names(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder with such names, plain or .gz, by their names without .gz and with `-idx` for `.idx`. Raises
    UserError where two of one name differ."""
    found: dict[str, Path] = {}
    for path in listed(folder):
        name = re.sub(r"\.(idx\d-ubyte)$", r"-\1", path.name.removesuffix(".gz"))
        if name.endswith(endings) and is_regular(path):
            if name in found and not _same(found[name], path):
                raise UserError(f"{folder}: {found[name].name} and {path.name} differ; keep one")
            found[name] = path
    return found


def _same(one: Path, other: Path) -> bool:
    """Whether two files hold the same, of which one may be packed."""
    if is_packed(one) == is_packed(other):
        return read_regular(one) == read_regular(other)
    return same_contents(*sorted((one, other), key=is_packed))


def _distinct(names: Sequence[str], location: str) -> tuple[str, ...]:
    """The names of classes 0, 1, …, as `class_name` has them. Raises UserError where one is blank, or stands for two."""
    numbers: dict[str, int] = {}
    for number, name in enumerate(map(class_name, names)):
        if not name:
            raise UserError(f"{location}: no name for class {number}; give each class one")
        if (first := numbers.setdefault(name, number)) != number:
            raise UserError(
                f"{location}: `{name}` for class {first} and for class {number}; give each class a name of its own"
            )
    return tuple(numbers)


def _idx_split(prefix: str) -> str | None:
    """The split that the beginning of a file's name stands for."""
    return "test" if prefix == "t10k" else split_of(prefix)


def _chosen_by_content(config: ImageData, splits: Collection[str]) -> str:
    """Said by a source's `identity` where pictures are chosen, held out or for `data.limit`: by contents, and not by their
    number, as earlier versions did."""
    return " held out by content" if lacking(config, splits) or config.limit is not None else ""


def _numbered(number: int, classes: tuple[str, ...] | None, key: str, location: str, pixels: Pixels) -> Picture:
    """A picture whose class is given by its number; its pixels own it."""
    owner = owner_of(pixels.tobytes())
    if classes is None:
        return Picture(str(number), key, lambda: pixels, owner)
    if number < len(classes):
        return Picture(classes[number], key, lambda: pixels, owner)

    def refuse() -> Pixels:
        raise UserError(f"{location}: label {number} is outside the {len(classes)} classes {', '.join(classes)}")

    return Picture("", key, refuse)
