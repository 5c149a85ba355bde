"""Attention alone, within 32 positions, forward and backward: queries, keys and values given, D=128, H=4.

A measurement takes 4,000 vectors, short sets several times: 2 ms alone would tell more of the machine's other work.
"""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attnlab.model.attention.kernels import KERNELS
from attnlab.model.attention.reference import AttentionInputs
from attnlab.model.attention.scopes import Window
from attnlab.model.attention.scores import score_of
from attnlab.sets import VectorSets
from peers.common import OURS, Bench, Step

RADIUS, HEADS, WIDTH = 32, 4, 32
LENGTHS = (500, 1000, 2000, 4000)


def window(bench: Bench) -> None:
    ratios = []
    for length in LENGTHS:
        steps: dict[str, Step] = {OURS: _each(_banded, length), "all pairs (sdpa)": _each(_all_pairs, length)}
        if length == LENGTHS[-1]:
            steps["band as a mask (sdpa)"] = _each(_masked, length)
        try:
            steps["local-attention"] = _each(_local, length)
        except ImportError as error:
            print(f"  local-attention: left out ({error})")
        found = bench.race(f"window {RADIUS}, L={length}", steps, LENGTHS[-1] * bench.rounds)
        ratios.append(found.get("local-attention"))
    known = [ratio for ratio in ratios if ratio is not None]
    bench.goal(f"window {RADIUS}", "local-attention, worst of all L", min(known, default=None), 1.05, 1.3)
    bench.goal("", f"full SDPA at L = {LENGTHS[-1]:,}", found["all pairs (sdpa)"], 4.0, 5.0)
    ours, masked = (_in_own_process(maker, LENGTHS[-1]) for maker in (_banded, _masked))
    print(f"  memory at L={LENGTHS[-1]}: ours {ours:.0f} MiB, band as a mask {masked:.0f} MiB")
    bench.goal("", "its memory by that of a band as a mask", ours / masked, 0.5, 0.3, higher_is_better=False)


Maker = Callable[[int], Callable[[], Tensor]]


def _each(make: Maker, length: int) -> Step:
    run = make(length)

    def step(i: int) -> None:
        for _ in range(LENGTHS[-1] // length):
            run().sum().backward()

    return step


def _banded(length: int) -> Callable[[], Tensor]:
    coords = torch.arange(length, dtype=torch.float32)[:, None]
    sets, scope, score = (
        VectorSets.of(coords, coords=coords),
        Window(float(RADIUS)),
        score_of("scaled_dot", HEADS, WIDTH),
    )
    q, k, v = (torch.randn(length, HEADS, WIDTH, requires_grad=True) for _ in range(3))
    banded = KERNELS["banded"]
    return lambda: banded.attend(AttentionInputs(q, k, v, banded.plan(scope, sets, sets), score))


def _heads(length: int) -> list[Tensor]:
    return [torch.randn(1, HEADS, length, WIDTH, requires_grad=True) for _ in range(3)]


def _all_pairs(length: int) -> Callable[[], Tensor]:
    heads = _heads(length)
    return lambda: scaled_dot_product_attention(*heads)


def _masked(length: int) -> Callable[[], Tensor]:
    heads = _heads(length)

    def run() -> Tensor:
        position = torch.arange(length)
        return scaled_dot_product_attention(*heads, attn_mask=(position[:, None] - position).abs() <= RADIUS)

    return run


def _local(length: int) -> Callable[[], Tensor]:
    from local_attention import LocalAttention

    local = LocalAttention(
        window_size=RADIUS, causal=False, look_backward=1, look_forward=1, dim=WIDTH, autopad=True,
        exact_windowsize=True, use_rotary_pos_emb=False,
    )  # fmt: skip
    heads = _heads(length)
    return lambda: local(*heads)


def _in_own_process(make: Maker, length: int) -> float:
    """MiB that one forward and backward adds to a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_memory, make, length).result()


def _memory(make: Maker, length: int) -> float:
    torch.set_num_threads(1)
    _each(make, 2 * RADIUS)(0)  # what a first call loads isn't the kernel's
    step = _each(make, length)
    before = _resident("VmRSS")
    step(0)
    return max(1.0, _resident("VmHWM") - before)


def _resident(name: str) -> float:
    """MiB, as Linux tells."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
