"""Tables of texts and labels."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from attnlab.config import TableData, TextData
from attnlab.config.data.base import listed
from attnlab.data.contract import Gold
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.names import class_name, noted_class_name
from attnlab.data.files.tables import (
    LABEL_ROWS,
    LARGEST,
    MissingColumn,
    Records,
    has_columns,
    nested,
    number_in,
    piece_rows,
    plain,
    read_table,
    refuse_separator,
    table_files,
    table_pieces,
    usable,
)
from attnlab.data.files.times import NO_MOMENT, moment
from attnlab.data.text.hub import HubText
from attnlab.data.text.source import TextRow, TextSource
from attnlab.data.text.tokenize import joined_tokens, read_anew
from attnlab.errors import UserError
from attnlab.metrics import NOT_SCORED
from attnlab.spec import DataSpec
from attnlab.text_files import Lines, text_lines

FIRST_LINES = 100
"""Lines by which a file of tagged words is recognised."""


class LabelledText:
    """Rows of text made of cells, from a file or from the hub.

    columns: those that are read, in the order in which `row` takes their cells. questions: the names of those of kind
    `classes`. answered: whether there are columns of right answers; without them, the answer of each row is unknown.
    """

    def __init__(self, config: TableData, questions: Sequence[str] | None = None, answered: bool = True) -> None:
        self.config = config
        self.labels = config.labels if answered else []
        self.answered = bool(self.labels)
        self.targets = {"label": config.target_kind}
        named = map(str, config.labels if questions is None else questions)
        self.questions = tuple(named) if config.target_kind == "classes" else ()
        self.texts = config.texts
        self.columns: list[str | int] = [*self.texts, *self.labels, *listed(config.group), *listed(config.time)]

    def row(self, cells: Sequence[str], key: str, bad: BadRows) -> TextRow | str:
        """The row, or what is wrong with it; what is read by a rule goes to `bad`."""
        texts, labels = cells[: len(self.texts)], list(cells[len(self.texts) :])
        time = labels.pop().strip() if self.config.time is not None else ""
        group = labels.pop() if self.config.group is not None else ""
        words = tuple(joined_tokens(texts, self.config.tokens))
        answer, problem = self._answer(labels) if self.answered else (self._unknown(), "")
        if problem or not words:
            several = "columns" if len(texts) > 1 else "column"
            return problem or f"no words in {several} {' and '.join(f'`{column}`' for column in self.texts)}"
        if self.config.group is not None and not class_name(group):
            return f"empty column `{self.config.group}` (`data.group`)"
        if self.config.time is not None and moment(time) is None:
            return f"`{time}` in column `{self.config.time}` (`data.time`) is {NO_MOMENT}"
        if isinstance(answer, str) and self.answered:
            answer = noted_class_name(labels[0], bad, key)
        if any(read_anew(text, self.config.tokens) for text in texts):
            bad.changes.add("words")
        if group != class_name(group):
            bad.changes.add("group")
        return TextRow(words, {"label": answer}, key, group=class_name(group), time=time)

    def _unknown(self) -> Gold:
        """An answer that no score looks at."""
        if self.config.target_kind == "classes":
            return [-1] * len(self.questions)
        return math.nan if self.config.target_kind == "number" else NOT_SCORED

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
        wrong = "is not a number" if math.isnan(number) else f"is not a number up to {LARGEST:.2g}"
        return number, "" if usable(number) else f"label `{cell}` {wrong}"


class HubTable(HubText):
    """Texts and labels in columns on the hub. Raises UserError where no label is named."""

    def __init__(self, config: TableData) -> None:
        self.reader = LabelledText(config)
        self.targets, self.questions = self.reader.targets, self.reader.questions
        self.grouped, self.timed = config.group is not None, config.time is not None
        self.answered = self.reader.answered
        if not self.answered:
            raise UserError(f"`data.label=null`: data.hub={config.hub} is read with a label; name its column")
        super().__init__(
            config, self.reader.columns, self.reader.labels[0], [*listed(config.id), *listed(config.keep)]
        )

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
        self.grouped, self.timed = config.group is not None, config.time is not None
        self.files, self.warnings = table_files(config)
        self.splits = tuple(self.files)
        self._has_numbers = False  # once a label that is no number has been met
        self._read_by(LabelledText(config))

    def _read_by(self, reader: LabelledText) -> None:
        self.reader, self.answered = reader, reader.answered
        self.targets, self.questions = reader.targets, reader.questions

    def answer_for(self, spec: DataSpec) -> None:
        config, target = self.config, spec.targets.get("label")
        for path in self.files.values():
            refuse_separator(path, config.separator)
        there = [
            column
            for column in config.labels
            if any(has_columns(path, [column], config.encoding, config.separator) for path in self.files.values())
        ]
        if not there and target is not None:
            self._read_by(LabelledText(config, target.classes, answered=False))

    def pieces(self, split: str) -> Iterator[Lines | Records]:
        config = self.config
        with self._keys_named():
            yield from table_pieces(self.files[split], self.reader.columns, config.encoding, config.separator)

    def rows(self, split: str, piece: Lines | Records, bad: BadRows) -> Iterator[TextRow]:
        path = self.files[split]
        with self._keys_named():
            for line, cells in piece_rows(piece, self.reader.columns, bad, path, self.config.encoding):
                row = self.reader.row(cells, f"{path.name}:{line}", bad)
                if isinstance(row, str):
                    self._refuse_words_as_numbers(split, cells, f"{path}:{line}")
                    bad.found(f"{path}:{line}: {row}")
                else:
                    yield row

    def _refuse_words_as_numbers(self, split: str, cells: Sequence[str], location: str) -> None:
        """Raises UserError at a row whose label is no number, where hardly any label of the file is one."""
        if self.config.target_kind != "number" or not self.answered or self._has_numbers:
            return
        label = cells[len(self.reader.texts)]
        if not math.isnan(number_in(class_name(label))):
            return  # one that is too large, not a word
        rows = islice(self.cells(split, self.reader.labels, BadRows(skip=True)), LABEL_ROWS)
        numbers = [not math.isnan(number_in(class_name(of_row))) for _, (of_row,) in rows]
        self._has_numbers = any(numbers) if self.config.skip_bad else 10 * sum(numbers) >= len(numbers)
        if not self._has_numbers:
            raise UserError(
                f"{location}: label `{label}` is not a number, and hardly any in column `{self.reader.labels[0]}` is one; to learn "
                "them as classes write task=classification"
            )

    @contextmanager
    def _keys_named(self) -> Iterator[None]:
        """Raises UserError for a missing column with the key that names it, which may have its default."""
        try:
            yield
        except MissingColumn as error:
            keys = ("text", "label", "group", "time")
            key = next((key for key in keys if error.column in listed(getattr(self.config, key))), "")
            tagged = (
                "; a word and its tag on each line are read by data=tagged" if self._are_tagged_words() else ""
            )
            raise UserError(f"{error}{f' (`data.{key}=`)' if key else ''}{tagged}") from error

    def _are_tagged_words(self) -> bool:
        """Whether a file looks like one of `data=tagged`: two columns, and empty lines between sentences."""
        for path in self.files.values():
            lines = [line.strip() for line in islice(text_lines(path, self.config.encoding), FIRST_LINES)]
            if "" in lines[:-1] and all(len(line.split()) in (0, 2) for line in lines):
                return True
        return False

    def cells(self, split: str, columns: Sequence[str | int], bad: BadRows) -> Iterator[tuple[int, list[str]]]:
        """(line, cells of these columns) of each row of a split, for what stands beside predictions."""
        config = self.config
        return read_table(self.files[split], columns, bad, None, config.encoding, config.separator)
