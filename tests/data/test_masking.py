"""Which vectors are hidden, that nothing of them can be seen, and that it is the same for every modality."""

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_treebank
from graphs import write_tu
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import write_folder
from recordings import digits

from attnlab.compose import compose
from attnlab.config import Config, ImageData
from attnlab.data.masking import TARGET, Masked, MaskedSplit, Masking
from attnlab.metrics import NOT_SCORED
from attnlab.model import build as models
from attnlab.sets import VectorSets
from attnlab.training.run import load_data

SMALL = ["encoder.width=16", "encoder.depth=1", "encoder.heads=2", "task=masked"]
CASES: dict[str, Callable[[Path], list[str]]] = {
    "words": lambda folder: ["data=ud_ewt", f"data.path={write_treebank(folder)}", "embedding=word_char"],
    "frames": lambda folder: ["data=fsdd", f"data.path={digits()}", "data.bands=12", "data.stack=1"],
    "patches": lambda folder: ["data=image_folder", f"data.path={write_folder(folder)}", "data.patch=2"],
    "overlapping patches": lambda folder: [
        "data=image_folder",
        f"data.path={write_folder(folder)}",
        "data.patch=3",
        "data.stride=1",
        "data.colour=grey",
    ],
    "nodes": lambda folder: ["data=tu", "data.name=TOY", f"data.path={write_tu(folder)}"],
}


def on_a_line(*lengths: int) -> VectorSets:
    sets = VectorSets.of(torch.zeros(sum(lengths), 2), lengths)
    return replace(sets, coords=sets.layout.position[:, None].float())


def on_a_grid(rows: int, columns: int) -> VectorSets:
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    return VectorSets.of(torch.zeros(len(places), 2), coords=places.float())


@pytest.mark.parametrize("span", [1, 3, 10])
def test_the_share_is_the_same_at_every_place_whatever_the_span(span: int) -> None:
    """Of sets so long that hardly any is without a span by chance, which then gets one."""
    sets = on_a_line(*[200] * 1000)
    hidden = Masking(0.3, span, seed=1).hidden(sets, np.arange(1000), epoch=0).reshape(1000, 200)
    assert abs(hidden.mean() - 0.3) < 0.01
    assert (abs(hidden.mean(axis=0) - 0.3) < 0.07).all(), "also at the borders"


def test_spans_of_frames_and_blocks_of_patches_are_hidden_whole() -> None:
    hidden = Masking(0.3, 4, seed=1).hidden(on_a_line(1000), np.array([7]), epoch=0)
    runs = [(marked, len([*run])) for marked, run in groupby(hidden.tolist())]
    assert all(length >= 4 for marked, length in runs[1:-1] if marked) and len(runs) > 20
    grid = Masking(0.4, 3, seed=1).hidden(on_a_grid(30, 20), np.array([7]), epoch=0).reshape(30, 20)
    padded = np.pad(grid, 2, constant_values=True)  # a block may begin before the first row
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).all(axis=(2, 3))
    covered = np.zeros_like(padded)
    for row, column in np.argwhere(windows):
        covered[row : row + 3, column : column + 3] = True
    assert (covered[2:-2, 2:-2] == grid).all() and 0.2 < grid.mean() < 0.6


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6), seed=st.integers(0, 2**63 - 1),
    epoch=st.integers(0, 9), span=st.integers(1, 4),
)  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_what_is_hidden_depends_on_the_example_alone_and_is_something(
    lengths: list[int], seed: int, epoch: int, span: int
) -> None:
    masking, indices = Masking(0.05, span, seed), np.arange(len(lengths)) * 3
    together = masking.hidden(on_a_line(*lengths), indices, epoch)
    alone = [masking.hidden(on_a_line(n), indices[[i]], epoch) for i, n in enumerate(lengths)]
    assert (together == np.concatenate(alone)).all() and all(marks.any() for marks in alone)
    other = Masking(0.05, span, seed + 1 if seed < 2**63 - 1 else 0)
    assert (
        masking.hidden(on_a_line(*lengths), indices, None) == other.hidden(on_a_line(*lengths), indices, None)
    ).all()


def test_every_epoch_hides_others() -> None:
    sets, masking = on_a_line(200), Masking(0.3, 1, seed=1)
    marks = [masking.hidden(sets, np.array([0]), epoch) for epoch in (None, 0, 1)]
    assert all((one != other).mean() > 0.2 for one, other in ((marks[0], marks[1]), (marks[1], marks[2])))


@pytest.fixture(scope="module", params=CASES)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Masked]:
    config = compose([*CASES[request.param](tmp_path_factory.mktemp(request.param)), *SMALL])
    data = load_data(config)
    assert isinstance(data, Masked)
    return config, data


@pytest.mark.parametrize("epoch", [None, 2])
def test_hidden_vectors_are_asked_for_and_taken_out(opened: tuple[Config, Masked], epoch: int | None) -> None:
    """What is asked is what the loader gave; where nothing is hidden, the batch is the loader's, and nothing is asked."""
    split = opened[1].splits["train"]
    assert isinstance(split, MaskedSplit)
    everything = np.arange(len(split))
    masked, whole = split.batch(everything, epoch), split.split.batch(everything, epoch)
    hidden, asked = masked.inputs.hidden, masked.targets[TARGET]
    assert hidden is not None and isinstance(asked, torch.Tensor) and list(masked.targets) == [TARGET]
    assert 0 < int(hidden.sum()) < len(hidden)
    assert torch.equal(masked.inputs.values[~hidden], whole.inputs.values[~hidden])
    assert not masked.inputs.values[hidden].any()
    for name in ("coords", "edges", "edge_values"):
        one, other = getattr(masked.inputs, name), getattr(whole.inputs, name)
        assert one is other is None or torch.equal(one, other)
    ids = split.ids(whole.inputs)
    if ids is None:
        known = ~asked.isnan()
        assert torch.equal(asked[known], whole.inputs.values[known]) and not known[~hidden].any()
        config = opened[0].data
        overlap = isinstance(config, ImageData) and config.stride is not None
        assert known.any() and known[hidden].all() != overlap
    else:
        assert torch.equal(asked[hidden], ids[hidden].masked_fill(ids[hidden] == 0, -1))
        assert (asked[~hidden] == -1).all()


def test_of_overlapping_patches_only_pixels_that_none_shows_are_asked(tmp_path: Path) -> None:
    words = CASES["overlapping patches"](tmp_path)
    split = load_data(compose([*words, *SMALL])).splits["train"]
    assert isinstance(split, MaskedSplit)
    for i in range(6):
        batch, coords = split.batch(np.array([i])), split[i].inputs.coords
        hidden, asked = batch.inputs.hidden, batch.targets[TARGET]
        assert isinstance(asked, torch.Tensor) and hidden is not None and coords is not None
        pixels = [
            {(int(row) + a, int(column) + b) for a in range(3) for b in range(3)}
            for row, column in coords.tolist()
        ]
        shown = set().union(*(pixels[j] for j in torch.where(~hidden)[0].tolist()))
        for j in torch.where(hidden)[0].tolist():
            known = (~asked[j].isnan()).nonzero()[:, 0].tolist()
            assert {sorted(pixels[j])[k] for k in known} == pixels[j] - shown


def test_right_answers_are_those_of_the_batches(opened: tuple[Config, Masked]) -> None:
    split = opened[1].splits["test"]
    assert isinstance(split, MaskedSplit)
    batch, gold = split.batch(np.arange(len(split))), split.gold(TARGET)
    asked, hidden = batch.targets[TARGET], batch.inputs.hidden
    assert isinstance(asked, torch.Tensor) and hidden is not None and len(gold) == len(split)
    if split.words is None:
        np.testing.assert_array_equal(np.concatenate([*gold]), asked[hidden].numpy())
    else:
        words = [NOT_SCORED if i < 0 else split.words.words[i] for i in asked.tolist()]
        assert [word for words in gold for word in words] == words


def test_nothing_leaks_from_what_is_hidden(opened: tuple[Config, Masked]) -> None:
    """Other values, and other characters, at hidden places change no bit of what comes out, nor any gradient."""
    config, data = opened
    batch = data.splits["train"].batch(np.arange(8), 0)
    inputs, hidden = batch.inputs, batch.inputs.hidden
    assert hidden is not None
    rows = hidden if inputs.values.ndim == 1 else hidden[:, None]
    other = 1 if inputs.values.ndim == 1 else 1e3
    last = None if inputs.parts is None else len(inputs.parts) - 1
    index = None if inputs.part_index is None else inputs.part_index.masked_fill(hidden, last)
    changed = replace(inputs, values=inputs.values.masked_fill(rows, other), part_index=index)
    models.resolve(config, data.spec)
    results = []
    for given_sets in (inputs, changed):
        torch.manual_seed(0)
        model = models.build(config, data.spec).eval()
        loss = model(replace(batch, inputs=given_sets))
        loss.total.backward()
        results.append([model.encode(given_sets).values, loss.total, *(p.grad for p in model.parameters())])
    assert all(one is other is None or torch.equal(one, other) for one, other in zip(*results, strict=True))
    seen = replace(inputs, values=inputs.values.masked_fill(~rows, other))
    assert not torch.equal(model.encode(seen).values, results[0][0]), "what is seen matters"


def test_where_a_hidden_vector_stands_is_known(opened: tuple[Config, Masked]) -> None:
    """Marks differ once attention knows their place: otherwise all hidden words of a sentence would get one answer."""
    config, data = opened
    batch = data.splits["train"].batch(np.arange(len(data.splits["train"])), 0)
    models.resolve(config, data.spec)
    encoded = models.build(config, data.spec).eval().encode(batch.inputs)
    assert encoded.hidden is not None and torch.equal(encoded.hidden, batch.inputs.hidden)
    assert len(encoded.values[encoded.hidden].unique(dim=0)) > 3
