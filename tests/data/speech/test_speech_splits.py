"""Which recordings are trained on and tested: by the source, by hash of the file, by speaker."""

from pathlib import Path

import pytest
import soundfile
from recordings import RATE, config, speech, tone

from attnlab.data.speech.loader import Speech
from attnlab.data.speech.source import DIGITS
from attnlab.errors import UserError


def test_fsdd_is_split_by_index_and_validation_by_hash() -> None:
    data = speech(validation=0.3)
    of = {name: {key.split("_")[2] for key in split.keys} for name, split in data.splits.items()}
    assert of["test"] == {"0.wav", "1.wav", "2.wav", "3.wav", "4.wav"}
    assert of["train"] | of["validation"] == {"5.wav", "6.wav", "7.wav"}
    assert data.splits["validation"].keys == speech(seed=9, validation=0.3).splits["validation"].keys
    assert data.splits["validation"].keys != speech(split_seed=9, validation=0.3).splits["validation"].keys
    assert data.spec.targets["label"].classes == ("zero", "one", "two")


def test_speakers_are_kept_together_where_asked(tmp_path: Path) -> None:
    rows = ["path,label,speaker"]
    for number in range(30):
        soundfile.write(tmp_path / f"{number}.wav", tone(number % 2, 0, 0), RATE)
        rows.append(f"{number}.wav,{DIGITS[number % 2]},s{number // 3}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    settings = {"source": "manifest", "path": str(tmp_path / "list.csv"), "group": "speaker"}
    data = Speech(config(test=0.3, validation=0.3, **settings), 1)
    speakers = [{data.listing.speakers[row] for row in split.rows} for split in data.splits.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 10
    folds = Speech.folds(config(folds="3", **settings), 1)
    speakers = [{(int(key.rpartition(":")[2]) - 2) // 3 for key in keys} for keys in folds.test.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 10, "in numbered folds, too"
    with pytest.raises(
        UserError, match=r"`data\.folds=11`: there are only 10 different groups \(`data\.group=speaker`\)"
    ):
        Speech.folds(config(folds="11", **settings), 1)


def test_speakers_that_the_source_divides_cannot_be_kept_together() -> None:
    with pytest.raises(UserError, match=r"`ada` is in the \w+ and in the \w+ split .*`data\.folds=speaker`"):
        speech(group="speaker")


def listed(folder: Path, name: str, rows: list[tuple[str, str]]) -> dict[str, set[str]]:
    """The files of each split of a manifest."""
    (folder / name).write_text("path,label\n" + "".join(f"{path},{label}\n" for path, label in rows))
    data = Speech(config(source="manifest", path=str(folder / name), test=0.25, validation=0.25), 1)
    numbered = {f"{name}:{line}": path for line, (path, _) in enumerate(rows, 2)}
    return {split: {numbered[key] for key in own.keys} for split, own in data.splits.items()}


def test_who_is_held_out_of_a_manifest_depends_on_the_files_it_names_alone(tmp_path: Path) -> None:
    rows = []
    for i in range(24):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 2, 0, 0), RATE)
        rows.append((f"{i}.wav", DIGITS[i % 2]))
    found = listed(tmp_path, "one.csv", rows)
    assert {name: len(files) for name, files in found.items()} == {"train": 12, "validation": 6, "test": 6}
    assert listed(tmp_path, "other.csv", rows[::-1]) == found
    copies = listed(tmp_path, "copies.csv", [*rows, *((f"./{path}", label) for path, label in rows[::-1])])
    plain = {split: {str(Path(path)) for path in files} for split, files in copies.items()}
    assert sum(map(len, plain.values())) == 24, "copies of a file stay together"
    settings = {"source": "manifest", "path": str(tmp_path / "copies.csv"), "folds": "4"}
    folds = Speech.folds(config(**settings), 1)
    lines = [sorted(int(key.partition(":")[2]) for key in keys) for keys in folds.test.values()]
    for own in lines:
        assert [51 - line for line in own[::-1]] == own, "line 2 and line 49 are copies, and so on"


def test_a_limit_below_the_number_of_classes_is_named() -> None:
    assert [len(set(speech(limit=n).splits["train"].gold("label"))) for n in (3, 4, 9)] == [3, 3, 3]
    with pytest.raises(UserError, match=r"none of the classes that `data\.limit=2` leaves"):
        speech(limit=2)
