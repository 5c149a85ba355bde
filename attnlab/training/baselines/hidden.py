"""Hidden vectors without a model: what is most frequent, and what stands beside them."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from attnlab.data.masking import MaskedSplit
from attnlab.metrics import NOT_SCORED
from attnlab.registry import BASELINES
from attnlab.sets import Prediction, VectorSets
from attnlab.training.baselines.base import Baseline, Problem, label_lists

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]
STRETCH = 256
"""Examples of which the mean vector is computed at a time."""


@BASELINES.register("most_frequent_word")
class MostFrequentWord(Baseline):
    """Always the most frequent word of the training data; the perplexity is that of their frequencies there."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "hidden_words"

    def scores(self, problem: Problem) -> dict[str, float]:
        words = _masked(problem.scored).words
        assert words is not None, "of hidden words"
        total = sum(words.counts)
        frequency = {word: count / total for word, count in zip(words.words, words.counts, strict=True)}
        best = max(frequency, key=lambda word: frequency[word])
        answers = [Prediction([best] * len(labels), None) for labels in problem.gold]  # type: ignore[arg-type]
        asked = [word for labels in label_lists(problem.gold) for word in labels if word != NOT_SCORED]
        loss = -sum(math.log(frequency[word]) for word in asked) / max(1, len(asked))
        return problem.measure(answers) | {"perplexity": math.exp(loss), "loss": loss}


@BASELINES.register("copied_neighbour")
class CopiedNeighbour(Baseline):
    """The nearest word that is seen, the one before where two are; of nodes, the name that most of their neighbours have."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "hidden_words"

    def scores(self, problem: Problem) -> dict[str, float]:
        return problem.measure([Prediction(_copied(*each), None) for each in _seen_words(_masked(problem.scored))])


@BASELINES.register("mean_vector")
class MeanVector(Baseline):
    """Always the mean of all vectors of the training data."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "hidden_numbers"

    def scores(self, problem: Problem) -> dict[str, float]:
        mean = mean_vector(_masked(problem.train))
        return _measured(problem, [np.tile(mean, (len(right), 1)) for right in _arrays(problem)])


@BASELINES.register("interpolation")
class Interpolation(Baseline):
    """Between the nearest visible vectors along each coordinate, weighted by 1 / distance; of nodes, their neighbours' mean.

    Where none is visible, the mean of the training data.
    """

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "hidden_numbers"

    def scores(self, problem: Problem) -> dict[str, float]:
        split, mean = _masked(problem.scored), mean_vector(_masked(problem.train))
        inputs = (split.batch(np.array([i])).inputs for i in range(len(split)))
        return _measured(problem, [interpolated(sets, mean) for sets in inputs])


def _masked(split: object) -> MaskedSplit:
    assert isinstance(split, MaskedSplit), "what hidden vectors are is asked of no other"
    return split


def _arrays(problem: Problem) -> Iterator[Floats]:
    return (np.asarray(right, dtype=np.float64) for right in problem.gold)


def _measured(problem: Problem, answers: Sequence[Floats]) -> dict[str, float]:
    """The scores of these answers, (H, F) for each example, with the loss that they would have."""
    errors = [np.abs(answer - right) for answer, right in zip(answers, _arrays(problem), strict=True)]
    asked = sum(int(np.isfinite(of_one).sum()) for of_one in errors)  # NaN is not asked for
    loss = sum(float(np.nansum(of_one)) for of_one in errors) / max(1, asked)
    return problem.measure([Prediction(answer.astype(np.float32), None) for answer in answers]) | {"loss": loss}


def mean_vector(split: MaskedSplit) -> Floats:
    """(F,): of all vectors, hidden or not."""
    total, count = np.zeros(1), 0
    for first in range(0, len(split), STRETCH):
        values = split.split.batch(np.arange(first, min(first + STRETCH, len(split)))).inputs.values.numpy()
        total, count = total + values.sum(axis=0, dtype=np.float64), count + len(values)
    return total / count


def interpolated(sets: VectorSets, mean: Floats) -> Floats:
    """One set with hidden vectors -> (H, F)."""
    assert sets.hidden is not None
    values, hidden = sets.values.numpy().astype(np.float64), sets.hidden.numpy()
    weights = np.zeros((len(values), len(values)))  # of each vector for each
    if sets.edges is not None:
        weights[sets.edges[1], sets.edges[0]] = 1.0
    elif sets.coords is not None:
        weights = _nearest(sets.coords.numpy().astype(np.int64), ~hidden)
    weights[:, hidden] = 0.0
    weights = weights[hidden]
    sums = weights.sum(axis=1, keepdims=True)
    return np.where(sums > 0, weights @ values / np.maximum(sums, 1e-12), mean)


def _nearest(coords: NDArray[np.int64], seen: Marks) -> Floats:
    """(N, P) coordinates, (N,) -> (N, N): for each vector, 1 / distance of the nearest that are seen before and behind it along
    each coordinate, where the others are the same; 0 of all others."""
    weights = np.zeros((len(coords), len(coords)))
    for axis in range(coords.shape[1]):
        others = np.delete(coords, axis, axis=1)
        in_line = (others[:, None] == others[None]).all(axis=2) & seen[None]
        difference = coords[None, :, axis] - coords[:, None, axis]
        for side in (difference < 0, difference > 0):
            distance = np.where(in_line & side, np.abs(difference), np.iinfo(np.int64).max)
            rows = np.flatnonzero((in_line & side).any(axis=1))
            nearest = distance[rows].argmin(axis=1)
            weights[rows, nearest] = 1.0 / distance[rows, nearest]
    return weights


def _seen_words(split: MaskedSplit) -> Iterator[tuple[list[str], NDArray[np.int64] | None]]:
    """Of each example its words, or names of nodes, "" where they are hidden or unknown; and (2, E) edges of nodes."""
    assert split.words is not None
    for i in range(len(split)):
        inputs = split.batch(np.array([i])).inputs
        ids = split.ids(inputs)
        assert ids is not None and inputs.hidden is not None
        known = ids.masked_fill(inputs.hidden, 0).tolist()
        words = [split.words.words[word] if word else NOT_SCORED for word in known]
        yield words, None if inputs.edges is None else inputs.edges.numpy()


def _copied(words: Sequence[str], edges: NDArray[np.int64] | None) -> list[str]:
    """For each of L words the one that is seen nearest to it; of nodes, the most frequent name of those with an edge to it."""
    seen = [i for i, word in enumerate(words) if word != NOT_SCORED]
    if not seen:
        return list(words)
    if edges is None:
        return [word or words[min(seen, key=lambda j: (abs(j - i), j))] for i, word in enumerate(words)]
    answers = list(words)
    for i in (i for i, word in enumerate(words) if word == NOT_SCORED):
        names = [words[j] for j in edges[0, edges[1] == i].tolist() if words[j] != NOT_SCORED]
        answers[i] = max(sorted(set(names)), key=names.count, default=words[seen[0]])
    return answers
