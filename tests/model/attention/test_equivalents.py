"""Attention equals what others call by other names: PyTorch's, graph networks', and a convolution."""

import pytest
import torch
from hypothesis import given, settings
from random_sets import lengths, position, seeds, vector_sets
from torch import nn

from attnlab.model.attention.kernels import KERNELS
from attnlab.model.attention.multihead import CrossAttention, SelfAttention
from attnlab.model.attention.scopes import Edges, Full, Window
from attnlab.sets import VectorSets


def close(ours, others):
    torch.testing.assert_close(ours, others, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@settings(max_examples=10, deadline=None)
@given(lengths=lengths, seed=seeds)
def test_multihead_attention_of_pytorch(lengths, seed):
    torch.manual_seed(seed)
    sets, others = vector_sets(lengths, seed), nn.MultiheadAttention(8, 2, batch_first=True)
    ours = SelfAttention(8, 2, 4, "scaled_dot")
    ours.qkv_proj.weight.copy_(others.in_proj_weight)
    ours.qkv_proj.bias.copy_(others.in_proj_bias.normal_())
    ours.out_proj.load_state_dict(others.out_proj.state_dict())
    padded, mask = sets.pad()
    right, _ = others(padded, padded, padded, key_padding_mask=~mask)
    for kernel in ("reference", "dense", "blocked"):
        close(ours(sets.values, KERNELS[kernel].plan(Full(), sets, sets)), sets.layout.pack(right))


@torch.no_grad()
def test_cross_attention_of_pytorch_between_different_widths():
    torch.manual_seed(0)
    queries, keys = vector_sets([3, 1, 4]), vector_sets([2, 5, 6], width=6)
    others = nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=6)
    ours = CrossAttention(8, 6, 2, 4, "scaled_dot")
    ours.q_proj.weight.copy_(others.q_proj_weight)
    ours.kv_proj.weight.copy_(torch.cat([others.k_proj_weight, others.v_proj_weight]))
    bias = others.in_proj_bias.normal_()
    ours.q_proj.bias.copy_(bias[:8])
    ours.kv_proj.bias.copy_(bias[8:])
    ours.out_proj.load_state_dict(others.out_proj.state_dict())
    padded, mask = keys.pad()
    right, _ = others(queries.pad()[0], padded, padded, key_padding_mask=~mask)
    for kernel in ("reference", "dense", "blocked"):
        plan = KERNELS[kernel].plan(Full(), queries, keys)
        close(ours(queries.values, ours.project_kv(keys.values), plan), queries.layout.pack(right))


def bare(layer: SelfAttention, width: int) -> SelfAttention:
    """Without biases and with W^O as the identity, as graph layers have it."""
    nn.init.zeros_(layer.qkv_proj.bias)
    nn.init.zeros_(layer.out_proj.bias)
    layer.out_proj.weight.copy_(torch.eye(width))
    return layer


@torch.no_grad()
@settings(max_examples=10, deadline=None)
@given(lengths=lengths, seed=seeds)
def test_graph_layers_of_pyg(lengths, seed):
    geometric = pytest.importorskip("torch_geometric.nn")
    torch.manual_seed(seed)
    # Where an edge stands twice, PyG's softmax counts it twice.
    sets, heads, width = vector_sets(lengths, seed, repeated=False), 2, 3
    gat = geometric.GATv2Conv(8, width, heads, add_self_loops=False, bias=False)
    ours = bare(SelfAttention(heads * width, heads, width, "additive:leaky_relu"), heads * width)
    # GATv2's values are its keys, and its queries stand at the edge's end.
    ours.qkv_proj = nn.Linear(8, 3 * heads * width, bias=False)
    ours.qkv_proj.weight.copy_(torch.cat([gat.lin_r.weight, gat.lin_l.weight, gat.lin_l.weight]))
    ours.score.weight.copy_(gat.att[0])
    conv = geometric.TransformerConv(8, width, heads, root_weight=False, bias=False)
    theirs = bare(SelfAttention(heads * width, heads, width, "scaled_dot"), heads * width)
    theirs.qkv_proj = nn.Linear(8, 3 * heads * width)
    names = ("lin_query", "lin_key", "lin_value")
    theirs.qkv_proj.weight.copy_(torch.cat([getattr(conv, name).weight for name in names]))
    bias = [getattr(conv, name).bias for name in names]
    theirs.qkv_proj.bias.copy_(torch.cat([torch.zeros(6) if b is None else b for b in bias]))
    for kernel in ("reference", "edgewise"):
        plan = KERNELS[kernel].plan(Edges(loops=False), sets, sets)
        close(ours(sets.values, plan), gat(sets.values, sets.edges))
        close(theirs(sets.values, plan), conv(sets.values, sets.edges))


@torch.no_grad()
@pytest.mark.parametrize("kernel", ["reference", "dense", "blocked", "edgewise"])
def test_a_convolution_is_attention(kernel):
    """One head attends to each offset, chosen by a relative bias; its W_v and W^O are the filter's matrix there
    (Cordonnier et al. 2020, theorem 1). The picture wears a frame of zeros, as zero padding does."""
    torch.manual_seed(0)
    width, height, wide = 5, 6, 4
    convolution = nn.Conv2d(width, width, 3, padding=1)
    picture = torch.randn(1, width, height, wide)
    framed = nn.functional.pad(picture, (1, 1, 1, 1))[0].permute(1, 2, 0)  # (height + 2, wide + 2, D)
    coords = torch.cartesian_prod(torch.arange(height + 2), torch.arange(wide + 2)).float()
    sets = VectorSets.of(framed.flatten(0, 1), coords=coords)
    offsets = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]

    layer = SelfAttention(width, heads=9, head_width=width, score="scaled_dot")
    relative = position("relative", 2, heads=9)
    for parameter in (*layer.parameters(), *relative.parameters()):
        nn.init.zeros_(parameter)
    for head, offset in enumerate(offsets):
        for table, step in zip(relative.tables, offset, strict=True):
            table.weight[relative.bucket(torch.tensor(-float(step))), head] = 100.0  # key − query = offset
        rows = slice((18 + head) * width, (19 + head) * width)
        layer.qkv_proj.weight[rows] = torch.eye(width)
        y, x = offset
        layer.out_proj.weight[:, head * width : (head + 1) * width] = convolution.weight[:, :, y + 1, x + 1]
    layer.out_proj.bias.copy_(convolution.bias)

    scope = Window(1) if kernel == "edgewise" else Full()
    answer = layer(sets.values, KERNELS[kernel].plan(scope, sets, sets), biases=[relative])
    inner = answer.view(height + 2, wide + 2, width)[1:-1, 1:-1].permute(2, 0, 1)
    close(inner[None], convolution(picture))
