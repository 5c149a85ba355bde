"""Pictures of a data set: how they come into a batch, which are trained on, and what needs new preparation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import List, Value
from pictures import image_data, load, write_folder, write_mnist, write_picture

from attnlab.data.image.loader import Image
from attnlab.data.prep import arrow
from attnlab.errors import UserError


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of six sizes in colour."""
    return write_folder(tmp_path_factory.mktemp("mixed"))


def test_pictures_of_different_sizes_share_a_batch_and_are_the_same_alone(mixed: Path) -> None:
    split = load("data=image_folder", f"data.path={mixed}", "data.patch=2").splits["train"]
    assert len(set(zip(split.heights, split.widths, strict=True))) == 6
    batch = split.batch(np.arange(len(split))[::-1])
    assert batch.inputs.layout.lengths == tuple(split.lengths[::-1])
    for one, i in zip(batch.inputs.unbind(), range(len(split))[::-1], strict=True):
        alone = split[i].inputs
        assert torch.equal(one.values, alone.values) and torch.equal(one.coords, alone.coords)
        rows, columns = -(-split.heights[i] // 2), -(-split.widths[i] // 2)
        assert alone.coords.tolist() == [[r, c] for r in range(rows) for c in range(columns)]


@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_training_pixels_have_mean_0_and_standard_deviation_1_in_each_channel(mixed: Path, colour: str) -> None:
    data = load("data=image_folder", f"data.path={mixed}", "data.patch=1", f"data.colour={colour}")
    values = data.splits["train"].batch(np.arange(len(data.splits["train"]))).inputs.values
    assert values.shape[1] == data.spec.features == (1 if colour == "grey" else 3)
    assert torch.allclose(values.mean(0), torch.zeros(values.shape[1]), atol=1e-5)
    assert torch.allclose(values.std(0, correction=0), torch.ones(values.shape[1]), atol=1e-5)


def test_augmentation_depends_on_seed_epoch_and_index_alone_and_spares_evaluation(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path, train=60)}", "data.patch=2", "data.flip=true"]
    split = load(*words, "data.translate=2").splits["train"]
    together = split.batch(np.arange(20), epoch=3).inputs.unbind()
    for i in (0, 7, 19):
        assert torch.equal(split.batch(np.array([i]), epoch=3).inputs.values, together[i].values)
    assert not torch.equal(
        split.batch(np.arange(20), epoch=4).inputs.values, split.batch(np.arange(20), 3).inputs.values
    )
    other = load(*words, "data.translate=2", seed=2).splits["train"]
    assert not torch.equal(
        other.batch(np.arange(20), epoch=3).inputs.values, split.batch(np.arange(20), 3).inputs.values
    )
    plain = load(*words, "data.translate=0", "data.flip=false").splits["train"]
    assert torch.equal(split.batch(np.arange(20)).inputs.values, plain.batch(np.arange(20)).inputs.values)


def test_limit_takes_some_of_the_training_pictures_each_class_in_proportion(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path, train=200)}", "data.validation=0.25"]
    whole, less = load(*words), load(*words, "data.limit=40", seed=9)
    train, validation = (list(whole.splits[name].keys) for name in ("train", "validation"))
    assert not set(train) & set(validation) and len(train) == 150 and len(validation) == 50
    limited = less.splits["train"]
    assert list(limited.keys) == [key for key in train if key in set(limited.keys)] != train[:40]
    assert less.spec.targets["label"].counts == (20, 20) and limited.gold("label").count("0") == 20
    assert (
        limited[7].inputs.values.shape == whole.splits["train"][train.index(limited.keys[7])].inputs.values.shape
    )
    assert limited.content(7) == whole.splits["train"].content(train.index(limited.keys[7]))
    assert less.splits["validation"].keys == whole.splits["validation"].keys


def test_a_limit_makes_other_data_of_the_same_prepared_pictures(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    words = [
        "data=image_folder",
        f"data.path={write_folder(tmp_path / 'data')}",
        "data.patch=1",
        f"data.cache={cache}",
    ]
    whole, less, more = load(*words), load(*words, "data.limit=5"), load(*words, "data.limit=9")
    assert len({data.fingerprint for data in (whole, less, more)}) == 3
    assert len({data.folder for data in (whole, less, more)}) == 3, (
        "baselines, which depend on the limit, lie there"
    )
    assert len(list(cache.glob("*/train.arrow"))) == 1
    values = less.splits["train"].batch(np.arange(5)).inputs.values
    assert torch.allclose(values.mean(0), torch.zeros(3), atol=1e-5), "normalised by the pictures that are used"
    assert torch.allclose(values.std(0, correction=0), torch.ones(3), atol=1e-5)
    assert load(*words, "data.limit=16").spec == whole.spec, "all of them"


def test_rows_that_fill_the_buffer_are_written_before_others_are_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arrow, "BUFFER", 100)
    written = tmp_path / "rows.arrow"

    def rows():
        for i in range(30):
            yield {"pixels": np.full(40, i, dtype=np.uint8), "key": str(i)}
            if i == 29:
                assert written.stat().st_size > 500

    columns = {"pixels": List(Value("uint8")), "key": Value("string")}
    assert arrow.write_rows(written, columns, rows()) == 30
    assert arrow.Columns(written).ragged("pixels").take(np.arange(30))[::40].tolist() == list(range(30))


def test_patch_and_stride_need_no_new_preparation_but_must_be_the_runs(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path)}"]
    small, large = load(*words, "data.patch=2"), load(*words, "data.patch=4", "data.stride=3", "data.translate=1")
    assert small.folder == large.folder
    with pytest.raises(UserError, match=r"data.patch=4.*16 numbers; the run has learned patches of 4"):
        Image(image_data(*words, "data.patch=4"), 1, small.spec)


def test_a_picture_of_too_many_patches_is_named(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path)}", "data.patch=1", "data.max_length=35"]
    with pytest.raises(
        UserError, match=r"train-images-idx3-ubyte:\d+: 36 patches, more than `data.max_length=35`"
    ):
        load(*words)
    cache = tmp_path / "cache"
    with pytest.raises(UserError, match="36 patches"):
        load(*words, f"data.cache={cache}")
    assert not [path for path in cache.iterdir() if path.is_dir()], (
        "refused at the first such picture, not after all"
    )
    problems = image_data(*words, "data.patch=2", "data.stride=3").problems()
    assert list(problems) == ["data.stride=3 must be at most data.patch=2, or pixels would be lost"]


def test_pictures_of_exchanged_sides_differ(tmp_path: Path) -> None:
    for name, (height, width) in {"wide": (256, 512), "high": (512, 256)}.items():
        for i in range(4):
            write_picture(tmp_path / name / f"{i}.png", np.full((height, width, 1), i, dtype=np.uint8))
    data = load("data=image_folder", f"data.path={tmp_path}", "data.patch=64", "data.validation=0", "data.test=0")
    train = data.splits["train"]
    assert len({train.content(i) for i in range(8)}) == 8
