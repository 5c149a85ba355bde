"""Keys of `data=` that every data set has."""

import codecs
import re
from collections.abc import Iterator
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
    origin: str | None = key(None, "where the data are to be had, for `attnlab data` and for whoever lacks them")
    licence: str | None = key(None, "under which terms they are, as far as it is known")
    path: str | None = key(None, "local file, or folder of files; null for generated data and the hub")
    train_name: str | None = key(
        None, "which file, folder or split of the hub is for training; null: the one called train", added=True
    )
    validation_name: str | None = key(
        None, "which one is for validation; null: the one called validation, valid, val or dev", added=True
    )
    test_name: str | None = key(None, "which one is for testing; null: the one called test", added=True)
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    limit: int | None = key(
        None, "use only so many training examples, each class in proportion", min=1, max=LARGEST
    )
    skip_bad: bool = key(False, "leave out examples that cannot be used, and count them, instead of refusing them")
    validation: float = key(
        0.1, "fraction of the training examples held out where there is no validation split", min=0, max=0.9
    )
    test: float = key(
        0.1, "fraction of the training examples held out where there is no test split", min=0, max=0.9
    )
    split_seed: int = key(0, "of held-out examples, and of those within data.limit", min=0, max=LARGEST)

    def problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[\w-][\w.-]*", self.name):
            yield f"`data.name={self.name}`: it names folders; write letters, digits, hyphens and dots"
        if self.validation + self.test > 0.9:
            yield f"`data.validation={self.validation}` and `data.test={self.test}` must leave a tenth for training"


@dataclass
class HubDataConfig(DataConfig):
    """A data set that may be had from the Hugging Face hub."""

    hub: str | None = key(
        None, "its id on the Hugging Face hub, such as user/name; read where there is no data.path"
    )
    config: str | None = key(None, "hub: which of its configurations; null: the only one")
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


FOLDS_IN_TIME = 5
"""Of `data.folds=time` without a number."""


@dataclass
class CrossValidated(DataConfig):
    """Data that can be divided into folds, each of which becomes the test split in turn."""

    one_left_out: ClassVar[str] = ""
    """The word by which `data.folds` leaves one group of examples out in turn, where they have groups."""
    has_times: ClassVar[bool] = False
    """Whether `data.time` may say when an example is from, for `data.folds=time`."""

    folds: str | None = key(None, "cross-validation: a number of folds, at least 3", added=True)
    fold: str | None = key(None, "the one fold to test on; null: a run for each", added=True)

    @property
    def folds_in_time(self) -> int | None:
        """How many of them `data.folds` asks for; None where it asks for others."""
        kind, colon, number = (self.folds or "").partition(":")
        if kind != "time" or not self.has_times or (colon and not _is_number(number, least=2)):
            return None
        return int(number) if colon else FOLDS_IN_TIME

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.folds is None:
            if self.fold is not None:
                yield f"`data.fold={self.fold}` needs `data.folds=`"
        elif not (_is_number(self.folds, least=3) or self.folds_in_time or self.folds == self.one_left_out):
            words = [f"`{self.one_left_out}`"] * bool(self.one_left_out)
            words += [f"`time` (`time:{FOLDS_IN_TIME}`, at least 2) for folds in time"] * self.has_times
            yield ", or ".join([f"`data.folds={self.folds}`: write a number of at least 3", *words])


def _is_number(text: str, least: int) -> bool:
    return text.isdecimal() and len(text) < 10 and int(text) >= least


def encoding_problems(encoding: str) -> Iterator[str]:
    """Why there is no such encoding of text."""
    try:
        known = codecs.lookup(encoding)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        yield f"`data.encoding={encoding}`: unknown; usual ones are utf-8, utf-16, cp1252 and latin-1"
