"""How a part is chosen by one word: its name, then the values of its keys after colons, as in `window:8`.

The keys are a dataclass whose fields are of type int, float, str, `Distance` or a Literal of words.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from itertools import product
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from attnlab.errors import UserError
from attnlab.registry import Registry

Keys = TypeVar("Keys")


@dataclass(frozen=True)
class Distance:
    """A distance along a coordinate, or a time in seconds: 8, 40ms or 0.5s."""

    value: float
    seconds: bool = False

    @classmethod
    def parse(cls, text: str) -> "Distance":
        """Raises ValueError where it is neither."""
        match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(ms|s)?", text)
        if not match:
            raise ValueError(text)
        return cls(float(match[1]) / 1000 if match[2] == "ms" else float(match[1]), match[2] is not None)

    def in_coordinates(self, frame_seconds: float | None) -> float:
        """The distance in coordinates, where a frame lasts so long. Raises UserError where nobody knows how long."""
        if not self.seconds:
            return self.value
        if frame_seconds is None:
            raise UserError(
                f"scope: {self.value:g}s is a time, but these data don't know how long a frame lasts; write the distance "
                "in coordinates, as in window:8"
            )
        # 0.29 s in frames of 0.01 s must be 29 frames, not 28.999….
        return round(self.value / frame_seconds, 6)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_READERS: dict[object, tuple[Callable[[str], object], str]] = {
    Distance: (Distance.parse, "a distance such as 8, 40ms or 0.5s"),
    float: (_number, "a number"),
    int: (int, "a whole number"),
    str: (str, "a word"),
}
"""How the value of a key is read, by the key's type, and what it is called. Other types: a Literal of words."""


class Choices(Generic[Keys]):
    """The words by which parts of a registry are chosen, as the choices of a key; a plugin's parts are among them. base: of
    the parts' keys. auto: whether `auto` is one more choice. lists: whether the value may also be a list of words."""

    def __init__(self, registry: Registry, base: type[Keys], auto: bool = False, lists: bool = False) -> None:
        self.registry, self.base, self.auto, self.lists = registry, base, auto, lists

    def keys(self, name: str) -> type[Keys]:
        """The dataclass of a part's keys. Raises UserError where there is none."""
        keys = self.registry.keys(name)
        if keys is None or not issubclass(keys, self.base):
            raise UserError(
                f"{self.registry.kind} `{name}` must be registered with keys derived from {self.base.__name__}"
            )
        return keys

    def parse(self, word: object) -> Keys:
        """The keys that a word stands for: a name, and the values of its keys after colons, in the order of the dataclass.

        Raises UserError where no part has the name, and where the values are not those that it takes.
        """
        name, *texts = str(word).split(":")
        keys = self.keys(name)
        types, required = _types(keys)
        try:
            if not required <= len(texts) <= len(types):
                raise ValueError(word)
            return keys(*(_read(kind, text) for kind, text in zip(types.values(), texts, strict=False)))
        except UserError:
            raise
        except ValueError as error:
            meanings = [
                f"; {key.upper()} is {_READERS[kind][1]}" for key, kind in types.items() if kind in _READERS
            ]
            written = "` or `".join(self.forms(name))
            raise UserError(f"{self.registry.kind} `{word}`: write `{written}`{''.join(meanings)}") from error

    def forms(self, name: str) -> Iterator[str]:
        """How a part may be written: `window:RADIUS`; `additive`, `additive:tanh`, `additive:leaky_relu`."""
        types, required = _types(self.registry.keys(name))
        values = [get_args(kind) or (key.upper(),) for key, kind in types.items()]
        for count in range(required, len(types) + 1):
            yield from (":".join((name, *chosen)) for chosen in product(*values[:count]))

    def __iter__(self) -> Iterator[str]:
        if self.auto:
            yield "auto"
        for name in self.registry:
            yield from self.forms(name)

    def __contains__(self, value: object) -> bool:
        return self.problem(value) is None

    def problem(self, value: object) -> str | None:
        """What is wrong with a value, in a sentence; None: nothing."""
        try:
            for word in listed(value) if self.lists else [value]:
                if not (self.auto and word == "auto"):
                    self.parse(word)
        except UserError as error:
            return str(error)
        return None


def _types(keys: Any) -> tuple[dict[str, Any], int]:
    """The type of each key, in their order, and how many have no default."""
    hints, entries = get_type_hints(keys), fields(keys)
    return {entry.name: hints[entry.name] for entry in entries}, sum(entry.default is MISSING for entry in entries)


def _read(kind: object, text: str) -> object:
    """Raises ValueError where the text is no such value."""
    if kind in _READERS:
        return _READERS[kind][0](text)
    if text not in get_args(kind):
        raise ValueError(text)
    return text


def listed(words: object) -> tuple[str, ...]:
    """One word, or a list of them that is cycled over the layers. Raises UserError for an empty list."""
    scopes = list(words) if isinstance(words, list | tuple) else [words]
    if not scopes:
        raise UserError("name at least one scope")
    return tuple(map(str, scopes))
