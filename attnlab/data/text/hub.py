"""Texts of the Hugging Face hub."""

from collections.abc import Iterator, Sequence

from attnlab.config import HubDataConfig
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.hub import HubSource, Stretch
from attnlab.data.text.source import TextRow, TextSource
from attnlab.errors import UserError


class HubText(HubSource, TextSource[Stretch]):
    """What all sources of text on the hub share. Raises UserError for columns that are given by numbers."""

    def __init__(
        self,
        config: HubDataConfig,
        columns: Sequence[str | int],
        label: str | int,
        beside: Sequence[str | int] = (),
    ) -> None:
        names, kept = ([column for column in some if isinstance(column, str)] for some in (columns, beside))
        if len(names) + len(kept) < len(columns) + len(beside):
            names_only = "columns on the hub have names; give them instead of numbers"
            raise UserError(f"`data.hub={config.hub}`: {names_only}")
        super().__init__(config, names, str(label), beside=kept)

    def pieces(self, split: str) -> Iterator[Stretch]:
        return self.set.pieces(split)

    def rows(self, split: str, piece: Stretch, bad: BadRows) -> Iterator[TextRow]:
        for key, values in self.set.rows(split, piece):
            row = self.row(values, key, bad)
            if isinstance(row, str):
                bad.found(f"{key}: {row}")
            else:
                yield row

    def row(self, values: Sequence[object], key: str, bad: BadRows) -> TextRow | str:
        """The row of these columns' values, or what is wrong with it; what is read by a rule goes to `bad`."""
        raise NotImplementedError
