"""Pictures as sets of patches with row and column, of any size side by side in one batch."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attnlab.config import DataConfig, ImageData
from attnlab.data.contract import Data, Gold, Split
from attnlab.data.files.class_folders import in_class_folders
from attnlab.data.image.given import PictureReader
from attnlab.data.image.pack import PatchSets
from attnlab.data.image.patches import augmented, refuse_beyond, refuse_longer, shown_beside
from attnlab.data.image.prepare import CHANNELS, PreparedPictures, prepare
from attnlab.data.image.source import TARGET, ImageSource, Pixels
from attnlab.data.image.sources import PICTURES
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint
from attnlab.data.prep.coverage import missing_classes
from attnlab.data.prep.crossval import Folds
from attnlab.data.prep.source import no_training, open_source
from attnlab.data.prep.splits import NAMES
from attnlab.disk import make_folder
from attnlab.errors import UserError
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec, Target
from attnlab.targets import StoredAnswers, unseen_labels


class Image(Data):
    """A prepared set of pictures, each of one class. Raises UserError where patches aren't those that a run has learned."""

    def __init__(self, config: ImageData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed = config, seed
        self.channels = CHANNELS[config.colour]
        self.source = open_source(config, ImageSource)
        self.notice, self.commit, self.unnamed = self.source.notice, self.source.commit, self.source.unnamed
        prepared = prepare(config, self.source)
        chosen = prepared.examples(config).chosen(config)
        rows = chosen.rows
        self.fingerprint, self.folder = prepared.name, prepared.folder
        # Other examples are other data; what depends on them, such as baselines, lies apart.
        divided = {"divided": "what can be used"} if chosen.held_out and prepared.left_out else {}
        limit = {} if config.limit is None or not len(rows["train"]) else {"limit": config.limit}
        fold = {} if config.folds is None else {"folds": config.folds, "fold": config.fold}
        others: dict[str, object] = {**prepared.changes, **chosen.settings, **divided, **limit, **fold}
        if others:
            self.fingerprint = fingerprint((), {"prepared": prepared.name} | others)
            self.folder = cache_folder(config.cache) / f"image-{config.name}-{self.fingerprint}"
            make_folder(self.folder)
        self.spec = spec if spec is not None else self._spec(prepared, rows["train"])
        features = config.patch**2 * self.channels
        if self.spec.features != features:
            raise UserError(
                f"`data.patch={config.patch}` with `data.colour={config.colour}` makes patches of {features} numbers; "
                f"the run has learned patches of {self.spec.features}"
            )
        target = self.spec.targets.get(TARGET)
        answers = None if target is None else prepared.labels(target)
        self.splits = {name: ImageSplit(self, prepared, answers, rows[name]) for name in NAMES if len(rows[name])}
        self.warnings = [*self.source.warnings, *prepared.skipped, *chosen.warnings]
        if target is not None and answers is not None:
            counts = {name: answers.counts(rows[name]) for name in self.splits}
            self.warnings += unseen_labels(target, counts, config.name, chosen.held_out)
            self.warnings += missing_classes(target, counts)

    @classmethod
    def unlabelled(cls, config: DataConfig) -> DataConfig:
        assert isinstance(config, ImageData)
        labelled = config.source != "folder" or config.path is None or in_class_folders(config, PICTURES)
        return config if labelled else replace(config, label=None)

    @classmethod
    def folds(cls, config: DataConfig, seed: int) -> Folds:
        assert isinstance(config, ImageData) and config.folds is not None
        source = open_source(config, ImageSource)
        return prepare(config, source).examples(config).folds(config)

    @classmethod
    def reader(cls, config: DataConfig, spec: DataSpec, parts: bool = False) -> PictureReader:
        return PictureReader(config, spec)

    def _spec(self, prepared: PreparedPictures, train: Indices) -> DataSpec:
        """Classes and normalisation of the training pictures. Raises UserError where there are none, or none that a patch fits
        into."""
        if not len(train):
            raise no_training(self.config, self.source, "training pictures")
        sides = [prepared.columns.numbers(name)[train].max() for name in ("height", "width")]
        refuse_beyond(int(max(sides)), self.config)
        counts = prepared.labels().counts(train)
        classes = self.source.classes or tuple(sorted(counts, key=_by_number))
        number, total, squares = prepared.sums(train).astype(np.float64)
        means = total / number
        variances = squares / number - means**2
        return DataSpec(
            modality="image",
            num_coords=2,
            features=self.config.patch**2 * self.channels,
            targets={TARGET: Target("class", classes, tuple(counts.get(name, 0) for name in classes))}
            if classes
            else {},
            vocabularies={},
            feature_mean=tuple(means.tolist()),
            feature_std=tuple(np.sqrt(np.maximum(variances, 1.0)).tolist()),  # plain pictures: one grey level
        )


class ImageSplit(Split):
    """Training, validation or test pictures. rows: their numbers among all that were prepared."""

    def __init__(
        self, data: Image, prepared: PreparedPictures, answers: StoredAnswers | None, rows: Indices
    ) -> None:
        columns = prepared.columns
        self.data, self.rows, self.channels = data, rows, data.channels
        self._pixels, self._answers = columns.ragged("pixels"), answers
        self.heights, self.widths = columns.numbers("height")[rows], columns.numbers("width")[rows]
        self.keys = [prepared.keys[row] for row in rows.tolist()]
        self._patches = PatchSets(self.heights, self.widths, data.config, data.spec)
        self.lengths = self._patches.lengths
        longest = int(self.lengths.argmax())
        refuse_longer(self.keys[longest], int(self.lengths[longest]), data.config)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of pictures -> their patches (N, F) in reading order, with row and column (N, 2); with an epoch,
        of pictures moved and mirrored."""
        inputs = self._patches.pack(indices, lambda members: self._shown(members, epoch))
        targets = {} if self._answers is None else {TARGET: self._answers.take(self.rows[indices])}
        return Batch(inputs, targets, tuple(self.keys[i] for i in indices))

    def shown_beside(self, inputs: VectorSets, hidden: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        return shown_beside(inputs, hidden, self.data.config, self.channels)

    def _shown(self, indices: Indices, epoch: int | None) -> Pixels:
        """Pictures of one size -> (B, height, width, C) bytes; with an epoch, moved and mirrored."""
        pixels = self.pixels(indices)
        if epoch is None:
            return pixels
        config = self.data.config
        return augmented(pixels, indices, self.data.seed, epoch, config.translate, config.flip)

    def pixels(self, indices: Indices) -> Pixels:
        """(B,) numbers of pictures of one size -> (B, height, width, C) bytes, as they are stored."""
        height, width = self.heights[indices[0]], self.widths[indices[0]]
        return self._pixels.take(self.rows[indices]).reshape(len(indices), height, width, self.channels)

    def content(self, i: int) -> bytes:
        """What picture i consists of: equal pictures have equal contents."""
        sides = np.array([self.heights[i], self.widths[i]], dtype=np.int64)
        return sides.tobytes() + self._pixels[int(self.rows[i])].tobytes()

    def show(self, i: int) -> dict[str, object]:
        """The size of picture i; its file and number stand in its key."""
        return {"height": int(self.heights[i]), "width": int(self.widths[i])}

    def picture(self, i: int) -> Pixels:
        """(height, width, C) bytes."""
        return self.pixels(np.array([i]))[0]

    def gold(self, target: str) -> Sequence[Gold]:
        self.data.spec.target(target)
        assert self._answers is not None, "there are such targets"
        return self._answers.gold(self.rows)


def _by_number(label: str) -> tuple[float, str]:
    """The order of labels: numbers by value, before words by alphabet. 1 and 01 are two, whichever comes first in the data."""
    return (float(label), label) if label.isdecimal() else (math.inf, label)
