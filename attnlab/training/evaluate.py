"""Predictions of a whole split, in its own order, and their scores. `eval` and `train` both come here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from attnlab import metrics
from attnlab.data.prep.batching import Batching
from attnlab.errors import UserError
from attnlab.model.build import Model
from attnlab.sets import Prediction
from attnlab.training.engine import Engine


@dataclass(frozen=True)
class Evaluation:
    """predictions: one for each example, in the split's order. scores: fractions of 1, and the mean loss.

    pairs: how often each (right class, answer) occurred, where answers are classes.
    """

    predictions: list[Prediction]
    scores: dict[str, float]
    pairs: Mapping[tuple[str, str], int]


@torch.no_grad()
def evaluate(model: Model, split: Any, engine: Engine, budget: int, greedy: bool = False) -> Evaluation:
    """Predict every example of a split once and compare with what is right. greedy: see `Head.predict`."""
    training = model.training
    model.eval()
    predictions: list[Any] = [None] * len(split)
    total, count = 0.0, 0
    for indices in Batching(split.lengths, budget, seed=0).in_order():
        batch = split.batch(indices).to(engine.device)
        with engine.autocast():
            encoded = model.encode(batch.inputs)
            loss = model.head.loss(encoded, batch.targets)
            if not math.isfinite(told := float(loss.total)):
                raise UserError(
                    f"the loss of {', '.join(batch.keys[:5])}, … is {told}: the weights, or these examples, are beyond "
                    "what can be computed; train with a lower `optimizer.lr`, or look at the examples"
                )
            answers = model.head.predict(encoded, greedy)
        total, count = total + told, count + int(loss.count)
        for i, answer in zip(indices.tolist(), answers, strict=True):
            predictions[i] = answer
    model.train(training)
    gold = split.gold(model.head.target)
    measured = metrics.MEASURES[model.head.kind](gold, predictions, split.slices(), model.head.classes)
    return Evaluation(predictions, measured.scores | ({"loss": total / count} if count else {}), measured.pairs)


@torch.no_grad()
def predict(model: Model, sets: Any, engine: Engine, budget: int) -> list[Prediction]:
    """Answers for sets of which nothing is known; `sets` has the lengths and batches of a split."""
    model.eval()
    predictions: list[Any] = [None] * len(sets)
    for indices in Batching(sets.lengths, budget, seed=0).in_order():
        with engine.autocast():
            answers = model.predict(sets.batch(indices).inputs.to(engine.device))
        for i, answer in zip(indices.tolist(), answers, strict=True):
            predictions[i] = answer
    return predictions


def prediction_lines(split: Any, target: str, evaluation: Evaluation) -> list[dict[str, Any]]:
    """What predictions-<split>.jsonl holds: a line for each example."""
    gold = split.gold(target)
    lines = []
    for i, prediction in enumerate(evaluation.predictions):
        line = {"key": split.keys[i], **split.show(i), "gold": gold[i], "predicted": prediction.value}
        line["probability"] = prediction.probability
        if prediction.alternatives:
            line["alternatives"] = prediction.alternatives
        if not prediction.complete:
            line["complete"] = False
        lines.append(line)
    return lines
