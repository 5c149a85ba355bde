"""Scores over plain lists of words and numbers: what was right, what was answered."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Labels = Sequence[Sequence[str]]
"""A label for each vector of each set; an empty string is not scored."""

Slices = Mapping[str, Sequence[Sequence[bool]]]
"""By name, a mark for each vector of each set."""

LOWER_IS_BETTER = frozenset({"loss"})


@dataclass(frozen=True)
class Measured:
    """scores: by name, fractions of 1 where they can be. confusions: (right class, answer, how often)."""

    scores: dict[str, float]
    confusions: list[tuple[str, str, int]] = field(default_factory=list)


def tagging(gold: Labels, predicted: Labels, slices: Slices) -> Measured:
    """Accuracy over all scored vectors, macro F1 over the classes, and `accuracy/<slice>` on marked vectors."""
    pairs = Counter(_pairs(gold, predicted))
    scores = {"accuracy": _accuracy(pairs), "macro_f1": macro_f1(pairs)}
    for name, marks in slices.items():
        marked = Counter(
            (g, p)
            for gs, ps, ms in zip(gold, predicted, marks, strict=True)
            for g, p, m in zip(gs, ps, ms, strict=True)
            if m and g
        )
        if marked:
            scores[f"accuracy/{name}"] = _accuracy(marked)
    return Measured(scores, confusions(pairs))


MEASURES: dict[str, Callable[[Any, Any, Slices], Measured]] = {"tagging": tagging}
"""How each head's answers are measured: (right answers, answers, marked vectors)."""


def macro_f1(pairs: Mapping[tuple[str, str], int]) -> float:
    """The mean over the right classes of the harmonic mean of precision and recall."""
    right, answered, both = Counter[str](), Counter[str](), Counter[str]()
    for (g, p), n in pairs.items():
        right[g] += n
        answered[p] += n
        both[g] += n * (g == p)
    return sum(2 * both[c] / (right[c] + answered[c]) for c in right) / len(right) if right else 0.0


def confusions(pairs: Mapping[tuple[str, str], int], most: int = 8) -> list[tuple[str, str, int]]:
    """The most frequent mistakes."""
    wrong = [(g, p, n) for (g, p), n in pairs.items() if g != p]
    return sorted(wrong, key=lambda item: (-item[2], item))[:most]


def better(score: float, best: float | None, name: str) -> bool:
    """Whether a validation score beats the best so far."""
    return best is None or (score < best if name in LOWER_IS_BETTER else score > best)


def _pairs(gold: Labels, predicted: Labels) -> Iterable[tuple[str, str]]:
    for gs, ps in zip(gold, predicted, strict=True):
        yield from ((g, p) for g, p in zip(gs, ps, strict=True) if g)


def _accuracy(pairs: Mapping[tuple[str, str], int]) -> float:
    total = sum(pairs.values())
    return sum(n for (g, p), n in pairs.items() if g == p) / total if total else 0.0
