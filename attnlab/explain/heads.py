"""What each attention head does over a data set: where its weights go, and models in which one head's weights are uniform or
its output is zero.

Weights of one set, or of some queries of a long one, are in memory at a time, and only numbers are kept of them.

Letters: n examples · H heads · Lq queries and Lk keys of a set · q queries of a block.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from attnlab.choices import listed
from attnlab.explain.explanation import LayerKind
from attnlab.model.attention.kernels import REFERENCE
from attnlab.model.attention.multihead import CrossAttention, SelfAttention
from attnlab.model.attention.positions import Biases, Rotation
from attnlab.model.attention.recorder import attention_layers
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scopes import ByEdges, Everything, Scope
from attnlab.model.build import Model
from attnlab.model.encoders.attention import Attention
from attnlab.sets import Batch, Layout, VectorSets

Marks = NDArray[np.bool_]
Evidence = Callable[[int], Marks | None]
"""Of an example by its number, the vectors that decide its answer: (L,), or (Lq, Lk), those that each query's answer depends
on, rows without any left out. Of output sequences, rows are the tokens of the right answer. None: the data don't know."""
Change = Literal["uniform", "zero"]

BLOCK = 1 << 24
"""Numbers of pairs of queries and keys, times head width, that are in memory at once."""
LONGEST_OF_EDGES = 4096
"""Vectors of the largest set whose weights along edges are looked at: their table cannot be computed in blocks."""
NEARLY_UNIFORM = 0.01
"""How far each weight of a row may be from the uniform one, as a share of it."""


class Statistic(NamedTuple):
    """title: as a column. reading: how its numbers are read, in one sentence. source: where it is from."""

    title: str
    reading: str
    source: str


STATISTICS: dict[str, Statistic] = {
    "entropy": Statistic(
        "entropy",
        "Entropy of a query's weights over ln |scope|: 0, all weight lies on one vector; 1, all vectors have the same.",
        "Clark et al. 2019",
    ),
    "distance": Statistic(
        "mean distance",
        "Σ weight × distance from query to key: the higher, the farther away are the vectors that a head takes from.",
        "Dosovitskiy et al. 2021, figure 7",
    ),
    "itself": Statistic("on itself", "Weight of a vector for itself.", "Clark et al. 2019"),
    "beside": Statistic(
        "on neighbours",
        "Weight of the vectors next to a query: one before and one behind, the eight patches around, nodes one hop away.",
        "Voita et al. 2019",
    ),
    "first": Statistic(
        "on the first",
        "Weight of the first vector of the set, on which heads with nothing to do often rest.",
        "Xiao et al. 2024",
    ),
    "largest": Statistic("largest weight", "Mean of each query's largest weight.", "Voita et al. 2019"),
    "uniform": Statistic(
        "uniform rows",
        "Share of queries whose weights all lie within 1 % of uniform ones, so that the head only averages.",
        "Wiegreffe & Pinter 2019",
    ),
    "others": Statistic(
        "unlike others",
        "Mean Jensen–Shannon distance to the weights of the layer's other heads: 0, all alike; 1, nothing in common.",
        "Clark et al. 2019",
    ),
    "forward": Statistic(
        "goes forward",
        "Share of tokens whose strongest source vector doesn't stand before that of the token written before.",
        "Raffel et al. 2017",
    ),
    "covered": Statistic(
        "covered",
        "Share of source vectors that have the largest weight for some token.",
        "Tu et al. 2016",
    ),
    "evidence": Statistic(
        "weight on evidence",
        "Weight of the vectors that are known to decide a query's answer.",
        "Bastings et al. 2022",
    ),
    "hit": Statistic(
        "evidence found",
        "Share of queries whose largest weight lies on a vector that is known to decide the answer.",
        "Bastings et al. 2022",
    ),
}
"""What is measured of each head, by name. Means are over the queries of an example that have more than one vector in their
scope, and then over examples."""


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """One attention layer over n examples. name, kind, number, scope: as of `explanation.Layer`.

    values: by the names of `STATISTICS`, (n, H + 1): the mean over the queries of each example, and last what uniform weights
    over the scope would give; NaN where an example has no such queries, and where nothing of the kind is defined.
    """

    name: str
    kind: LayerKind
    number: int
    scope: str
    heads: int
    values: Mapping[str, NDArray[np.float32]]


class SetWeights(NamedTuple):
    """Some queries of one set. weights: (H, q, Lk); allowed: (q, Lk), which keys are in their scope; first: the number of
    their first one in the set; differences: (q, Lk, P) of coordinates, or None."""

    weights: Tensor
    allowed: Tensor
    first: int
    differences: Tensor | None


class Call(NamedTuple):
    """What an attention layer was called with. queries, keys: (Nq, H, K), (Nk, H, K), prepared for the scores."""

    queries: Tensor
    keys: Tensor
    plan: Plan
    biases: Biases


def layers_of(model: Model) -> dict[str, tuple[LayerKind, int, str]]:
    """The attention layers of a model, of several `members` the first's: by name, kind, number from 1 among those of its kind,
    and scope as `encoder.scope` names it, "" in a decoder."""
    config = model.encoder.config if isinstance(model.encoder, Attention) else None
    scopes = [] if config is None else listed(config.scope)
    found: dict[str, tuple[LayerKind, int, str]] = {}
    counts: dict[LayerKind, int] = {"encoder": 0, "decoder": 0, "cross": 0}
    for name, layer in attention_layers(model).items():
        if name.startswith("others."):
            continue
        kind: LayerKind = (
            "cross"
            if isinstance(layer, CrossAttention)
            else "encoder"
            if name.startswith("encoder.")
            else "decoder"
        )
        counts[kind] += 1
        scope = scopes[(counts[kind] - 1) % len(scopes)] if kind == "encoder" and scopes else ""
        found[name] = kind, counts[kind], scope
    return found


@torch.no_grad()
def head_statistics(
    model: Model,
    batches: Iterable[tuple[Sequence[int], Batch]],
    count: int,
    evidence: Evidence = lambda _: None,
    step: float = 1.0,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[list[LayerStatistics], int]:
    """The statistics of every head over `count` examples, and how many were left out: where scopes follow edges, those of more than
    `LONGEST_OF_EDGES` vectors.

    batches: numbers of examples, each below `count`, with their batch. Decoders read the right answers (teacher forcing).
    step: what a difference of 1 between coordinates of the encoded set is in the unit that is wanted. progress: takes how many are done.
    """
    known, layers = layers_of(model), attention_layers(model)
    heads = {name: layers[name].heads for name in known}
    values = {
        name: {statistic: np.full((count, heads[name] + 1), np.nan, dtype=np.float32) for statistic in STATISTICS}
        for name in known
    }
    left_out: set[int] = set()
    current: Sequence[int] = ()
    marks_of: dict[int, Marks | None] = {}  # of the current batch, for its layers
    training = model.training
    model.eval()

    def watch(name: str, layer: SelfAttention | CrossAttention, inputs: tuple, named: dict) -> None:
        call, kind = _call(layer, inputs, named), known[name][0]
        of_kind = "cross" if model.head.uses_search else "encoder"
        for number, sets in zip(current, _sets_of(call.plan), strict=True):
            if isinstance(call.plan.scope, ByEdges) and len(sets.keys.values) > LONGEST_OF_EDGES:
                left_out.add(number)
                continue
            if kind == of_kind and number not in marks_of:
                marks_of[number] = evidence(number)
            marks = marks_of[number] if kind == of_kind else None
            unit = step if kind == "encoder" else 1.0
            measured = _measured(_blocks(layer, call, sets), sets, kind, marks, unit)
            for statistic, of_heads in measured.items():
                values[name][statistic][number] = of_heads

    handles = [layers[name].register_forward_pre_hook(partial(watch, name), with_kwargs=True) for name in known]
    done = 0
    try:
        for current, batch in batches:
            marks_of.clear()
            encoded = model.encode(batch.inputs)
            if model.head.uses_search:
                model.head.loss(encoded, batch.targets)
            done += len(current)
            progress(done)
    finally:
        for handle in handles:
            handle.remove()
        model.train(training)
    told = [LayerStatistics(name, *known[name], heads[name], values[name]) for name in known]
    return told, len(left_out)


# --- the weights of one set after the other -------------------------------------------------------


class _Pair(NamedTuple):
    """One set of a plan. rows: where its queries and keys stand in the plan."""

    queries: VectorSets
    keys: VectorSets
    rows: tuple[slice, slice]


def _call(layer: SelfAttention | CrossAttention, inputs: tuple, named: dict) -> Call:
    if isinstance(layer, SelfAttention):

        def of_self(x: Tensor, plan: Plan, rotation: Rotation | None = None, biases: Biases = ()) -> Call:
            q, k, _ = layer.project(x)
            q, k = layer.score.prepare(q, k)
            return Call(q, k, plan, biases) if rotation is None else Call(rotation(q), rotation(k), plan, biases)

        return of_self(*inputs, **named)

    def of_cross(x: Tensor, memory: tuple[Tensor, Tensor], plan: Plan, biases: Biases = ()) -> Call:
        q, k = layer.score.prepare(layer.project_q(x), memory[0])
        return Call(q, k, plan, biases)

    return of_cross(*inputs, **named)


def _sets_of(plan: Plan) -> list[_Pair]:
    """The sets of a plan in the order of the batch."""
    queries = plan.queries.unbind()
    keys = queries if plan.queries is plan.keys else plan.keys.unbind()
    ends = plan.queries.layout.starts, plan.keys.layout.starts
    pairs = [
        _Pair(own, other, (slice(*ends[0][i : i + 2]), slice(*ends[1][i : i + 2])))
        for i, (own, other) in enumerate(zip(queries, keys, strict=True))
    ]
    return pairs if plan.inverse_order is None else [pairs[i] for i in plan.inverse_order]


def _blocks(layer: SelfAttention | CrossAttention, call: Call, sets: _Pair) -> Iterator[SetWeights]:
    """The weights of one set, as the reference computes them, some queries at a time."""
    q, k = call.queries[sets.rows[0]], call.keys[sets.rows[1]]
    scope, size = call.plan.scope, len(q)
    whole = isinstance(scope, ByEdges)
    rows = size if whole else max(1, BLOCK // max(1, k.numel()))
    for first in range(0, size, max(rows, 1)):
        part = slice(first, min(first + rows, size))
        queries = sets.queries if whole else _part(sets.queries, part)
        plan = REFERENCE.plan(scope, queries, sets.keys)
        (weights,) = REFERENCE.weights(q[part], k, plan, layer.score, call.biases)
        work = plan.work[0]
        yield SetWeights(weights.double(), work.allowed, first, work.pairs.differences)


def _part(sets: VectorSets, rows: slice) -> VectorSets:
    values = sets.values[rows]
    return VectorSets(values, Layout.of([len(values)]), None if sets.coords is None else sets.coords[rows])


# --- numbers of one set ---------------------------------------------------------------------------


def _measured(
    blocks: Iterator[SetWeights], sets: _Pair, kind: LayerKind, marks: Marks | None, step: float
) -> dict[str, NDArray[np.float32]]:
    """By name, (H + 1,): means over the queries of one set, and last those of uniform weights."""
    hops = _hops(sets.keys) if kind == "encoder" and sets.keys.edges is not None else None
    linked = None if marks is None else _linked(marks, sets, kind)
    sums: dict[str, Tensor] = {}
    counts: dict[str, Tensor] = {}
    strongest: list[Tensor] = []
    for block in blocks:
        rows = _of_block(block, sets, kind, hops, linked, step)
        for name, (of_rows, counted) in rows.items():
            kept = torch.where(counted, of_rows, torch.zeros_like(of_rows)).sum(-1)
            sums[name] = sums.get(name, 0) + kept.double()
            counts[name] = counts.get(name, 0) + counted.sum(-1).double()
        if kind == "cross":
            strongest.append(block.weights.argmax(-1))
    measured = {name: (sums[name] / counts[name]).float().cpu().numpy() for name in sums}  # 0 / 0: NaN
    if strongest:
        measured |= _path(torch.cat(strongest, dim=1), len(sets.keys.values))
    return measured


def _of_block(
    block: SetWeights, sets: _Pair, kind: LayerKind, hops: Tensor | None, linked: Tensor | None, step: float
) -> dict[str, tuple[Tensor, Tensor]]:
    """By name, (H + 1, q) numbers of each query, the last row those of uniform weights, and (H + 1, q) which of them count."""
    allowed, weights = block.allowed, block.weights
    heads, queries = weights.shape[:2]
    sizes = allowed.sum(-1)
    even = allowed / sizes.clamp(min=1)[:, None]
    both = torch.cat([weights, even[None]])  # (H + 1, q, Lk)
    choice = (sizes > 1).expand(heads + 1, queries)
    logs = torch.xlogy(both, both)
    entropy = -logs.sum(-1)
    near = (both - even).abs() <= NEARLY_UNIFORM * even + 1e-7
    found = {
        "entropy": (entropy / sizes.clamp(min=2).log(), choice),
        "largest": (both.amax(-1), choice),
        "uniform": ((near | ~allowed).all(-1).float(), choice),
    }
    if heads > 1:
        found["others"] = _unlike(weights, entropy), torch.cat([choice[:-1], torch.zeros_like(choice[:1])])
    part = slice(block.first, block.first + queries)
    if kind != "cross":
        own = torch.arange(block.first, block.first + queries, device=weights.device)
        found["itself"] = both[:, torch.arange(queries, device=weights.device), own], choice
        far = beside = None
        if hops is not None:
            far = hops[part]
            beside = far == 1
        elif block.differences is not None:
            far = block.differences.norm(dim=-1) * step
            along = block.differences.abs().amax(-1)
            apart = along[along > 0]  # where an embedding keeps every third frame, the next one is 3 frames away
            beside = (along > 0) & (along <= (apart.min() * 1.001 if len(apart) else 0))
            if sets.keys.coords is not None and sets.keys.coords.shape[1] == 1:
                found["first"] = both[:, :, int(sets.keys.coords[:, 0].argmin())], choice
        if far is not None and beside is not None:
            reached = torch.isfinite(far)
            there = (both * reached).sum(-1)
            distance = (both * far.where(reached, far.new_zeros(()))).sum(-1) / there
            found["distance"] = distance, choice & (there > 0)
            found["beside"] = (both * beside).sum(-1), choice
    if linked is not None:
        deciding = linked[part] & allowed  # what is out of reach is not missed
        counted = choice & deciding.any(-1)
        mass = (both * deciding).sum(-1)
        tied = (
            both >= both.amax(-1, keepdim=True) - 1e-6
        ) & allowed  # which of equal weights is the largest says nothing
        hit = (tied & deciding).sum(-1) / tied.sum(-1).clamp(min=1)
        found["evidence"] = mass, counted
        found["hit"] = hit, counted
    return found


def _unlike(weights: Tensor, entropy: Tensor) -> Tensor:
    """(H, q, Lk) weights and (H + 1, q) their entropies -> (H + 1, q): mean over the other heads of √(Jensen–Shannon divergence
    in bits), Lin 1991; the last row is 0."""
    heads = len(weights)
    sums = torch.zeros_like(entropy)
    for head in range(heads - 1):
        mixed = (weights[head] + weights[head + 1 :]) / 2
        divergence = -torch.xlogy(mixed, mixed).sum(-1) - (entropy[head] + entropy[head + 1 : heads]) / 2
        distance = (divergence / np.log(2)).clamp(min=0).sqrt()
        sums[head] += distance.sum(0)
        sums[head + 1 : heads] += distance
    return sums / (heads - 1)


def _hops(sets: VectorSets) -> Tensor:
    """(L, L): edges of the shortest way between two nodes, whatever their direction; infinite where there is none."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import shortest_path

    assert sets.edges is not None
    ends, size = sets.edges.cpu().numpy(), len(sets.values)
    graph = csr_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(size, size))
    found = shortest_path(graph, directed=False, unweighted=True)
    return torch.from_numpy(found).float().to(sets.values.device)


def _linked(marks: Marks, sets: _Pair, kind: LayerKind) -> Tensor | None:
    """(Lq, Lk) marks; None where the model shortened the sets that they are of, or cut their answers."""
    queries, keys = len(sets.queries.values), len(sets.keys.values)
    if marks.shape == (keys,) and kind != "cross":
        marks = np.broadcast_to(marks, (queries, keys))
    if marks.shape != (queries, keys):
        return None
    return torch.from_numpy(np.ascontiguousarray(marks)).to(sets.keys.values.device)


def _path(strongest: Tensor, keys: int) -> dict[str, NDArray[np.float32]]:
    """(H, Lq) the key with the largest weight of each query -> how far they go forward, and how many keys they cover."""
    queries = strongest.shape[1]
    nothing = np.full(1, np.nan, dtype=np.float32)
    covered = np.array([len(row.unique()) / keys for row in strongest], dtype=np.float32)
    found = {"covered": np.concatenate([covered, nothing])}
    if queries > 1:
        forward = (strongest[:, 1:] >= strongest[:, :-1]).float().mean(1).cpu().numpy()
        found["forward"] = np.concatenate([forward, nothing])
    return found


# --- models with one head changed ------------------------------------------------------------------


@contextmanager
def head_changed(model: nn.Module, layer: str, head: int, change: Change) -> Iterator[None]:
    """While inside, one head of an attention layer gives something else, whatever kernel computes it: `uniform`, the mean of
    the values in each query's scope (Wiegreffe & Pinter 2019); `zero`, nothing (Michel et al. 2019, section 2.3).

    head: from 0. A decoder is changed where it reads given answers, not while it writes its own token by token.
    """
    found = attention_layers(model)[layer]
    columns = slice(head * found.head_width, (head + 1) * found.head_width)
    means: list[Tensor] = []

    def average(_: nn.Module, inputs: tuple, named: dict) -> None:
        means[:] = [_mean_values(found, head, inputs, named)]

    def replace(_: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        heads = inputs[0].clone()
        heads[:, columns] = means[0].to(heads.dtype) if change == "uniform" else 0.0
        return (heads,)

    handles = [found.out_proj.register_forward_pre_hook(replace)]
    if change == "uniform":
        handles.append(found.register_forward_pre_hook(average, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _mean_values(layer: SelfAttention | CrossAttention, head: int, inputs: tuple, named: dict) -> Tensor:
    """(Nq, K): of each query, the mean of one head's values over its scope; 0 where nothing is in it."""
    plan = _call(layer, inputs, named).plan
    value = layer.project(inputs[0])[2] if isinstance(layer, SelfAttention) else inputs[1][1]
    return scope_means(plan.scope, plan.queries, plan.keys, value[:, head])


def scope_means(scope: Scope, queries: VectorSets, keys: VectorSets, values: Tensor) -> Tensor:
    """(Nk, …) -> (Nq, …): of each query the mean over the keys in its scope; 0 where there are none."""
    if isinstance(scope, Everything):
        sums = values.new_zeros(len(keys), *values.shape[1:]).index_add(0, keys.layout.set_index, values)
        return (sums / keys.layout.counts.clamp(min=1)[:, None]).index_select(0, queries.layout.set_index)
    if isinstance(scope, ByEdges):
        pairs = scope.neighbours(queries)
        sums = torch.zeros_like(values).index_add(0, pairs.queries, values.index_select(0, pairs.keys))
        counts = torch.bincount(pairs.queries, minlength=len(values))
        return sums / counts.clamp(min=1)[:, None]
    means = []
    starts = keys.layout.starts
    for number, (own, other) in enumerate(zip(queries.unbind(), keys.unbind(), strict=True)):
        of_set = values[starts[number] : starts[number + 1]]
        rows = max(1, BLOCK // max(1, len(of_set)))
        for first in range(0, len(own.values), rows):
            allowed = scope.allows(_part(own, slice(first, first + rows)), other).to(values.dtype)
            means.append(allowed @ of_set / allowed.sum(-1, keepdim=True).clamp(min=1))
    return torch.cat(means) if means else values[:0]
