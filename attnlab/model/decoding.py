"""How a sequence is written: the most probable one that a beam finds, or one drawn at random.

All sets of a batch are written together, a token at a time; a set that is finished leaves the batch. What is written
for a set depends on no other set. Letters: S, W, T, V as in `decoder.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from attnlab.codec import BEGIN_ID, END_ID, UNKNOWN_ID
from attnlab.model.decoder import Decoder
from attnlab.sets import VectorSets


@dataclass(frozen=True)
class Hypothesis:
    """One sequence that was written.

    ids: without `<s>` and `</s>`. log_probability: of the whole, `</s>` included, by the model. score: what it was
    ranked by. complete: whether the model ended it by itself; False where it would have gone on beyond the longest
    allowed length.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    complete: bool


class Writer(Protocol):
    """Goes on with W sequences for each of S sets: see `decoder.Cache`."""

    device: torch.device

    def __init__(self, decoder: Decoder, memory: VectorSets, beam: int) -> None: ...
    def step(self, tokens: Tensor) -> Tensor: ...
    def reorder(self, parents: Tensor) -> None: ...
    def keep(self, sets: Tensor) -> None: ...


@dataclass(frozen=True)
class Limits:
    """How many tokens may be written for each of the S sets, `</s>` not counted."""

    least: Sequence[int]
    most: Sequence[int]


def search(
    writer: Writer, limits: Limits, beam: int, length_penalty: float, count: int = 1
) -> list[list[Hypothesis]]:
    """The best hypotheses of each set, best first, by beam search; with beam 1, greedily.

    At each step the 2·beam best continuations are looked at. Those among the first `beam` that end are finished; the
    best that don't end go on. Hypotheses are ranked by log P / (T + 1)^length_penalty, where T + 1 counts `</s>` (Wu et
    al. 2016 divide by a like power). A set is done when `count` have finished that are ranked above all that could end
    at the next step: a good sequence isn't given up because bad ones end early.
    """
    device = writer.device
    found: list[list[Hypothesis]] = [[] for _ in limits.most]
    live = list(range(len(found)))  # the numbers of the sets that the writer still holds
    done = [False] * len(found)
    least, most = (torch.tensor(numbers, device=device) for numbers in (limits.least, limits.most))
    last = torch.full((len(live), beam), BEGIN_ID, device=device)
    written = torch.empty(len(live), beam, 0, dtype=torch.int64, device=device)
    totals = torch.full((len(live), beam), -torch.inf, device=device)
    totals[:, 0] = 0.0  # at first all sequences are the same one
    length = 0
    while live:
        logits = writer.step(last).float()
        short = length < least if any(length < limits.least[number] for number in live) else None
        full = length >= most if any(length >= limits.most[number] for number in live) else None
        willing = None if full is None else ends_by_itself(logits)
        totals, parents, tokens = _continuations(logits, totals, short, full)
        ends = tokens == END_ID
        finished = ends[:, :beam] & totals[:, :beam].isfinite()
        for place, rank in finished.nonzero().tolist():
            number = live[place]
            if not done[number]:
                ids, total = tuple(written[place, parents[place, rank]].tolist()), float(totals[place, rank])
                score = total / (length + 1) ** length_penalty
                complete = willing is None or length < limits.most[number] or willing[place, parents[place, rank]]
                found[number].append(Hypothesis(ids, total, score, bool(complete)))
        # The first `beam` continuations that don't end, in their order.
        going_on = ends.to(torch.uint8).argsort(dim=1, stable=True)[:, :beam]
        totals, parents, last = (x.gather(1, going_on) for x in (totals, parents, tokens))
        written = written.gather(1, parents[:, :, None].expand_as(written))
        written = torch.cat([written, last[:, :, None]], dim=2)
        writer.reorder(parents)
        length += 1
        hopes = (totals[:, 0] / (length + 1) ** length_penalty).tolist()
        for number, hope in zip(live, hopes, strict=True):
            better = sum(one.score >= hope for one in found[number])
            done[number] = done[number] or better >= count or length > limits.most[number]
        kept = [place for place, number in enumerate(live) if not done[number]]
        if not kept:
            break
        if len(kept) <= LEAVING * len(live):
            live = [live[place] for place in kept]
            places = torch.tensor(kept, dtype=torch.int64, device=device)
            writer.keep(places)
            least, most, totals, last, written = (x[places] for x in (least, most, totals, last, written))
    return [sorted(own, key=lambda one: -one.score) for own in found]


LEAVING = 0.8
"""Finished sets leave the batch once at most this share of it is unfinished: leaving copies what stays."""


def ends_by_itself(logits: Tensor) -> Tensor:
    """(…, V) -> (…): whether no token that may be written is more probable than `</s>`; `<unk>` and `<s>` come before it."""
    return logits[..., END_ID] >= logits[..., END_ID:].amax(-1)


def _continuations(
    logits: Tensor, totals: Tensor, short: Tensor | None, full: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The 2W best continuations of each set, best first: their log-probabilities (S, 2W), from which sequence each
    goes on, and its token.

    logits (S, W, V), totals (S, W); short, full (S,): True where a set may not end yet, or must; None where none is so.
    """
    before = totals - _normaliser(logits)  # (S, W); the rest is never normalised
    logits[..., UNKNOWN_ID] = logits[..., BEGIN_ID] = -torch.inf
    if short is not None:
        logits[..., END_ID].masked_fill_(short[:, None], -torch.inf)
    if full is not None:
        others = torch.ones(logits.shape[-1], dtype=torch.bool, device=logits.device)
        others[END_ID] = False
        logits.masked_fill_(full[:, None, None] & others, -torch.inf)
    return _best(logits, before, 2 * totals.shape[1])


BLOCK = 64
"""Tokens of which only the best is looked at before it is known which blocks matter."""
ROWS = 32
"""Rows of logits whose powers exist at a time: few enough for the cache."""


def _best(logits: Tensor, before: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` largest of logits (S, W, V) + before (S, W) in each set, as `_continuations` tells them.

    They lie in those `count` blocks of tokens whose own largest are the largest, so that the rest is read only once.
    """
    _, beam, vocabulary = logits.shape
    whole = vocabulary - vocabulary % BLOCK
    largest = logits[..., :whole].unflatten(-1, (whole // BLOCK, BLOCK)).amax(-1)
    if whole < vocabulary:
        largest = torch.cat([largest, logits[..., whole:].amax(-1, keepdim=True)], dim=-1)
    each = largest.shape[-1]
    of_blocks = (largest + before[..., None]).flatten(1)
    blocks = of_blocks.topk(min(count, beam * each), dim=1, sorted=False).indices
    sequences = blocks // each
    tokens = (blocks % each)[..., None] * BLOCK + torch.arange(BLOCK, device=logits.device)  # (S, blocks, BLOCK)
    places = (sequences[..., None] * vocabulary + tokens.clamp_max(vocabulary - 1)).flatten(1)
    sums = logits.flatten(1).gather(1, places).unflatten(1, (-1, BLOCK)) + before.gather(1, sequences)[..., None]
    sums = sums.masked_fill(tokens >= vocabulary, -torch.inf).flatten(1)
    sums, chosen = sums.topk(count, dim=1)
    places = places.gather(1, chosen)
    return sums, places // vocabulary, places % vocabulary


def _normaliser(logits: Tensor) -> Tensor:
    """log Σ exp: (S, W, V) -> (S, W). Powers of 2 cost a fifth of those of e."""
    rows = logits.flatten(0, 1)
    largest = rows.amax(-1, keepdim=True)
    pieces = zip(rows.split(ROWS), largest.split(ROWS), strict=True)
    sums = torch.cat([(part - top).mul_(math.log2(math.e)).exp2_().sum(-1) for part, top in pieces])
    return (sums.log_() + largest[:, 0]).view(logits.shape[:2])


def sample(writer: Writer, limits: Limits, count: int, temperature: float) -> list[list[Hypothesis]]:
    """`count` sequences for each set, each token drawn with probability softmax(logits / temperature); those with the
    highest log-probability first."""
    sets, device = len(limits.most), writer.device
    least, most = (torch.tensor(numbers, device=device) for numbers in (limits.least, limits.most))
    last = torch.full((sets, count), BEGIN_ID, device=device)
    totals = torch.zeros(sets, count, device=device)
    ended = torch.zeros(sets, count, dtype=torch.bool, device=device)
    found: list[list[Hypothesis]] = [[] for _ in range(sets)]
    written = torch.empty(sets, count, 0, dtype=torch.int64, device=device)
    for length in range(max(limits.most, default=-1) + 1):
        log_probabilities = writer.step(last).float().log_softmax(-1)
        allowed = log_probabilities / temperature
        allowed[..., [UNKNOWN_ID, BEGIN_ID]] = -torch.inf
        allowed[..., END_ID].masked_fill_((length < least)[:, None], -torch.inf)
        drawn = torch.multinomial(allowed.softmax(-1).flatten(0, 1), 1).view(sets, count)
        last = drawn.masked_fill((length >= most)[:, None], END_ID)
        totals = totals + log_probabilities.gather(2, last[:, :, None])[..., 0]
        for s, n in ((last == END_ID) & ~ended).nonzero().tolist():
            total, ids = float(totals[s, n]), tuple(written[s, n].tolist())
            found[s].append(Hypothesis(ids, total, total, bool(drawn[s, n] == END_ID)))
        ended |= last == END_ID
        if bool(ended.all()):
            break
        written = torch.cat([written, last[:, :, None]], dim=2)
    return [sorted(own, key=lambda one: -one.score) for own in found]
