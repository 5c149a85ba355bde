"""What our training loop adds to the model's own work, and what all of `train` loses by what is not a step."""

import statistics
import tempfile

import torch
from torch import nn

from attnlab.runs import RunFolder
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.report import Reporter
from attnlab.training.results import Session
from attnlab.training.tracking import Tracking
from peers.common import Bench, Ours
from peers.sequences import WORDS

UPDATES = 150
"""Of each loop in each round."""
MAX_ROUNDS = 20
"""Rounds for which UD English EWT has batches."""
SMALL = ["task=pos", "data=ud_ewt", "data.path=FOLDER/ud_english_ewt", "encoder.width=8", "encoder.depth=1",
         "encoder.heads=1", "encoder.dropout=0", "trainer.batch_vectors=64", "trainer.average=0",
         "trainer.epochs=1000"]  # fmt: skip


def loop(bench: Bench) -> None:
    """Milliseconds a step of our loop beyond a plain one around the same model: the same batches from the same data, AdamW,
    clipping, the loss read at each step. Validation, saving and the average of the weights are left out of both."""
    ours, plain = Ours(SMALL, bench, 1), Ours(SMALL, bench, 1)
    ours.training._validate = lambda: None  # type: ignore[method-assign]
    differences, steps = [], []
    for number in range(min(bench.rounds, MAX_ROUNDS) + 1):
        seconds, plain_seconds = _ours(bench, ours), _plain(bench, plain, number)
        if number:  # the first warms up
            differences.append(1e3 * (seconds - plain_seconds) / UPDATES)
            steps.append(1e3 * plain_seconds / UPDATES)
    added, low, high = statistics.median(differences), min(differences), max(differences)
    print(
        f"loop: {added:+.3f} ms a step ({low:+.3f} to {high:+.3f}) beside a plain loop's {statistics.median(steps):.2f}"
    )
    bench.goal("loop, added to a step, ms", "plain torch loop", added, 0.1, 0.05, higher_is_better=False)
    _whole(bench)


def _whole(bench: Bench) -> None:
    """What fraction of an epoch's time isn't the bare step on ready batches: reading and making batches, the loop, its records,
    and, apart from them, validation with its checkpoints. 4 layers, D = 128, all of UD English EWT, a few rounds in turn."""
    bare = Ours([*WORDS, "trainer.epochs=1"], bench, 1 << 30)
    without, with_validation = [], []
    for _ in range(max(1, bench.rounds // 3)):
        whole, validation = _epoch(bench, [*WORDS, "trainer.epochs=1"])
        began = bench.clock()
        for i in range(len(bare.batches)):
            bare.step(i)
        step = bench.clock() - began
        without.append(1 - step / (whole - validation))
        with_validation.append(1 - step / whole)
    loop, all_of_it = statistics.median(without), statistics.median(with_validation)
    print(f"train: {loop:.1%} of an epoch is no step; {all_of_it:.1%} with its validation and checkpoints")
    bench.goal("train, share that is no step", "its own bare step", loop, 0.05, 0.02, higher_is_better=False)
    bench.goal("", "the same with validation, checkpoints", all_of_it, 0.05, 0.02, higher_is_better=False)


def _epoch(bench: Bench, words: list[str]) -> tuple[float, float]:
    """Seconds of `train`'s loop with all that is around it, and of validation and checkpoints in it."""
    ours = Ours(words, bench, 0)
    with tempfile.TemporaryDirectory() as outputs:
        folder = RunFolder.create(outputs, "pos")
        reporter, engine = Reporter(folder.log, quiet=True), ours.training.engine
        session = Session(engine, folder, reporter, Tracking(ours.config, folder, reporter.warn))
        training = Training(ours.config, ours.model, Parts.alone(ours.config, ours.data), engine, folder, session)
        validate, save, spent = training._validate, training.save, [0.0]

        def clocked(plain):  # type: ignore[no-untyped-def]
            def run() -> None:
                began = bench.clock()
                plain()
                spent[0] += bench.clock() - began

            return run

        training._validate, training.save = clocked(validate), clocked(save)  # type: ignore[method-assign]
        began = bench.clock()
        training.run()
        return bench.clock() - began, spent[0]


def _ours(bench: Bench, ours: Ours) -> float:
    training = ours.training
    training.updates, training.progress.done = training.progress.update + UPDATES, False
    began = bench.clock()
    training.run()
    return bench.clock() - began


def _plain(bench: Bench, plain: Ours, number: int) -> float:
    model, split = plain.model, plain.split
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    total = 0.0
    began = bench.clock()
    chosen = plain.training.mixture.batchings[""].epoch(0)[
        number * UPDATES : (number + 1) * UPDATES
    ]  # ours does it, too
    for indices in chosen:
        loss = model(split.batch(indices, 0))
        (loss.total / loss.count).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.total.item()
    return bench.clock() - began
