"""Attention over a list of pairs on the CPU, row by row, without a copy of any vector for its edges.

Scores are products sampled at the pairs, answers and gradients are weighted bags of rows. The vectors of all heads stay
where they are, (N, H, K): head h of row n is row n·H + h of a table of N·H rows.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag

with warnings.catch_warnings():  # torch tells once in a process that sparse tensors are in beta: here, unheard
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(torch.zeros(1, dtype=torch.int64), [], [], (0, 0))
torch.sparse.check_sparse_tensor_invariants.disable()  # the default, said aloud: else torch warns of it


@dataclass(frozen=True, eq=False)
class _Entries:
    """E pairs in order of their rows, once for each of H heads: H·E entries, in order of row, head and pair.

    first: (N·H + 1,) where the entries of each row and head begin. owner: (H·E,) row·H + head of each entry. pair: (H·E,)
    its pair; that of (pair, head) is entry `pair + shift[row·H + head]`.
    """

    first: Tensor
    owner: Tensor
    pair: Tensor
    shift: Tensor

    @classmethod
    def of(cls, rows: Tensor, count: int, heads: int, kind: torch.dtype) -> "_Entries":
        counts = torch.bincount(rows, minlength=count).to(kind)
        each = counts.repeat_interleave(heads)
        first = torch.zeros(count * heads + 1, dtype=kind)
        torch.cumsum(each, 0, dtype=kind, out=first[1:])
        owner = torch.repeat_interleave(each)
        shift = first[:-1] - (counts.cumsum(0, dtype=kind) - counts).repeat_interleave(heads)
        owner = owner.to(kind)
        pair = torch.arange(len(owner), dtype=kind) - shift.index_select(0, owner)
        return cls(first, owner, pair, shift)


@dataclass(frozen=True, eq=False)
class Table:
    """Where the E pairs of N rows stand, once for each of H heads: H·E entries, in order of row, head and pair.

    first: (N·H + 1,) where each row's entries begin; rows, columns: (H·E,) of each entry; pair: (H·E,). turned: (H·E,)
    the entries in order of their columns, whose own table is (turned_first, turned_columns).
    """

    size: int
    heads: int
    first: Tensor
    rows: Tensor
    columns: Tensor
    pair: Tensor
    turned: Tensor
    turned_first: Tensor
    turned_columns: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, count: int, heads: int) -> "Table":
        """rows, columns: (E,) of each pair, in order of the rows; count: N."""
        # Half as wide numbers are read faster.
        kind = torch.int32 if max(len(rows), count) * heads < 2**31 else torch.int64
        own = _Entries.of(rows, count, heads, kind)
        head = torch.arange(heads, dtype=kind).repeat(count)  # of each row·H + head
        by_column = _order(columns, count)
        turned = _Entries.of(columns, count, heads, kind)
        pair = by_column.to(kind).index_select(0, turned.pair)
        turned_columns = (rows.to(kind) * heads).index_select(0, pair) + head.index_select(0, turned.owner)
        return cls(
            size=count * heads,
            heads=heads,
            first=own.first,
            rows=own.owner,
            columns=(columns.to(kind) * heads).index_select(0, own.pair) + head.index_select(0, own.owner),
            pair=own.pair,
            turned=pair + own.shift.index_select(0, turned_columns),
            turned_first=turned.first,
            turned_columns=turned_columns,
        )

    def entries(self, of_pairs: Tensor) -> Tensor:
        """(E, H) -> (H·E,): what each pair has for each head, where its entry stands."""
        return of_pairs.reshape(-1).index_select(0, self.pair * self.heads + self.rows % self.heads)

    def products(self, x: Tensor, y: Tensor, scale: float = 1.0) -> Tensor:
        """(N·H, K), (N·H, K) -> (H·E,): of each entry, the row of x times the row of y, times `scale`."""
        zeros = x.new_zeros(len(self.columns))
        where = torch.sparse_csr_tensor(
            self.first, self.columns, zeros, (self.size, self.size), check_invariants=False
        )
        return torch.sparse.sampled_addmm(where, x, y.t(), beta=0.0, alpha=scale).values()

    def sums(self, weights: Tensor, x: Tensor) -> Tensor:
        """(H·E,), (N·H, K) -> (N·H, K): of each row, its columns' rows of x by their weights."""
        return _bags(x, self.columns, self.first, weights)

    def turned_sums(self, weights: Tensor, x: Tensor) -> Tensor:
        """The same with rows and columns changed."""
        return _bags(x, self.turned_columns, self.turned_first, weights.index_select(0, self.turned))


def attend(q: Tensor, k: Tensor, v: Tensor, table: Table, bias: Tensor | None, kept: Tensor | None) -> Tensor:
    """Softmax over each row's pairs of q·k / √K and a bias, and the sums of v by these weights: (N, H, K) -> (N, H, K).

    bias: (E, H), or None. kept: (H·E,) what each weight is multiplied by after the softmax (dropout), or None.
    """
    if bias is not None:
        bias = table.entries(bias.to(q.dtype))
    return _Attend.apply(*(x.reshape(-1, x.shape[2]) for x in (q, k, v)), bias, table, kept).view_as(v)


class _Attend(torch.autograd.Function):
    """All of it at once, so that what is kept for backward is the weights and no score."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, table: Table, kept: Tensor | None
    ) -> Tensor:
        ctx.table, ctx.scale = table, q.shape[-1] ** -0.5
        weights = table.products(q, k, ctx.scale)
        if bias is not None:
            weights += bias
        highest = torch.segment_reduce(weights, "max", offsets=table.first, axis=0, unsafe=True)
        weights = weights.sub_(highest.index_select(0, table.rows)).exp_()
        sums = torch.segment_reduce(weights, "sum", offsets=table.first, axis=0, unsafe=True)
        weights /= sums.index_select(0, table.rows)
        answer = table.sums(weights if kept is None else weights * kept, v)
        ctx.save_for_backward(q, k, v, weights, answer, kept)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *saved, kept = ctx.saved_tensors
        q, k, v, weights, answer = (
            x.detach() for x in saved
        )  # else bags would prepare for a backward of their own
        table, gradient = ctx.table, gradient.contiguous()
        of_scores = table.products(gradient, v)
        if kept is not None:
            of_scores *= kept
        # Σ_j weight_ij · (its gradient), which softmax takes off, is the answer times the answer's gradient.
        mean = (gradient * answer).sum(-1)
        of_scores = of_scores.sub_(mean.index_select(0, table.rows)).mul_(weights)
        of_v = table.turned_sums(weights if kept is None else weights * kept, gradient)
        of_bias = of_scores if ctx.needs_input_grad[3] else None
        of_products = of_scores * ctx.scale
        return table.sums(of_products, k), table.turned_sums(of_products, q), of_v, of_bias, None, None


def _bags(x: Tensor, columns: Tensor, first: Tensor, weights: Tensor) -> Tensor:
    return embedding_bag(columns, x, first, mode="sum", per_sample_weights=weights, include_last_offset=True)


def _order(numbers: Tensor, count: int) -> Tensor:
    """(E,) below `count` -> (E,) int64: their places in ascending order, equal ones as they stand."""
    if count <= 2**16:  # numbers of two bytes are sorted by counting, 7 times as fast
        return torch.from_numpy(np.argsort(numbers.numpy().astype(np.uint16), kind="stable"))
    return torch.argsort(numbers, stable=True)
