"""Where recordings come from: the program's own voices, files in the layouts of data sets, or the hub."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from os.path import exists, isfile
from pathlib import Path

from attnlab.config import SpeechData
from attnlab.data.files.hub import HubSource
from attnlab.data.files.layout import class_files, visible_files
from attnlab.data.prep.source import path_of
from attnlab.data.prep.splits import lacking, owner_of
from attnlab.data.speech.audio_file import read_samples
from attnlab.data.speech.source import DIGITS, Recording, RecordingSource, Utterance
from attnlab.data.synthetic import voices
from attnlab.errors import UserError
from attnlab.text_files import text_lines, unreadable

ENDINGS = (".wav", ".flac", ".ogg")
"""Of the names of files that are recordings."""


class Voices(RecordingSource):
    """`data=voices`: generated spoken digits; the data are as fixed as those of files."""

    notice = (
        "These recordings are generated (data=voices). For real ones: attnlab train task=keywords data=fsdd "
        "data.path=FOLDER with the recordings of the Free Spoken Digit Dataset, or data=speech_folder with a "
        "folder of recordings for each class."
    )
    mark_target = "voice"
    background = "silence"
    ceiling = 1.0  # no two digits consist of the same phones, and noise is softer than speech

    def __init__(self, config: SpeechData) -> None:
        super().__init__(config)
        # The generator is the source: another version of it makes other data.
        self.files = {"voices": Path(voices.__file__)}

    def recordings(self) -> list[Recording]:
        return [self._recording(plan) for plan in voices.plans(self.config.strings)]

    def _recording(self, plan: voices.Plan) -> Recording:
        kind, words = "strings" if self.config.strings else "words", [DIGITS[digit] for digit in plan.digits]
        label, key = "" if self.config.strings else words[0], f"voices-{kind}-{plan.number}"
        return Recording(key, partial(self._read, plan), label, f"voice{plan.voice}", plan.split, " ".join(words))

    def _read(self, plan: voices.Plan) -> Utterance:
        samples, spoken = voices.synthesise(plan, self.config.rate)
        return Utterance(samples, tuple((begin, end, "speech") for begin, end in spoken))


class HubRecordings(HubSource, RecordingSource):
    """Recordings in a column of a data set on the hub, with their class and, if you like, speaker in others; with
    `data.transcript`, that column is what is said, and a label is not needed."""

    def __init__(self, config: SpeechData) -> None:
        answer = config.transcript or config.label
        speaker = () if config.speaker is None else (config.speaker,)
        super().__init__(config, (config.audio, answer, *speaker), answer)
        if lacking(config, self.splits) or config.folds is not None:  # earlier versions went by the row's number
            self.identity += " held out by content"

    def recordings(self) -> list[Recording]:
        return [recording for split in self.set.splits for recording in self._of_split(split)]

    def _of_split(self, split: str) -> Iterator[Recording]:
        rows = (0, len(self.set.splits[split]))
        # Without the column of the recordings, which are read one by one.
        for i, (key, values) in enumerate(self.set.rows(split, rows, self.set.columns[1:])):
            answer, *speaker = ("" if value is None else str(value) for value in values)
            label, transcript = (answer, "") if self.config.transcript is None else ("", " ".join(answer.split()))
            if self.config.transcript is not None and not transcript:
                self.problems.append(f"{key}: no {self.config.transcript} in this row")
            else:
                read = partial(self._read, split, i, key)
                owner = owner_of(self._contents(split, i) or b"")
                yield Recording(key, read, label, "".join(speaker), split, transcript, owner)

    def _contents(self, split: str, i: int) -> bytes | None:
        """The bytes of a recording's file."""
        cell = self.set.splits[split][i][self.config.audio]
        return cell["bytes"] if cell else None

    def _read(self, split: str, i: int, key: str) -> Utterance:
        contents = self._contents(split, i)
        if contents is None:
            raise UserError(f"{key}: a recording without contents")
        return Utterance(read_samples(key, self.config, contents))


class FileSource(RecordingSource):
    """Recordings in files at `data.path`: a layout says by `listed` what there is. Raises UserError where none is."""

    needs = "the folder that holds its recordings"
    hub = HubRecordings

    def __init__(self, config: SpeechData) -> None:
        super().__init__(config)
        self.path = Path(path_of(config)).expanduser()
        if not exists(self.path):
            raise UserError(f"`data.path={config.path}`: no such file or folder")
        self._recordings = list(self.listed())
        if not self._recordings and not self.problems:
            raise UserError(f"`data.path={config.path}`: no recordings ({', '.join(ENDINGS)}) there")

    def listed(self) -> Iterator[Recording]:
        """What there is, in a fixed order; problems are added to `problems`, files to `files`. Raises UserError where a list
        of recordings cannot be read at all."""
        raise NotImplementedError

    def recordings(self) -> list[Recording]:
        return self._recordings

    def reader(self, path: Path, key: str) -> Callable[[], Utterance]:
        """What reads this file when it is called; the file becomes part of the data's fingerprint."""
        self.files[key] = path
        return partial(self._read, path)

    def _read(self, path: Path) -> Utterance:
        return Utterance(read_samples(path, self.config))

    def files_in(self, folder: Path) -> list[Path]:
        """The recordings below a folder. Raises UserError where it is none."""
        if not folder.is_dir():
            raise UserError(f"`data.path={self.config.path}`: data={self.config.name} needs a folder")
        return [path for path in visible_files(folder) if path.suffix.lower() in ENDINGS]


class Fsdd(FileSource):
    """Free Spoken Digit Dataset (Jackson et al.): recordings/{digit}_{speaker}_{index}.wav; by its README, index 0 to 4 are
    for testing."""

    def listed(self) -> Iterator[Recording]:
        for path in self.files_in(self.path):
            if path.name in self.files:
                self.problems.append(f"{path}: another recording has this name: {self.files[path.name]}")
                continue
            match = re.fullmatch(r"([0-9])_([^_]+)_([0-9]+)", path.stem)
            if match is None:
                self.problems.append(f"{path}: not named like 7_jackson_32.wav (digit, speaker, index)")
                continue
            digit, speaker, index = DIGITS[int(match[1])], match[2], int(match[3])
            split = "test" if index < 5 else "train"
            yield Recording(path.name, self.reader(path, path.name), digit, speaker, split, digit)


class Folder(FileSource):
    """A folder of recordings for each class; below train/, validation/ and test/ where those exist."""

    needs = "a folder that holds a folder for each class"

    def listed(self) -> Iterator[Recording]:
        for split, files in class_files(str(self.config.path), ENDINGS, "recordings").items():
            for path, label in files:
                key, named = (
                    path.relative_to(self.path).as_posix(),
                    f"not a recording by its name ({', '.join(ENDINGS)})",
                )
                if path.suffix.lower() in ENDINGS:
                    yield Recording(key, self.reader(path, key), label, split=split)
                else:
                    self.problems.append(f"{path}: {named}; move it elsewhere")


class SpeechCommands(FileSource):
    """Speech Commands' layout (Warden 2018): a folder per word, validation_list.txt and testing_list.txt."""

    def listed(self) -> Iterator[Recording]:
        split_of = self._listed("validation_list.txt", "validation") | self._listed("testing_list.txt", "test")
        for path in self.files_in(self.path):
            inside = path.relative_to(self.path)
            word, key, speaker = inside.parts[0], inside.as_posix(), path.stem.split("_nohash_")[0]
            if len(inside.parts) == 2 and not word.startswith("_"):  # _background_noise_ is no word
                yield Recording(key, self.reader(path, key), word, speaker, split_of.get(key, "train"))

    def _listed(self, name: str, split: str) -> dict[str, str]:
        """The split of each file that its list names."""
        path = self.path / name
        if not path.is_file():
            raise UserError(f"{path}: no such file; Speech Commands' layout has one")
        self.files[name] = path
        split_of = {}
        for number, line in enumerate(text_lines(path), 1):
            file = line.rstrip("\r\n")
            if problem := unreadable(file):
                self.problems.append(f"{path}:{number}: {problem}")
            elif file and not isfile(self.path / file):
                self.problems.append(f"{path}:{number}: `{file}` is missing")
            split_of[Path(file).as_posix()] = split
        return split_of
