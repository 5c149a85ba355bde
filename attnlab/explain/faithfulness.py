"""Whether vectors that a method ranks first are those that the answer depends on: they are taken out of the set, or only they are
left in it, and the model answers again.

Sets may have any size, so that vectors are really taken out, and the rest keeps its coordinates. Such sets may still be unlike
those of training; therefore every method stands beside random orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from attnlab.explain.explanation import Numbers
from attnlab.explain.question import Asked

SHARES = np.linspace(0, 1, 21)
"""Of the vectors, at which curves are measured; smaller sets are measured at each number of vectors."""
FEWER_SHARES = np.array([0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1])
"""The same for sets of more than `LONG` vectors."""
LONG = 256
TOP_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Over which comprehensiveness and sufficiency are means (DeYoung et al. 2020, section 4)."""
ORDERS = 20
"""Random orders whose mean curve the others are compared with."""
SEED = 0


@dataclass(frozen=True, eq=False)
class Curves:
    """What came of taking vectors out in one order, or in several as their mean; fields as in `Relevance`."""

    deletion: Numbers
    insertion: Numbers
    deletion_area: float
    insertion_area: float
    comprehensiveness: float
    sufficiency: float


class Faithfulness:
    """Measures orders of the vectors of one set. sizes: (G,) numbers of vectors that are taken out, or left; shares: (G,) of n,
    all that may be taken out. The last point of deletion and the first of insertion are the empty set, unless the model
    has no answer for it: then one vector."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.count = asked, len(asked.candidates)
        shares = FEWER_SHARES if self.count > LONG else SHARES
        exact = (
            np.arange(self.count + 1) if self.count < 20 else np.floor(shares * self.count + 0.5).astype(np.int64)
        )
        self.sizes = exact
        self.shares: Numbers = (self.sizes / max(1, self.count)).astype(np.float32)
        self.tops = [max(1, int(share * self.count + 0.5)) for share in TOP_SHARES] if self.count else []

    @cached_property
    def empty(self) -> float | None:
        """The answer's probability for a set without vectors; None where the question is about one of them, or the model has
        no answer."""
        if self.asked.question.vector is not None or not self.asked.size:
            return None
        value = self.asked.values_without([np.zeros(0, dtype=np.int64)])
        return float(self.asked.probability(value)[0]) if np.isfinite(value[0]) else None

    def curves(self, orders: Sequence[NDArray[np.int64]]) -> Curves:
        """Of orders of the candidates, (n,) each, those that matter most first."""
        asked_about = self.asked.question.vector
        always = np.zeros(0, dtype=np.int64) if asked_about is None else np.array([asked_about])
        least = 1 if self.empty is None and asked_about is None and self.count else 0
        sizes = sorted({*self.sizes.tolist(), *self.tops})
        wanted = list[NDArray[np.int64]]()
        for order in orders:
            for size in sizes:
                wanted.append(np.concatenate([always, order[min(size, self.count - least) :]]))
                wanted.append(np.concatenate([always, order[: max(size, least)]]))
        values = self.asked.values_without(wanted)
        table = self.asked.probability(values).reshape(len(orders), len(sizes), 2).mean(0)
        deleted, inserted = (dict(zip(sizes, table[:, i].tolist(), strict=True)) for i in (0, 1))
        deletion, insertion = (
            np.array([curve[size] for size in self.sizes.tolist()]) for curve in (deleted, inserted)
        )
        whole = float(self.asked.probability(np.array([self.asked.whole]))[0])
        drops, gaps = ([whole - curve[size] for size in self.tops] for curve in (deleted, inserted))
        return Curves(
            deletion.astype(np.float32), insertion.astype(np.float32),
            self._area(deletion), self._area(insertion),
            float(np.mean(drops)) if drops else 0.0, float(np.mean(gaps)) if gaps else 0.0,
        )  # fmt: skip

    def order(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """(S,) scores -> the candidates, the highest score first; equal ones as they stand."""
        return self.asked.candidates[np.argsort(-scores[self.asked.candidates], kind="stable")]

    def random_orders(self) -> list[NDArray[np.int64]]:
        """The same ones for every set of this length."""
        random = np.random.default_rng(SEED)
        return [random.permutation(self.asked.candidates) for _ in range(ORDERS if self.count <= LONG else 3)]

    def found(self, scores: NDArray[np.float64], evidence: NDArray[np.int64]) -> float:
        """The share of the known evidence among as many vectors ranked first."""
        return float(np.isin(self.order(scores)[: len(evidence)], evidence).mean())

    def _area(self, curve: NDArray[np.float64]) -> float:
        """By the trapezoid rule over both ends; of one point, itself."""
        return float(np.trapezoid(curve, self.sizes / self.count)) if self.count else float(curve[0])
