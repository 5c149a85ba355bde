"""The loss over a large vocabulary, some rows at a time, so that the table of all logits never exists."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from attnlab.model.linear import affine

ROWS = 256
"""Rows of which logits exist at a time: few enough for the cache, enough for a product at full speed."""


def vocabulary_loss(x: Tensor, weight: Tensor, bias: Tensor, truth: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy, summed over rows: x (N, D), weight (V, D), bias (V,), truth (N,) -> ().

    smoothing: the share of each truth that is spread over all tokens (Szegedy et al. 2016, section 7). Equal to torch's
    `cross_entropy(x @ weight.T + bias, truth, reduction="sum", label_smoothing=smoothing)`.
    """
    return _VocabularyLoss.apply(x, weight, bias, truth, smoothing)


class _VocabularyLoss(torch.autograd.Function):
    """Gradients are made while the logits are there: they are softmax − truth."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, truth: Tensor, smoothing: float) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=x.device)
        needed = any(ctx.needs_input_grad[:3])
        of_x = torch.empty_like(x) if needed else None
        of_weight, of_bias = (torch.zeros_like(w) if needed else None for w in (weight, bias))
        spread = smoothing / len(weight)
        for start in range(0, len(x), ROWS):
            place = slice(start, start + ROWS)
            rows, wanted = x[place], truth[place]
            logits = affine(rows, weight, bias).float()
            normaliser = logits.logsumexp(-1)
            right = logits.gather(1, wanted[:, None])[:, 0]
            total += (normaliser - (1 - smoothing) * right).sum()
            if smoothing:
                total -= spread * logits.sum()
            if of_x is None or of_weight is None or of_bias is None:
                continue
            slope = logits.sub_(normaliser[:, None]).exp_()
            if smoothing:
                slope -= spread
            slope.scatter_add_(1, wanted[:, None], slope.new_full((len(wanted), 1), smoothing - 1))
            of_bias += slope.sum(0)
            slope = slope.to(weight.dtype)
            of_x[place] = affine(slope, weight.T)
            of_weight += affine(slope.T, rows.to(weight.dtype).T)
        ctx.save_for_backward(of_x, of_weight, of_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if of is None else of * gradient for of in ctx.saved_tensors), None, None
