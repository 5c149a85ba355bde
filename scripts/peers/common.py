"""Ours and others in turn on the same batches, and what is to be reached."""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from attnlab import compose
from attnlab.config import AttentionEncoder
from attnlab.data.mixing import Draw
from attnlab.data.prep.batching import Batching
from attnlab.model import build as models
from attnlab.model import linear
from attnlab.sets import Batch
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.run import load_data

Step = Callable[[int], None]
"""What is done with batch number i."""
OURS, MKL = "ours", "ours, products by MKL"


@dataclass(frozen=True)
class Goal:
    """seen: the measured figure; None where no peer of it is installed. must, aim: to be reached at least, or, where
    higher isn't better, at most."""

    section: str
    against: str
    seen: float | None
    must: float
    aim: float
    higher_is_better: bool = True

    def line(self) -> str:
        """Of the table at the end."""
        seen, sign = "" if self.seen is None else f"{self.seen:.2f}", "≥" if self.higher_is_better else "≤"
        word = "not installed" if self.seen is None else "MISSED"
        for name, limit in (("must", self.must), ("aim", self.aim)):
            if self.seen is not None and (self.seen >= limit if self.higher_is_better else self.seen <= limit):
                word = name
        return f"{self.section:34} {self.against:44} {seen:>6}  {sign} {self.must:4.2f}  {sign} {self.aim:4.2f}  {word}"


class Bench:
    """Where sections put what they measure. rounds: batches in a race, each one a pair for every peer."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.folder: Path = options.folder
        self.rounds: int = options.pairs
        self.threads: int = options.threads
        self.cache: str = options.cache
        self.clock = time.process_time if self.threads == 1 else time.perf_counter
        self.ratios: dict[str, dict[str, list[float]]] = {}
        self.totals: dict[str, dict[str, float]] = {}
        self.speeds: dict[str, float] = {}
        self.goals: list[Goal] = []

    def race(
        self,
        title: str,
        steps: Mapping[str, Step],
        vectors: int = 0,
        scale: Mapping[str, list[float]] | None = None,
    ) -> dict[str, float]:
        """Medians of each step's time by that of `ours`, all steps in turn on one batch before the next.

        vectors: in all batches together. scale: what times are multiplied by, of a step whose batches differ in size.
        """
        times: dict[str, list[float]] = {name: [] for name in steps}
        for number in range(-self.rounds, self.rounds):
            for name, step in steps.items():
                i = number % self.rounds
                began = self.clock()
                step(i)
                taken = self.clock() - began
                if number >= 0:  # the first pass warms up: oneDNN takes its time for each new shape
                    times[name].append(taken * (scale[name][i] if scale and name in scale else 1.0))
        base = times[OURS]
        speed = f": {vectors / sum(base):,.0f} vectors/s" if vectors else ""
        print(f"{title}{speed}", flush=True)
        if vectors:
            self.speeds[title] = vectors / sum(base)
        self.ratios[title] = {}
        self.totals[title] = {name: sum(seconds) / sum(base) for name, seconds in times.items()}
        for name, seconds in times.items():
            ratios = sorted(a / b for a, b in zip(seconds, base, strict=True))
            self.ratios[title][name] = [statistics.median(ratios), ratios[0], ratios[-1]]
            if name != OURS:
                print(
                    "  {:5.2f} × ours  ({:.2f} to {:.2f})  {}".format(*self.ratios[title][name], name), flush=True
                )
        return {name: figures[0] for name, figures in self.ratios[title].items()}

    def goal(
        self,
        section: str,
        against: str,
        seen: float | None,
        must: float,
        aim: float,
        higher_is_better: bool = True,
    ) -> None:
        self.goals.append(Goal(section, against, seen, must, aim, higher_is_better))


def best(ratios: Mapping[str, float], *without: str) -> float | None:
    """By how much ours is quicker than the quickest other."""
    return min((r for name, r in ratios.items() if name not in (OURS, MKL, *without)), default=None)


def made(
    makers: Mapping[str, Callable[[AttentionEncoder], nn.Module]], e: AttentionEncoder
) -> dict[str, nn.Module]:
    """The peers that are installed; which are not is printed."""
    peers = {}
    for name, make in makers.items():
        try:
            peers[name] = make(e)
        except ImportError as error:
            print(f"  {name}: left out ({error})")
    return peers


class Ours:
    """Our own training loop's update on ready batches."""

    def __init__(self, words: list[str], bench: Bench, count: int | None = None) -> None:
        overrides = [word.replace("FOLDER", str(bench.folder)) for word in words]
        overrides += [f"trainer.threads={bench.threads}"] + ([f"data.cache={bench.cache}"] if bench.cache else [])
        self.config = compose.compose(overrides)
        self.data = load_data(self.config)
        models.resolve(self.config, self.data.spec)
        self.split = self.data.splits["train"]
        self.model = models.build(self.config, self.data.spec)
        engine = Engine(self.config.trainer)
        self.training = Training(self.config, self.model, Parts.alone(self.config, self.data), engine)
        self.model.train()
        batching = Batching(self.split.lengths, self.config.trainer.batch_vectors, 1)
        chosen = batching.epoch(0)[: bench.rounds if count is None else count]
        self.indices = chosen
        self.batches: list[Batch] = [self.split.batch(indices, 0) for indices in chosen]
        self.size = sum(batch.inputs.layout.size for batch in self.batches)

    def step(self, i: int) -> None:
        self.training._update([Draw("", 0, self.indices[i])], [0], iter([self.batches[i]]))


def plain_update(model: nn.Module, loss: Callable[[int], Tensor]) -> Step:
    """A plain loop's step; loss: of batch i, a mean."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    model.train()

    def step(i: int) -> None:
        loss(i).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def peer_step(model: nn.Module, batches: list[tuple[Tensor, Tensor, Tensor]]) -> Step:
    """On (values, mask, targets with −1 where nothing is asked)."""

    def loss(i: int) -> Tensor:
        values, mask, targets = batches[i]
        logits = model(values, mask)
        return cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=-1)

    return plain_update(model, loss)


def without_onednn(step: Step) -> Step:
    """Ours with PyTorch's own products."""

    def slow(i: int) -> None:
        faster, linear.onednn_is_faster = linear.onednn_is_faster, lambda: False  # type: ignore[assignment]
        try:
            step(i)
        finally:
            linear.onednn_is_faster = faster

    return slow
