"""How a sequence is written: the most probable one that a beam finds, or one drawn at random.

All sets of a batch are written together, a token at a time; finished sets leave the batch. What is written for a set
depends on no other set. Letters: S, W, T, V as in `decoder_state.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from attnlab.codec import BEGIN_ID, END_ID, UNKNOWN_ID
from attnlab.model.decoder_state import DecoderState


@dataclass(frozen=True)
class Hypothesis:
    """One sequence that was written.

    ids: without `<s>` and `</s>`. log_probability: of all its tokens, `</s>` included. score: what it was ranked by.
    complete: whether the model ended it by itself; False where it would have gone on beyond the maximum length.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    complete: bool


@dataclass(frozen=True)
class Limits:
    """How many tokens may be written for each of the S sets, `</s>` not counted."""

    min: Sequence[int]
    max: Sequence[int]


def search(
    state: DecoderState, limits: Limits, beam: int, length_penalty: float, count: int = 1
) -> list[list[Hypothesis]]:
    """The best hypotheses of each of the S sets, best first, by beam search; with beam 1, greedily.

    At each step the 2·beam best continuations are considered. Those among the first `beam` that end are finished; the
    best that don't end go on. Hypotheses are ranked by log P / (T + 1)^length_penalty, where T + 1 counts `</s>` (Wu et
    al. 2016 divide by a like power). A hypothesis is settled once it is ranked above all that could end at the next step,
    and a set is done when `count` are: a good sequence isn't given up because bad ones end early. What is settled first
    stays first, so that the best doesn't depend on `count`: one that ends later may have a higher score and still stands
    behind it.
    """
    device = state.device
    hypotheses: list[list[Hypothesis]] = [[] for _ in limits.max]
    settled: list[list[Hypothesis]] = [[] for _ in limits.max]
    active = list(range(len(hypotheses)))  # the numbers of the sets that the state still holds
    done = [False] * len(hypotheses)
    min_lengths, max_lengths = (torch.tensor(lengths, device=device) for lengths in (limits.min, limits.max))
    last = torch.full((len(active), beam), BEGIN_ID, device=device)
    written = torch.empty(len(active), beam, 0, dtype=torch.int64, device=device)
    totals = torch.full((len(active), beam), -torch.inf, device=device)
    totals[:, 0] = 0.0  # at first all sequences are the same one
    length = 0
    while active:
        logits = state.step(last).float()
        below_min = length < min_lengths if any(length < limits.min[s] for s in active) else None
        at_max = length >= max_lengths if any(length >= limits.max[s] for s in active) else None
        ends = None if at_max is None else ends_naturally(logits)
        totals, parents, tokens = _continuations(logits, totals, below_min, at_max)
        is_end = tokens == END_ID
        finished = is_end[:, :beam] & totals[:, :beam].isfinite()
        for row, rank in finished.nonzero().tolist():
            s = active[row]
            if not done[s]:
                ids, total = tuple(written[row, parents[row, rank]].tolist()), float(totals[row, rank])
                score = total / (length + 1) ** length_penalty
                complete = ends is None or length < limits.max[s] or bool(ends[row, parents[row, rank]])
                hypotheses[s].append(Hypothesis(ids, total, score, complete))
        # The first `beam` continuations that don't end, in their order.
        going_on = is_end.to(torch.uint8).argsort(dim=1, stable=True)[:, :beam]
        totals, parents, last = (x.gather(1, going_on) for x in (totals, parents, tokens))
        written = written.gather(1, parents[:, :, None].expand_as(written))
        written = torch.cat([written, last[:, :, None]], dim=2)
        state.reorder(parents)
        length += 1
        best_possible = (totals[:, 0] / (length + 1) ** length_penalty).tolist()  # of what ends at the next step
        for s, bound in zip(active, best_possible, strict=True):
            if not done[s]:
                better = [hypothesis for hypothesis in hypotheses[s] if hypothesis.score >= bound]
                settled[s] += _ranked(better)
                hypotheses[s] = [hypothesis for hypothesis in hypotheses[s] if hypothesis.score < bound]
                done[s] = len(settled[s]) >= count or length > limits.max[s]
        unfinished = [row for row, s in enumerate(active) if not done[s]]
        if not unfinished:
            break
        if len(unfinished) <= COMPACTION_THRESHOLD * len(active):
            active = [active[row] for row in unfinished]
            rows = torch.tensor(unfinished, dtype=torch.int64, device=device)
            state.keep(rows)
            min_lengths, max_lengths = min_lengths[rows], max_lengths[rows]
            totals, last, written = totals[rows], last[rows], written[rows]
    return [first + _ranked(others) for first, others in zip(settled, hypotheses, strict=True)]


def _ranked(hypotheses: list[Hypothesis]) -> list[Hypothesis]:
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)


COMPACTION_THRESHOLD = 0.8
"""Finished sets leave the batch once at most this fraction of it is unfinished: it copies what stays."""


def ends_naturally(logits: Tensor) -> Tensor:
    """(…, V) -> (…): whether no allowed token is more probable than `</s>`; `<unk>` and `<s>`, which come before it, aren't."""
    return logits[..., END_ID] >= logits[..., END_ID:].amax(-1)


def _continuations(
    logits: Tensor, totals: Tensor, below_min: Tensor | None, at_max: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The 2W best continuations of each set, best first: their log-probabilities, which sequence each continues, and its
    token, each (S, 2W).

    logits (S, W, V), totals (S, W); below_min, at_max (S,): True where a set may not end yet, or must; None where no set.
    """
    offsets = totals - _normaliser(logits)  # (S, W): only the best are normalised
    logits[..., UNKNOWN_ID] = logits[..., BEGIN_ID] = -torch.inf
    if below_min is not None:
        logits[..., END_ID].masked_fill_(below_min[:, None], -torch.inf)
    if at_max is not None:
        others = torch.ones(logits.shape[-1], dtype=torch.bool, device=logits.device)
        others[END_ID] = False
        logits.masked_fill_(at_max[:, None, None] & others, -torch.inf)
    return _best(logits, offsets, 2 * totals.shape[1])


BLOCK = 64
"""Tokens whose maximum decides whether they are considered one by one."""
ROWS = 32
"""Rows of logits that are raised to powers together: few enough for the cache."""


def _best(logits: Tensor, offsets: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` largest of logits (S, W, V) + offsets (S, W) in each set, with their sequences and tokens: each (S, count).
    They lie in the `count` blocks of tokens with the largest maxima, so that the others are read only once."""
    _, beam, vocabulary = logits.shape
    whole = vocabulary - vocabulary % BLOCK
    maxima = logits[..., :whole].unflatten(-1, (whole // BLOCK, BLOCK)).amax(-1)
    if whole < vocabulary:
        maxima = torch.cat([maxima, logits[..., whole:].amax(-1, keepdim=True)], dim=-1)
    num_blocks = maxima.shape[-1]
    maxima = (maxima + offsets[..., None]).flatten(1)
    blocks = maxima.topk(min(count, beam * num_blocks), dim=1, sorted=False).indices
    sequences = blocks // num_blocks
    within = torch.arange(BLOCK, device=logits.device)
    tokens = (blocks % num_blocks)[..., None] * BLOCK + within  # (S, blocks, BLOCK)
    index = (sequences[..., None] * vocabulary + tokens.clamp_max(vocabulary - 1)).flatten(1)
    sums = logits.flatten(1).gather(1, index).unflatten(1, (-1, BLOCK)) + offsets.gather(1, sequences)[..., None]
    sums = sums.masked_fill(tokens >= vocabulary, -torch.inf).flatten(1)
    sums, chosen = sums.topk(count, dim=1)
    index = index.gather(1, chosen)
    return sums, index // vocabulary, index % vocabulary


def _normaliser(logits: Tensor) -> Tensor:
    """log Σ exp: (S, W, V) -> (S, W). Powers of 2 cost a fifth of those of e."""
    rows = logits.flatten(0, 1)
    maxima = rows.amax(-1, keepdim=True)
    blocks = zip(rows.split(ROWS), maxima.split(ROWS), strict=True)
    sums = torch.cat([(block - top).mul_(math.log2(math.e)).exp2_().sum(-1) for block, top in blocks])
    return (sums.log_() + maxima[:, 0]).view(logits.shape[:2])


def sample(state: DecoderState, limits: Limits, count: int, temperature: float) -> list[list[Hypothesis]]:
    """`count` sequences for each of the S sets, each token drawn with probability softmax(logits / temperature); those
    with the highest log-probability first."""
    sets, device = len(limits.max), state.device
    min_lengths, max_lengths = (torch.tensor(lengths, device=device) for lengths in (limits.min, limits.max))
    last = torch.full((sets, count), BEGIN_ID, device=device)
    totals = torch.zeros(sets, count, device=device)
    ended = torch.zeros(sets, count, dtype=torch.bool, device=device)
    hypotheses: list[list[Hypothesis]] = [[] for _ in range(sets)]
    written = torch.empty(sets, count, 0, dtype=torch.int64, device=device)
    for length in range(max(limits.max, default=-1) + 1):
        log_probabilities = state.step(last).float().log_softmax(-1)
        allowed = log_probabilities / temperature
        allowed[..., [UNKNOWN_ID, BEGIN_ID]] = -torch.inf
        allowed[..., END_ID].masked_fill_((length < min_lengths)[:, None], -torch.inf)
        drawn = torch.multinomial(allowed.softmax(-1).flatten(0, 1), 1).view(sets, count)
        last = drawn.masked_fill((length >= max_lengths)[:, None], END_ID)
        totals = totals + log_probabilities.gather(2, last[:, :, None])[..., 0]
        for s, n in ((last == END_ID) & ~ended).nonzero().tolist():
            total, ids = float(totals[s, n]), tuple(written[s, n].tolist())
            hypotheses[s].append(Hypothesis(ids, total, total, bool(drawn[s, n] == END_ID)))
        ended |= last == END_ID
        if bool(ended.all()):
            break
        written = torch.cat([written, last[:, :, None]], dim=2)
    return [_ranked(of_set) for of_set in hypotheses]
