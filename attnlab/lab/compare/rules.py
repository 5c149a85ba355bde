"""Rules by which a claim is judged. Each stands beside its claim before anything is measured, and nothing else decides.

What is measured has one value for each seed: weights, the order of examples and, where they are generated, the data differ from
seed to seed, and arms that are compared share them. So values are independent, and the mean of all values that there could be
lies within a t interval of those measured: 99 %, so that a claim without any effect is found to hold in fewer than 1 of 100 cases,
however much seeds differ.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, stdev
from typing import Literal, Protocol

from scipy.stats import t as student

Verdict = Literal["exact", "holds", "reversed", "no difference", "not decided"]
CONFIDENCE = 0.99
FEWEST = 5
"""Seeds below which nothing but exact claims is decided: that all of 5 have the same sign happens by chance once in 32."""


@dataclass(frozen=True)
class Decision:
    """What came of a claim. mean, low, high: of the values and their interval; None where there is none. why: what else a reader
    should know, in a sentence, or ""."""

    verdict: Verdict
    values: tuple[float, ...] = ()
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""


class Rule(Protocol):
    """From values, one for each seed, to a verdict."""

    @property
    def said(self) -> str:
        """The rule in words, as the page shows it."""

    def decide(self, values: Sequence[float]) -> Decision:
        """values: finite numbers, one at least."""


@dataclass(frozen=True)
class Exact:
    """Something that follows by calculation: the largest deviation over all cases is rounding, at most `tolerance`."""

    tolerance: float

    @property
    def said(self) -> str:
        return f"exact: every deviation at most {self.tolerance:g}; else reversed"

    def decide(self, values: Sequence[float]) -> Decision:
        largest = max(map(abs, values))
        return Decision("exact" if largest <= self.tolerance else "reversed", tuple(values), largest)


@dataclass(frozen=True)
class Changes:
    """Something that follows by calculation, too: what should change does, by at least `least` in every case."""

    least: float

    @property
    def said(self) -> str:
        return f"exact: every change at least {self.least:g}; else reversed"

    def decide(self, values: Sequence[float]) -> Decision:
        smallest = min(map(abs, values))
        return Decision("exact" if smallest >= self.least else "reversed", tuple(values), smallest)


@dataclass(frozen=True)
class Larger:
    """A difference is above `margin`. Within ± margin there is none that would matter."""

    margin: float

    @property
    def said(self) -> str:
        m = f"{self.margin:g}"
        return (
            f"holds: interval and every seed above {m}; reversed: below −{m}; no difference: interval within ±{m}; else "
            "not decided"
        )

    def decide(self, values: Sequence[float]) -> Decision:
        return _decided(values, [
            ("holds", self.margin, math.inf), ("reversed", -math.inf, -self.margin),
            ("no difference", -self.margin, self.margin),
        ])  # fmt: skip


@dataclass(frozen=True)
class Smaller:
    """A difference, or a loss, is below `limit`, however far."""

    limit: float

    @property
    def said(self) -> str:
        return f"holds: interval and every seed below {self.limit:g}; reversed: above it; else not decided"

    def decide(self, values: Sequence[float]) -> Decision:
        return _decided(values, [("holds", -math.inf, self.limit), ("reversed", self.limit, math.inf)])


@dataclass(frozen=True)
class Between:
    """A number, such as an exponent, is one that theory names, give or take what other costs do to it."""

    low: float
    high: float

    @property
    def said(self) -> str:
        return (
            f"holds: interval and every value between {self.low:g} and {self.high:g}; reversed: outside; else "
            "not decided"
        )

    def decide(self, values: Sequence[float]) -> Decision:
        return _decided(values, [
            ("holds", self.low, self.high), ("reversed", -math.inf, self.low), ("reversed", self.high, math.inf)
        ])  # fmt: skip


Region = tuple[Verdict, float, float]
"""A verdict, and between which values it is given."""


def _decided(values: Sequence[float], regions: Sequence[Region]) -> Decision:
    """The verdict of the region that holds the whole interval; for all but "no difference", which says that a mean is near 0, also
    every single value."""
    if len(values) < FEWEST:
        mean = fmean(values)
        return Decision("not decided", tuple(values), mean, why=f"needs {FEWEST} seeds or more, had {len(values)}")
    mean, low, high = interval(values)
    for verdict, least, most in regions:
        inside = least <= low and high <= most
        if inside and (verdict == "no difference" or all(least <= value <= most for value in values)):
            return Decision(verdict, tuple(values), mean, low, high)
    return Decision("not decided", tuple(values), mean, low, high, _seeds_needed(values, mean, regions))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of two values or more, and the ends of its t interval."""
    count = len(values)
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    half = _quantile(count - 1) * math.sqrt(variance / count)
    return mean, mean - half, mean + half


@cache
def _quantile(degrees: int) -> float:
    """Half the width of an interval, in standard errors."""
    return float(student.ppf((1 + CONFIDENCE) / 2, degrees))


def _seeds_needed(values: Sequence[float], mean: float, regions: Sequence[Region]) -> str:
    """About how many seeds would decide, if the mean stayed where it is: the interval must be as short as the way to the nearest
    end of the region that the mean lies in."""
    ways = [min(mean - least, most - mean) for _, least, most in regions if least < mean < most]
    if not ways or min(ways) <= 0:
        return ""
    needed = (_quantile(len(values) - 1) * stdev(values) / ways[0]) ** 2
    if needed <= len(values):
        return "one of the seeds lies on the other side"
    return f"about {math.ceil(needed):,} seeds would decide" if needed < 1000 else "no number of seeds is in sight"
