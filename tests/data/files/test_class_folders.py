"""Folders of recordings and pictures: links, notes, pipes, odd names, and folders that are one too high."""

import os
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile
from pictures import noise, write_picture

from attnlab.compose import compose
from attnlab.data import open_data
from attnlab.data.contract import Data
from attnlab.data.files.walk import files_below
from attnlab.errors import UserError

NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def write_pictures(folder: Path, count: int = 6, ending: str = ".png") -> None:
    for i in range(count):
        write_picture(folder / f"{i}{ending}", noise(4, 4, 3, seed=i))


def write_recordings(folder: Path, count: int = 6, ending: str = ".wav") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        sound = 0.1 * np.random.default_rng(i).standard_normal(800)
        soundfile.write(folder / f"{i}{ending}", sound, 16000, format="WAV")


Write = Callable[..., None]
KINDS: dict[str, tuple[Write, list[str], str, str]] = {
    "pictures": (write_pictures, ["task=digits", "data=image_folder"], ".png", ".heic"),
    "recordings": (write_recordings, ["task=keywords", "data=speech_folder"], ".wav", ".mp3"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def opened(kind: str, folder: Path, *words: str) -> Data:
    return open_data(compose([*KINDS[kind][1], f'data.path="{folder}"', *words]).data, seed=1)


def classes(data: Data) -> dict[str, dict[str, int]]:
    """How many examples each class has in each split."""
    return {name: dict(Counter(map(str, split.gold("label")))) for name, split in data.splits.items()}


def totals(data: Data) -> dict[str, int]:
    return dict(sum((Counter(counts) for counts in classes(data).values()), Counter[str]()))


def refusal(kind: str, folder: Path, *words: str) -> str:
    with pytest.raises(UserError) as refused:
        opened(kind, folder, *words)
    return str(refused.value)


def test_linked_folders_are_read_as_others_are(tmp_path: Path, kind: str) -> None:
    write, root = KINDS[kind][0], tmp_path / "root"
    write(root / "train" / "ann" / "near", 5)
    for away in ("bob", "far", "tests/ann"):
        write(tmp_path / away, 4)
    (root / "train" / "bob").symlink_to(tmp_path / "bob")  # a class
    (root / "train" / "ann" / "far").symlink_to(tmp_path / "far")  # within a class
    (root / "test").symlink_to(tmp_path / "tests")  # a split
    data = opened(kind, root, "data.validation=0")
    assert classes(data) == {"train": {"ann": 9, "bob": 4}, "test": {"ann": 4}}
    assert f"train/ann/far/0{KINDS[kind][2]}" in data.splits["train"].keys
    (tmp_path / "other").symlink_to(root)
    assert classes(opened(kind, tmp_path / "other", "data.validation=0")) == classes(data)


def test_circles_and_folders_of_two_names_are_refused(tmp_path: Path, kind: str) -> None:
    write = KINDS[kind][0]
    for name in ("ann", "bob"):
        write(tmp_path / name)
    link = tmp_path / "ann" / "up"
    for target in (tmp_path, tmp_path / "ann"):
        link.symlink_to(target)
        assert f"{link}: a link to {target}, a folder that it lies in itself" in refusal(kind, tmp_path)
        link.unlink()
    (tmp_path / "cid").symlink_to(tmp_path / "bob")
    message = refusal(kind, tmp_path)
    assert str(tmp_path / "cid") in message and f"{tmp_path / 'bob'}" in message and "the same folder" in message


def test_a_folder_that_is_one_too_high_is_refused_with_the_right_one(tmp_path: Path, kind: str) -> None:
    write = KINDS[kind][0]
    for name in ("day", "night"):
        write(tmp_path / "download" / "pets" / name)
    for folder in (tmp_path / "download", tmp_path):
        assert f"`data.path={tmp_path}/download/pets`" in refusal(kind, folder)
    data = opened(kind, tmp_path / "download" / "pets")
    assert totals(data) == {"day": 6, "night": 6} and data.warnings == []
    write(tmp_path / "one" / "pets")
    assert totals(opened(kind, tmp_path / "one")) == {"pets": 6}


def test_folders_within_all_classes_are_told_and_read(tmp_path: Path, kind: str) -> None:
    write = KINDS[kind][0]
    for name in ("yes/ann", "yes/bob", "no/ann"):
        write(tmp_path / name)
    data = opened(kind, tmp_path)
    assert totals(data) == {"yes": 12, "no": 6}
    assert "the classes are no, yes, and all files lie in folders of these, such as no/ann" in data.warnings[0]
    write(tmp_path / "no", 1)
    assert opened(kind, tmp_path).warnings == []


def test_folders_of_splits_by_other_names(tmp_path: Path, kind: str) -> None:
    write = KINDS[kind][0]
    for split, count in {"trainset": 5, "testing_images": 2}.items():
        for name in ("day", "night"):
            write(tmp_path / split / name, count)
    message = refusal(kind, tmp_path)
    assert "there is no folder called train; seen are testing_images, trainset" in message
    assert "`data.test_name=testing_images` and `data.train_name=trainset`" in message
    names = ["data.train_name=trainset", "data.test_name=testing_images", "data.validation=0"]
    data = opened(kind, tmp_path, *names)
    assert classes(data) == {"train": {"day": 5, "night": 5}, "test": {"day": 2, "night": 2}} and not data.warnings
    (tmp_path / "trainset").rename(tmp_path / "train")
    assert "choose it by `data.test_name=testing_images`" in refusal(kind, tmp_path)
    assert classes(opened(kind, tmp_path, *names[1:])) == classes(data)
    assert "`data.train_name=trainset`: there are testing_images, train" in refusal(kind, tmp_path, *names)


def test_notes_are_passed_over_and_counted_and_housekeeping_is_silent(tmp_path: Path, kind: str) -> None:
    write, _, ending, unread = KINDS[kind]
    for name in ("a", "b"):
        write(tmp_path / name)
    write(tmp_path / "__MACOSX" / "a")
    for name in ("Thumbs.db", "a/.DS_Store", "b/desktop.ini", f"a/._0{ending}", "README.md", "a/LICENSE"):
        (tmp_path / name).write_text("no example")
    before = opened(kind, tmp_path)
    assert totals(before) == {"a": 6, "b": 6} and before.warnings == []
    for name in ("a/notes.txt", "labels.json", "b/x/y.csv", "a/z.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no example")
    data = opened(kind, tmp_path)
    assert totals(data) == totals(before) and data.fingerprint == before.fingerprint
    assert data.warnings == [f"4 files that are no {kind} were passed over: a/notes.txt, a/z.md, b/x/y.csv, …"]
    (tmp_path / "b" / f"song{unread}").write_text("another format")
    assert f"b/song{unread}: {kind} are not read from {unread} files; convert it to {ending} or" in refusal(
        kind, tmp_path
    )
    assert totals(skipped := opened(kind, tmp_path, "data.skip_bad=true")) == {"a": 6, "b": 6}
    assert skipped.warnings[1].startswith(f"1 bad {kind[:-1]} was left out")


def test_pipes_and_empty_files(tmp_path: Path, kind: str) -> None:
    write, _, ending, _ = KINDS[kind]
    for name in ("a", "b"):
        write(tmp_path / name)
    odd = tmp_path / "a" / f"odd{ending}"
    os.mkfifo(odd)
    assert f"{odd}: a named pipe, which is never read" in refusal(kind, tmp_path, "data.skip_bad=true")
    odd.unlink()
    odd.symlink_to("/dev/zero")
    assert f"{odd}: a device" in refusal(kind, tmp_path)
    odd.unlink()
    odd.touch()
    assert f"{odd}: an empty file, of 0 bytes" in refusal(kind, tmp_path)
    assert totals(opened(kind, tmp_path, "data.skip_bad=true")) == {"a": 6, "b": 6}


def test_one_class_however_its_accents_are_written(tmp_path: Path, kind: str) -> None:
    write = KINDS[kind][0]
    for name, count in {NFC: 4, NFD: 5, "tea": 6, "Tea": 7}.items():
        write(tmp_path / name, count)
    if len(os.listdir(tmp_path)) < 4:
        pytest.skip("a file system that knows one spelling")
    data = opened(kind, tmp_path)
    assert totals(data) == {NFC: 9, "tea": 6, "Tea": 7}
    assert len({key for split in data.splits.values() for key in split.keys}) == 22, (
        "keys are the names as they are"
    )
    assert f"2 folders are one class, `{NFC}`" in data.warnings[0]
    assert data.warnings[1] == "`Tea` and `tea` are two classes, which differ in capital letters alone"


def test_names_of_any_bytes_become_keys_that_can_be_printed(tmp_path: Path, kind: str) -> None:
    write, _, ending, _ = KINDS[kind]
    root = tmp_path / "my [odd] folder, 'x'"
    for name in ("a b", "c"):
        write(root / name)
    try:
        os.rename(root / "c" / f"0{ending}", os.fsencode(root) + b"/c/\xe9" + ending.encode())
        os.rename(root / "a b", os.fsencode(root) + b"/a \xff")
    except OSError:
        pytest.skip("a file system that knows UTF-8 alone")
    data = opened(kind, Path(f"{root}/"))
    keys = {key for split in data.splits.values() for key in split.keys}
    assert {f"c/\\xe9{ending}", f"a \\xff/3{ending}"} <= keys and totals(data) == {"a \\xff": 6, "c": 6}


def test_dev_among_classes_is_told_to_be_one(tmp_path: Path, kind: str) -> None:
    write = KINDS[kind][0]
    for name in ("ops", "dev"):
        write(tmp_path / name)
    data = opened(kind, tmp_path)
    assert totals(data) == {"dev": 6, "ops": 6}
    assert data.warnings[0].startswith("`dev` is a class, as no folder beside it is called train or test")


def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, kind: str, monkeypatch) -> None:
    write = KINDS[kind][0]
    for name in ("a", "b"):
        write(tmp_path / name)
    listdir = os.listdir

    def refused(folder: Path) -> list[str]:  # whoever runs the tests may be allowed everything
        if str(folder) == str(tmp_path / "b"):
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refused)
    assert refusal(kind, tmp_path) == f"{tmp_path}/b: Permission denied"


def mutate(root: Path, random: Random, ending: str) -> set[Path]:
    """Changes something in a folder of classes; returns the files that are examples then, or none of them where it must be
    refused."""
    files = sorted(path for path in root.rglob(f"*{ending}") if not path.is_symlink())
    path = random.choice(files)
    kinds = [
        "rename",
        "link",
        "folder link",
        "deeper",
        "circle",
        "twice",
        "pipe",
        "dangling",
        "note",
        "hidden",
        "odd",
        "empty class",
    ]
    match random.choice(kinds):
        case "rename":
            path.rename(path.with_name(f"é {random.random()}{ending.upper()}"))
        case "link":
            (path.parent / f"link{ending}").symlink_to(path)
        case "folder link":
            away = root.with_name(f"away-{root.name}")
            away.mkdir()
            path.rename(away / path.name)
            (path.parent / "linked").symlink_to(away)
        case "deeper":
            (path.parent / "x" / "y").mkdir(parents=True)
            path.rename(path.parent / "x" / "y" / path.name)
        case "circle":
            (path.parent / "circle").symlink_to(random.choice([root, path.parent]))
            return set()
        case "twice":
            (root / "twice").symlink_to(path.parent)
            return set()
        case "pipe":
            os.mkfifo(path.with_name(f"pipe{random.choice([ending, '.txt'])}"))
            return set()
        case "dangling":
            path.with_name("dangling").symlink_to("nowhere")
            return set()
        case "note":
            path.with_name("a note").write_text("")
        case "hidden":
            path.with_name(f"._{path.name}").write_text("")
        case "odd":
            os.rename(path, os.fsencode(path.parent) + b"/\xfe\n'[" + ending.encode())
        case "empty class":
            (root / "empty").mkdir()
            return set()
    found = (Path(folder) / name for folder, _, names in os.walk(root, followlinks=True) for name in names)
    return {path for path in found if path.suffix.lower() == ending and not path.name.startswith(".")}


@pytest.mark.parametrize("seed", range(24))
def test_changed_folders_are_read_whole_or_refused(tmp_path: Path, kind: str, seed: int) -> None:
    write, _, ending, _ = KINDS[kind]
    root, random = tmp_path / "root", Random(seed)
    for name in ("a", "b"):
        write(root / name, 4)
    examples = mutate(root, random, ending)
    if not examples:
        message = refusal(kind, root)
        assert len(message.splitlines()) == 1 and str(root) in message
        return
    assert {path for path in files_below(root) if path.suffix.lower() == ending} == examples
    expected = Counter(path.relative_to(root).parts[0] for path in examples)
    assert totals(opened(kind, root)) == expected
