"""Recordings in a list: what a row says, and which row is wrong."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import soundfile
from recordings import RATE, config, tone

from attnlab.data.speech.loader import Speech
from attnlab.data.speech.source import DIGITS
from attnlab.errors import UserError


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest_may_say_what_is_said_instead_of_a_label(tmp_path: Path, form: str) -> None:
    rows = [{"path": f"{i}.wav", "said": f"{DIGITS[i % 3]}  and {DIGITS[i % 2]}"} for i in range(12)]
    for i, row in enumerate(rows):
        soundfile.write(tmp_path / row["path"], tone(i % 3, 0, i % 4), RATE)
    as_csv = ["path,said", *(f"{row['path']},{row['said']}" for row in rows)]
    manifest = tmp_path / f"list.{form}"
    manifest.write_text("\n".join(as_csv if form == "csv" else map(json.dumps, rows)) + "\n")
    settings = {"source": "manifest", "path": str(manifest), "transcript": "said", "validation": 0.3, "test": 0.3}
    data = Speech(config(**settings), 1)
    assert list(data.spec.targets) == ["transcript"]
    told = {
        key: text for s in data.splits.values() for key, text in zip(s.keys, s.gold("transcript"), strict=True)
    }
    first = 2 if form == "csv" else 1
    assert told == {f"list.{form}:{i + first}": " ".join(row["said"].split()) for i, row in enumerate(rows)}
    with pytest.raises(UserError, match=rf"list\.{form}:{4 + first}: no said"):
        text = manifest.read_text().replace(rows[4]["said"], " ")
        manifest.write_text(text)
        Speech(config(**settings), 1)


def test_spaces_around_a_label_and_true_and_false_are_what_they_are_elsewhere(tmp_path: Path) -> None:
    labels: list[object] = ["yes", " yes", True, 1]
    rows = []
    for i in range(16):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 2, 0, 0), RATE)
        rows.append(json.dumps({"path": f"{i}.wav", "label": labels[i % 4], "more": {"any": ["thing"]}}))
    (tmp_path / "list.jsonl").write_text("\n".join(rows))
    data = Speech(config(source="manifest", path=str(tmp_path / "list.jsonl")), 1)
    assert data.spec.targets["label"].classes == ("1", "yes")


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("path,text,label,label", "2 columns are called `label`; keep one"),
        ("path,text,Split,speaker", "column `Split`; write `split`"),
        ("path,text, speaker,split", "column ` speaker`; write `speaker`"),
        ("path,text,Label,Path", "`a.wav` is missing"),  # none of which is read
    ],
)
def test_columns_that_would_be_passed_over_are_told(tmp_path: Path, header: str, sentence: str) -> None:
    (tmp_path / "list.csv").write_text(f"{header}\na.wav,yes,,\n")
    with pytest.raises(UserError, match=rf"list\.csv:\d: {sentence}"):
        Speech(config(source="manifest", path=str(tmp_path / "list.csv"), transcript="text"), 1)


BAD_ROWS = {
    "more cells": ("csv", "a.wav,yes, no", "3 columns, where the first row has 2"),
    "fewer cells": ("tsv", "a.wav", "1 columns, where the first row has 2"),
    "open quote": ("csv", '"a.wav,yes', "not a row of a .csv file"),
    "half an object": ("jsonl", '{"path": "a.wav"', "not a JSON object"),
    "no object": ("jsonl", "[1]", "not a JSON object"),
    "no text": ("jsonl", '{"path": "a.wav"}', "no `text`"),
    "a list": ("jsonl", '{"path": "a.wav", "text": ["yes"]}', "`text` holds a list or an object"),
    "misspelt": ("jsonl", '{"path": "a.wav", "text": "yes", "Split": "test"}', "column `Split`; write `split`"),
    "endless name": ("csv", f"{'x' * 300},yes", "`x+` is missing"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_of_a_manifest_is_told_or_skipped(tmp_path: Path, case: str) -> None:
    form, row, sentence = BAD_ROWS[case]
    soundfile.write(tmp_path / "a.wav", tone(0, 0, 0), RATE)
    good = json.dumps({"path": "a.wav", "text": "yes"}) if form == "jsonl" else "a.wav,yes"
    lines = [*([] if form == "jsonl" else ["path,text"]), *[good] * 6, row]
    manifest = tmp_path / f"list.{form}"
    text = "\n".join(lines) + "\n"
    manifest.write_text(text.replace(",", "\t") if form == "tsv" else text)
    settings = {"source": "manifest", "path": str(manifest), "transcript": "text", "validation": 0.0, "test": 0.0}
    with pytest.raises(UserError, match=rf"list\.{form}:{len(lines)}: {sentence}"):
        Speech(config(**settings), 1)
    data = Speech(config(skip_bad=True, **settings), 1)
    assert len(data.listing.keys) == 6 and data.warnings[0].startswith("1 bad recording was left out")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest_row_is_named_by_its_line(tmp_path: Path, form: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0, 0, 0), RATE)
    rows = [{"path": "a.wav", "label": "x"}, {"path": "gone.wav", "label": "x"}]
    lines = (
        ["path,label", *(f"{r['path']},{r['label']}" for r in rows)]
        if form == "csv"
        else [json.dumps(row) for row in rows]
    )
    manifest = tmp_path / f"list.{form}"
    manifest.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=rf"list\.{form}:{len(lines)}: `gone\.wav` is missing"):
        Speech(config(source="manifest", path=str(manifest)), 1)


def test_a_row_that_names_a_pipe_is_bad_and_nobody_waits_for_it(tmp_path: Path) -> None:
    for i in range(4):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 2, 0, 0), RATE)
    os.mkfifo(tmp_path / "pipe.wav")
    rows = "".join(f"{name}.wav,{'ab'[i % 2]}\n" for i, name in enumerate("0 1 2 3 pipe".split()))
    (tmp_path / "list.csv").write_text(f"path,label\n{rows}")
    settings = {"source": "manifest", "path": str(tmp_path / "list.csv"), "validation": 0, "test": 0}
    with pytest.raises(UserError, match=r"list\.csv:6: .*pipe\.wav: a named pipe, which is never read"):
        Speech(config(**settings), 1)
    assert len(Speech(config(**settings, skip_bad=True), 1).splits["train"]) == 4
    with pytest.raises(UserError, match=r"pipe\.wav: a named pipe"):
        Speech(config(source="manifest", path=str(tmp_path / "pipe.wav")), 1)


def test_labels_that_look_alike_are_one_class(tmp_path: Path) -> None:
    """`é` is one character or two, by the program that wrote it."""
    rows = []
    for index in range(30):
        soundfile.write(tmp_path / f"{index}.wav", tone(index % 2, 0, index % 4), RATE)
        label = ("é", "no", "e\N{COMBINING ACUTE ACCENT}")[index % 3]
        rows.append(f"{index}.wav,{label}")
    manifest = tmp_path / "list.csv"
    manifest.write_text("\n".join(["path,label", *rows]) + "\n", encoding="utf-8")
    data = Speech(config(source="manifest", path=str(manifest)), 1)
    assert data.spec.targets["label"].classes == ("no", "é")
    assert Counter(data.listing.labels) == {"no": 10, "é": 20}
    told = [warning for warning in data.warnings if "normal form" in warning]
    assert len(told) == 1 and told[0].endswith(f": 10, the first at {manifest}:4")


def written(folder: Path, rows: list[str], header: str = "path,label") -> Path:
    """A list of tones of two digits in the folder sounds."""
    (folder / "sounds").mkdir(parents=True, exist_ok=True)
    for index in range(20):
        soundfile.write(folder / "sounds" / f"{index}.wav", tone(index % 2, 0, index % 4), RATE)
    (folder / "list.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / "list.csv"


def loaded(path: Path, **settings) -> Speech:
    return Speech(config(source="manifest", path=str(path), **settings), 1)


def test_a_file_is_in_one_split_however_its_path_is_written(tmp_path: Path) -> None:
    rows = [
        f"{way}{index}.wav,{index % 2}"
        for index in range(20)
        for way in ("sounds/", "./sounds/", "sounds/../sounds/")
    ]
    data = loaded(written(tmp_path, rows), validation=0.3, test=0.3)
    split_of: dict[int, set[str]] = {}
    for split, examples in data.splits.items():
        for key in examples.keys:
            split_of.setdefault((int(key.rpartition(":")[2]) - 2) // 3, set()).add(split)
    assert len(split_of) == 20 and {len(splits) for splits in split_of.values()} == {1}
    plain = loaded(written(tmp_path / "plain", rows[::3]), validation=0.3, test=0.3)
    assert {split: len(s) for split, s in data.splits.items()} == {s: 3 * len(e) for s, e in plain.splits.items()}


def test_what_a_list_says_twice_or_of_parts_of_files_is_told(tmp_path: Path) -> None:
    rows = [f"sounds/{index}.wav,{index % 2},0.5" for index in range(20)]
    path = written(tmp_path, [*rows, "./sounds/3.wav,0,0.7", rows[4]], "path,label,start")
    told = loaded(path).warnings
    again = "rows list a file again with another label, and both were kept: 1, the first at list.csv:22"
    assert sum(again in warning for warning in told) == 1
    (column,) = (warning for warning in told if "`start`" in warning)
    assert (
        column
        == "column `start` is not read: the recording of a row is its whole file: 1, the first at list.csv:1"
    )
    assert loaded(written(tmp_path / "whole", rows[:20], "path,label,length")).warnings == []


def test_a_speaker_has_one_spelling(tmp_path: Path) -> None:
    names = ("Zoé", "Zoe\N{COMBINING ACUTE ACCENT}", "Ann")
    rows = [f"sounds/{index}.wav,{index % 2},{names[index % 3]}" for index in range(20)]
    data = loaded(written(tmp_path, rows, "path,label,speaker"), group="speaker", validation=0.5, test=0)
    assert set(data.listing.speakers) == {"Zoé", "Ann"}


def test_splits_are_called_as_files_may_be(tmp_path: Path) -> None:
    names = ("train", "Training", "dev", "VAL", "test", "testing")
    rows = [f"sounds/{index}.wav,{index % 2},{names[index % 6]}" for index in range(20)]
    data = loaded(written(tmp_path, rows, "path,label,split"))
    assert {split: len(examples) for split, examples in data.splits.items()} == {
        "train": 8,
        "validation": 6,
        "test": 6,
    }
    with pytest.raises(UserError, match=r"list\.csv:2: split `all`; choose train, validation or test"):
        loaded(written(tmp_path, ["sounds/0.wav,0,all"], "path,label,split"))
    with pytest.raises(
        UserError, match=r"list\.csv:2: `sounds\\0\.wav` is missing; .*, and have / between folders"
    ):
        loaded(written(tmp_path, ["sounds\\0.wav,0"]))
