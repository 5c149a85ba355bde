"""What is asked is what the model answers, and vectors are really taken out."""

import numpy as np
import pytest
import torch
from random_sets import vector_sets
from small_models import CODEC, characters, model, sentence

from attnlab.codec import END_ID
from attnlab.errors import UserError
from attnlab.explain.explanation import Question
from attnlab.explain.question import Asked, contrast, default_question, written_answer
from attnlab.explain.removal import without
from attnlab.sets import VectorSets

KEPT = [[0, 2, 3, 6], [3], [1, 2, 3, 4, 5]]


def answers(built, sets: VectorSets, question: Question) -> list[float]:
    """The probability, or number, that `predict` gives; of classes, by name."""
    found = []
    for single, kept in zip(sets.unbind(), KEPT, strict=True):
        prediction = built.predict(single)[0]
        if "number" in built.head.kind:
            found.append(
                prediction.value if question.vector is None else prediction.value[kept.index(question.vector)]
            )
            continue
        named = prediction.probabilities
        named = named if question.vector is None else named[kept.index(question.vector)]
        found.append(named[built.head.classes[question.answer]])
    return found


CASES = [
    ("class", None, {}),
    ("class", None, {"members": 2}),
    ("class", None, {"head": {"readout": "max"}, "encoder": "graph_conv"}),
    ("classes", None, {}),
    ("number", None, {"encoder": "recurrent"}),
    ("vector_classes", 3, {}),
    ("vector_classes", 3, {"head": {"crf": True}}),
    ("vector_classes", 3, {"head": {"constraints": "bio"}, "encoder": "convolution"}),
    ("vector_numbers", 3, {"scope": "edges"}),
]


@pytest.mark.parametrize(("kind", "vector", "keys"), CASES)
def test_values_are_those_of_the_model_on_smaller_sets(kind: str, vector: int | None, keys: dict) -> None:
    single = vector_sets([7], seed=3, edge_features=2, chance=0.5)
    built, question = model(kind, edge_features=2, **keys), Question(1 if "class" in kind else 0, vector=vector)
    if keys.get("head", {}).get("crf"):
        torch.nn.init.normal_(built.head.sequences.transitions)
    asked = Asked(built, single, question)
    values = asked.values_without([np.array(kept) for kept in KEPT])
    expected = answers(built, without(single, KEPT), question)
    np.testing.assert_allclose(values if "number" in kind else np.exp(values), expected, rtol=2e-4, atol=1e-6)
    assert len(set(expected)) == 3, "the sets differ in their answers"


def test_words_are_taken_out_with_their_characters_and_votes() -> None:
    built = model("class", words=True, head={"bag": 0.5}, embedding=characters())
    torch.nn.init.normal_(built.bag.votes.weight)
    single, question = sentence(7, parts=True), Question(2)
    values = Asked(built, single, question).values_without([np.array(kept) for kept in KEPT])
    np.testing.assert_allclose(np.exp(values), answers(built, without(single, KEPT), question), rtol=2e-4)


def test_nodes_are_taken_out_with_their_edges() -> None:
    edges = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 0, 3, 3]])
    graph = VectorSets.of(torch.eye(4), edges=edges, edge_values=torch.arange(5.0)[:, None])
    taken = without(graph, [[0, 3], [1, 2, 0], []])
    assert taken.lengths == (2, 3, 0)
    first, second, _ = taken.unbind()
    assert first.values.tolist() == torch.eye(4)[[0, 3]].tolist()
    assert (first.edges.tolist(), first.edge_values.flatten().tolist()) == ([[1, 0], [1, 1]], [3.0, 4.0])
    assert sorted(zip(*second.edges.tolist(), second.edge_values.flatten().tolist(), strict=True)) == [
        (0, 1, 1.0), (1, 2, 2.0), (2, 0, 0.0),
    ]  # fmt: skip


def test_tokens_have_the_probability_that_decoding_gives_them() -> None:
    built, single = model("sequence", words=True, head={"beam": 1}), sentence(6)
    with torch.no_grad():
        best = built.head.hypotheses(built.encode(single))[0][0]
    ids = written_answer(built, single)
    assert ids[: len(best.ids)] == best.ids and (ids[-1] == END_ID) == best.complete
    values = [Asked(built, single, default_question(built, single, token=i)).whole for i in range(len(ids))]
    closing = 0.0 if best.complete else Asked(built, single, Question(END_ID, written=ids)).whole
    assert sum(values) + closing == pytest.approx(best.log_probability, abs=1e-3)
    least = default_question(built, single)
    assert Asked(built, single, least).whole == min(values) and least.answer == ids[len(least.written)]


def test_questions_that_nobody_asked_for_are_about_the_prediction() -> None:
    single = vector_sets([5])
    built = model("vector_classes")
    prediction, question = built.predict(single)[0], default_question(built, single)
    assert question.vector == int(np.argmin(prediction.probability))
    assert built.head.classes[question.answer] == prediction.value[question.vector]
    assert default_question(built, single, vector=4).vector == 4
    likeliest = default_question(model("classes"), single).answer
    assert likeliest == int(np.argmax(model("classes").predict(single)[0].probability))
    with pytest.raises(UserError, match="vector 6: the set has 5"):
        default_question(built, single, vector=5)


def test_two_answers_are_compared_by_their_logits() -> None:
    built, single = model("class"), vector_sets([5])
    question = contrast(built, default_question(built, single), "z", "x")
    assert question == Question(2, against=0)
    asked, outputs = Asked(built, single, question), built.outputs(single)[0].detach()
    assert asked.whole == pytest.approx(float(outputs[2] - outputs[0]), abs=1e-5)
    pair = outputs[[2, 0]].softmax(0)[0]
    assert float(asked.probability(np.array(asked.whole))) == pytest.approx(float(pair), abs=1e-5)
    with pytest.raises(UserError, match="classes are x, y, z"):
        contrast(built, question, "w", None)
    with pytest.raises(UserError, match="compared with itself"):
        contrast(built, question, None, "z")
    with pytest.raises(UserError, match="numbers"):
        contrast(model("number"), Question(0), None, "z")
    sequence = model("sequence", words=True)
    assert contrast(sequence, Question(3), None, "b").against == CODEC.tokens.index("▁b")
