"""Predictions of all examples of a split, in its order, and their scores, for `eval` and `train`."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch

from attnlab import metrics
from attnlab.data.contract import Batches, Split
from attnlab.data.prep.batching import Batching
from attnlab.errors import UserError
from attnlab.metrics import bootstrap
from attnlab.model.build import Model
from attnlab.model.interfaces import Head
from attnlab.runs import Intervals
from attnlab.sets import Batch, Prediction
from attnlab.training.engine import Engine


@dataclass(frozen=True)
class Evaluation:
    """predictions: one for each example, in the split's order. scores: fractions of 1, and the mean loss. undefined: of
    scores that would say nothing, why. confusion: how often each (right class, predicted class) occurred, where answers
    are classes; classes, spans, questions: what each class comes to, each type of span where they are tags of spans, and the
    answer yes to each question."""

    predictions: list[Prediction]
    scores: dict[str, float]
    undefined: dict[str, str]
    confusion: metrics.Confusion
    classes: metrics.Tallies = field(default_factory=dict)
    spans: metrics.Tallies = field(default_factory=dict)
    questions: metrics.Tallies = field(default_factory=dict)


@torch.no_grad()
def evaluate(model: Model, split: Split, engine: Engine, budget: int, greedy: bool = False) -> Evaluation:
    """Predict every example of a split once and compare with the right answers.

    budget: vectors per batch. greedy: a head that searches for its answers takes the next best token instead. Raises
    UserError where the loss is no number.
    """
    training = model.training
    model.eval()
    predictions: dict[int, Prediction] = {}
    total, count = 0.0, 0
    for indices, batch in _batches(split, engine, budget):
        with engine.autocast():
            reading = model.read(batch.inputs)
            loss = reading.loss(batch.targets)
            loss_value = float(loss.total)
            if not math.isfinite(loss_value):
                raise UserError(
                    f"the loss of {', '.join(batch.keys[:5])}, … is {loss_value}: the weights, or these examples, are "
                    "beyond what can be computed; train with a lower `optimizer.lr`, or look at the examples"
                )
            answers = reading.predict(greedy)
        total, count = total + loss_value, count + int(loss.count)
        predictions |= zip(indices, answers, strict=True)
    model.train(training)
    ordered = [predictions[i] for i in range(len(split))]
    head, slices = model.head, cast(metrics.Slices, split.slices())
    comparison = metrics.Comparison(head.kind, split.gold(head.target), ordered, head.classes)
    measured = metrics.measure(head.metrics, comparison, slices)
    scores = measured.scores | ({"loss": total / count} if count else {})
    of_each = measured.classes, measured.spans, measured.questions
    return Evaluation(ordered, scores, measured.undefined, measured.confusion, *of_each)


def intervals(head: Head, split: Split, evaluation: Evaluation) -> Intervals:
    """The 95 % intervals of its scores, by the metrics that know how many examples count, see `metrics.bootstrap`."""
    names = [name for name in head.metrics if name in evaluation.scores]
    if not names:
        return {}
    comparison = metrics.Comparison(head.kind, split.gold(head.target), evaluation.predictions, head.classes)
    return bootstrap.intervals(names, comparison)


def perfect(head: Head, split: Split, names: Sequence[str]) -> metrics.Measured:
    """What a reader who is always right would score by these metrics: what is undefined of him is so of every model, or
    would be of a good one."""
    gold = split.gold(head.target)
    answers = [Prediction(*_certain(head.kind, right)) for right in gold]
    comparison = metrics.Comparison(head.kind, gold, answers, head.classes)
    return metrics.measure(names, comparison, cast(metrics.Slices, split.slices()))


def _certain(kind: str, right: metrics.Value) -> tuple[metrics.Value, metrics.Value]:
    """The right answer with its probability."""
    return right, [float(answer > 0) for answer in right] if kind == "classes" else 1.0


@torch.no_grad()
def predict(model: Model, sets: Batches, engine: Engine, budget: int) -> list[Prediction]:
    """An answer for each of these sets, whose right answers are unknown. budget: vectors per batch."""
    model.eval()
    predictions: dict[int, Prediction] = {}
    for indices, batch in _batches(sets, engine, budget):
        with engine.autocast():
            predictions |= zip(indices, model.predict(batch.inputs), strict=True)
    return [predictions[i] for i in range(len(sets))]


def _batches(sets: Batches, engine: Engine, budget: int) -> Iterator[tuple[list[int], Batch]]:
    """The numbers of the examples of each batch, and the batch where the model is."""
    for indices in Batching(sets.lengths, budget, seed=0).in_order():
        yield indices.tolist(), sets.batch(indices).to(engine.device)


def word_lengths(split: Split, target: str, evaluation: Evaluation) -> dict[str, list[int]]:
    """Of answers that are texts: quantiles of how many words the right ones have, and those that were predicted."""
    texts = {"right texts": split.gold(target), "answers": [answer.value for answer in evaluation.predictions]}
    return {name: metrics.text.length_quantiles([str(text) for text in group]) for name, group in texts.items()}
