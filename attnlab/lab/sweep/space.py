"""What a sweep's words mean: which values each key may take, in Hydra's own grammar of overrides.

`a,b`, `choice(a,b)` and `range(1,9,2)` list values, `interval(1e-4,1e-2)` and `int(interval(1,8))` bound them,
`tag(log, …)` draws them evenly in their logarithm. Values over `seed` are repeats of one trial.
"""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml
from hydra.core.override_parser.types import IntervalSweep, Override
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from attnlab import compose, groups
from attnlab.command_words import LISTED, as_written, parse, text, values
from attnlab.config import Config
from attnlab.errors import UserError, suggestion
from attnlab.targets import KINDS
from attnlab.training import cross_validation

MOST_COMBINATIONS = 100_000
Value = str | int | float
"""Listed values are kept as they are written on the command line; those of intervals are numbers."""


@dataclass(frozen=True)
class Parameter:
    """A key and the values it may take."""

    name: str
    distribution: CategoricalDistribution | IntDistribution | FloatDistribution

    @property
    def listed(self) -> tuple[str, ...] | None:
        """Every value, or None where there is no end to them."""
        if isinstance(self.distribution, CategoricalDistribution):
            return tuple(map(str, self.distribution.choices))
        return None

    @property
    def count(self) -> int | None:
        """How many values it has, or None where there is no end to them."""
        if isinstance(self.distribution, CategoricalDistribution):
            return len(self.distribution.choices)
        is_whole = isinstance(self.distribution, IntDistribution)
        return int(self.distribution.high - self.distribution.low) + 1 if is_whole else None

    @property
    def first(self) -> Value:
        """The first listed value, or the lowest one."""
        if isinstance(self.distribution, CategoricalDistribution):
            return str(self.distribution.choices[0])
        return self.distribution.low

    @property
    def last(self) -> Value:
        """The last listed value, or the highest one."""
        if isinstance(self.distribution, CategoricalDistribution):
            return str(self.distribution.choices[-1])
        return self.distribution.high


@dataclass(frozen=True)
class Space:
    """fixed: words that every run shares. parameters: what is searched. seeds: repeats of each trial."""

    fixed: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    seeds: tuple[str, ...]

    def combinations(self) -> list[dict[str, str]] | None:
        """Every trial of a grid in the order of the words, the last key fastest; None where there is no end. Raises
        UserError where there are more than can be meant."""
        listed = {p.name: p.listed for p in self.parameters if p.listed is not None}
        if len(listed) < len(self.parameters):
            return None
        if (count := math.prod(map(len, listed.values()))) > MOST_COMBINATIONS:
            raise UserError(
                f"`{' '.join(listed)}`: {count:,} combinations; a sweep has at most {MOST_COMBINATIONS:,}"
            )
        return [dict(zip(listed, row, strict=True)) for row in itertools.product(*listed.values())]

    def words(self, values: Mapping[str, Value], seed: str) -> list[str]:
        """The words of one run."""
        chosen = [f"{parameter.name}={values[parameter.name]}" for parameter in self.parameters]
        return [*self.fixed, *chosen, f"seed={seed}"]

    def example(self, highest: str = "") -> list[str]:
        """The words of one run that the space allows. highest: a key with an interval, which has its end."""
        chosen = {parameter.name: parameter.first for parameter in self.parameters}
        ends = {p.name: p.last for p in self.parameters if p.name == highest}
        return self.words(chosen | ends, self.seeds[0])

    def size(self) -> int | None:
        """How many combinations of values there are; None where there is no end to them."""
        counts = [parameter.count for parameter in self.parameters]
        return None if None in counts else math.prod(count for count in counts if count is not None)


def read(words: Sequence[str]) -> Space:
    """The space that the words of `attnlab sweep` span. A named `space=` gives its words first, so that the command
    line can change them. Raises UserError for what no run would accept, and where nothing is searched."""
    named = [text(word) for word in words if word.startswith("space=")]
    others = [word for word in words if not word.startswith("space=")]
    words = [*itertools.chain.from_iterable(map(named_space, named)), *others]
    for word in words:
        if word.startswith(("folder=", "score_test=")):
            raise UserError(
                f"`{word}`: a sweep gives its trials their folders, and scores only its choice on test data"
            )
    compose.check_overrides(words)
    fixed: dict[str, str] = {}
    parameters: dict[str, Parameter] = {}
    seeds: tuple[str, ...] = ()
    for word, override in zip(words, parse(words), strict=True):
        name = override.key_or_group
        fixed.pop(name, None)
        parameters.pop(name, None)
        if name == "seed":
            seeds = tuple(dict.fromkeys(map(as_written, values(override))))
            if not seeds or not all(seed.isdecimal() for seed in seeds):
                raise UserError(f"`{word}`: list the seeds that each trial is repeated with, as in `seed=1,2,3`")
        elif override.is_sweep_override():
            parameters[name] = _parameter(override, word)
        else:
            fixed[name] = word
    if not parameters:
        raise UserError(
            "nothing to search: give some key several values, as in `encoder.depth=1,2,4` or "
            "`'optimizer.lr=tag(log,interval(1e-4,1e-2))'`, or name a `space=`"
        )
    space = Space(tuple(fixed.values()), tuple(parameters.values()), seeds or ("1",))
    example = compose.compose(space.example())
    _refuse_unlike(space, example)
    if cross_validation.wanted(example):
        raise UserError(
            "`data.folds`: a sweep compares on one division of the data; name one, as in `data.fold=0`"
        )
    return space


def named_space(name: str) -> list[str]:
    """The words of configs/space/<name>.yaml. Raises UserError where there is no such file, or it is no list of words."""
    path = groups.file("space", name)
    if path is None:
        raise UserError(f"`space={name}`: no such space; {suggestion(name, compose.choices('space'))}")
    words = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise UserError(f"{path}: a space is a list of words as one would type them")
    return words


def _parameter(override: Override, word: str) -> Parameter:
    """What Hydra's sweep means to Optuna."""
    name = override.key_or_group
    if override.value_type in LISTED:
        return Parameter(name, CategoricalDistribution(_listed(override)))
    interval = override.value()
    if not isinstance(interval, IntervalSweep):
        raise UserError(f"`{word}`: a sweep takes lists, choice(…), range(…) and interval(…)")
    low, high, log = interval.start, interval.end, "log" in interval.tags
    assert low is not None and high is not None
    if isinstance(low, int) and isinstance(high, int):
        return Parameter(name, IntDistribution(low, high, log=log))
    return Parameter(name, FloatDistribution(float(low), float(high), log=log))


def _listed(override: Override) -> tuple[str, ...]:
    """Every value, written as on the command line, in the order given, once: 1e-3 and 0.001 are one value."""
    # Hydra escapes colons, which need no escape.
    written = (re.sub(r"\\(?=:)", "", value) for value in override.sweep_string_iterator())
    once: dict[object, str] = {}
    for value, word in zip(values(override), written, strict=True):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        once.setdefault(
            value if is_number else as_written(value), {"True": "true", "False": "false"}.get(word, word)
        )
    return tuple(once.values())


USUAL = {kind.monitor for kind in KINDS.values()}
MEASURED_BY = (
    "task",
    "experiment",
    "head",
    "head.target",
    "head.metrics",
    "trainer.monitor",
    "data",
    "data.target_kind",
)
"""Groups and keys that decide what a validation measures."""


def _refuse_unlike(space: Space, example: Config) -> None:
    """Raises UserError where an end of an interval is no value of its key, and where trials would learn other things, or be
    judged by other scores, so that none could be called better."""
    measured = _measured(example)
    for parameter in space.parameters:
        if parameter.listed is None:
            compose.compose(space.example(parameter.name))
        for value in parameter.listed or () if parameter.name in MEASURED_BY else ():
            config = compose.compose([*space.example(), f"{parameter.name}={value}"])
            differing = [f"{name} {was} and {now}" for name, was, now in _differing(measured, _measured(config))]
            if differing:
                raise UserError(
                    f"`{parameter.name}={','.join(parameter.listed or ())}`: trials would differ in what their scores "
                    f"measure ({', '.join(differing)}), and a sweep ranks them by one score; start one for each"
                )


def _measured(config: Config) -> dict[str, object]:
    """What a validation score of a run is a score of, as far as its configuration tells."""
    asked = config.head.metrics
    # A head's usual score where it is among those that were asked for, else the first of these.
    usual = next((name for name in asked if name in USUAL), asked[0]) if asked else None
    return {
        "task": config.task, "head": config.head.name, "head.target": config.head.target,
        "the score": config.trainer.monitor or usual,
        "data.target_kind": getattr(config.data, "target_kind", None),
    }  # fmt: skip


def _differing(one: Mapping[str, object], other: Mapping[str, object]) -> list[tuple[str, str, str]]:
    return [(name, as_written(one[name]), as_written(other[name])) for name in one if one[name] != other[name]]
