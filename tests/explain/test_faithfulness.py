"""Curves and their figures, on models whose evidence is known."""

import numpy as np
import pytest
import torch
from random_sets import vector_sets
from small_models import model, sentence

from attnlab.explain.explain import explain
from attnlab.explain.explanation import METHODS, Question
from attnlab.explain.faithfulness import Faithfulness
from attnlab.explain.question import Asked
from attnlab.explain.removal import without
from attnlab.model.build import Model
from attnlab.sets import VectorSets


def votes(evidence: dict[int, float]) -> Model:
    """A model whose answer is only what these words vote for class 1."""
    built = model("class", words=True, head={"bag": 0.5})
    with torch.no_grad():
        for parameter in built.head.output.parameters():
            parameter.zero_()
        built.bag.votes.weight.zero_()
        for word, vote in evidence.items():
            built.bag.votes.weight[word, 1] = vote
    return built


def words(length: int, evidence: dict[int, int]) -> VectorSets:
    """Word 1 everywhere, but these at these places."""
    ids = torch.ones(length, dtype=torch.int64)
    for place, word in evidence.items():
        ids[place] = word
    return VectorSets.of(ids, coords=torch.arange(length)[:, None].float())


def test_known_evidence_is_found_and_the_figures_point_the_right_way() -> None:
    built, single = votes({2: 4.0, 3: 3.0, 4: -5.0}), words(12, {5: 2, 8: 3, 1: 4})
    told = explain(built, single, Question(1), evidence=[5, 8])
    one, chance = told.relevances["leave_one_out"], told.relevances["random"]
    assert one.found == 1.0 and told.relevances["integrated_gradients"].found == 1.0
    assert chance.found == pytest.approx(2 / 12)
    assert np.argsort(one.scores).tolist()[0] == 1 and np.argsort(-one.scores).tolist()[:2] == [5, 8]
    # Votes are added: what a word's removal changes of the logit is its vote.
    np.testing.assert_allclose(one.scores, told.value - told.without, atol=1e-6)
    assert one.comprehensiveness > chance.comprehensiveness and one.sufficiency < chance.sufficiency
    assert one.deletion_area < chance.deletion_area and one.insertion_area > chance.insertion_area
    assert told.best is not None and told.relevances[told.best].deletion_area <= one.deletion_area
    assert told.empty == pytest.approx(1 / 3, abs=1e-6)

    def probability(vote: float) -> float:
        return float(np.exp(vote) / (np.exp(vote) + 2))

    deletion = [probability(vote) for vote in (2.0, -2.0, *[-5.0] * 10, 0.0)]
    np.testing.assert_allclose(one.deletion, deletion, atol=1e-5)
    np.testing.assert_allclose(one.insertion, [probability(v) for v in (0.0, 4.0, *[7.0] * 10, 2.0)], atol=1e-5)
    assert one.deletion_area == pytest.approx(np.trapezoid(deletion, np.arange(13) / 12), abs=1e-6)
    tops = [1, 1, 2, 4, 6]  # 5, 10, 20, 30 and 50 % of twelve
    assert one.comprehensiveness == pytest.approx(np.mean([deletion[0] - deletion[k] for k in tops]), abs=1e-6)


def test_a_ranking_upside_down_is_told_from_a_right_one() -> None:
    asked = Asked(votes({2: 4.0, 3: 3.0}), words(30, {5: 2, 8: 3}), Question(1))
    test, right = Faithfulness(asked), np.zeros(30)
    right[[5, 8]] = 2.0, 1.0
    good, bad = test.curves([test.order(right)]), test.curves([test.order(-right)])
    assert good.comprehensiveness > 0.4 > 0.01 > bad.comprehensiveness
    assert good.sufficiency < 0.2 < bad.sufficiency
    assert good.deletion_area < 0.5 < bad.deletion_area and good.insertion_area > 0.9 > bad.insertion_area
    assert test.shares.tolist() == pytest.approx([n / 20 for n in range(21)], abs=0.02)


def test_points_of_curves_are_answers_for_smaller_sets() -> None:
    built, single = model("vector_classes", scope="edges"), vector_sets([9], seed=4)
    question = Question(1, vector=6)
    told = explain(built, single, question)
    one = told.relevances["gradient_input"]
    assert len(told.shares) == 9 and told.empty is None  # the vector asked about always stays
    order = [i for i in np.argsort(-one.scores, kind="stable").tolist() if i != 6]
    for size in (0, 3, 8):
        for curve, kept in ((one.deletion, order[size:]), (one.insertion, order[:size])):
            kept = sorted([6, *kept])
            smaller = built.predict(without(single, [kept]))[0].probabilities[kept.index(6)]
            assert curve[size] == pytest.approx(smaller["I-X"], abs=1e-5)
    assert told.without[6] == pytest.approx(told.value) and one.deletion[0] == pytest.approx(told.probability)


@pytest.mark.parametrize(("kind", "keys", "missing"), [
    ("class", {"encoder": "recurrent"}, {"attention", "rollout", "norm", "gradient_attention", "value_zeroing", "position"}),
    ("number", {"num_coords": 0, "position": "none"}, {"position"}),
    ("classes", {"members": 2}, set()),
])  # fmt: skip
def test_methods_without_what_they_read_are_missing(kind: str, keys: dict, missing: set[str]) -> None:
    single = vector_sets([6], num_coords=keys.get("num_coords", 1))
    told = explain(model(kind, **keys), single, Question(0))
    assert set(METHODS) - set(told.relevances) == missing
    again = explain(model(kind, **keys), single, Question(0))
    for name, one in told.relevances.items():
        assert np.isfinite(one.scores).all() and np.array_equal(one.scores, again.relevances[name].scores)
        assert (one.deletion >= 0).all() and (one.deletion <= 1 + 1e-6).all()
    if kind == "number":
        assert told.probability == 1.0, "the share that is left of an unchanged number"


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("kind", ["class", "vector_classes", "sequence"])
def test_the_smallest_sets_are_explained(kind: str, length: int) -> None:
    single = sentence(length) if kind == "sequence" else vector_sets([length])
    question = (
        Question(1, vector=0) if kind == "vector_classes" else Question(1, written=(4,) * (kind == "sequence"))
    )
    told = explain(model(kind, words=kind == "sequence"), single, question)
    for one in told.relevances.values():
        assert (
            len(one.deletion) == len(told.shares)
            and np.isfinite(one.deletion_area)
            and np.isfinite(one.scores).all()
        )
