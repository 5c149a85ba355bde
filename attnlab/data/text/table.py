"""Tables of texts and labels."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from attnlab.config import TableData, TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.tables import Records, piece_rows, table_files, table_pieces, usable
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.tokenize import tokens
from attnlab.text_files import Lines


class Table(TextSource):
    """Rows of a .csv, .tsv or .jsonl file, or of those in one folder, named train, validation (or dev) and test."""

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, TableData)
        self.config = config
        self.reader = LabelledText(config)
        self.targets, self.questions = self.reader.targets, self.reader.questions
        self.files = table_files(config)
        self.splits = tuple(self.files)

    def pieces(self, split: str) -> Iterator[Lines | Records]:
        return table_pieces(self.files[split], self.reader.columns, self.config.encoding)

    def rows(self, split: str, piece: Lines | Records, bad: BadRows) -> Iterator[TextRow]:
        path = self.files[split]
        for line, cells in piece_rows(piece, self.reader.columns, bad, path, self.config.encoding):
            row = self.reader.row(cells, f"{path.name}:{line}")
            if isinstance(row, str):
                bad.found(f"{path}:{line}: {row}")
            else:
                yield row


class LabelledText:
    """What the cells of a row mean, wherever they come from.

    columns: those that are wanted, in the order in which `row` takes their cells.
    """

    def __init__(self, config: TableData) -> None:
        self.config = config
        self.labels = config.label if isinstance(config.label, list) else [config.label]
        self.targets = {"label": config.target_kind}
        self.questions = tuple(map(str, self.labels)) if config.target_kind == "classes" else ()
        self.columns = [config.text, *self.labels, *([] if config.group is None else [config.group])]

    def row(self, cells: Sequence[str], key: str) -> TextRow | str:
        """The row, or what is wrong with it."""
        text, *labels = cells
        group = labels.pop() if self.config.group is not None else ""
        words = tuple(tokens(text, self.config.tokens))
        answer, problem = self._answer(labels)
        if problem or not words:
            return problem or f"no words in column `{self.config.text}`"
        if self.config.group is not None and not group.strip():
            return f"empty column `{self.config.group}` (`data.group`)"
        return TextRow(words, {"label": answer}, key, group=group)

    def _answer(self, cells: list[str]) -> tuple[Any, str]:
        """What the label's cells say, or why they say nothing."""
        if self.config.target_kind == "classes":
            known = {"": -1, "0": 0, "1": 1}
            wrong = next((cell for cell in cells if cell.strip() not in known), None)
            if wrong is not None:
                return None, f"label `{wrong}`: write 1 for yes, 0 for no, nothing for unknown"
            return [known[cell.strip()] for cell in cells], ""
        cell = cells[0].strip()
        if not cell:
            return None, f"empty label in column `{self.labels[0]}`"
        if self.config.target_kind == "class":
            return cell, ""
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        return number, "" if usable(number) else f"label `{cell}` is no number within single precision"
