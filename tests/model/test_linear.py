"""Linear layers give what torch's give, whichever library multiplies."""

import pytest
import torch
from torch import nn

from attnlab.model import linear


@pytest.fixture
def onednn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every product goes to oneDNN; counts them."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    counted: list[int] = []
    multiply = linear.product

    def counting(*matrices: torch.Tensor) -> torch.Tensor:
        counted.append(1)
        return multiply(*matrices)

    monkeypatch.setattr(linear, "SMALLEST", 1)
    monkeypatch.setattr(linear, "onednn_is_faster", lambda: True)
    monkeypatch.setattr(linear, "product", counting)
    return counted


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("shape", "outputs"), [((7, 5), 3), ((1, 4), 9), ((6, 2, 4), 8), ((0, 4), 3), ((33, 64), 17)]
)
def test_outputs_and_gradients_are_torchs(
    shape: tuple[int, ...], outputs: int, bias: bool, onednn: list[int]
) -> None:
    torch.manual_seed(0)
    ours, theirs = linear.Linear(shape[-1], outputs, bias), nn.Linear(shape[-1], outputs, bias)
    theirs.load_state_dict(ours.state_dict())
    rows = torch.randn(*shape, 2)[..., 0]  # not contiguous
    results = []
    for layer in (theirs, ours):
        x = rows.clone().requires_grad_()
        answer = layer(x.transpose(0, -1).contiguous().transpose(0, -1) if x.dim() == 2 else x)
        results.append((answer, *torch.autograd.grad(answer.square().sum(), [x, *layer.parameters()])))
    for expected, result in zip(*results, strict=True):
        torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
        assert result.is_contiguous()
    assert len(onednn) == (3 if rows.numel() else 0)


def test_only_what_learns_gets_a_gradient(onednn: list[int]) -> None:
    layer = linear.Linear(4, 4)
    layer.weight.requires_grad_(False)
    layer(torch.randn(3, 4)).sum().backward()
    assert layer.weight.grad is None and torch.equal(layer.bias.grad, torch.full((4,), 3.0))
    assert len(onednn) == 1, "no gradient is computed in vain"


def test_other_numbers_stay_with_torch(onednn: list[int]) -> None:
    layer = linear.Linear(4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(3, 4)).dtype == torch.bfloat16
    layer.double()
    assert torch.autograd.gradcheck(layer, torch.randn(3, 4, dtype=torch.float64, requires_grad=True))
    assert not onednn


def test_on_a_machine_of_unknown_vendor_torch_multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    linear.onednn_is_faster.cache_clear()
    monkeypatch.setattr(linear, "_vendor", lambda: "")
    assert not linear.onednn_is_faster()
    linear.onednn_is_faster.cache_clear()
