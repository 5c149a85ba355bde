"""What a sweep's words mean: which values each key may take, in Hydra's own grammar of overrides.

`a,b`, `choice(a,b)` and `range(1,9,2)` list values, `interval(1e-4,1e-2)` and `int(interval(1,8))` bound them,
`tag(log, …)` draws them evenly in their logarithm. Values over `seed` are repeats of one trial.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml
from hydra.core.override_parser.types import IntervalSweep, Override, ValueType
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from attnlab import compose, groups
from attnlab.errors import UserError, suggestion
from attnlab.training import cross_validation

LISTED = (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP)
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
    def first(self) -> Value:
        """The first listed value, or the lowest one."""
        if isinstance(self.distribution, CategoricalDistribution):
            return str(self.distribution.choices[0])
        return self.distribution.low


@dataclass(frozen=True)
class Space:
    """fixed: words that every run shares. parameters: what is searched. seeds: repeats of each trial."""

    fixed: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    seeds: tuple[str, ...]

    def combinations(self) -> list[dict[str, str]] | None:
        """Every trial of a grid in the order of the words, the last key fastest; None where there is no end."""
        listed = {p.name: p.listed for p in self.parameters if p.listed is not None}
        if len(listed) < len(self.parameters):
            return None
        return [dict(zip(listed, row, strict=True)) for row in itertools.product(*listed.values())]

    def words(self, values: Mapping[str, Value], seed: str) -> list[str]:
        """The words of one run."""
        chosen = [f"{parameter.name}={values[parameter.name]}" for parameter in self.parameters]
        return [*self.fixed, *chosen, f"seed={seed}"]

    def example(self) -> list[str]:
        """The words of one run that the space allows."""
        return self.words({parameter.name: parameter.first for parameter in self.parameters}, self.seeds[0])


def read(words: Sequence[str]) -> Space:
    """The space that the words of `attnlab sweep` span. A named `space=` gives its words first, so that the command
    line can change them. Raises UserError for what no run would accept, and where nothing is searched."""
    named = [word.removeprefix("space=") for word in words if word.startswith("space=")]
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
    for word, override in zip(words, compose.parse(words), strict=True):
        name = override.key_or_group
        fixed.pop(name, None)
        parameters.pop(name, None)
        if name == "seed":
            seeds = _listed(override) if override.is_sweep_override() else (str(override.value()),)
            if seeds == ("",) or not all(seed.isdigit() for seed in seeds):
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
    if cross_validation.wanted(compose.compose(space.example())):
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
    if getattr(override.value(), "shuffle", False):
        raise UserError(f"`{word}`: a sweep keeps the order of lists; for another one take sweep.sampler=random")
    if override.value_type in LISTED:
        return Parameter(name, CategoricalDistribution(_listed(override)))
    interval = override.value()
    if not isinstance(interval, IntervalSweep):
        raise UserError(f"`{word}`: a sweep takes lists, choice(…), range(…) and interval(…)")
    low, high, log = interval.start, interval.end, "log" in interval.tags
    assert low is not None and high is not None
    if unknown := interval.tags - {"log"}:
        raise UserError(f"`{word}`: no such tag `{', '.join(sorted(unknown))}`; the only one is `log`")
    if low >= high:
        raise UserError(f"`{word}`: an interval begins below its end")
    if log and low <= 0:
        raise UserError(f"`{word}`: a logarithm needs an interval above 0")
    if isinstance(low, int) and isinstance(high, int):
        return Parameter(name, IntDistribution(low, high, log=log))
    return Parameter(name, FloatDistribution(float(low), float(high), log=log))


def _listed(override: Override) -> tuple[str, ...]:
    """Every value, written as on the command line, in the order given, once."""
    if override.value_type not in LISTED:
        return ("",)
    # Hydra escapes colons, which need no escape.
    values = (re.sub(r"\\(?=:)", "", str(value)) for value in override.sweep_string_iterator())
    return tuple(dict.fromkeys({"True": "true", "False": "false"}.get(value, value) for value in values))
