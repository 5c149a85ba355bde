"""Tables of texts and labels."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnlab.config import TableData, TextData
from attnlab.data.reading import FORMATS, BadRows, read_table, table_format
from attnlab.data.rows import TextRow
from attnlab.data.words import tokens
from attnlab.errors import UserError

SPLIT_NAMES: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}
"""What the files of each split are called."""


class Table:
    """Rows of a .csv, .tsv or .jsonl file, or of those in one folder, named train, validation (or dev) and test."""

    notice = ""
    slices: tuple[str, ...] = ()

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, TableData)
        self.config = config
        self.labels = config.label if isinstance(config.label, list) else [config.label]
        self.targets = {"label": config.target_kind}
        self.questions = tuple(map(str, self.labels)) if config.target_kind == "classes" else ()
        self.files = table_files(config.name, config.path)
        self.splits = tuple(self.files)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        path = self.files[split]
        for line, (text, *labels) in read_table(path, [self.config.text, *self.labels], bad):
            words = tuple(tokens(text, self.config.tokens))
            answer, problem = self._answer(labels)
            if problem or not words:
                bad.found(f"{path}:{line}: {problem or f'no words in column `{self.config.text}`'}")
            else:
                yield TextRow(words, {"label": answer}, f"{path.name}:{line}")

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
        return number, "" if math.isfinite(number) else f"label `{cell}` is no number"


def table_files(name: str, given: str | None) -> dict[str, Path]:
    """The table of each split at `data.path`: one file, or those of a folder; name: of the data."""
    if given is None:
        raise UserError(
            f"`data.path` is missing: data={name} needs a .csv, .tsv or .jsonl file, or a folder with "
            "train, validation and test files"
        )
    path = Path(given).expanduser()
    if path.is_file():
        if table_format(path) is None:
            raise UserError(f"`data.path={given}`: its name must end in {', '.join(FORMATS)} (or .gz)")
        return {_split_of(path) or "train": path}
    if not path.is_dir():
        raise UserError(f"`data.path={given}`: no such file or folder")
    files: dict[str, Path] = {}
    for split in SPLIT_NAMES:
        found = [p for p in sorted(path.iterdir()) if table_format(p) and _split_of(p) == split]
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise UserError(f"`data.path={given}`: several {split} files ({names}); keep one")
        if found:
            files[split] = found[0]
    if "train" not in files and "test" not in files:
        raise UserError(f"`data.path={given}`: no file called train.csv, train.tsv or train.jsonl there")
    return files


def _split_of(path: Path) -> str | None:
    """The split that a file's name speaks of."""
    stem = path.name.split(".")[0].lower()
    return next((split for split, names in SPLIT_NAMES.items() if stem in names), None)
