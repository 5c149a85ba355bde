"""Each method against its formula, computed in the slowest and plainest way."""

import numpy as np
import pytest
import torch
from random_sets import vector_sets
from small_models import model, sentence

from attnlab.explain import methods
from attnlab.explain.explain import explain
from attnlab.explain.explanation import METHODS, Question
from attnlab.explain.faithfulness import Faithfulness
from attnlab.explain.methods import AttentionScores
from attnlab.explain.question import Asked
from attnlab.explain.trace import passes

QUESTIONS = {
    "class": Question(1),
    "vector_classes": Question(1, vector=2),
    "sequence": Question(4, written=(5, 3)),
}
CASES = [("class", {}), ("class", {"head": {"readout": "attention"}}), ("vector_classes", {}), ("sequence", {})]


def asked_of(kind: str, kernel: str = "auto", **keys: object) -> Asked:
    single = sentence(6) if kind == "sequence" else vector_sets([6], seed=2)
    return Asked(model(kind, words=kind == "sequence", kernel=kernel, **keys), single, QUESTIONS[kind])


class Explicit:
    """The same model with attention in plain sight: weights are tensors that can be differentiated, or values changed."""

    def __init__(self, asked: Asked, zeroed: tuple[str, int] | None = None) -> None:
        self.asked, self.zeroed, self.weights = asked, zeroed, dict[str, torch.Tensor]()
        self.outputs = dict[str, torch.Tensor]()  # of blocks

    def value(self, vectors: torch.Tensor) -> torch.Tensor:
        asked, handles = self.asked, []
        with torch.no_grad(), passes(asked.model) as done:
            asked.values(asked.sets, asked.asked_rows([range(asked.size)]))
        scores = {one.name: one for one in done}
        for name, one in scores.items():
            handles.append(one.layer.register_forward_hook(self._replaced(name, one), with_kwargs=True))
            block = asked.model.get_submodule(name.rpartition(".")[0])
            handles.append(
                block.register_forward_hook(lambda _, inputs, output, name=name: self._keep(name, output))
            )
        try:
            return asked.values(asked.sets.with_leaves([vectors]), asked.asked_rows([range(asked.size)]))[0]
        finally:
            for handle in handles:
                handle.remove()

    def _keep(self, name: str, output: torch.Tensor) -> None:
        self.outputs[name] = output

    def _replaced(self, name: str, one: methods.LayerPass):
        def hook(layer, inputs: tuple, named: dict, output: torch.Tensor) -> torch.Tensor:
            if one.kind == "cross":
                q, (k, v) = layer.project_q(inputs[0]), inputs[1]
            else:
                q, k, v = layer.project(inputs[0])
                rotation = inputs[2]
                q, k = (q, k) if rotation is None else (rotation(q), rotation(k))
            scores = torch.einsum("ihk,jhk->hij", q, k) * q.shape[-1] ** -0.5
            scores = scores.masked_fill(~one.part.allowed[None], -torch.inf)
            weights = scores.softmax(-1)
            if weights.requires_grad:
                weights.retain_grad()
            self.weights[name] = weights
            if self.zeroed is not None and self.zeroed[0] == name:
                v = v.index_fill(0, torch.tensor([self.zeroed[1]]), 0.0)
            return layer.out_proj(torch.einsum("hij,jhk->ihk", weights, v).flatten(1))

        return hook


@pytest.mark.parametrize(("kind", "keys"), CASES)
def test_gradient_attention_is_what_autograd_gives_through_explicit_weights(kind: str, keys: dict) -> None:
    asked = asked_of(kind, **keys)
    scores = AttentionScores.of(asked)
    explicit = Explicit(asked)
    explicit.value(asked.sets.leaves[0].clone().requires_grad_()).backward()
    raising = {
        name: (weights.grad * weights).clamp_min(0).mean(0).detach().double()
        for name, weights in explicit.weights.items()
    }

    def layers(part: str) -> list[torch.Tensor]:
        return [found for name, found in raising.items() if part in name]

    source = torch.eye(6, dtype=torch.float64)
    for of_layer in layers("encoder"):
        source = source + of_layer @ source
    if kind != "sequence":
        expected = scores.readout.double() @ source
    else:
        tokens, mixed = torch.eye(3, dtype=torch.float64), torch.zeros(3, 6, dtype=torch.float64)

        def normalised(matrix: torch.Tensor) -> torch.Tensor:
            rest = matrix - torch.eye(len(matrix))
            sums = rest.sum(-1, keepdim=True)
            return torch.where(sums > 0, rest / sums.where(sums > 0, 1.0), 0.0) + torch.eye(len(matrix))

        for own, cross in zip(layers(".attention")[2:], layers("cross_attention"), strict=True):
            tokens, mixed = tokens + own @ tokens, mixed + own @ mixed
            mixed = mixed + normalised(tokens).T @ cross @ normalised(source)
        expected = mixed[-1]
    found = scores.gradient_attention()
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(expected.abs().max()))
    assert found.std() > 0


@pytest.mark.parametrize(("kind", "keys"), CASES)
def test_integrated_gradients_add_up_and_equal_the_formula(kind: str, keys: dict) -> None:
    asked = asked_of(kind, **keys)
    found, error = methods.integrated_gradients(asked)
    assert methods.integrated_gradients(asked, 256)[1] < 0.01 and error < 0.1
    x = asked.sets.leaves[0]
    start, total, explicit = x.mean(0, keepdim=True), torch.zeros_like(x), Explicit(asked)
    for step in range(32):
        point = (start + (step + 0.5) / 32 * (x - start)).requires_grad_()
        total += torch.autograd.grad(explicit.value(point), point)[0]
    expected = ((x - start) * total / 32).sum(1)
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(expected.abs().max()))


def test_explanations_have_as_many_midpoints_as_it_takes() -> None:
    asked = asked_of("sequence")
    assert methods.integrated_gradients(asked)[1] > 0.02
    told = explain(asked.model, asked.inputs, asked.question)
    assert told.relevances["integrated_gradients"].completeness <= 0.02
    assert set(METHODS) - set(told.relevances) == {"position"}, "tokens have other coordinates than words"


@pytest.mark.parametrize(("kind", "keys"), [CASES[0], CASES[2], CASES[3]])
def test_value_zeroing_is_what_zeroing_values_gives(kind: str, keys: dict) -> None:
    asked = asked_of(kind, **keys)
    scores, x = AttentionScores.of(asked), asked.sets.leaves[0]
    with torch.no_grad():
        whole = Explicit(asked)
        whole.value(x)
        matrices = {}
        for one in (*scores.encoder, *scores.cross):
            columns = []
            for j in range(len(one.k)):
                zeroed = Explicit(asked, (one.name, j))
                zeroed.value(x)
                pair = whole.outputs[one.name].double(), zeroed.outputs[one.name].double()
                columns.append(1 - torch.cosine_similarity(*pair, dim=-1))
            change = torch.stack(columns, 1)
            matrices[one.name] = change / change.sum(-1, keepdim=True)
    start = scores.readout.double()
    if scores.cross:
        start = torch.stack([matrices[one.name][-1] for one in scores.cross]).mean(0)
    for one in reversed(scores.encoder):
        start = start @ matrices[one.name]
    np.testing.assert_allclose(scores.value_zeroing(), start, atol=1e-5)


def test_norms_are_those_of_what_each_vector_adds() -> None:
    scores = AttentionScores.of(asked_of("class"))
    expected = torch.zeros(6)
    for one in scores.encoder:
        added = torch.einsum("hij,jhk,hkd->ijd", one.weights(), one.v, one.head_matrices).norm(dim=-1)
        expected += (added / added.sum(-1, keepdim=True)).mean(0) / 2
    np.testing.assert_allclose(scores.norm(), expected.detach(), atol=1e-5)


def test_rollout_of_weights_that_are_the_identity_is_the_identity() -> None:
    for vector in (0, 4):
        asked = Asked(model("vector_classes", scope="window:0"), vector_sets([6]), Question(0, vector=vector))
        scores = AttentionScores.of(asked)
        np.testing.assert_allclose(scores.rollout(), np.eye(6)[vector], atol=1e-6)
        np.testing.assert_allclose(scores.attention(), np.eye(6)[vector], atol=1e-6)


@pytest.mark.parametrize("readout", ["mean", "sum", "max", "attention"])
def test_what_is_read_out_adds_up_to_one(readout: str) -> None:
    scores = AttentionScores.of(asked_of("class", head={"readout": readout}))
    for shares in (scores.readout, scores.attention(), scores.rollout()):
        assert float(shares.sum()) == pytest.approx(1, abs=1e-5)
    encoded = scores.encoded
    if readout == "max":
        assert scores.readout.tolist() == [(encoded.argmax(0) == i).float().mean() for i in range(6)]
    if readout == "attention":
        head = scores.asked.model.head
        mixed = (scores.readout[:, None] * encoded).sum(0)
        torch.testing.assert_close(mixed, head.rows(scores.asked.sets.vectors[0].with_values(encoded))[0])


@pytest.mark.parametrize("kind", ["class", "vector_classes"])
def test_an_explanation_does_not_depend_on_the_kernel(kind: str) -> None:
    told = [
        explain(model(kind, kernel=kernel), vector_sets([6], seed=2), QUESTIONS[kind])
        for kernel in ("reference", "dense", "blocked")
    ]
    for other in told[1:]:
        assert set(other.relevances) == set(METHODS)
        for name, one in told[0].relevances.items():
            size = np.abs(one.scores).max() + 1e-6
            np.testing.assert_allclose(other.relevances[name].scores, one.scores, atol=2e-3 * size, err_msg=name)
        np.testing.assert_allclose(other.without, told[0].without, atol=1e-4)


def test_position_knows_distances_alone() -> None:
    asked = asked_of("vector_classes")
    scores = methods.position(asked, np.array([0.1, 0.4, 0.2, 0.05], dtype=np.float32))
    np.testing.assert_allclose(scores, [0.2, 0.4, 0.1, 0.4, 0.2, 0.05], atol=1e-6)
    means = AttentionScores.of(asked).by_distance()
    weights = np.mean([one.weights().mean(0).numpy() for one in AttentionScores.of(asked).encoder], axis=0)
    assert means[0] == pytest.approx(np.diag(weights).mean(), abs=1e-5) and len(means) == 6
    assert means[5] == pytest.approx((weights[0, 5] + weights[5, 0]) / 2, abs=1e-5)
    np.testing.assert_allclose(
        methods.weight_by_distance(asked.model, [asked.inputs, asked.inputs]), means, atol=1e-6
    )


def test_several_members_share_what_the_gradients_say() -> None:
    asked = Asked(model("class", members=2), vector_sets([6], seed=2), Question(1))
    scores, error = methods.integrated_gradients(asked)
    assert error <= 0.02 and len(asked.sets.leaves) == 2 and scores.std() > 0
    assert asked.first.whole != pytest.approx(asked.whole, abs=1e-4)
    assert AttentionScores.of(asked).asked.members == asked.members[:1]


def test_long_sets_are_taken_out_in_stretches() -> None:
    asked = asked_of("class")
    scores, left = methods.leave_one_out(asked, blocks=2)
    values = asked.values_without([np.array([3, 4, 5]), np.array([0, 1, 2])])
    np.testing.assert_allclose(left, np.repeat(values, 3))
    np.testing.assert_allclose(scores, (asked.whole - left) / 3)
    assert Faithfulness(asked).sizes.tolist() == list(range(7))
