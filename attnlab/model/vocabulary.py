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

    smoothing: the fraction of each target probability that goes to all tokens alike (Szegedy et al. 2016, section 7).
    Equal to torch's `cross_entropy(x @ weight.T + bias, truth, reduction="sum", label_smoothing=smoothing)`.
    """
    return _VocabularyLoss.apply(x, weight, bias, truth, smoothing)


class _VocabularyLoss(torch.autograd.Function):
    """Gradients are made while the logits are there: they are softmax − target probabilities."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, truth: Tensor, smoothing: float) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=x.device)
        needed = any(ctx.needs_input_grad[:3])
        grad_x = torch.empty_like(x) if needed else None
        grad_weight, grad_bias = (torch.zeros_like(w) if needed else None for w in (weight, bias))
        of_each = smoothing / len(weight)  # target probability of each token
        for start in range(0, len(x), ROWS):
            block = slice(start, start + ROWS)
            rows, ids = x[block], truth[block]
            logits = affine(rows, weight, bias).float()
            normaliser = logits.logsumexp(-1)
            true_logits = logits.gather(1, ids[:, None])[:, 0]
            total += (normaliser - (1 - smoothing) * true_logits).sum()
            if smoothing:
                total -= of_each * logits.sum()
            if grad_x is None or grad_weight is None or grad_bias is None:
                continue
            grad_logits = logits.sub_(normaliser[:, None]).exp_()
            if smoothing:
                grad_logits -= of_each
            grad_logits.scatter_add_(1, ids[:, None], grad_logits.new_full((len(ids), 1), smoothing - 1))
            grad_bias += grad_logits.sum(0)
            grad_logits = grad_logits.to(weight.dtype)
            grad_x[block] = affine(grad_logits, weight.T)
            grad_weight += affine(grad_logits.T, rows.to(weight.dtype).T)
        ctx.save_for_backward(grad_x, grad_weight, grad_bias)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *(None if saved is None else saved * gradient for saved in ctx.saved_tensors), None, None
