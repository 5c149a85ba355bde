"""Properties of the attention encoder, for scores, scopes, positions and kernels; `test_contract.py` has those of all encoders."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from random_sets import encoder_config, vector_sets

from attnlab.attention_options import KERNELS, SCORE_CHOICES, fitting_position, kernel_table, parse_score, refusal
from attnlab.config import AttentionEncoder, Config, check
from attnlab.errors import UserError
from attnlab.model.attention.recorder import attention_layers, record
from attnlab.model.encoders.attention import Attention
from attnlab.registry import POSITIONS, SCOPES
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

GRAPH = DataSpec("graph", 1, 8, {}, {}, edge_features=2)
FLAT = DataSpec("image", 2, 8, {}, {}, edge_features=2)
WORDS = {"full": "full", "window": "window:2", "edges": "edges", "causal": "causal"}


def encoder(spec=GRAPH, seed=0, **keys) -> Attention:
    torch.manual_seed(seed)
    made = Attention(encoder_config(**keys), spec).eval()
    for name, parameter in made.named_parameters():
        if "position" in name:
            torch.nn.init.normal_(parameter)  # far from 0, so that a position that is left out is noticed
    return made


def close(ours, others, message=""):
    torch.testing.assert_close(ours, others, atol=2e-5, rtol=1e-4, msg=lambda m: f"{message}: {m}")


@torch.no_grad()
def test_positions_make_the_difference():
    """ "A hit B" and "B hit A" are the same set; what tells them apart is where the words stand."""
    sets = vector_sets([3], edges=False)
    swapped = VectorSets.of(sets.values[[2, 1, 0]], coords=sets.coords)
    for position in POSITIONS:
        one = encoder(position=position, depth=2)
        difference = (one(sets).values[[2, 1, 0]] - one(swapped).values).abs().max()
        assert (difference < 1e-5) == (position == "none"), position


@torch.no_grad()
def test_rotary_alibi_and_relative_depend_on_differences_only():
    sets = vector_sets([6, 3], num_coords=2, edges=False)
    moved = replace(sets, coords=sets.coords + torch.tensor([5.0, 11.0]))
    for position in POSITIONS:
        one = encoder(FLAT, position=position)
        same = torch.allclose(one(sets).values, one(moved).values, atol=1e-5)
        assert same == (position not in ("sinusoidal", "learned")), position


@torch.no_grad()
def test_scopes_that_are_the_same():
    sets = vector_sets([5, 1, 8], chance=1.0)
    for score, position in product(SCORE_CHOICES, POSITIONS):
        if score.startswith("additive") and position == "rotary":
            continue
        full = encoder(score=score, position=position)(sets).values
        close(encoder(score=score, position=position, scope="window:8")(sets).values, full, "window ≥ L is full")
        edges = encoder(replace(GRAPH, edge_features=0), score=score, position=position, scope="edges")
        close(edges(sets).values, full, "a complete graph is full")


@torch.no_grad()
def test_a_causal_prefix_ignores_the_future():
    sets = vector_sets([6], edges=False)
    changed = replace(sets, values=torch.cat([sets.values[:4], torch.randn(2, 8)]))
    for kernel in ("reference", "dense", "blocked"):
        one = encoder(scope="causal", depth=2, kernel=kernel)
        close(one(sets).values[:4], one(changed).values[:4])
        assert not torch.allclose(one(sets).values[4:], one(changed).values[4:])


@torch.no_grad()
def test_edges_follow_sets_that_are_put_in_order_of_length():
    sets = vector_sets([7, 2, 5, 1], seed=3, edge_features=2)
    one = encoder(scope=["edges", "full"], depth=2)
    alone = [one(single).values for single in sets.unbind()]
    close(one(sets).values, torch.cat(alone))


@torch.no_grad()
def test_lists_of_scopes_are_cycled_over_the_layers():
    sets = vector_sets([9], edges=False)
    changed = replace(sets, values=torch.cat([sets.values[:8], torch.randn(1, 8)]))
    far = {}
    for words in (["window:1"], ["window:1", "full"], ["full", "window:1"]):
        one = encoder(scope=words, depth=3)
        far[str(words)] = not torch.allclose(one(sets).values[0], one(changed).values[0], atol=1e-6)
    assert list(far.values()) == [False, True, True]


def test_learned_positions_end_and_others_go_on():
    far = replace(vector_sets([3], edges=False), coords=torch.tensor([[0.0], [1.0], [64.0]]))
    before = replace(far, coords=far.coords - 1)
    for position in POSITIONS:
        one = encoder(position=position, max_position=64)
        if position == "learned":
            with pytest.raises(UserError, match="position 64 lies outside the 64 learned positions"):
                one(far)
            with pytest.raises(UserError, match="position -1 lies outside"):
                one(before)
        else:
            assert torch.isfinite(one(far).values).all()


def test_widths_are_free():
    one = encoder(width=10, heads=3, head_width=4)
    assert one(vector_sets([4, 2], width=10, edges=False)).values.shape == (6, 10)
    with pytest.raises(
        UserError, match=r"`encoder.position=rotary` needs two .* 2 coordinates, with encoder.heads=4"
    ):
        encoder(FLAT, width=8, heads=4, position="rotary")
    with pytest.raises(UserError, match=r"`encoder.position=sinusoidal` needs two .* encoder.width is 2"):
        encoder(FLAT, width=2, heads=1, position="sinusoidal")


def test_recording_gives_the_weights_and_leaves_nothing():
    sets = vector_sets([4, 2, 1], seed=4, edge_features=2)
    one = encoder(scope=["window:1", "edges", "full"], depth=3, position="alibi")
    before = one(sets).values
    names = list(attention_layers(one))
    with record(one, names[:2]) as weights:
        during = one(sets).values
    assert torch.equal(before, during) and list(weights) == ["blocks.0.attention", "blocks.1.attention"]
    assert [tuple(w.shape) for w in weights[names[0]]] == [(2, 4, 4), (2, 2, 2), (2, 1, 1)]
    for recorded in weights.values():
        for table in recorded:
            torch.testing.assert_close(table.sum(-1), torch.ones(table.shape[:2]))
    near = (torch.arange(4)[:, None] - torch.arange(4)).abs() <= 1
    assert torch.equal(weights[names[0]][0][0] > 0, near)
    # The weights are those that made the answer: the same sums come out.
    layer, x = one.blocks[0].attention, one.blocks[0].norm_attention(sets.values)
    values = layer.project(x)[2][:4]
    sums = torch.einsum("hij,jhk->ihk", weights[names[0]][0], values).flatten(1)
    close(layer.out_proj(sums), layer(x, one.plan(one.scopes[0], sets), None, one.biases(one.scopes[0]))[:4])
    assert all(not layer._forward_pre_hooks for layer in one.modules())
    with pytest.raises(UserError, match=r"did you mean `blocks.1.attention`"), record(one, ["block.1.attention"]):
        pass


def test_dropped_weights_only_in_training():
    sets, one = vector_sets([5]), encoder(attention_dropout=0.5)
    assert torch.equal(one(sets).values, one(sets).values)
    one.train()
    assert not torch.equal(one(sets).values, one(sets).values)


def test_the_table_of_kernels_says_what_is_refused():
    """Each row of the printed table against the refusals, name by name."""
    _, _, *rows = kernel_table().splitlines()
    assert [row.split("|")[1].strip() for row in rows] == list(KERNELS)
    for row in rows:
        kernel, scores, scopes = (cell.strip() for cell in row.split("|")[1:4])
        left_out = scores.removeprefix("all").removeprefix(" but ").split(", ")
        included = list(SCOPES) if scopes == "all" else scopes.removesuffix(" (one coordinate)").split(", ")
        for score, scope in product(SCORE_CHOICES, SCOPES):
            allowed = score.partition(":")[0] not in left_out and scope in included
            assert (refusal(kernel, score, WORDS[scope]) is None) == allowed, (kernel, score, scope)


@pytest.mark.parametrize("kernel", ["auto", *KERNELS])
def test_every_invalid_combination_is_refused_with_what_would_work(kernel):
    for score, scope, position in product(SCORE_CHOICES, SCOPES, POSITIONS):
        sentence = refusal(kernel, score, WORDS[scope], position)
        if sentence is None:
            continue
        node = AttentionEncoder(score=score, scope=WORDS[scope], position=position, kernel=kernel)
        with pytest.raises(UserError) as raised:
            check(Config("pos", None, None, node, None, None, None))
        assert sentence in str(raised.value) and "\n" not in sentence
        if position == "rotary" and parse_score(score).pairwise:
            again = refusal("auto", score, WORDS[scope], "alibi")
        else:
            again = refusal(sentence.rsplit(" ", 1)[1], score, WORDS[scope], position)
        assert again is None, f"{sentence} — but: {again}"


def test_rotary_is_refused_for_scores_of_pairs_alone():
    for score, kernel in product(SCORE_CHOICES, ("auto", "reference")):
        refused = refusal(kernel, score, "full", "rotary")
        assert (refused is not None) == score.startswith("additive")
        assert refusal(kernel, score, "full", fitting_position("auto", score)) is None
        assert refusal(kernel, score, "full", "auto") is None
