"""Predictions of all examples of a split, in its order, and their scores, for `eval` and `train`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import torch

from attnlab import metrics
from attnlab.data.contract import Batches, Split
from attnlab.data.prep.batching import Batching, Indices
from attnlab.errors import UserError
from attnlab.metrics import bootstrap
from attnlab.model.build import Model
from attnlab.model.interfaces import Head
from attnlab.runs import Intervals
from attnlab.sets import Prediction
from attnlab.targets import kind_named
from attnlab.training.engine import Engine
from attnlab.training.gather import Read, gathered


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
    read = []
    for number, indices in engine.ranks.dealt(_in_order(split, budget)):
        batch = split.batch(indices).to(engine.device)
        engine.seed(number)  # where a head draws its answers
        with engine.autocast():
            reading = model.read(batch.inputs)
            loss = reading.loss(batch.targets)
            total = float(loss.total)
            answers = reading.predict(greedy) if math.isfinite(total) else []
        read.append(Read(number, total, int(loss.count), answers))
    model.train(training)
    read = gathered(read, engine.ranks, model.head.classes)
    order = _in_order(split, budget)
    predictions: dict[int, Prediction] = {}
    for of_batch in read:
        numbers = order[of_batch.number].tolist()
        refuse_no_number(of_batch.total, split, order[of_batch.number])
        predictions |= zip(numbers, of_batch.answers, strict=True)
    total, count = sum(of_batch.total for of_batch in read), sum(of_batch.count for of_batch in read)
    ordered = [predictions[i] for i in range(len(split))]
    head, slices = model.head, cast(metrics.Slices, split.slices())
    comparison = metrics.Comparison(head.kind, split.gold(head.target), ordered, head.classes)
    measured = metrics.measure(head.metrics, comparison, slices)
    scores = dict(measured.scores)
    if count:
        scores |= {"loss": total / count} | kind_named(head.kind).from_loss(total / count)
    of_each = measured.classes, measured.spans, measured.questions
    return Evaluation(ordered, scores, measured.undefined, measured.confusion, *of_each)


def refuse_no_number(loss: float, split: Split, indices: Indices, when: str = "") -> None:
    """Raises UserError where the loss of a batch is no number. indices: of its examples; when: at which update of training."""
    if not math.isfinite(loss):
        keys = ", ".join(split.keys[i] for i in indices[:5].tolist())
        raise UserError(
            f"the loss became {loss}{when}, in the batch of {keys}, …: the weights, or these examples, are beyond what can be "
            "computed; train with a lower `optimizer.lr`, or look at the examples"
        )


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
    for number, indices in enumerate(_in_order(sets, budget)):
        engine.seed(number)
        with engine.autocast():
            answers = model.predict(sets.batch(indices).to(engine.device).inputs)
        predictions |= zip(indices.tolist(), answers, strict=True)
    return [predictions[i] for i in range(len(sets))]


def _in_order(sets: Batches, budget: int) -> list[Indices]:
    """The numbers of the examples of each batch."""
    return Batching(sets.lengths, budget, seed=0).in_order()


def word_lengths(split: Split, target: str, evaluation: Evaluation) -> dict[str, list[int]]:
    """Of answers that are texts: quantiles of how many words the right ones have, and those that were predicted."""
    texts = {"right texts": split.gold(target), "answers": [answer.value for answer in evaluation.predictions]}
    return {name: metrics.text.length_quantiles([str(text) for text in group]) for name, group in texts.items()}
