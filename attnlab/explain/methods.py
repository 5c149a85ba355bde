"""How much each vector of a set mattered to an answer, by one method each; all give the same scores again.

Letters beside those of `sets.py`: S vectors of the set · M+1 tokens that a decoder has read · r (S,) the weight of each encoded
vector in what the head reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity

from attnlab.explain.explanation import Numbers
from attnlab.explain.question import Asked, evaluating
from attnlab.explain.trace import LayerPass, passes, run
from attnlab.model.build import Model
from attnlab.model.decoder import DecoderBlock
from attnlab.model.encoders.attention import Block
from attnlab.model.heads.classification import Classification
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.model.readout import AttentionReadout, Max, set_softmax
from attnlab.sets import VectorSets

MIDPOINTS = 32
"""Of the way along which integrated gradients average."""
VECTORS = 4096
"""Vectors of the sets whose gradients are computed together."""
LONGEST_ZEROED = 256
"""Vectors of a set up to which value zeroing is computed: each of them runs all others through the feed-forward layer."""
LONGEST_READ = 4096
"""Vectors of a set up to which tables of all its pairs are made, which all methods that read attention layers need."""


# From the answer alone: any model.


def leave_one_out(asked: Asked, blocks: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """f(S) − f(S∖{j}) of each vector j (occlusion: Zeiler & Fergus 2014, section 4.1), and f(S∖{j}); (S,) each.

    blocks: take out so many stretches of neighbouring vectors instead, and divide the change of each among its vectors; f is
    then that without the stretch. The vector asked about, which is never taken out, has 0 and f(S).
    """
    candidates = asked.candidates
    count = len(candidates) if blocks is None else min(blocks, len(candidates))
    parts = np.array_split(candidates, max(1, count))
    parts = [part for part in parts if len(part)]
    everything = np.arange(asked.size)
    values = asked.values_without([np.setdiff1d(everything, part) for part in parts])
    scores, left = np.zeros(asked.size), np.full(asked.size, asked.whole)
    for part, value in zip(parts, values.tolist(), strict=True):
        scores[part], left[part] = (asked.whole - value) / len(part), value
    return scores, left


def gradient_input(asked: Asked) -> NDArray[np.float64]:
    """⟨∂f/∂x_j, x_j⟩ of each embedded vector: (S,) (Shrikumar et al. 2016, section 2)."""
    rows = asked.asked_rows([range(asked.size)])
    _, gradients = asked.gradients(asked.sets, rows)
    return _products(gradients, asked.sets.leaves)


def integrated_gradients(asked: Asked, midpoints: int = MIDPOINTS) -> tuple[NDArray[np.float64], float]:
    """⟨x_j − x', mean gradient on the straight way from x' to x_j⟩ of each embedded vector: (S,) (Sundararajan et al. 2017,
    eq. 1), where every vector starts from x', the mean of the set's; and by how much their sum misses f(x) − f(x'), relative
    to it where it is above rounding."""
    leaves = asked.sets.leaves
    baselines = [leaf.mean(0, keepdim=True).expand_as(leaf) for leaf in leaves]
    steps = ((torch.arange(midpoints, dtype=torch.float64) + 0.5) / midpoints).float().tolist()
    sums = [torch.zeros_like(leaf) for leaf in leaves]
    size = max(1, VECTORS // max(1, asked.size))
    for first in range(0, midpoints, size):
        some = steps[first : first + size]
        _, gradients = _gradients_at(asked, [[b + step * (x - b) for x, b in zip(leaves, baselines, strict=True)] for step in some])  # fmt: skip
        for total, gradient in zip(sums, gradients, strict=True):
            total += gradient.view(len(some), asked.size, -1).sum(0)
    differences = [x - b for x, b in zip(leaves, baselines, strict=True)]
    scores = _products([total / midpoints for total in sums], differences)
    with torch.no_grad(), evaluating(asked.model):
        start = float(asked.values(asked.sets.with_leaves(baselines), asked.asked_rows([range(asked.size)]))[0])
    change = asked.whole - start
    return scores, float(abs(scores.sum() - change) / max(abs(change), 1e-4))


def _gradients_at(asked: Asked, points: Sequence[Sequence[Tensor]]) -> tuple[NDArray[np.float64], list[Tensor]]:
    """The gradients at several settings of the set's numbers, as copies of the set that are computed together."""
    kept = [range(asked.size)] * len(points)
    copies = asked.sets.without(kept).with_leaves([torch.cat(leaf) for leaf in zip(*points, strict=True)])
    return asked.gradients(copies, asked.asked_rows(kept))


def _products(gradients: Sequence[Tensor], numbers: Sequence[Tensor]) -> NDArray[np.float64]:
    """(S, …) each -> (S,): their products, summed over all but the vectors."""
    each = [(g.double() * x.double()).flatten(1).sum(1) for g, x in zip(gradients, numbers, strict=True)]
    return torch.stack(each).sum(0).cpu().numpy()


# From what attention layers computed: of several members, the first.


@dataclass(eq=False)
class AttentionScores:
    """What attention layers say of one set: each method gives (S,) scores.

    asked: to one member. encoder, cross, decoder: its layers' passes. gradients: of the value by what the heads of each layer
    gave, (Lq, H·K), by its name.
    """

    asked: Asked
    encoder: list[LayerPass]
    cross: list[LayerPass]
    decoder: list[LayerPass]
    encoded: Tensor
    gradients: dict[str, Tensor]

    @classmethod
    def of(cls, asked: Asked) -> "AttentionScores | None":
        """None where no attention layer stands between the vectors and the answer, and for sets longer than `LONGEST_READ`."""
        if asked.size > LONGEST_READ:
            return None
        asked = asked.first
        with torch.enable_grad(), evaluating(asked.model), passes(asked.model) as done:
            leaves = [leaf.detach().requires_grad_() for leaf in asked.sets.leaves]
            sets = asked.sets.with_leaves(leaves)
            encoded: list[Tensor] = []
            handle = asked.model.encoder.register_forward_hook(lambda *call: encoded.append(call[-1].values))
            try:
                value = asked.values(sets, asked.asked_rows([range(asked.size)])).sum()
            finally:
                handle.remove()
            if not done:
                return None
            gradients = torch.autograd.grad(value, [one.heads for one in done], allow_unused=True)
        by_name = {
            one.name: torch.zeros_like(one.heads) if gradient is None else gradient
            for one, gradient in zip(done, gradients, strict=True)
        }
        encoder, cross, decoder = (
            [one for one in done if one.kind == kind] for kind in ("encoder", "cross", "decoder")
        )
        return cls(asked, encoder, cross, decoder, encoded[0].detach(), by_name)

    @cached_property
    def readout(self) -> Tensor:
        """r (S,): how much of each encoded vector reaches the answer by the readout itself, summing to 1: alike for a mean and a
        sum, the weights of an attention readout, for a maximum the share of dimensions that a vector has the largest number
        in; only the vector asked about, where each has an answer."""
        question, head, encoded = self.asked.question, self.asked.model.head, self.encoded
        if question.vector is not None:
            return torch.zeros(len(encoded), device=encoded.device).index_fill_(0, torch.tensor([question.vector], device=encoded.device), 1.0)  # fmt: skip
        readout = head.readout if isinstance(head, Classification) else None
        if isinstance(readout, AttentionReadout):
            with torch.no_grad():
                return set_softmax(readout.query(readout.key(encoded).tanh()), self.asked.sets.layout)[:, 0]
        if isinstance(readout, Max):
            return torch.bincount(encoded.argmax(0), minlength=len(encoded)) / encoded.shape[1]
        return encoded.new_full((len(encoded),), 1 / max(1, len(encoded)))

    @cached_property
    def _mean_weights(self) -> dict[str, Tensor]:
        """(Lq, Lk) of each layer, the mean over its heads."""
        return {one.name: one.weights().mean(0) for one in (*self.encoder, *self.cross)}

    def attention(self) -> NDArray[np.float64]:
        """r · mean of all layers' and heads' weights; of a token, its row of the mean of the cross-attention's."""
        if self.cross:
            return _numbers(_mean(self._mean_weights[one.name][-1] for one in self.cross))
        return _numbers(_mean(self.readout @ self._mean_weights[one.name] for one in self.encoder))

    def rollout(self) -> NDArray[np.float64]:
        """r · ½(I + A_last) · … · ½(I + A_first), A a layer's mean weights (Abnar & Zuidema 2020, section 3). Of a token, r is
        its row of cross-attention."""
        start = _mean(self._mean_weights[one.name][-1] for one in self.cross) if self.cross else self.readout
        for one in reversed(self.encoder):
            start = (start + start @ self._mean_weights[one.name]) / 2
        return _numbers(start)

    def norm(self) -> NDArray[np.float64]:
        """As `attention`, of ‖Σ_h weight · value · W^O‖ in place of weights, each row divided by its sum (Kobayashi et al. 2020,
        section 3)."""
        if self.cross:
            return _numbers(_mean(_norms(one, slice(-1, None))[0] for one in self.cross))
        return _numbers(_mean(self.readout @ _norms(one, slice(None)) for one in self.encoder))

    def gradient_attention(self) -> NDArray[np.float64]:
        """r · (I + Ā_last) · … · (I + Ā_first), Ā the mean over heads of max(0, ∂f/∂A · A) (Chefer et al. 2021, eq. 5–6); of a
        token, by their rules for two kinds of vectors (eq. 7–11). ∂f/∂A_ij is ⟨G_i, v_j⟩, where G is the gradient of what a
        head gives, so that no kernel has to keep A."""
        if not self.cross:
            start = self.readout.double()
            for one in reversed(self.encoder):
                start = start + start @ self._raising(one)
            return _numbers(start)
        of_tokens = torch.eye(len(self.cross[0].q), dtype=torch.float64, device=self.encoded.device)
        to_source = of_tokens.new_zeros(len(of_tokens), len(self.encoded))  # before the source's own matrix
        own = {one.number: one for one in self.decoder}
        for one in self.cross:
            if one.number in own:
                raising = self._raising(own[one.number])
                to_source = to_source + raising @ to_source
                of_tokens = of_tokens + raising @ of_tokens
            to_source = to_source + _normalised(of_tokens).T @ self._raising(one)
        # The source's matrix R is only applied to vectors: R · 1 gives the sums of its rows, and r · R the answer.
        raising_layers = [self._raising(one) for one in self.encoder]
        sums = torch.ones(len(self.encoded), dtype=torch.float64, device=self.encoded.device)
        for raising in raising_layers:
            sums = sums + raising @ sums
        row = to_source[-1]
        divided = row / (sums - 1).masked_fill(sums <= 1, 1.0)
        rolled = divided
        for raising in reversed(raising_layers):
            rolled = rolled + rolled @ raising
        return _numbers(row + (rolled - divided))

    def value_zeroing(self) -> NDArray[np.float64] | None:
        """r · C_last · … · C_first, where C_ij is 1 − cos of what a block gives i with and without the value of j, each row divided
        by its sum (Mohebbi et al. 2023, eq. 2–4): exact, for what a value adds is subtracted. Of a token, r is its row of
        cross-attention's C. None for sets longer than `LONGEST_ZEROED`, and where blocks aren't ours."""
        blocks = {one.name: self._block(one) for one in (*self.encoder, *self.cross)}
        if self.asked.size > LONGEST_ZEROED or None in blocks.values():
            return None
        start = self.readout
        if self.cross:
            start = _mean(_zeroed(one, blocks[one.name], slice(-1, None))[0] for one in self.cross)
        for one in reversed(self.encoder):
            start = start @ _zeroed(one, blocks[one.name], slice(None))
        return _numbers(start)

    def by_distance(self) -> Numbers | None:
        """(distances,) mean weight of the encoder's layers and heads at each distance, in this set alone; None where vectors have
        no coordinates or the encoder no attention."""
        coords = self.asked.sets.vectors[0].known_coords
        if coords is None or not self.encoder:
            return None
        means = _mean(self._mean_weights[one.name] for one in self.encoder)
        sums, counts = _sums_by_distance(means, _distances(coords))
        return (sums / np.maximum(counts, 1)).astype(np.float32)

    def _raising(self, one: LayerPass) -> Tensor:
        """Ā (Lq, Lk) float64."""
        gradient = self.gradients[one.name].view_as(one.q)
        slopes = torch.einsum("ihk,jhk->hij", gradient, one.v)
        return slopes.mul_(one.weights()).clamp_min_(0).mean(0).double()

    def _block(self, one: LayerPass) -> Block | DecoderBlock | None:
        block = self.asked.model.get_submodule(one.name.rpartition(".")[0])
        return block if isinstance(block, Block | DecoderBlock) else None


def position(asked: Asked, by_distance: Numbers) -> NDArray[np.float64] | None:
    """(S,) scores from coordinates alone: the mean weight at each vector's distance from the one asked about; where the answer is
    about the set, its mean over all queries. None where vectors have no coordinates, and of sequences, whose tokens have
    others.

    by_distance: mean weight at distance 0, 1, … (the largest difference over the axes, rounded), as `weight_by_distance` gives it
    for other sets, or `AttentionScores.by_distance` for this one.
    """
    coords, vector = asked.sets.vectors[0].known_coords, asked.question.vector
    if coords is None or isinstance(asked.model.head, Seq2seq) or not len(by_distance):
        return None
    known = np.asarray(by_distance, dtype=np.float64)
    if vector is not None:
        return known[np.minimum(_distances(coords, slice(vector, vector + 1))[0], len(known) - 1)]
    total = np.zeros(asked.size)
    for first in range(0, asked.size, 256):
        total += known[np.minimum(_distances(coords, slice(first, first + 256)), len(known) - 1)].sum(0)
    return total / max(1, asked.size)


def weight_by_distance(model: Model, sets: Iterable[VectorSets]) -> Numbers:
    """Single sets, for example of the validation split -> (distances,) mean weight of all layers and heads of the encoder at
    distance 0, 1, …; empty where there is neither attention nor coordinates."""
    sums, counts = np.zeros(0), np.zeros(0)
    for single in sets:
        coords = single.known_coords
        done = [one for one in run(model, single) if one.kind == "encoder"]
        if coords is None or not done:
            continue
        coords = done[0].plan.queries.known_coords
        assert coords is not None
        means = _mean(one.weights().mean(0) for one in done)
        more, of = _sums_by_distance(means, _distances(coords))
        size = max(len(sums), len(more))
        sums, more = (np.pad(x, (0, size - len(x))) for x in (sums, more))
        counts, of = (np.pad(x, (0, size - len(x))) for x in (counts, of))
        sums, counts = sums + more, counts + of
    return (sums / np.maximum(counts, 1)).astype(np.float32)


def _sums_by_distance(
    weights: Tensor, distances: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(S, S) each -> the sum of weights at each distance, and of how many pairs it is."""
    sums = np.bincount(distances.ravel(), weights.double().cpu().numpy().ravel()).astype(np.float64)
    return sums, np.bincount(distances.ravel()).astype(np.float64)


def _distances(coords: Tensor, rows: slice = slice(None)) -> NDArray[np.int64]:
    """(S, P) -> (rows, S): the largest difference over the axes, rounded."""
    where = coords.double().cpu().numpy()
    largest = np.zeros((len(where[rows]), len(where)))
    for axis in range(where.shape[1]):
        np.maximum(largest, np.abs(where[rows, None, axis] - where[None, :, axis]), out=largest)
    return np.rint(largest).astype(np.int64)


@torch.no_grad()
def _norms(one: LayerPass, rows: slice) -> Tensor:
    """(rows, Lk): ‖Σ_h A_ij^h v_j^h W_O^h‖, each row divided by its sum.

    The square of the norm is Σ over pairs of heads of weights and of products of contributions, so that no table of pairs has
    D numbers for each.
    """
    contributions, weights = one.contributions(), one.weights()[:, rows]
    products = torch.einsum("jhd,jgd->hgj", contributions, contributions)
    squares = torch.zeros_like(weights[0])
    for h, of_head in enumerate(weights):  # a product of two heads counts twice
        squares.addcmul_(of_head * of_head, products[h, h])
        for g in range(h):
            squares.addcmul_(of_head * weights[g], products[h, g], value=2.0)
    norms = squares.clamp_min_(0).sqrt_()
    return norms / norms.sum(-1, keepdim=True).clamp_min(1e-30)


@torch.no_grad()
def _zeroed(one: LayerPass, block: Block | DecoderBlock | None, rows: slice) -> Tensor:
    """(rows, Lk): 1 − cos of what the block gives each query with and without the value of each key, each row divided by its sum."""
    assert block is not None
    weights, contributions = one.weights()[:, rows], one.contributions()
    stream = (one.stream + one.output)[rows].detach()  # (rows, D)

    def rest(x: Tensor) -> Tensor:
        return x + block.feed_forward(block.norm_feed_forward(x))

    answer, changes = rest(stream).double(), []
    for j in range(weights.shape[2]):
        changed = rest(stream - torch.einsum("hi,hd->id", weights[:, :, j], contributions[j]))
        changes.append(1 - cosine_similarity(answer, changed.double(), dim=-1))
    change = torch.stack(changes, dim=1).clamp_min_(0)
    return (change / change.sum(-1, keepdim=True).clamp_min(1e-30)).float()


def _normalised(matrix: Tensor) -> Tensor:
    """R̂: each row of R − I divided by its sum, plus I (Chefer et al. 2021, eq. 8–9)."""
    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    rest = matrix - identity
    sums = rest.sum(-1, keepdim=True)
    return rest / sums.masked_fill(sums <= 0, 1.0) + identity


def _mean(tensors: Iterable[Tensor]) -> Tensor:
    """Of tensors of one shape, made one after the other."""
    total, count = None, 0
    for tensor in tensors:
        total, count = tensor if total is None else total + tensor, count + 1
    assert total is not None, "one at least"
    return total / count


def _numbers(scores: Tensor) -> NDArray[np.float64]:
    return scores.double().cpu().numpy()
