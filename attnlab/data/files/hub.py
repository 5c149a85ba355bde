"""Data sets of the Hugging Face hub: which rows they have, at which commit."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attnlab.config import HubDataConfig
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.layout import choose, left_out
from attnlab.data.files.tables import plain
from attnlab.data.prep.source import Source, no_path
from attnlab.errors import UserError, missing_column

if TYPE_CHECKING:
    from datasets import Dataset, DatasetBuilder

ROWS = 10_000
"""Rows that are read together."""
Stretch = tuple[int, int]
"""The first row of a piece, and the one after its last."""


class HubSet:
    """The splits of a data set on the hub, mapped into memory from the copy that `datasets` keeps.

    columns: those that are read; media stay in the bytes that they came in. label: the one of them without which a
    split is of no use. inside: a column that may hold all of them. beside: columns that may be read, too, on which no
    example depends. No code of a data set is ever run: `datasets` reads
    files of rows alone. Raises UserError where the data set, or one of its columns, is not to be had.
    """

    def __init__(
        self, config: HubDataConfig, columns: Sequence[str], label: str, inside: str | None = None,
        beside: Sequence[str] = (),
    ) -> None:  # fmt: skip
        assert config.hub is not None
        self.id, self.config, self.columns, self.inside = config.hub, config.config, list(columns), inside
        self.beside = [column for column in dict.fromkeys(beside) if column not in self.columns]
        builder = _builder(config)
        self.commit: str | None = builder.hash
        self._refuse_other_commit(config.revision)
        try:
            builder.download_and_prepare()
            given = builder.as_dataset()
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreachable(config, error) from error
        self.splits: dict[str, Dataset] = {}
        chosen = choose(config, list(given), "splits")
        self.warnings = [*left_out(config, list(given), chosen)]
        for split, name in chosen.items():
            rows = self._selected(given[name])
            if _labelled(rows, label):
                self.splits[split] = rows
            else:
                self.warnings.append(f"the {split} split of {self.id} is left out: it has no labels")
        if not self.splits:
            raise UserError(f"`data.hub={self.id}`: none of its splits ({', '.join(given)}) can be used")

    @property
    def identity(self) -> str:
        """What its rows depend on; loaders leave the keys of the hub out of what names their cache."""
        return json.dumps([self.id, self.commit, self.config, self.columns, self.inside])

    def _refuse_other_commit(self, revision: str | None) -> None:
        """Without a connection, `datasets` takes whatever copy it has."""
        if revision is not None and re.fullmatch("[0-9a-f]{40}", revision) and self.commit != revision:
            raise UserError(
                f"`data.revision={revision}`: the hub cannot be reached, and the copy of {self.id} here is of "
                f"{self.commit or 'an unknown commit'}; connect once, or set data.revision to that"
            )

    def _selected(self, rows: "Dataset") -> "Dataset":
        from datasets import Audio, Image

        columns = [*self.columns, *self.beside]
        if self.inside in rows.column_names and not set(self.columns) <= set(rows.column_names):
            rows = rows.select_columns([self.inside, *(set(self.beside) & set(rows.column_names))]).flatten()
            rows = rows.rename_columns({name: name.removeprefix(f"{self.inside}.") for name in rows.column_names})
        for column in columns:
            if column not in rows.column_names:
                raise UserError(
                    f"`data.hub={self.id}`: no column `{column}`; {missing_column(column, rows.column_names)}"
                )
        rows = rows.select_columns(columns)
        for column in self.columns:
            if isinstance(rows.features[column], Audio | Image):
                rows = rows.cast_column(column, type(rows.features[column])(decode=False))
        return rows

    def classes(self, column: str) -> tuple[str, ...] | None:
        """The names of a column's classes, where the hub knows them."""
        names = _names(next(iter(self.splits.values())).features[column])
        return None if names is None else tuple(names)

    def pieces(self, split: str, rows: int = ROWS) -> Iterator[Stretch]:
        """A split in stretches of so many rows."""
        total = len(self.splits[split])
        for start in range(0, total, rows):
            yield start, min(start + rows, total)

    def rows(
        self, split: str, piece: Stretch, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[str, list[object]]]:
        """(key, the values of these columns) of each row; numbers that stand for classes become their names."""
        columns = self.columns if columns is None else list(columns)
        rows = self.splits[split].select_columns(columns)
        names = [_names(rows.features[column]) for column in columns]
        block = rows[slice(*piece)]
        for number, values in enumerate(zip(*(block[column] for column in columns), strict=True), piece[0]):
            yield f"{self.id}:{split}:{number}", [_named(*pair) for pair in zip(values, names, strict=True)]


class HubSource(Source):
    """What sources of every modality share that read `data.hub`; the arguments are those of `HubSet`."""

    has_names = True

    def __init__(
        self, config: HubDataConfig, columns: Sequence[str], label: str, inside: str | None = None,
        beside: Sequence[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(config)
        self.set = HubSet(config, columns, label, inside, beside)
        self.splits = tuple(self.set.splits)
        self.identity, self.commit, self.warnings = self.set.identity, self.set.commit, tuple(self.set.warnings)

    def cells(self, split: str, columns: Sequence[str | int], bad: BadRows) -> Iterator[tuple[int, list[str]]]:
        """(number, cells of these columns) of each row of a split, for what stands beside predictions."""
        for piece in self.set.pieces(split):
            for key, values in self.set.rows(split, piece, list(map(str, columns))):
                yield int(key.rpartition(":")[2]), [plain(value) for value in values]


def _builder(config: HubDataConfig) -> "DatasetBuilder":
    """What `datasets` knows of a data set before it reads it."""
    from datasets import load_dataset_builder

    assert config.hub is not None
    if Path(config.hub).exists():
        raise UserError(
            f"`data.hub={config.hub}`: a file or folder of this name lies here and would be read instead; give it by "
            "`data.path=`, or go elsewhere"
        )
    # Without a connection the hub's library logs each attempt; the UserError below says enough.
    for library in ("huggingface_hub", "datasets"):
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        return load_dataset_builder(config.hub, config.config, revision=config.revision)
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreachable(config, error) from error


def _unreachable(config: HubDataConfig, error: Exception) -> UserError:
    """One sentence about a data set that neither lies here nor comes from the hub."""
    configs = re.search(r"(?:configs[^:]*|Available|configurations in the cache): (.+)", str(error))
    if configs:
        what = "is missing" if config.config is None else f"{config.config} is not there"
        return UserError(f"`data.config` {what}: {config.hub} has {configs[1].strip('[]')}")
    reason = str(error).strip().splitlines() or [type(error).__name__]
    where = f"{config.hub} cannot be had from the hub ({reason[0].rstrip('.')})"
    return no_path(config, f"; {where}")


def _labelled(rows: "Dataset", label: str) -> bool:
    """Whether any row has a label; where labels are withheld, they are −1 or null."""
    import pyarrow.compute

    column = rows.data.column(label)
    if len(column) == 0 or column.null_count == len(column):
        return False
    return str(column.type) not in ("int8", "int16", "int32", "int64") or pyarrow.compute.max(column).as_py() >= 0


def _names(feature: object) -> list[str] | None:
    """The names of a column's classes, also where it holds lists of them."""
    return getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)


def _named(value: object, names: list[str] | None) -> object:
    """The class that a number stands for, or those of a list of numbers; any other value as it is."""
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    assert isinstance(value, int)
    return names[value] if value >= 0 else None
