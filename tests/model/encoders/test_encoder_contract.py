"""What every encoder promises, tried on every one that is registered, and on attention in every allowed combination."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from random_sets import permuted, vector_sets

from attnlab.attention_options import KERNELS, SCORE_CHOICES, refusal
from attnlab.errors import UserError
from attnlab.model.interfaces import Encoder
from attnlab.registry import ENCODERS, POSITIONS
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

VARIANTS = {
    "attention": [{"position": "rotary", "heads": 2}, {"position": "alibi", "scope": ["edges", "full"]}],
    "recurrent": [{"cell": "lstm"}, {"cell": "gru"}],
    "graph_conv": [{"convolution": kind} for kind in ("gin", "gatv2", "gcn")],
}
"""Keys to be tried of each encoder besides its defaults; `position=auto` is filled in before a model is built."""
CASES = [
    pytest.param(name, keys, num_coords, id="-".join((name, *map(str, keys.values()), f"{num_coords}d")))
    for name in ENCODERS
    for keys in VARIANTS.get(name, [{}])
    for num_coords in (1, 2)
    if (name, num_coords) != ("fully_connected", 2)
]
SCOPES = ("full", "window:2", "edges", "causal")


def built(name: str, num_coords: int, edge_features: int = 2, **keys) -> Encoder:
    torch.manual_seed(0)
    config = ENCODERS.keys(name)(**{"width": 8, "depth": 2, "dropout": 0.0} | keys)
    made = ENCODERS.get(name, Encoder)(
        config, DataSpec("graph", num_coords, 8, {}, {}, edge_features=edge_features)
    )
    for parameter_name, parameter in made.named_parameters():
        if "position" in parameter_name:
            torch.nn.init.normal_(parameter)  # far from 0, so that a position that is left out is noticed
    return made.eval()


def close(ours: torch.Tensor, others: torch.Tensor, message: str = "") -> None:
    torch.testing.assert_close(ours, others, atol=2e-5, rtol=1e-4, msg=lambda m: f"{message}: {m}")


@torch.no_grad()
def keeps_sets_apart(encoder: Encoder, sets: VectorSets, message: str = "") -> None:
    """Shapes stay; a set alone is a set in a batch; its rows may be permuted, and the sets of a batch."""
    encoded = encoder(sets)
    assert encoded.values.shape == (len(sets.values), 8) and encoded.layout is sets.layout, message
    assert encoded.coords is sets.coords and encoded.edges is sets.edges, message
    singles, answers = sets.unbind(), encoded.unbind()
    for single, answer in zip(singles, answers, strict=True):
        close(encoder(single).values, answer.values, f"{message} alone")
    shuffled, order = permuted(sets, seed=2)
    close(encoder(shuffled).values, encoded.values[order], f"{message} permuted")
    backwards = encoder(VectorSets.collate(singles[::-1])).unbind()
    for again, answer in zip(backwards[::-1], answers, strict=True):
        close(again.values, answer.values, f"{message} in another order of sets")


@pytest.mark.parametrize("edge_features", [0, 2])
@pytest.mark.parametrize(("name", "keys", "num_coords"), CASES)
def test_sets_are_encoded_each_by_itself(name: str, keys: dict, num_coords: int, edge_features: int) -> None:
    sets = vector_sets([4, 1, 0, 9, 4], seed=1, num_coords=num_coords, edge_features=edge_features)
    keeps_sets_apart(built(name, num_coords, edge_features, **keys), sets)


@pytest.mark.parametrize(("name", "keys", "num_coords"), CASES)
def test_gradients_reach_every_parameter(name: str, keys: dict, num_coords: int) -> None:
    sets = vector_sets([4, 1, 9], seed=1, num_coords=num_coords, edge_features=2)
    encoder = built(name, num_coords, **keys)
    answer = encoder(sets.with_values(sets.values.requires_grad_())).values
    weight = torch.linspace(-1, 1, answer.numel()).view_as(answer)  # a plain sum is constant after the last norm
    (answer * weight).sum().backward()
    assert sets.values.grad is not None and bool(sets.values.grad.abs().sum(1).gt(0).all())
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.any()), parameter_name


@pytest.mark.parametrize("name", ENCODERS)
def test_nothing_is_random_in_evaluation_and_dropout_is_in_training(name: str) -> None:
    sets, encoder = (
        vector_sets([5, 3], edge_features=2),
        built(name, 1, dropout=0.5, **VARIANTS.get(name, [{}])[0]),
    )
    assert torch.equal(encoder(sets).values, encoder(sets).values)
    encoder.train()
    assert not torch.equal(encoder(sets).values, encoder(sets).values)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("score", [score for score in SCORE_CHOICES if score != "additive"])  # additive:tanh
def test_attention_in_every_combination(score: str, scope: str) -> None:
    sets = {n: vector_sets([4, 1, 7, 7], seed=1, num_coords=n, edge_features=2) for n in (1, 2)}
    for position, kernel, num_coords in product(POSITIONS, KERNELS, (1, 2)):
        if refusal(kernel, score, scope, position) or (
            num_coords == 2 and (scope == "causal" or kernel == "banded")
        ):
            continue
        keys = {"score": score, "scope": scope, "position": position, "kernel": kernel}
        encoder = built("attention", num_coords, heads=2, depth=1, max_position=64, **keys)
        keeps_sets_apart(encoder, sets[num_coords], f"{position} {kernel} {num_coords}")


@pytest.mark.parametrize(("name", "spec", "sentence"), [
    ("fully_connected", {"num_coords": 2}, r"one coordinate.*use encoder=attention"),
    ("convolution", {"num_coords": 0}, r"1 or 2 coordinates.*use encoder=attention"),
    ("recurrent", {"num_coords": 0}, r"have none; use encoder=attention"),
    ("graph_conv", {"edge_features": None}, r"needs edges.*use encoder=attention"),
])  # fmt: skip
def test_data_without_what_it_reads_are_refused(name: str, spec: dict, sentence: str) -> None:
    plain = DataSpec("graph", 1, 8, {}, {}, edge_features=0)
    with pytest.raises(UserError, match=sentence):
        ENCODERS.get(name, Encoder)(ENCODERS.keys(name)(), replace(plain, **spec))
