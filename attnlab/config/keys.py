"""What a key of the configuration is: its default, one sentence, and the values that it may take."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, field, fields, is_dataclass
from types import UnionType
from typing import Any, NamedTuple, get_args, get_type_hints

from attnlab.choices import Choices
from attnlab.errors import UserError, suggestion

LARGEST = 2**63 - 1
"""Of seeds, which are kept in eight bytes."""
THREADS = 1024
"""Of one process, and processes of one sweep: as many as the largest machines compute at a time."""
WIDEST = 2**16
"""Numbers in one vector, and parts into which one is divided."""


def cores() -> int:
    """How many threads compute at a time for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_allowed() -> int:
    """As PyTorch takes them: all cores, or as many as `OMP_NUM_THREADS` says."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else cores()


def refuse_beyond_machine(path: str, number: int) -> None:
    """Raises UserError for more threads, or processes, than could be meant here: many times the cores, since a run of a
    larger machine may be continued on this one."""
    most = max(64, 8 * cores())
    if number > most:
        raise UserError(f"`{path}={number}`: this machine computes {cores()} at a time; choose at most {most}")


def key(
    default: object,
    help: str,
    *,
    choices: Iterable[str] = (),
    min: float | None = None,
    max: float | None = None,
    was: str | None = None,
    added: bool = False,
    beside: bool = False,
    values: str = "",
) -> Any:
    """A documented configuration key; `choices` (also a registry), `min` and `max` are checked by `check`.

    help: one sentence, in which {choices} stands for all of them, those of plugins too.
    was: the name by which earlier versions knew it: refused on the command line, and read from the runs that they saved.
    added: whether data were prepared before there was this key: its default, which means what was done before, then isn't
    part of their fingerprint.
    beside: whether it says what stands beside examples, on which no example depends: it is part of no fingerprint.
    values: which it may have, in words, where its type says too little.
    """
    metadata = {
        "help": help,
        "choices": choices,
        "min": min,
        "max": max,
        "was": was,
        "added": added,
        "beside": beside,
        "values": values,
    }
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
    elif value is not None and choices and not isinstance(choices, Choices):
        for word in value if isinstance(value, list) else [value]:
            if word not in choices:
                yield f"`{path}={word}`: no such choice; {suggestion(str(word), choices, of=path)}"
    elif "\0" in str(value):
        yield f"`{path}={value}`: no text holds the character U+0000"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"`{path}={value}`: write a number"
    elif value is not None and lowest is not None and value < lowest:
        yield f"`{path}={value}` must be at least {_number(lowest)}"
    elif value is not None and highest is not None and value > highest:
        yield f"`{path}={value}` must be at most {_number(highest)}"


def _number(limit: float | None) -> str:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"


class KeyDoc(NamedTuple):
    """What help tells of a key. kind: its type; choices: its values where they can be listed.
    described: them in words, where its type says too little."""

    path: str
    default: object
    sentence: str
    kind: object
    choices: tuple[str, ...]
    min: float | None
    max: float | None
    nullable: bool
    described: str = ""

    @property
    def limits(self) -> str:
        """`at least 1`, `from 0 to 0.99`; empty where there are none."""
        if self.min is None:
            return ""
        limited = self.max is not None and self.max < LARGEST
        return f"from {_number(self.min)} to {_number(self.max)}" if limited else f"at least {_number(self.min)}"

    @property
    def values(self) -> str:
        """Which values it may have, in words."""
        kinds = {int: "a whole number", float: "a number", str: "text", Any: "text, a number or a list"}
        words = self.described or " | ".join(self.choices) or kinds.get(self.kind, "a list, such as [a,b]")  # type: ignore[call-overload]
        return ", ".join(filter(None, (words, self.limits, "or null" if self.nullable else "")))


def documented_keys(node: type, prefix: str = "") -> Iterator[KeyDoc]:
    """Every key below a node, for help texts; nodes that are chosen by name are left out."""
    types = get_type_hints(node)
    for entry in fields(node):
        hint, path, metadata = types[entry.name], prefix + entry.name, entry.metadata
        if is_dataclass(hint):
            if not any(part.name == "name" for part in fields(hint)):
                yield from documented_keys(hint, f"{path}.")  # type: ignore[arg-type]
            continue
        kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        choices = ("true", "false") if hint is bool else tuple(metadata.get("choices") or ())
        default = entry.default if entry.default_factory is MISSING else entry.default_factory()
        sentence = metadata["help"].replace("{choices}", ", ".join(choices))
        limits = metadata.get("min"), metadata.get("max")
        yield KeyDoc(
            path, default, sentence, kinds[0], choices, *limits, type(None) in kinds, metadata.get("values", "")
        )


def renamed(node: type) -> dict[str, str]:
    """Of the keys of a node, which an earlier version called otherwise: its name there -> its name now."""
    return {entry.metadata["was"]: entry.name for entry in fields(node) if entry.metadata.get("was")}


def dropped(node: type) -> tuple[str, ...]:
    """The keys that an earlier version had and this one does without; they are passed over in the runs that it saved."""
    return getattr(node, "DROPPED", ())


def former_names(node: Any) -> dict[str, Any]:
    """The values of a node by the names that its keys had first, so that what is worked out from them, such as the
    fingerprint of prepared data, stays the same when a key is renamed or added."""
    values = ((entry, getattr(node, entry.name)) for entry in fields(node))
    return {
        entry.metadata.get("was") or entry.name: value
        for entry, value in values
        if not (entry.metadata.get("beside") or (entry.metadata.get("added") and value == entry.default))
    }
