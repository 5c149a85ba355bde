"""What a key of the configuration is: its default, one sentence, and the values that it may take."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Any

from attnlab.choices import Choices
from attnlab.errors import UserError, suggestion

LARGEST = 2**63 - 1
"""Of seeds, which are kept in eight bytes."""


def key(
    default: Any,
    help: str,
    *,
    choices: Iterable[str] = (),
    min: float | None = None,
    max: float | None = None,
    was: str | None = None,
) -> Any:
    """A documented configuration key; `choices` (also a registry), `min` and `max` are checked by `check`.

    help: one sentence, in which {choices} stands for all of them, those of plugins too.
    was: the name by which earlier versions knew it: refused on the command line, and read from the runs that they saved.
    """
    metadata = {"help": help, "choices": choices, "min": min, "max": max, "was": was}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check(config: Any, prefix: str = "") -> None:
    """Refuse values out of range with one sentence that names the key."""
    for problem in _problems(config, prefix):
        raise UserError(problem)


def _problems(node: Any, prefix: str) -> Iterator[str]:
    for entry in fields(node):
        path, value = prefix + entry.name, getattr(node, entry.name)
        if is_dataclass(value):
            yield from _problems(value, path + ".")
        else:
            yield from _value_problems(path, value, entry)
    if hasattr(node, "problems"):
        yield from node.problems()


def _value_problems(path: str, value: Any, entry: Field) -> Iterator[str]:
    choices, lowest, highest = (entry.metadata.get(name) for name in ("choices", "min", "max"))
    if isinstance(value, str) and value == "???":
        yield f"`{path}` is missing: {entry.metadata['help']}; set it with `{path}=…`"
    elif value is not None and isinstance(choices, Choices) and value not in choices:
        yield f"`{path}`: {choices.problem(value)}"
    elif value is not None and choices and value not in choices:
        yield f"`{path}={value}`: no such choice; {suggestion(str(value), choices)}"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"`{path}={value}`: write a number"
    elif value is not None and lowest is not None and value < lowest:
        yield f"`{path}={value}` must be at least {lowest:g}"
    elif value is not None and highest is not None and value > highest:
        yield f"`{path}={value}` must be at most {highest:g}"


def documented_keys(node: type, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(path, default, sentence) of every key below a node, for help texts."""
    for entry in fields(node):
        default = entry.default if entry.default is not MISSING else None
        if isinstance(entry.type, type) and is_dataclass(entry.type):
            yield from documented_keys(entry.type, f"{prefix}{entry.name}.")
        else:
            sentence = entry.metadata["help"].replace("{choices}", ", ".join(entry.metadata.get("choices") or ()))
            yield prefix + entry.name, default, sentence


def renamed(node: type) -> dict[str, str]:
    """Of the keys of a node, which an earlier version called otherwise: its name there -> its name now."""
    return {entry.metadata["was"]: entry.name for entry in fields(node) if entry.metadata.get("was")}


def dropped(node: type) -> tuple[str, ...]:
    """The keys that an earlier version had and this one does without; they are passed over in the runs that it saved."""
    return getattr(node, "DROPPED", ())


def former_names(node: Any) -> dict[str, Any]:
    """The values of a node by the names that its keys had first, so that what is worked out from them, such as the
    fingerprint of prepared data, stays the same when a key is renamed."""
    return {entry.metadata.get("was") or entry.name: getattr(node, entry.name) for entry in fields(node)}
