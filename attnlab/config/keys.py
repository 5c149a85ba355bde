"""What a key of the configuration is: its default, one sentence, and the values that it may take."""

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, field, fields, is_dataclass
from typing import Any

from attnlab.errors import UserError, suggestion

LARGEST = 2**63 - 1
"""Of seeds, which are kept in eight bytes."""


def key(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """A documented configuration key; `choices`, `least` and `most` are checked by `check`."""
    metadata = {"help": help, "choices": choices, "least": least, "most": most}
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
    choices, least, most = (entry.metadata.get(name) for name in ("choices", "least", "most"))
    if isinstance(value, str) and value == "???":
        yield f"`{path}` is missing: {entry.metadata['help']}; set it with `{path}=…`"
    elif choices and value is not None and value not in choices:
        yield f"`{path}={value}`: no such choice; {suggestion(str(value), choices)}"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"`{path}={value}`: write a number"
    elif value is not None and least is not None and value < least:
        yield f"`{path}={value}` must be at least {least:g}"
    elif value is not None and most is not None and value > most:
        yield f"`{path}={value}` must be at most {most:g}"


def documented_keys(node: type, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(path, default, sentence) of every key below a node, for help texts."""
    for entry in fields(node):
        default = entry.default if entry.default is not MISSING else None
        if isinstance(entry.type, type) and is_dataclass(entry.type):
            yield from documented_keys(entry.type, f"{prefix}{entry.name}.")
        else:
            yield prefix + entry.name, default, entry.metadata["help"]
