"""Sets end to end: whatever the lengths, packing, padding and collating lose nothing."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from attnlab.sets import Layout, VectorSets

lengths_strategy = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@st.composite
def one_set(draw: st.DrawFn) -> VectorSets:
    """A set with coordinates, edges with values, and parts: everything that a set can have."""
    length = draw(st.integers(0, 5))
    pairs = (
        draw(st.lists(st.tuples(st.integers(0, length - 1), st.integers(0, length - 1)), max_size=6))
        if length
        else []
    )
    random = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    part_lengths = draw(st.lists(st.integers(1, 3), min_size=length, max_size=length))
    parts = VectorSets.of(torch.arange(sum(part_lengths)), part_lengths)
    return VectorSets.of(
        torch.randn(length, 3, generator=random),
        coords=torch.arange(length)[:, None].float(),
        edges=torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T,
        edge_values=torch.randn(len(pairs), 2, generator=random),
        parts=parts,
        part_index=torch.arange(length),
    )


def same(a: VectorSets, b: VectorSets) -> None:
    assert a.lengths == b.lengths
    for name in ("values", "coords", "edges", "edge_values", "part_index"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert a.parts is not None and b.parts is not None
    assert a.parts.lengths == b.parts.lengths and torch.equal(a.parts.values, b.parts.values)


@given(st.lists(one_set(), min_size=1, max_size=5))
def test_unbind_takes_apart_what_collate_put_together(sets: list[VectorSets]) -> None:
    for before, after in zip(sets, VectorSets.collate(sets).unbind(), strict=True):
        same(before, after)


@given(st.lists(one_set(), min_size=2, max_size=5), st.integers(1, 4))
def test_collate_may_go_in_steps(sets: list[VectorSets], cut: int) -> None:
    cut = min(cut, len(sets) - 1)
    halves = [VectorSets.collate(sets[:cut]), VectorSets.collate(sets[cut:])]
    same(VectorSets.collate(halves), VectorSets.collate(sets))


@given(st.lists(one_set(), min_size=1, max_size=5))
def test_in_order_of_length_every_set_is_at_its_number(sets: list[VectorSets]) -> None:
    batch = VectorSets.collate(sets)
    ordered = batch.by_length()
    if ordered is None:
        assert sorted(batch.lengths) == list(batch.lengths)
        return
    assert sorted(batch.lengths) == list(ordered.sets.lengths) != list(batch.lengths)
    assert torch.equal(ordered.sets.values[ordered.rows], batch.values)
    singles = ordered.sets.unbind()
    for position, single in zip(ordered.inverse_order, sets, strict=True):
        same(singles[position], single)


@given(lengths_strategy)
def test_pack_undoes_pad_and_the_mask_counts_the_vectors(lengths: list[int]) -> None:
    layout = Layout.of(lengths)
    rows = torch.arange(2 * layout.size).view(-1, 2).float()
    padded = layout.pad(rows)
    assert padded.shape == (len(lengths), max(lengths), 2)
    assert torch.equal(layout.pack(padded), rows)
    assert layout.mask.sum(1).tolist() == lengths
    assert torch.equal(padded[~layout.mask], torch.zeros(layout.mask.numel() - layout.size, 2))


def test_a_layout_as_a_table() -> None:
    layout = Layout.of([2, 0, 3])
    assert layout.starts == (0, 2, 2, 5)
    assert layout.set_index.tolist() == [0, 0, 2, 2, 2]
    assert layout.position.tolist() == [0, 1, 0, 1, 2]
    assert layout.mask.tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_edges_point_to_rows_of_the_batch() -> None:
    ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
    single = VectorSets.of(torch.zeros(3, 1), edges=ring)
    assert VectorSets.collate([single, single]).edges.tolist() == [[0, 1, 2, 3, 4, 5], [1, 2, 0, 4, 5, 3]]


def test_a_part_that_occurs_twice_is_shared_and_can_still_be_taken_apart() -> None:
    characters = VectorSets.of(torch.tensor([7, 8, 9]), [2, 1])
    sets = VectorSets.of(torch.tensor([1, 0, 1]), [2, 1], parts=characters, part_index=torch.tensor([1, 0, 1]))
    first, second = sets.unbind()
    assert second.parts is not None and second.parts.values.tolist() == [9]
    assert first.parts is not None and first.parts.lengths == (2, 1)
