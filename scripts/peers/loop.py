"""What our training loop adds to the model's own work, and what all of `train` loses by what is not a step."""

import statistics

import torch
from torch import nn

from peers.common import Bench, Ours

UPDATES = 40
"""Of each loop in each round."""
SMALL = ["task=pos", "data=ud_ewt", "data.path=FOLDER/ud_english_ewt", "encoder.width=8", "encoder.depth=1",
         "encoder.heads=1", "encoder.dropout=0", "trainer.batch_vectors=64", "trainer.average=0",
         "trainer.epochs=1000"]  # fmt: skip


def loop(bench: Bench) -> None:
    """Milliseconds a step of our loop beyond a plain one around the same model: the same batches from the same data, AdamW,
    clipping, the loss told at each step. Validation, saving and the average of the weights are left out of both."""
    ours, plain = Ours(SMALL, bench, 1), Ours(SMALL, bench, 1)
    ours.training._validate = lambda: None  # type: ignore[method-assign]
    differences, steps = [], []
    for number in range(bench.rounds + 1):
        mine, other = _ours(bench, ours), _plain(bench, plain, number)
        if number:  # the first warms up
            differences.append(1e3 * (mine - other) / UPDATES)
            steps.append(1e3 * other / UPDATES)
    added, low, high = statistics.median(differences), min(differences), max(differences)
    print(
        f"loop: {added:+.3f} ms a step ({low:+.3f} to {high:+.3f}) beside a plain loop's {statistics.median(steps):.2f}"
    )
    bench.goal("loop, added to a step, ms", "plain torch loop", added, 0.1, 0.05, least=False)


def _ours(bench: Bench, ours: Ours) -> float:
    training = ours.training
    training.updates, training.progress.done = training.progress.update + UPDATES, False
    began = bench.clock()
    training.run()
    return bench.clock() - began


def _plain(bench: Bench, plain: Ours, number: int) -> float:
    model, split = plain.model, plain.split
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    chosen = plain.training.batching.epoch(0)[number * UPDATES : (number + 1) * UPDATES]
    told = 0.0
    began = bench.clock()
    for indices in chosen:
        loss = model(split.batch(indices, 0))
        (loss.total / loss.count).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        told += loss.total.item()
    return bench.clock() - began
