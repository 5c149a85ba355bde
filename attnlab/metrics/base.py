"""What a metric is, and what it is given: right answers beside predictions."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar

from attnlab.errors import UserError
from attnlab.metrics.spans import are_tags, by_type
from attnlab.metrics.tally import Tallies, Tally, by_class
from attnlab.registry import METRICS

if TYPE_CHECKING:  # imported when intervals are computed: `--help` does without
    import numpy as np
    from numpy.typing import NDArray

Value = Any
"""An answer in words or numbers: a label, a number, a text, or a list of them; what it is depends on the kind of target."""
Confusion = Mapping[tuple[str, str], int]
"""How often each (right class, predicted class) occurred."""
Slices = Mapping[str, Sequence[Sequence[bool]]]
"""By name, (L,) marks on the vectors of each set."""
NOT_SCORED = ""
"""The label of a vector, or of a set, that no score looks at."""
LISTED = ("vector_classes", "vector_numbers", "classes", "hidden_words")
"""Kinds of target whose answers are lists: of each vector, or of each question."""
LOSSES = ("loss", "perplexity")
"""Scores that no metric computes, since they follow from the loss."""
Computed = TypeVar("Computed")
Counts: TypeAlias = "NDArray[np.float64]"
"""(R, B) how often each example is in each of R resamples."""
OfCounts: TypeAlias = "Callable[[Counts], NDArray[np.float64]]"
"""Gives the (R,) scores of resamples, NaN where one is undefined."""


class Predicted(Protocol):
    """A prediction: see `sets.Prediction`."""

    @property
    def value(self) -> Value: ...
    @property
    def probability(self) -> Value: ...
    @property
    def complete(self) -> bool: ...


@dataclass(frozen=True)
class Undefined:
    """What a metric gives instead of a score that would say nothing. reason: why, as the user reads it."""

    reason: str


GIVEN_AWAY = ": whoever always predicts it is right"
NOTHING_SCORED = Undefined("no labels")


@dataclass(frozen=True)
class Comparison:
    """Right answers beside predictions, one of each for every example.

    kind: of the target, see `attnlab.targets`. classes: those that the model knows; empty where that is not known.
    """

    kind: str
    gold: Sequence[Value]
    predictions: Sequence[Predicted]
    classes: Sequence[str] = ()
    _computed: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def pairs(self) -> Iterator[tuple[Value, Value]]:
        """(right, predicted) of each scored answer; each item of a list is one."""
        return ((right, predicted) for _, right, predicted in self.scored())

    def scored(self) -> Iterator[tuple[int, Value, Value]]:
        """The number of the example, the right answer and the predicted one, of each scored answer. Hidden vectors of an
        example are one answer, an array."""
        for example, (gold, prediction) in enumerate(zip(self.gold, self.predictions, strict=True)):
            answers: Iterable[tuple[Value, Value]] = ((gold, prediction.value),)
            if self.kind in LISTED:
                answers = zip(gold, prediction.value, strict=True)
            elif self.kind == "hidden_numbers":
                if (gold == gold).any():  # NaN: not asked for
                    yield example, gold, prediction.value
                continue
            for right, predicted in answers:
                unknown = right < 0 if self.kind == "classes" else right != right  # NaN: no number
                if right != NOT_SCORED and not unknown:
                    yield example, right, predicted

    @cached_property
    def confusion(self) -> Counter[tuple[Value, Value]]:
        """How often each (right, predicted) occurred."""
        return Counter(self.pairs())

    @cached_property
    def unanimous(self) -> Undefined | None:
        """Why the right answers are no test of these predictions: there are none, or all of them, and all predictions,
        are the same (of questions: of each). None where they are one."""
        answers = [{*right, *predicted} for right, predicted in self.answered()]
        if not answers:
            return NOTHING_SCORED
        if any(len(known) > 1 for known in answers):
            return None
        if self.kind == "classes":
            return Undefined(f"each question has a single label{GIVEN_AWAY}")
        count, only = self.confusion.total(), next(iter(answers[0]))
        right = f"the only label is `{only}`" if count == 1 else f"all {count:,} labels are `{only}`"
        return Undefined(right + GIVEN_AWAY)

    @cached_property
    def spans(self) -> Tallies | None:
        """What each type of span comes to, see `metrics.spans`; None where answers are no such tags."""
        if self.kind != "vector_classes":
            return None
        if not are_tags(
            self.classes or {label for labels in self.gold for label in labels if label != NOT_SCORED}
        ):
            return None
        return by_type(self.gold, (prediction.value for prediction in self.predictions), NOT_SCORED)

    @property
    def questions(self) -> Tallies:
        """What the answer yes comes to, for each question by its name; empty where the target is no questions, or their names
        are not known."""
        if self.kind != "classes" or not self.classes:
            return {}
        import numpy as np

        size = (len(self.gold), len(self.classes))
        gold = np.array([*self.gold], dtype=np.int64).reshape(size)
        predicted = np.array([p.value for p in self.predictions], dtype=np.int64).reshape(size) * (gold >= 0)
        counts = (gold == 1).sum(0), predicted.sum(0), (predicted * (gold == 1)).sum(0)
        return {
            name: Tally(*of) for name, *of in zip(self.classes, *(count.tolist() for count in counts), strict=True)
        }

    def answered(self) -> Iterator[tuple[list[Value], list[Value]]]:
        """The scored right answers and the predicted ones: of all examples, or of each question. Where none are scored,
        nothing."""
        if self.kind != "classes":
            if pairs := list(self.confusion):
                right, predicted = zip(*pairs, strict=True)
                yield list(right), list(predicted)
            return
        answers = [prediction.value for prediction in self.predictions]
        for right, predicted in zip(zip(*self.gold, strict=True), zip(*answers, strict=True), strict=True):
            known = [i for i, truth in enumerate(right) if truth >= 0]
            if known:
                yield [right[i] for i in known], [predicted[i] for i in known]

    def marked(self, marks: Sequence[Sequence[bool]]) -> "Comparison":
        """The same of marked vectors alone; marks: (L,) of each set."""
        gold = [
            [label if mark else NOT_SCORED for label, mark in zip(*labels_and_marks, strict=True)]
            for labels_and_marks in zip(self.gold, marks, strict=True)
        ]
        return replace(self, gold=gold)

    def of(self, examples: Sequence[int]) -> "Comparison":
        """The same of these examples alone, one as often as it is named."""
        if list(examples) == list(range(len(self.gold))):
            return self  # with what was computed already
        gold, predictions = ([side[i] for i in examples] for side in (self.gold, self.predictions))
        return replace(self, gold=gold, predictions=predictions)

    def once(self, name: str, compute: Callable[[], Computed]) -> Computed:
        """What `compute` gives, computed for the first metric that asks and kept for the others."""
        if name not in self._computed:
            self._computed[name] = compute()
        return self._computed[name]


class Metric:
    """One score of a comparison."""

    kinds: ClassVar[tuple[str, ...]]
    """The kinds of target that it can score."""
    higher_is_better: ClassVar[bool | None] = True
    """None: it is best somewhere in between, so that it cannot tell which of two models is better."""
    of_slices: ClassVar[bool] = False
    """Whether it is computed of marked vectors, too, as `<name>/<slice>`."""

    def unfit(self, classes: Sequence[str]) -> str | None:
        """Why it cannot score answers that are these classes; None where it can."""
        return None

    def value(self, comparison: Comparison) -> "float | Undefined | None":
        """The score; `Undefined` where it would say nothing, with the reason; None where it doesn't apply to such answers,
        so that it is left out without a word. Metrics that need no more than answers define `score`."""
        pairs = list(comparison.pairs())
        return self.score(*zip(*pairs, strict=True)) if pairs else NOTHING_SCORED

    def score(self, right: Sequence[Value], predicted: Sequence[Value]) -> "float | Undefined | None":
        """The score of these answers, at least one."""
        raise NotImplementedError

    def of_counts(self, comparison: Comparison) -> "OfCounts | None":
        """The score as a function of how often each example counts, for intervals, see `bootstrap`. None: `value` is asked for
        every resample, which takes longer, so that there are fewer."""
        return None


@dataclass(frozen=True)
class Measured:
    """scores: by the metric's name, finite numbers. undefined: of metrics without one, why. confusion: where answers are
    classes, else empty. classes: what each of them comes to, in alphabetical order.
    spans: the same of types of span, where classes are tags of spans; questions: of the answer yes to each, in their order."""

    scores: dict[str, float]
    undefined: dict[str, str] = field(default_factory=dict)
    confusion: Confusion = field(default_factory=dict)
    classes: Tallies = field(default_factory=dict)
    spans: Tallies = field(default_factory=dict)
    questions: Tallies = field(default_factory=dict)


def chosen(names: Sequence[str], kind: str, classes: Sequence[str] = ()) -> list[str]:
    """These metrics. classes: of the target, where it has any. Raises UserError where one cannot score this kind of target,
    with those that can, or these classes."""
    for name in names:
        if kind not in METRICS.get(name, Metric).kinds:
            fitting = [other for other in METRICS if kind in METRICS.get(other, Metric).kinds]
            raise UserError(
                f"`head.metrics`: {name} does not score a target of kind `{kind}`; choose from {', '.join(fitting)}"
            )
        if (reason := METRICS.get(name, Metric)().unfit(classes)) is not None:
            raise UserError(f"`head.metrics`: {name} does not score this target: {reason}")
    return list(names)


def measure(names: Sequence[str], comparison: Comparison, slices: Slices | None = None) -> Measured:
    """Scores by the metrics of these names, then those of slices."""
    metrics = {name: METRICS.get(name, Metric)() for name in names}
    values = {name: metric.value(comparison) for name, metric in metrics.items()}
    for name, metric in metrics.items():
        if metric.of_slices and comparison.kind == "vector_classes":
            for slice_name, marks in (slices or {}).items():
                value = metric.value(comparison.marked(marks))
                none = (
                    "every word occurs in training, so that none is unseen"
                    if slice_name == "unseen"
                    else f"no labelled vector is {slice_name}"
                )
                nothing = Undefined(none)
                values[f"{name}/{slice_name}"] = nothing if value is NOTHING_SCORED else value
    confusion = comparison.confusion if comparison.kind in ("class", "vector_classes") else {}
    scores = {name: value for name, value in values.items() if isinstance(value, int | float)}
    undefined = {name: value.reason for name, value in values.items() if isinstance(value, Undefined)}
    undefined |= {name: f"it is {value}" for name, value in scores.items() if not math.isfinite(value)}
    scores = {name: value for name, value in scores.items() if name not in undefined}
    classes = dict(sorted(by_class(confusion).items()))
    return Measured(scores, undefined, confusion, classes, comparison.spans or {}, comparison.questions)


JOINT_SCORE = "joint/score"
"""What picks the best weights of a joint run: what its parts have reached, on average."""


def direction(score: str) -> int:
    """1 where a higher score is better, −1 where a lower one is, 0 where neither is: of a metric, of `<metric>/<slice>`,
    of `LOSSES` or of `JOINT_SCORE`."""
    if score == JOINT_SCORE:
        return 1
    name = score.partition("/")[0]
    if name in LOSSES:
        return -1
    higher = METRICS.get(name, Metric).higher_is_better
    return 0 if higher is None else 1 if higher else -1


def better(score: float, best: float | None, name: str) -> bool:
    """Whether a validation score beats the best so far; NaN never does."""
    if best is None:
        return score == score
    return direction(name) * (score - best) > 0


def most_confused(confusion: Confusion, number: int = 8) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: (right class, predicted class, how often)."""
    mistakes = [(right, predicted, times) for (right, predicted), times in confusion.items() if right != predicted]
    return sorted(mistakes, key=lambda mistake: (-mistake[2], mistake))[:number]
