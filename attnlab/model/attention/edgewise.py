"""Lists of neighbours, as graph networks compute them: each query's softmax runs over its own edges."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import dropout as drop

from attnlab.model.attention import sparse
from attnlab.model.attention.positions import PairBias, Pairs
from attnlab.model.attention.reference import Kernel, Plan
from attnlab.model.attention.scopes import Neighbours, Window, coords_of
from attnlab.model.attention.scores import Score
from attnlab.model.attention.sparse import Table
from attnlab.model.coord_order import Order
from attnlab.sets import VectorSets


@dataclass(frozen=True, eq=False)
class EdgeList:
    """queries, keys: (E,) rows, in order of the queries; pairs: (E, …). tables: by number of heads."""

    queries: Tensor
    keys: Tensor
    pairs: Pairs
    tables: dict[int, Table] = field(default_factory=dict, repr=False)

    def table(self, rows: int, heads: int) -> Table:
        """The pairs as a sparse table, made for the first layer and kept for others."""
        if heads not in self.tables:
            self.tables[heads] = Table.of(self.queries, self.keys, rows, heads)
        return self.tables[heads]


class Edgewise(Kernel):
    """Any score over edges, or over the neighbours in a window of any number of coordinates. O(E)."""

    name = "edgewise"

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> EdgeList:
        found = scope.neighbours(queries) if scope.kind == "edges" else window_neighbours(scope, queries)
        differences = None
        if queries.coords is not None:
            differences = queries.coords[found.queries] - queries.coords[found.keys]
        return EdgeList(found.queries, found.keys, Pairs(differences, found.edge_values))

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        plan: Plan,
        score: Score,
        biases: Sequence[PairBias] = (),
        dropout: float = 0.0,
    ) -> Tensor:
        if q.device.type == "cpu" and not score.pairwise and len(plan.work.queries):
            return self._sparse(q, k, v, plan, biases, dropout)
        edges = plan.work
        scores = score.pairs(q.index_select(0, edges.queries), k.index_select(0, edges.keys))  # (E, H)
        if biases:
            scores = scores + _biased(plan, biases)
        weights = drop(segment_softmax(scores, edges.queries, len(q)), dropout).to(v.dtype)
        weighted = weights[:, :, None] * v.index_select(0, edges.keys)  # (E, H, K)
        return v.new_zeros(len(q), *v.shape[1:]).index_add(0, edges.queries, weighted)

    @staticmethod
    def _sparse(q: Tensor, k: Tensor, v: Tensor, plan: Plan, biases: Sequence[PairBias], dropout: float) -> Tensor:
        """The same for products on a CPU: no vector is copied for each of its edges."""
        table = plan.work.table(len(q), q.shape[1])
        kind = torch.promote_types(q.dtype, torch.float32)  # sparse tables have no bf16
        bias = _biased(plan, biases) if biases else None
        kept = drop(torch.ones(len(table.columns), dtype=kind), dropout) if dropout else None
        with torch.autocast("cpu", enabled=False):
            return sparse.attend(q.to(kind), k.to(kind), v.to(kind), table, bias, kept).to(v.dtype)


def _biased(plan: Plan, biases: Sequence[PairBias]) -> Tensor:
    """(E, H): all biases of each edge."""
    return plan.remembered(0, biases, lambda: torch.stack([bias(plan.work.pairs) for bias in biases]).sum(0))


def segment_softmax(scores: Tensor, segments: Tensor, count: int) -> Tensor:
    """(E, H) scores -> (E, H) weights that sum to 1 over the edges of each of `count` segments."""
    # Taking the largest score off changes no weight, so it needs no gradient.
    index = segments[:, None].expand_as(scores)
    highest = scores.new_zeros(count, scores.shape[1])
    highest = highest.scatter_reduce(0, index, scores.detach(), "amax", include_self=False)
    powers = (scores - highest.index_select(0, segments)).exp()
    sums = powers.new_zeros(count, scores.shape[1]).index_add(0, segments, powers)
    return powers / sums.index_select(0, segments)


def window_neighbours(scope: Window, sets: VectorSets) -> Neighbours:
    """The pairs within a window: a stretch along the first axis, of which the other axes leave some."""
    device = coords_of(sets, str(scope)).device
    order = Order.of(sets)
    start, stop = order.stretch(scope.radius)
    counts = stop - start
    queries = torch.repeat_interleave(counts)
    keys = torch.arange(len(queries)) - (counts.cumsum(0) - counts)[queries] + start[queries]
    near = scope.within(order.coords[queries] - order.coords[keys])
    queries, keys = queries[near], keys[near]
    if order.rows is not None:
        queries, keys = order.rows[queries], order.rows[keys]
        by_query = torch.argsort(queries, stable=True)
        queries, keys = queries[by_query], keys[by_query]
    return Neighbours(queries.to(device), keys.to(device), None)
