"""Which vectors attend to which, as tables a person can read, and how scopes and other parts are written."""

import pytest
import torch
from random_sets import vector_sets

from attnlab.attention_options import (
    POSITION_CHOICES,
    SCOPE_CHOICES,
    SCORE_CHOICES,
    AdditiveKeys,
    FullKeys,
    WindowKeys,
    kernel_table,
    parse_scope,
    parse_score,
)
from attnlab.choices import Distance, listed
from attnlab.config.model.encoder import parse_count
from attnlab.errors import UserError
from attnlab.model.attention.edgewise import bounded_neighbours
from attnlab.model.attention.reference import Reference
from attnlab.model.attention.scopes import Causal, Edges, Full, Window, scope_of
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


def table(scope, sets: VectorSets) -> str:
    allowed = scope.allows(sets, sets)
    return " ".join("".join("x" if pair else "." for pair in row) for row in allowed.tolist())


def line(*coords: float) -> VectorSets:
    return VectorSets.of(torch.zeros(len(coords), 1), coords=torch.tensor(coords)[:, None])


def test_tables():
    edges = torch.tensor([[0, 2, 2], [1, 1, 1]])  # 0 -> 1, and twice 2 -> 1
    graph = VectorSets.of(torch.zeros(3, 1), edges=edges)
    grid = VectorSets.of(torch.zeros(4, 1), coords=torch.tensor([[0.0, 0], [0, 1], [1, 0], [2, 2]]))
    assert table(Full(), line(0, 1)) == "xx xx"
    assert table(Window(1), line(0, 1, 2)) == "xx. xxx .xx"
    assert table(Window(1.5), line(3, 0, 1)) == "x.. .xx .xx", "distance of coordinates, not of rows"
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


@pytest.mark.parametrize("num_coords", [1, 2])
@pytest.mark.parametrize("radius", [0.0, 1.0, 2.3])
def test_neighbour_lists_are_the_table(num_coords, radius):
    sets = vector_sets([5, 1, 9], seed=3, num_coords=num_coords, edges=False, shuffled=True)
    found = bounded_neighbours(Window(radius), sets)
    listed = torch.zeros(15, 15, dtype=torch.bool)
    listed[found.queries, found.keys] = True
    for own in Reference().plan(Window(radius), sets, sets).work:
        assert torch.equal(listed[own.queries, own.keys], own.allowed)
    assert len(found.queries) == listed.sum() and bool((found.queries.diff() >= 0).all())


def test_words():
    assert parse_scope("window:8") == WindowKeys(Distance(8.0))
    assert parse_scope("window:40ms") == WindowKeys(Distance(0.04, seconds=True))
    assert parse_scope("window:.5s") == WindowKeys(Distance(0.5, seconds=True))
    assert (
        parse_scope("full") == FullKeys()
        and listed("full") == ("full",)
        and listed(["edges", "full"])[0] == "edges"
    )
    assert parse_score("additive") == parse_score("additive:tanh") == AdditiveKeys("tanh")
    assert Distance(0.29, seconds=True).in_coordinates(0.01) == 29
    assert parse_count("1.5M") == 1_500_000 and parse_count("250k") == 250_000 and parse_count(7) == 7
    with pytest.raises(UserError, match="250k or 1M"):
        parse_count("many")


@pytest.mark.parametrize(
    "word, sentence",
    {
        "windw:8": "scope `windw`: no such scope; did you mean `window`",
        "edge": "did you mean `edges`",
        "window": "write `window:RADIUS`; RADIUS is a distance such as 8, 40ms or 0.5s",
        "window:x": "scope `window:x`: write `window:RADIUS`",
        "window:-1": "write `window:RADIUS`",
        "window:1:2": "write `window:RADIUS`",
        "full:3": "write `full`$",
    }.items(),
)
def test_wrong_words_are_refused_with_right_ones(word, sentence):
    with pytest.raises(UserError, match=sentence):
        parse_scope(word)
    assert word not in SCOPE_CHOICES and word not in SCORE_CHOICES


def test_what_can_be_chosen():
    assert list(SCOPE_CHOICES) == ["full", "window:RADIUS", "edges", "causal"]
    assert list(SCORE_CHOICES)[-3:] == ["additive", "additive:tanh", "additive:leaky_relu"]
    assert next(iter(POSITION_CHOICES)) == "auto" and "auto" in POSITION_CHOICES
    assert (
        ["window:8", "full"] in SCOPE_CHOICES and [] not in SCOPE_CHOICES and ["full", "fll"] not in SCOPE_CHOICES
    )
    assert SCORE_CHOICES.problem("additive:relu").endswith(
        "`additive` or `additive:tanh` or `additive:leaky_relu`"
    )


def spec(places=1, **keys) -> DataSpec:
    return DataSpec("text", places, None, {}, {}, **keys)


def test_data_must_have_what_a_scope_reads():
    assert scope_of("window:40ms", spec(frame_seconds=0.01)) == Window(4.0)
    assert scope_of("edges", spec(0, edge_features=0)) == Edges()
    for word, data, sentence in (
        ("window:40ms", spec(), "write the distance in coordinates"),
        ("window:2", spec(0), "no coordinates; use scope full$"),
        ("causal", spec(0, edge_features=3), "no coordinates; use scope full or edges$"),
        ("causal", spec(2), "2 coordinates, it needs 1; use scope full or window:RADIUS$"),
        ("edges", spec(), "no edges; use scope full or window:RADIUS or causal$"),
    ):
        with pytest.raises(UserError, match=sentence):
            scope_of(word, data)
    with pytest.raises(UserError, match="no coordinates; use scope full or edges"):
        Window(1).allows(*[vector_sets([2], num_coords=0)] * 2)


def test_the_documentation_shows_the_table_of_kernels():
    from pathlib import Path

    text = (Path(__file__).parents[3] / "docs" / "attention.md").read_text(encoding="utf-8")
    assert kernel_table() in text
