"""What is shown of attention is what the model computed, whatever kernel computed it."""

from itertools import product

import numpy as np
import pytest
import torch
from random_sets import vector_sets
from small_models import WORDS, model, sentence

from attnlab.attention_options import KERNELS, POSITION_CHOICES, SCORE_CHOICES, refusal
from attnlab.errors import UserError
from attnlab.explain.question import written_answer, written_sets
from attnlab.explain.trace import follow, run, trace
from attnlab.lab.inspect.content import lenses
from attnlab.model.attention.recorder import record
from attnlab.model.bag import Bag
from attnlab.model.readout import READOUTS

SCOPES = ("full", "window:2", "causal", "edges")


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("score", [score for score in SCORE_CHOICES if score != "additive"])  # additive:tanh
def test_weights_and_values_give_what_the_layer_gave(score: str, scope: str) -> None:
    single, tried = vector_sets([7], seed=1, edge_features=2), 0
    for position, kernel in product(POSITION_CHOICES, ("auto", *KERNELS)):
        if position == "auto" or refusal(kernel, score, scope, position):
            continue
        keys = {"score": score, "scope": [scope, "full"] if kernel in ("auto", "reference") else scope}
        built = model("class", edge_features=2, position=position, kernel=kernel, **keys)
        first, second = trace(built, single)
        with torch.no_grad(), record(built) as recorded:
            built.encode(single)
        for layer in (first, second):
            assert layer.error <= 1e-5, (position, kernel)
            np.testing.assert_allclose(layer.weights.sum(-1), 1, atol=1e-5)
            np.testing.assert_allclose(layer.weights, recorded[layer.name][0].numpy(), atol=1e-5)
        assert (first.scope, first.number, second.number, first.kind) == (scope, 1, 2, "encoder")
        tried += 1
    assert tried >= 6


def test_the_error_is_not_0_by_construction() -> None:
    built = model("class")
    layer = built.encoder.blocks[1].attention
    layer.register_forward_hook(lambda module, inputs, output: output * 1.01)
    # Hooks run in the order in which they were added: this one changes what `trace` sees of the layer.
    errors = [one.error for one in trace(built, vector_sets([7]))]
    assert errors[0] <= 1e-5 and 0.005 < errors[1] < 0.02


def test_a_decoder_is_read_token_by_token() -> None:
    built, single = model("sequence", words=True), sentence(6)
    written = written_answer(built, single)[:3]
    layers = {(layer.kind, layer.number): layer for layer in trace(built, single, written)}
    assert set(layers) == set(product(("encoder", "decoder", "cross"), (1, 2)))
    rows = len(written) + 1
    for (kind, _), layer in layers.items():
        shape = {"encoder": (6, 6), "decoder": (rows, rows), "cross": (rows, 6)}[kind]
        assert layer.weights.shape[1:] == shape and layer.error <= 1e-5
        np.testing.assert_allclose(layer.weights.sum(-1), 1, atol=1e-5)
    earlier = {(layer.kind, layer.number): layer for layer in trace(built, single, written[:1])}
    for key in (("decoder", 2), ("cross", 2)):  # what is written later changes nothing
        same = layers[key].weights[:, :2, : earlier[key].weights.shape[2]]
        np.testing.assert_allclose(same, earlier[key].weights, atol=1e-5)


@pytest.mark.parametrize("encoder", ["recurrent", "convolution", "fully_connected", "graph_conv"])
def test_other_encoders_have_no_layers(encoder: str) -> None:
    assert trace(model("class", encoder=encoder), vector_sets([5])) == []


@pytest.mark.parametrize("kind", ["class", "vector_classes"])
def test_one_query_is_followed_to_the_logits(kind: str) -> None:
    built, single = model(kind, position="relative"), vector_sets([6])
    last = "encoder.blocks.1.attention"
    with torch.no_grad():
        outputs = built.outputs(single).numpy()
    followed = follow(built, single, last, 1, 4)
    layer = built.encoder.blocks[1].attention
    bias = layer.out_proj.bias.detach().numpy()
    np.testing.assert_allclose(followed.before + followed.by_head.sum(0) + bias, followed.after, atol=1e-4)
    np.testing.assert_allclose(followed.logits, outputs[4 if kind == "vector_classes" else 0], atol=1e-4)
    np.testing.assert_allclose(followed.weights @ followed.values, followed.head_output, atol=1e-5)
    np.testing.assert_allclose(trace(built, single)[1].weights[1, 4], followed.weights, atol=1e-6)
    bias_of_pairs = followed.scores - followed.keys @ followed.query / np.sqrt(len(followed.query))
    tables = built.encoder.position.tables[0].weight.detach().numpy()
    np.testing.assert_allclose(bias_of_pairs, [tables[32 + 4 - j, 1] for j in range(6)], atol=1e-4)


def test_a_token_is_followed_to_its_logits() -> None:
    built, single = model("sequence", words=True), sentence(6)
    with torch.no_grad():
        hidden = built.head.decoder(written_sets((4, 5)), built.encode(single))
        logits = built.head.decoder.logits(hidden)[2].numpy()
    followed = follow(built, single, "head.decoder.blocks.1.cross_attention", 0, 2, (4, 5))
    np.testing.assert_allclose(followed.logits, logits, atol=1e-4)


@pytest.mark.parametrize("readout", [None, *READOUTS])
def test_behind_the_last_layer_stands_the_answer(readout: str | None) -> None:
    """readout: of a classifier; None: a tagger."""
    if readout is None:
        built = model("vector_classes", words=True)
    else:
        built = model("class", {"readout": readout}, words=True)
        built.bag = Bag(WORDS, 3)
        torch.nn.init.normal_(built.bag.votes.weight)
    single = sentence(6)
    found = lenses(built, single, run(built, single))
    assert found is not None and found.shape == (2, 6 if readout is None else 1, 3)
    told = torch.tensor(found).softmax(-1)
    (answer,) = built.predict(single)
    expected = answer.probability if readout is None else [answer.probability]
    np.testing.assert_allclose(told[1].amax(-1), expected, atol=1e-5)
    assert not torch.allclose(told[0], told[1], atol=1e-3), "or any layer would do"


@pytest.mark.parametrize(("layer", "head", "query", "sentence"), [
    ("encoder.blocks.2.attention", 0, 0, r"no such attention layer"),
    ("encoder.blocks.1.attention", 2, 0, r"head 3: .* has 2"),
    ("encoder.blocks.1.attention", 0, 5, r"query 6: .* has 5"),
])  # fmt: skip
def test_what_there_is_not_is_refused(layer: str, head: int, query: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        follow(model("class"), vector_sets([5]), layer, head, query)
