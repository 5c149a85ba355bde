"""Where recordings come from: the program's own voices, files in the layouts of data sets, or the hub."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from os.path import isdir, isfile, normpath
from pathlib import Path
from typing import ClassVar

from attnlab.config import SpeechData
from attnlab.data.files.class_folders import Kind, class_folders, unlabelled_files
from attnlab.data.files.hub import HubSource
from attnlab.data.files.layout import near_file
from attnlab.data.files.names import noted_class_name
from attnlab.data.files.walk import few, files_below, passed_over
from attnlab.data.prep.source import path_of
from attnlab.data.prep.splits import lacking, owner_of
from attnlab.data.speech.audio_file import read_sound
from attnlab.data.speech.source import DIGITS, Recording, RecordingSource, Utterance
from attnlab.data.synthetic import voices
from attnlab.errors import UserError
from attnlab.local_files import is_regular, name_text, open_regular, user_path
from attnlab.text_files import text_lines, unreadable

RECORDINGS = Kind(
    what="recordings",
    read=(".wav", ".flac", ".ogg"),
    unread=tuple(
        ".mp3 .m4a .mp4 .aac .opus .wma .aif .aiff .aifc .au .amr .caf .mka .webm .wv .ape .sph .3gp .oga .wave".split()
    ),
)
ENDINGS = RECORDINGS.read


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
        assert answer is not None, "a label is refused to be missing"
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
            label, transcript = (
                (noted_class_name(answer, self.told, key), "")
                if self.config.transcript is None
                else ("", " ".join(answer.split()))
            )
            if self.config.transcript is not None and not transcript:
                self.problems.append(f"{key}: no {self.config.transcript} in this row")
            else:
                read = partial(self._read, split, i, key)
                owner = owner_of(self._contents(split, i) or b"")
                name = noted_class_name("".join(speaker), self.told, key, "speaker")
                yield Recording(key, read, label, name, split, transcript, owner)

    def _contents(self, split: str, i: int) -> bytes | None:
        """The bytes of a recording's file."""
        cell = self.set.splits[split][i][self.config.audio]
        return cell["bytes"] if cell else None

    def _read(self, split: str, i: int, key: str) -> Utterance:
        contents = self._contents(split, i)
        if contents is None:
            raise UserError(f"{key}: a recording without contents")
        return Utterance.of(read_sound(key, self.config, contents))


class FileSource(RecordingSource):
    """Recordings in files at `data.path`: a layout says by `listed` what there is. Raises UserError where none is."""

    needs = "the folder that holds its recordings"
    hub = HubRecordings

    def __init__(self, config: SpeechData) -> None:
        super().__init__(config)
        self.path = user_path(path_of(config))
        if not is_regular(self.path) and not isdir(self.path):
            raise UserError(f"`data.path={config.path}`: no such file or folder{near_file(self.path)}")
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
        with open_regular(path) as stream:
            if not stream.peek(1):
                raise UserError(f"{path}: an empty file, of 0 bytes")
            # The library opens no name that isn't UTF-8.
            data = None if name_text(str(path)) == str(path) else stream.read()
        return Utterance.of(read_sound(path, self.config, data))

    def files_in(self, folder: Path, others: Collection[str] = ()) -> list[Path]:
        """The recordings below a folder. Those in formats that are not read become problems, what is no recording and none
        of `others` a warning. Raises UserError where it is no folder, and as `files_below` does."""
        if not isdir(folder):
            raise UserError(f"`data.path={self.config.path}`: data={self.config.name} needs a folder")
        files = files_below(folder)
        self.problems += [
            problem for path in files if RECORDINGS.fits(path) and (problem := RECORDINGS.problem(path))
        ]
        notes = [path for path in files if not RECORDINGS.fits(path) and path.name not in others]
        self.warnings += passed_over(folder, notes, RECORDINGS.what)
        return [path for path in files if path.suffix.lower() in ENDINGS]

    def key(self, path: Path) -> str:
        """A file's name below `data.path`."""
        return name_text(path.relative_to(self.path).as_posix())


class Fsdd(FileSource):
    """Free Spoken Digit Dataset (Jackson et al.): recordings/{digit}_{speaker}_{index}.wav; by its README, index 0 to 4 are
    for testing."""

    def listed(self) -> Iterator[Recording]:
        for path in self.files_in(self.path):
            key = name_text(path.name)
            if key in self.files:
                self.problems.append(f"{path}: another recording has this name: {self.files[key]}")
                continue
            match = re.fullmatch(r"([0-9])_([^_]+)_([0-9]+)", name_text(path.stem))
            if match is None:
                self.problems.append(f"{path}: not named like 7_jackson_32.wav (digit, speaker, index)")
                continue
            digit, index = DIGITS[int(match[1])], int(match[3])
            speaker = noted_class_name(match[2], self.told, key, "speaker")
            split = "test" if index < 5 else "train"
            yield Recording(key, self.reader(path, key), digit, speaker, split, digit)


class Folder(FileSource):
    """A folder of recordings for each class; below train/, validation/ and test/ where those exist."""

    needs = "a folder that holds a folder for each class"
    has_names = True

    def listed(self) -> Iterator[Recording]:
        read = unlabelled_files if self.config.label is None else class_folders
        found = read(self.config, RECORDINGS)
        self.warnings, self.identity = found.warnings, found.identity
        for split, files in found.splits.items():
            for path, label in files:
                if problem := RECORDINGS.problem(path):
                    self.problems.append(problem)
                else:
                    yield Recording(self.key(path), self.reader(path, self.key(path)), label, split=split)


class SpeechCommands(FileSource):
    """Speech Commands' layout (Warden 2018): a folder per word, validation_list.txt and testing_list.txt."""

    lists: ClassVar = {"validation": "validation_list.txt", "test": "testing_list.txt"}

    def listed(self) -> Iterator[Recording]:
        files = [(self.key(path), path) for path in self.files_in(self.path, self.lists.values())]
        words = {key for key, path in files if len(path.relative_to(self.path).parts) == 2 and key[0] != "_"}
        split_of = self._splits(words)
        for key, path in files:
            if key in words:
                label = noted_class_name(name_text(path.parent.name), self.told, key)
                speaker = name_text(path.stem.split("_nohash_")[0])
                speaker = noted_class_name(speaker, self.told, key, "speaker")
                yield Recording(key, self.reader(path, key), label, speaker, split_of.get(key, "train"))
        # The layout has noise that nobody says in a folder of its own; all else that is left out is told.
        others = [key for key, _ in files if key not in words and not key.startswith("_background_noise_/")]
        self._tell_left_out([key for key in others if key[0] != "_"], "in the folder of a word")
        self._tell_left_out(
            [key for key in others if key[0] == "_"], "in a folder whose name doesn't begin with _"
        )

    def _tell_left_out(self, keys: Sequence[str], where: str) -> None:
        """Warns of these recordings, which don't lie where those of words do."""
        were = f"1 recording that doesn't lie {where} was"
        if len(keys) > 1:
            were = f"{len(keys):,} recordings that don't lie {where} were"
        if keys:
            self.warnings += (f"{were} left out: {few(keys)}",)

    def _splits(self, words: Collection[str]) -> dict[str, str]:
        """The split of each file that a list names; one that both name is a problem. words: the recordings of words."""
        validation, test = (self._listed(name, split, words) for split, name in self.lists.items())
        for file in validation:
            if file in test:
                names = " and ".join(self.lists.values())
                self.problems.append(f"{self.path}: `{file}` stands in {names}; take it out of one")
        return validation | test

    def _listed(self, name: str, split: str, words: Collection[str]) -> dict[str, str]:
        """The split of each file that its list names; one that is none of the recordings of words is a problem."""
        path = self.path / name
        if not is_regular(path):
            raise UserError(f"{path}: no such file; Speech Commands' layout has one")
        self.files[name] = path
        split_of = {}
        for number, line in enumerate(text_lines(path), 1):
            file = line.rstrip("\r\n")
            if problem := unreadable(file):
                self.problems.append(f"{path}:{number}: {problem}")
            elif file and not isfile(self.path / file):
                otherwise = "; write / between folders" if "\\" in file else ""
                self.problems.append(f"{path}:{number}: `{file}` is missing{otherwise}")
            elif file and normpath(file) not in words and Path(file).suffix not in RECORDINGS.unread:
                what = "is none of the recordings in folders of words; write it as word/name.wav"
                self.problems.append(f"{path}:{number}: `{file}` {what}")
            if file and normpath(file) != Path(file).as_posix():
                self.told.changes.add("files that are written in several ways")  # which stayed for training before
            if file:
                split_of[normpath(file)] = split
        return split_of
