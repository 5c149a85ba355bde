"""Products with a sparse table of pairs, computed on the CPU row by row without a copy of any vector for its edges.

Tables are in compressed sparse rows, one for each head, below each other; gradients of one product are made of the other
and of the turned table.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

with warnings.catch_warnings():  # torch tells once in a process that sparse tensors are in beta: here, unheard
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(torch.zeros(1, dtype=torch.int64), [], [], (0, 0))
torch.sparse.check_sparse_tensor_invariants.disable()  # the default, said aloud: else torch warns of it


@dataclass(frozen=True, eq=False)
class Table:
    """Where the E pairs of N rows stand, for H heads below each other.

    first: (H·N+1,) where each row's pairs begin; columns: (H·E,); rows: (H·E,) the row of each pair. turned: (H·E,) the
    pairs in order of their columns, whose own table is (turned_first, turned_columns).
    """

    size: int
    first: Tensor
    columns: Tensor
    rows: Tensor
    turned: Tensor
    turned_first: Tensor
    turned_columns: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, count: int, heads: int) -> "Table":
        """rows, columns: (E,) of each pair, in order of the rows; count: N."""
        turned = torch.argsort(columns, stable=True)
        pairs = len(rows)
        return cls(
            count * heads,
            _first(rows, count, heads),
            _below(columns, count, heads),
            _below(rows, count, heads),
            _below(turned, pairs, heads),
            _first(columns, count, heads),
            _below(rows[turned], count, heads),
        )

    def times(self, values: Tensor, x: Tensor) -> Tensor:
        """The table that holds `values` (H·E,), times (H·N, K)."""
        return torch.sparse.mm(self._sparse(self.first, self.columns, values), x, "sum")

    def turned_times(self, values: Tensor, x: Tensor) -> Tensor:
        """The same with rows and columns changed."""
        return torch.sparse.mm(
            self._sparse(self.turned_first, self.turned_columns, values.index_select(0, self.turned)), x, "sum"
        )

    def products(self, x: Tensor, y: Tensor) -> Tensor:
        """(H·N, K), (H·N, K) -> (H·E,): of each pair, the row of x times the row of y."""
        where = self._sparse(self.first, self.columns, x.new_zeros(len(self.columns)))  # 0 · NaN would be NaN
        return torch.sparse.sampled_addmm(where, x, y.t(), beta=0.0).values()

    def _sparse(self, first: Tensor, columns: Tensor, values: Tensor) -> Tensor:
        return torch.sparse_csr_tensor(first, columns, values, (self.size, self.size), check_invariants=False)


class PairProducts(torch.autograd.Function):
    """x (H·N, K), y (H·N, K) -> (H·E,): x_i · y_j of each pair."""

    @staticmethod
    def forward(ctx: Any, table: Table, x: Tensor, y: Tensor) -> Tensor:
        ctx.table = table
        ctx.save_for_backward(x, y)
        return table.products(x, y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        gradient = gradient.contiguous()
        return None, ctx.table.times(gradient, y), ctx.table.turned_times(gradient, x)


class WeightedSums(torch.autograd.Function):
    """weights (H·E,), x (H·N, K) -> (H·N, K): Σ_j weight_ij · x_j."""

    @staticmethod
    def forward(ctx: Any, table: Table, weights: Tensor, x: Tensor) -> Tensor:
        ctx.table = table
        ctx.save_for_backward(weights, x)
        return table.times(weights, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, x = ctx.saved_tensors
        gradient = gradient.contiguous()
        return None, ctx.table.products(gradient, x), ctx.table.turned_times(weights, gradient)


def row_softmax(scores: Tensor, table: Table) -> Tensor:
    """(H·E,) -> (H·E,): weights that sum to 1 over each row's pairs."""
    return _Softmax.apply(scores, table)


class _Softmax(torch.autograd.Function):
    """Row by row; what is kept for backward is the answer alone."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, table: Table) -> Tensor:
        index = table.rows
        highest = torch.segment_reduce(scores, "max", offsets=table.first, axis=0, unsafe=True)
        powers = (scores - highest.index_select(0, index)).exp_()
        weights = powers.div_(_row_sums(powers, table).index_select(0, index))
        ctx.table = table
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (weights,), table = ctx.saved_tensors, ctx.table
        own = weights * gradient
        return own.sub_(weights * _row_sums(own, table).index_select(0, table.rows)), None


def _row_sums(values: Tensor, table: Table) -> Tensor:
    return values.new_zeros(table.size).index_add_(0, table.rows, values)


def _first(sorted_or_not: Tensor, count: int, heads: int) -> Tensor:
    """Where each row's pairs begin, and the end."""
    counts = torch.bincount(sorted_or_not, minlength=count).repeat(heads)
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _below(numbers: Tensor, step: int, heads: int) -> Tensor:
    """(E,) -> (H·E,): the same for each head, raised by `step` from head to head."""
    return (numbers + torch.arange(heads, device=numbers.device)[:, None] * step).flatten()
