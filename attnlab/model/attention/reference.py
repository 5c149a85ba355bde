"""What every kernel promises, and the one that is written to be read; all others equal it.

A kernel makes a plan once per batch and scope, and every layer with that scope uses it.
Shapes: q (Nq, H, K), k and v (Nk, H, K), answer (Nq, H, K); packed, set after set.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn

from attnlab.attention_options import KERNELS
from attnlab.errors import UserError
from attnlab.model.attention.positions import Biases, Pairs
from attnlab.model.attention.scopes import ByEdges, Scope
from attnlab.model.attention.scores import Score
from attnlab.sets import VectorSets

Work = TypeVar("Work")


@dataclass(frozen=True, eq=False)
class Plan(Generic[Work]):
    """Which vectors attend to which in one batch, and what its kernel worked out beforehand (`work`).

    In self-attention `queries is keys`; in cross-attention both hold equally many sets.
    inverse_order: where the sets were put in another order, the number in it of each set as the batch has them.
    """

    kernel: "Kernel[Work]"
    scope: Scope
    queries: VectorSets
    keys: VectorSets
    work: Work
    inverse_order: tuple[int, ...] | None = None
    _biases: dict[tuple[int, ...], Tensor] = field(default_factory=dict, repr=False)

    def cached_bias(self, number: int, biases: Biases, compute: Callable[[], Tensor]) -> Tensor:
        """What `compute` gives for the pairs `number` of this plan; computed for the first layer, kept for others."""
        key = (number, torch.is_grad_enabled(), *map(id, biases))
        if key not in self._biases:
            self._biases[key] = compute()
        return self._biases[key]


@dataclass(frozen=True, eq=False)
class AttentionInputs(Generic[Work]):
    """What a kernel computes attention from.

    q (Nq, H, K), k (Nk, H, K): as `score.prepare` and a rotation left them; v (Nk, H, K). biases: added to the scores.
    dropout: the fraction of weights that is dropped; 0 except in training.
    """

    q: Tensor
    k: Tensor
    v: Tensor
    plan: Plan[Work]
    score: Score
    biases: Biases = ()
    dropout: float = 0.0


class Kernel(Generic[Work]):
    """One way to compute attention. Refuses what it cannot do instead of ignoring it."""

    name: ClassVar[str]

    def plan(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> Plan[Work]:
        """What can be worked out before q and k are known, for B sets (Nq, …) and B sets (Nk, …). Raises UserError where
        the kernel cannot do this scope."""
        support = KERNELS[self.name]
        assert len(queries) == len(keys), "as many sets of keys as of queries"
        if scope.family not in support.families:
            able = [name for name, other in KERNELS.items() if scope.family in other.families]
            raise UserError(f"kernel {self.name} cannot compute scope {scope}; use kernel {' or '.join(able)}")
        if queries is not keys and not support.cross:
            raise UserError(f"kernel {self.name} has no attention from one set to another; use kernel dense")
        return Plan(self, scope, queries, keys, self._work(scope, queries, keys))

    def _work(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> Work:
        raise NotImplementedError

    def attend(self, inputs: AttentionInputs[Work]) -> Tensor:
        """(Nq, H, K), (Nk, H, K), (Nk, H, K) -> (Nq, H, K): weighted sums of the values that each query attends to; rows
        without an allowed key are 0."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class SetPlan:
    """One set's part of the reference's plan."""

    queries: slice
    keys: slice
    allowed: Tensor  # (Lq, Lk)
    pairs: Pairs  # (Lq, Lk, …)


class Reference(Kernel[list[SetPlan]]):
    """(Nq, H, K) -> (Nq, H, K) by the textbook's steps, set after set: scores, softmax, weighted sum. O(ΣL²)."""

    name = "reference"

    def _work(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> list[SetPlan]:
        query_sets = queries.unbind()
        key_sets = query_sets if queries is keys else keys.unbind()
        rows = zip(*([slice(*ends) for ends in pairwise(s.layout.starts)] for s in (queries, keys)), strict=True)
        return [
            SetPlan(of_queries, of_keys, scope.allows(query_set, key_set), _pairs(scope, query_set, key_set))
            for (of_queries, of_keys), query_set, key_set in zip(rows, query_sets, key_sets, strict=True)
        ]

    def attend(self, inputs: AttentionInputs[list[SetPlan]]) -> Tensor:
        answers = []
        all_weights = self.weights(inputs.q, inputs.k, inputs.plan, inputs.score, inputs.biases)
        for part, weights in zip(inputs.plan.work, all_weights, strict=True):
            weights = nn.functional.dropout(weights, inputs.dropout)
            answers.append(torch.einsum("hij,jhk->ihk", weights.to(inputs.v.dtype), inputs.v[part.keys]))
        return torch.cat(answers) if answers else torch.zeros_like(inputs.q)

    def weights(
        self, q: Tensor, k: Tensor, plan: Plan[list[SetPlan]], score: Score, biases: Biases = ()
    ) -> list[Tensor]:
        """(Nq, H, K), (Nk, H, K) -> of each set, (H, Lq, Lk): the weight of each key for each query; rows without an
        allowed key are 0."""
        weights = []
        for part in plan.work:
            scores = score.pairs(q[part.queries, None], k[None, part.keys])  # (Lq, Lk, H)
            for bias in biases:
                scores = scores + bias(part.pairs)
            scores = scores.masked_fill(~part.allowed[:, :, None], -torch.inf)
            weights.append(scores.softmax(dim=1).nan_to_num(0.0).permute(2, 0, 1))  # NaN: a row of -inf only
        return weights


def _pairs(scope: Scope, queries: VectorSets, keys: VectorSets) -> Pairs:
    """(Lq, Lk, …): what biases may want to know of every pair of one set."""
    differences = edge_values = None
    if queries.coords is not None and keys.coords is not None:
        differences = queries.coords[:, None] - keys.coords[None]
    if isinstance(scope, ByEdges) and queries.edge_values is not None:
        neighbours = scope.neighbours(queries)
        assert neighbours.edge_values is not None
        shape = (len(queries.values), len(keys.values), *neighbours.edge_values.shape[1:])
        edge_values = neighbours.edge_values.new_zeros(shape)
        edge_values[neighbours.queries, neighbours.keys] = neighbours.edge_values
    return Pairs(differences, edge_values)
