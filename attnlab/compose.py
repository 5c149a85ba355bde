"""Words on the command line and saved files become a checked `Config`.

`train` composes the files of `configs/` by Hydra, once: with the choices of groups alone, over which the values of keys
are then set. Every other verb starts from a run's saved configuration. Both refuse unknown keys and choices with near
matches.
"""

import itertools
import math
import os
import re
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import get_origin, get_type_hints

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException, ValidationError

from attnlab import groups, plugins, synonyms
from attnlab.command_words import MOST_VALUES, as_written, parse, parse_single, quoted, values
from attnlab.config import (
    BASES,
    JOINT,
    Config,
    JointConfig,
    JointTrainer,
    Trainer,
    check,
    documented_keys,
    dropped,
    keys_of,
    names_now,
    node_type,
    renamed,
)  # fmt: skip
from attnlab.config.data.base import COLUMNS, FOR_OWN_FILES
from attnlab.disk import LARGEST_YAML, parse_yaml, read_text
from attnlab.errors import UserError, near_name, suggestion
from attnlab.groups import choices, config_folder
from attnlab.local_files import user_path
from attnlab.registry import GROUPS

DEFAULTS = "defaults"


def compose(overrides: Sequence[str] = ()) -> Config:
    """The configuration that `attnlab train` uses for these overrides. Raises UserError for words that it refuses."""
    words = parse_single(plugins.load(overrides), listed)
    node = composed(words)
    _refuse_undecided(words)
    return accepted(node)


def listed(name: str) -> str:
    """What a list holds that a key takes, in the plural; "" where it takes none."""
    group, _, key = name.partition(".")
    for part in GROUPS.get(group, ()):
        for documented in documented_keys(keys_of(group, part)):
            if documented.path == key and (documented.described == COLUMNS or get_origin(documented.kind) is list):
                return "columns" if documented.described == COLUMNS else "values"
    return ""


def with_task(overrides: Sequence[str]) -> list[str]:
    """Words that name a task: where they name data alone, which can be used for several, the first."""
    open_to = groups.possible_tasks(plugins.load(overrides)) if task_follows(overrides) else ()
    typed = any(word.startswith("task=") for word in overrides)
    return list(overrides) if typed or not open_to else [f"task={open_to[0]}", *overrides]


def task_follows(overrides: Sequence[str]) -> bool:
    """Whether what is learned follows from the data that words name, since these name no task that there is."""
    named = groups.named(plugins.load(overrides))
    return "data" in named and "task" not in named


def stated(overrides: Sequence[str]) -> set[str]:
    """The groups that words choose and the keys that they set, with those that the files of these choices set; not what the
    program's own tasks set, which are the fixed settings. Raises UserError for words that cannot be read."""
    words = plugins.load(overrides)
    names = {override.key_or_group for override in parse(words)} - {DEFAULTS}
    for group, name in groups.chosen(words).items():
        if group in names and not (group == "task" and groups.is_programs(group, name)):
            names |= _set_by(group, name)
    return names


def _set_by(group: str, name: str) -> set[str]:
    """The groups and keys that the file of a choice sets."""
    node = yaml.safe_load(groups.text(group, name)) or {}
    keys = {key: value for key, value in node.items() if key not in ("defaults", "name")}
    within = keys if group in ("task", "experiment") else {group: keys}
    return set(groups.overridden(group, name)) | leaves(OmegaConf.create(within))


def wants_plain(overrides: Sequence[str]) -> bool:
    """Whether `defaults=plain` is among the words."""
    return any(
        override.value() == "plain" for override in parse(plugins.load(overrides)) if _is_defaults(override)
    )


def _is_defaults(override: Override) -> bool:
    """Whether a word is `defaults=`, which says where settings come from that nobody states, and is no key itself. Raises
    UserError for other values than its two."""
    if override.key_or_group != DEFAULTS:
        return False
    for value in values(override) or [override.value()]:
        if value not in ("auto", "plain"):
            written = as_written(value)
            raise UserError(f"`{DEFAULTS}={written}`: {suggestion(written, ('auto', 'plain'))}")
    return True


def check_overrides(overrides: Sequence[str]) -> None:
    """Raises UserError for unknown choices and keys and for wrong types, of all values that can be listed."""
    composed(parse(plugins.load(overrides)))


def composed(overrides: Sequence[Override], trainer: type[Trainer] = Trainer) -> DictConfig:
    """The configuration of parsed overrides, before its values are checked together. Of several choices of a group it has
    the first; of several values of a key each is set, and the last is left. trainer: the keys of the loop."""
    words = [override for override in overrides if not _is_defaults(override)]
    lines = _lines(words)
    names = _own_names(words)
    for name in names:
        _refuse_mistaken(name, lines)
    node = _compose([*(f"{group}={name}" for group, name in groups.implied(lines).items()), *_choices(words)])
    if names and not any(line.startswith("task=") for line in lines):
        node.task = names[0]
    if trainer is not Trainer:
        node.trainer = OmegaConf.structured(trainer)
    known = leaves(node)
    for override in words:
        if override.key_or_group not in groups.NAMES:
            _refuse_unknown(override, known, node, "data" in groups.named(lines))
            for value in values(override):
                _set(node, override, value)
    for override in words:
        if "${" in (override.input_line or "") and override.key_or_group not in groups.NAMES:
            _resolve(node, override)
    return node


def accepted(node: DictConfig) -> Config:
    """The dataclasses of a composed configuration. Raises UserError where values are missing or don't go together."""
    config = to_object(node)
    assert isinstance(config, Config)
    check(config)
    for group in BASES.keys() - {"data"}:
        part = getattr(config, group)
        if type(part) is not keys_of(group, part.name):
            raise UserError(f"`{group}.name={part.name}`: its keys are others; choose it by `{group}={part.name}`")
    config.plugins = plugins.used(config)
    return config


def to_object(node: DictConfig) -> object:
    """The dataclass that a node stands for. Raises UserError where values are missing, or are no such values."""
    try:
        return OmegaConf.to_object(node)
    except OmegaConfBaseException as error:
        raise UserError(one_sentence(error)) from error


def each_run(overrides: Sequence[str]) -> list[list[str]]:
    """The words of each run of `attnlab train -m …`: every combination of the listed values, those of the last key
    changing fastest. Raises UserError for values that cannot be listed."""
    plugins.load(overrides)
    listed = {override.key_or_group: _single_words(override) for override in parse(overrides)}
    if (count := math.prod(map(len, listed.values()))) > MOST_VALUES:
        raise UserError(
            f"`-m`: these arguments are {count:,} runs; at most {MOST_VALUES:,} are started by one line"
        )
    return [list(words) for words in itertools.product(*listed.values())]


def _single_words(override: Override) -> list[str]:
    """A word for each of an override's values."""
    line, name = override.input_line or "", override.key_or_group
    if not override.is_sweep_override():
        return [line]
    if isinstance(pattern := override.value(), Glob):
        matching = pattern.filter(choices(name)) if name in groups.NAMES else []
        if not matching:
            raise UserError(f"`{line}`: matches no choice of a group; list the values")
        return [f"{name}={choice}" for choice in matching]
    if not override.is_discrete_sweep():
        raise UserError(f"`{line}`: has no end of values; list some, or let `attnlab sweep` draw them")
    return [f"{name}={value}" for value in override.sweep_string_iterator()]


def _choices(overrides: Sequence[Override]) -> list[str]:
    """The words by which overrides choose of groups. Raises UserError for unknown choices."""
    return list(itertools.chain.from_iterable(map(_choice, overrides)))


def _lines(overrides: Sequence[Override]) -> list[str]:
    """Overrides as `groups` reads them."""
    return [*_choices(overrides), *(o.input_line or "" for o in overrides if o.key_or_group not in groups.NAMES)]


def _own_names(overrides: Sequence[Override]) -> list[str]:
    """Names of tasks that are no choice. Raises UserError for values that are no names."""
    named = itertools.chain.from_iterable(values(o) for o in overrides if o.key_or_group == "task")
    names = [name for name in named if name not in choices("task")]
    for name in names:
        if name == JOINT:
            raise UserError(
                "`task=joint`: only `attnlab train task=joint parts=[pos,digits]` trains several tasks together, one run at a time"
            )
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise UserError(f"`task={as_written(name)}`: no such choice; write the name of a task, or no `task=`")
    return list(map(str, names))


def _refuse_mistaken(name: str, lines: Sequence[str]) -> None:
    """Raises UserError for a name of a task that cannot be one, or that is more likely meant for one that there is. lines:
    the other words, see `_lines`."""
    word, known = f"`task={name[:100]}`", choices("task")
    data, follows = "data" in groups.named(lines), groups.chosen(lines)["task"]
    meant = synonyms.choice(name, "task")
    if not data or (meant is not None and _kind(meant) != _kind(follows)):
        right = suggestion(name, known, of="task")
        own = "" if right.startswith(("did", "write")) else "; for a name of your own, name your data, too: data=…"
        raise UserError(f"{word}: no such choice; {right}{own}")
    if near := near_name(name, known):
        raise UserError(f"{word}: did you mean `task={near}`? A name of your own must differ more from it")
    if not re.fullmatch(r"\w[\w-]{0,99}", name):
        right = "begin with a letter or digit, and use letters, digits, - and _, at most 100"
        raise UserError(f"{word}: it names a folder; {right}")
    if name in TAKEN:
        raise UserError(
            f"{word}: the folder of this name in outputs is used for other things; choose another name"
        )


TAKEN = ("bench", "data", "wandb")
"""Folders in `outputs` that hold no runs."""


def _kind(task: str) -> tuple[str | None, bool]:
    """What tasks of one kind have in common."""
    return groups.overridden("task", task).get("head"), task == "regression"


def _refuse_undecided(overrides: Sequence[Override]) -> None:
    """Raises UserError where words leave open on which data a task is learned, or which of several tasks."""
    lines = _lines(overrides)
    named, tasks = groups.named(lines), groups.possible_tasks(lines)
    task = named.get("task", "")
    if task in groups.OWN_DATA and "data" not in named:
        how, demo = groups.OWN_DATA[task]
        other = f"; or try task={demo}, which brings generated data" if demo else ""
        raise UserError(f"`task={task}`: name your data: {how}{other}")
    if task_follows(lines) and len(tasks) > 1:
        words = [f"task={name}" for name in tasks]
        if _own_names(overrides):
            words = [f"head={groups.overridden('task', name)['head']}" for name in tasks]
        raise UserError(f"`data={named['data']}`: several tasks are possible; add {' or '.join(words)}")


def _choice(override: Override) -> list[str]:
    """The word by which an override chooses of a group; none where it sets a key. Raises UserError for unknown choices."""
    name, line = override.key_or_group, override.input_line
    if name not in groups.NAMES:
        return []
    if override.is_delete() or override.is_add() or override.is_force_add():
        raise UserError(f"`{line}`: a group cannot be removed, only chosen")
    if override.package is not None:
        raise UserError(f"`{line}`: write `{name}=…`")
    # logger=[jsonl,wandb] is one value that makes two choices
    chosen = [value if name == "logger" and isinstance(value, list) else [value] for value in values(override)]
    if not chosen:
        raise UserError(f"`{line}`: list the choices, as in `{name}={','.join(choices(name)[:2])}`")
    if name == "task":  # it may have a name of the user's own, which is checked with the other words
        chosen = [found for found in chosen if found[0] in choices("task")]
    for choice in itertools.chain(*chosen):
        if not isinstance(choice, str) or choice not in choices(name):
            written = as_written(choice)
            right = suggestion(written, choices(name), of=name)
            if len(chosen) > 1 and (meant := synonyms.choice(written, name)):  # keys beside it would be for all
                right = f"in a list write `{meant}`; `attnlab help {meant}` lists its keys"
            raise UserError(f"`{name}={written}`: no such choice; {right}")
    if not chosen:
        return []
    besides = [choice for choice in dict.fromkeys(chosen[0]) if choice != "jsonl"]
    if len(besides) > 1:
        raise UserError(f"`{line}`: choose one besides jsonl, which is always written")
    return [f"{name}={besides[0] if besides else 'jsonl'}"]


def _refuse_unknown(override: Override, known: set[str], node: DictConfig, data_named: bool) -> None:
    """Raises UserError for a word that sets no key of the chosen parts. data_named: whether words name the data."""
    name, line = override.key_or_group, override.input_line
    group, _, key = name.partition(".")
    if re.match(r"hydra\b", name):
        sweep = "`attnlab sweep` trains several runs at a time"
        raise UserError(f"`{line}`: Hydra's own keys have no effect here; {sweep}")
    if override.is_add() or override.is_force_add() or override.is_delete() or override.package is not None:
        raise UserError(f"`{line}`: keys cannot be added or removed, only set")
    if name not in known:
        if group == "parts" or name in ("trainer.mixing", "trainer.balance"):
            raise UserError(f"`{line}`: goes with task={JOINT}, as in `task={JOINT} parts=[pos,digits]`")
        if group in GROUPS and (now := renamed(OmegaConf.get_type(node[group]) or Config).get(key)):
            raise UserError(f"`{name}` is called `{group}.{now}` now: `{group}.{now}=…`")
        if (able := _able(name)) and group == "data" and not data_named:
            used = f"{_chosen(node, group)} is used where you name no data"
            raise UserError(
                f"`{name}` comes with {able}; add {'one of them' if ' or ' in able else 'it'} ({used})"
            )
        if able and group == "data":
            raise UserError(f"`{name}` is only for {able}; {_chosen(node, group)} has no such key")
        if able:
            raise UserError(f"`{name}` comes with {able}, not with {_chosen(node, group)}; choose that, too")
        if elsewhere := names_now(name):
            raise UserError(
                f"`{name}` is called {' or '.join(elsewhere)} now, which the {group} chosen here has not"
            )
        meant = synonyms.key(name)
        if meant and meant not in known and (able := _able(meant) or "other data" * meant.startswith("data.")):
            chosen = _chosen(node, meant.partition(".")[0])
            raise UserError(f"`{name}`: it is `{meant}` here, which comes with {able}, not with {chosen}")
        listed = "the same arguments with `--help` list them"
        raise UserError(f"`{name}`: no such key; {suggestion(name, known | set(groups.NAMES), listed, of='')}")


def _able(path: str) -> str:
    """The choices that have a key, as in `encoder=attention or graph_conv`, of data sets those that read files of one's own;
    "" where there is none."""
    group, _, key = path.partition(".")
    if group == "data":
        parts = {name: groups.keys(group, name) for name in FOR_OWN_FILES}
    else:
        parts = {part: keys_of(group, part) for part in GROUPS.get(group, ())}
    able = sorted(part for part, node in parts.items() if node and key in {entry.name for entry in fields(node)})
    return f"{group}={' or '.join(able)}" if able else ""


def _chosen(node: DictConfig, group: str) -> str:
    """What is chosen of a group, as a word."""
    return f"{group}={OmegaConf.select(node, f'{group}.name')}"


def _compose(chosen: Sequence[str]) -> DictConfig:
    """What Hydra makes of the choices of groups. Raises UserError where they don't go together."""
    _register_schemas()
    GlobalHydra.instance().clear()
    user = groups.user_folder()
    words = [*chosen, *([f"hydra.searchpath=[{quoted(f'file://{user}')}]"] if user else [])]
    try:
        with initialize_config_dir(str(config_folder()), version_base="1.3", job_name="attnlab"):
            node = hydra_compose("train", overrides=words, return_hydra_config=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(one_sentence(error)) from error
    for group, name in node.hydra.runtime.choices.items():
        file = f"{group}/{name}.yaml"
        if user and (user / file).is_file() and groups.is_programs(group, name):
            raise UserError(f"configs/{file}: the program has a `{group}={name}` already; rename yours")
    with open_dict(node):
        del node["hydra"]
    return node


_stored: dict[tuple[str, str], type] = {}
"""What Hydra has been given, so that only a plugin's parts are given later."""


def _register_schemas() -> None:
    """Give Hydra the dataclasses; a config file names the one that checks it in its defaults list."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for group, registry in GROUPS.items():
        parts = groups.parts(group)
        of_program = {name: {"loader": name} for name in registry} if group == "data" else {}
        made = {f"{name}_schema": keyed for name, keyed in (of_program | parts).items()}
        made |= {name: keyed for name, keyed in parts.items() if groups.file(group, name) is None}
        for name, keyed in made.items():
            keys = keys_of(group, keyed["loader" if group == "data" else "name"])
            if _stored.get((group, name)) is not keys:
                _stored[group, name] = keys
                store.store(group=group, name=name, node=OmegaConf.merge(OmegaConf.structured(keys), keyed))


def load_saved(path: Path, overrides: Sequence[str] = ()) -> Config:
    """A run's saved configuration with overrides applied. The file may come from a stranger, and is read as plain data.

    Raises UserError for interpolations, targets, unknown keys, and plugins that aren't loaded.
    """
    saved = _read_saved(path)
    if isinstance(parts := saved.get("parts"), dict):
        one = next(iter(parts), "NAME")
        raise UserError(
            f"{path.parent}: a joint run, whose parts ({', '.join(map(str, parts))}) are runs of their own; name one, such as "
            f"{path.parent}/parts/{one}"
        )
    node = _saved_node(saved, path, Config, Trainer, plugins.load(overrides))
    return with_absolute_paths(accepted(node))


def load_saved_joint(path: Path, overrides: Sequence[str] = ()) -> JointConfig:
    """What the parts of a saved joint run have in common, with overrides applied. Raises UserError as `load_saved` does."""
    node = _saved_node(_read_saved(path), path, JointConfig, JointTrainer, plugins.load(overrides))
    config = to_object(node)
    assert isinstance(config, JointConfig)
    check(config)
    return config


def _read_saved(path: Path) -> dict[str, object]:
    """The keys of a saved configuration. Raises UserError where it is none, or holds anything that could run."""
    text = read_text(path, LARGEST_YAML)
    for danger in ("${", "_target_"):
        if danger in text:
            raise UserError(f"{path}: holds `{danger}`, which a saved configuration never does; not run")
    saved = parse_yaml(text, path)
    if not isinstance(saved, dict):
        raise UserError(f"{path}: not a saved configuration")
    return saved


def _saved_node(
    saved: dict[str, object], path: Path, schema: type, trainer: type[Trainer], overrides: Sequence[str]
) -> DictConfig:
    """Saved keys as the node of a configuration, with overrides applied. schema, trainer: dataclasses of the whole, and of the
    loop's keys. Raises UserError for unknown keys and plugins that aren't loaded."""
    modules = saved.get("plugins", [])
    if not isinstance(modules, list) or not all(isinstance(name, str) for name in modules):
        raise UserError(f"{path}: `plugins`: not a list of names")
    plugins.refuse_missing(modules, path)
    node = OmegaConf.structured(schema)
    expected = {entry.name for entry in fields(schema)}
    try:
        for name, value in saved.items():
            if name not in expected:
                raise UserError(f"{path}: `{name}`: no such key; {suggestion(name, expected)}")
            if name in GROUPS:
                given = value if isinstance(value, dict) else {}
                keys = node_type(name, given)
                former = renamed(keys)
                known = {former.get(key, key): item for key, item in given.items() if key not in dropped(keys)}
                value = OmegaConf.merge(OmegaConf.structured(keys), known)
            elif name == "parts":
                value = OmegaConf.merge(node.parts, value)
            elif name == "trainer":
                value = OmegaConf.merge(OmegaConf.structured(trainer), value)
            node[name] = value
    except OmegaConfBaseException as error:
        raise UserError(f"{path}: {one_sentence(error)}") from error
    for override in parse_single(overrides, listed):
        name = override.key_or_group
        if name not in leaves(node):
            hint = "; choose another group with a new `attnlab train`" if name in GROUPS else ""
            raise UserError(f"`{name}`: no such key in this run; {suggestion(name, leaves(node), of='')}{hint}")
        _set(node, override, override.value())
    return node


def with_absolute_paths(config: Config) -> Config:
    """The same, with the places of its files written so that they are found from any folder."""
    parts = {group: getattr(config, group) for group in ("data", "embedding")}
    given = {group: part for group, part in parts.items() if getattr(part, "path", None)}
    located = {group: replace(part, path=os.path.abspath(user_path(part.path))) for group, part in given.items()}
    return replace(config, **located)


def to_yaml(config: Config | JointConfig) -> str:
    """The text of config.yaml: plain values only."""
    container = OmegaConf.to_container(OmegaConf.structured(config), resolve=True)
    text = yaml.safe_dump(container, sort_keys=False, allow_unicode=True)
    assert "${" not in text, "a saved configuration is resolved"
    return text


def leaves(node: DictConfig, prefix: str = "") -> set[str]:
    """The dotted paths of all values."""
    paths = set()
    for name in map(str, node):
        is_value = OmegaConf.is_missing(node, name) or OmegaConf.is_interpolation(node, name)
        child = None if is_value else node[name]
        paths |= leaves(child, f"{prefix}{name}.") if isinstance(child, DictConfig) else {prefix + name}
    return paths


def one_sentence(error: Exception) -> str:
    """Hydra's and OmegaConf's messages without their footnotes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    where = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("full_key:")), "")
    if isinstance(error, MissingMandatoryValue):
        return f"`{where}` is missing; set it with `{where}=…`"
    # "In 'task/x': ConfigKeyError raised while composing config:", and in the next line why
    if lines[0].endswith("raised while composing config:") and len(lines) > 1:
        lines[0] = f"{lines[0].split(':')[0]}: {lines[1]}"
    if unfit := re.match(r"In '(\w+)/(\w+)': Key '(\w+)' not in '(\w+)'", lines[0]):
        return _unfit(where, *unfit.groups())
    if within := re.match(r"In '(task|experiment)/(\w+)': Could not override '\w+@\1\.", lines[0]):
        return _without_package(*within.groups())
    message = re.sub(r"^In '(\w+/\w+)': ", r"configs/\1.yaml: ", lines[0])
    for pattern, right in _KINDS.items():
        message = re.sub(rf"Value (.*) {pattern}.*$", rf"\1 must be {right}", message)
    return f"`{where}`: {message}" if where else message


_KINDS = {
    r"of type '\w+' could not be converted to Integer": "a whole number",
    r"of type '\w+' could not be converted to Float": "a number",
    "is not a valid bool": "true or false",
}
"""How OmegaConf says that a value is not of its key's type, and what it must be."""


def _without_package(group: str, choice: str) -> str:
    return f"configs/{group}/{choice}.yaml: begin it with the line `# @package _global_`: its keys are those of the whole run"


def _unfit(where: str, group: str, choice: str, key: str, dataclass: str) -> str:
    """Why the file of a choice cannot set a key."""
    node, file = where.split(".")[0], f"configs/{group}/{choice}.yaml"
    if key == group and group not in GROUPS:  # its keys are taken for those of a node called as the group
        return _without_package(group, choice)
    for keys in (keys_of(name, part) for name, registry in GROUPS.items() for part in registry):
        if keys.__name__ == dataclass and key in renamed(keys):
            return f"{file}: `{where}` is called `{node}.{renamed(keys)[key]}` now"
    if group in GROUPS and dataclass in {base.__name__ for base in BASES.values()}:
        return f"{file}: begin it with `defaults: [NAME_schema, _self_]`, where NAME is the {group} whose keys it sets"
    if group not in GROUPS and node in GROUPS:
        return f"`{where}`: {group}={choice} sets it, but the `{node}=` that was chosen has no such key; choose another"
    return f"{file}: `{where}`: no such key"


def _set(node: DictConfig, override: Override, value: object) -> None:
    """Raises UserError where the key takes no such value."""
    name = override.key_or_group
    parent = node if "." not in name else OmegaConf.select(node, name.rpartition(".")[0])
    keys = OmegaConf.get_type(parent)
    kind = get_type_hints(keys).get(name.rpartition(".")[2]) if keys else None
    if kind in (str, str | None) and isinstance(value, int | float) and not override.is_sweep_override():
        value = (override.input_line or "").partition("=")[2].strip()  # 1e3 names a folder 1e3, not 1000.0
    if kind in (list[str], list[str] | None) and isinstance(value, str):
        value = [value]
    try:
        OmegaConf.update(node, name, value)
    except ValidationError as error:
        documented = documented_keys(keys) if keys else ()
        right = next((key.values for key in documented if key.path == name.rpartition(".")[2]), "another value")
        raise UserError(f"`{name}={as_written(value)}`: write {right}") from error
    except OmegaConfBaseException as error:
        raise UserError(f"{one_sentence(error)} (in `{override.input_line}`)") from error


def _resolve(node: DictConfig, override: Override) -> None:
    """Raises UserError where a value such as `${data.hop}`, which stands for another key's, stands for none."""
    try:
        value = OmegaConf.select(node, override.key_or_group, throw_on_missing=True)
        if OmegaConf.is_config(value):
            OmegaConf.to_container(value, resolve=True, throw_on_missing=True)
    except (OmegaConfBaseException, RecursionError) as error:
        right = "`${KEY}` stands for the value of another key, such as `${data.path}`"
        raise UserError(f"`{override.input_line}`: no such value; {right}") from error
