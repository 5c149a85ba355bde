"""Self-attention in one step is self-attention step by step: in outputs, in gradients, and by finite differences."""

import pytest
import torch
from hypothesis import given, settings
from random_sets import lengths, position, seeds, vector_sets

from attnlab.model.attention import packed
from attnlab.model.attention.kernels import KERNELS
from attnlab.model.attention.multihead import SelfAttention
from attnlab.model.attention.scopes import Causal, Full, Scope, Window
from attnlab.sets import VectorSets

SCOPES = [Full(), Window(2.0), Causal()]


def rotation(sets: VectorSets, word: str):
    return position(word, sets.coords.shape[1], head_width=4).to(sets.values.dtype).rotation(sets)


def both(layer: SelfAttention, sets: VectorSets, scope: Scope, word: str) -> list[list[torch.Tensor]]:
    """Answers and gradients of the reference and of the packed step."""
    results, rotate = [], rotation(sets, word)
    for kernel in ("reference", "dense"):
        x = sets.values.clone().requires_grad_()
        plan = KERNELS[kernel].plan(scope, sets, sets)
        assert layer.is_packed(x, plan, rotate, ()) == (kernel == "dense" and len(sets) > 0)
        answer = layer(x, plan, rotate)
        weight = torch.linspace(-1, 1, answer.numel(), dtype=x.dtype).view_as(answer)
        results.append([answer, *torch.autograd.grad((answer * weight).sum(), [x, *layer.parameters()])])
    return results


@pytest.mark.parametrize("longest", [0, 3, 96])
@settings(max_examples=6, deadline=None)
@given(lengths=lengths, seed=seeds)
def test_one_step_is_the_reference(longest: int, lengths: list[int], seed: int) -> None:
    """longest: which sets take plain products, which PyTorch's fused kernel."""
    torch.manual_seed(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "LONGEST", longest)
        for num_coords in (1, 2):
            sets = vector_sets(lengths, seed, num_coords, edges=False, shuffled=seed % 2 == 1)
            layer = SelfAttention(8, 2, 4, "scaled_dot")
            for scope in SCOPES[: 4 - num_coords]:
                for word in ("none", "rotary"):
                    reference, ours = both(layer, sets, scope, word)
                    for right, one in zip(reference, ours, strict=True):
                        torch.testing.assert_close(one, right, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("longest", [0, 96])
def test_gradients_are_differences(scope: Scope, longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "LONGEST", longest)
    sets = vector_sets([3, 3, 2], seed=1, edges=False)
    sets = VectorSets(sets.values.double(), sets.layout, sets.coords.double())
    plan = KERNELS["dense"].plan(scope, sets, sets)
    points = rotation(sets, "rotary").points
    qkv = torch.randn(8, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: packed._PackedAttention.apply(x, plan.work, points), qkv)


def test_scores_however_large_have_a_softmax() -> None:
    torch.manual_seed(0)
    sets = vector_sets([5, 5, 3], seed=2, edges=False)
    layer = SelfAttention(8, 2, 4, "scaled_dot")
    for size in (1e-3, 30.0, 3e3):
        large = sets.with_values(sets.values * size)
        reference, ours = both(layer, large, Full(), "none")
        torch.testing.assert_close(ours[0], reference[0], atol=1e-4 * size, rtol=1e-4)
        assert all(torch.isfinite(one).all() for one in ours)


def test_what_does_not_fit_takes_the_long_way() -> None:
    sets = vector_sets([4, 2], seed=2, edges=False)
    plan, layer = KERNELS["dense"].plan(Full(), sets, sets), SelfAttention(8, 2, 4, "scaled_dot")

    def fits(layer=layer, rotate=None, biases=()):
        return layer.is_packed(sets.values, plan, rotate, biases)

    assert fits() and fits(rotate=rotation(sets, "rotary"))
    dropped = SelfAttention(8, 2, 4, "scaled_dot", dropout=0.1)
    assert not fits(layer=dropped) and fits(layer=dropped.eval())
    assert not fits(biases=[position("alibi")])
    assert not fits(layer=SelfAttention(8, 2, 4, "cosine"))
    assert not fits(layer=SelfAttention(8, 2, 5, "scaled_dot"), rotate=rotation(sets, "rotary")), "a number stays"


def test_under_autocast_only_products_are_rough() -> None:
    torch.manual_seed(0)
    sets = vector_sets([7, 4, 4], seed=2, edges=False)
    layer = SelfAttention(8, 2, 4, "scaled_dot")
    exact = both(layer, sets, Full(), "rotary")[1]
    with torch.autocast("cpu", torch.bfloat16):
        rough = both(layer, sets, Full(), "rotary")[1]
    for right, one in zip(exact, rough, strict=True):
        torch.testing.assert_close(one.float(), right, atol=0.05, rtol=0.05)
