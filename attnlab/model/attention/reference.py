"""What every kernel promises, and the one that is written to be read; all others equal it.

A kernel makes a plan once per batch and scope, and every layer with that scope uses it.
Shapes: q (Nq, H, K), k and v (Nk, H, K), answer (Nq, H, K); packed, set after set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from attnlab.attention_options import KERNELS
from attnlab.errors import UserError
from attnlab.model.attention.positions import PairBias, Pairs
from attnlab.model.attention.scopes import Scope
from attnlab.model.attention.scores import Score
from attnlab.sets import Layout, VectorSets


@dataclass(frozen=True, eq=False)
class Plan:
    """Who looks at whom in one batch, and what its kernel worked out beforehand (`work`).

    In self-attention `queries is keys`; in cross-attention both hold equally many sets.
    places: where the sets were put in another order, the number in it of each set as the batch has them.
    """

    kernel: "Kernel"
    scope: Scope
    queries: VectorSets
    keys: VectorSets
    work: Any
    inverse_order: tuple[int, ...] | None = None
    _biases: dict[Any, Tensor] = field(default_factory=dict, repr=False)

    def remembered(self, number: int, biases: Sequence[PairBias], compute: Callable[[], Tensor]) -> Tensor:
        """What `compute` gives for the pairs `number` of this plan; computed for the first layer, kept for others."""
        key = (number, torch.is_grad_enabled(), *map(id, biases))
        if key not in self._biases:
            self._biases[key] = compute()
        return self._biases[key]


class Kernel:
    """One way to compute attention. Refuses what it cannot do instead of ignoring it."""

    name: ClassVar[str]

    def plan(self, scope: Scope, queries: VectorSets, keys: VectorSets) -> Plan:
        """What can be worked out before q and k are known. Raises UserError where it cannot do this scope."""
        ability = KERNELS[self.name]
        assert len(queries) == len(keys), "as many sets of keys as of queries"
        if scope.kind not in ability.scopes:
            able = [name for name, it in KERNELS.items() if scope.kind in it.scopes]
            raise UserError(
                f"kernel {self.name} cannot compute scope {scope.kind}; use kernel {' or '.join(able)}"
            )
        if queries is not keys and not ability.cross:
            raise UserError(f"kernel {self.name} cannot look from one set at another; use kernel dense")
        return Plan(self, scope, queries, keys, self._work(scope, queries, keys))

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> Any:
        raise NotImplementedError

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
        """The weighted sums (Nq, H, K) of what each query may look at; 0 for one that may look at nothing.

        q, k: as `score.prepare` and a rotation left them. biases: added to the scores.
        dropout: the share of weights that is dropped; 0 except in training.
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class _OneSet:
    """One set's part of the reference's plan."""

    queries: slice
    keys: slice
    allowed: Tensor  # (Lq, Lk)
    pairs: Pairs  # (Lq, Lk, …)


class Reference(Kernel):
    """The textbook's steps, one set after the other: scores, softmax, weighted sum. O(ΣL²)."""

    name = "reference"

    def _work(self, scope: Any, queries: VectorSets, keys: VectorSets) -> list[_OneSet]:
        own_queries = queries.unbind()
        own_keys = own_queries if queries is keys else keys.unbind()
        rows = zip(_row_slices(queries.layout), _row_slices(keys.layout), strict=True)
        return [
            _OneSet(*slices, scope.allows(one, other), _pairs(scope, one, other))
            for slices, one, other in zip(rows, own_queries, own_keys, strict=True)
        ]

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
        answers = []
        for own, weights in zip(plan.work, self.weights(q, k, plan, score, biases), strict=True):
            weights = nn.functional.dropout(weights, dropout)
            answers.append(torch.einsum("hij,jhk->ihk", weights.to(v.dtype), v[own.keys]))
        return torch.cat(answers) if answers else torch.zeros_like(q)

    def weights(
        self, q: Tensor, k: Tensor, plan: Plan, score: Score, biases: Sequence[PairBias] = ()
    ) -> list[Tensor]:
        """Of each set, (H, Lq, Lk): how much each query looks at each key. A row that may look at nothing is 0."""
        found = []
        for own in plan.work:
            scores = score.pairs(q[own.queries, None], k[None, own.keys])  # (Lq, Lk, H)
            for bias in biases:
                scores = scores + bias(own.pairs)
            scores = scores.masked_fill(~own.allowed[:, :, None], -torch.inf)
            weights = scores.softmax(dim=1).nan_to_num(0.0)  # a row of -inf only
            found.append(weights.permute(2, 0, 1))
        return found


def _pairs(scope: Any, queries: VectorSets, keys: VectorSets) -> Pairs:
    """What biases may want to know of every pair of one set."""
    differences = edge_values = None
    if queries.coords is not None and keys.coords is not None:
        differences = queries.coords[:, None] - keys.coords[None]
    if scope.kind == "edges" and queries.edge_values is not None:
        found = scope.neighbours(queries)
        edge_values = queries.edge_values.new_zeros(
            len(queries.values), len(keys.values), *queries.edge_values.shape[1:]
        )
        edge_values[found.queries, found.keys] = found.edge_values
    return Pairs(differences, edge_values)


def _row_slices(layout: Layout) -> list[slice]:
    return [slice(a, b) for a, b in pairwise(layout.starts)]
