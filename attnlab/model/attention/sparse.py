"""Attention over a list of pairs on the CPU as products of sparse matrices: what `edgewise` takes there for dot scores.

Scores are products sampled at the pairs, answers and gradients are weighted bags of rows, so that no vector is copied for
its edges. The vectors of all heads stay where they are, (N, H, K): head h of row n is row n·H + h of N·H rows.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag

with warnings.catch_warnings():  # torch warns once in a process that sparse tensors are in beta
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(torch.zeros(1, dtype=torch.int64), [], [], (0, 0))
torch.sparse.check_sparse_tensor_invariants.disable()  # the default; without the call torch warns of it


@dataclass(frozen=True, eq=False)
class _Entries:
    """E pairs in order of their rows, once for each of H heads: H·E entries, in order of row, head and pair.

    indptr: (N·H + 1,) where the entries of each row and head begin. rows: (H·E,) row·H + head of each entry. pairs:
    (H·E,) its pair; that of (pair, head) is entry `pair + offsets[row·H + head]`.
    """

    indptr: Tensor
    rows: Tensor
    pairs: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, rows: Tensor, count: int, heads: int, dtype: torch.dtype) -> "_Entries":
        counts = torch.bincount(rows, minlength=count).to(dtype)
        counts_of_heads = counts.repeat_interleave(heads)
        indptr = torch.zeros(count * heads + 1, dtype=dtype)
        torch.cumsum(counts_of_heads, 0, dtype=dtype, out=indptr[1:])
        rows_of_heads = torch.repeat_interleave(counts_of_heads)
        offsets = indptr[:-1] - (counts.cumsum(0, dtype=dtype) - counts).repeat_interleave(heads)
        rows_of_heads = rows_of_heads.to(dtype)
        pairs = torch.arange(len(rows_of_heads), dtype=dtype) - offsets.index_select(0, rows_of_heads)
        return cls(indptr, rows_of_heads, pairs, offsets)


@dataclass(frozen=True, eq=False)
class PairMatrix:
    """A sparse matrix in CSR form with an entry for each of E pairs of N rows and each of H heads, in order of row, head
    and pair.

    indptr: (N·H + 1,) where each row's entries begin; rows, columns, pairs: (H·E,) of each entry. transposed: (H·E,) the
    entries in order of their columns, the transposed matrix; transposed_indptr, transposed_columns: its own.
    """

    size: int
    heads: int
    indptr: Tensor
    rows: Tensor
    columns: Tensor
    pairs: Tensor
    transposed: Tensor
    transposed_indptr: Tensor
    transposed_columns: Tensor

    @classmethod
    def of(cls, rows: Tensor, columns: Tensor, count: int, heads: int) -> "PairMatrix":
        """rows, columns: (E,) of each pair, in order of the rows; count: N."""
        # Indices half as wide are read faster.
        dtype = torch.int32 if max(len(rows), count) * heads < 2**31 else torch.int64
        entries = _Entries.of(rows, count, heads, dtype)
        head = torch.arange(heads, dtype=dtype).repeat(count)  # of each row·H + head
        by_column = stable_order(columns, count)
        transposed = _Entries.of(columns, count, heads, dtype)
        pairs = by_column.to(dtype).index_select(0, transposed.pairs)
        head_of_entry = head.index_select(0, transposed.rows)
        transposed_columns = (rows.to(dtype) * heads).index_select(0, pairs) + head_of_entry
        head_of_entry = head.index_select(0, entries.rows)
        return cls(
            size=count * heads,
            heads=heads,
            indptr=entries.indptr,
            rows=entries.rows,
            columns=(columns.to(dtype) * heads).index_select(0, entries.pairs) + head_of_entry,
            pairs=entries.pairs,
            transposed=pairs + entries.offsets.index_select(0, transposed_columns),
            transposed_indptr=transposed.indptr,
            transposed_columns=transposed_columns,
        )

    def entries(self, of_pairs: Tensor) -> Tensor:
        """(E, H) -> (H·E,): what each pair has for each head, where its entry stands."""
        return of_pairs.reshape(-1).index_select(0, self.pairs * self.heads + self.rows % self.heads)

    def products(self, x: Tensor, y: Tensor, scale: float = 1.0) -> Tensor:
        """(N·H, K), (N·H, K) -> (H·E,): of each entry, the row of x times the row of y, times `scale`."""
        zeros, shape = x.new_zeros(len(self.columns)), (self.size, self.size)
        pattern = torch.sparse_csr_tensor(self.indptr, self.columns, zeros, shape, check_invariants=False)
        return torch.sparse.sampled_addmm(pattern, x, y.t(), beta=0.0, alpha=scale).values()

    def sums(self, weights: Tensor, x: Tensor) -> Tensor:
        """(H·E,), (N·H, K) -> (N·H, K): of each row, its columns' rows of x by their weights."""
        return _bags(x, self.columns, self.indptr, weights)

    def transposed_sums(self, weights: Tensor, x: Tensor) -> Tensor:
        """(H·E,), (N·H, K) -> (N·H, K): the same with the transposed matrix."""
        return _bags(x, self.transposed_columns, self.transposed_indptr, weights.index_select(0, self.transposed))


def attend(
    q: Tensor, k: Tensor, v: Tensor, matrix: PairMatrix, bias: Tensor | None, dropout_mask: Tensor | None
) -> Tensor:
    """Softmax over each row's pairs of q·k / √K and a bias, and the sums of v by these weights: (N, H, K) -> (N, H, K).

    bias: (E, H), or None. dropout_mask: (H·E,) what each weight is multiplied by after the softmax, or None.
    """
    if bias is not None:
        bias = matrix.entries(bias.to(q.dtype))
    rows = (x.reshape(-1, x.shape[2]) for x in (q, k, v))
    return _SparseAttention.apply(*rows, bias, matrix, dropout_mask).view_as(v)


class _SparseAttention(torch.autograd.Function):
    """All of it at once, so that what is saved for backward is the weights and no score."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, matrix: PairMatrix,
        dropout_mask: Tensor | None,
    ) -> Tensor:  # fmt: skip
        ctx.matrix, ctx.scale = matrix, q.shape[-1] ** -0.5
        weights = matrix.products(q, k, ctx.scale)
        if bias is not None:
            weights += bias
        highest = torch.segment_reduce(weights, "max", offsets=matrix.indptr, axis=0, unsafe=True)
        weights = weights.sub_(highest.index_select(0, matrix.rows)).exp_()
        sums = torch.segment_reduce(weights, "sum", offsets=matrix.indptr, axis=0, unsafe=True)
        weights /= sums.index_select(0, matrix.rows)
        answer = matrix.sums(weights if dropout_mask is None else weights * dropout_mask, v)
        ctx.save_for_backward(q, k, v, weights, answer, dropout_mask)
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *saved, dropout_mask = ctx.saved_tensors
        q, k, v, weights, answer = (x.detach() for x in saved)  # else bags would prepare for their own backward
        matrix, gradient = ctx.matrix, gradient.contiguous()
        grad_scores = matrix.products(gradient, v)
        if dropout_mask is not None:
            grad_scores *= dropout_mask
        # Σ_j weight_ij · (its gradient), which the gradient of softmax subtracts, is the answer times its gradient.
        mean = (gradient * answer).sum(-1)
        grad_scores = grad_scores.sub_(mean.index_select(0, matrix.rows)).mul_(weights)
        grad_v = matrix.transposed_sums(weights if dropout_mask is None else weights * dropout_mask, gradient)
        grad_bias = grad_scores if ctx.needs_input_grad[3] else None
        grad_products = grad_scores * ctx.scale
        grad_q, grad_k = matrix.sums(grad_products, k), matrix.transposed_sums(grad_products, q)
        return grad_q, grad_k, grad_v, grad_bias, None, None


def _bags(x: Tensor, columns: Tensor, indptr: Tensor, weights: Tensor) -> Tensor:
    return embedding_bag(columns, x, indptr, mode="sum", per_sample_weights=weights, include_last_offset=True)


def stable_order(numbers: Tensor, count: int) -> Tensor:
    """(E,) whole numbers below `count` -> (E,) int64: their indices in ascending order, those of equal ones as they stand."""
    if count <= 2**16:  # numbers of two bytes are sorted by counting, 7 times as fast
        return torch.from_numpy(np.argsort(numbers.numpy().astype(np.uint16), kind="stable"))
    return torch.argsort(numbers, stable=True)
