"""Recordings in a list of their files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from os.path import abspath, isdir
from pathlib import Path

from attnlab.config import SpeechData
from attnlab.data.files.layout import split_of
from attnlab.data.files.names import noted_class_name
from attnlab.data.files.tables import json_objects, nested, plain, table_format, table_rows
from attnlab.data.speech.source import Recording
from attnlab.data.speech.sources import FileSource
from attnlab.errors import UserError
from attnlab.local_files import is_regular
from attnlab.text_files import stretches, unreadable

PARTS = frozenset(
    "start end begin offset onset start_time end_time start_sec end_sec segment_start segment_end".split()
)
"""Columns that other programs' lists have where a row is a part of its file."""


class Manifest(FileSource):
    """A .csv, .tsv or .jsonl file with a row for each recording: path, label and, if you like, split and speaker. Raises
    UserError for another file, or without these columns.

    Paths are relative to the manifest. With `data.transcript`, that column is what is said, and a label is not needed; with
    `data.label=null` neither is.
    """

    needs = "a .csv, .tsv or .jsonl file with the path of each recording"

    def __init__(self, config: SpeechData) -> None:
        transcript = () if config.transcript is None else (config.transcript,)
        answer = config.transcript or ("label" if config.label is not None else None)
        self.required = ("path",) if answer is None else ("path", answer)  # columns that no row may leave empty
        self.known = ("path", "label", "split", "speaker", *transcript)  # those that are read; there may be others
        super().__init__(config)

    def found(self, problem: str, count: int = 1) -> None:
        """Takes what readers find wrong with a row, or with several that share it."""
        self.problems += [problem] * count

    def note(self, rule: str, location: str) -> None:
        """Takes what readers treat by a rule."""
        self.told.note(rule, location)

    def applied(self, rule: str, location: str) -> None:
        """Takes what readers treat by a rule that makes other examples."""
        self.told.applied(rule, location)

    def listed(self) -> Iterator[Recording]:
        form = table_format(self.path)
        if form is None:
            folder = "; for a folder of recordings choose data=speech_folder" if isdir(self.path) else ""
            raise UserError(f"`data.path={self.config.path}`: a manifest is a .csv, .tsv or .jsonl file{folder}")
        self.files["manifest"] = self.path
        listed, spellings = list(self._rows(form)), dict[str, str]()
        # A file is one owner, however often it is listed and in whatever way: of its spellings, the first by the alphabet.
        for file, recording in listed:
            spellings[file] = min(spellings.get(file, recording.owner), recording.owner)
        self._tell_contradictions(listed)
        for file, recording in listed:
            if spellings[file] != recording.owner:
                self.told.changes.add("files that are written in several ways")
            yield replace(recording, owner=spellings[file])

    def _rows(self, form: str) -> Iterator[tuple[str, Recording]]:
        """Each recording, and its file, however its path is written."""
        for number, row in self._objects() if form == ".jsonl" else self._cells():
            if problem := self._problem(row):
                self.found(f"{self.path}:{number}: {problem}")
                continue
            transcript = "" if self.config.transcript is None else " ".join(row[self.config.transcript].split())
            label, speaker, split = (row.get(name, "").strip() for name in ("label", "speaker", "split"))
            label = noted_class_name(label, self.told, f"{self.path}:{number}")
            speaker = noted_class_name(speaker, self.told, f"{self.path}:{number}", "speaker")
            split = split_of(split) or ""
            key, file = f"{self.path.name}:{number}", Path(row["path"])
            # The file is the owner, wherever its row is and whatever the manifest is called.
            read, owner = self.reader(self.path.parent / file, key), file.as_posix()
            yield abspath(self.path.parent / file), Recording(key, read, label, speaker, split, transcript, owner)

    def _tell_contradictions(self, listed: Sequence[tuple[str, Recording]]) -> None:
        """Notes the rows that say another thing of a file than an earlier row does."""
        what, said = self.required[-1], dict[str, str]()
        for file, recording in listed:
            answer = recording.label if self.config.transcript is None else recording.transcript
            if said.setdefault(file, answer) != answer:
                self.told.note(f"rows list a file again with another {what}, and both were kept", recording.key)

    def _tell_parts(self, columns: Iterable[object], number: int) -> None:
        """Notes the columns of a row, or of all rows, that name a part of a file."""
        for name in sorted(PARTS.intersection(str(column).strip().casefold() for column in columns)):
            if name != self.config.transcript:
                rule = f"column `{name}` is not read: the recording of a row is its whole file"
                self.told.note(rule, f"{self.path.name}:{number}")

    def _problem(self, row: dict[str, str]) -> str:
        """Why this row names no recording, or nothing."""
        if reason := next(filter(None, map(unreadable, row.values())), ""):
            return reason
        if missing := [name for name in self.required if not row.get(name, "").strip()]:
            return f"no {missing[0]} in this row"
        if (split := row.get("split", "").strip()) and not split_of(split):
            return f"split `{split}`; choose train, validation or test"
        try:
            there = is_regular(self.path.parent / row["path"])  # False also of names longer than a file's may be
        except UserError as error:
            return str(error)
        if not there:
            otherwise = ", and have / between folders" if "\\" in row["path"] else ""
            return f"`{row['path']}` is missing; paths are relative to the manifest{otherwise}"
        return ""

    def _misnamed(self, columns: Sequence[str]) -> str:
        """Why a column would not be read though it looks like a known one, or nothing."""
        for known in self.known:
            if columns.count(known) > 1:
                return f"{columns.count(known)} columns are called `{known}`; keep one"
            alike = [name for name in columns if name.strip().casefold() == known]
            if alike and known not in columns and (known != "label" or self.config.transcript is None):
                return f"column `{alike[0]}`; write `{known}`"
        return ""

    def _cells(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(line, row) of a table whose first line names the columns."""
        rows = table_rows(self.path, self, columns=self.required)
        _, header = next(rows, (1, []))
        if any(name not in header for name in self.required):
            columns = f"{','.join(self.required)}[,split][,speaker]"
            raise UserError(f"{self.path}:1: the first line names the columns: {columns}")
        if problem := self._misnamed(header):
            raise UserError(f"{self.path}:1: {problem}")
        self._tell_parts(header, 1)
        for number, cells in rows:
            if len(cells) == len(header):
                yield number, dict(zip(header, cells, strict=True))
            else:
                self.found(f"{self.path}:{number}: {len(cells)} columns, where the first row has {len(header)}")

    def _objects(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(line, row) of a .jsonl file."""
        for lines in stretches(self.path):
            for number, row in json_objects(lines, self.required, self):
                cells = {name: row[name] for name in self.known if name in row}
                if problem := nested(list(cells), list(cells.values())) or self._misnamed([*map(str, row)]):
                    self.found(f"{self.path}:{number}: {problem}")
                else:
                    self._tell_parts(row, number)
                    yield number, {name: plain(value) for name, value in cells.items()}
