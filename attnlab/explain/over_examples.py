"""How far each method's explanations can be trusted on one model: the tests of `explain`, over many examples, with intervals.

Letters: n examples · M methods · J measures.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from attnlab.explain.explain import explain
from attnlab.explain.explanation import METHODS, Explanation, Numbers, Question
from attnlab.metrics import bootstrap
from attnlab.model.build import Model
from attnlab.sets import VectorSets


class Measure(NamedTuple):
    """title: as above a chart. reading: how its numbers are read. higher: whether a higher number is better. source: where it is from."""

    title: str
    reading: str
    higher: bool
    source: str


MEASURES: dict[str, Measure] = {
    "deletion": Measure(
        "deletion area",
        "Area under the answer's probability while vectors are taken out, those ranked first before others",
        False,
        "Petsiuk et al. 2018",
    ),
    "insertion": Measure(
        "insertion area",
        "Area under the answer's probability while only vectors ranked first are left",
        True,
        "Petsiuk et al. 2018",
    ),
    "comprehensiveness": Measure(
        "comprehensiveness",
        "How far the probability falls without the vectors ranked first",
        True,
        "DeYoung et al. 2020",
    ),
    "sufficiency": Measure(
        "sufficiency",
        "How far the probability falls with only the vectors ranked first",
        False,
        "DeYoung et al. 2020",
    ),
    "found": Measure(
        "evidence found",
        "Share of the vectors that are known to decide the answer among as many ranked first, where the model is right",
        True,
        "Bastings et al. 2022",
    ),
    "raised": Measure(
        "removal raises the answer",
        "Share of the vectors ranked first without which the answer is more probable",
        False,
        "Liu et al. 2022",
    ),
}
"""What is measured of each method, and how it is read."""
TOP = 0.2
"""Share of the vectors, at least one, that count as ranked first in `raised`."""
BASELINES = ("position", "random")


@dataclass(frozen=True, eq=False)
class Asked:
    """One example to be explained. evidence: vectors that are known to decide the answer, where they are known."""

    inputs: VectorSets
    question: Question
    evidence: Collection[int] | None = None


@dataclass(frozen=True)
class Estimate:
    """The mean over examples with its 95 % interval; None where fewer than two examples have a value."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class Trust:
    """examples: how many were explained. estimates: of each method, each measure that is defined. better: of each method, whether
    its deletion area is below that of `random` beyond chance (True), above it (False), or neither (None). best: methods that no
    other one beats beyond chance, the least area first; empty where none is better than random. rank_correlation: Kendall's τ of
    attention weights with gradient × input, mean over examples."""

    examples: int
    estimates: Mapping[str, Mapping[str, Estimate]]
    better: Mapping[str, bool | None]
    best: Sequence[str]
    rank_correlation: Estimate | None

    @property
    def sentence(self) -> str:
        """What this says of the model, for a reader.

        The rule: methods are ranked by mean deletion area. One is better than another where the 95 % interval of the mean difference
        of their areas, over the same resamples of the examples, doesn't hold 0. The first one is said to explain best, with all that it is
        not better than, if it is better than a random order; else no method is. Attention weights are compared with a random order, and
        where they are better than that, with the first one.
        """
        if not self.examples:
            return "There was no example to explain."
        areas = {name: measures["deletion"] for name, measures in self.estimates.items()}
        random = f"random order {_with_interval(areas['random'])}"
        if not self.best:
            return f"No method finds what this model's answers depend on better than a random order does (deletion area: {random})."
        named = _listed([NAMES[name] for name in self.best])
        alike = ", with no difference beyond chance between them" if len(self.best) > 1 else ""
        verb = "explain" if len(self.best) > 1 or self.best[0] in PLURAL else "explains"
        area = _with_interval(areas[self.best[0]])
        first = f"{named[0].upper()}{named[1:]} {verb} this model's answers best{alike} (deletion area {area}; {random})."
        if "attention" not in areas or "attention" in self.best:
            return first
        told = {
            True: "are better than a random order, but not as good",
            False: "are worse than a random order",
            None: "are not better than a random order",
        }[self.better["attention"]]
        return f"{first} Attention weights {told} ({_with_interval(areas['attention'])})."


NAMES = {name: sentence.partition(":")[0].lower() for name, sentence in METHODS.items()}
"""What methods are called within a sentence."""
PLURAL = ("integrated_gradients", "attention")


def trust(
    model: Model,
    examples: Iterable[Asked],
    by_distance: Numbers | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Trust:
    """Explains each example by every method and measures how far the explanations hold. by_distance: as `explain` takes it.
    progress: takes how many are done."""
    explained, correlations = list[dict[str, list[float]]](), list[float]()
    for done, asked in enumerate(examples, 1):
        found = explain(model, asked.inputs, asked.question, asked.evidence, by_distance)
        explained.append({name: _measures(found, name) for name in found.relevances})
        correlations.append(_correlation(found))
        progress(done)
    methods = [name for name in METHODS if any(name in one for one in explained)]
    nothing = [np.nan] * len(MEASURES)
    table = np.array([[one.get(name, nothing) for name in methods] for one in explained], dtype=np.float64)
    table = table.reshape(len(explained), len(methods), len(MEASURES))
    return summary(methods, table, np.array(correlations))


def summary(methods: Sequence[str], table: NDArray[np.float64], correlations: NDArray[np.float64]) -> Trust:
    """(n, M, J) measures of the examples, in the order of `MEASURES`, NaN where undefined -> what they say of the methods, `random`
    among them."""
    count = len(table)
    found = bootstrap.means(table.reshape(count, -1)).reshape(3, len(methods), len(MEASURES))
    estimates = {
        name: {
            measure: estimate
            for j, measure in enumerate(MEASURES)
            if (estimate := estimate_of(found[:, m, j])) is not None
        }
        for m, name in enumerate(methods)
    }
    areas = table[:, :, list(MEASURES).index("deletion")]
    better = _signs(areas - areas[:, [methods.index("random")]]) if count else np.zeros(len(methods))
    told: dict[str, bool | None] = {
        name: None if sign == 0 else bool(sign < 0)
        for name, sign in zip(methods, better, strict=True)
        if name != "random"
    }
    ranked = sorted(
        (name for name in methods if name not in BASELINES and "deletion" in estimates[name]),
        key=lambda name: estimates[name]["deletion"].value,
    )
    best = list[str]()
    if ranked and told[ranked[0]]:
        behind = _signs(areas - areas[:, [methods.index(ranked[0])]])
        best = [name for name in ranked if behind[methods.index(name)] <= 0]
    tau = bootstrap.means(correlations[:, None])[:, 0] if count else np.full(3, np.nan)
    return Trust(count, estimates, told, best, estimate_of(tau))


def estimate_of(numbers: NDArray[np.float64]) -> Estimate | None:
    """(3,) a mean and the ends of its interval, as `bootstrap.means` gives them."""
    value, low, high = numbers.tolist()
    if value != value:
        return None
    return Estimate(value, None, None) if low != low else Estimate(value, low, high)


def _signs(differences: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n, M) -> (M,): −1 where the mean is below 0 beyond chance, 1 where it is above it, else 0."""
    _, low, high = bootstrap.means(differences)
    return np.where(high < 0, -1, np.where(low > 0, 1, 0))


def _measures(found: Explanation, method: str) -> list[float]:
    """The measures of one method on one example, in the order of `MEASURES`."""
    one, vector = found.relevances[method], found.question.vector
    candidates = np.array([i for i in range(len(one.scores)) if i != vector], dtype=np.int64)
    rises = found.without[candidates] > found.value + 1e-6
    raised = np.nan
    if len(candidates):
        top = max(1, round(TOP * len(candidates)))
        first = np.argsort(-one.scores[candidates], kind="stable")[:top]
        raised = float((rises if method == "random" else rises[first]).mean())
    return [
        one.deletion_area, one.insertion_area, one.comprehensiveness, one.sufficiency,
        np.nan if one.found is None else one.found, raised,
    ]  # fmt: skip


def _correlation(found: Explanation) -> float:
    """Kendall's τ of attention weights with the size of gradient × input (Jain & Wallace 2019, section 4.1)."""
    weights, gradients = (found.relevances.get(name) for name in ("attention", "gradient_input"))
    if weights is None or gradients is None or len(weights.scores) < 3:
        return np.nan
    return float(kendalltau(weights.scores, np.abs(gradients.scores)).statistic)


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _with_interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
