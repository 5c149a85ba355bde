"""What a claim is: a sentence of a textbook, what is trained and measured to see whether it is so, and the rules that decide.

A claim is a class in a file of its own, which reads like its paragraph in a textbook: `theory`, `arms`, `measure`, then
`statements`, of which each becomes a row of the table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from attnlab.lab.compare.rules import Rule
from attnlab.pages.charts import Curve
from attnlab.runs import Results, ValidationLine
from attnlab.training.run import Run

Measured = dict[str, list[float]]
"""By name, numbers: of one seed."""


class Missing(Exception):
    """Something that a statement needs hasn't been measured; the sentence says what, and why."""


@dataclass(frozen=True)
class Evidence:
    """What is known of a claim once its runs have ended, or some of them.

    seeds: those that everything was measured for. results, curves: of each (arm, seed), its results.json and metrics.jsonl.
    examined: what `Claim.examine` found in it. measured: of each seed, what `Claim.measure` gave. full: whether in full.
    """

    seeds: Sequence[int]
    results: Mapping[tuple[str, int], Results]
    curves: Mapping[tuple[str, int], Sequence[ValidationLine]]
    examined: Mapping[tuple[str, int], Measured]
    measured: Mapping[int, Measured]
    full: bool

    def score(self, arm: str, name: str = "accuracy") -> list[float]:
        """The test score of an arm's runs, one for each seed. Raises Missing where a run has none."""
        found = [self.results[arm, seed].get("test", {}).get(name) for seed in self.seeds]
        if None in found:
            raise Missing(f"{arm} has no score {name}")
        return [value for value in found if value is not None]

    def difference(self, better: str, other: str, name: str = "accuracy") -> list[float]:
        """By how much the first arm's score is higher than the second's, seed by seed."""
        return [one - two for one, two in zip(self.score(better, name), self.score(other, name), strict=True)]

    def found(self, name: str) -> list[list[float]]:
        """Numbers that `Claim.measure` gave by this name: (seeds, numbers)."""
        return [self.measured[seed][name] for seed in self.seeds]

    def found_of(self, arm: str, name: str) -> list[list[float]]:
        """Numbers that `Claim.examine` found in an arm's runs: (seeds, numbers)."""
        return [self.examined[arm, seed][name] for seed in self.seeds]


@dataclass(frozen=True)
class Statement:
    """One row of the table. theory: what theory says, in a sentence. quantity: what is measured, with its unit. values: that, one
    for each seed (of timings: for each repetition); it may raise Missing."""

    theory: str
    quantity: str
    rule: Rule
    values: Callable[[Evidence], Sequence[float]]


@dataclass(frozen=True)
class Figure:
    """A chart on the page. caption: what one sees in it; chart: its SVG; legend: the names of its curves with their colours."""

    caption: str
    chart: Markup
    legend: Sequence[tuple[str, int]] = ()


class Claim:
    """The base of all claims. A plugin registers its own: `@CLAIMS.register("name") class Mine(Claim): …`, with the claim in one
    sentence as the first line of its docstring."""

    theory: ClassVar[str]
    """The paragraph of the page: what is claimed, why, and how it is measured."""
    source: ClassVar[str]
    """Where that is from: papers, sections, equations."""
    statements: ClassVar[Sequence[Statement]]
    timed: ClassVar[bool] = False
    """Whether `measure` takes times, so that nothing else may run beside it."""
    rate: ClassVar[float] = 0.005
    """optimizer.lr of all arms, in quick mode."""
    rates: ClassVar[Sequence[float]] = (0.002, 0.005, 0.01)
    """In full: each arm is trained with each of these under a seed of its own, and validation data choose one for it."""

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        """What is trained, by name: words of `attnlab train`, the same for every seed."""
        return {}

    def of_seed(self, seed: int) -> Sequence[str]:
        """The words in which runs of one seed differ from those of another."""
        return [f"seed={seed}"]

    def measure(self, seed: int, full: bool) -> Measured:
        """What is measured without training."""
        return {}

    def examine(self, arm: str, run: Run) -> Measured:
        """What is measured of a finished run besides its scores; run: with its best weights."""
        return {}

    def drawing(self) -> Markup:
        """A small drawing of what is claimed, as of `attnlab.lab.compare.drawing`."""
        raise NotImplementedError

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        """The curves of the page. May raise Missing."""
        return ()


def band(name: str, x: Sequence[float], rows: Sequence[Sequence[float]], colour: int) -> Curve:
    """The mean over seeds, with a band from the lowest seed to the highest. rows: (seeds, points)."""
    columns = list(zip(*rows, strict=True))
    return Curve(
        name, x, [sum(column) / len(column) for column in columns], [min(c) for c in columns], [max(c) for c in columns],
        colour=colour,
    )  # fmt: skip


def legend(curves: Sequence[Curve]) -> list[tuple[str, int]]:
    """The names of curves with the numbers of their colours."""
    return [(curve.name, curve.colour) for curve in curves if isinstance(curve.colour, int)]
