"""What `group=choice` may be: files of `configs/`, the program's and the user's, and registered parts.

Reads files as text, and imports neither Hydra nor torch, so that help and completion answer at once.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from attnlab.config import DataConfig, GraphData, keys_of
from attnlab.registry import GROUPS, LOADERS, REGISTRIES, SourceRegistry

NAMES = ("task", "experiment", *GROUPS)
"""Every `group=` that a run has; `space=` belongs to sweeps."""
OWN_DATA = {
    "tagging": ("data=tagged data.path=FILE", "pos"),
    "classification": ("data=csv data.path=FILE", "sentiment"),
    "regression": ("data=csv data.path=FILE data.label=COLUMN", None),
}
"""Tasks that bring no data: how one names data for them, and a task of the same kind that brings generated data."""


def config_folder() -> Path:
    """`configs/`: inside the installed package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def user_folder() -> Path | None:
    """`configs/` in the current folder, unless that is the program's: of this copy of it, or of another."""
    here = Path.cwd()
    folder = here / "configs"
    if not folder.is_dir() or (here / "attnlab" / "compose.py").is_file() or folder.samefile(config_folder()):
        return None
    return folder


def _folders(group: str) -> list[Path]:
    """The program's and the user's files of a group."""
    return [folder / group for folder in (config_folder(), user_folder()) if folder is not None]


def file(group: str, name: str) -> Path | None:
    """The YAML file of a choice; None where it is a registered part alone."""
    files = (folder / f"{name}.yaml" for folder in _folders(group))
    return next((path for path in files if path.is_file()), None)


def text(group: str, name: str) -> str:
    """The file of a choice; empty where there is none."""
    path = file(group, name)
    return path.read_text(encoding="utf-8") if path else ""


def is_programs(group: str, name: str) -> bool:
    """Whether the program itself has this choice."""
    builtin = group != "data" and name in GROUPS.get(group, ()) and GROUPS[group].plugin(name) is None
    return builtin or (config_folder() / group / f"{name}.yaml").is_file()


def choices(group: str) -> list[str]:
    """The names that `group=` accepts."""
    files = {path.stem for folder in _folders(group) for path in folder.glob("*.yaml")}
    return sorted(files | set(parts(group)))


def parts(group: str) -> dict[str, dict[str, str]]:
    """The choices that need no file, each with the keys that make its node that part's.

    Of `data`: what plugins register. A source without keys of its own is read by its modality's loader.
    """
    if group != "data":
        return {name: {"name": name} for name in GROUPS.get(group, ())}
    made = {name: {"loader": name, "name": name} for name in LOADERS if LOADERS.plugin(name)}
    for name, sources in _plugin_sources().items():
        loader = name if name in LOADERS else sources.loader
        made[name] = {"loader": loader, "source": name, "name": name}
    return made


def _plugin_sources() -> dict[str, SourceRegistry]:
    """The sources that plugins register, each with where."""
    sources = (registry for registry in REGISTRIES if isinstance(registry, SourceRegistry))
    return {name: registry for registry in sources for name in registry if registry.plugin(name)}


def comment(group: str, name: str) -> str:
    """The description of a choice: the comment at the head of its file, or its part's docstring."""
    head = takewhile(lambda line: line.startswith("#"), text(group, name).splitlines())
    lines = (line.removeprefix("#").strip() for line in head)
    description = " ".join(line for line in lines if not line.startswith("@package"))
    part = part_of(group, name)
    if description or part is None:
        return description
    source = _plugin_sources().get(name) if group == "data" else None
    return (source.sentence(name) if source else "") or GROUPS[group].sentence(part)


def sentence(group: str, name: str) -> str:
    """What a choice is: its comment up to where a sentence ends, or a command begins."""
    text = comment(group, name)
    end = re.search(r"\.\s+(?=[A-Z`])|: `", text)
    return text[: end.start()] if end else text.rstrip(".")


def part_of(group: str, name: str) -> str | None:
    """The registered part that a choice is; of data: the loader. None where no part is chosen, as by a task."""
    if file(group, name) is None:
        part = parts(group).get(name)
        return part["loader" if group == "data" else "name"] if part else None
    listed = (entry for inherited in _inherited(group, name) for entry in _defaults(group, inherited))
    return next((entry.removesuffix("_schema") for entry in listed if entry.endswith("_schema")), None)


def _defaults(group: str, name: str) -> list[str]:
    """The words of the defaults list at the head of a choice's file."""
    listed = re.search(r"^defaults:(?:\s*\[(.*?)\]|((?:\s*- .*)+))", text(group, name), re.M)
    return re.findall(r"\w+", listed[1] or listed[2] or "") if listed else []


def _inherited(group: str, name: str) -> list[str]:
    """The names of the files that make a choice: its own first, then those of the same group that they list as defaults."""
    names = [name]
    for inherited in names:
        names += [entry for entry in _defaults(group, inherited) if entry not in names and file(group, entry)]
    return names


def _settings(group: str, name: str) -> dict[str, str]:
    """What the files of a choice set the keys of its group to, as one would type it."""
    found = dict(parts(group).get(name, {}))
    for inherited in reversed(_inherited(group, name)):
        found |= dict(re.findall(r"^(\w+): (.*?)(?:\s+#.*)?$", text(group, inherited), re.M))
    return found


def setting(path: str, name: str) -> str | None:
    """What the files of a choice set a key of its group to, such as `encoder.scope`; None: nothing."""
    group, _, key = path.partition(".")
    return _settings(group, name).get(key)


def keys(group: str, name: str) -> type | None:
    """The dataclass of a choice's node; None where there is none."""
    part = part_of(group, name)
    return keys_of(group, part) if part and part in GROUPS.get(group, ()) else None


def overridden(group: str, name: str) -> dict[str, str]:
    """What a task or an experiment chooses of other groups."""
    return dict(re.findall(r"override /(\w+): (\w+)", text(group, name)))


def named(words: Sequence[str]) -> dict[str, str]:
    """The choice of each group that words of the command line name, or the experiment among them; words that choose nothing
    known are passed over."""
    pairs = (word.partition("=") for word in words)
    asked = {group: name for group, _, name in pairs if group in NAMES and name in choices(group)}
    return overridden("experiment", asked.get("experiment", "")) | asked


def possible_tasks(words: Sequence[str]) -> tuple[str, ...]:
    """The tasks for which the data can be used that words name, the usual one first; with the head that they name, if there
    are such. None where words name no data, or where only the examples tell."""
    choice = named(words)
    node = keys("data", choice["data"]) if "data" in choice else None
    if node is None or not issubclass(node, DataConfig):
        return ()
    typed = (word.removeprefix("data.").partition("=") for word in words if word.startswith("data."))
    settings = _settings("data", choice["data"]) | {key: value for key, _, value in typed}
    tasks = node.tasks({key: value.strip("'\"") for key, value in settings.items()})
    return tuple(task for task in tasks if overridden("task", task).get("head") == choice.get("head", "")) or tasks


def implied(words: Sequence[str]) -> dict[str, str]:
    """The choices that words leave open and that follow from the data which they name: the task, and what suits graphs."""
    choice = named(words)
    if "data" not in choice:
        return {}
    task = choice.get("task") or (*possible_tasks(words), "tagging")[0]
    found, node = {"task": task}, keys("data", choice["data"])
    if task in (*OWN_DATA, "masked") and node is not None and issubclass(node, GraphData):
        head = {"tagging": "tagging", "masked": "masked"}.get(task, "graph")
        found |= {"encoder": "graph_attention", "head": head}
    return {group: name for group, name in found.items() if group not in choice}


def chosen(words: Sequence[str]) -> dict[str, str]:
    """The choice of each group for words of the command line; words that choose nothing known are passed over."""
    defaults = (config_folder() / "train.yaml").read_text(encoding="utf-8")
    default = dict(re.findall(r"^  - (\w+): (\w+)$", defaults, re.M))
    del default["experiment"]
    follows = implied(words) | named(words)
    task: str = follows.get("task") or default["task"]
    choice = default | overridden("task", task) | follows
    return {group: choice[group] for group in NAMES if group in choice}
