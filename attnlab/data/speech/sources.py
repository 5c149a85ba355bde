"""Where recordings come from: each source lists what there is, and reads a sound when it is asked to."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from os.path import exists, isfile
from pathlib import Path
from typing import ClassVar, Protocol

from attnlab.config import SpeechData
from attnlab.data.files.hub import HubSet
from attnlab.data.files.layout import class_files, no_path, visible_files
from attnlab.data.files.tables import json_objects, nested, plain, table_format, table_rows
from attnlab.data.prep.splits import NAMES
from attnlab.data.speech.audio_file import Samples, read_samples
from attnlab.data.synthetic import voices
from attnlab.errors import UserError
from attnlab.text_files import stretches, text_lines, unreadable

SOUNDS = (".wav", ".flac", ".ogg")


DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Sound:
    """samples: int16 at `data.rate`. marks: (first sample, sample after the last, what is heard there)."""

    samples: Samples
    marks: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Recording:
    """What is known of a recording before it is heard.

    key: its file's name, or manifest:line. label: its class, "" for none. split: "" where the source names none.
    owner: what decides who is held out, and keeps copies together; "" is the key.
    """

    key: str
    read: Callable[[], Sound] = field(repr=False)
    label: str = ""
    speaker: str = ""
    split: str = ""
    transcript: tuple[str, ...] = ()
    owner: str = ""


class RecordingSource(Protocol):
    """Built from the data's configuration; refuses a missing folder or file.

    background: the mark of every sample without another, for sources whose recordings are marked; "" is not scored.
    ceiling: accuracy of a perfect listener, where it is known.
    """

    notice: str
    files: dict[str, Path]
    """What the recordings are read from: their contents are the data's fingerprint."""
    problems: list[str]
    """Of files that are not what the source expects: refused, or counted where bad ones are skipped."""
    marks: str
    """The target that the marks are; "" for sources without marks."""
    background: str
    ceiling: float | None
    identity: str
    """What the recordings depend on besides files, such as the commit of a data set on the hub."""
    commit: str | None
    """Of a data set on the hub."""
    warnings: tuple[str, ...]

    def recordings(self) -> list[Recording]: ...


class Nearby:
    """What most sources share."""

    notice = ""
    marks = ""
    background = ""
    ceiling: float | None = None
    identity = ""
    commit: str | None = None
    warnings: tuple[str, ...] = ()


class Voices(Nearby):
    """`data=voices`: generated spoken digits; the data are as fixed as those of files."""

    notice = (
        "These recordings are generated (data=voices). For real ones: attnlab train task=keywords data=fsdd "
        "data.path=FOLDER with the recordings of the Free Spoken Digit Dataset, or data=speech_folder with a "
        "folder of recordings for each class."
    )
    marks = "voice"
    background = "silence"
    ceiling: float | None = 1.0  # no two digits share their sounds, and noise is softer than speech

    def __init__(self, config: SpeechData) -> None:
        # The generator is the source: another version of it makes other data.
        self.files = {"voices": Path(voices.__file__)}
        self.problems: list[str] = []
        self.config = config

    def recordings(self) -> list[Recording]:
        kind = "strings" if self.config.strings else "words"
        found = []
        for plan in voices.plans(self.config.strings):
            words = tuple(DIGITS[digit] for digit in plan.digits)
            found.append(Recording(
                key=f"voices-{kind}-{plan.number}", read=partial(self._read, plan), split=plan.split,
                label="" if self.config.strings else words[0], speaker=f"voice{plan.voice}", transcript=words,
            ))  # fmt: skip
        return found

    def _read(self, plan: voices.Plan) -> Sound:
        samples, spoken = voices.synthesise(plan, self.config.rate)
        return Sound(samples, tuple((begin, end, "speech") for begin, end in spoken))


class Files(Nearby):
    """What all sources of files share."""

    def __init__(self, config: SpeechData) -> None:
        if config.path is None:
            raise no_path(config)
        self.config = config
        self.path = Path(config.path).expanduser()
        if not exists(self.path):
            raise UserError(f"`data.path={config.path}`: no such file or folder")
        self.problems: list[str] = []
        self.files: dict[str, Path] = {}
        self._found = list(self.rows())
        if not self._found and not self.problems:
            raise UserError(f"`data.path={config.path}`: no recordings ({', '.join(SOUNDS)}) there")

    def rows(self) -> Iterator[Recording]:
        """What there is, in a fixed order; problems are added to `problems`."""
        raise NotImplementedError

    def recordings(self) -> list[Recording]:
        return self._found

    def recording(
        self,
        path: Path,
        key: str,
        label: str,
        speaker: str = "",
        split: str = "",
        said: tuple[str, ...] = (),
        owner: str = "",
    ) -> Recording:
        """One file's recording; it is part of the data's fingerprint."""
        self.files[key] = path
        return Recording(key, partial(self._read, path), label, speaker, split, said, owner)

    def sounds_in(self, folder: Path) -> list[Path]:
        if not folder.is_dir():
            raise UserError(f"`data.path={self.config.path}`: data={self.config.name} needs a folder")
        return [path for path in visible_files(folder) if path.suffix.lower() in SOUNDS]

    def _read(self, path: Path) -> Sound:
        return Sound(read_samples(path, self.config))


class HubRecordings(Nearby):
    """Recordings in a column of a data set on the hub, with their class and, if you like, speaker in others.

    With `data.transcript`, that column is what is said, and a label is not needed.
    """

    def __init__(self, config: SpeechData) -> None:
        self.config = config
        answer = config.transcript or config.label
        columns = [config.audio, answer, *([] if config.speaker is None else [config.speaker])]
        self.set = HubSet(config, columns, answer)
        self.problems: list[str] = []
        self.files: dict[str, Path] = {}
        self.identity, self.commit, self.warnings = self.set.identity, self.set.commit, tuple(self.set.warnings)

    def recordings(self) -> list[Recording]:
        found = []
        for split, rows in self.set.splits.items():
            described = self.set.rows(split, (0, len(rows)), self.set.columns[1:])  # sounds are read one by one
            for i, (key, values) in enumerate(described):
                answer, *speaker = ("" if value is None else str(value) for value in values)
                label, said = (answer, ()) if self.config.transcript is None else ("", tuple(answer.split()))
                if self.config.transcript is not None and not said:
                    self.problems.append(f"{key}: no {self.config.transcript} in this row")
                    continue
                read = partial(self._read, split, i, key)
                found.append(Recording(key, read, label, "".join(speaker), split, said))
        return found

    def _read(self, split: str, i: int, key: str) -> Sound:
        sound = self.set.splits[split][i][self.config.audio]
        if not sound or sound["bytes"] is None:
            raise UserError(f"{key}: a recording without contents")
        return Sound(read_samples(key, self.config, sound["bytes"]))


class Fsdd(Files):
    """Free Spoken Digit Dataset (Jackson et al.): recordings/{digit}_{speaker}_{index}.wav.

    Its README's split: index 0 to 4 are for testing.
    """

    named: ClassVar = re.compile(r"([0-9])_([^_]+)_([0-9]+)")

    def rows(self) -> Iterator[Recording]:
        for path in self.sounds_in(self.path):
            if path.name in self.files:
                self.problems.append(f"{path}: another recording has this name: {self.files[path.name]}")
                continue
            match = self.named.fullmatch(path.stem)
            if match is None:
                self.problems.append(f"{path}: not named like 7_jackson_32.wav (digit, speaker, index)")
                continue
            word = DIGITS[int(match[1])]
            split = "test" if int(match[3]) < 5 else "train"
            yield self.recording(path, path.name, word, match[2], split, (word,))


class Folder(Files):
    """A folder of recordings for each class; below train/, validation/ and test/ where those exist."""

    def rows(self) -> Iterator[Recording]:
        for split, files in class_files(str(self.config.path), SOUNDS, "recordings").items():
            for path, label in files:
                if path.suffix.lower() in SOUNDS:
                    yield self.recording(path, path.relative_to(self.path).as_posix(), label, split=split)
                else:
                    self.problems.append(
                        f"{path}: not a recording by its name ({', '.join(SOUNDS)}); move it elsewhere"
                    )


class SpeechCommands(Files):
    """Speech Commands' layout (Warden 2018): a folder per word, validation_list.txt and testing_list.txt."""

    def rows(self) -> Iterator[Recording]:
        split_of = {}
        for name, split in (("validation_list.txt", "validation"), ("testing_list.txt", "test")):
            listed = self.path / name
            if not listed.is_file():
                raise UserError(f"{listed}: no such file; Speech Commands' layout has one")
            self.files[name] = listed
            for number, line in enumerate(text_lines(listed), 1):
                own = line.rstrip("\r\n")
                if problem := unreadable(own):
                    self.problems.append(f"{listed}:{number}: {problem}")
                elif own and not isfile(self.path / own):
                    self.problems.append(f"{listed}:{number}: `{own}` is missing")
                split_of[Path(own).as_posix()] = split
        for path in self.sounds_in(self.path):
            inside = path.relative_to(self.path)
            if len(inside.parts) != 2 or inside.parts[0].startswith("_"):  # _background_noise_ is no word
                continue
            key, speaker = inside.as_posix(), path.stem.split("_nohash_")[0]
            yield self.recording(path, key, inside.parts[0], speaker=speaker, split=split_of.get(key, "train"))


class Manifest(Files):
    """A .csv, .tsv or .jsonl file with a row for each recording: path, label and, if you like, split and speaker.

    Paths are relative to the manifest. With `data.transcript`, that column is what is said, and a label is not needed.
    """

    @property
    def needed(self) -> tuple[str, str]:
        """The columns that no row may leave empty."""
        return "path", self.config.transcript or "label"

    def found(self, problem: str, count: int = 1) -> None:
        """What readers say of a row, or of several that share it."""
        self.problems += [problem] * count

    def rows(self) -> Iterator[Recording]:
        if table_format(self.path) is None:
            raise UserError(f"`data.path={self.config.path}`: a manifest is a .csv, .tsv or .jsonl file")
        self.files["manifest"] = self.path
        lines = self._objects() if table_format(self.path) == ".jsonl" else self._cells()
        for number, row in lines:
            problem = self._problem(row)
            if problem:
                self.found(f"{self.path}:{number}: {problem}")
                continue
            said = () if self.config.transcript is None else tuple(row[self.config.transcript].split())
            label, speaker, split = (row.get(name, "").strip() for name in ("label", "speaker", "split"))
            key = f"{self.path.name}:{number}"
            own = Path(row["path"])  # wherever the row stands, and whatever the manifest is called
            yield self.recording(self.path.parent / own, key, label, speaker, split, said, own.as_posix())

    def _problem(self, row: dict[str, str]) -> str:
        """Why this row names no recording, or nothing."""
        if unread := next(filter(None, map(unreadable, row.values())), ""):
            return unread
        if missing := [name for name in self.needed if not row.get(name, "").strip()]:
            return f"no {missing[0]} in this row"
        if row.get("split", "").strip() not in ("", *NAMES):
            return f"split `{row['split']}`; choose train, validation or test"
        if not isfile(self.path.parent / row["path"]):  # also of names longer than a file's may be
            return f"`{row['path']}` is missing; paths are relative to the manifest"
        return ""

    @property
    def known(self) -> tuple[str, ...]:
        """The columns that are read; a list may have others."""
        return (
            "path",
            "label",
            "split",
            "speaker",
            *(() if self.config.transcript is None else (self.config.transcript,)),
        )

    def _misnamed(self, columns: Sequence[str]) -> str:
        """Why a column would be passed over, or nothing."""
        for known in self.known:
            if columns.count(known) > 1:
                return f"{columns.count(known)} columns are called `{known}`; keep one"
            alike = [name for name in columns if name.strip().casefold() == known]
            if alike and known not in columns and (known != "label" or self.config.transcript is None):
                return f"column `{alike[0]}`; write `{known}`"
        return ""

    def _cells(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(line, row) of a table whose first line names the columns."""
        rows = table_rows(self.path, self)
        _, header = next(rows, (1, []))
        if any(name not in header for name in self.needed):
            raise UserError(
                f"{self.path}:1: the first line names the columns: {','.join(self.needed)}[,split][,speaker]"
            )
        if problem := self._misnamed(header):
            raise UserError(f"{self.path}:1: {problem}")
        for number, cells in rows:
            if len(cells) == len(header):
                yield number, dict(zip(header, cells, strict=True))
            else:
                self.found(f"{self.path}:{number}: {len(cells)} columns, where the first row has {len(header)}")

    def _objects(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(line, row) of a .jsonl file."""
        for lines in stretches(self.path):
            for number, row in json_objects(lines, self.needed, self):
                cells = {name: row[name] for name in self.known if name in row}
                if problem := nested(list(cells), list(cells.values())) or self._misnamed([*map(str, row)]):
                    self.found(f"{self.path}:{number}: {problem}")
                else:
                    yield number, {name: plain(value) for name, value in cells.items()}


SOURCES: dict[str, Callable[[SpeechData], RecordingSource]] = {
    "voices": Voices,
    "fsdd": Fsdd,
    "folder": Folder,
    "manifest": Manifest,
    "speech_commands": SpeechCommands,
}


def recording_source(config: SpeechData) -> RecordingSource:
    """The user's own files come first, then the hub."""
    if config.path is None and config.hub is not None:
        return HubRecordings(config)
    return SOURCES[config.source](config)
