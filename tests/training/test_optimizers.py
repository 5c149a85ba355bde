"""Which weights an optimizer changes, how fast each layer learns, and what is remembered of each weight."""

from pathlib import Path

import pytest
import torch
from conftest import write_pairs
from hypothesis import given
from hypothesis import strategies as st
from loops import training
from torch import nn

from attnlab import compose
from attnlab.cli import main
from attnlab.model import build as models
from attnlab.model.build import Model
from attnlab.training import optim
from attnlab.training.checkpoint import load, save
from attnlab.training.resume import restore
from attnlab.training.run import load_data

PICTURES = [
    "task=digits",
    "encoder.width=16",
    "encoder.heads=2",
    "encoder.depth=3",
    "encoder.position=learned",
    "head.readout=mean",
]


def built(words: list[str]) -> tuple[Model, torch.optim.Optimizer]:
    config = compose.compose(words)
    data = load_data(config)
    models.resolve(config, data.spec)
    model = models.build(config, data.spec)
    return model, optim.build_optimizer(model, config.optimizer)


def by_name(model: nn.Module, optimizer: torch.optim.Optimizer, option: str) -> dict[str, object]:
    """Of each parameter that the optimizer has, an option of its group."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: group.get(option) for group in optimizer.param_groups for p in group["params"]}


def test_each_layer_learns_slower_than_the_one_above() -> None:
    model, optimizer = built([*PICTURES, "optimizer.layer_decay=0.5", "head.readout=attention", "members=2"])
    factors = by_name(model, optimizer, "lr_factor")
    assert len(factors) == len(list(model.parameters())), "every parameter once"
    expected = {
        "head.": 1, "encoder.norm.": 1, "encoder.blocks.2.": 1 / 2, "encoder.blocks.1.": 1 / 4, "encoder.blocks.0.": 1 / 8,
        "encoder.position.": 1 / 16, "embedding.": 1 / 16,
    }  # fmt: skip
    for name, factor in factors.items():
        (right,) = (value for start, value in expected.items() if name.removeprefix("others.0.").startswith(start))
        assert factor == right, name
    decays = by_name(model, optimizer, "weight_decay")
    assert {name: decay > 0 for name, decay in decays.items()} == {
        name: p.dim() > 1 and "position" not in name for name, p in model.named_parameters()
    }


@pytest.mark.parametrize(
    "encoder, layers",
    [("recurrent", ["cells.weight_ih_l{}", "cells.bias_hh_l{}_reverse"]), ("convolution", ["layers.{}.weight", "norms.{}.bias"]),
     ("fully_connected", ["layers.{}.weight"])],
)  # fmt: skip
def test_other_encoders_have_layers_too(tiny: list[str], encoder: str, layers: list[str]) -> None:
    words = [word for word in tiny if "heads" not in word and "depth" not in word]
    model, optimizer = built([*words, f"encoder={encoder}", "encoder.depth=2", "optimizer.layer_decay=0.5"])
    factors = by_name(model, optimizer, "lr_factor")
    for layer in layers:
        assert [factors[f"encoder.{layer.format(number)}"] for number in (0, 1)] == [1 / 4, 1 / 2]


def test_a_rate_of_each_update_is_divided_and_survives(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "encoder.depth=2", "optimizer.layer_decay=0.5", "optimizer.lr=0.01", "schedule=constant"]
    words += ["schedule.warmup=0.5", "trainer.updates=4"]
    loop = training(words, tmp_path / "run", stop_after=1)
    loop.run()
    assert by_name(loop.model, loop.learned.optimizer, "lr")["encoder.blocks.0.norm_attention.bias"] == 0.005 / 4
    rest = training(words, tmp_path / "run")
    restore(rest)
    rest.run()
    rates = by_name(rest.model, rest.learned.optimizer, "lr")
    assert rates["head.output.proj.bias"] == 0.01 and rates["encoder.blocks.0.norm_attention.bias"] == 0.01 / 4
    assert rates["embedding.table.weight"] == 0.01 / 8


INSIDE = (
    "attention.qkv_proj.weight",
    "attention.out_proj.weight",
    "feed_forward.0.weight",
    "feed_forward.2.weight",
)
OF_DECODER = (
    *INSIDE,
    "cross_attention.q_proj.weight",
    "cross_attention.kv_proj.weight",
    "cross_attention.out_proj.weight",
)


def muons(model: nn.Module, optimizer: torch.optim.Optimizer) -> set[str]:
    return {name for name, steps in by_name(model, optimizer, "momentum").items() if steps}


def test_muon_has_the_matrices_between_layers_alone(tiny: list[str], tmp_path: Path) -> None:
    blocks = {f"encoder.blocks.{number}.{name}" for number in range(3) for name in INSIDE}
    assert muons(*built([*PICTURES, "optimizer=muon"])) == blocks
    asked = {*blocks, "head.readout.key.weight"}
    assert muons(*built([*PICTURES, "optimizer=muon", "head.readout=attention"])) == asked
    words = [
        "task=translation",
        "data=parallel",
        f"data.path={write_pairs(tmp_path)}",
        "data.tokens=words",
        "head.depth=1",
    ]
    model, optimizer = built(
        [*words, "encoder.width=16", "encoder.depth=3", "encoder.heads=2", "head.heads=2", "optimizer=muon"]
    )
    assert muons(model, optimizer) == {*blocks, *(f"head.decoder.blocks.0.{name}" for name in OF_DECODER)}
    tagger = [*tiny, "optimizer=muon", "embedding=word_char", "encoder.position=relative"]
    assert muons(*built(tagger)) == {name for name in blocks if ".0." in name.replace("feed_forward.0", "")}


def left_to_adamw(model: Model, hidden: set[str]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """What AdamW has beside Muon: with weight decay, and without."""
    rest = {name: p for name, p in model.named_parameters() if name not in hidden}
    decayed = [p for name, p in rest.items() if p.dim() > 1 and "position" not in name]
    return decayed, [p for name, p in rest.items() if p.dim() < 2 or "position" in name]


def test_a_step_is_that_of_muon_and_adamw_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of torch's own, where that computes in fp32, too."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    words = [
        *PICTURES,
        "optimizer=muon",
        "optimizer.lr=0.01",
        "optimizer.weight_decay=0.1",
        "optimizer.momentum=0.9",
    ]
    (model, both), (apart, _) = built(words), built(words)
    apart.load_state_dict(model.state_dict())
    hidden = muons(model, both)
    parameters = dict(apart.named_parameters())
    matrices, tables = left_to_adamw(apart, hidden)
    muon = torch.optim.Muon(
        [parameters[name] for name in parameters if name in hidden], 0.01, 0.1, 0.9, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": tables, "weight_decay": 0.0}],
        0.01,
        (0.9, 0.98),
        fused=True,
    )
    for number in range(3):
        torch.manual_seed(number)
        for one, other in zip(model.parameters(), apart.parameters(), strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        for optimizer in (both, muon, adamw):
            optimizer.step()
    for (name, one), other in zip(model.named_parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7, msg=name)


@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 99))
def test_singular_values_are_brought_near_one(rows: int, columns: int, seed: int) -> None:
    torch.manual_seed(seed)
    u, _, v = torch.linalg.svd(torch.randn(rows, columns), full_matrices=False)
    step = optim.orthogonalised((u * torch.logspace(0, -1.5, min(rows, columns))) @ v)
    assert step.shape == (rows, columns)
    of_directions = u.T @ step @ v.T
    sizes = of_directions.diagonal()
    assert (of_directions - sizes.diag()).abs().max() < 1e-3, "the same directions"
    assert sizes.min() > 0.3 and sizes.max() < 1.3


def test_muon_is_refused_where_nothing_is_for_it(capsys) -> None:
    assert main(["train", *PICTURES, "optimizer=muon", "encoder.trained=none", "trainer.updates=1"]) == 2
    assert "`optimizer=muon`: no matrix between layers is trained" in capsys.readouterr().err


@pytest.mark.parametrize("name, keys", [("muon", []), ("adamw", ["optimizer=muon"])])
def test_an_optimizer_is_chosen_and_not_renamed(name: str, keys: list[str], capsys) -> None:
    assert main(["train", *PICTURES, *keys, f"optimizer.name={name}"]) == 2
    assert (
        f"`optimizer.name={name}`: its keys are others; choose it by `optimizer={name}`" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "change, told",
    [
        ("missing", "the optimizer remembers only exp_avg, step of 'head.output.proj.bias'"),
        ("another", "the optimizer remembers only exp_avg of 'encoder.blocks.0.attention.qkv_proj.weight'"),
        ("shape", "the optimizer's 'momentum_buffer/encoder.blocks.0.attention.qkv_proj.weight' is torch.float32 (2, 3)"),
        ("fixed", "the optimizer's 'step/encoder.nothing' is of no trained parameter of this model"),
    ],
)  # fmt: skip
def test_what_was_remembered_otherwise_is_refused(change: str, told: str, tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "optimizer=muon"]
    training(words, tmp_path / "run", stop_after=1).run()
    saved, _ = load(tmp_path / "run" / "last")
    state, qkv = dict(saved.tensors["optimizer"]), "encoder.blocks.0.attention.qkv_proj.weight"
    if change == "missing":
        del state["exp_avg_sq/head.output.proj.bias"]
    elif change == "another":
        state[f"exp_avg/{qkv}"] = state.pop(f"momentum_buffer/{qkv}")
    elif change == "shape":
        state[f"momentum_buffer/{qkv}"] = torch.zeros(2, 3)
    else:
        state["step/encoder.nothing"] = torch.tensor(1.0)
    save(tmp_path / "run" / "last", saved.tensors | {"optimizer": state}, saved.state)
    (tmp_path / "run" / "last.previous").rename(tmp_path / "before")
    with pytest.raises(Exception, match="damaged") as found:
        restore(training(words, tmp_path / "run"))
    assert told in str(found.value)
