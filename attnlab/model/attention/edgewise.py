"""`edgewise`: lists of neighbours, as graph networks compute them: each query's softmax runs over its own edges."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import dropout as drop

from attnlab.model.attention import sparse
from attnlab.model.attention.positions import Biases, Pairs, bias_sum
from attnlab.model.attention.reference import AttentionInputs, Kernel, Plan
from attnlab.model.attention.scopes import ByDifferences, ByEdges, Neighbours, Scope, coords_of
from attnlab.model.attention.sparse import PairMatrix
from attnlab.model.coord_order import Order
from attnlab.sets import VectorSets


@dataclass(frozen=True, eq=False)
class EdgeList:
    """queries, keys: (E,) rows, in order of the queries; pairs: (E, …). matrices: by number of heads."""

    queries: Tensor
    keys: Tensor
    pairs: Pairs
    matrices: dict[int, PairMatrix] = field(default_factory=dict, repr=False)

    def matrix(self, rows: int, heads: int) -> PairMatrix:
        """The pairs as a sparse matrix, made for the first layer and kept for others."""
        if heads not in self.matrices:
            self.matrices[heads] = PairMatrix.of(self.queries, self.keys, rows, heads)
        return self.matrices[heads]


class Edgewise(Kernel[EdgeList]):
    """Any score over edges, or over the neighbours in a window of any number of coordinates. O(E)."""

    name = "edgewise"

    def _work(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> EdgeList:
        if isinstance(scope, ByEdges):
            neighbours = scope.neighbours(queries)
        else:
            assert isinstance(scope, ByDifferences), "refused by `plan`"
            neighbours = bounded_neighbours(scope, queries)
        differences = None
        if queries.coords is not None:
            differences = queries.coords[neighbours.queries] - queries.coords[neighbours.keys]
        return EdgeList(neighbours.queries, neighbours.keys, Pairs(differences, neighbours.edge_values))

    def attend(self, inputs: AttentionInputs[EdgeList]) -> Tensor:
        q, k, v, score, edges = inputs.q, inputs.k, inputs.v, inputs.score, inputs.plan.work
        if q.device.type == "cpu" and not score.pairwise and len(edges.queries):
            return self._sparse(inputs)
        scores = score.pairs(q.index_select(0, edges.queries), k.index_select(0, edges.keys))  # (E, H)
        if inputs.biases:
            scores = scores + _biased(inputs.plan, inputs.biases)
        weights = drop(segment_softmax(scores, edges.queries, len(q)), inputs.dropout).to(v.dtype)
        weighted = weights[:, :, None] * v.index_select(0, edges.keys)  # (E, H, K)
        return v.new_zeros(len(q), *v.shape[1:]).index_add(0, edges.queries, weighted)

    @staticmethod
    def _sparse(inputs: AttentionInputs[EdgeList]) -> Tensor:
        """The same for products on a CPU: no vector is copied for each of its edges."""
        q, k, v, dropout = inputs.q, inputs.k, inputs.v, inputs.dropout
        matrix = inputs.plan.work.matrix(len(q), q.shape[1])
        dtype = torch.promote_types(q.dtype, torch.float32)  # sparse matrices have no bf16
        bias = _biased(inputs.plan, inputs.biases) if inputs.biases else None
        mask = drop(torch.ones(len(matrix.columns), dtype=dtype), dropout) if dropout else None
        with torch.autocast("cpu", enabled=False):
            return sparse.attend(q.to(dtype), k.to(dtype), v.to(dtype), matrix, bias, mask).to(v.dtype)


def _biased(plan: Plan[EdgeList], biases: Biases) -> Tensor:
    """(E, H): all biases of each edge."""
    return plan.cached_bias(0, biases, lambda: bias_sum(biases, plan.work.pairs))


def segment_softmax(scores: Tensor, segments: Tensor, count: int) -> Tensor:
    """(E, H) scores -> (E, H) weights that sum to 1 over the edges of each of `count` segments."""
    # Subtracting the largest score changes no weight, so it needs no gradient.
    index = segments[:, None].expand_as(scores)
    highest = scores.new_zeros(count, scores.shape[1])
    highest = highest.scatter_reduce(0, index, scores.detach(), "amax", include_self=False)
    powers = (scores - highest.index_select(0, segments)).exp()
    sums = powers.new_zeros(count, scores.shape[1]).index_add(0, segments, powers)
    return powers / sums.index_select(0, segments)


def bounded_neighbours(scope: ByDifferences, sets: VectorSets) -> Neighbours:
    """The pairs of a scope with a bound: a stretch along the first axis, of which `within` leaves some."""
    assert scope.bound is not None
    device = coords_of(sets, scope).device
    order = Order.of(sets)
    start, stop = order.stretch(scope.bound)
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
