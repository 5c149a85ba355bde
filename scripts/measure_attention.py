"""Time and memory of the kernels of attention, each measured in a process of its own.

    python scripts/measure_attention.py            all of it, about two minutes on two cores
    python scripts/measure_attention.py banded     or one of: banded, memory, long, blocked

Memory is the peak of the process (resident set) less what it held before the first product; times are medians of
interleaved rounds.
"""

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from attnlab.config import AttentionEncoder
from attnlab.model.attention.kernels import KERNELS
from attnlab.model.attention.reference import AttentionInputs
from attnlab.model.attention.scopes import Full, Scope, Window
from attnlab.model.attention.scores import score_of
from attnlab.model.encoders.attention import Attention
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

MIB = 1 << 20


def line(length: int, width: int = 1) -> VectorSets:
    """One set of vectors along a line."""
    return VectorSets.of(torch.randn(length, width), coords=torch.arange(length)[:, None].float())


def step(kernel: str, length: int, width: int, heads: int, scope: Scope, score: str = "scaled_dot") -> Callable:
    """Forward and backward of one attention, plan included."""
    sets, match = line(length), score_of(score, heads, width // heads)
    q, k, v = (torch.randn(length, heads, width // heads, requires_grad=True) for _ in range(3))

    def run() -> tuple[Tensor, ...]:
        plan = KERNELS[kernel].plan(scope, sets, sets)
        answer = plan.kernel.attend(AttentionInputs(*match.prepare(q, k), v, plan, match))
        return torch.autograd.grad(answer.sum(), (q, k, v))

    return run


def medians(*runs: Callable, rounds: int = 7) -> list[float]:
    """Seconds of each, measured in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for number in range(rounds + 1):
        for run, seconds in zip(runs, times, strict=True):
            began = time.perf_counter()
            run()
            if number:  # the first round warms up
                seconds.append(time.perf_counter() - began)
    return [statistics.median(seconds) for seconds in times]


def peak() -> float:
    """The largest resident set of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def banded() -> None:
    for length in (1000, 4000, 16000):
        runs = [step("banded", length, 128, 4, Window(32.0)), step("dense", length, 128, 4, Full())]
        near, full = medians(*runs, rounds=7 if length < 10_000 else 2)
        print(
            f"L={length:>6}, D=128, H=4: banded radius 32 {1e3 * near:8.1f} ms, dense full {1e3 * full:8.1f} ms, "
            f"{full / near:5.1f} times as fast"
        )


def memory() -> None:
    """Peak of banded at one length; run in a child process for each."""
    for length in (4000, 16000, 64000):
        before, run = None, step("banded", length, 128, 4, Window(32.0))
        step("banded", 100, 128, 4, Window(32.0))()
        before = peak()
        run()
        print(f"L={length:>6}, D=128, H=4: banded radius 32 adds {peak() - before:7.1f} MiB", flush=True)


def long() -> None:
    config = AttentionEncoder(width=64, depth=4, heads=4, scope="window:32", position="rotary", dropout=0.1)
    encoder = Attention(config, DataSpec("speech", 1, 64, {}, {}))
    sets = line(100_000, 64)
    optimizer = torch.optim.AdamW(encoder.parameters(), fused=True)
    for _ in range(2):
        began = time.perf_counter()
        encoder(sets).values.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        print(
            f"L=100000, D=64, 4 layers, window:32: a training step takes {time.perf_counter() - began:.1f} s, "
            f"the process {peak() / 1024:.2f} GiB at most",
            flush=True,
        )


def blocked() -> None:
    length, width, heads = 2000, 128, 4
    run = step("blocked", length, width, heads, Full(), "additive")
    step("blocked", 10, width, heads, Full(), "additive")()
    before = peak()
    run()
    ours = peak() - before
    q, k, weight = torch.randn(length, width), torch.randn(length, width), torch.randn(width)
    q.requires_grad_()
    before = peak()
    ((q[:, None] + k[None]).tanh() @ weight).softmax(1).sum().backward()  # L·L·K numbers: w · tanh(q_i + k_j)
    plain = peak() - before
    print(
        f"additive, L={length}, D={width}: blocked adds {ours:.0f} MiB, the plain formula {plain:.0f} MiB "
        f"(one table of L·L·D numbers is {4 * length * length * width / MIB:.0f} MiB): {ours / plain:.3f} of it"
    )


MEASURES = {"banded": banded, "memory": memory, "long": long, "blocked": blocked}

if __name__ == "__main__":
    chosen = sys.argv[1:]
    if len(chosen) == 1:
        MEASURES[chosen[0]]()
    else:
        for name in chosen or MEASURES:
            subprocess.run([sys.executable, __file__, name], check=True)
