"""Pictures prepared once: the bytes of each, brought to the wanted channels, and what is known of their pixels."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ImageData, former_names
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.names import FileNames
from attnlab.data.image.decode import with_channels
from attnlab.data.image.patches import num_patches, refuse_longer
from attnlab.data.image.source import TARGET, ImageSource, Pixels
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import ELSEWHERE, cache_folder, fingerprint, prepared
from attnlab.data.prep.held_out import Division, divide_named
from attnlab.data.prep.splits import NAMES, lacking, too_few
from attnlab.disk import read_json
from attnlab.errors import UserError
from attnlab.spec import Target
from attnlab.targets import StoredAnswers, stored_answers

LATER = {*ELSEWHERE, "patch", "stride", "max_length", "flip", "shift", "image", "label"}
"""Keys, by their former names, that don't change what is prepared: pixels become patches when a batch is made."""
CHANNELS = {"grey": 1, "rgb": 3}


def prepare(config: ImageData, source: ImageSource) -> "PreparedPictures":
    """Every picture of a source. Raises UserError where one cannot be used, or a split has none."""
    settings = {name: value for name, value in former_names(config).items() if name not in LATER}
    # In a folder for each class, names are labels.
    settings |= {"files": [*source.files, *source.rules], "identity": source.identity, "limit": None}
    name = fingerprint([*source.files.values(), *source.rules.values()], settings)
    folder = prepared(cache_folder(config.cache), f"image-{config.name}-{name}", _Writer(config, source).write)
    return PreparedPictures(name, folder, FileNames(source.files))


class PreparedPictures:
    """The prepared pictures of each split, mapped into memory. `rows` are their numbers within a split."""

    def __init__(self, name: str, folder: Path, names: FileNames) -> None:
        self.name, self.folder = name, folder
        self._meta = read_json(folder / "meta.json")
        self.splits = {name: Columns(folder / f"{name}.arrow") for name in self._meta["splits"]}
        self.skipped = [names.shown(warning) for warning in self._meta["skipped"]]

    def labels(self, split: str, target: Target | None = None) -> StoredAnswers:
        """The label of each picture, as one of the classes of a target."""
        return stored_answers(self.splits[split], TARGET, target or Target("class"), self._meta["labels"])

    def training_sums(self, rows: Indices) -> NDArray[np.int64]:
        """(3, C): how many pixels these training pictures have, their sum and that of their squares."""
        columns = self.splits["train"]
        pixels = (columns.numbers("height")[rows].astype(np.int64) * columns.numbers("width")[rows]).sum()
        sums = columns.ragged("sums").take(rows).reshape(len(rows), 2, -1).sum(axis=0)
        return np.concatenate([np.full((1, sums.shape[1]), pixels), sums])

    @property
    def owned(self) -> bool:
        """Whether training pictures go by another owner than their key."""
        columns = self.splits["train"]
        return columns.strings("owner") != columns.strings("key")

    def divide(self, config: ImageData, given: Sequence[str]) -> tuple[dict[str, tuple[str, Indices]], Division]:
        """By split, the prepared file that it is taken from and its rows there; given: the source's splits. Pictures that
        were left out count for nothing. Raises UserError where a split that the source lacks would be empty."""
        whole = {name: (name, np.arange(len(columns))) for name, columns in self.splits.items()}
        fractions = lacking(config, given)
        if not fractions:
            return whole, Division(np.zeros(0, dtype=np.int8))
        owners, labels = self.splits["train"].strings("owner"), self.labels("train").gold()
        division = divide_named(owners, list(map(str, labels)), fractions, config.split_seed)
        held_out = {n: ("train", np.flatnonzero(division.splits == NAMES.index(n))) for n in ("train", *fractions)}
        for name, fraction in fractions.items():
            if not len(held_out[name][1]):
                raise UserError(f"data={config.name}: {too_few(name, fraction)}")
        both = whole | held_out
        left_out = {"divided": "what can be used"} if self._meta["left_out"] else {}
        settings = division.settings | left_out
        return {name: both[name] for name in NAMES if name in both}, replace(division, settings=settings)


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
        skipped, left_out, names = list[str](), 0, FileNames(self.source.files)
        splits = [name for name in NAMES if name in self.source.splits]
        for split in splits:
            bad = BadRows(self.config.skip_bad, f"{split} picture")
            if write_rows(folder / f"{split}.arrow", columns, self._rows(split, bad)) == 0:
                raise UserError(f"data={self.config.name}: no pictures in the {split} split")
            skipped += [names.stored(warning) for warning in bad.warnings()]
            left_out += bad.count if split == "train" else 0
        meta = {"splits": splits, "skipped": skipped, "left_out": left_out, "labels": list(self.labels)}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _rows(self, split: str, bad: BadRows) -> Iterator[dict[str, object]]:
        """The pictures of a split as they are stored."""
        for picture in self.source.rows(split):
            try:
                pixels = with_channels(picture.read(), CHANNELS[self.config.colour])
            except UserError as error:
                bad.found(str(error))
                continue
            height, width, _ = pixels.shape
            refuse_longer(picture.key, int(num_patches(height, width, self.config)), self.config)
            label = self.labels.setdefault(picture.label, len(self.labels))
            yield {
                "pixels": pixels.ravel(), "height": height, "width": width, "label": label, "key": picture.key,
                "owner": picture.owner or picture.key, "sums": _sums(pixels).ravel(),
            }  # fmt: skip
