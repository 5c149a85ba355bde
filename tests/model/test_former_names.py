"""Weights of runs that earlier versions saved are read by their present names."""

import pytest
import torch

from attnlab.config import AttentionEncoder
from attnlab.model.decoder import Decoder
from attnlab.model.former_names import present_names

FORMER = {
    "encoder.blocks.0.attention.to_qkv.weight": "encoder.blocks.0.attention.qkv_proj.weight",
    "encoder.blocks.11.attention.mix.bias": "encoder.blocks.11.attention.out_proj.bias",
    "head.decoder.blocks.0.attention.to_qkv.bias": "head.decoder.blocks.0.attention.qkv_proj.bias",
    "head.decoder.blocks.3.memory.to_q.weight": "head.decoder.blocks.3.cross_attention.q_proj.weight",
    "head.decoder.blocks.3.memory.to_kv.weight": "head.decoder.blocks.3.cross_attention.kv_proj.weight",
    "head.decoder.blocks.3.memory.mix.weight": "head.decoder.blocks.3.cross_attention.out_proj.weight",
    "head.decoder.blocks.3.norm_memory.bias": "head.decoder.blocks.3.norm_cross_attention.bias",
    "exp_avg/encoder.blocks.0.attention.mix.weight": "exp_avg/encoder.blocks.0.attention.out_proj.weight",
    "step/head.decoder.blocks.0.memory.to_kv.bias": "step/head.decoder.blocks.0.cross_attention.kv_proj.bias",
    "embedding.table.weight": "embedding.table.weight",
    "cpu": "cpu",
}


@pytest.mark.parametrize("former, now", FORMER.items())
def test_former_names_become_present_ones(former: str, now: str) -> None:
    tensor = torch.zeros(1)
    assert present_names({former: tensor}) == {now: tensor}
    assert present_names({now: tensor}) == {now: tensor}, "a present name stays"


def test_a_decoder_takes_what_an_earlier_version_saved() -> None:
    decoder = Decoder(AttentionEncoder(width=8, heads=2, depth=2, scope="causal", position="rotary"), 8, 5)
    former = {}
    for name, tensor in decoder.state_dict(prefix="decoder.").items():
        for now, before in (("qkv_proj", "to_qkv"), ("kv_proj", "to_kv"), ("q_proj", "to_q"), ("out_proj", "mix")):
            name = name.replace(f".{now}.", f".{before}.")
        former[name.replace("cross_attention", "memory")] = tensor
    assert not former.keys() & {"decoder." + name for name in decoder.state_dict() if "proj" in name}
    assert present_names(former).keys() == decoder.state_dict(prefix="decoder.").keys()
