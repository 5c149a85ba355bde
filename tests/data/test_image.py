"""Pictures to sets of patches: which pixels, in which order, where they stand, and what training does to them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import List, Value
from hypothesis import given
from hypothesis import strategies as st
from pictures import image_data, load, noise, write_folder, write_mnist
from torchvision.transforms.v2 import functional

from attnlab.data.image.loader import Image
from attnlab.data.image.patches import augmented, patches
from attnlab.data.prep import arrow
from attnlab.errors import UserError

sides = st.integers(1, 9)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of six sizes in colour."""
    return write_folder(tmp_path_factory.mktemp("mixed"))


def test_patches_come_in_reading_order_with_row_and_column() -> None:
    picture = np.arange(4 * 6, dtype=np.float32).reshape(1, 4, 6, 1)
    found, places = patches(picture, patch=2, stride=2)
    assert places.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert found[0].tolist()[:2] == [[0, 1, 6, 7], [2, 3, 8, 9]]
    assert found[0].tolist()[-1] == [16, 17, 22, 23]


def test_what_lies_beyond_the_picture_is_zero_and_nothing_else_is() -> None:
    found, places = patches(np.ones((1, 3, 5, 1), dtype=np.float32), patch=4, stride=4)
    assert places.tolist() == [[0, 0], [0, 1]]
    whole = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
    edge = [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found.reshape(2, 4, 4).tolist() == [whole, edge]


@given(sides, sides, st.sampled_from([1, 3]), st.integers(1, 4), st.data())
def test_the_picture_can_be_put_together_again(height: int, width: int, channels: int, patch: int, data) -> None:
    stride = data.draw(st.integers(1, patch))
    picture = noise(2, height, width, channels).astype(np.float32) + 1
    found, places = patches(picture, patch, stride)
    again = np.zeros((2, height + patch, width + patch, channels), dtype=np.float32)
    for i, (row, column) in enumerate(places.astype(int) * stride):
        again[:, row : row + patch, column : column + patch] = found[:, i].reshape(2, patch, patch, channels)
    assert np.array_equal(again[:, :height, :width], picture)
    assert not again[:, height:].any() and not again[:, :, width:].any()


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
def test_training_pixels_have_mean_0_and_spread_1_in_each_channel(mixed: Path, colour: str) -> None:
    data = load("data=image_folder", f"data.path={mixed}", "data.patch=1", f"data.colour={colour}")
    values = data.splits["train"].batch(np.arange(len(data.splits["train"]))).inputs.values
    assert values.shape[1] == data.spec.features == (1 if colour == "grey" else 3)
    assert torch.allclose(values.mean(0), torch.zeros(values.shape[1]), atol=1e-5)
    assert torch.allclose(values.std(0, correction=0), torch.ones(values.shape[1]), atol=1e-5)


@given(st.integers(0, 3), st.booleans(), st.integers(0, 50))
def test_augmentation_is_torchvisions_crop_of_an_edge_padded_picture_and_its_flip(
    shift: int, flip: bool, epoch: int
) -> None:
    picture = noise(1, 5, 4, 3)
    moved = augmented(picture, np.array([7]), seed=1, epoch=epoch, shift=shift, flip=flip)[0]
    original = torch.from_numpy(picture[0]).permute(2, 0, 1)
    padded = functional.pad(original, [shift] * 4, padding_mode="edge")
    crops = [
        functional.crop(padded, top, left, 5, 4) for top in range(2 * shift + 1) for left in range(2 * shift + 1)
    ]
    crops += [functional.horizontal_flip(crop) for crop in crops] if flip else []
    assert any(np.array_equal(moved, crop.permute(1, 2, 0)) for crop in crops)


def test_augmentation_depends_on_seed_epoch_and_index_alone_and_spares_evaluation(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path, train=60)}", "data.patch=2", "data.flip=true"]
    split = load(*words, "data.shift=2").splits["train"]
    together = split.batch(np.arange(20), epoch=3).inputs.unbind()
    for i in (0, 7, 19):
        assert torch.equal(split.batch(np.array([i]), epoch=3).inputs.values, together[i].values)
    assert not torch.equal(
        split.batch(np.arange(20), epoch=4).inputs.values, split.batch(np.arange(20), 3).inputs.values
    )
    other = load(*words, "data.shift=2", seed=2).splits["train"]
    assert not torch.equal(
        other.batch(np.arange(20), epoch=3).inputs.values, split.batch(np.arange(20), 3).inputs.values
    )
    plain = load(*words, "data.shift=0", "data.flip=false").splits["train"]
    assert torch.equal(split.batch(np.arange(20)).inputs.values, plain.batch(np.arange(20)).inputs.values)


def test_every_shift_and_both_sides_are_drawn_about_equally_often() -> None:
    indices = np.arange(3000)
    picture = np.zeros((3000, 7, 7, 1), dtype=np.uint8)
    picture[:, 3, 3] = 1  # a shift can be read from where the bright pixel went
    moved = augmented(picture, indices, seed=1, epoch=1, shift=1, flip=False)
    counts = np.unique(np.argwhere(moved[..., 0])[:, 1:], axis=0, return_counts=True)[1]
    assert len(counts) == 9 and counts.min() > 250
    picture[:, 3, 3], picture[:, 3, 2] = 0, 1
    moved = augmented(picture, indices, seed=1, epoch=1, shift=0, flip=True)
    assert 1350 < moved[:, 3, 4].sum() < 1650


def test_validation_is_held_out_by_key_and_limit_counts_what_is_left(tmp_path: Path) -> None:
    words = ["data=mnist", f"data.path={write_mnist(tmp_path, train=200)}", "data.validation=0.25"]
    whole, less = load(*words), load(*words, "data.limit=40", seed=9)
    train, validation = set(whole.splits["train"].keys), set(whole.splits["validation"].keys)
    assert not train & validation and len(train | validation) == 200
    assert 30 < len(validation) < 70
    assert less.splits["train"].keys == whole.splits["train"].keys[:40]
    assert less.splits["validation"].keys == whole.splits["validation"].keys


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
    small, large = load(*words, "data.patch=2"), load(*words, "data.patch=4", "data.stride=3", "data.shift=1")
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
    assert not [path for path in cache.iterdir() if path.is_dir()], "told by the first such picture, not after all"
    problems = image_data(*words, "data.patch=2", "data.stride=3").problems()
    assert list(problems) == ["data.stride=3 must be at most data.patch=2, or pixels would be lost"]
