"""A training step beside those of other libraries, in turn, on the same batches of the same real lengths.

    pip install attnlab[bench]
    python scripts/bench_peers.py FOLDER [--sections tagging,dropout,wide,bf16,window,images] [--pairs 7] [--threads 2]

FOLDER holds ud_english_ewt/ and fashion_mnist/. A pair is ours and the peer on one batch, one after the other; told are
medians over pairs of the peer's time by ours, and what oneDNN's products alone are worth (`MKL`: ours without them).
Times are those of the process where there is one thread, so that others on the machine disturb less. Peers that are not
installed are left out, and said to be. All models have the same width, depth, heads, feed-forward and optimizer.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from attnlab import compose
from attnlab.config import AttentionEncoder
from attnlab.data.batching import Batching
from attnlab.model import build as models
from attnlab.model import linear
from attnlab.model.encoders.attention import Attention
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.run import load_data

SECTIONS = "tagging,dropout,wide,bf16,window,images"
Step = Callable[[int], None]


class Padded(nn.Module):
    """Embedding, encoder (B, L, D), (B, L) True where there is a vector -> (B, L, D), and an answer for each vector."""

    def __init__(
        self, embed: nn.Module, encoder: Callable[[Tensor, Tensor], Tensor], width: int, classes: int
    ) -> None:
        super().__init__()
        self.embed, self.encoder, self.classify = embed, encoder, nn.Linear(width, classes)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        return self.classify(self.encoder(self.embed(values), mask))


class Called(nn.Module):
    """Another library's module behind (x, mask)."""

    def __init__(self, inner: nn.Module, call: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.call(self.inner, x, mask)


def torch_encoder(e: AttentionEncoder) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        e.width, e.heads, e.width * e.feed_forward, e.dropout, activation="gelu", batch_first=True, norm_first=True
    )
    inner = nn.TransformerEncoder(layer, e.depth, nn.LayerNorm(e.width), enable_nested_tensor=False)
    return Called(inner, lambda m, x, mask: m(x, src_key_padding_mask=None if mask.all() else ~mask))


def bert(e: AttentionEncoder) -> nn.Module:
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertEncoder

    config = BertConfig(
        hidden_size=e.width, num_hidden_layers=e.depth, num_attention_heads=e.heads,
        intermediate_size=e.width * e.feed_forward, hidden_dropout_prob=e.dropout,
        attention_probs_dropout_prob=0.0, attn_implementation="sdpa",
    )  # fmt: skip

    def call(m: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
        shape = (len(x), 1, x.shape[1], x.shape[1])
        return m(x, attention_mask=None if mask.all() else mask[:, None, None].expand(shape))[0]

    return Called(BertEncoder(config), call)


def x_transformers(e: AttentionEncoder) -> nn.Module:
    from x_transformers import Encoder

    inner = Encoder(
        dim=e.width, depth=e.depth, heads=e.heads, attn_dim_head=e.width // e.heads, attn_flash=True,
        ff_mult=e.feed_forward, attn_dropout=0.0, ff_dropout=e.dropout,
    )  # fmt: skip
    return Called(inner, lambda m, x, mask: m(x, mask=None if mask.all() else mask))


def lstm(e: AttentionEncoder, hidden: int | None = None) -> nn.Module:
    """hidden: of each direction; D/2, so that D numbers come out, unless told."""
    hidden = e.width // 2 if hidden is None else hidden
    inner = nn.LSTM(e.width, hidden, e.depth, batch_first=True, bidirectional=True)

    def call(m: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
        rows = nn.utils.rnn.pack_padded_sequence(x, mask.sum(1), batch_first=True, enforce_sorted=False)
        walked = nn.utils.rnn.pad_packed_sequence(m[0](rows)[0], batch_first=True, total_length=x.shape[1])[0]  # type: ignore[index]
        return m[1](walked)  # type: ignore[index]

    out = nn.Identity() if 2 * hidden == e.width else nn.Linear(2 * hidden, e.width)
    return Called(nn.ModuleList([inner, out]), call)


def large_lstm(e: AttentionEncoder) -> nn.Module:
    """As many parameters as our encoder has."""
    wanted, hidden = e.depth * e.width * e.width * (4 + 2 * e.feed_forward), e.width // 2
    while sum(p.numel() for p in lstm(e, hidden + 1).parameters()) <= wanted:
        hidden += 1
    return lstm(e, hidden)


class Ours:
    """Our own training loop's update on ready batches."""

    def __init__(self, words: list[str], folder: Path, count: int, cache: str) -> None:
        own = [word.replace("FOLDER", str(folder)) for word in words] + ([f"data.cache={cache}"] if cache else [])
        self.config = compose.compose(own)
        self.data = load_data(self.config)
        models.resolve(self.config, self.data.spec)
        self.split = self.data.splits["train"]
        model = models.build(self.config, self.data.spec)
        engine = Engine(self.config.trainer)
        self.training = Training(self.config, model, self.split, self.data.splits["validation"], engine)
        self.training.model.train()
        batching = Batching(self.split.lengths, self.config.trainer.batch_vectors, 1)
        self.batches: list[Batch] = [self.split.batch(indices, 0) for indices in batching.epoch(0)[:count]]

    def step(self, i: int) -> None:
        self.training._update([self.batches[i]])


def peer_step(model: nn.Module, batches: list[tuple[Tensor, Tensor, Tensor]]) -> Step:
    """A plain loop's step on (values, mask, targets with −1 where nothing is asked)."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    model.train()

    def step(i: int) -> None:
        values, mask, targets = batches[i]
        logits = model(values, mask)
        loss = cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=-1)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def padded(batches: list[Batch], target: str) -> list[tuple[Tensor, Tensor, Tensor]]:
    found = []
    for batch in batches:
        values, mask = batch.inputs.pad()
        targets = batch.targets[target]
        found.append(
            (
                values,
                mask,
                batch.inputs.layout.pad(targets, -1) if len(targets) == len(mask.nonzero()) else targets,
            )
        )
    return found


def without_onednn(step: Step) -> Step:
    def slow(i: int) -> None:
        faster, linear.onednn_is_faster = linear.onednn_is_faster, lambda: False
        try:
            step(i)
        finally:
            linear.onednn_is_faster = faster

    return slow


def tagging(options: Any, *words: str) -> Iterator[tuple[str, dict[str, Step], int]]:
    ours = Ours(
        ["task=pos", "data=ud_ewt", "data.path=FOLDER/ud_english_ewt", "encoder.depth=4", "encoder.heads=4",
         "encoder.dropout=0", "trainer.batch_vectors=1500", f"trainer.threads={options.threads}", *words],
        options.folder, options.pairs, options.cache,
    )  # fmt: skip
    encoder = ours.config.encoder
    assert isinstance(encoder, AttentionEncoder)
    vocabulary = len(ours.data.spec.vocabularies["words"])
    classes = len(ours.data.spec.targets["tags"].classes)
    batches = padded(ours.batches, "tags")
    steps: dict[str, Step] = {"ours": ours.step, "ours, products by MKL": without_onednn(ours.step)}
    kinds = {"nn.TransformerEncoder": torch_encoder, "BERT (transformers, sdpa)": bert,
             "x-transformers": x_transformers, "nn.LSTM, both ways": lstm,
             "nn.LSTM, as many parameters": large_lstm}  # fmt: skip
    for name, make in kinds.items():
        try:
            inner = make(encoder)
        except ImportError as error:
            print(f"  {name}: left out ({error})")
            continue
        embed = nn.Embedding(vocabulary, encoder.width)
        steps[name] = peer_step(Padded(embed, inner, encoder.width, classes), batches)
    yield " ".join(["tagging", *words]), steps, sum(b.inputs.layout.size for b in ours.batches)
    if not words:
        random = np.random.default_rng(1)
        mean = round(1500 / float(np.mean(ours.split.lengths)))
        order = random.permutation(len(ours.split))
        mixed = [ours.split.batch(order[i * mean : (i + 1) * mean], 0) for i in range(options.pairs)]
        speeds = {}
        inner = torch_encoder(encoder)
        embed = nn.Embedding(vocabulary, encoder.width)
        peer = peer_step(Padded(embed, inner, encoder.width, classes), padded(mixed, "tags"))
        sizes = [b.inputs.layout.size for b in ours.batches], [b.inputs.layout.size for b in mixed]
        speeds = per_vector({"ours": ours.step, "nn.TransformerEncoder": peer}, sizes)
        yield "tagging, peer shuffled", speeds, 0


def per_vector(steps: dict[str, Step], sizes: tuple[list[int], list[int]]) -> dict[str, Step]:
    """Steps that differ in vectors: the second's time is told for as many vectors as the first has."""
    first, second = steps.values()
    second.scale = [a / b for a, b in zip(*sizes, strict=True)]  # type: ignore[attr-defined]
    return dict(zip(steps, (first, second), strict=True))


def window(options: Any) -> Iterator[tuple[str, dict[str, Step], int]]:
    """Attention alone within 32 places, forward and backward, D=128, H=4: queries, keys and values given."""
    from attnlab.model.attention.kernels import KERNELS
    from attnlab.model.attention.scopes import Window
    from attnlab.model.attention.scores import SCORES

    for length in (500, 1000, 2000, 4000):
        coords = torch.arange(length, dtype=torch.float32)[:, None]
        sets, scope, score = VectorSets.of(coords, coords=coords), Window(32.0), SCORES["scaled_dot"](4, 32)
        q, k, v = (torch.randn(length, 4, 32, requires_grad=True) for _ in range(3))
        split = [x.detach().transpose(0, 1)[None].contiguous().requires_grad_() for x in (q, k, v)]

        def ours(i: int, sets=sets, scope=scope, score=score, q=q, k=k, v=v) -> None:
            plan = KERNELS["banded"].plan(scope, sets, sets)
            KERNELS["banded"].attend(q, k, v, plan, score).sum().backward()

        def full(i: int, split=split) -> None:
            nn.functional.scaled_dot_product_attention(*split).sum().backward()

        steps: dict[str, Step] = {"ours": ours, "all pairs (sdpa)": full}
        try:
            from local_attention import LocalAttention

            local = LocalAttention(
                window_size=32, causal=False, look_backward=1, look_forward=1, dim=32, autopad=True,
                exact_windowsize=True, use_rotary_pos_emb=False,
            )  # fmt: skip
            steps["local-attention"] = lambda i, local=local, split=split: local(*split).sum().backward()
        except ImportError as error:
            print(f"  local-attention: left out ({error})")
        yield f"window 32, L={length}", steps, length * options.pairs


def images(options: Any) -> Iterator[tuple[str, dict[str, Step], int]]:
    """Encoders on 28×28 pictures in 4×4 patches and 224×224 in 16×16; D=128 and 192, 4 layers."""
    for size, patch, width, heads, count in ((28, 4, 128, 4, 30), (224, 16, 192, 3, 8)):
        length = (size // patch) ** 2
        encoder = AttentionEncoder(width=width, depth=4, heads=heads, dropout=0.0, position="none")
        ours = Attention(encoder, DataSpec("image", 2, width, {}, {}))
        x = torch.randn(count, length, width)
        side = torch.cartesian_prod(torch.arange(size // patch), torch.arange(size // patch)).float()
        sets = VectorSets.of(x.flatten(0, 1), [length] * count, coords=side.repeat(count, 1))
        mask = torch.ones(count, length, dtype=torch.bool)
        optimizer = torch.optim.AdamW(ours.parameters(), fused=True)

        def step(i: int, ours=ours, sets=sets, optimizer=optimizer) -> None:
            ours(sets).values.square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

        steps: dict[str, Step] = {"ours": step, "ours, products by MKL": without_onednn(step)}
        for name, make in {
            "nn.TransformerEncoder": torch_encoder,
            "timm ViT": timm_vit,
            "ViT (transformers)": hf_vit,
        }.items():
            try:
                peer = make(encoder)
            except ImportError as error:
                print(f"  {name}: left out ({error})")
                continue
            own = torch.optim.AdamW(peer.parameters(), fused=True)

            def peer_step_(i: int, peer=peer, x=x, mask=mask, own=own) -> None:
                peer(x, mask).square().mean().backward()
                own.step()
                own.zero_grad()

            steps[name] = peer_step_
        yield f"images {size}×{size}", steps, count * length * options.pairs


def timm_vit(e: AttentionEncoder) -> nn.Module:
    from timm.models.vision_transformer import Block

    blocks = nn.Sequential(*(Block(e.width, e.heads, e.feed_forward, qkv_bias=True) for _ in range(e.depth)))
    return Called(nn.Sequential(blocks, nn.LayerNorm(e.width)), lambda m, x, mask: m(x))


def hf_vit(e: AttentionEncoder) -> nn.Module:
    from transformers import ViTConfig
    from transformers.models.vit.modeling_vit import ViTLayer

    config = ViTConfig(
        hidden_size=e.width, num_hidden_layers=e.depth, num_attention_heads=e.heads,
        intermediate_size=e.width * e.feed_forward, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )  # fmt: skip
    layers = nn.ModuleList(ViTLayer(config) for _ in range(e.depth))

    def call(m: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
        for layer in m[0]:  # type: ignore[index]
            found = layer(x)
            x = found[0] if isinstance(found, tuple) else found
        return m[1](x)  # type: ignore[index]

    return Called(nn.ModuleList([layers, nn.LayerNorm(e.width)]), call)


def race(steps: dict[str, Step], pairs: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Seconds of each step on each batch, all steps in turn on one batch before the next."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(-1, pairs):
        for name, step in steps.items():
            i = max(0, number)
            began = clock()
            step(i)
            taken = (clock() - began) * getattr(step, "scale", [1.0] * pairs)[i]
            if number >= 0:  # the first warms up
                times[name].append(taken)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the real data lie")
    parser.add_argument("--sections", default=SECTIONS)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", default="", help="data.cache")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    runs: dict[str, Callable[[], Iterator[tuple[str, dict[str, Step], int]]]] = {
        "tagging": lambda: tagging(options),
        "dropout": lambda: tagging(options, "encoder.dropout=0.1"),
        "wide": lambda: tagging(options, "encoder.width=256"),
        "bf16": lambda: tagging(options, "trainer.precision=bf16"),
        "window": lambda: window(options),
        "images": lambda: images(options),
    }
    results: dict[str, Any] = {}
    for section in options.sections.split(","):
        for title, steps, vectors in runs[section]():
            times = race(steps, options.pairs, clock)
            base = times["ours"]
            speed = f": {vectors / sum(base):,.0f} vectors/s" if vectors else ""
            print(f"{title}{speed}", flush=True)
            results[title] = {"vectors_per_second": vectors / sum(base) if vectors else None}
            for name, found in times.items():
                ratios = sorted(a / b for a, b in zip(found, base, strict=True))
                results[title][name] = statistics.median(ratios)
                if name != "ours":
                    print(
                        f"  {statistics.median(ratios):5.2f} × ours  ({ratios[0]:.2f} to {ratios[-1]:.2f})  {name}",
                        flush=True,
                    )
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
