"""Pictures prepared once: the bytes of each, brought to the wanted channels, and what is known of their pixels."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ImageData, former_names
from attnlab.data.files.bad_rows import FORMERLY_READ, BadRows, FormerlyRead
from attnlab.data.files.names import class_name, noted_class_name
from attnlab.data.image.decode import is_transparent, with_channels
from attnlab.data.image.patches import num_patches, refuse_longer
from attnlab.data.image.source import TARGET, ImageSource, Picture, Pixels
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import ELSEWHERE, cache_folder, fingerprint, prepared
from attnlab.data.prep.splits import NAMES, lacking, too_few, with_held_out
from attnlab.disk import read_json
from attnlab.errors import UserError
from attnlab.schema import Count
from attnlab.spec import Target
from attnlab.targets import StoredAnswers, stored_answers

LATER = {*ELSEWHERE, "patch", "stride", "max_length", "flip", "shift", "image", "label"}
"""Keys, by their former names, that don't change what is prepared: pixels become patches when a batch is made."""
TRANSPARENT = "transparent parts of pictures were laid on white"
CHANNELS = {"grey": 1, "rgb": 3}


def prepare(config: ImageData, source: ImageSource) -> "PreparedPictures":
    """Every picture of a source. Raises UserError where one cannot be used, or a split has none."""
    settings = {name: value for name, value in former_names(config).items() if name not in LATER}
    # In a folder for each class, names are labels.
    settings |= {"files": [*source.files, *source.rules], "identity": source.identity, "limit": None}
    name = fingerprint([*source.files.values(), *source.rules.values()], settings)
    write = _Writer(config, source).write
    return PreparedPictures(name, prepared(cache_folder(config.cache), f"image-{config.name}-{name}", write))


class Meta(TypedDict):
    """meta.json. splits: of each, how often each label occurs. sums: of the training pictures, as `_sums` gives them.
    changes: rules by which pictures are others than an earlier version read."""

    splits: dict[str, dict[str, Count]]
    skipped: list[str]
    changes: list[str]
    labels: list[str]
    sums: list[list[Count]]


class PreparedPictures:
    """The prepared pictures of each split, mapped into memory. `rows` are their numbers within a split."""

    def __init__(self, name: str, folder: Path) -> None:
        self.fingerprint, self.folder = name, folder
        self._meta = read_json(folder / "meta.json", Meta)
        if self._meta["changes"]:
            # A run that an earlier version stopped must not go on with other pixels, or fewer pictures.
            self.fingerprint = fingerprint((), {"prepared": name, "changes": self._meta["changes"]})
        self.splits = {name: Columns(folder / f"{name}.arrow") for name in self._meta["splits"]}
        self.skipped = self._meta["skipped"]

    def labels(self, split: str, target: Target | None = None) -> StoredAnswers:
        """The label of each picture, as one of the classes of a target."""
        return stored_answers(self.splits[split], TARGET, target or Target("class"), self._meta["labels"])

    def training_sums(self, rows: Indices) -> NDArray[np.int64]:
        """(3, C): what `_sums` gives for these training pictures, without reading them again where they are all."""
        total = np.array(self._meta["sums"])
        if len(rows) == len(self.splits["train"]):
            return total
        pixels = self.splits["train"].ragged("pixels")
        return np.sum([_sums(pixels[row].reshape(-1, total.shape[1])) for row in rows], axis=0)


def _sums(pixels: Pixels) -> NDArray[np.int64]:
    """(…, C) -> (3, C): how many pixels there are, their sum and that of their squares."""
    flat = pixels.reshape(-1, pixels.shape[-1])  # never widened as a whole: photographs are large
    squares = np.einsum("nc,nc->c", flat, flat, dtype=np.int64)
    return np.stack([np.full(flat.shape[1], len(flat)), flat.sum(0, dtype=np.int64), squares])


class _Writer:
    """Reads every picture once; labels become numbers in the order in which they appear."""

    def __init__(self, config: ImageData, source: ImageSource) -> None:
        self.config, self.source = config, source
        self.fractions = lacking(config, source.splits)
        self.labels: dict[str, int] = {}
        self.sums = np.zeros((3, CHANNELS[config.colour]), dtype=np.int64)
        self.told = BadRows(config.skip_bad)  # what is done by a rule, in all splits together

    def write(self, folder: Path) -> None:
        """Raises UserError where a picture cannot be used, or a split has none."""
        from datasets import List, Value

        columns = {"pixels": List(Value("uint8")), "height": Value("int32"), "width": Value("int32")}
        columns |= {"label": Value("int32"), "key": Value("string")}
        counts: dict[str, Counter[str]] = {}
        bad: dict[str, BadRows] = {}
        for split in (name for name in NAMES if name in (*self.source.splits, *self.fractions)):
            counts[split], bad[split] = Counter(), BadRows(self.config.skip_bad, f"{split} picture")
            write_rows(folder / f"{split}.arrow", columns, self._rows(split, counts[split], bad[split]))
        if empty := [split for split in counts if not counts[split]]:
            raise UserError(f"data={self.config.name}: {self._why_empty(empty, bad)}")
        skipped = [warning for found in (*bad.values(), self.told) for warning in found.warnings()]
        self.source.refuse_changed()
        meta = {"splits": counts, "skipped": skipped, "labels": list(self.labels), "sums": self.sums.tolist()}
        meta["changes"] = sorted(self.told.changes)
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
        if split in self.fractions:
            return too_few(split, self.fractions[split])
        return f"no pictures in the {split} split"

    def _rows(self, split: str, counts: Counter[str], bad: BadRows) -> Iterator[dict[str, object]]:
        """The pictures of a split as they are stored. counts: of labels, counted up."""
        for picture in self._pictures(split):
            try:
                pixels = self._read(picture)
            except UserError as error:
                bad.found(str(error))
                self.told.changes |= {FORMERLY_READ} if isinstance(error, FormerlyRead) else set()
                continue
            height, width, _ = pixels.shape
            refuse_longer(picture.key, int(num_patches(height, width, self.config)), self.config)
            if split == "train":
                self.sums += _sums(pixels)
            name = noted_class_name(picture.label, self.told, picture.key)
            counts[name] += 1
            label = self.labels.setdefault(name, len(self.labels))
            yield {"pixels": pixels.ravel(), "height": height, "width": width, "label": label, "key": picture.key}

    def _read(self, picture: Picture) -> Pixels:
        """The pixels of a picture in the wanted channels."""
        pixels = picture.read()
        if is_transparent(pixels):
            self.told.note(TRANSPARENT, picture.key)
            self.told.changes.add(TRANSPARENT)
        return with_channels(pixels, self.sums.shape[1])

    def _pictures(self, split: str) -> Iterator[Picture]:
        """The pictures of a split; of one that the source lacks, those of training that are held out for it."""
        if not self.fractions or (split in self.source.splits and split != "train"):
            return self.source.rows(split)
        pairs = zip(self.source.rows("train"), self._divided, strict=True)
        return (picture for picture, split_of in pairs if split_of == split)

    @cached_property
    def _divided(self) -> list[str]:
        """The split of each picture that the source has for training."""
        known = [(picture.key, class_name(picture.label)) for picture in self.source.rows("train")]
        keys, labels = [key for key, _ in known], [label for _, label in known]
        validation, test = (self.fractions.get(name, 0.0) for name in ("validation", "test"))
        return with_held_out([""] * len(keys), keys, validation, test, self.config.split_seed, labels)
