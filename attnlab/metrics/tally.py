"""How often something is right, predicted, and both: what precision, recall and F1 of one class are made of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """Of one class: how many right answers it is, how many predictions, and how many of both at once.

    Scores are scikit-learn's with zero_division=0: precision is 0 where it is never predicted, recall where it is never right.
    """

    right: int = 0
    predicted: int = 0
    both: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.right + other.right, self.predicted + other.predicted, self.both + other.both)

    @property
    def precision(self) -> float:
        return self.both / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.both / self.right if self.right else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.both / (self.right + self.predicted) if self.right or self.predicted else 0.0


Tallies = Mapping[str, Tally]
"""By class, or by type of span."""


def tallied(right: Counter[str], predicted: Counter[str], both: Counter[str]) -> dict[str, Tally]:
    """Of every class that is right or predicted somewhere."""
    return {name: Tally(right[name], predicted[name], both[name]) for name in dict.fromkeys([*right, *predicted])}


def by_class(confusion: Mapping[tuple[str, str], int]) -> dict[str, Tally]:
    """Of every class, from how often each (right class, predicted class) occurred."""
    right, predicted, both = Counter[str](), Counter[str](), Counter[str]()
    for (truth, answer), times in confusion.items():
        right[truth] += times
        predicted[answer] += times
        both[truth] += times * (truth == answer)
    return tallied(right, predicted, both)


def added(parts: Sequence[Tallies]) -> dict[str, Tally]:
    """Those of several splits together."""
    names = sorted({name for part in parts for name in part})
    return {name: sum((part.get(name, Tally()) for part in parts), Tally()) for name in names}
