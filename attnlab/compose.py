"""Words on the command line and saved files become a checked `Config`.

`train` composes the files of `configs/` with the overrides by Hydra; every other verb starts from a
run's saved configuration. Both refuse unknown keys and choices with near matches.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from attnlab.config import Config, Trainer, check, dropped, node_type, renamed
from attnlab.errors import UserError, suggestion
from attnlab.registry import GROUPS


def config_folder() -> Path:
    """`configs/`: inside the installed package, or beside it in a source checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def choices(group: str) -> list[str]:
    """The names that `group=` accepts: its files."""
    return sorted(path.stem for path in (config_folder() / group).glob("*.yaml"))


def groups() -> list[str]:
    """Every `group=` that a run has; `space=` belongs to sweeps."""
    return sorted(path.name for path in config_folder().iterdir() if path.is_dir() and path.name != "space")


def register_schemas() -> None:
    """Give Hydra the dataclasses; a config file names the one that checks it in its defaults list."""
    store = ConfigStore.instance()
    store.store(name="schema", node=Config)
    for group, registry in GROUPS.items():
        for name in registry:
            store.store(group=group, name=f"{name}_schema", node=registry.keys(name))


def compose(overrides: Sequence[str] = ()) -> Config:
    """The configuration that `attnlab train` would use for these overrides."""
    register_schemas()
    check_overrides(overrides)
    parse_single(overrides)
    try:
        return accepted(_compose(overrides))
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(one_sentence(error)) from error


def accepted(node: DictConfig) -> Config:
    """The dataclasses of a composed configuration, checked."""
    try:
        config = OmegaConf.to_object(node)
    except OmegaConfBaseException as error:
        raise UserError(one_sentence(error)) from error
    assert isinstance(config, Config)
    check(config)
    return config


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse unknown choices, keys and wrong types before Hydra runs, naming what is near."""
    parsed = parse(overrides)
    known = set(groups())
    chosen = []
    for override in parsed:
        name = override.key_or_group
        if name in known:
            if override.is_delete():
                raise UserError(f"`{override.input_line}`: a group cannot be removed, only chosen")
            values = _values(override)
            if not values:
                listed = ",".join(choices(name)[:2])
                raise UserError(f"`{override.input_line}`: list the choices, as in `{name}={listed}`")
            first = values[0]
            for value in first if isinstance(first, list) and name == "logger" else values:
                if value not in choices(name):
                    raise UserError(f"`{name}={value}`: no such choice; {suggestion(str(value), choices(name))}")
            chosen.append(f"{name}=[{','.join(first)}]" if isinstance(first, list) else f"{name}={first}")
    try:
        skeleton = _compose(chosen)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(one_sentence(error)) from error
    keys = leaves(skeleton)
    for override in parsed:
        name = override.key_or_group
        if name in known or name.startswith("hydra."):
            continue
        if override.is_add() or override.is_delete():
            raise UserError(f"`{override.input_line}`: keys cannot be added or removed, only set")
        if name not in keys:
            if now := _names_now(skeleton).get(name):
                raise UserError(f"`{name}` is called `{now}` now: `{now}=…`")
            raise UserError(f"`{name}`: no such key; {suggestion(name, keys | known)}")
        for value in _values(override):
            _set(skeleton, name, value, override.input_line or "")


def _names_now(node: DictConfig) -> dict[str, str]:
    """The keys that an earlier version called otherwise, by their paths there."""
    found = {}
    for group in GROUPS:
        for former, name in renamed(OmegaConf.get_type(node[group]) or Config).items():
            found[f"{group}.{former}"] = f"{group}.{name}"
    return found


def split_words(words: Sequence[str], own: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """A verb's own words (with their defaults) and the overrides of the saved configuration."""
    found, overrides = dict(own), []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"`{word}`: write overrides as key=value")
        if name in own:
            found[name] = value
        else:
            overrides.append(word)
    return found, overrides


def load_saved(path: Path, overrides: Sequence[str] = ()) -> Config:
    """A run's saved configuration with overrides applied.

    The file may come from a stranger: it is plain data, and interpolations or targets are refused.
    """
    text = path.read_text(encoding="utf-8")
    for danger in ("${", "_target_"):
        if danger in text:
            raise UserError(f"{path}: holds `{danger}`, which a saved configuration never does; not run")
    try:
        saved = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(saved, dict):
        raise UserError(f"{path}: not a saved configuration")
    node = OmegaConf.structured(Config)
    expected = {entry.name for entry in fields(Config)}
    try:
        for name, value in saved.items():
            if name not in expected:
                raise UserError(f"{path}: `{name}`: no such key; {suggestion(name, expected)}")
            if name in GROUPS:
                keys = node_type(name, value if isinstance(value, dict) else {})
                former = renamed(keys)
                known = {former.get(key, key): own for key, own in value.items() if key not in dropped(keys)}
                node[name] = OmegaConf.merge(OmegaConf.structured(keys), known)
            elif name == "trainer":
                node.trainer = OmegaConf.merge(OmegaConf.structured(Trainer), value)
            else:
                node[name] = value
    except OmegaConfBaseException as error:
        raise UserError(f"{path}: {one_sentence(error)}") from error
    for override in parse_single(overrides):
        name = override.key_or_group
        if name not in leaves(node):
            hint = "; choose another group with a new `attnlab train`" if name in GROUPS else ""
            raise UserError(f"`{name}`: no such key in this run; {suggestion(name, leaves(node))}{hint}")
        _set(node, name, override.value(), override.input_line or "")
    return accepted(node)


def to_yaml(config: Config) -> str:
    """The text of config.yaml: plain values only."""
    container = OmegaConf.to_container(OmegaConf.structured(config), resolve=True)
    text = yaml.safe_dump(container, sort_keys=False, allow_unicode=True)
    assert "${" not in text, "a saved configuration is resolved"
    return text


def leaves(node: DictConfig, prefix: str = "") -> set[str]:
    """The dotted paths of all values."""
    found = set()
    for name in map(str, node):
        path = prefix + name
        child = None if OmegaConf.is_missing(node, name) else node[name]
        found |= leaves(child, path + ".") if isinstance(child, DictConfig) else {path}
    return found


def one_sentence(error: Exception) -> str:
    """Hydra's and OmegaConf's messages without their footnotes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    where = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("full_key:")), "")
    if isinstance(error, MissingMandatoryValue):
        return f"`{where}` is missing; set it with `{where}=…`"
    if (
        lines[0].endswith("raised while composing config:") and len(lines) > 1
    ):  # "In 'task/x': ConfigKeyError raised …"
        lines[0] = f"{lines[0].split(':')[0]}: {lines[1]}"
    unfit = re.match(r"In '(task|experiment)/(\w+)': Key '\w+' not in '\w+'", lines[0])
    if unfit:
        group = where.split(".")[0]
        return f"`{where}`: {unfit[1]}={unfit[2]} sets it, but the `{group}=` that was chosen has no such key; choose another"
    message = re.sub(r"^Value (.*) of type '\w+' could not be converted to (\w+)$", r"\1 is no \2", lines[0])
    return f"`{where}`: {message}" if where else message


def _compose(overrides: Sequence[str]) -> DictConfig:
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(config_folder()), version_base="1.3", job_name="attnlab"):
        return hydra_compose("train", overrides=list(overrides))


def parse(overrides: Sequence[str]) -> list[Override]:
    if isinstance(overrides, str):
        raise UserError(f"`{overrides}`: give a list of overrides, as in [{overrides!r}]")
    parser = OverridesParser.create()
    return [_parsed(parser, word) for word in overrides]


def _parsed(parser: OverridesParser, word: str) -> Override:
    try:
        return parser.parse_override(word)
    except HydraException as error:
        name, equals, value = word.partition("=")
        if not equals or not re.fullmatch(r"[\w.@/+~]+", name, re.ASCII):
            raise UserError(f"`{word}`: write overrides as key=value") from error
        function = re.match(r"\w+ while evaluating '.*?': (.*)", one_sentence(error))
        reason = f"{function[1]}; " if function else ""
        right = shlex.quote(f"{name}={quoted(value)}")
        raise UserError(
            f"`{word}`: {reason}a value with ( ) = , ' & # ~ and the like stands in quotes: {right}"
        ) from error


def quoted(value: str) -> str:
    """Any text as a value on the command line, whatever its characters mean to Hydra."""
    # A backslash means itself but before a quotation mark.
    escaped = re.sub(r'(\\*)("|\Z)', lambda match: 2 * match[1] + match[2].replace('"', r"\""), value)
    return f'"{escaped}"'


def parse_single(overrides: Sequence[str]) -> list[Override]:
    """Overrides with one value each."""
    parsed = parse(overrides)
    for override in parsed:
        if override.is_sweep_override():
            raise UserError(
                f"`{override.input_line}`: several values; `attnlab train -m …` runs each of them, and a list is "
                "written [1,2]"
            )
    return parsed


def _values(override: Override) -> list[Any]:
    """The value, or every value of a `-m a=1,2` sweep that can be listed."""
    if not override.is_sweep_override():
        return [override.value()]
    if override.value_type in (ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP):
        return [v.strip("'\"") if isinstance(v, str) else v for v in override.sweep_iterator()]
    return []


def _set(node: DictConfig, name: str, value: Any, line: str) -> None:
    try:
        OmegaConf.update(node, name, value)
    except OmegaConfBaseException as error:
        raise UserError(f"{one_sentence(error)} (in `{line}`)") from error
