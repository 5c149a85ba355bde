"""Whether plain values, read from a file that may be damaged or a stranger's, are what annotations say.

A schema is a type: of plain values, of lists and dictionaries of them, a dataclass or a TypedDict. `Annotated` with `Within`
adds limits, and the `problems()` of a dataclass say what its fields must be together.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from attnlab.errors import Damaged

T = TypeVar("T")
DEPTH = 100
"""Lists and dictionaries within one another, at the most."""
DIGITS = 20
"""Of a whole number, at the most: no count or seed has more."""


@dataclass(frozen=True)
class Within:
    """The least and the largest number that a file may hold somewhere."""

    low: float
    high: float


Count = Annotated[int, Within(0, 2**53)]
"""Of updates, vectors, examples, bytes."""
Size = Annotated[int, Within(0, 2**32)]
"""Of something that a model is made for: features, coordinates."""
Seconds = Annotated[float, Within(0, 2**53)]
Fraction = Annotated[float, Within(0, 1)]
Finite = Annotated[float, Within(-1e300, 1e300)]
"""No NaN, and not without end."""

_PLAIN: dict[object, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
    type(None): ((type(None),), "null"),
}
"""Of each plain type: which values pass for it, and how it is called."""


def checked(kind: type[T], value: object, where: object) -> T:
    """A value as its schema says: lists become tuples and objects dataclasses where that asks for them. where: the file,
    and the line. Raises Damaged, with the key, where the value is anything else."""
    return cast(T, _read(kind, value, str(where), ""))


def refuse_unsound(value: object, where: object, depth: int = 0) -> None:
    """Raises Damaged for what no file of ours holds under any key: deep nesting, numbers of many digits, half characters,
    and what is neither a plain value, a list nor an object."""
    if depth > DEPTH:
        raise Damaged(f"{where}: nested more than {DEPTH} deep")
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise Damaged(f"{where}: holds half a character (a surrogate)")
    elif isinstance(value, int):
        if abs(value) >= 10**DIGITS:
            raise Damaged(f"{where}: holds a whole number of more than {DIGITS} digits")
    elif isinstance(value, (list, dict)):
        for item in value:
            refuse_unsound(item, where, depth + 1)
            if isinstance(value, dict):
                if not isinstance(item, str):
                    raise Damaged(f"{where}: holds a key that is no text: {_shown(item)}")
                refuse_unsound(value[item], where, depth + 1)
    elif value is not None and not isinstance(value, float):
        raise Damaged(f"{where}: holds {_shown(value)}, which no file of a run does")


def _read(kind: Any, value: object, where: str, key: str) -> object:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in (object, Any):
        return value
    if kind in _PLAIN:
        allowed, name = _PLAIN[kind]
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise _other(where, key, name, value)
        return value
    if origin is NotRequired:
        return _read(arguments[0], value, where, key)
    if origin is Annotated:
        return _within(arguments, value, where, key)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, where, key)
    if origin is Literal:
        if not any(value == choice and type(value) is type(choice) for choice in arguments):
            raise _other(where, key, " or ".join(map(str, arguments)), value)
        return value
    if origin in (list, tuple):
        return _items(origin, arguments, value, where, key)
    if not isinstance(value, dict):
        raise _other(where, key, "an object", value)
    if origin is dict:
        return {name: _read(arguments[1], item, where, _below(key, name)) for name, item in value.items()}
    if is_typeddict(kind):
        return value | dict(_entries(_annotations(kind), kind.__required_keys__, value, where, key))
    assert is_dataclass(kind), kind
    return _dataclass(cast(type, kind), value, where, key)


def _within(arguments: tuple[Any, ...], value: object, where: str, key: str) -> object:
    kind, limits = arguments
    found = _read(kind, value, where, key)
    assert isinstance(limits, Within) and isinstance(found, (int, float))
    if not limits.low <= found <= limits.high:
        name = _PLAIN[kind][1]
        least = f" of at least {limits.low:g}" if limits.low > -1e300 and not found > limits.high else ""
        raise _other(where, key, name + (least or f" of at most {limits.high:g}"), value)
    return found


def _one_of(kinds: tuple[Any, ...], value: object, where: str, key: str) -> object:
    problem: Damaged | None = None
    for kind in kinds:
        try:
            return _read(kind, value, where, key)
        except Damaged as error:  # what the first kind says is told, which is the one that matters
            problem = problem or error
    assert problem is not None
    raise problem


def _items(origin: type, kinds: tuple[Any, ...], value: object, where: str, key: str) -> object:
    if not isinstance(value, list):
        raise _other(where, key, "a list", value)
    if origin is tuple and kinds[-1] is not ...:
        if len(value) != len(kinds):
            raise _other(where, key, f"a list of {len(kinds)}", value)
    else:
        kinds = (kinds[0],) * len(value)
    items = zip(kinds, value, strict=True)
    return origin(_read(kind, item, where, f"{key}[{i}]") for i, (kind, item) in enumerate(items))


def _dataclass(kind: type, value: dict[str, object], where: str, key: str) -> object:
    entries = fields(kind)
    needed = {e.name for e in entries if e.default is MISSING and e.default_factory is MISSING}
    if unknown := value.keys() - {entry.name for entry in entries}:
        raise Damaged(f"{where}: `{_below(key, min(unknown))}`: no such key")
    read = kind(**dict(_entries(_annotations(kind), needed, value, where, key)))
    for problem in getattr(read, "problems", tuple)():
        raise Damaged(f"{where}: {problem}")
    return cast(object, read)


def _entries(
    kinds: Mapping[str, Any], needed: Any, value: dict[str, object], where: str, key: str
) -> Iterator[tuple[str, object]]:
    for name, kind in kinds.items():
        if name in value:
            yield name, _read(kind, value[name], where, _below(key, name))
        elif name in needed:
            raise Damaged(f"{where}: `{_below(key, name)}` is missing")


@cache
def _annotations(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _below(key: str, name: str) -> str:
    name = repr(name)[1:-1]
    return f"{key}.{name}" if key else name


def _other(where: str, key: str, expected: str, value: object) -> Damaged:
    place = f"`{key}`: " if key else ""
    return Damaged(f"{where}: {place}{_shown(value)} where {expected} should be")


def _shown(value: object) -> str:
    """In few characters, none of which a terminal obeys."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
