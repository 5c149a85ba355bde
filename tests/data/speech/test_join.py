"""Joined utterances know what is said in them, and when."""

from pathlib import Path

import pytest
import soundfile
from recordings import RATE, config, speech, tone

from attnlab.data.speech.loader import Speech


def test_joined_utterances_have_a_digit_for_each_frame() -> None:
    data = speech(join=2.0, stack=2)
    split = data.splits["test"]
    for labels, words, first in zip(
        split.gold("digit"), map(str.split, split.gold("transcript")), split.gold("label"), strict=True
    ):
        heard = [label for label, before in zip(labels, ["", *labels], strict=False) if label and label != before]
        merged = [w for w, before in zip(words, ["", *words], strict=False) if w != before]
        assert [h for h, b in zip(heard, ["", *heard], strict=False) if h != b] == merged
        assert first == words[0]
    assert all(len(labels) == length for labels, length in zip(split.gold("digit"), split.lengths, strict=True))
    repeats = [len(speech(join=2.0, join_repeats=n).splits["train"]) for n in (1, 3)]
    assert repeats[1] == 3 * repeats[0]


@pytest.mark.parametrize("labelled", [False, True])
def test_what_is_said_in_joined_recordings_is_what_was_said_in_each(tmp_path: Path, labelled: bool) -> None:
    rows = ["path,text,speaker,split" + ",label" * labelled]
    for i in range(30):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 3, 0, i % 4), RATE)
        split = "train" if i < 20 else "validation" if i < 25 else "test"
        rows.append(f"{i}.wav,go {i},ann,{split}" + ",command" * labelled)
    (tmp_path / "list.csv").write_text("\n".join(rows))
    settings = {"source": "manifest", "path": str(tmp_path / "list.csv"), "transcript": "text", "join_repeats": 1}
    data = Speech(config(join=1.5, **settings), 1)
    assert list(data.spec.targets) == (["label", "transcript", "digit"] if labelled else ["transcript"])
    for split, own in {"train": range(20), "validation": range(20, 25), "test": range(25, 30)}.items():
        words = " ".join(data.splits[split].gold("transcript")).split()
        assert words[::2] == ["go"] * len(own) and sorted(map(int, words[1::2])) == list(own)


def test_joining_whoever_speaks_is_told(tmp_path: Path) -> None:
    rows = {"path,label": "", "path,label,speaker": ",ada"}
    for index in range(12):
        soundfile.write(tmp_path / f"{index}.wav", tone(index % 2, 0, index % 4), RATE)
    told = []
    for header, speaker in rows.items():
        lines = [header, *(f"{index}.wav,{index % 2}{speaker}" for index in range(12))]
        (tmp_path / "list.csv").write_text("\n".join(lines))
        settings = {
            "source": "manifest",
            "path": str(tmp_path / "list.csv"),
            "join": 1.3,
            "validation": 0.3,
            "test": 0.3,
        }
        told.append([warning for warning in Speech(config(**settings), 1).warnings if "speaker" in warning])
    name_none = "recordings that name no speaker were joined, whoever speaks in them (data.join)"
    assert told == [[f"{name_none}: 12, the first at list.csv:2"], []]
