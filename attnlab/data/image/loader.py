"""Pictures as sets of patches with row and column, of any size side by side in one batch."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.config import ImageData, former_names
from attnlab.data.contract import Data, Split
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.image.patches import _coloured, _length, _natural, _refuse_longer, augmented, patches
from attnlab.data.image.sources import Picture, Pixels, image_source
from attnlab.data.prep.answers import unseen_labels
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.data.prep.splits import NAMES, lacking, too_few, with_held_out
from attnlab.errors import UserError
from attnlab.sets import Batch, Example, Layout, VectorSets
from attnlab.spec import DataSpec, Target

LATER = {"cache", "path", "patch", "stride", "max_length", "flip", "shift"}


LATER |= {"origin", "licence", "hub", "config", "revision", "image", "label"}
"""Keys that don't change what is prepared: pixels become patches when a batch is made."""


class Image(Data):
    """A prepared set of pictures, each of one class.

    spec: of the data themselves, or that of a run, whose classes and normalisation then hold.
    """

    notice = ""

    def __init__(self, config: ImageData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed = config, seed
        self.channels = 1 if config.colour == "grey" else 3
        self.source = image_source(config)
        self.commit = self.source.commit
        self.shares = lacking(config, self.source.splits)
        settings = {name: value for name, value in former_names(config).items() if name not in LATER}
        # In a folder for each class, names are labels.
        settings |= {"files": list(self.source.files), "identity": self.source.identity}
        self.fingerprint = fingerprint(self.source.files.values(), settings)
        self.folder = prepared(cache_folder(config.cache), f"image-{config.name}-{self.fingerprint}", self._write)
        meta = json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))
        self.labels: list[str] = meta["labels"]
        self.spec = spec if spec is not None else self._spec(meta)
        features = config.patch**2 * self.channels
        if self.spec.features != features:
            raise UserError(
                f"`data.patch={config.patch}` with `data.colour={config.colour}` makes patches of {features} numbers; "
                f"the run has learned patches of {self.spec.features}"
            )
        unseen = unseen_labels("class", self.spec.targets["label"], meta["splits"], config.name, self.shares)
        self.warnings = [*self.source.warnings, *meta["skipped"], *unseen]
        self.splits = {name: ImageSplit(self, name) for name in meta["splits"]}

    def _write(self, folder: Path) -> None:
        """Read every picture once, as bytes; labels become numbers in the order in which they appear."""
        from datasets import List, Value

        columns = {"pixels": List(Value("uint8")), "height": Value("int32"), "width": Value("int32")}
        columns |= {"label": Value("int32"), "key": Value("string")}
        labels: dict[str, int] = {}
        meta: dict[str, Any] = {"splits": {}, "skipped": []}
        sums = np.zeros((3, self.channels), dtype=np.int64)  # pixels in training, their sum and that of squares

        def encoded(split: str) -> Iterator[dict[str, Any]]:
            for picture in self._rows(split):
                try:
                    pixels = _coloured(picture.read(), self.channels)
                except UserError as error:
                    bad.found(str(error))
                    continue
                height, width, _ = pixels.shape
                _refuse_longer(picture.key, int(_length(height, width, self.config)), self.config)
                if split == "train":
                    if counts.total() == self.config.limit:
                        return
                    flat = pixels.reshape(-1, self.channels)  # never widened whole: photographs are large
                    squares = np.einsum("nc,nc->c", flat, flat, dtype=np.int64)
                    sums[:] += np.stack([np.full(self.channels, len(flat)), flat.sum(0, dtype=np.int64), squares])
                counts[picture.label] += 1
                label = labels.setdefault(picture.label, len(labels))
                yield {
                    "pixels": pixels.ravel(),
                    "height": height,
                    "width": width,
                    "label": label,
                    "key": picture.key,
                }

        for split in self._split_names():
            counts, bad = Counter[str](), BadRows(self.config.skip_bad, f"{split} picture")
            if write_rows(folder / f"{split}.arrow", columns, encoded(split)) == 0:
                held_out = split in self.shares
                reason = too_few(split, self.shares[split]) if held_out else f"no pictures in the {split} split"
                raise UserError(f"data={self.config.name}: {reason}")
            meta["skipped"] += [bad.summary()] if bad.count else []
            meta["splits"][split] = dict(counts)
        meta |= {"labels": list(labels), "sums": sums.tolist()}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _split_names(self) -> list[str]:
        return [name for name in NAMES if name in (*self.source.splits, *self.shares)]

    def _rows(self, split: str) -> Iterator[Picture]:
        """The pictures of a split; of one that the source lacks, those of training that are held out for it."""
        if not self.shares or (split in self.source.splits and split != "train"):
            yield from self.source.rows(split)
            return
        for picture, own in zip(self.source.rows("train"), self._divided, strict=True):
            if own == split:
                yield picture

    @cached_property
    def _divided(self) -> list[str]:
        """The split of each picture that the source has for training."""
        known = [(picture.key, picture.label) for picture in self.source.rows("train")]
        keys, labels = [key for key, _ in known], [label for _, label in known]
        validation, test = (self.shares.get(name, 0.0) for name in ("validation", "test"))
        return with_held_out([""] * len(keys), keys, validation, test, self.config.split_seed, labels)

    def _spec(self, meta: dict[str, Any]) -> DataSpec:
        """Classes and normalisation, from the training split only."""
        if "train" not in meta["splits"]:
            raise UserError(f"data={self.config.name}: there are no training pictures to learn from")
        counts = meta["splits"]["train"]
        classes = self.source.classes or tuple(sorted(counts, key=_natural))
        number, total, squares = np.array(meta["sums"], dtype=np.float64)
        means = total / number
        variances = squares / number - means**2
        return DataSpec(
            modality="image",
            num_coords=2,
            features=self.config.patch**2 * self.channels,
            targets={"label": Target("class", classes, tuple(counts.get(name, 0) for name in classes))},
            vocabularies={},
            feature_mean=tuple(means.tolist()),
            feature_std=tuple(np.sqrt(np.maximum(variances, 1.0)).tolist()),  # plain pictures: one grey level
        )


class ImageSplit(Split):
    """Training, validation or test pictures."""

    def __init__(self, data: Image, name: str) -> None:
        self.data, self.name = data, name
        columns = Columns(data.folder / f"{name}.arrow")
        self._pixels = columns.ragged("pixels")
        self.heights, self.widths = columns.numbers("height"), columns.numbers("width")
        self._labels = columns.numbers("label")
        self.keys = columns.strings("key")
        self.patch, self.stride = data.config.patch, data.config.stride or data.config.patch
        self.lengths: NDArray[np.int64] = _length(self.heights.astype(np.int64), self.widths, data.config)
        longest = int(self.lengths.argmax())
        _refuse_longer(self.keys[longest], int(self.lengths[longest]), data.config)
        ids = {label: i for i, label in enumerate(data.spec.targets["label"].classes)}
        self._class_of_label = np.array([ids.get(label, -1) for label in data.labels], dtype=np.int64)
        self._means = np.array(data.spec.feature_mean, dtype=np.float32)
        self._rates = (1 / np.array(data.spec.feature_std)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> Example:
        """One picture alone, as it is evaluated."""
        batch = self.batch(np.array([i]))
        return Example(batch.inputs, batch.targets, self.keys[i])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """These pictures as packed patches, in reading order. With an epoch they are moved and mirrored."""
        layout = Layout.of(self.lengths[indices].tolist())
        values = np.empty((layout.size, self.patch**2 * self.data.channels), dtype=np.float32)
        coords = np.empty((layout.size, 2), dtype=np.float32)
        starts = np.array(layout.starts[:-1])
        sizes = self.heights[indices].astype(np.int64) << 32 | self.widths[indices]
        for size in np.unique(sizes):
            # Pictures of one size are computed together; their rows lie anywhere in the batch.
            members = np.flatnonzero(sizes == size)
            found, places = patches(self._decoded(indices[members], epoch), self.patch, self.stride)
            rows = starts[members][:, None] + np.arange(len(places))
            values[rows], coords[rows] = found, places
        inputs = VectorSets(torch.from_numpy(values), layout, torch.from_numpy(coords))
        label = torch.from_numpy(self._class_of_label[self._labels[indices]])
        return Batch(inputs, {"label": label}, tuple(self.keys[i] for i in indices))

    def _decoded(self, indices: Indices, epoch: int | None) -> NDArray[np.float32]:
        """Pictures of one size as numbers of mean 0 and spread 1 over the training data: (B, height, width, C)."""
        pixels = self.pixels(indices)
        if epoch is not None:
            config = self.data.config
            pixels = augmented(pixels, indices, self.data.seed, epoch, shift=config.translate, flip=config.flip)
        return (pixels - self._means) * self._rates

    def pixels(self, indices: Indices) -> Pixels:
        """Pictures of one size as they are kept: (B, height, width, C) bytes."""
        height, width = self.heights[indices[0]], self.widths[indices[0]]
        return self._pixels.take(indices).reshape(len(indices), height, width, self.data.channels)

    def content(self, i: int) -> bytes:
        """What picture i consists of: equal pictures have equal contents."""
        return bytes([self.heights[i] % 256, self.widths[i] % 256]) + self._pixels[i].tobytes()

    def show(self, i: int) -> dict[str, Any]:
        """The size of picture i; its file and number stand in its key."""
        return {"height": int(self.heights[i]), "width": int(self.widths[i])}

    def picture(self, i: int) -> Pixels:
        """Picture i itself."""
        return self.pixels(np.array([i]))[0]

    def gold(self, target: str) -> list[str]:
        """The right class of each picture."""
        assert target == "label"
        return [self.data.labels[label] for label in self._labels]

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        return {}

    def ceiling(self) -> float | None:
        """Unknown: nobody knows how many real pictures can be read."""
        return None
