"""Recordings in the layouts of data sets and of plugins; a file out of place is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, config, tone

from attnlab.config import SpeechData, key
from attnlab.data import open_data
from attnlab.data.speech.loader import Speech
from attnlab.data.speech.source import DIGITS, Recording, RecordingSource, Utterance
from attnlab.data.speech.sources import FileSource
from attnlab.errors import UserError
from attnlab.registry import LOADERS, SPEECH_SOURCES


def test_a_folder_for_each_class_holds_out_shares(tmp_path: Path) -> None:
    for digit in range(2):
        folder = tmp_path / DIGITS[digit]
        folder.mkdir()
        for index in range(20):
            soundfile.write(folder / f"{index}.ogg", tone(digit, 0, index % 4), RATE)
    data = Speech(config(source="folder", path=str(tmp_path), test=0.3, validation=0.3), 1)
    keys = [key for split in data.splits.values() for key in split.keys]
    assert sorted(keys) == sorted(set(keys)) and len(keys) == 40
    assert all(len(data.splits[name]) > 3 for name in ("train", "validation", "test"))


def test_speech_commands_are_split_by_their_lists(tmp_path: Path) -> None:
    for word in ("yes", "no", "_background_noise_"):
        (tmp_path / word).mkdir()
        for speaker in "abc":
            soundfile.write(tmp_path / word / f"{speaker}_nohash_0.wav", tone(1, 0, 0), RATE)
    (tmp_path / "validation_list.txt").write_text("yes/a_nohash_0.wav\nno/a_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/b_nohash_0.wav\n")
    data = Speech(config(source="speech_commands", path=str(tmp_path)), 1)
    assert {name: split.keys for name, split in data.splits.items()} == {
        "train": ["no/b_nohash_0.wav", "no/c_nohash_0.wav", "yes/c_nohash_0.wav"],
        "validation": ["no/a_nohash_0.wav", "yes/a_nohash_0.wav"],
        "test": ["yes/b_nohash_0.wav"],
    }


@pytest.mark.parametrize("list_of", ["validation", "testing"])
def test_lists_of_speech_commands_are_paths_of_files(tmp_path: Path, list_of: str) -> None:
    for word in ("no", "yes"):
        (tmp_path / word).mkdir()
        for speaker in "abc":
            soundfile.write(tmp_path / word / f"{speaker}_nohash_0.wav", tone(1, 0, 0), RATE)
    for name in ("validation", "testing"):
        (tmp_path / f"{name}_list.txt").write_text("")
    listed, settings = tmp_path / f"{list_of}_list.txt", {"source": "speech_commands", "path": str(tmp_path)}
    listed.write_text("./no/a_nohash_0.wav\r\nyes//b_nohash_0.wav\r\n")
    split = Speech(config(validation=0, test=0, **settings), 1).splits[{"testing": "test"}.get(list_of, list_of)]
    assert split.keys == ["no/a_nohash_0.wav", "yes/b_nohash_0.wav"]
    listed.write_bytes(b"no/a_nohash_0.wav\nno/\xe9.wav\n")
    with pytest.raises(UserError, match=rf"{list_of}_list\.txt:2: not UTF-8 text"):
        Speech(config(**settings), 1)


def test_a_path_that_is_none_is_told(tmp_path: Path) -> None:
    for name in ("missing", "x" * 300):
        for source in ("fsdd", "folder", "manifest", "speech_commands"):
            with pytest.raises(UserError, match="no such file or folder"):
                Speech(config(source=source, path=str(tmp_path / name)), 1)


def test_two_recordings_of_one_name_contradict_each_other(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "0_ada_7.wav", tone(1, 0, 0), RATE)
    with pytest.raises(
        UserError, match=r"other/0_ada_7\.wav: another recording has this name: .*one/0_ada_7\.wav"
    ):
        Speech(config(path=str(tmp_path)), 1)


def test_a_file_that_is_no_recording_is_told_in_the_folder_of_a_class(tmp_path: Path) -> None:
    for word in ("no", "yes"):
        (tmp_path / word).mkdir()
        for i in range(6):
            soundfile.write(tmp_path / word / f"{i}.wav", tone(i % 3, 0, 0), RATE)
    (tmp_path / "yes" / "7.mp3").write_text("another format")
    (tmp_path / "yes" / "._1.wav").write_text("housekeeping")
    with pytest.raises(
        UserError, match=r"7\.mp3: recordings are not read from \.mp3 files; convert it to \.wav or \.flac"
    ):
        Speech(config(source="folder", path=str(tmp_path)), 1)
    data = Speech(config(source="folder", path=str(tmp_path), skip_bad=True), 1)
    assert len(data.listing.keys) == 12 and data.warnings[0].startswith("1 bad recording was left out")


@dataclass
class HummedData(SpeechData):
    """Hummed tones."""

    loader: str = key("hummed", "which loader reads it", choices=LOADERS)
    source: str = key("hummed", "where the recordings come from", choices=SPEECH_SOURCES)
    tones: int = key(2, "different ones", min=1)


class Hummed(RecordingSource):
    """A source of a plugin, with a key of its own."""

    def recordings(self) -> list[Recording]:
        assert isinstance(self.config, HummedData)
        return [
            Recording(f"hum-{i}", partial(self.read, i), label=f"tone {i % self.config.tones}", transcript="hm hm")
            for i in range(24)
        ]

    def read(self, i: int) -> Utterance:
        assert isinstance(self.config, HummedData)
        return Utterance((tone(i % self.config.tones, 0, i % 3) * 32767).astype(np.int16))


class InPlace(FileSource):
    """A layout of a plugin: all recordings of a folder, labelled by their first letter."""

    needs = "a folder of anything"

    def listed(self) -> Iterator[Recording]:
        for path in self.files_in(self.path):
            yield Recording(path.name, self.reader(path, path.name), path.name[0])


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sources, registered for one test."""
    for registry in (SPEECH_SOURCES, LOADERS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    SPEECH_SOURCES.register("hummed", HummedData)(Hummed)
    SPEECH_SOURCES.register("in_place")(InPlace)


def test_a_source_of_a_plugin_needs_no_edit(plugin: None) -> None:
    data = open_data(HummedData(name="hums", rate=RATE, bands=12), seed=1)
    assert data.spec.targets["label"].classes == ("tone 0", "tone 1")
    assert data.splits["test"].gold("transcript")[0] == "hm hm"
    other = open_data(HummedData(name="hums", rate=RATE, bands=12, tones=3), seed=1)
    assert other.spec.targets["label"].classes == ("tone 0", "tone 1", "tone 2"), (
        "its keys decide what is prepared"
    )
    with pytest.raises(UserError, match=r"data\.source=hummed is not read from the hub"):
        open_data(HummedData(name="hums", rate=RATE, bands=12, hub="a/b"), seed=1)


def test_a_layout_of_a_plugin_is_read_from_files(plugin: None, tmp_path: Path) -> None:
    for i in range(20):
        soundfile.write(tmp_path / f"{'ab'[i % 2]}{i}.wav", tone(i % 2, 0, 0), RATE)
    data = open_data(config(source="in_place", path=str(tmp_path)), seed=1)
    assert data.spec.targets["label"].classes == ("a", "b")
    with pytest.raises(UserError, match=r"`data\.path` is missing: data=toy needs a folder of anything"):
        open_data(config(source="in_place"), seed=1)


def test_linked_folders_notes_and_other_formats_beside_digits(tmp_path: Path) -> None:
    for folder, speaker in {"root/recordings": "ada", "away": "bob"}.items():
        (tmp_path / folder).mkdir(parents=True)
        for digit in range(2):
            for index in range(8):
                name = f"{digit}_{speaker}_{index}.wav"
                soundfile.write(tmp_path / folder / name, tone(digit, 0, index % 3), RATE)
    root = tmp_path / "root"
    (root / "bob").symlink_to(tmp_path / "away")
    for name in ("README.md", "Thumbs.db", "metadata.py", "recordings/x.txt"):
        (root / name).write_text("no recording")
    data = Speech(config(path=str(root), validation=0), 1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 12, "test": 20}
    assert set(data.listing.speakers) == {"ada", "bob"}
    assert data.warnings[0] == "2 files that are no recordings were passed over: metadata.py, recordings/x.txt"
    (root / "9_cid_1.m4a").write_text("another format")
    with pytest.raises(UserError, match=r"9_cid_1\.m4a: recordings are not read from \.m4a files"):
        Speech(config(path=str(root)), 1)


def test_what_the_lists_of_speech_commands_leave_open_is_told(tmp_path: Path) -> None:
    for folder in ("yes", "no", "yes/more", "."):
        (tmp_path / folder).mkdir(exist_ok=True)
        for i in range(4):
            soundfile.write(tmp_path / folder / f"{i}_nohash_0.wav", tone(1, 0, i % 3), RATE)
    (tmp_path / "validation_list.txt").write_text("yes/0_nohash_0.wav\n\nno/0_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/1_nohash_0.wav\nno/1_nohash_0.wav\n")
    (tmp_path / "training_list.txt").write_text("yes/2_nohash_0.wav\n")
    settings = {"source": "speech_commands", "path": str(tmp_path)}
    data = Speech(config(**settings), 1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4, "validation": 2, "test": 2}
    assert data.warnings[:2] == [
        "1 file that is none of the recordings was passed over: training_list.txt",
        "8 recordings that don't lie in the folder of a word were left out: 0_nohash_0.wav, 1_nohash_0.wav, "
        "2_nohash_0.wav, …",
    ]
    (tmp_path / "testing_list.txt").write_text("yes/0_nohash_0.wav\n")
    with pytest.raises(
        UserError, match=r"`yes/0_nohash_0\.wav` stands in validation_list\.txt and testing_list\.txt"
    ):
        Speech(config(**settings), 1)


@pytest.mark.parametrize("entry", ["_unknown_/1_nohash_0.wav", "yes/more/1_nohash_0.wav"])
def test_a_list_of_speech_commands_names_recordings_of_words_alone(tmp_path: Path, entry: str) -> None:
    for folder in ("yes", "no", "yes/more", "_unknown_", "_background_noise_"):
        (tmp_path / folder).mkdir()
        for i in range(3):
            soundfile.write(tmp_path / folder / f"{i}_nohash_0.wav", tone(1, 0, i), RATE)
    (tmp_path / "validation_list.txt").write_text("no/0_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/0_nohash_0.wav\n")
    settings = {"source": "speech_commands", "path": str(tmp_path)}
    data = Speech(config(**settings), 1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 4, "validation": 1, "test": 1}
    names = "0_nohash_0.wav, {0}/1_nohash_0.wav, {0}/2_nohash_0.wav"
    assert data.warnings[:2] == [
        f"3 recordings that don't lie in the folder of a word were left out: yes/more/{names.format('yes/more')}",
        "3 recordings that don't lie in a folder whose name doesn't begin with _ were left out: "
        f"_unknown_/{names.format('_unknown_')}",
    ]
    (tmp_path / "testing_list.txt").write_text(f"yes/0_nohash_0.wav\n{entry}\n")
    with pytest.raises(
        UserError, match=rf"testing_list\.txt:2: `{entry}` is none of the recordings in folders of words"
    ):
        Speech(config(**settings), 1)


def test_a_list_of_speech_commands_may_write_a_file_in_another_way(tmp_path: Path) -> None:
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        for speaker in "abc":
            soundfile.write(tmp_path / word / f"{speaker}_nohash_0.wav", tone(1, 0, 0), RATE)
    (tmp_path / "validation_list.txt").write_text("no/a_nohash_0.wav\n")
    listed, settings = tmp_path / "testing_list.txt", {"source": "speech_commands", "path": str(tmp_path)}
    listed.write_text("yes/../no/b_nohash_0.wav\n./yes/b_nohash_0.wav\n")
    data = Speech(config(**settings), 1)
    assert data.splits["test"].keys == ["no/b_nohash_0.wav", "yes/b_nohash_0.wav"]
    assert len(data.splits["train"]) == 3
    listed.write_text("no\\b_nohash_0.wav\n")
    with pytest.raises(
        UserError, match=r"testing_list\.txt:1: `no\\b_nohash_0\.wav` is missing; write / between folders"
    ):
        Speech(config(**settings), 1)


def test_a_speaker_in_a_name_has_one_spelling(tmp_path: Path) -> None:
    for digit in range(2):
        for index in range(4, 8):
            speaker = ("Zoé", "Zoe\N{COMBINING ACUTE ACCENT}")[index % 2]
            soundfile.write(tmp_path / f"{digit}_{speaker}_{index}.wav", tone(digit, 0, 0), RATE)
    data = Speech(config(path=str(tmp_path), validation=0), 1)
    assert set(data.listing.speakers) == {"Zoé"} and len(data.listing.keys) == 8
    assert [warning.partition(" were")[0] for warning in data.warnings if "form" in warning] == ["speaker names"]
