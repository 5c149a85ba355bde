"""Who sees whom, as tables a person can read, and how scopes are written."""

import pytest
import torch
from drawing import vector_sets

from attnlab.attention_options import ScopeWord, kernel_table, parse_count, parse_scope, parse_scopes
from attnlab.errors import UserError
from attnlab.model.attention.edgewise import window_neighbours
from attnlab.model.attention.reference import Reference
from attnlab.model.attention.scopes import Causal, Edges, Full, Window, scope_of
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


def table(scope, sets: VectorSets) -> str:
    allowed = scope.allows(sets, sets)
    return " ".join("".join("x" if see else "." for see in row) for row in allowed.tolist())


def line(*places: float) -> VectorSets:
    return VectorSets.of(torch.zeros(len(places), 1), coords=torch.tensor(places)[:, None])


def test_tables():
    edges = torch.tensor([[0, 2, 2], [1, 1, 1]])  # 0 -> 1, and twice 2 -> 1
    graph = VectorSets.of(torch.zeros(3, 1), edges=edges)
    grid = VectorSets.of(torch.zeros(4, 1), coords=torch.tensor([[0.0, 0], [0, 1], [1, 0], [2, 2]]))
    assert table(Full(), line(0, 1)) == "xx xx"
    assert table(Window(1), line(0, 1, 2)) == "xx. xxx .xx"
    assert table(Window(1.5), line(3, 0, 1)) == "x.. .xx .xx", "distance of places, not of rows"
    assert table(Window(1), grid) == "xxx. xxx. xxx. ...x", "a square; the last one is alone"
    assert table(Causal(), line(0, 1, 2)) == "x.. xx. xxx"
    assert table(Causal(), line(2, 0, 1)) == "xxx .x. .xx"
    assert table(Edges(), graph) == "x.. xxx ..x", "from row 0 and 2 to row 1, and each to itself"
    assert table(Edges(loops=False), graph) == "... x.x ..."


def test_an_edge_given_twice_counts_once_with_the_sum_of_its_values():
    edges = torch.tensor([[0, 2, 2], [1, 1, 1]])
    graph = VectorSets.of(torch.zeros(3, 1), edges=edges, edge_values=torch.tensor([[1.0], [2], [3]]))
    found = Edges().neighbours(graph)
    assert list(zip(found.queries.tolist(), found.keys.tolist(), found.edge_values[:, 0].tolist(), strict=True)) == [
        (0, 0, 0.0), (1, 0, 1.0), (1, 1, 0.0), (1, 2, 5.0), (2, 2, 0.0),
    ]  # fmt: skip


@pytest.mark.parametrize("places", [1, 2])
@pytest.mark.parametrize("radius", [0.0, 1.0, 2.3])
def test_neighbour_lists_are_the_table(places, radius):
    sets = vector_sets([5, 1, 9], seed=3, places=places, edges=False, shuffled=True)
    found = window_neighbours(Window(radius), sets)
    listed = torch.zeros(15, 15, dtype=torch.bool)
    listed[found.queries, found.keys] = True
    for own in Reference().plan(Window(radius), sets, sets).work:
        assert torch.equal(listed[own.queries, own.keys], own.allowed)
    assert len(found.queries) == listed.sum() and bool((found.queries.diff() >= 0).all())


def test_words():
    assert parse_scope("window:8") == ScopeWord("window", 8.0)
    assert parse_scope("window:40ms") == ScopeWord("window", 0.04, seconds=True)
    assert parse_scope("window:.5s") == ScopeWord("window", 0.5, seconds=True)
    assert [str(word) for word in parse_scopes(["edges", "full"])] == ["edges", "full"]
    assert ScopeWord("window", 0.29, seconds=True).in_coordinates(0.01) == 29
    assert parse_count("1.5M") == 1_500_000 and parse_count("250k") == 250_000 and parse_count(7) == 7
    for word, sentence in {
        "windw:8": "did you mean `window`",
        "edge": "did you mean `edges`",
        "window": "as in window:8 or window:40ms",
        "window:x": "as in window:8 or window:40ms",
        "window:-1": "as in window:8",
        "full:3": "write `full`",
    }.items():
        with pytest.raises(UserError, match=sentence):
            parse_scope(word)
    with pytest.raises(UserError, match="at least one"):
        parse_scopes([])
    with pytest.raises(UserError, match="250k or 1M"):
        parse_count("many")


def spec(places=1, **keys) -> DataSpec:
    return DataSpec("text", places, None, {}, {}, **keys)


def test_data_must_have_what_a_scope_reads():
    assert scope_of(parse_scope("window:40ms"), spec(frame_seconds=0.01)) == Window(4.0)
    assert scope_of(parse_scope("edges"), spec(0, edge_features=0)) == Edges()
    for word, data, sentence in (
        ("window:40ms", spec(), "write the radius in coordinates"),
        ("window:2", spec(0), "no places; use scope full$"),
        ("causal", spec(0, edge_features=3), "no places; use scope full or edges"),
        ("causal", spec(2), "2 coordinates.*use scope full or window:RADIUS"),
        ("edges", spec(), "no edges; use scope full or window:RADIUS"),
    ):
        with pytest.raises(UserError, match=sentence):
            scope_of(parse_scope(word), data)
    with pytest.raises(UserError, match="no places; use scope full or edges"):
        Window(1).allows(*[vector_sets([2], places=0)] * 2)


def test_the_documentation_shows_the_table_of_kernels():
    from pathlib import Path

    text = (Path(__file__).parents[3] / "docs" / "attention.md").read_text(encoding="utf-8")
    assert kernel_table() in text
