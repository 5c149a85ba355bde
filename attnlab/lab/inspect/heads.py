"""`attnlab inspect RUN --split test`: what every attention head does over the examples of a split, what answers lose without it, and
how far explanations of the model's answers can be trusted.

Letters: n examples · H heads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab import metrics
from attnlab.data.contract import Batches, Gold, Split
from attnlab.data.prep.batching import Batching, Indices
from attnlab.data.prep.progress import counted
from attnlab.errors import UserError
from attnlab.explain.explanation import LayerKind, Numbers
from attnlab.explain.heads import (
    Change,
    LayerStatistics,
    Marks,
    head_changed,
    head_statistics,
    layers_of,
)
from attnlab.explain.methods import weight_by_distance
from attnlab.explain.over_examples import Asked, Estimate, Trust, estimate_of, trust
from attnlab.explain.question import default_question
from attnlab.metrics import bootstrap
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.registry import METRICS
from attnlab.sets import Batch, VectorSets
from attnlab.targets import kind_named
from attnlab.training.evaluate import evaluate
from attnlab.training.run import Run

EXAMPLES = 200
"""Examples that are explained by every method, unless more are asked for."""
MOST_EXAMPLES = 20_000
"""Examples of a split whose weights are looked at, evenly spaced."""
MOST_VALIDATION = 1000
"""Examples of the validation split from which the head and the position that know most of the evidence are chosen."""
USE_VECTORS = 2_000_000
"""Vectors that are computed for all heads together to see what answers lose without each; the examples are fewer where a
split has more."""
NO_MATTER = 0.001
"""Loss of score below which uniform weights are said to do as well, as a share of a score that is in units of the answer."""
CHANGES: tuple[Change, Change] = ("uniform", "zero")
LAYERS: dict[LayerKind, str] = {"encoder": "encoder layer", "decoder": "decoder layer", "cross": "cross-attention"}
"""What kinds of layers are called."""


@dataclass(frozen=True, eq=False)
class Head:
    """One head. number: from 1. statistics: by the names of `STATISTICS`, those that are defined; uniform: what uniform weights
    would give. cost: by how much the score becomes worse, above 0, or better, when its weights are uniform or its output zero."""

    layer: str
    kind: LayerKind
    layer_number: int
    scope: str
    number: int
    statistics: Mapping[str, Estimate]
    uniform: Mapping[str, float]
    cost: Mapping[Change, Estimate] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Use:
    """What heads were measured by. score: its name; value: of the whole model; absolute: whether it is in units of the answer;
    examples: how many were answered again for each head."""

    score: str
    value: float
    absolute: bool
    examples: int

    def matters(self, cost: Estimate) -> bool:
        """Whether such a loss is at least `NO_MATTER`."""
        return cost.value >= NO_MATTER * (abs(self.value) if self.absolute else 1.0)


@dataclass(frozen=True, eq=False)
class PositionRule:
    """Where evidence stands most often, by position alone. what: the rule in words; apply: (Lq, Lk) -> the key that it names for
    each query, −1 where there is none."""

    what: str
    apply: Callable[[int, int], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class KnownEvidence:
    """What the data know of the right answers' reasons. chosen: the head that has most hits on the validation split; hits: of it
    on this split. chance: of a key at random; rule, by_position: the position with most hits on validation, and its own hits
    on this split. examples: how many of this split have evidence."""

    examples: int
    chance: Estimate | None
    chosen: str | None
    hits: Estimate | None
    rule: str
    by_position: Estimate | None


@dataclass(frozen=True, eq=False)
class Inspected:
    """All that the page of a split shows. total: examples of the split; looked_at: those whose weights were measured; left_out: sets too
    large for weights along edges. unit: of distances. notes: what a reader should know besides."""

    run: str
    task: str
    data: str
    split: str
    total: int
    looked_at: int
    unit: str
    heads: Sequence[Head]
    use: Use | None
    evidence: KnownEvidence | None
    trust: Trust
    notes: Sequence[str]


class Part(Split):
    """Some examples of a split. rows: their numbers in it."""

    def __init__(self, whole: Split, rows: Indices) -> None:
        self.whole, self.rows = whole, rows
        self.lengths, self.answered = whole.lengths[rows], whole.answered
        self.keys = [whole.keys[row] for row in rows.tolist()]

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        return self.whole.batch(self.rows[indices], epoch)

    def gold(self, target: str) -> Sequence[Gold]:
        gold = self.whole.gold(target)
        return [gold[row] for row in self.rows.tolist()]

    def evidence(self, i: int) -> Marks | None:
        return self.whole.evidence(int(self.rows[i]))

    @classmethod
    def spaced(cls, whole: Split, most: int) -> Split:
        """At most so many examples, evenly spaced; the split itself where it has no more."""
        if len(whole) <= most:
            return whole
        return cls(whole, np.linspace(0, len(whole) - 1, most).astype(np.int64))


def inspect_split(run: Run, split: str, examples: int = EXAMPLES) -> Inspected:
    """Measures the heads of a run over a split of its data, and explains `examples` of it by every method. Raises UserError where there
    is no such split, and for fewer than 2 examples."""
    if examples < 2:
        raise UserError(f"`--examples {examples}`: give at least 2, so that there are intervals")
    data = run.data_to_score(split)
    if split not in data.splits:
        raise UserError(f"`--split {split}`: the data have {', '.join(data.splits)}")
    whole, notes = data.splits[split], list[str]()
    looked_at = Part.spaced(whole, MOST_EXAMPLES)
    validation = next((data.splits[name] for name in ("validation", "train") if name in data.splits), whole)
    chosen_by = Part.spaced(validation, MOST_VALIDATION)
    known = layers_of(run.model)
    heads, use, evidence = list[Head](), None, None
    if len(run.model.members) > 1:
        notes.append(f"The model has {len(run.model.members)} members; heads are those of the first.")
    if known:
        layers, left_out = _statistics(run, looked_at, "looking at heads")
        if left_out:
            notes.append(
                f"{left_out:,} sets are too large to look at the weights of all their pairs, and were left out."
            )
        heads = [head for layer in layers for head in _heads_of(layer)]
        if len(run.model.members) == 1:
            heads, use = _with_costs(run, heads, whole)
        else:
            notes.append(
                "What answers lose without a head is not measured: the other members would answer in its place."
            )
        of_kind = "cross" if run.model.head.uses_search else "encoder"
        if any("hit" in head.statistics for head in heads):
            evidence = _known_evidence(run, layers, of_kind, looked_at, chosen_by)
    else:
        notes.append(
            f"encoder={run.config.encoder.name} has no attention layers, so that there are no heads; how far explanations of its "
            "answers can be trusted stands below."
        )
    by_distance = None
    if known and run.spec.num_coords:
        by_distance = weight_by_distance(
            run.model, (chosen_by[i].inputs.to(run.engine.device) for i in range(min(100, len(chosen_by))))
        )
    explained = _explained(run, Part.spaced(whole, examples), by_distance)
    return Inspected(
        run=run.folder.path.name, task=str(run.config.task), data=run.config.data.name, split=split, total=len(whole),
        looked_at=len(looked_at), unit=_unit(run), heads=heads, use=use, evidence=evidence, trust=explained, notes=notes,
    )  # fmt: skip


# --- heads ------------------------------------------------------------------------------------------


def _unit(run: Run) -> str:
    """Of distances in the encoder."""
    if run.spec.num_coords == 0:
        return "hops"
    if run.spec.frame_seconds is not None:
        return "s"
    return {"image": "patches"}.get(run.spec.modality, "tokens" if run.spec.codecs else "words")


def _batches(run: Run, split: Batches) -> Iterator[tuple[list[int], Batch]]:
    for indices in Batching(split.lengths, run.config.trainer.batch_vectors, seed=0).in_order():
        yield indices.tolist(), split.batch(indices).to(run.engine.device)


def _statistics(run: Run, split: Split, what: str) -> tuple[list[LayerStatistics], int]:
    with counted(what) as progress, run.engine.autocast():
        return head_statistics(
            run.model, _batches(run, split), len(split), split.evidence, run.spec.frame_seconds or 1.0, progress
        )


def _heads_of(layer: LayerStatistics) -> Iterator[Head]:
    names = [name for name, values in layer.values.items() if np.isfinite(values).any()]
    found = {name: bootstrap.means(layer.values[name].astype(np.float64)) for name in names}
    for number in range(layer.heads):
        estimates = {name: estimate_of(means[:, number]) for name, means in found.items()}
        uniform = {name: float(means[0, -1]) for name, means in found.items() if np.isfinite(means[0, -1])}
        yield Head(
            layer.name, layer.kind, layer.number, layer.scope, number + 1,
            {name: estimate for name, estimate in estimates.items() if estimate is not None}, uniform,
        )  # fmt: skip


# --- what answers lose without a head ----------------------------------------------------------------


def _with_costs(run: Run, heads: Sequence[Head], whole: Split) -> tuple[list[Head], Use | None]:
    """The heads with what the score loses when each is changed; without, where no right answer is known."""
    if not whole.answered:
        return list(heads), None
    vectors = max(1.0, float(whole.lengths.sum()) / max(1, len(whole)))
    split = Part.spaced(whole, max(2, int(USE_VECTORS / (vectors * len(CHANGES) * len(heads)))))
    measure = _OfTokens(run, split) if isinstance(run.model.head, Seq2seq) else _OfScore(run, split)
    told = []
    with counted("changing one head after the other") as progress:
        for number, head in enumerate(heads):
            costs = dict[Change, Estimate]()
            for change in CHANGES:
                with head_changed(run.model, head.layer, head.number - 1, change):
                    cost = measure.cost()
                if cost is not None:
                    costs[change] = cost
            told.append(
                Head(
                    head.layer,
                    head.kind,
                    head.layer_number,
                    head.scope,
                    head.number,
                    head.statistics,
                    head.uniform,
                    costs,
                )
            )
            progress(number + 1)
    use = Use(measure.name, measure.value, measure.absolute, len(split)) if measure.value is not None else None
    return told, use


class _OfScore:
    """The score by which the run's weights were picked, or its loss where it has none."""

    absolute: bool

    def __init__(self, run: Run, split: Split) -> None:
        self.run, self.split, self.head = run, split, run.model.head
        self.whole = self._compared()
        self.name = self.head.monitor
        self.metric = METRICS.get(self.name, metrics.Metric)()
        value = self.metric.value(self.whole)
        self.value = float(value) if isinstance(value, int | float) else None
        self.absolute = (
            kind_named(self.head.kind).name in ("number", "vector_numbers") and metrics.direction(self.name) < 0
        )

    def cost(self) -> Estimate | None:
        """By how much the model, as it is now, is worse than it was, by the same resamples of the examples."""
        changed, sign = self._compared(), metrics.direction(self.name)
        found = bootstrap.paired(self.metric, self.whole, changed)
        if found is not None:
            low, high = sorted((sign * found.low, sign * found.high))
            return Estimate(sign * found.difference, low, high)
        value = self.metric.value(changed)
        if self.value is None or not isinstance(value, int | float):
            return None
        return Estimate(sign * (self.value - float(value)), None, None)

    def _compared(self) -> metrics.Comparison:
        run = self.run
        answers = evaluate(run.model, self.split, run.engine, run.config.trainer.batch_vectors).predictions
        return metrics.Comparison(self.head.kind, self.split.gold(self.head.target), answers, self.head.classes)


class _OfTokens:
    """The mean loss of a token of the right answers, read by the decoder, of models that write sequences: their scores would need a
    search for each head."""

    absolute = False
    name = "loss per token"

    def __init__(self, run: Run, split: Split) -> None:
        self.run, self.split = run, split
        self.losses, self.tokens = self._measured()
        self.value: float | None = float(self.losses.sum() / self.tokens.sum())

    def cost(self) -> Estimate | None:
        """By how much the mean loss is higher than it was."""
        losses, _ = self._measured()
        differences = (losses - self.losses) / self.tokens
        return estimate_of(bootstrap.means(differences[:, None], self.tokens[:, None])[:, 0])

    @torch.no_grad()
    def _measured(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) negative log-probabilities of the right answers, and (n,) their tokens."""
        model, head = self.run.model.eval(), self.run.model.head
        assert isinstance(head, Seq2seq)
        losses, tokens = np.zeros(len(self.split)), np.ones(len(self.split))
        for indices, batch in _batches(self.run, self.split):
            answers = batch.targets[head.target]
            assert isinstance(answers, VectorSets)
            with self.run.engine.autocast():
                found = head.log_probabilities(model.encode(batch.inputs), answers)
            losses[indices], tokens[indices] = -found.double().cpu().numpy(), answers.lengths
        return losses, tokens


# --- known evidence -----------------------------------------------------------------------------------


def _known_evidence(
    run: Run, layers: Sequence[LayerStatistics], kind: str, split: Split, validation: Split
) -> KnownEvidence:
    """What the heads of this kind of layer find of it, beside chance and position."""
    chosen_by, _ = _statistics(run, validation, "choosing a head on validation data")
    named = [
        (layer.name, head, f"{head + 1} of {LAYERS[layer.kind]} {layer.number}")
        for layer in layers
        if layer.kind == kind
        for head in range(layer.heads)
    ]
    on_validation = {layer.name: layer.values["hit"] for layer in chosen_by}
    here = {layer.name: layer.values["hit"] for layer in layers}
    means = [_mean(on_validation[layer][:, head]) for layer, head, _ in named]
    found = int(np.nanargmax(means)) if np.isfinite(means).any() else None
    rule = position_rule([marks for i in range(len(validation)) if (marks := validation.evidence(i)) is not None])
    by_position = np.array([_rule_hits(rule, split.evidence(i)) for i in range(len(split))])
    layer, head, name = named[found] if found is not None else (named[0][0], 0, None)
    values = np.stack([here[layer][:, head], here[layer][:, -1], by_position], axis=1).astype(np.float64)
    hits, chance, position = bootstrap.means(values).T
    return KnownEvidence(
        examples=int(np.isfinite(here[layer][:, -1]).sum()),
        chance=estimate_of(chance),
        chosen=name,
        hits=estimate_of(hits) if name is not None else None,
        rule=rule.what,
        by_position=estimate_of(position),
    )


def position_rule(known: Sequence[Marks]) -> PositionRule:
    """Of `so many before or behind`, `the so-and-so-many-th` and `the same from the end`, the position at which evidence stands most often;
    known: marks of examples, (L,) or (Lq, Lk)."""
    counts: dict[tuple[str, int], float] = {}
    for marks in known:
        per_set = marks.ndim == 1
        table = marks[None] if per_set else marks
        rows, keys = np.nonzero(table)
        places = {"first": keys, "last": table.shape[1] - 1 - keys} | ({} if per_set else {"apart": keys - rows})
        share = 1.0 / max(1, int(table.any(1).sum()))
        for kind, numbers in places.items():
            for number, count in zip(*np.unique(numbers, return_counts=True), strict=True):
                counts[kind, int(number)] = counts.get((kind, int(number)), 0.0) + float(count) * share
    if not counts:
        return PositionRule("no position", lambda queries, keys: np.full(queries, -1))
    kind, number = max(counts, key=lambda place: counts[place])

    def apply(queries: int, keys: int) -> NDArray[np.int64]:
        own = np.arange(queries)
        named = {"apart": own + number, "first": own * 0 + number, "last": own * 0 + keys - 1 - number}[kind]
        return np.where((named >= 0) & (named < keys), named, -1)

    side = "before" if number < 0 else "behind"
    what = {
        "apart": f"always {abs(number)} {side}" if number else "always the same position",
        "first": f"always number {number + 1}",
        "last": f"always number {number + 1} from the end",
    }[kind]
    return PositionRule(what, apply)


def _rule_hits(rule: PositionRule, marks: Marks | None) -> float:
    """The share of the queries with evidence whose evidence the rule names; NaN where there are none."""
    if marks is None:
        return np.nan
    table = marks[None] if marks.ndim == 1 else marks
    rows = np.flatnonzero(table.any(1))
    named = rule.apply(*table.shape)[rows]
    return float(np.mean(table[rows, named] & (named >= 0))) if len(rows) else np.nan


def _mean(values: NDArray[np.float32]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan


# --- explanations -------------------------------------------------------------------------------------


def _explained(run: Run, split: Split, by_distance: Numbers | None) -> Trust:
    """`trust` over the examples of a split."""
    with counted("explaining") as progress:
        return trust(run.model, _asked(run, split), by_distance, progress)


def _asked(run: Run, split: Split) -> Iterator[Asked]:
    """What is asked about each example: its class; of vectors or tokens, one at random, where evidence is known, of those whose evidence it
    is. Evidence counts only where the model is right."""
    head, random = run.model.head, np.random.default_rng(0)
    per_vector = kind_named(head.kind).per_vector
    gold = split.gold(head.target) if split.answered and not isinstance(head, Seq2seq) else None
    for i in range(len(split)):
        inputs, marks = split[i].inputs.to(run.engine.device), split.evidence(i)
        if not inputs.layout.size:
            continue
        if isinstance(head, Seq2seq):
            question = default_question(run.model, inputs)
            yield Asked(inputs, question)
            continue
        if not per_vector:
            question = default_question(run.model, inputs)
            known = marks if marks is not None and marks.ndim == 1 else None
            right = gold is not None and bool(head.classes) and head.classes[question.answer] == gold[i]
            yield Asked(inputs, question, np.flatnonzero(known).tolist() if known is not None and right else None)
            continue
        rows = (
            np.flatnonzero(marks.any(1)) if marks is not None and marks.ndim == 2 else np.zeros(0, dtype=np.int64)
        )
        vector = int(random.choice(rows)) if len(rows) else int(random.integers(inputs.layout.size))
        question = default_question(run.model, inputs, vector)
        evidence = None
        if marks is not None and len(rows) and gold is not None and head.classes:
            of_example = gold[i]
            assert isinstance(of_example, Sequence)
            if head.classes[question.answer] == of_example[vector]:
                evidence = np.flatnonzero(marks[vector]).tolist()
        yield Asked(inputs, question, evidence)
