"""Keys of `data=` that every data set has."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from attnlab.config.keys import LARGEST, key
from attnlab.registry import LOADERS, SourceRegistry


@dataclass
class DataConfig:
    """What is known of any data set, and which of its examples are trained on."""

    sources: ClassVar[SourceRegistry]
    """Where `source` is looked up; of loaders that have sources."""

    name: str = key("???", "the data set's name")
    loader: str = key("???", "which loader reads it", choices=LOADERS)
    source: str = key("", "where the examples come from")
    origin: str | None = key(
        None, "where to get the data; shown by `attnlab data`, and where the data are missing"
    )
    licence: str | None = key(None, "licence of the data, as far as it is known")
    path: str | None = key(None, "local file or folder; null for generated data and the hub")
    train_name: str | None = key(
        None, "name of the training file, folder or split of the hub; null: the one called train", added=True
    )
    validation_name: str | None = key(
        None, "name of the one for validation; null: the one called validation, valid, val or dev", added=True
    )
    test_name: str | None = key(None, "name of the one for testing; null: the one called test", added=True)
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    limit: int | None = key(
        None, "number of training examples that are used, each class in proportion; null: all", min=1, max=LARGEST
    )
    skip_bad: bool = key(
        False, "whether examples that cannot be used are left out and counted; false: they are an error"
    )
    validation: float = key(
        0.1,
        "fraction of the training examples that become the validation split where the data have none",
        min=0,
        max=0.9,
    )
    test: float = key(
        0.1,
        "fraction of the training examples that become the test split where the data have none",
        min=0,
        max=0.9,
    )
    split_seed: int = key(
        0, "random seed of which examples are held out, and which are within data.limit", min=0, max=LARGEST
    )

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        """The choices of `task=` for which such data can be used, where words name none: several where one must be named,
        none where only the examples tell. settings: keys of `data` that have other values than the default, as one would
        type them."""
        return ()

    def problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[\w-][\w.-]*", self.name):
            yield f"`data.name={self.name}`: it names folders; write letters, digits, hyphens and dots"
        if self.validation + self.test > 0.9:
            yield f"`data.validation={self.validation}` and `data.test={self.test}` must leave a tenth for training"


@dataclass
class HubDataConfig(DataConfig):
    """A data set that may be had from the Hugging Face hub."""

    hub: str | None = key(None, "id on the Hugging Face hub, such as user/name; used where data.path is null")
    config: str | None = key(None, "hub: name of the configuration (subset); null: the only one")
    revision: str | None = key(
        None, "hub: a commit, branch or tag; null: the newest; a run keeps the commit that it was trained on"
    )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.hub is None:
            for name in ("config", "revision"):
                if getattr(self, name) is not None:
                    yield f"`data.{name}={getattr(self, name)}` needs `data.hub=`"
        elif not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.hub):
            yield f"`data.hub={self.hub}`: write an id such as stanfordnlp/imdb; files of your own go by `data.path=`"


def embedded_problems(data: DataConfig, sources: tuple[str, ...], for_own: str) -> Iterator[str]:
    """Whether data that come with the program are to be had from elsewhere.

    sources: those that come with it. for_own: a data set for the user's own files.
    """
    for name in ("path", "hub", "download"):
        value = getattr(data, name, None)
        if data.source in sources and value is not None:
            yield f"`data.{name}={value}`: data={data.name} come with the program; for your own choose data={for_own}"


@dataclass
class CrossValidated(DataConfig):
    """Data that can be divided into folds, each of which becomes the test split in turn."""

    folds: str | None = key(None, "cross-validation: a number of folds")
    fold: str | None = key(None, "the one fold to test on; null: a run for each")

    def fold_problems(self, otherwise: str = "") -> Iterator[str]:
        """otherwise: what `data.folds` may be besides a number."""
        if self.folds is not None and not (
            self.folds.isdecimal() and len(self.folds) < 10 and int(self.folds) > 2
        ):
            yield f"`data.folds={self.folds}`: write a number of at least 3{otherwise}"
        if self.fold is not None and self.folds is None:
            yield f"`data.fold={self.fold}` needs `data.folds=`"


def encoding_problems(encoding: str) -> Iterator[str]:
    """Why there is no such encoding of text."""
    try:
        known = codecs.lookup(encoding)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        yield f"`data.encoding={encoding}`: unknown; usual ones are utf-8, utf-16, cp1252 and latin-1"
