"""A set of vectors to one vector, however many there are."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attnlab.model.linear import Linear
from attnlab.sets import Layout, VectorSets


def set_sum(values: Tensor, layout: Layout) -> Tensor:
    """(N, …) -> (B, …): the sum of each set's rows; 0 for an empty set."""
    return torch.segment_reduce(values, "sum", lengths=layout.counts, axis=0, unsafe=True)


def set_max(values: Tensor, layout: Layout, empty: float) -> Tensor:
    """(N, …) -> (B, …): the largest of each set's rows, and at least `empty`; equal ones share the gradient."""
    return _SetMax.apply(values, layout, empty)


class _SetMax(torch.autograd.Function):
    """PyTorch's own gives a negative gradient in full to each of several equal maxima, instead of dividing it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, layout: Layout, empty: float) -> Tensor:
        largest = torch.segment_reduce(values, "max", lengths=layout.counts, axis=0, unsafe=True, initial=empty)
        ctx.save_for_backward(values, largest)
        ctx.layout = layout
        return largest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        values, largest = ctx.saved_tensors
        index = ctx.layout.set_index
        is_max = (values == largest.index_select(0, index)).to(values.dtype)
        divided = gradient / set_sum(is_max, ctx.layout).clamp_min_(1)
        return is_max.mul_(divided.index_select(0, index)), None, None


def set_softmax(scores: Tensor, layout: Layout) -> Tensor:
    """(N, …) -> (N, …): weights that sum to 1 over each set."""
    largest = set_max(scores.detach(), layout, empty=torch.finfo(scores.dtype).min)
    weights = (scores - largest[layout.set_index]).exp()
    return weights / set_sum(weights, layout)[layout.set_index]


class Readout(nn.Module):
    """How a set becomes one vector."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, sets: VectorSets) -> Tensor:
        """(N, D) -> (B, D); 0 for an empty set."""
        raise NotImplementedError


class Sum(Readout):
    """(N, D) -> (B, D): the sum, which alone depends on how many vectors there are (Xu et al. 2019, section 5.2)."""

    def forward(self, sets: VectorSets) -> Tensor:
        return set_sum(sets.values, sets.layout)


class Mean(Readout):
    """(N, D) -> (B, D): the mean."""

    def forward(self, sets: VectorSets) -> Tensor:
        return set_sum(sets.values, sets.layout) / sets.layout.counts.clamp_min(1)[:, None]


class Max(Readout):
    """(N, D) -> (B, D): the largest of each feature."""

    def forward(self, sets: VectorSets) -> Tensor:
        largest = set_max(sets.values, sets.layout, empty=torch.finfo(sets.values.dtype).min)
        return torch.where(sets.layout.counts[:, None] > 0, largest, torch.zeros_like(largest))


class AttentionReadout(Readout):
    """(N, D) -> (B, D): a mean weighted by one learned query (Yang et al. 2016, eq. 5-7)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.key = Linear(width, width)
        self.query = Linear(width, 1, bias=False)

    def forward(self, sets: VectorSets) -> Tensor:
        weights = set_softmax(self.query(self.key(sets.values).tanh()), sets.layout)  # (N, 1)
        return set_sum(weights * sets.values, sets.layout)


READOUTS: dict[str, type[Readout]] = {"mean": Mean, "max": Max, "sum": Sum, "attention": AttentionReadout}
