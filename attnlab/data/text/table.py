"""Tables of texts and labels."""

from collections.abc import Iterator, Sequence

from attnlab.config import TableData, TextData
from attnlab.data.contract import Gold
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.names import class_name, noted_class_name
from attnlab.data.files.tables import (
    Records,
    nested,
    number_in,
    piece_rows,
    plain,
    table_files,
    table_pieces,
    usable,
)
from attnlab.data.files.times import NO_MOMENT, moment
from attnlab.data.text.hub import HubText
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.tokenize import read_anew, tokens
from attnlab.text_files import Lines


class LabelledText:
    """Rows of text made of cells, from a file or from the hub.

    columns: those that are read, in the order in which `row` takes their cells.
    """

    def __init__(self, config: TableData) -> None:
        self.config = config
        self.labels = config.label if isinstance(config.label, list) else [config.label]
        self.targets = {"label": config.target_kind}
        self.questions = tuple(map(str, self.labels)) if config.target_kind == "classes" else ()
        others = [column for column in (config.group, config.time) if column is not None]
        self.columns: list[str | int] = [config.text, *self.labels, *others]

    def row(self, cells: Sequence[str], key: str, bad: BadRows) -> TextRow | str:
        """The row, or what is wrong with it; what is read by a rule goes to `bad`."""
        text, *labels = cells
        time = labels.pop().strip() if self.config.time is not None else ""
        group = labels.pop() if self.config.group is not None else ""
        words = tuple(tokens(text, self.config.tokens))
        answer, problem = self._answer(labels)
        if problem or not words:
            return problem or f"no words in column `{self.config.text}`"
        if self.config.group is not None and not class_name(group):
            return f"empty column `{self.config.group}` (`data.group`)"
        if self.config.time is not None and moment(time) is None:
            return f"`{time}` in column `{self.config.time}` (`data.time`) is {NO_MOMENT}"
        if isinstance(answer, str):
            answer = noted_class_name(labels[0], bad, key)
        if read_anew(text, self.config.tokens):
            bad.changes.add("words")
        if group != class_name(group):
            bad.changes.add("group")
        return TextRow(words, {"label": answer}, key, group=class_name(group), time=time)

    def _answer(self, cells: list[str]) -> tuple[Gold, str]:
        """The right answer that the label's cells hold, and an empty string; or why they hold none."""
        if self.config.target_kind == "classes":
            answers = {"": -1, "0": 0, "1": 1}
            wrong = next((cell for cell in cells if cell.strip() not in answers), None)
            if wrong is not None:
                return "", f"label `{wrong}`: write 1 for yes, 0 for no, nothing for unknown"
            return [answers[cell.strip()] for cell in cells], ""
        cell = class_name(cells[0])
        if not cell:
            return "", f"empty label in column `{self.labels[0]}`"
        if self.config.target_kind == "class":
            return cell, ""
        number = number_in(cell)
        return number, "" if usable(number) else f"label `{cell}` is no number within single precision"


class HubTable(HubText):
    """Texts and labels in columns on the hub."""

    def __init__(self, config: TableData) -> None:
        self.reader = LabelledText(config)
        self.targets, self.questions = self.reader.targets, self.reader.questions
        self.grouped, self.timed = config.group is not None, config.time is not None
        super().__init__(config, self.reader.columns, self.reader.columns[1])

    def row(self, values: Sequence[object], key: str, bad: BadRows) -> TextRow | str:
        problem = nested(self.reader.columns, values)
        return problem or self.reader.row([plain(value) for value in values], key, bad)


class Table(TextSource[Lines | Records]):
    """Rows of a .csv, .tsv or .jsonl file, or of those in one folder, named train, validation (or dev) and test."""

    needs = "a .csv, .tsv or .jsonl file, or a folder with train, validation and test files"
    has_names = True
    hub = HubTable

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, TableData)
        self.config = config
        self.reader = LabelledText(config)
        self.targets, self.questions = self.reader.targets, self.reader.questions
        self.grouped, self.timed = config.group is not None, config.time is not None
        self.files, self.warnings = table_files(config)
        self.splits = tuple(self.files)

    def pieces(self, split: str) -> Iterator[Lines | Records]:
        return table_pieces(self.files[split], self.reader.columns, self.config.encoding)

    def rows(self, split: str, piece: Lines | Records, bad: BadRows) -> Iterator[TextRow]:
        path = self.files[split]
        for line, cells in piece_rows(piece, self.reader.columns, bad, path, self.config.encoding):
            row = self.reader.row(cells, f"{path.name}:{line}", bad)
            if isinstance(row, str):
                bad.found(f"{path}:{line}: {row}")
            else:
                yield row
