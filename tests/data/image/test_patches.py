"""Patches of pictures: which pixels, in which order, at which coordinates, and what training does to the pixels."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from pictures import noise
from torchvision.transforms.v2 import functional

from attnlab.data.image.patches import augmented, patches

sides = st.integers(1, 9)


def test_patches_come_in_reading_order_with_row_and_column() -> None:
    picture = np.arange(4 * 6, dtype=np.float32).reshape(1, 4, 6, 1)
    cut, coords = patches(picture, patch=2, stride=2)
    assert coords.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert cut[0].tolist()[:2] == [[0, 1, 6, 7], [2, 3, 8, 9]]
    assert cut[0].tolist()[-1] == [16, 17, 22, 23]


def test_what_lies_beyond_the_picture_is_zero_and_nothing_else_is() -> None:
    cut, coords = patches(np.ones((1, 3, 5, 1), dtype=np.float32), patch=4, stride=4)
    assert coords.tolist() == [[0, 0], [0, 1]]
    whole = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]]
    edge = [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert cut.reshape(2, 4, 4).tolist() == [whole, edge]


@given(sides, sides, st.sampled_from([1, 3]), st.integers(1, 4), st.data())
def test_the_picture_can_be_put_together_again(height: int, width: int, channels: int, patch: int, data) -> None:
    stride = data.draw(st.integers(1, patch))
    picture = noise(2, height, width, channels).astype(np.float32) + 1
    cut, coords = patches(picture, patch, stride)
    again = np.zeros((2, height + patch, width + patch, channels), dtype=np.float32)
    for i, (row, column) in enumerate(coords.astype(int) * stride):
        again[:, row : row + patch, column : column + patch] = cut[:, i].reshape(2, patch, patch, channels)
    assert np.array_equal(again[:, :height, :width], picture)
    assert not again[:, height:].any() and not again[:, :, width:].any()


@given(st.integers(0, 3), st.booleans(), st.integers(0, 50))
def test_augmentation_is_torchvisions_crop_of_an_edge_padded_picture_and_its_flip(
    translate: int, flip: bool, epoch: int
) -> None:
    picture = noise(1, 5, 4, 3)
    moved = augmented(picture, np.array([7]), seed=1, epoch=epoch, translate=translate, flip=flip)[0]
    original = torch.from_numpy(picture[0]).permute(2, 0, 1)
    padded = functional.pad(original, [translate] * 4, padding_mode="edge")
    crops = [
        functional.crop(padded, top, left, 5, 4)
        for top in range(2 * translate + 1)
        for left in range(2 * translate + 1)
    ]
    crops += [functional.horizontal_flip(crop) for crop in crops] if flip else []
    assert any(np.array_equal(moved, crop.permute(1, 2, 0)) for crop in crops)


def test_every_translation_and_both_sides_are_drawn_about_equally_often() -> None:
    indices = np.arange(3000)
    picture = np.zeros((3000, 7, 7, 1), dtype=np.uint8)
    picture[:, 3, 3] = 1  # a translation can be read from where the bright pixel went
    moved = augmented(picture, indices, seed=1, epoch=1, translate=1, flip=False)
    counts = np.unique(np.argwhere(moved[..., 0])[:, 1:], axis=0, return_counts=True)[1]
    assert len(counts) == 9 and counts.min() > 250
    picture[:, 3, 3], picture[:, 3, 2] = 0, 1
    moved = augmented(picture, indices, seed=1, epoch=1, translate=0, flip=True)
    assert 1350 < moved[:, 3, 4].sum() < 1650
