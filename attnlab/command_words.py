"""A word of the command line, `key=value`: read in Hydra's grammar of overrides, within limits, alike by every verb.

A value is text, a number, true, false, null or a list. Several values are `a,b`, `choice(a,b)` or `range(1,9,2)`, which
list them, and `interval(1e-4,1e-2)`, which bounds them. What a value cannot be is refused here, whoever asks for it.
"""

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import cast

from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    QuotedString,
    RangeSweep,
    Sweep,
    ValueType,
)  # fmt: skip
from hydra.errors import HydraException

from attnlab.errors import UserError, suggestion

LONGEST = 10_000
"""Characters of a word."""
DEEPEST = 20
"""Brackets within brackets."""
DIGITS = 100
"""Of a number."""
MOST_VALUES = 10_000
"""Of one key, and runs of one line."""
LISTED = (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'", re.DOTALL)


def parse(words: Sequence[str]) -> list[Override]:
    """Words as Hydra reads them. Raises UserError for those that it cannot read, and for values that cannot be meant."""
    _refuse_parted(words)
    return list(map(_parsed, words))


def parse_single(words: Sequence[str], listed: Callable[[str], str] = lambda _: "") -> list[Override]:
    """Words with one value each. listed: what a list of a key's holds, in the plural, where it takes one; else "". Raises UserError
    for several values, and as `parse` does."""
    parsed = parse(words)
    for override in parsed:
        if override.is_sweep_override():
            line = override.input_line or ""
            name, _, value = line.partition("=")
            commas = override.value_type == ValueType.SIMPLE_CHOICE_SWEEP
            if commas and (what := listed(re.sub(r"^parts\.\w+\.", "", name))):
                raise UserError(
                    f"`{line}`: for several {what} write '{name}=[{value}]'; `attnlab train -m {shlex.quote(line)} …` trains a "
                    "run with each of them alone"
                )
            right = "`attnlab train -m …` runs each of them, and a list is written [1,2]"
            if commas:
                if re.fullmatch(r"-?\d+,\d+", value):
                    right += f"; a decimal number is written with a point: {name}={value.replace(',', '.')}"
                right += f"; a text with a comma stands in quotes: {shlex.quote(f'{name}={quoted(value)}')}"
            raise UserError(f"`{line}`: several values; {right}")
    return parsed


def _refuse_parted(words: Sequence[str]) -> None:
    """Raises UserError for a value with spaces that a shell has parted into words, with the quotes that keep it whole."""
    for number, word in enumerate(words):
        if not word or "=" in word or number == 0 or not re.match(r"[\w.]+=", words[number - 1]):
            continue
        rest = list(takewhile(lambda other: "=" not in other, words[number:]))
        name, _, value = " ".join([words[number - 1], *rest]).partition("=")
        whole = f"{name}={value}"
        try:
            plain = not _read(whole).is_sweep_override()
        except (HydraException, ValueError, RecursionError):
            plain = False
        right = shlex.quote(whole if plain else f"{name}={quoted(value)}")
        raise UserError(
            f"`{word}`: write key=value; if it is a part of `{name}=`, put the whole argument in quotes: {right}"
        )


def values(override: Override) -> list[object]:
    """The value, or every value of those that can be listed."""
    if not override.is_sweep_override():
        return [override.value()]
    return [_plain(value) for value in override.sweep_iterator()] if override.value_type in LISTED else []


def split_words(words: Sequence[str], defaults: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values of a verb's own words, and the other words. Raises UserError for a word without =, and as `text` does."""
    _refuse_parted(words)
    for word in words:
        if word.startswith("--"):
            raise UserError(f"`{word}`: no such option; write key=value")
        if "=" not in word:
            raise UserError(f"`{word}`: write key=value")
    own = {word.partition("=")[0]: text(word) for word in words if word.partition("=")[0] in defaults}
    return defaults | own, [word for word in words if word.partition("=")[0] not in defaults]


def text(word: str) -> str:
    """The value of a word that is text, such as the name of a folder; what Hydra's grammar has no meaning for, or would
    make a number or several values of, is text as it stands. Raises UserError beyond the limits, and for U+0000."""
    _, _, value = word.partition("=")
    _refuse_beyond_limits(word)
    if "\0" in value:
        raise UserError(f"`{word}`: no text holds the character U+0000")
    try:
        override = _read(f"x={value}")
    except (HydraException, ValueError, RecursionError):
        return value
    found = None if override.is_sweep_override() else override.value()
    return found if isinstance(found, str) else value.strip()


def texts(word: str) -> list[str]:
    """Every value of `key=a,b`, as text: a list within brackets, or text in quotes, is one value. Raises UserError as `text`
    does."""
    _, _, value = word.partition("=")
    try:
        override = _read(f"x={value}")
    except (HydraException, ValueError, RecursionError):
        override = None
    if override is None or override.value_type != ValueType.SIMPLE_CHOICE_SWEEP:
        return [text(word)]
    listed = cast(ChoiceSweep, override.value()).list
    return [item.text if isinstance(item, QuotedString) else as_written(item) for item in listed]


def as_written(value: object) -> str:
    """A value as one would type it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"[{','.join(map(as_written, value))}]" if isinstance(value, list | tuple) else str(value)


def quoted(value: str) -> str:
    """Any text as a value on the command line, whatever its characters mean to Hydra."""
    # A backslash means itself but before a quotation mark.
    escaped = re.sub(r'(\\*)("|\Z)', lambda match: 2 * match[1] + match[2].replace('"', r"\""), value)
    return f'"{escaped}"'


def text_word(name: str, value: str) -> str:
    """`name=value` as `text` and Hydra read it, for any text."""
    plain = re.fullmatch(r"[A-Za-z/.][\w./-]*", value, re.ASCII)
    return f"{name}={value if plain else quoted(value)}"


def shell_word(name: str, value: str) -> str:
    """`name=value` as one types it in a shell, for any text."""
    return shlex.quote(text_word(name, value))


def _parsed(word: str) -> Override:
    _refuse_beyond_limits(word)
    try:
        override = _read(word)
    except HydraException as error:
        name, equals, value = word.partition("=")
        if not equals or not re.fullmatch(r"[\w.@/+~]+", name, re.ASCII):
            raise UserError(f"`{word}`: write key=value") from error
        function = re.match(r"\w+ while evaluating '.*?': (.*)", " ".join(str(error).split()))
        if function and function[1]:
            raise UserError(f"`{word}`: {function[1]}; text stands in quotes") from error
        right = f"stands in quotes: {shlex.quote(f'{name}={quoted(value)}')}"
        raise UserError(f"`{word}`: a value with ( ) = , ' & # ~ and the like {right}") from error
    if not override.key_or_group:
        raise UserError(f"`{word}`: write key=value")
    if isinstance(sweep := override.value(), Sweep) and (problem := _problem(sweep)):
        raise UserError(f"`{word}`: {problem}")
    if not isinstance(sweep, Sweep | Glob) and _holds_functions(sweep):
        raise UserError(f"`{word}`: choice(…), range(…) and the like stand for the whole value, not within a list")
    return override


@cache
def _parser() -> OverridesParser:
    functions = create_functions()
    functions.functions["shuffle"] = _no_shuffle
    return OverridesParser(functions)


def _no_shuffle(*args: object, **named: object) -> None:
    raise ValueError("a sweep keeps the order of lists; for another one take sweep.sampler=random")


def _read(word: str) -> Override:
    """Raises HydraException."""
    return _parser().parse_override(word)


def _refuse_beyond_limits(word: str) -> None:
    name = word.partition("=")[0]
    unquoted = _QUOTED.sub("", word)
    if len(word) > LONGEST:
        raise UserError(f"`{name[:80]}=…`: an argument of {len(word):,} characters; at most {LONGEST:,} are read")
    if any("\ud800" <= character <= "\udfff" for character in word):
        raise UserError(f"`{word}`: holds bytes that are no UTF-8")
    if _depth(unquoted) > DEEPEST:
        raise UserError(f"`{word}`: brackets within brackets, more than {DEEPEST} deep")
    if re.search(rf"\d(?:_?\d){{{DIGITS},}}", unquoted, re.ASCII):
        raise UserError(f"`{word}`: a number of more than {DIGITS} digits; text stands in quotes")


def _depth(text: str) -> int:
    """How many brackets are open at the most."""
    depth = deepest = 0
    for character in re.findall(r"[][(){}]", text):
        depth += 1 if character in "([{" else -1
        deepest = max(deepest, depth)
    return deepest


def _plain(value: object) -> object:
    """A value without the marks of how it was quoted."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {_plain(key): _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _holds_functions(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_functions, (*value, *value.values())))
    return isinstance(value, Sweep | Glob) or (isinstance(value, list) and any(map(_holds_functions, value)))


def _problem(sweep: Sweep) -> str:
    """Why several values cannot be meant; "" where they can."""
    if isinstance(sweep, IntervalSweep):
        return _interval_problem(sweep)
    if sweep.tags:
        return "tags are for intervals, as in tag(log,interval(1e-4,1e-2))"
    if isinstance(sweep, RangeSweep):
        return _range_problem(sweep)
    assert isinstance(sweep, ChoiceSweep)
    if any(map(_holds_functions, sweep.list)):
        return "a list of values has no choice(…), range(…) or interval(…) within it"
    return _too_many(len(sweep.list)) if sweep.list else "no value is listed"


def _range_problem(sweep: RangeSweep) -> str:
    assert sweep.start is not None and sweep.stop is not None
    if not all(math.isfinite(number) for number in (sweep.start, sweep.stop, sweep.step)):
        return "a range goes from a number to a number"
    if sweep.step == 0:
        return "a range whose step is 0 has no end"
    count = math.ceil((sweep.stop - sweep.start) / sweep.step)
    if count < 1:
        return (
            "no number lies in this range, which goes from its first number up to below its second, as in range(1,4), or "
            "down to above it, as in range(4,1,-1)"
        )
    return _too_many(count)


def _too_many(count: int) -> str:
    return f"{count:,} values; at most {MOST_VALUES:,} are listed" if count > MOST_VALUES else ""


def _interval_problem(interval: IntervalSweep) -> str:
    low, high = interval.start, interval.end
    assert low is not None and high is not None
    if unknown := interval.tags - {"log"}:
        return f"no such tag `{', '.join(sorted(unknown))}`; the only one is `log`"
    if not (math.isfinite(low) and math.isfinite(high)):
        return "an interval goes from a number to a number"
    if low >= high:
        return "an interval begins below its end"
    return "a logarithm needs an interval above 0" if "log" in interval.tags and low <= 0 else ""


def options_and_others(
    words: Sequence[str], valued: Mapping[str, str], flags: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """(options with their values, other words) of a command that takes inputs; all that follows `--` are other words. valued:
    options with a value, and an example of it; flags: those without, whose value is "". Raises UserError for an option that there
    isn't, and where a value is missing."""
    named, others, rest = dict[str, str](), list[str](), iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        if word == "--":
            others += rest
        elif not re.fullmatch(r"--[a-z-]+", option):
            others.append(word)
        elif option in flags:
            named[option] = ""
        elif option in valued:
            given = value if equals else next(rest, "")
            if not given:
                raise UserError(f"`{option}`: give it a value, as in `{option} {valued[option]}`")
            named[option] = given
        else:
            known = suggestion(option, (*valued, *flags, "--debug", "--help"))
            raise UserError(f"`{option}`: no such option; {known}")
    return named, others
