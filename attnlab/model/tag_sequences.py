"""Tags of a set as one sequence: a linear-chain conditional random field (Lafferty et al. 2001), and the most probable
sequence where tags such as I-PER may not follow all others.

Scores are logarithms. `transitions` (C+1, C+1) are what a sequence's score has besides those of its vectors' tags: of each tag
(row) with the next one (column); in the last row that of the first tag, in the last column that of the last one. Sums over all
sequences are computed position by position, for all sets that have a vector there, by the forward-backward algorithm
(Rabiner 1989, section III). Its alphas and betas are scaled to sum to 1 at each vector, so that long sets lose no digits, and
they are doubles, which hold e^±700, so that a product of matrices can take the place of sums of exponentials: on a CPU it takes
a tenth of the time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from attnlab.errors import UserError
from attnlab.metrics.spans import OUTSIDE, are_tags, may_follow, types_with_ends
from attnlab.model.readout import set_sum
from attnlab.sets import Layout, Loss
from attnlab.spec import Target


class TagSequences(nn.Module):
    """Scores (N, C) of each vector's tags -> the loss of whole sequences, and the most probable ones.

    learned: whether transitions are weights; they start at 0, where each vector stands for itself. constrained: whether only
    valid sequences are predicted. Raises UserError where the target's classes are no such tags.
    """

    def __init__(self, target: Target, learned: bool, constrained: bool) -> None:
        super().__init__()
        size = len(target.classes) + 1
        self.transitions = nn.Parameter(torch.zeros(size, size)) if learned else None
        forbidden = ~_valid(target) if constrained else torch.zeros(size, size, dtype=torch.bool)
        self.forbidden: Tensor
        self.register_buffer(
            "forbidden", torch.zeros(size, size).masked_fill(forbidden, -torch.inf), persistent=False
        )

    def loss(self, scores: Tensor, truth: Tensor, layout: Layout) -> Loss:
        """(N, C) and the (N,) right classes -> −log P summed over sets, and how many vectors are scored, so that it compares
        with cross-entropy.

        P is the probability of all sequences that have the right tag wherever one is known (truth ≥ 0). It is one of all
        sequences, valid or not: right answers may hold an I- that begins a span, which would have none.
        """
        assert self.transitions is not None, "without them, each vector has its own loss"
        scores, known = scores.float(), truth >= 0
        right = torch.arange(scores.shape[1], device=scores.device) == truth[:, None]  # (N, C)
        agreeing = scores.masked_fill(known[:, None] & ~right, -torch.inf)
        both = Layout.of([*layout.lengths, *layout.lengths]).to(scores.device)
        every, some = log_partition(torch.cat([scores, agreeing]), self.transitions, both).view(2, -1)
        has_known = set_sum(known.double(), layout) > 0  # of the others, both are the same up to rounding
        return Loss(((every - some) * has_known).sum().float(), known.sum())

    def best(self, scores: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        """(N, C) -> the (N,) classes of the most probable sequence of each set, and the (N, C) marginal probabilities."""
        transitions = self.forbidden if self.transitions is None else self.transitions + self.forbidden
        return viterbi(scores.float(), transitions, layout), marginals(scores, transitions, layout)


def _valid(target: Target) -> Tensor:
    """(C+1, C+1) bool: which transitions there are in valid sequences. Raises UserError where there are none."""
    if not are_tags(target.classes):
        raise UserError(
            "`head.constraints=bio`: this target's classes are no tags of spans, such as B-PER, I-PER and O; use "
            "head.constraints=none"
        )
    tags, with_ends = (*target.classes, OUTSIDE), types_with_ends(target.classes)
    rows = [[may_follow(before, tag, with_ends) for tag in tags] for before in tags]
    if not any(rows[-1][i] and rows[i][-1] for i in range(len(target.classes))):
        raise UserError(
            "`head.constraints=bio`: no class of this target may stand alone, as O does, so that a set of one vector would have "
            "no valid tag; use head.constraints=none"
        )
    return torch.tensor(rows)


def log_partition(scores: Tensor, transitions: Tensor, layout: Layout) -> Tensor:
    """(N, C), (C+1, C+1) -> (B,) float64: log Σ exp(score) over all sequences of tags of each set; 0 for an empty set."""
    return _LogPartition.apply(scores, transitions, layout)


def marginals(scores: Tensor, transitions: Tensor, layout: Layout) -> Tensor:
    """(N, C), (C+1, C+1) -> (N, C) float64: the probability that a vector has a tag, summed over all sequences of the others."""
    sums = _Sums(scores, transitions, layout)
    return sums.steps.packed(sums.marginals(sums.betas()))


def viterbi(scores: Tensor, transitions: Tensor, layout: Layout) -> Tensor:
    """(N, C), (C+1, C+1) -> (N,) int64: the sequences with the highest scores (Viterbi 1967). Some sequence of each set must
    be possible."""
    steps, (start, between, end) = _Steps.of(layout, scores.device), _parts(transitions)
    parts = scores.t()[:, steps.rows].split(steps.sizes, 1)  # (C, S at this position) each: the quickest order
    reached = list[Tensor]()  # the highest score of a sequence up to this position, with each tag there
    for part in parts:
        before = reached[-1][:, None, : part.shape[1]] + between[:, :, None] if reached else start[None, :, None]
        best = before.amax(0) + part
        reached.append(best - best.amax(0))  # of scores that grow with the length, digits would be lost
    chosen = list[Tensor]()  # from the last position to the first
    for scored in reversed(reached):
        tags = (scored + end[:, None]).argmax(0)  # where sets end here
        if chosen:
            behind = chosen[-1]
            tags[: len(behind)] = (scored[:, : len(behind)] + between[:, behind]).argmax(0)
        chosen.append(tags)
    return steps.packed(torch.cat(chosen[::-1])) if chosen else steps.rows


def _parts(transitions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(C+1, C+1) -> (C,) of the start, (C, C) between tags, (C,) of the end."""
    return transitions[-1, :-1], transitions[:-1, :-1], transitions[:-1, -1]


@dataclass(frozen=True, eq=False)
class _Steps:
    """The order in which rows are computed: the first vectors of all sets, then the second ones, …, each time in the order of
    their sets' lengths, the longest first, so that a set's rows have the same number at each position.

    rows: (N,) where each stands in the packed sets. sizes: how many there are at each position. sets: (S,) those with
    vectors, in this order. lasts: (S,) where the last vector of each stands.
    """

    rows: Tensor
    sizes: tuple[int, ...]
    sets: Tensor
    lasts: Tensor

    @classmethod
    def of(cls, layout: Layout, device: torch.device) -> "_Steps":
        lengths = np.array(layout.lengths, dtype=np.int64)
        sets = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        sizes = len(sets) - np.bincount(lengths[sets]).cumsum()[:-1]  # sets that are longer than 0, 1, …
        starts = sizes.cumsum() - sizes
        position = np.repeat(np.arange(len(sizes)), sizes)
        number = np.arange(len(position)) - np.repeat(starts, sizes)
        rows = np.array(layout.starts, dtype=np.int64)[sets[number]] + position
        lasts = starts[lengths[sets] - 1] + np.arange(len(sets))
        rows_there, sets_there, lasts_there = (torch.from_numpy(a).to(device) for a in (rows, sets, lasts))
        return cls(rows_there, tuple(sizes.tolist()), sets_there, lasts_there)

    def packed(self, ordered: Tensor) -> Tensor:
        """(N, …) in this order -> (N, …) as the sets are packed."""
        return torch.empty_like(ordered).index_copy_(0, self.rows, ordered)

    def pairs(self) -> tuple[Tensor, Tensor]:
        """(N − S,) rows in this order that stand behind another vector of their set, and (N − S,) the one before each."""
        rows = torch.arange(sum(self.sizes[:1]), len(self.rows))
        sizes = torch.tensor(self.sizes, dtype=torch.int64)
        distance = sizes[:-1].repeat_interleave(sizes[1:])
        return rows.to(self.rows.device), (rows - distance).to(self.rows.device)


class _Sums:
    """Of (N, C) scores of B sets, sums over all their sequences. All tensors are float64; rows stand in the order of `steps`."""

    def __init__(self, scores: Tensor, transitions: Tensor, layout: Layout) -> None:
        self.layout, self.steps = layout, _Steps.of(layout, scores.device)
        ordered = scores.detach().double()[self.steps.rows]
        largest = ordered.amax(1)
        self.weights = (ordered - largest[:, None]).exp()  # (N, C)
        self.start, self.between, self.end = _parts(transitions.detach().double().exp())
        self.alphas = torch.empty_like(ordered)  # (N, C): P(tag | vectors up to this one)
        scales = self._run(largest.new_empty(len(largest)))
        self.scales = scales.log() + largest  # (N,): their sum over a set is log Z, but for the end

    def _run(self, scales: Tensor) -> Tensor:
        """Fill in the alphas, and (N,) what their sums were."""
        sizes, alpha = self.steps.sizes, self.start
        for t, (weights, alphas, scale) in enumerate(
            zip(self.weights.split(sizes), self.alphas.split(sizes), scales.split(sizes), strict=True)
        ):
            alpha = weights * (alpha[: len(weights)] @ self.between if t else alpha)
            torch.sum(alpha, 1, out=scale)
            alpha = torch.div(alpha, scale[:, None], out=alphas)
        return scales

    def log_partition(self) -> Tensor:
        """(B,): log Z."""
        ends = (self.alphas[self.steps.lasts] @ self.end).log()
        return set_sum(self.steps.packed(self.scales), self.layout).index_add(0, self.steps.sets, ends)

    def betas(self) -> Tensor:
        """(N, C): how probable what comes behind a vector is from each of its tags, up to a factor for each vector."""
        betas = torch.empty_like(self.alphas)
        betas[self.steps.lasts] = self.end
        parts, weights = betas.split(self.steps.sizes), self.weights.split(self.steps.sizes)
        for t in range(len(parts) - 1, 0, -1):
            beta = (weights[t] * parts[t]) @ self.between.t()
            torch.div(beta, beta.sum(1, keepdim=True), out=parts[t - 1][: len(beta)])
        return betas

    def marginals(self, betas: Tensor) -> Tensor:
        """(N, C): P(tag | all vectors)."""
        joint = self.alphas * betas
        return joint / joint.sum(1, keepdim=True)

    def transitions(self, tags: Tensor, betas: Tensor, factors: Tensor) -> Tensor:
        """(C+1, C+1): how often each transition is expected, where a set counts as much as its rows' (N, 1) factors say.

        tags: (N, C) marginals times these factors.
        """
        rows, previous = self.steps.pairs()
        before, behind = self.alphas[previous], self.weights[rows] * betas[rows]
        total = (before @ self.between * behind).sum(1, keepdim=True)
        counts = tags.new_zeros(len(self.start) + 1, len(self.start) + 1)
        counts[:-1, :-1] = self.between * ((factors[rows] / total * before).t() @ behind)
        counts[-1, :-1], counts[:-1, -1] = tags[: len(self.steps.sets)].sum(0), tags[self.steps.lasts].sum(0)
        return counts


class _LogPartition(torch.autograd.Function):
    """Its gradients are the expected counts of tags and of transitions."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, transitions: Tensor, layout: Layout) -> Tensor:
        ctx.sums, ctx.dtypes = _Sums(scores, transitions, layout), (scores.dtype, transitions.dtype)
        return ctx.sums.log_partition()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        sums, (of_scores, of_transitions) = ctx.sums, ctx.dtypes
        betas = sums.betas()
        factors = gradient[sums.layout.set_index][sums.steps.rows, None]
        tags = factors * sums.marginals(betas)
        transitions = sums.transitions(tags, betas, factors)
        return sums.steps.packed(tags).to(of_scores), transitions.to(of_transitions), None
