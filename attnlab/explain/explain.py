"""One answer explained by every method that fits the model, each with a test of it."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from attnlab.errors import UserError
from attnlab.explain import methods
from attnlab.explain.explanation import Explanation, Numbers, Question, Relevance
from attnlab.explain.faithfulness import LONG, Faithfulness
from attnlab.explain.question import Asked
from attnlab.model.build import Model
from attnlab.sets import VectorSets

BLOCKS = 12
"""Stretches in which sets of more than `LONG` vectors are taken out, instead of vector by vector."""
FEWER_MIDPOINTS = 8
"""Of integrated gradients, for such sets."""
MISSED, MOST_MIDPOINTS = 0.02, 1 << 13
"""By how much integrated gradients may miss the difference that they add up to, before midpoints are doubled; and vectors at
all midpoints from which they are not."""


def explain(
    model: Model,
    inputs: VectorSets,
    question: Question,
    evidence: Collection[int] | None = None,
    by_distance: Numbers | None = None,
) -> Explanation:
    """(L,) ids, or (L, F), of one set -> how much each vector mattered to an answer.

    evidence: the vectors that are known to decide it, where somebody knows; the one asked about is none of them. by_distance: mean
    weights at each distance in other sets (`methods.weight_by_distance`), for `position`; None: in this set.

    Integrated gradients have 32 midpoints, and more for short sets where their sum misses by over 2 %.
    Removal, gradients and curves ask all `members`, methods that read attention layers the first. A method is missing where the
    model has nothing that it reads: attention layers, or coordinates for `position`. For more than 256 vectors `value_zeroing` is
    missing, for more than 4,096 all that read attention layers. For more than 256 curves have 8 points, random orders are 3,
    integrated gradients have 8 midpoints, and `leave_one_out` takes out 12 stretches instead of single vectors, among which
    it divides the change. Raises UserError for an input without vectors.
    """
    if not inputs.layout.size:
        raise UserError("there is nothing to explain: the input has no vectors")
    asked = Asked(model, inputs, question)
    test, long = Faithfulness(asked), asked.size > LONG
    scores = dict[str, NDArray[np.float64]]()
    scores["leave_one_out"], alone = methods.leave_one_out(asked, BLOCKS if long else None)
    scores["gradient_input"] = methods.gradient_input(asked)
    midpoints = FEWER_MIDPOINTS if long else methods.MIDPOINTS
    scores["integrated_gradients"], completeness = methods.integrated_gradients(asked, midpoints)
    while completeness > MISSED and midpoints * asked.size < MOST_MIDPOINTS:
        midpoints *= 2
        scores["integrated_gradients"], completeness = methods.integrated_gradients(asked, midpoints)
    layers = methods.AttentionScores.of(asked)
    if layers is not None:
        for name, method in {
            "attention": layers.attention,
            "rollout": layers.rollout,
            "norm": layers.norm,
            "gradient_attention": layers.gradient_attention,
            "value_zeroing": layers.value_zeroing,
        }.items():
            found = method()
            if found is not None:
                scores[name] = found
        by_distance = layers.by_distance() if by_distance is None else by_distance
    if by_distance is not None:
        by_position = methods.position(asked, by_distance)
        if by_position is not None:
            scores["position"] = by_position
    known = None if evidence is None else np.array(sorted(set(evidence) - {question.vector}), dtype=np.int64)
    known = known if known is not None and len(known) else None

    def relevance(
        name: str, of: NDArray[np.float64], orders: list[NDArray[np.int64]], share: float | None
    ) -> Relevance:
        signed = name in ("leave_one_out", "gradient_input", "integrated_gradients")
        curves = test.curves(orders)
        exact = completeness if name == "integrated_gradients" else None
        return Relevance(
            method=name,
            scores=of.astype(np.float32),
            signed=signed,
            completeness=exact,
            found=share,
            **vars(curves),
        )

    relevances = {
        name: relevance(name, of, [test.order(of)], None if known is None else test.found(of, known))
        for name, of in scores.items()
    }
    orders = test.random_orders()
    ranks = np.zeros(asked.size)
    ranks[orders[0]] = np.linspace(1, 0, len(orders[0]), endpoint=False)
    chance = None if known is None else len(known) / max(1, test.count)
    relevances["random"] = relevance("random", ranks, orders, chance)
    areas = {name: one.deletion_area for name, one in relevances.items() if name not in ("position", "random")}
    best = min(areas, key=lambda name: areas[name])
    return Explanation(
        question=question,
        value=asked.whole,
        probability=float(asked.probability(np.array([asked.whole]))[0]),
        shares=test.shares,
        relevances=relevances,
        best=best if areas[best] < relevances["random"].deletion_area else None,
        without=alone.astype(np.float32),
        empty=test.empty,
    )
