"""Keys of `data=` that every data set has."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from attnlab.config.keys import LARGEST, key
from attnlab.errors import near_name
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

    sources: those that come with it. for_own: a data set for the user's own files, where their names tell no other.
    """
    for name in ("path", "hub", "download"):
        value = getattr(data, name, None)
        if data.source in sources and value is not None:
            own = by_ending(str(value)) if name == "path" and data.source == "grammar" else ""
            right = own or f"for your own data choose data={for_own}"
            yield f"`data.{name}={value}`: data={data.name} comes with the program and reads no files; {right}"


def unlabelled_problems(label: str | None, hub: str | None) -> Iterator[str]:
    """Why data cannot be read without labels."""
    if label is None and hub is not None:
        yield f"`data.label=null`: data.hub={hub} is read with a label; name its column"


FOR_OWN_FILES = (
    "csv", "graph_jsonl", "image_folder", "molecule_net", "parallel", "speech_folder", "speech_manifest", "tagged", "tu",
    "ud_ewt",
)  # fmt: skip
"""The choices of `data=` that read files of the user's own."""
_BY_ENDING = {
    "csv": ("a table", ("csv", "tsv", "jsonl")),
    "ud_ewt": ("a treebank", ("conllu",)),
    "tagged": ("words with tags", ("txt", "conll", "iob", "iob2", "bio", "tags")),
}


def by_ending(path: str) -> str:
    """What to choose for a file, by its name, as in "for a table choose data=csv"; "" where that tells nothing."""
    ending = path.lower().removesuffix(".gz").rpartition(".")[2]
    return next((f"for {what} choose data={name}" for name, (what, of) in _BY_ENDING.items() if ending in of), "")


FOLDS_IN_TIME = 5
"""Of `data.folds=time` without a number."""


@dataclass
class CrossValidated(DataConfig):
    """Data that can be divided into folds, each of which becomes the test split in turn."""

    one_left_out: ClassVar[str] = ""
    """The word by which `data.folds` leaves one group of examples out in turn, where they have groups."""
    has_times: ClassVar[bool] = False
    """Whether `data.time` may say when an example is from, for `data.folds=time`."""

    folds: str | None = key(
        None,
        "cross-validation: a number of folds, at least 3",
        added=True,
        values="a whole number, at least 3",
    )
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
            words += [f"`time` (of {FOLDS_IN_TIME} folds) or `time:N` (N at least 2)"] * self.has_times
            right = ", or ".join([f"`data.folds={self.folds}`: write a number of at least 3", *words])
            yield self._by_column() or right

    def _by_column(self) -> str:
        """What to write for folds by a column, of which `data.folds` has the name, or for folds in time where there are none;
        else ""."""
        named = self.folds or ""
        given = f"`data.folds={named}`"
        if named.startswith("time") and not self.has_times:
            return f"{given}: folds in time need a table of texts with a column of dates (data=csv); write a number of at least 3"
        if self.one_left_out != "group" or not named.isidentifier() or near_name(named, ["group", "time"]):
            return ""
        in_time = f" (if it holds dates, data.folds=time data.time={named} tests on later rows)" * self.has_times
        return (
            f"{given}: to test each value of a column `{named}` in turn, write data.folds=group data.group={named}{in_time}; or "
            "write a number of at least 3"
        )


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


# --- columns of tables ------------------------------------------------------------------------------


def column_problem(column: object) -> str:
    """Why this is no column; "" where it is one."""
    if isinstance(column, bool) or not isinstance(column, int | str):
        return "a column is a name or a number"
    return "columns are numbered from 1" if isinstance(column, int) and column < 1 else ""


def listed(columns: object) -> list[str | int]:
    """The columns that a key names: one, several in a list, or none."""
    return [] if columns is None else list(columns) if isinstance(columns, list) else [columns]  # type: ignore[list-item]


def separator_key() -> Any:
    """`data.separator`, of whatever may be read from a .csv."""
    return key(
        None,
        "what separates the cells of a .csv, {choices}; null: what splits its first rows alike",
        choices=("comma", "semicolon", "tab", "bar"),
        added=True,
    )


COLUMN = "the name of a column, or its number from 1"
COLUMNS = f"{COLUMN}; of several a list, such as [date,author]"


def id_key() -> Any:
    """`data.id`, of whatever may be read from a table."""
    return key(
        None, "a column that names each row in predictions, in place of file:line", beside=True, values=COLUMN
    )


def keep_key() -> Any:
    """`data.keep`, of whatever may be read from a table."""
    return key(
        None, "columns that stand beside each row in predictions: `[date,author]`", beside=True, values=COLUMNS
    )


def beside_problems(id: object, keep: object) -> Iterator[str]:
    """Why these columns cannot stand beside predictions."""
    for name, columns in (("id", id), ("keep", keep)):
        if problem := next(filter(None, map(column_problem, listed(columns))), ""):
            yield f"`data.{name}={columns}`: {problem}"
    if isinstance(id, list):
        yield f"`data.id={id}`: write one column; `data.keep={id}` keeps several"
    if len(set(map(str, listed(keep)))) < len(listed(keep)):
        yield f"`data.keep={keep}`: the same column twice"
