"""What each encoder beside attention computes, and the width that a number of parameters asks for."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from attnlab.config import (
    AttentionEncoder,
    ConvolutionEncoder,
    EncoderConfig,
    FullyConnectedEncoder,
    GraphConvEncoder,
    RecurrentEncoder,
    check,
)
from attnlab.errors import UserError
from attnlab.model.interfaces import Encoder
from attnlab.model.width import count_parameters, matching_width
from attnlab.registry import ENCODERS
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

LINE, GRID = DataSpec("text", 1, None, {}, {}), DataSpec("image", 2, 8, {}, {})
GRAPH = DataSpec("graph", 0, 8, {}, {}, edge_features=0)
CONFIGS = {
    "recurrent": RecurrentEncoder(width=8, dropout=0.0),
    "gru": RecurrentEncoder(width=8, cell="gru", dropout=0.0),
    "convolution": ConvolutionEncoder(width=8, depth=2, dropout=0.0),
    "fully_connected": FullyConnectedEncoder(width=8, dropout=0.0),
}


def made(config: EncoderConfig, spec: DataSpec) -> Encoder:
    return ENCODERS.get(config.name, Encoder)(config, spec)


def built(name: str, spec: DataSpec = LINE, **keys) -> Encoder:
    torch.manual_seed(0)
    config = replace(CONFIGS[name], **keys)
    return made(config, spec).eval()


def sets_of(*lengths: int, width: int = 8, columns: int | None = None, seed: int = 0) -> VectorSets:
    random = torch.Generator().manual_seed(seed)
    parts = []
    for length in lengths:
        row = torch.arange(length)
        coords = row[:, None] if columns is None else torch.stack([row // columns, row % columns], dim=1)
        parts.append(VectorSets.of(torch.randn(length, width, generator=random), coords=coords.float()))
    return VectorSets.collate(parts)


def close(ours: torch.Tensor, others: torch.Tensor) -> None:
    torch.testing.assert_close(ours, others, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_how_far_each_encoder_reaches() -> None:
    """Changing the last of nine changes those vectors that depend on it."""
    sets = sets_of(9)
    changed = replace(sets, values=torch.cat([sets.values[:8], sets_of(1, seed=1).values]))
    for name, first in {"recurrent": 0, "gru": 0, "convolution": 6, "fully_connected": 5}.items():
        encoder = built(name)
        moved = (encoder(sets).values - encoder(changed).values).abs().amax(1) > 1e-7
        assert moved.tolist() == [i >= first for i in range(9)], name


@torch.no_grad()
def test_a_convolution_is_that_of_pytorch_on_a_full_grid_and_skips_gaps() -> None:
    sets = sets_of(12, columns=4)
    encoder = built("convolution", GRID, depth=1, radius=2)
    layer, x = encoder.layers[0], encoder.norms[0](sets.values)
    image = x.view(1, 3, 4, 8).permute(0, 3, 1, 2)
    found = nn.functional.conv2d(image, layer.weight, layer.bias, padding=2)[0].permute(1, 2, 0).flatten(0, 1)
    close(encoder(sets).values, encoder.norm(sets.values + nn.functional.gelu(found)))
    line = sets_of(3)
    far = replace(line, coords=torch.tensor([[0.0], [5.0], [9.0]]))
    alone = [VectorSets.of(line.values[i : i + 1], coords=torch.zeros(1, 1)) for i in range(3)]
    separate = torch.cat([built("convolution")(one).values for one in alone])
    close(built("convolution")(far).values, separate)


@torch.no_grad()
def test_fully_connected_is_one_matrix_over_the_window() -> None:
    sets, encoder = sets_of(5), built("fully_connected", radius=1)
    around = nn.functional.pad(sets.values, (0, 0, 1, 1)).unfold(0, 3, 1).transpose(1, 2).flatten(1)  # (5, 3 · D)
    close(encoder(sets).values, encoder.norm(nn.functional.gelu(encoder.layers[0](around))))


@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"graph_conv"}))
def test_a_width_for_so_many_parameters(name: str) -> None:
    others = {"attention": AttentionEncoder(position="relative"), "graph_conv": GraphConvEncoder()}
    config, spec = (CONFIGS | others)[name], GRAPH if name == "graph_conv" else LINE
    for wanted, text in ((100_000, "100k"), (1_000_000, "1M")):
        config = replace(config, parameters=text)
        config.width = matching_width(config, spec)
        count = count_parameters(made(config, spec))
        assert abs(count - wanted) < 0.05 * wanted
        check(config, "encoder.")
    assert matching_width(config, spec, 3) % 3 == 0 == matching_width(config, spec, 3) % config.width_step
    with pytest.raises(UserError, match="has at least"):
        matching_width(replace(config, parameters=3), spec)


def test_a_width_for_pictures_too() -> None:
    config = AttentionEncoder(parameters="100k", position="rotary")
    count = count_parameters(made(replace(config, width=matching_width(config, GRID)), GRID))
    assert abs(count - 100_000) < 5_000
