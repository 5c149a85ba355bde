"""Encoders on 28×28 pictures in 4×4 patches and 224×224 in 16×16; D=128 and 192, 4 layers."""

import torch
from torch import Tensor, nn

from attnlab.config import AttentionEncoder
from attnlab.model.encoders.attention import Attention
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec
from peers.common import MKL, OURS, Bench, Step, best, made, plain_update, without_onednn
from peers.encoders import hf_vit, timm_vit, torch_encoder


def images(bench: Bench) -> None:
    for size, patch, width, heads, count in ((28, 4, 128, 4, 30), (224, 16, 192, 3, 8)):
        length = (size // patch) ** 2
        encoder = AttentionEncoder(width=width, depth=4, heads=heads, dropout=0.0, position="none")
        x = torch.randn(count, length, width)
        side = torch.cartesian_prod(torch.arange(size // patch), torch.arange(size // patch)).float()
        sets = VectorSets.of(x.flatten(0, 1), [length] * count, coords=side.repeat(count, 1))
        ours = _Ours(encoder, sets)
        step = plain_update(ours, lambda i, ours=ours: ours().square().mean())  # type: ignore[misc]
        steps: dict[str, Step] = {OURS: step, MKL: without_onednn(step)}
        mask = torch.ones(count, length, dtype=torch.bool)
        makers = {"nn.TransformerEncoder": torch_encoder, "timm ViT": timm_vit, "ViT (transformers)": hf_vit}
        for name, peer in made(makers, encoder).items():
            steps[name] = plain_update(peer, lambda i, peer=peer, x=x, mask=mask: peer(x, mask).square().mean())  # type: ignore[misc]
        ratios = bench.race(f"images {size}×{size}", steps, count * length * bench.rounds)
        bench.goal(f"images {size}×{size}", "best of timm, ViT of transformers, nn", best(ratios), 1.0, 1.1)


class _Ours(nn.Module):
    def __init__(self, encoder: AttentionEncoder, sets: VectorSets) -> None:
        super().__init__()
        self.encoder, self.sets = Attention(encoder, DataSpec("image", 2, encoder.width, {}, {})), sets

    def forward(self) -> Tensor:
        return self.encoder(self.sets).values
