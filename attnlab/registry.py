"""What can be chosen by name: one registry for each kind of part, where each part is registered once, with its keys.

Parts of the program itself are registered by the dataclass of their keys, which needs no torch, and are imported when
they are first used. Parts of a plugin are registered by their class:

    @ENCODERS.register("mixer", MixerKeys)      # MixerKeys: a dataclass, derived from EncoderConfig
    class Mixer(Encoder): ...
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import TypeVar

from attnlab.errors import UserError, suggestion

Keys = TypeVar("Keys", bound=type)
Part = TypeVar("Part")


@dataclass(frozen=True)
class _Entry:
    """keys: the dataclass of the part's own keys, or None. part: its class, or "module:name" until it is first used.

    module: the module that registered it.
    """

    keys: type | None
    part: type | str
    module: str


class Registry:
    """Parts of one kind by name.

    kind: what it is called on the command line, such as `encoder`. named_by: which of a part's keys holds its name.
    """

    def __init__(self, kind: str, named_by: str = "name") -> None:
        self.kind, self.named_by = kind, named_by
        self._entries: dict[str, _Entry] = {}

    def builtin(self, name: str, part: str) -> Callable[[Keys], Keys]:
        """Registers a part of the program, by decorating its keys before `@dataclass` does: the name becomes the default
        of the key that holds it, unless the class declares that itself. part: "module:name" of its class."""

        def decorate(keys: Keys) -> Keys:
            inherited = getattr(keys, "__dataclass_fields__", {}).get(self.named_by)
            if inherited is not None and self.named_by not in vars(keys):
                keys.__annotations__[self.named_by] = inherited.type
                setattr(keys, self.named_by, field(default=name, metadata=inherited.metadata))
            self._add(name, _Entry(keys, part, keys.__module__))
            return keys

        return decorate

    def register(self, name: str, keys: type | None = None) -> Callable[[type[Part]], type[Part]]:
        """Registers a part of a plugin, by decorating its class.

        keys: the dataclass of its own keys, derived from the kind's base type; None: it has none. Raises UserError
        where another module has registered the name.
        """

        def decorate(part: type[Part]) -> type[Part]:
            self._add(name, _Entry(keys, part, part.__module__))
            return part

        return decorate

    def _add(self, name: str, entry: _Entry) -> None:
        module = self._entries.get(name, entry).module
        if module != entry.module:  # a module may be loaded again
            taken = f"{self.kind} `{name}` is registered by {module} already"
            raise UserError(f"{entry.module}: {taken}; choose another name")
        self._entries[name] = entry

    def get(self, name: str, base: type[Part]) -> type[Part]:
        """The class of a part. Raises UserError where there is none of this name, or where a plugin's is no `base`."""
        entry = self._entry(name)
        part = entry.part
        if isinstance(part, str):
            module, _, attribute = part.partition(":")
            part = getattr(import_module(module), attribute)
        if not (isinstance(part, type) and issubclass(part, base)):
            raise UserError(f"{entry.module}: {self.kind} `{name}` must be a class derived from {base.__name__}")
        return part

    def keys(self, name: str) -> type | None:
        """The dataclass of a part's own keys. Raises UserError where there is no part of this name."""
        return self._entry(name).keys

    def sentence(self, name: str) -> str:
        """What the part does, in one sentence: the first line of the docstring of its keys, or of its class."""
        entry = self._entry(name)
        for documented in (entry.keys, entry.part):
            if isinstance(documented, type) and documented.__doc__:
                sentence = documented.__doc__.strip().partition("\n")[0]
                if not sentence.startswith(f"{documented.__name__}("):  # which `dataclass` writes itself
                    return sentence
        return ""

    def plugin(self, name: str) -> str | None:
        """The module from outside that registered the part; None for one of the program's own."""
        module = self._entry(name).module
        return None if module.partition(".")[0] == __name__.partition(".")[0] else module

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise UserError(
                f"{self.kind} `{name}`: no such {self.kind}; {suggestion(name, self._entries, of=self.kind)}"
            )
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class SourceRegistry(Registry):
    """Where the data of one modality come from. loader: the name of its loader, which reads a plugin's sources, too."""

    def __init__(self, loader: str) -> None:
        super().__init__("data.source", named_by="source")
        self.loader = loader

    def register(self, name: str, keys: type | None = None) -> Callable[[type[Part]], type[Part]]:
        """As of any registry; with keys, whose `loader` and `source` have the name as their default, it also becomes
        a choice of `data.loader`."""

        def decorate(part: type[Part]) -> type[Part]:
            self._add(name, _Entry(keys, part, part.__module__))
            if keys is not None:
                LOADERS._add(name, _Entry(keys, LOADERS._entry(self.loader).part, part.__module__))
            return part

        return decorate


LOADERS = Registry("data.loader", named_by="loader")
EMBEDDINGS = Registry("embedding")
ENCODERS = Registry("encoder")
HEADS = Registry("head")
OPTIMIZERS = Registry("optimizer")
SCHEDULES = Registry("schedule")
LOGGERS = Registry("logger")
TEXT_SOURCES = SourceRegistry("text")
PAIR_SOURCES = SourceRegistry("parallel")
IMAGE_SOURCES = SourceRegistry("image")
SPEECH_SOURCES = SourceRegistry("speech")
GRAPH_SOURCES = SourceRegistry("graph")
SCORES = Registry("score")
SCOPES = Registry("scope")
POSITIONS = Registry("position")
METRICS = Registry("metric")
BASELINES = Registry("baseline")
CLAIMS = Registry("claim")

GROUPS = {
    "data": LOADERS, "embedding": EMBEDDINGS, "encoder": ENCODERS, "head": HEADS, "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES, "logger": LOGGERS,
}  # fmt: skip
"""The nodes of a configuration that are chosen by name, and what each may be."""
REGISTRIES = (
    *GROUPS.values(), TEXT_SOURCES, PAIR_SOURCES, IMAGE_SOURCES, SPEECH_SOURCES, GRAPH_SOURCES, SCORES, SCOPES,
    POSITIONS, METRICS, BASELINES, CLAIMS,
)  # fmt: skip
