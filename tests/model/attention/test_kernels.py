"""The reference equals a loop one can check by hand, and every kernel equals the reference."""

import math
from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from random_sets import lengths, position, seeds, vector_sets
from torch.nn import functional

from attnlab.attention_options import KERNELS as SUPPORT
from attnlab.attention_options import SCORE_CHOICES, parse_score, refusal
from attnlab.errors import UserError
from attnlab.model.attention.kernels import KERNELS, REFERENCE, choose
from attnlab.model.attention.positions import EdgeBias
from attnlab.model.attention.reference import AttentionInputs
from attnlab.model.attention.scopes import ByEdges, Causal, Edges, Full, Window
from attnlab.model.attention.scores import score_of
from attnlab.sets import VectorSets

SCORE_WORDS = tuple(SCORE_CHOICES)
SCOPES = {
    "full": Full(),
    "window": Window(2.0),
    "causal": Causal(),
    "edges": Edges(),
    "without loops": Edges(loops=False),
}
PAIR_POSITIONS = ("none", "rotary", "alibi", "relative")


def attend(kernel, scope, sets, q, k, v, score, **others):
    return kernel.attend(AttentionInputs(q, k, v, kernel.plan(scope, sets, sets), score, **others))


def prepared(score, position, sets, q, k):
    q, k = score.prepare(q, k)
    rotate = position.rotation(sets)
    return (q, k) if rotate is None else (rotate(q), rotate(k))


def formula(word, score, h, a, b, dot):
    """One score of one pair."""
    if word == "scaled_dot":
        return dot / math.sqrt(len(a))
    if word == "cosine":
        return score.log_scale[h, 0].exp() * dot / (a.norm() * b.norm())
    if word.startswith("additive"):
        activation = (lambda x: functional.leaky_relu(x, 0.2)) if word.endswith("leaky_relu") else torch.tanh
        return score.weight[h] @ activation(a + b)
    return dot


def textbook(score_word, score, scope, position_word, position, sets, q, k, v, edge_bias=None):
    """Attention with nothing but numbers: a loop over sets, heads, queries and keys."""
    heads = q.shape[1]
    answer = torch.zeros_like(v)
    q, k = q.detach(), k.detach()
    for start, stop in pairwise(sets.layout.starts):
        for h, i in product(range(heads), range(start, stop)):
            allowed, scores = [], []
            for j in range(start, stop):
                difference = (sets.coords[i] - sets.coords[j]).tolist()
                edge = [sets.edge_values[e] for e, (a, b) in enumerate(sets.edges.T.tolist()) if (a, b) == (j, i)]
                if not (
                    isinstance(scope, Full)
                    or (isinstance(scope, Window) and max(map(abs, difference)) <= scope.radius)
                    or (isinstance(scope, Causal) and difference[0] >= 0)
                    or (isinstance(scope, Edges) and (bool(edge) or (scope.loops and i == j)))
                ):
                    continue
                a, b = q[i, h], k[j, h]
                if (
                    position_word == "rotary"
                ):  # rotate the key by the difference instead of both by their coordinates
                    if score_word == "bilinear":
                        a = a @ score.weight[h]
                    if score_word == "cosine":
                        a, b = a / a.norm(), b / b.norm()
                    half = len(position.rates) * len(difference)
                    numbers = torch.complex(b[:half], b[half : 2 * half])
                    angles = torch.cat([-torch.tensor(d, dtype=b.dtype) * position.rates for d in difference])
                    rotated = numbers * torch.polar(torch.ones_like(angles), angles)
                    b = torch.cat([rotated.real, rotated.imag, b[2 * half :]])
                    dot = a @ b
                else:
                    dot = a @ score.weight[h] @ b if score_word == "bilinear" else a @ b
                match = formula(score_word, score, h, a, b, dot)
                if position_word == "alibi":
                    far = max(d if d > 0 else -d * (0.5 if h % 2 else 2.0) for d in difference)
                    match = match - 2 ** (-8 * (h + 1) / heads) * far
                if position_word == "relative":  # differences here are small: one by one
                    for axis, d in enumerate(difference):
                        match = match + position.tables[axis].weight[32 + int(d), h]
                if edge_bias is not None and edge:
                    match = match + edge_bias.weigh.weight[h] @ sum(edge)
                allowed.append(j)
                scores.append(match)
            if allowed:
                weights = torch.stack(scores).softmax(0)
                answer[i, h] = sum(w * v[j, h] for w, j in zip(weights, allowed, strict=True))
    return answer


COMBINATIONS = [
    (score, scope, position)
    for score, scope, position in product(SCORE_WORDS, SCOPES, PAIR_POSITIONS)
    if refusal("reference", score, "full", position) is None
]


@pytest.mark.parametrize("num_coords", [1, 2])
@pytest.mark.parametrize("score_word", SCORE_WORDS)
def test_reference_is_the_textbook(score_word, num_coords):
    sets = vector_sets([1, 5, 3], seed=num_coords, num_coords=num_coords, edge_features=3)
    sets = VectorSets(
        sets.values.double(), sets.layout, sets.coords.double(), sets.edges, sets.edge_values.double()
    )
    for number, (word, scope_word, position_word) in enumerate(COMBINATIONS):
        if word != score_word or (scope_word == "causal" and num_coords == 2):
            continue
        torch.manual_seed(number)
        scope = SCOPES[scope_word]
        score = score_of(score_word, 2, 5).double()
        way = position(position_word, num_coords, head_width=5).double()
        edge_bias = EdgeBias(3, 2).double() if isinstance(scope, ByEdges) else None
        for parameter in score.parameters():
            torch.nn.init.normal_(parameter)
        q, k, v = torch.randn(3, len(sets.values), 2, 5, dtype=torch.float64)
        biases = [bias for bias in (way.bias(), edge_bias) if bias is not None]
        answer = attend(REFERENCE, scope, sets, *prepared(score, way, sets, q, k), v, score, biases=biases)
        right = textbook(score_word, score, scope, position_word, way, sets, q, k, v, edge_bias)
        torch.testing.assert_close(answer, right, msg=lambda m: f"{word} {scope_word} {position_word}: {m}")  # noqa: B023


def same(kernel, score_word, scope, position_word, sets, seed, keys=None):
    """Outputs within 1e-5 and gradients within 1e-4 of the reference's, of q, k, v and every parameter."""
    torch.manual_seed(seed)
    score = score_of(score_word, 2, 6)
    way = position(position_word, sets.coords.shape[1], head_width=6)
    biases = [way.bias()] if way.bias() is not None else []
    if isinstance(scope, ByEdges) and sets.edge_values is not None:
        biases.append(EdgeBias(sets.edge_values.shape[1], 2))
    keys = sets if keys is None else keys
    q = torch.randn(len(sets.values), 2, 6)
    k, v = torch.randn(2, len(keys.values), 2, 6)
    parameters = [*score.parameters(), *(p for bias in biases for p in bias.parameters())]
    results = []
    for one in (REFERENCE, kernel):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        plan = one.plan(scope, sets, keys)
        ready = score.prepare(*leaves[:2]) if keys is not sets else prepared(score, way, sets, *leaves[:2])
        answer = one.attend(AttentionInputs(*ready, leaves[2], plan, score, biases))
        weight = torch.linspace(-1, 1, answer.numel()).view_as(answer)
        gradients = torch.autograd.grad((answer * weight).sum(), [*leaves, *parameters], allow_unused=True)
        results.append((answer, gradients))
    torch.testing.assert_close(results[1][0], results[0][0], atol=1e-5, rtol=1e-5)
    for ours, right in zip(results[1][1], results[0][1], strict=True):
        assert (ours is None) == (right is None)
        if ours is not None:
            torch.testing.assert_close(ours, right, atol=1e-4, rtol=1e-4)


CASES = [
    (kernel, score, scope, position)
    for kernel, support in SUPPORT.items()
    if kernel != "reference"
    for score, scope, position in COMBINATIONS
    if (support.pairwise or not parse_score(score).pairwise) and SCOPES[scope].family in support.families
]


@pytest.mark.parametrize("kernel", [name for name in SUPPORT if name != "reference"])
@settings(max_examples=4, deadline=None)
@given(lengths=lengths, seed=seeds)
def test_every_kernel_is_the_reference(kernel, lengths, seed):
    for num_coords in (1, 2):
        sets = vector_sets(lengths, seed, num_coords, edge_features=2, shuffled=seed % 2 == 1)
        for number, (name, score, scope, word) in enumerate(CASES):
            if name != kernel or (num_coords == 2 and (scope == "causal" or kernel == "banded")):
                continue
            # Each example takes a third of all combinations; together they take all.
            if (number + num_coords) % 3 == seed % 3:
                same(KERNELS[kernel], score, SCOPES[scope], word, sets, seed)


@settings(max_examples=10, deadline=None)
@given(lengths=lengths, seed=seeds)
def test_attention_to_another_set(lengths, seed):
    queries = vector_sets(lengths, seed, edges=False)
    keys = vector_sets([(length * 7 + seed) % 6 for length in lengths], seed, edges=False)  # some are empty
    for kernel, scope in product(("dense", "blocked"), ("full", "window", "causal")):
        same(KERNELS[kernel], "scaled_dot", SCOPES[scope], "relative", queries, seed, keys)
    same(KERNELS["blocked"], "additive", SCOPES["full"], "none", queries, seed, keys)


@pytest.mark.parametrize("kernel", ["banded", "edgewise"])
def test_long_windows_and_equal_or_fractional_coordinates(kernel):
    sets = vector_sets([150, 3, 90], seed=3, edges=False, shuffled=True)
    fractional = VectorSets(sets.values, sets.layout, (sets.coords * 0.37).round(decimals=1))
    for one, radius in ((sets, 5.0), (fractional, 2.6), (fractional, 1000.0)):
        for word in ("relative", "rotary"):
            same(KERNELS[kernel], "scaled_dot", Window(radius), word, one, 1)


@pytest.mark.parametrize("piece", [1 << 20, 8 * 24 * 40, 8 * 24 * 7, 8 * 24])
def test_a_band_in_one_piece_or_many(monkeypatch, piece):
    """Of 31 blocks for each of two heads: all at once, a head at a time, 7 blocks, one."""
    sets = vector_sets([150, 3, 90], seed=3, edges=False, shuffled=True)
    monkeypatch.setattr("attnlab.model.attention.banded_products.PIECE", piece)
    same(KERNELS["banded"], "scaled_dot", Window(5.0), "rotary", sets, 1)


def test_a_band_takes_the_fused_kernel_only_where_a_block_is_too_large(monkeypatch):
    sets = vector_sets([150, 3, 90], seed=3, edges=False, shuffled=True)
    monkeypatch.setattr("attnlab.model.attention.banded_products.attend", None)  # not callable
    with pytest.raises(TypeError):
        same(KERNELS["banded"], "scaled_dot", Window(5.0), "rotary", sets, 1)
    monkeypatch.setattr("attnlab.model.attention.banded_products.PIECE", 8 * 24 - 1)
    same(KERNELS["banded"], "scaled_dot", Window(5.0), "rotary", sets, 1)


@pytest.mark.parametrize("size", [1.0, 10.0, 1e4])
def test_scores_in_a_band_however_large_have_a_softmax(size):
    sets, score = vector_sets([50, 3], seed=3, edges=False), score_of("scaled_dot", 2, 6)
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 53, 2, 6) * size
    results = []
    for kernel in (REFERENCE, KERNELS["banded"]):
        leaves = [x.double().requires_grad_() if kernel is REFERENCE else x.requires_grad_() for x in (q, k, v)]
        answer = attend(kernel, Window(5.0), sets, *leaves, score)
        results.append([answer, *torch.autograd.grad(answer.sum(), leaves)])
    for right, ours in zip(*results, strict=True):
        error = (ours - right).abs().max() / right.abs().max().clamp_min(1)
        assert error < 1e-3 if size < 1e4 else ours.isfinite().all()


def test_blocked_cuts_queries(monkeypatch):
    monkeypatch.setattr("attnlab.model.attention.blocked.BLOCK_NUMBERS", 300)
    sets = vector_sets([40, 33, 7], seed=5, edges=False)
    same(KERNELS["blocked"], "additive", Causal(), "alibi", sets, 2)


def test_blocked_drops_the_same_weights_twice():
    sets = vector_sets([6], seed=5, edges=False)
    q, k, v = (torch.randn(6, 2, 4, requires_grad=True) for _ in range(3))
    kernel, score = KERNELS["blocked"], score_of("additive", 2, 4)
    torch.manual_seed(1)
    answer = attend(kernel, Full(), sets, q, k, v, score, dropout=0.5)
    (by_autograd,) = torch.autograd.grad(answer.sum(), v, retain_graph=False)
    torch.manual_seed(1)
    weights = attend(kernel, Full(), sets, q, k, torch.eye(6)[:, None].expand(6, 2, 6), score, dropout=0.5)
    torch.testing.assert_close(by_autograd, weights.sum(0).T[:, :, None].expand(6, 2, 4))


@pytest.mark.parametrize("kernel", list(KERNELS))
def test_dropped_weights_keep_the_mean(kernel):
    sets = vector_sets([6, 6], seed=5, edges=False)
    scope = Window(3.0)
    q, k, v = torch.randn(3, 12, 2, 4)
    one, score = KERNELS[kernel], score_of("scaled_dot", 2, 4)
    torch.manual_seed(0)
    dropped = torch.stack([attend(one, scope, sets, q, k, v, score, dropout=0.3) for _ in range(600)])
    assert dropped.std(0).min() > 0.01
    torch.testing.assert_close(dropped.mean(0), attend(one, scope, sets, q, k, v, score), atol=0.15, rtol=0)


def test_a_kernel_refuses_what_it_cannot_do():
    sets = vector_sets([3], num_coords=2, edges=False)
    with pytest.raises(
        UserError, match="banded cannot compute scope full; use kernel reference or dense or blocked"
    ):
        KERNELS["banded"].plan(Full(), sets, sets)
    with pytest.raises(UserError, match="these have 2; use kernel reference or dense or blocked or edgewise"):
        KERNELS["banded"].plan(Window(1), sets, sets)
    with pytest.raises(UserError, match="no attention from one set to another; use kernel dense"):
        KERNELS["edgewise"].plan(Window(1), sets, vector_sets([3], num_coords=2))
    with pytest.raises(UserError, match="no edges; use scope full"):
        KERNELS["edgewise"].plan(Edges(), sets, sets)


def test_auto_takes_a_kernel_that_can():
    for num_coords, length in ((1, 4), (1, 300), (2, 300)):
        sets = vector_sets([length], num_coords=num_coords, chance=0.01)
        for score, (name, scope) in product(SCORE_WORDS, SCOPES.items()):
            if not (name == "causal" and num_coords == 2):
                kernel = choose(parse_score(score).pairwise, scope, sets, 2, False)
                assert SUPPORT[kernel.name].pairwise or not parse_score(score).pairwise
                kernel.plan(scope, sets, sets)  # refuses a scope that the kernel cannot compute
    assert set(SUPPORT) == set(KERNELS)
