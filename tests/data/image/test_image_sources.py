"""Formats of pictures: what is read from each, and one sentence for each way in which files can be wrong."""

import gzip
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import shared_data
from pictures import idx, image_data, load, noise, write_folder, write_mnist, write_picture
from torchvision.io import write_jpeg

from attnlab.config import DataConfig, ImageData, check
from attnlab.data.files.class_folders import Kind, class_folders
from attnlab.data.image.decode import decoded, read_idx
from attnlab.data.image.loader import Image
from attnlab.data.image.prepare import prepare
from attnlab.data.image.source import ImageSource, Picture
from attnlab.data.image.sources import Digits, ImageFolder
from attnlab.errors import UserError
from attnlab.registry import IMAGE_SOURCES


def refusal(*words: str) -> str:
    with pytest.raises(UserError) as refused:
        load(*words)
    return str(refused.value)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_plain_or_zipped_give_their_pixels_and_labels(tmp_path: Path, zipped: bool) -> None:
    data = load(
        "data=mnist", f"data.path={write_mnist(tmp_path, zipped=zipped)}", "data.validation=0", "data.test=0"
    )
    test = data.splits["test"]
    assert test.keys[5] == "t10k-images-idx3-ubyte:5"
    assert test.gold("label") == ["0", "1", "0", "1", "0", "1"]
    assert data.spec.targets["label"].counts == (15, 15)
    expected = noise(6, 6, 6, seed=6) // 2 + 127 * (np.arange(6) % 2)[:, None, None]
    assert np.array_equal(test.pixels(np.arange(6))[..., 0], expected)
    assert test.show(0) == {"height": 6, "width": 6}


def test_pictures_are_held_out_by_their_contents_wherever_they_stand(tmp_path: Path) -> None:
    images, labels = noise(60, 6, 6, seed=1), np.arange(60, dtype=np.uint8) % 2
    images[1::10], labels[1::10] = images[0::10], labels[0::10]  # copies
    chosen: list[dict[str, list[bytes]]] = []
    for name, order in {"as it is": np.arange(60), "mixed": np.random.default_rng(3).permutation(60)}.items():
        folder = write_mnist(tmp_path / name)
        (folder / "train-images-idx3-ubyte").write_bytes(idx(images[order]))
        (folder / "train-labels-idx1-ubyte").write_bytes(idx(labels[order]))
        splits = load("data=mnist", f"data.path={folder}", "data.validation=0.3").splits
        chosen.append(
            {
                split: sorted(examples.content(i) for i in range(len(examples)))
                for split, examples in splits.items()
            }
        )
    assert chosen[0] == chosen[1] and not set(chosen[0]["train"]) & set(chosen[0]["validation"])


def test_classes_can_be_named_and_numbers_beyond_them_are_bad(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path)}"]
    assert load(*words, "data.classes=[dark,bright]").spec.targets["label"].classes == ("dark", "bright")
    assert "label 1 is outside the 1 classes dark; put it right" in refusal(*words, "data.classes=[dark]")
    data = load(*words, "data.classes=[dark]", "data.skip_bad=true")
    assert set(data.splits["train"].gold("label")) == {"dark"}
    assert [len(split) for split in data.splits.values()] == [13, 2, 3], (
        "a tenth of those that can be used validates"
    )
    train, test = data.warnings
    assert train.startswith("15 bad train pictures were left out") and test.startswith(
        "3 bad test pictures were left out"
    )


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("[one,one]", "`one` for class 0 and for class 1; give each class a name of its own"),
        ("[one,' one']", "`one` for class 0 and for class 1"),
        ("[one,' ']", "no name for class 1; give each class one"),
    ],
)
def test_each_number_has_a_name_of_its_own(tmp_path: Path, names: str, sentence: str) -> None:
    assert sentence in refusal("data=mnist", f"data.path={write_mnist(tmp_path)}", f"data.classes={names}")


def test_idx_files_are_known_by_their_contents_and_by_names_with_a_dot(tmp_path: Path) -> None:
    """Some programs unpack to train-images.idx3-ubyte (python-mnist#19), browsers unpack and leave the name."""
    expected = load("data=mnist", f"data.path={write_mnist(tmp_path / 'usual')}").splits["test"]
    for folder, zipped in {"dots": False, "names": False, "contents": True}.items():
        for path in list(write_mnist(tmp_path / folder, zipped=zipped).iterdir()):
            others = {"dots": path.name.replace("-idx", ".idx"), "names": f"{path.name}.gz", "contents": path.stem}
            path.rename(path.with_name(others[folder]))
        test = load("data=mnist", f"data.path={tmp_path / folder}").splits["test"]
        assert test.keys == expected.keys and test.gold("label") == expected.gold("label")
        assert np.array_equal(test.pixels(np.arange(6)), expected.pixels(np.arange(6)))
    (tmp_path / "dots" / "t10k-labels-idx1-ubyte").write_bytes(idx(np.ones(6, dtype=np.uint8)))
    message = refusal("data=mnist", f"data.path={tmp_path / 'dots'}")
    assert "t10k-labels-idx1-ubyte and t10k-labels.idx1-ubyte differ; keep one" in message
    assert "; seen are contents, dots, names, …" in refusal("data=mnist", f"data.path={tmp_path}")


def damage(kind: str, folder: Path) -> str:
    """Damage one of MNIST's files; returns what the refusal must say."""
    images, labels = folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte"
    if kind == "truncated":
        images.write_bytes(images.read_bytes()[:-7])
        return f"{images}: 1,089 bytes where its head announces 1,096; truncated or damaged"
    if kind == "zip":
        images.with_suffix(".gz").write_bytes(gzip.compress(images.read_bytes())[:-40])
        images.unlink()
        return f"{images.with_suffix('.gz')}: damaged or truncated gzip file"
    if kind == "magic":
        images.write_bytes(labels.read_bytes())
        return (
            f"{images}: begins with 00000801 (an idx file of bytes with 1 axis), not 00000803, the sign of an idx file of "
            "bytes with 3 axes"
        )
    if kind == "fractions":
        images.write_bytes(bytes([0, 0, 13, 3]) + images.read_bytes()[4:])
        return f"{images}: begins with 00000d03 (an idx file of fractions of 32 bits with 3 axes), not 00000803"
    if kind == "web page":
        images.write_bytes(b"<html>Not found</html>")
        return f"{images}: begins with 3c68746d (it is a web page, not what was to be downloaded), not 00000803"
    if kind == "count":
        labels.write_bytes(idx(np.zeros(29, dtype=np.uint8)))
        return f"{labels}: 29 labels for 30 pictures in {images.name}"
    labels.unlink()
    return f"{labels}: missing, plain or .gz, beside {images.name}"


@pytest.mark.parametrize("kind", ["truncated", "zip", "magic", "fractions", "web page", "count", "missing"])
def test_a_damaged_idx_file_is_named(tmp_path: Path, kind: str) -> None:
    expected = damage(kind, write_mnist(tmp_path))
    assert expected in refusal("data=mnist", f"data.path={tmp_path}")


def test_a_head_that_announces_more_than_memory_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(UserError, match="16 bytes where its head announces"):
        read_idx(path, axes=3)


def test_a_folder_for_each_class_gives_its_names_and_splits(tmp_path: Path) -> None:
    data = load("data=image_folder", f"data.path={write_folder(tmp_path)}")
    assert data.spec.targets["label"].classes == ("green", "red")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 16, "validation": 6, "test": 6}
    assert sorted(data.splits["test"].keys)[0] == "test/green/0.png"
    first = data.splits["train"].gold("label")[:8]
    assert set(first) == {"green", "red"}, "the first pictures are of all classes"


def test_a_folder_without_splits_holds_some_out_and_moving_it_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "here"
    for i in range(40):
        write_picture(root / "ab"[i % 2] / f"{i}.png", noise(3, 3, 1, seed=i))
    before = load("data=image_folder", f"data.path={root}", "data.validation=0.3")
    after = load("data=image_folder", f"data.path={root.rename(tmp_path / 'there')}", "data.validation=0.3")
    assert {name: len(split) for name, split in before.splits.items()} == {
        "train": 24,
        "validation": 12,
        "test": 4,
    }
    assert before.folder == after.folder
    (tmp_path / "there" / "a" / "0.png").rename(tmp_path / "there" / "b" / "0.png")
    changed = load("data=image_folder", f"data.path={tmp_path / 'there'}", "data.validation=0.3")
    assert changed.folder != before.folder, "a folder's name is a label"


def test_jpeg_grey_and_transparent_pictures_are_brought_to_the_wanted_channels(tmp_path: Path) -> None:
    import torch

    flat = np.full((4, 4, 3), 200, dtype=np.uint8)
    (tmp_path / "a").mkdir()
    write_jpeg(torch.from_numpy(flat.transpose(2, 0, 1).copy()), str(tmp_path / "a" / "x.jpg"))
    write_picture(tmp_path / "b" / "y.png", flat[..., :1])
    for colour, channels in {"grey": 1, "rgb": 3}.items():
        split = load(
            "data=image_folder",
            f"data.path={tmp_path}",
            f"data.colour={colour}",
            "data.validation=0",
            "data.test=0",
        )
        for i in range(2):
            assert np.abs(split.splits["train"].pixels(np.array([i])).astype(int) - 200).max() <= 2
            assert split.splits["train"].pixels(np.array([i])).shape == (1, 4, 4, channels)


def test_bad_pictures_are_named_or_left_out_and_counted(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    broken = root / "train" / "red" / "1.png"
    broken.write_bytes(broken.read_bytes()[:40])
    words = ["data=image_folder", f"data.path={root}"]
    message = refusal(*words)
    assert message.startswith(f"{broken}: not a readable PNG or JPEG picture") and "data.skip_bad=true" in message
    (root / "train" / "red" / "2.gif").write_text("another format")
    (root / "train" / "red" / "notes.txt").write_text("no picture")
    (root / "train" / "red" / ".DS_Store").write_text("housekeeping")
    data = load(*words, "data.skip_bad=true")
    assert len(data.splits["train"]) == 15
    assert data.warnings[0] == "1 file that is none of the pictures was passed over: train/red/notes.txt"
    assert data.warnings[1].startswith("1 bad picture was left out") and "2.gif" in data.warnings[1]
    assert len(data.warnings) == 3 and data.warnings[2].startswith("1 bad train picture was left out")
    assert load(*words, "data.skip_bad=true").warnings == data.warnings, "they are kept with the prepared pictures"


def test_folders_without_pictures_are_named(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "some")
    (root / "train" / "blue").mkdir()
    assert f"{root / 'train' / 'blue'}: no pictures in it" in refusal("data=image_folder", f"data.path={root}")
    (tmp_path / "none").mkdir()
    assert "no folders in it" in refusal("data=image_folder", f"data.path={tmp_path / 'none'}")
    for name in ("missing", "x" * 300):
        assert "no such folder" in refusal("data=image_folder", f"data.path={tmp_path / name}")
    assert "`data.path` is missing" in refusal("data=image_folder")


def test_classes_that_are_the_same_number_keep_one_order(tmp_path: Path) -> None:
    for i in range(3):
        for name in "10", "1", "01", "2":
            write_picture(tmp_path / "numbers" / name / f"{i}.png", noise(8, 8, 3, seed=i))
    words = ["data=image_folder", f"data.path={tmp_path / 'numbers'}", "data.validation=0", "data.test=0"]
    assert load(*words).spec.targets["label"].classes == ("01", "1", "2", "10")
    for i in range(3):
        (tmp_path / "numbers" / "01" / f"{i}.png").rename(tmp_path / "numbers" / "01" / f"renamed{i}.png")
        (tmp_path / "numbers" / "1" / f"{i}.png").rename(tmp_path / "numbers" / "1" / f"{i + 7}.png")
    assert load(*words).spec.targets["label"].classes == ("01", "1", "2", "10")


def test_folders_of_splits_are_named_in_any_case(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    for old, new in {"train": "Training", "val": "DEV", "test": "Testing"}.items():
        (root / old).rename(root / new)
    for name in ("meta/notes.txt", "__MACOSX/red/1.png"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text("no example")
    data = load("data=image_folder", f"data.path={root}")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 16, "validation": 6, "test": 6}
    assert data.spec.targets["label"].classes == ("green", "red")


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ("valdation/red/1.png", "valdation: beside the folders of splits"),
        ("dev/red/1.png", "several validation folders (dev, val); choose one by `data.validation_name=`"),
        ("Test/red/1.png", "several test folders (Test, test); choose one by `data.test_name=`"),
        ("train/stray.png", "train/stray.png: not inside the folder of a class"),
    ],
)
@pytest.mark.parametrize("kind", ["pictures", "recordings"])
def test_what_would_be_left_out_of_a_folder_is_refused(
    tmp_path: Path, added: str, sentence: str, kind: str
) -> None:
    root, ending = write_folder(tmp_path), {"pictures": ".png", "recordings": ".wav"}[kind]
    (root / added).parent.mkdir(parents=True, exist_ok=True)
    (root / added).write_text("never read")
    for path in [path for path in root.rglob("*.png") if kind == "recordings"]:
        path.rename(path.with_suffix(ending))
    with pytest.raises(UserError) as refused:
        class_folders(DataConfig(name="toy", path=str(root)), Kind(kind, (ending,), ()))
    assert sentence.replace(".png", ending) in str(refused.value)


def test_what_programs_leave_in_a_folder_is_no_picture_and_dev_may_be_a_class(tmp_path: Path) -> None:
    for name in ("dev/1.png", "ops/1.png", "ops/.ipynb_checkpoints/1-checkpoint.png", ".git/1.png", "ops/._1.png"):
        write_picture(tmp_path / name, noise(3, 3, 1))
    config, pictures = DataConfig(name="toy", path=str(tmp_path)), Kind("pictures", (".png",), ())
    found = class_folders(config, pictures)
    assert found.splits == {"": [(tmp_path / "dev/1.png", "dev"), (tmp_path / "ops/1.png", "ops")]}
    assert found.warnings == (
        "`dev` is a class, as no folder beside it is called train or test; if it holds a split, lay the classes into such folders",
    )
    (tmp_path / "ops" / "2.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match=r"ops/2\.png: a link to a file that is missing"):
        class_folders(config, pictures)


def test_pictures_without_pixels_of_16_bits_or_that_move_are_named(tmp_path: Path) -> None:
    root = write_mnist(tmp_path / "idx")
    (root / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((30, 0, 4), dtype=np.uint8)))
    assert "train-images-idx3-ubyte: pictures of 0 × 4 pixels" in refusal("data=mnist", f"data.path={root}")
    size, grey = struct.pack(">II", 2, 1), zlib.compress(b"\0\0\1\0\2")
    chunks = [(b"IHDR", size + bytes([16, 0, 0, 0, 0])), (b"IDAT", grey), (b"IEND", b"")]
    png = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    with pytest.raises(UserError, match="deep: a picture of 16 bits to a channel"):
        decoded(np.frombuffer(b"\x89PNG\r\n\x1a\n" + png, dtype=np.uint8), "grey", "deep")
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    gif = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame + frame + b";"
    with pytest.raises(UserError, match="film: 2 pictures that follow each other"):
        decoded(np.frombuffer(gif, dtype=np.uint8), "rgb", "film")


def write_cifar(folder: Path, names: list[str]) -> None:
    for seed, name in enumerate(names):
        records = noise(10, 3073, seed=seed)
        records[:, 0] = np.arange(10)
        (folder / name).write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(f"class{i}" for i in range(10)) + "\n\n")


def test_cifar_records_are_a_label_and_planes_of_red_green_and_blue(tmp_path: Path) -> None:
    write_cifar(tmp_path, [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"])
    words = ["data=cifar10", f"data.path={tmp_path}", "data.validation=0", "data.test=0"]
    data = load(*words)
    test, raw = data.splits["test"], noise(10, 3073, seed=5)
    assert len(data.splits["train"]) == 50 and test.gold("label")[3] == "class3"
    assert test.pixels(np.array([3]))[0, 1, 2].tolist() == raw[3, 1:].reshape(3, 32, 32)[:, 1, 2].tolist()
    luma = load(*words, "data.colour=grey").splits["test"].pixels(np.array([3]))[0, 1, 2, 0]
    assert abs(luma - raw[3, 1:].reshape(3, 32, 32)[:, 1, 2] @ [0.299, 0.587, 0.114]) <= 1
    (tmp_path / "test_batch.bin").write_bytes(b"\x00" * 3000)
    assert f"{tmp_path / 'test_batch.bin'}: 3,000 bytes, no multiple of a record's 3,073" in refusal(*words)
    (tmp_path / "test_batch.bin").write_bytes(b"")
    assert f"{tmp_path / 'test_batch.bin'}: an empty file, of 0 bytes" in refusal(*words)
    (tmp_path / "test_batch.bin").write_bytes(b"\x01" * 3074 * 10)
    assert "no multiple of a record's 3,073; records of CIFAR-100" in refusal(*words)
    (tmp_path / "batches.meta.txt").write_bytes(b"\xe9")
    assert "batches.meta.txt: not UTF-8 text" in refusal(*words)
    (tmp_path / "data_batch_4.bin").unlink()
    assert "no data_batch_4.bin there" in refusal(*words)
    (tmp_path / "fine_label_names.txt").write_text("apple\n")
    assert "these are the files of CIFAR-100, which are not read" in refusal(*words)


def test_cifar_has_the_name_of_a_class_on_each_line(tmp_path: Path) -> None:
    write_cifar(tmp_path, [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"])
    names, words = tmp_path / "batches.meta.txt", ["data=cifar10", f"data.path={tmp_path}"]
    before = load(*words)
    names.write_bytes(b"\xef\xbb\xbfpolar bear\r\ntiger cat\r\n" + b"".join(b"%d\r\n" % i for i in range(2, 10)))
    data = load(*words)
    classes = ("polar bear", "tiger cat", *"23456789")
    assert data.spec.targets["label"].classes == classes and data.fingerprint != before.fingerprint
    labels = dict(zip(before.splits["test"].keys, before.splits["test"].gold("label"), strict=True))
    for key, name in zip(data.splits["test"].keys, data.splits["test"].gold("label"), strict=True):
        assert labels[key] == f"class{classes.index(str(name))}"
    for text, sentence in {
        "a\n\nb\n": "no name for class 1",
        "a\nb\na\n": "`a` for class 0 and for class 2",
        " \n": "no names of classes in it; write one on each line",
    }.items():
        names.write_text(text)
        assert f"{names}: {sentence}" in refusal(*words)


def test_the_pickles_of_cifar_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch hacked'\ntR.")
    message = refusal("data=cifar10", f"data.path={tmp_path}")
    assert "pickles" in message and "binary version" in message


def test_digits_are_divided_as_documented_and_every_class_is_in_every_split() -> None:
    source = Digits(ImageData(name="digits", source="digits"))
    rows = {split: list(source.rows(split)) for split in source.splits}
    assert {split: len(pictures) for split, pictures in rows.items()} == {
        "train": 1028,
        "validation": 257,
        "test": 512,
    }
    keys = [row.key for pictures in rows.values() for row in pictures]
    assert len(set(keys)) == 1797
    for pictures in rows.values():
        counts = Counter(row.label for row in pictures)
        assert set(counts) == set("0123456789") and min(counts.values()) > 0.7 * len(pictures) / 10


def test_real_clothes_are_those_of_the_publisher() -> None:
    folder = shared_data("fashion_mnist")
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", axes=1)
    images = read_idx(folder / "train-images-idx3-ubyte.gz", axes=3)
    assert images.shape == (60000, 28, 28) and np.bincount(labels).tolist() == [6000] * 10
    assert abs(images.mean() / 255 - 0.2860) < 1e-4 and abs(images.std() / 255 - 0.3530) < 1e-4


def test_classes_that_a_run_never_learned_are_warned_of(tmp_path: Path) -> None:
    spec = load("data=image_folder", f"data.path={write_folder(tmp_path / 'learned')}").spec
    other = write_folder(tmp_path / "other")
    (other / "test" / "red").rename(other / "test" / "blue")
    words = image_data("data=image_folder", f"data.path={other}")
    data = Image(words, 1, spec)
    assert data.warnings == [
        "labels of the test split never seen in training count as wrong: blue",
        "1 of 2 classes has no example in the test split: red",
    ]
    assert data.splits["test"].batch(np.arange(6)).targets["label"].unique().tolist() == [-1, 0]
    (other / "test" / "green").rename(other / "test" / "yellow")
    with pytest.raises(UserError, match=r"no label of the test split \(blue, yellow\) was learned"):
        Image(words, 1, spec)


def test_digits_are_the_data_that_earlier_versions_prepared() -> None:
    """A run that was stopped under an earlier version is resumed only on data with the fingerprint that it knows."""
    assert load("data=digits").fingerprint == "5269c7bf82a2cc5e565570b0"


def test_a_source_from_outside_is_chosen_by_its_name(tmp_path: Path) -> None:
    @IMAGE_SOURCES.register("stripes")
    class Stripes(ImageSource):
        splits = ("train", "test")

        def rows(self, split: str) -> Iterator[Picture]:
            for i in range(20):
                pixels = np.zeros((4, 4, 1), dtype=np.uint8)
                pixels[:, :: i % 2 + 1] = 200
                yield Picture(("all", "every other")[i % 2], f"{split}:{i}", pixels.copy)

    config = ImageData(name="stripes", source="stripes", colour="grey", patch=2, cache=str(tmp_path))
    check(config)
    data = Image(config, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 18, "validation": 2, "test": 20}
    assert data.spec.targets["label"].classes == ("all", "every other")
    config.source = "stripe"
    with pytest.raises(UserError, match=r"`data.source=stripe`: no such choice; did you mean `stripes`"):
        check(config, "data.")


def test_idx_files_of_other_names_are_told_and_chosen_by_keys(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        other = path.name.replace("t10k", "validation").replace("train", "letters")
        (tmp_path / other).write_bytes(path.read_bytes())
    words = ["data=mnist", f"data.path={tmp_path}"]
    data = load(*words)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 30, "validation": 6, "test": 6}
    assert data.splits["validation"].keys[0] == "validation-images-idx3-ubyte:0", (
        "a split that a file names is used"
    )
    assert len(data.warnings) == 1 and "left out: letters; `data.train_name=`" in data.warnings[0]
    assert load(*words, "data.test_name=letters").splits["test"].keys[29] == "letters-images-idx3-ubyte:29"
    for name in ("train", "t10k"):
        for path in tmp_path.glob(f"{name}-*"):
            path.unlink()
    message = refusal(*words)
    assert (
        "no train-images-idx3-ubyte and no t10k-images-idx3-ubyte there" in message
        and "left out: letters" in message
    )


def test_a_packed_file_beside_an_unlike_one_is_refused(tmp_path: Path) -> None:
    write_mnist(write_mnist(tmp_path), zipped=True)
    words = ["data=mnist", f"data.path={tmp_path}"]
    assert len(load(*words).splits["test"]) == 6
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.ones(6, dtype=np.uint8)))
    assert "t10k-labels-idx1-ubyte and t10k-labels-idx1-ubyte.gz differ; keep one" in refusal(*words)


def test_transparent_pictures_are_told_once_and_make_other_data(tmp_path: Path) -> None:
    words = ["data=image_folder", f"data.path={tmp_path}", "data.patch=2"]
    for i in range(40):
        write_picture(tmp_path / "ab"[i % 2] / f"{i}.png", noise(4, 4, 3, seed=i))
    opaque = load(*words)
    assert opaque.warnings == []
    from PIL import Image as Saved

    for path in (tmp_path / "a").iterdir():
        pixels = np.zeros((4, 4, 4), dtype=np.uint8)
        pixels[:2, :, 3] = 255  # black above, nothing below
        Saved.fromarray(pixels).save(path)
    data = load(*words)
    assert len(data.warnings) == 1
    assert data.warnings[0].startswith("transparent parts of pictures were laid on white: 20, the first at a/")
    for split in data.splits.values():
        for i in range(len(split)):
            if split.gold("label")[i] == "a":
                assert split.picture(i)[..., 0].tolist() == [[0] * 4] * 2 + [[255] * 4] * 2
    now = prepare(data.config, data.source).name
    assert data.fingerprint != now, "a run of before must not go on with other pixels"
    assert opaque.fingerprint in opaque.folder.name


def test_grey_of_pngs_that_tell_their_brightness_is_other_data_than_it_was(tmp_path: Path) -> None:
    root = write_folder(tmp_path)
    told = b"\0\0\0\1sRGB\0" + struct.pack(">I", zlib.crc32(b"sRGB\0"))
    for path in root.rglob("red/*.png"):
        data = path.read_bytes()
        path.write_bytes(data[:33] + told + data[33:])
    for colour, changed in {"rgb": {}, "grey": {"changes": ["grey by the levels as they stand"]}}.items():
        config = image_data("data=image_folder", f"data.path={root}", f"data.colour={colour}")
        assert prepare(config, ImageFolder(config)).changes == changed


@pytest.mark.parametrize("suffix", [".jpe", ".apng", ".dcm", ".NEF"])
def test_pictures_in_formats_that_are_not_read_are_refused_by_name(tmp_path: Path, suffix: str) -> None:
    root = write_folder(tmp_path)
    (root / "train" / "red" / f"one{suffix}").write_bytes(b"more")
    assert f"one{suffix}: pictures are not read from {suffix} files" in refusal(
        "data=image_folder", f"data.path={root}"
    )


def test_where_no_picture_can_be_used_it_is_said_why(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "some")
    words = ["data=image_folder", "data.skip_bad=true"]
    for path in root.rglob("train/*/*.png"):
        path.write_bytes(b"empty")
    message = refusal(*words, f"data.path={root}")
    assert "no picture of the train split can be used; 16 bad train pictures were left out" in message
    for path in root.rglob("*.png"):
        path.write_bytes(b"empty")
    message = refusal(*words, f"data.path={root}")
    assert "no picture can be used; 28 bad pictures were left out (data.skip_bad=true); the first:" in message


def test_classes_have_one_spelling(tmp_path: Path) -> None:
    class Letters(ImageSource):
        splits = ("train",)

        def rows(self, split: str) -> Iterator[Picture]:
            for i in range(40):
                yield Picture(
                    ("é", "e\N{COMBINING ACUTE ACCENT}", "a")[i % 3], f"{i}", noise(4, 4, 1, seed=i).copy
                )

    IMAGE_SOURCES.register("letters")(Letters)
    config = ImageData(name="letters", source="letters", colour="grey", patch=2, cache=str(tmp_path))
    data = Image(config, seed=1)
    assert data.spec.targets["label"].classes == ("a", "é")
    assert [warning for warning in data.warnings if "normal form" in warning and ": 13, the first at" in warning]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (
            "data.patch=100000",
            "`data.patch=100000`: larger than any picture; the longest side is 20 pixels, so it can be",
        ),
        ("data.patch=21", "at most 20"),
        (
            "data.translate=20",
            "moves pictures out of sight; the longest side is 20 pixels, so it can be at most 19",
        ),
    ],
)
def test_keys_that_no_picture_has_room_for_are_refused(tmp_path: Path, key: str, sentence: str) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path, side=20)}"]
    assert sentence in refusal(*words, key)
    load(*words, "data.patch=20", "data.translate=19")
