"""Who is held out of files, in every format: whatever the order of the examples, the file's name, and what is left out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pictures import write_picture
from recordings import tone

from attnlab.compose import compose
from attnlab.data import open_data
from attnlab.data.contract import Data, Split
from attnlab.errors import UserError

Written = Callable[[Path, str, Sequence[int], bool], list[str]]
"""Writes examples of these numbers into a folder, in this order, into files of this name where it is free; besides, some
that cannot be used. -> the words that read them."""


def word(number: int) -> str:
    """A word of letters for each number."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"


def csv(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    rows = [f"{word(i)} text,{'no yes'.split()[i % 2]}" for i in numbers]
    rows[3:3] = [" ,yes", "empty label,"] if bad else []
    (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return ["task=sentiment", "data=csv", f"data.path={folder / name}.csv", "data.limit=16"]


def tagged(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    rows = [f"{word(i)}\tNOUN\nruns\tVERB\n" for i in numbers]
    rows[3:3] = ["too\tmany\tcolumns\n"] if bad else []
    (folder / f"{name}.txt").write_text("\n".join(rows))
    return ["data=tagged", f"data.path={folder / name}.txt", "data.limit=16"]


def conllu(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    rest = "\t_\t_\t_\t_\t_\t_\n"
    rows = [f"1\t{word(i)}\t_\tNOUN{rest}2\truns\t_\tVERB{rest}" for i in numbers]
    rows[3:3] = [f"1\tword\t_\t{rest}"] if bad else []
    (folder / f"{name}.conllu").write_text("\n".join(rows) + "\n")
    return ["data=ud_ewt", f"data.path={folder / name}.conllu", "data.limit=16"]


def parallel(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    sides = [[f"{word(i)} dog", f"{word(i)} Hund"] for i in numbers]
    sides[3:3] = [["", "leer"], ["empty", " "], ["much " * 9, "viel"], ["much", "viel " * 9]] if bad else []
    for language, lines in zip(("en", "de"), zip(*sides, strict=True), strict=True):
        (folder / f"train.{language}").write_text("".join(f"{line}\n" for line in lines))
    words = ["task=translation", "data=parallel", f"data.path={folder}", "data.tokens=words"]
    return [*words, "data.max_length=5", "data.too_long=drop", "data.limit=16"]


def pair_table(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    rows = [json.dumps({"en": f"{word(i)} dog", "de": f"{word(i)} Hund"}) for i in numbers]
    rows[3:3] = ["[]", '{"en": "", "de": "leer"}', json.dumps({"en": "much " * 30, "de": "viel"})] if bad else []
    (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
    words = ["task=translation", "data=parallel", "data.source=table", f"data.path={folder / name}.jsonl"]
    return [*words, "data.max_length=20", "data.too_long=drop", "data.limit=16"]


def manifest(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    for i in numbers:
        soundfile.write(folder / f"{i}.wav", tone(i % 2, 0, i), 16000)
    rows = [f"{i}.wav,{'no yes'.split()[i % 2]}" for i in numbers]
    rows[3:3] = ["bad.wav,no", "missing.wav,yes"] if bad else []
    (folder / "bad.wav").write_bytes(b"RIFF")
    (folder / f"{name}.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    return ["task=keywords", "data=speech_manifest", f"data.path={folder / name}.csv", "data.limit=16"]


def recordings(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    for i in numbers:
        path = folder / "words" / "no yes".split()[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(i % 2, 0, i), 16000)
    if bad:
        (folder / "words" / "no" / "3b.wav").write_bytes(b"RIFF")
    return ["task=keywords", "data=speech_folder", f"data.path={folder / 'words'}", "data.limit=16"]


def pictures(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    for i in numbers:
        pixels = np.random.default_rng(i).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        write_picture(folder / "pets" / "no yes".split()[i % 2] / f"{i}.png", pixels)
    if bad:
        for i in range(4):
            (folder / "pets" / "no" / f"{i}b.png").write_bytes(b"\x89PNG")
    return ["task=digits", "data=image_folder", f"data.path={folder / 'pets'}", "data.patch=2", "data.limit=16"]


def graphs(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    rows = [json.dumps({"nodes": i + 2, "edges": [[0, 1]], "label": i % 2}) for i in numbers]
    rows[3:3] = ["{}", '{"nodes": 0, "edges": [], "label": 1}'] if bad else []
    (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
    return ["task=graph", "data=graph_jsonl", f"data.path={folder / name}.jsonl", "data.limit=16"]


def tu(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    graph_of, edges, labels = list[str](), list[str](), list[str]()
    for i in numbers:
        if bad and len(labels) == 3:
            labels.append("1")  # without nodes
        labels.append(str(i % 2))
        edges += [f"{len(graph_of) + a}, {len(graph_of) + b}" for a, b in ((1, 2), (2, 1))]
        graph_of += [str(len(labels))] * (i + 2)
    for kind, lines in (("A", edges), ("graph_indicator", graph_of), ("graph_labels", labels)):
        (folder / f"TOY_{kind}.txt").write_text("".join(f"{line}\n" for line in lines))
    return ["task=graph", "data=tu", "data.name=TOY", f"data.path={folder}", "data.limit=16"]


def molecules(folder: Path, name: str, numbers: Sequence[int], bad: bool) -> list[str]:
    pytest.importorskip("rdkit")
    rows = [f"m,0,1,1,1,1,1,1,{i % 2}.5,{'C' * (i + 2)}" for i in numbers]
    rows[3:3] = ["m,0,1,1,1,1,1,1,,CC", "m,0,1,1,1,1,1,1,1,C(("] if bad else []
    measured = "measured log solubility in mols per litre"
    header = f"Compound ID,ESOL predicted,Minimum Degree,Weight,Donors,Rings,Bonds,Area,{measured},smiles"
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    return ["task=graph", "data=molecule_net", "data.name=ESOL", f"data.path={folder / name}.csv", "data.limit=16"]


@dataclass(frozen=True)
class Format:
    """write: see above. known_by: what tells examples apart. named: whether the file's name is free."""

    write: Written
    known_by: Callable[[Split, int], object]
    named: bool = True


def shown(split: Split, i: int) -> object:
    return json.dumps({name: value for name, value in split.show(i).items() if name != "recording"})


def contents(split: Split, i: int) -> object:
    return split.content(i)


FORMATS = {
    "csv": Format(csv, shown), "tagged": Format(tagged, shown), "conllu": Format(conllu, shown),
    "parallel": Format(parallel, shown, named=False), "pair table": Format(pair_table, shown),
    "manifest": Format(manifest, contents), "recordings": Format(recordings, contents, named=False),
    "pictures": Format(pictures, contents, named=False), "graphs": Format(graphs, shown), "tu": Format(tu, shown, named=False),
    "molecules": Format(molecules, shown),
}  # fmt: skip


def opened(words: list[str], cache: Path, *more: str) -> Data:
    settings = ["data.skip_bad=true", "data.validation=0.2", "data.test=0.2", f"data.cache={cache}"]
    return open_data(compose([*words, *settings, *more]).data, seed=1)


@pytest.mark.parametrize("name", FORMATS)
def test_who_is_held_out_and_who_is_left_by_a_limit(name: str, tmp_path: Path) -> None:
    form, numbers = FORMATS[name], list(range(40))
    mixed = numbers[::3] + numbers[1::3] + numbers[2::3]
    found = []
    for order, file, bad in ((numbers, "films", False), (numbers[::-1], "others", False), (mixed, "third", True)):
        folder = tmp_path / file
        folder.mkdir()
        data = opened(form.write(folder, file, order, bad), tmp_path / "cache")
        found.append(
            {split: {form.known_by(own, i) for i in range(len(own))} for split, own in data.splits.items()}
        )
        if bad:
            assert data.warnings, "what was left out is told"
    assert {split: len(own) for split, own in found[0].items()} == {"train": 16, "validation": 8, "test": 8}
    assert found[1] == found[0], "neither the order nor the name of the file matters"
    assert found[2] == found[0], "what is left out counts for nothing"
    other = opened(
        form.write(_new(tmp_path / "again"), "again", numbers, False), tmp_path / "cache", "data.split_seed=5"
    )
    assert {form.known_by(other.splits["test"], i) for i in range(8)} != found[0]["test"]


def _new(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.named])
def test_keys_and_warnings_name_the_file_that_is_read(name: str, tmp_path: Path) -> None:
    form, numbers = FORMATS[name], list(range(40))
    first, second = _new(tmp_path / "first"), _new(tmp_path / "second")
    before = opened(form.write(first, "a", numbers, True), tmp_path / "cache")
    after = opened(form.write(second, "b", numbers, True), tmp_path / "cache")
    keys = [list(data.splits["test"].keys) for data in (before, after)]
    assert all(key.startswith("a.") for key in keys[0]) and [f"b{key[1:]}" for key in keys[0]] == keys[1]
    assert before.warnings and len(before.warnings) == len(after.warnings)
    told = " ".join(after.warnings)
    assert str(second) in told or "b.jsonl:" in told
    assert str(first) not in told and "/a." not in told and " a." not in told


@pytest.mark.parametrize("name", FORMATS)
def test_a_single_example_is_refused_or_trained_on_alone(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    words = form.write(tmp_path, "one", [0], False)
    with pytest.raises(UserError, match=r"too few different examples to hold out `data\.validation=0\.2`"):
        opened(words, tmp_path / "cache")
    settings = ["data.validation=0", "data.test=0", f"data.cache={tmp_path / 'cache'}"]
    data = open_data(compose([*words, *settings]).data, seed=1)
    assert {split: len(own) for split, own in data.splits.items()} == {"train": 1} and data.warnings == []


def test_texts_of_a_group_are_held_out_together_and_rare_classes_covered(tmp_path: Path) -> None:
    rows = [f"{word(i)},{'rare' if i % 13 == 0 else 'often'},{'author' + str(i // 4)}" for i in range(80)]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["text,label,author", *rows]) + "\n")
    words = ["task=sentiment", "data=csv", f"data.path={path}", "data.group=author"]
    data = opened(words, tmp_path / "cache")
    of = {split: {int(key.partition(":")[2]) - 2 for key in own.keys} for split, own in data.splits.items()}
    authors = {split: {line // 4 for line in lines} for split, lines in of.items()}
    assert sum(map(len, authors.values())) == 20 and sum(map(len, of.values())) == 80
    assert all("rare" in own.gold("label") for own in data.splits.values())
    path.write_text("\n".join(["text,label,author", *(row.rpartition(",")[0] + ",one" for row in rows)]) + "\n")
    with pytest.raises(UserError, match=r"too few different groups \(`data\.group=author`\) to hold out"):
        opened(words, tmp_path / "cache")


def test_an_author_of_two_given_splits_is_refused(tmp_path: Path) -> None:
    for split, authors in (("train", "ab"), ("test", "cb")):
        rows = [f"{word(i)} {split},yes,{author}" for i in range(9) for author in authors]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,label,author", *rows]) + "\n")
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path}"]
    with pytest.raises(UserError, match=r"`data\.group=author`: `b` is in the train and in the test split"):
        opened(words, tmp_path / "cache", "data.group=author")
    assert len(opened(words, tmp_path / "cache").splits["test"]) == 18


def test_recordings_without_a_speaker_are_left_out_where_a_group_is_asked(tmp_path: Path) -> None:
    words = manifest(tmp_path, "said", range(20), False)[:3]
    rows = (tmp_path / "said.csv").read_text().splitlines()[1:]
    speakers = ["" if i == 7 else f"s{i // 4}" for i in range(20)]
    lines = [f"{row},{speaker}" for row, speaker in zip(rows, speakers, strict=True)]
    (tmp_path / "said.csv").write_text("\n".join(["path,label,speaker", *lines]) + "\n")
    with pytest.raises(UserError, match=r"`data\.group=speaker`: said\.csv:9 names no speaker"):
        opened(words, tmp_path / "cache", "data.skip_bad=false", "data.group=speaker")
    data = opened(words, tmp_path / "cache", "data.group=speaker")
    assert sum(map(len, data.splits.values())) == 19 and "1 bad recording was left out" in data.warnings[0]


def test_small_classes_of_every_format_are_in_every_split(tmp_path: Path) -> None:
    for name in ("csv", "manifest", "recordings", "pictures", "graphs", "tu"):
        folder = _new(tmp_path / name)
        words = [
            word
            for word in FORMATS[name].write(folder, "x", [*range(0, 60, 2), 1, 3, 5], False)
            if "limit" not in word
        ]
        data = opened(words, tmp_path / "cache", "data.validation=0.1", "data.test=0.1")
        rare = [min(np.unique(own.gold("label"), return_counts=True)[1]) for own in data.splits.values()]
        assert [len(set(own.gold("label"))) for own in data.splits.values()] == [2, 2, 2] and rare == [1, 1, 1], (
            name
        )
        folder = _new(tmp_path / f"{name}-2")
        words = [
            word for word in FORMATS[name].write(folder, "x", [*range(0, 60, 2), 1], False) if "limit" not in word
        ]
        warnings = opened(words, tmp_path / "cache", "data.validation=0.1", "data.test=0.1").warnings
        assert len(warnings) == 2 and "1 of 2 classes has no example in the test split: " in warnings[1], name
