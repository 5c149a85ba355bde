"""A set of vectors to one vector: softmax and weighted sums don't care how many there are."""

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
    """PyTorch's own gradient gives a negative one whole to each of several equal numbers, and not its share."""

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
        found = (values == largest.index_select(0, index)).to(values.dtype)
        share = gradient / set_sum(found, ctx.layout).clamp_min_(1)
        return found.mul_(share.index_select(0, index)), None, None


def set_softmax(scores: Tensor, layout: Layout) -> Tensor:
    """(N, …) -> (N, …): weights that sum to 1 over each set."""
    largest = set_max(scores.detach(), layout, empty=torch.finfo(scores.dtype).min)
    weights = (scores - largest[layout.set_index]).exp()
    return weights / set_sum(weights, layout)[layout.set_index]


class Sum(nn.Module):
    """The sum: the only readout that knows how many vectors there are (Xu et al. 2019, section 5.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, sets: VectorSets) -> Tensor:
        return set_sum(sets.values, sets.layout)


class Mean(nn.Module):
    """The mean; 0 for an empty set."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, sets: VectorSets) -> Tensor:
        return set_sum(sets.values, sets.layout) / sets.layout.counts.clamp_min(1)[:, None]


class Max(nn.Module):
    """The largest of each feature; 0 for an empty set."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, sets: VectorSets) -> Tensor:
        largest = set_max(sets.values, sets.layout, empty=torch.finfo(sets.values.dtype).min)
        return torch.where(sets.layout.counts[:, None] > 0, largest, torch.zeros_like(largest))


class AttentionReadout(nn.Module):
    """A weighted mean; one learned query decides the weights (Yang et al. 2016, eq. 5-7)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.key = Linear(width, width)
        self.query = Linear(width, 1, bias=False)

    def forward(self, sets: VectorSets) -> Tensor:
        weights = set_softmax(self.query(self.key(sets.values).tanh()), sets.layout)  # (N, 1)
        return set_sum(weights * sets.values, sets.layout)


READOUTS: dict[str, type[nn.Module]] = {"mean": Mean, "max": Max, "sum": Sum, "attention": AttentionReadout}
