"""Every combination that is accepted takes a training step of `task=pos`; every other is refused in one sentence."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from attnlab import compose
from attnlab.attention_options import KERNELS, SCORE_CHOICES, refusal
from attnlab.config import check
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.registry import POSITIONS, SCOPES
from attnlab.training import optim
from attnlab.training.run import load_data

WORDS = {"full": "full", "window": "window:2", "edges": "edges", "causal": "causal"}


def test_every_combination_trains_or_is_refused(tiny: list[str], treebank: Path) -> None:
    config = compose.compose([*tiny, "encoder.attention_dropout=0.1"])
    data = load_data(config)
    batch = data.splits["train"].batch(np.arange(4), epoch=0)
    steps = 0
    for score, scope, position, kernel in product(SCORE_CHOICES, SCOPES, POSITIONS, ("auto", *KERNELS)):
        keys = {"score": score, "scope": WORDS[scope], "position": position, "kernel": kernel}
        if score == "additive":  # additive:tanh by a shorter name
            continue
        config.encoder = replace(config.encoder, **keys)
        refused = refusal(kernel, score, WORDS[scope], position)
        if refused or scope == "edges":
            with pytest.raises(UserError, match=r"use |with score") as found:
                check(config)
                models.build(config, data.spec)  # words have no edges: the data refuse
            assert "\n" not in str(found.value)
            continue
        check(config)
        torch.manual_seed(0)
        model = models.build(config, data.spec)
        optimizer = optim.build_optimizer(model, config.optimizer)
        before = [p.detach().clone() for p in model.parameters()]
        loss = model(batch)
        (loss.total / loss.count).backward()
        optimizer.step()
        for (name, p), old in zip(model.named_parameters(), before, strict=True):
            unused = p.grad is None or not p.grad.any()
            assert torch.isfinite(p).all() and (unused or not torch.equal(p, old)), f"{keys}: {name}"
            # A bias of the keys shifts all scores of a query alike; nothing else may be left out.
            assert p.grad is not None, f"{keys}: nothing teaches {name}"
        steps += 1
    assert steps > 300


@pytest.mark.parametrize("encoder", ["recurrent", "convolution", "fully_connected"])
def test_other_encoders_train(tiny: list[str], encoder: str) -> None:
    words = [word for word in tiny if not word.startswith("encoder.heads")]
    config = compose.compose([*words, f"encoder={encoder}", "encoder.parameters=20k"])
    data = load_data(config)
    models.resolve(config, data.spec)
    model = models.build(config, data.spec)
    loss = model(data.splits["train"].batch(np.arange(12), epoch=0))
    loss.total.backward()
    assert config.encoder.width != 16 and all(p.grad is not None for p in model.parameters())


def test_what_was_resolved_is_saved_and_wins(tiny: list[str], tmp_path: Path) -> None:
    config = compose.compose([*tiny, "encoder.parameters=50k", "encoder.scope=[window:2,full]"])
    models.resolve(config, load_data(config).spec)
    path = tmp_path / "config.yaml"
    path.write_text(compose.to_yaml(config), encoding="utf-8")
    again = compose.load_saved(path)
    assert again.encoder == config.encoder and again.encoder.width > 16
