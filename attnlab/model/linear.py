"""Linear layers whose matrix products take the faster of the two libraries that PyTorch carries.

On the CPU PyTorch multiplies fp32 matrices by MKL, which uses AVX-512 on Intel's machines alone; on AMD's it uses
AVX2, at half the speed of the hardware. oneDNN, which PyTorch brings for convolutions and bf16, uses AVX-512 on both. Both compute in fp32; sums are added in another order.
"""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

SMALLEST = 1 << 22
"""Multiplications of a product from which oneDNN is worth its own cost: some µs a call, half a ms for each new shape."""


class Linear(nn.Linear):
    """x Wᵀ + b: (…, inputs) -> (…, outputs). The same parameters, and the same start, as torch's."""

    def forward(self, x: Tensor) -> Tensor:
        return affine(x, self.weight, self.bias)


def affine(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b: (…, inputs), (outputs, inputs), (outputs,) -> (…, outputs)."""
    if x.numel() * len(weight) < SMALLEST or not _takes_onednn(x, weight):
        return linear(x, weight, bias)
    multiply = _Product.apply if torch.is_grad_enabled() else product
    return multiply(x.reshape(-1, x.shape[-1]), weight, bias).view(*x.shape[:-1], len(weight))


class _Product(torch.autograd.Function):
    """(N, inputs), (outputs, inputs), (outputs,) or None -> (N, outputs)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad_x = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = product(gradient, weight.t())
        if ctx.needs_input_grad[1]:
            grad_weight = weight_gradient(gradient, x)
        if ctx.needs_input_grad[2]:
            grad_bias = gradient.sum(0)
        return grad_x, grad_weight, grad_bias


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b by oneDNN: (N, inputs), (outputs, inputs), (outputs,) -> (N, outputs)."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def weight_gradient(gradient: Tensor, x: Tensor) -> Tensor:
    """gᵀ x by oneDNN: (N, outputs), (N, inputs) -> (outputs, inputs)."""
    if gradient.shape[1] > x.shape[1]:  # a wide result costs less than a tall one, and transposing it is cheap
        return product(x.t(), gradient.t()).t().contiguous()
    return product(gradient.t(), x.t())


def _takes_onednn(x: Tensor, weight: Tensor) -> bool:
    return (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and onednn_is_faster()
    )


@cache
def onednn_is_faster() -> bool:
    """Whether MKL would leave half of this machine unused. Decided by the kind of machine, never by a stopwatch, so that
    the same run gives the same bits."""
    known = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return known and wide and hasattr(torch.ops.mkldnn, "_linear_pointwise") and _vendor() == "AuthenticAMD"


def _vendor() -> str:
    """The vendor of the processor, as Linux gives it; "" where it doesn't."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.split(":")[1].strip() for line in lines if line.startswith("vendor_id")), "")
