"""Pictures prepared once: the bytes of each, brought to the wanted channels, and what is known of their pixels."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ImageData, former_names
from attnlab.data.files.bad_rows import FORMERLY_READ, BadRows, FormerlyRead
from attnlab.data.files.file_names import FileNames
from attnlab.data.files.names import noted_class_name
from attnlab.data.image.decode import is_transparent, with_channels
from attnlab.data.image.patches import num_patches, refuse_longer
from attnlab.data.image.source import TARGET, ImageSource, Picture, Pixels
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.assign import Examples
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import ELSEWHERE, cache_folder, fingerprint, prepared
from attnlab.data.prep.splits import NAMES, Named, positions_of
from attnlab.disk import read_json
from attnlab.errors import UserError
from attnlab.schema import Count
from attnlab.spec import Target
from attnlab.targets import StoredAnswers, stored_answers

LATER = {*ELSEWHERE, "patch", "stride", "max_length", "flip", "shift", "image", "label", "folds", "fold"}
"""Keys, by their former names, that don't change what is prepared: pixels become patches when a batch is made."""
TRANSPARENT = "transparent parts of pictures were laid on white"
CHANNELS = {"grey": 1, "rgb": 3}


def prepare(config: ImageData, source: ImageSource) -> "PreparedPictures":
    """Every picture of a source. Raises UserError where one cannot be used, or a split has none."""
    settings = {name: value for name, value in former_names(config).items() if name not in LATER}
    # In a folder for each class, names are labels.
    settings |= {"files": [*source.files, *source.rules], "identity": source.identity, "limit": None}
    name = fingerprint([*source.files.values(), *source.rules.values()], settings)
    folder = prepared(cache_folder(config.cache), f"image-{config.name}-{name}", _Writer(config, source).write)
    return PreparedPictures(name, folder, FileNames(source.files))


class Meta(TypedDict):
    """meta.json. skipped: warnings. left_out: bad pictures of the training files. changes: rules by which pictures are others
    than an earlier version read."""

    splits: list[str]
    skipped: list[str]
    left_out: Count
    changes: list[str]
    labels: list[str]


class PreparedPictures:
    """The prepared pictures of all splits, mapped into memory one after the other. `rows` are their numbers."""

    def __init__(self, name: str, folder: Path, names: FileNames) -> None:
        self.name, self.folder = name, folder
        self._meta = read_json(folder / "meta.json", Meta)
        self.columns = Columns(*(folder / f"{name}.arrow" for name in self._meta["splits"]))
        self.keys = self.columns.strings("key")
        self.skipped = [names.shown(warning) for warning in self._meta["skipped"]]
        self.changes = {"changes": self._meta["changes"]} if self._meta["changes"] else {}
        """A part of the fingerprint where earlier versions read other pictures."""

    def labels(self, target: Target | None = None) -> StoredAnswers:
        """The label of each picture, as one of the classes of a target."""
        return stored_answers(self.columns, TARGET, target or Target("class"), self._meta["labels"])

    def sums(self, rows: Indices) -> NDArray[np.int64]:
        """(3, C): how many pixels these pictures have, their sum and that of their squares."""
        columns = self.columns
        pixels = (columns.numbers("height")[rows].astype(np.int64) * columns.numbers("width")[rows]).sum()
        sums = columns.ragged("sums").take(rows).reshape(len(rows), 2, -1).sum(axis=0)
        return np.concatenate([np.full((1, sums.shape[1]), pixels), sums])

    def examples(self, config: ImageData) -> Examples:
        """What the splits depend on. Pictures that were left out count for nothing."""
        given, owners = self._meta["splits"], self.columns.strings("owner")
        numbers = self.columns.numbers("label").astype(np.int64)
        return Examples(
            keys=self.keys,
            splits=np.repeat(np.array([NAMES.index(name) for name in given], dtype=np.int8), self.columns.sizes),
            given=given,
            positions=positions_of(owners, config.split_seed),
            classes=Named(numbers, self._meta["labels"]),
            limit_settings={} if owners == self.keys else {"limited": "by content"},
        )

    @property
    def left_out(self) -> bool:
        """Whether bad pictures of the training files were left out."""
        return self._meta["left_out"] > 0


def _sums(pixels: Pixels) -> NDArray[np.int64]:
    """(…, C) -> (2, C): the sum of the pixels and that of their squares."""
    flat = pixels.reshape(-1, pixels.shape[-1])  # never widened as a whole: photographs are large
    squares = np.einsum("nc,nc->c", flat, flat, dtype=np.int64)
    return np.stack([flat.sum(0, dtype=np.int64), squares])


class _Writer:
    """Reads every picture once; labels become numbers in the order in which they appear."""

    def __init__(self, config: ImageData, source: ImageSource) -> None:
        self.config, self.source = config, source
        self.labels: dict[str, int] = {}
        self.told = BadRows(config.skip_bad)  # what is done by a rule, in all splits together

    def write(self, folder: Path) -> None:
        """Raises UserError where a picture cannot be used, or a split has none."""
        from datasets import List, Value

        columns = {"pixels": List(Value("uint8")), "height": Value("int32"), "width": Value("int32")}
        columns |= {
            "label": Value("int32"),
            "key": Value("string"),
            "owner": Value("string"),
            "sums": List(Value("int64")),
        }
        names = FileNames(self.source.files)
        bad = {
            name: BadRows(self.config.skip_bad, f"{name} picture") for name in NAMES if name in self.source.splits
        }
        counts = {
            split: write_rows(folder / f"{split}.arrow", columns, self._rows(split, bad[split])) for split in bad
        }
        if empty := [split for split, count in counts.items() if not count]:
            raise UserError(f"data={self.config.name}: {self._why_empty(empty, bad)}")
        self.source.refuse_changed()
        skipped = [names.stored(warning) for found in (*bad.values(), self.told) for warning in found.warnings()]
        meta = Meta(
            splits=list(bad), skipped=skipped, left_out=bad["train"].count if "train" in bad else 0,
            changes=sorted(self.told.changes), labels=list(self.labels),
        )  # fmt: skip
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _why_empty(self, empty: list[str], bad: dict[str, BadRows]) -> str:
        """Why there are no pictures in these splits; bad: what could not be used of each split."""
        split = empty[0]
        if len(empty) == len(bad) and any(found.count for found in bad.values()):
            everything = BadRows(self.config.skip_bad, "picture")
            for found in bad.values():
                everything.merge(found)
            return f"no picture can be used; {everything.summary()}"
        if bad[split].count:
            return f"no picture of the {split} split can be used; {bad[split].summary()}"
        return f"no pictures in the {split} split"

    def _rows(self, split: str, bad: BadRows) -> Iterator[dict[str, object]]:
        """The pictures of a split as they are stored."""
        for picture in self.source.rows(split):
            try:
                pixels = self._read(picture)
            except UserError as error:
                bad.found(str(error))
                self.told.changes |= {FORMERLY_READ} if isinstance(error, FormerlyRead) else set()
                continue
            height, width, _ = pixels.shape
            refuse_longer(picture.key, int(num_patches(height, width, self.config)), self.config)
            label = self.labels.setdefault(
                noted_class_name(picture.label, self.told, picture.key), len(self.labels)
            )
            yield {
                "pixels": pixels.ravel(), "height": height, "width": width, "label": label, "key": picture.key,
                "owner": picture.owner or picture.key, "sums": _sums(pixels).ravel(),
            }  # fmt: skip

    def _read(self, picture: Picture) -> Pixels:
        """The pixels of a picture in the wanted channels."""
        pixels = picture.read()
        if is_transparent(pixels):
            self.told.note(TRANSPARENT, picture.key)
            self.told.changes.add(TRANSPARENT)
        self.told.changes |= picture.changes
        return with_channels(pixels, CHANNELS[self.config.colour])
