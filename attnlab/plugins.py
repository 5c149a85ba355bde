"""Modules of the user's that register parts, named by `plugins=[my_module]` or in attnlab.yaml of the current folder.

They are imported before anything is composed. A run folder names the plugins whose parts it uses, and never has one
imported: that is for the user to ask for.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module, invalidate_caches
from pathlib import Path

from attnlab.errors import UserError, suggestion
from attnlab.registry import METRICS, POSITIONS, REGISTRIES, SCOPES, SCORES, Registry

SETTINGS = "attnlab.yaml"
_BY_KEY = {"score": SCORES, "scope": SCOPES, "position": POSITIONS, "metrics": METRICS, "monitor": METRICS}
"""Where a key's value may name a part besides others, so that the key itself lists no registry as its choices."""


def load(words: Sequence[str] = ()) -> list[str]:
    """Imports the plugins that attnlab.yaml and the words name; returns the other words.

    Raises UserError with file:line where a module is missing, or fails while it is imported, and for a single string.
    """
    if isinstance(words, str):
        raise UserError(f"`{words}`: give a list of overrides, as in [{words!r}]")
    for name, location in named(words):
        _import(name, location)
    return [word for word in words if not _is_plugin_word(word)]


def named(words: Sequence[str] = ()) -> list[tuple[str, str]]:
    """The plugins that attnlab.yaml and the words name, each with where it is named. Raises UserError for words and
    settings that name none."""
    modules = list(_in_settings(Path(SETTINGS))) if Path(SETTINGS).is_file() else []
    for word in filter(_is_plugin_word, words):
        listed = word.partition("=")[2]
        names = listed[1:-1].split(",") if listed[:1] == "[" and listed[-1:] == "]" else [listed]
        modules += [(_module_name(name.strip(), f"`{word}`"), f"`{word}`") for name in names if listed != "[]"]
    return modules


def _is_plugin_word(word: str) -> bool:
    return isinstance(word, str) and word.startswith("plugins=")


def _in_settings(path: Path) -> Iterator[tuple[str, str]]:
    import yaml

    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML ({str(error).splitlines()[0]})") from error
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise UserError(f"{path}:1: write `plugins: [my_module]`")
    for key, value in root.value if root is not None else ():
        if key.value != "plugins":
            near = suggestion(str(key.value), ["plugins"])
            raise UserError(f"{path}:{key.start_mark.line + 1}: `{key.value}`: no such key; {near}")
        for node in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            location = f"{path}:{node.start_mark.line + 1}"
            yield _module_name(str(node.value), location), location


def _module_name(name: str, location: str) -> str:
    if not all(map(str.isidentifier, name.split("."))):
        right = "write it as for `import`: my_module, my_folder.mixer"
        raise UserError(f"{location}: `{name}` is no name of a module; {right}")
    return name


def _import(name: str, location: str) -> None:
    """Imports a module of the current folder or an installed one."""
    import attnlab.config  # noqa: F401  # the program's own parts are registered first, and keep their names

    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # last: a file here must not stand in for a library of the program
    invalidate_caches()
    try:
        module = import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            near = suggestion(name, _modules_here(), f"{len(_modules_here())} others are here")
            raise UserError(f"{location}: no module `{name}`, neither in {here} nor installed; {near}") from error
        reason = str(error).partition("\n")[0]
        if not isinstance(error, UserError):
            reason = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else reason}"
        raise UserError(f"{_line_of(error)}: {reason} (imported as plugin `{name}`)") from error
    path = Path(name.replace(".", "/"))
    local = next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)
    if local is not None and module.__file__ is not None and not local.samefile(module.__file__):
        raise UserError(f"{location}: {local} is hidden by another module `{name}`, {module.__file__}; rename it")


def _modules_here() -> list[str]:
    files = [*Path().glob("*.py"), *(path.parent for path in Path().glob("*/__init__.py"))]
    return [path.stem for path in files if path.stem.isidentifier()]


def _line_of(error: BaseException) -> str:
    """file:line of what failed: of the last line that isn't a library's."""
    import traceback

    here, program = Path.cwd(), Path(__file__).parent
    if isinstance(error, SyntaxError) and error.filename:
        path, line = Path(error.filename), error.lineno
    else:
        stack = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        lines = [(path, line) for path, line in stack if not path.is_relative_to(program)]
        inside = [(path, line) for path, line in lines if path.is_relative_to(here)]
        path, line = (inside or lines)[-1]
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line}"


def loaded() -> list[str]:
    """The modules from outside that have registered parts in this process, by `load` or by the user's own imports."""
    modules = (registry.plugin(name) for registry in REGISTRIES for name in registry)
    return sorted({module for module in modules if module is not None})


def words() -> list[str]:
    """What makes another process load the plugins of this one: a word, or none."""
    modules = [module for module in loaded() if module != "__main__"]
    return [f"plugins=[{','.join(modules)}]"] if modules else []


def used(node: object) -> list[str]:
    """The plugins that define parts which a configuration names."""
    modules: set[str] = set()
    assert is_dataclass(node)
    for entry in fields(node):
        value = getattr(node, entry.name)
        if is_dataclass(value):
            modules.update(used(value))
            continue
        choices = entry.metadata.get("choices")
        parts = choices if isinstance(choices, Registry) else getattr(choices, "registry", _BY_KEY.get(entry.name))
        for word in map(str, value if isinstance(value, list) else [value]):
            for name in {word, word.partition(":")[0]}:  # as in `window:8`
                if parts is not None and name in parts:
                    modules.add(parts.plugin(name) or "")
    return sorted(modules - {""})


def refuse_missing(modules: Sequence[str], path: Path) -> None:
    """Raises UserError where a saved configuration needs plugins that nobody has loaded."""
    missing = sorted(set(modules) - set(loaded()))
    if "__main__" in missing:
        right = "put them into a module for `plugins=`"
        raise UserError(f"{path}: uses parts that the script defined which trained it; {right}")
    if missing:
        names, listed = ", ".join(f"`{name}`" for name in missing), ",".join(missing)
        raise UserError(
            f"{path}: uses parts of {names}, not loaded here (a run folder never imports a plugin by itself); add "
            f"`plugins=[{listed}]`, or `plugins: [{listed}]` in {SETTINGS}"
        )
