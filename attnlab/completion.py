"""Completion of words in bash, zsh and fish: `attnlab completion SHELL` prints a script, which asks `attnlab __complete`.

An answer must not be waited for: it reads configuration files as text, and plugins without importing them.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import field, fields, make_dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from string import ascii_uppercase

import attnlab.config
from attnlab import groups, help, plugins, registry
from attnlab.config import Config, Sweep, documented_keys, keys_of
from attnlab.config.keys import KeyDoc
from attnlab.errors import UserError

OPTIONS = {
    "train": {"-m": "a run for each combination of values", "--cfg": "show the configuration: `--cfg job`"},
    "data": {"--list": "name every data set"},
    "runs": {"--json": "print every key of every run"},
}
PATHS = ("path", "folder", "cache", "outputs", "out", "shared")
"""Words and keys, by the last part of their name, whose values are files or folders."""


def answer(words: Sequence[str]) -> Iterator[str]:
    """The candidates for the first of the words, after the others, which stand before it on the line; each with a tab and
    its sentence where it has one. Mistakes are passed over here, and refused when the line is run."""
    current, *before = words or [""]
    with suppress(UserError):
        for name, _ in plugins.named(before):
            with suppress(UserError, SyntaxError, ValueError, OSError):
                _read_plugin(name)
    for word, sentence in _candidates(current, before):
        if word.startswith(current):
            yield f"{word}\t{sentence}" if sentence else word


def _candidates(current: str, before: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not before:
        yield from re.findall(r"^  (\w+) +(.+?)  ", help.OVERVIEW, re.M)
        yield from (("--help", ""), ("--version", ""))
        return
    verb, *chosen = before
    if verb == "completion":
        yield from ((shell, "") for shell in SCRIPTS)
    elif verb == "help":
        yield from _explained(current)
    elif verb in help.WORDS:
        name, equals, value = current.partition("=")
        if equals:
            yield from _values(verb, name, value, _keys(verb, chosen))
        else:
            yield from _names(verb, current, chosen)


def _explained(current: str) -> Iterator[tuple[str, str]]:
    group, equals, _ = current.partition("=")
    if equals and group in groups.NAMES:
        yield from ((f"{group}={name}", groups.sentence(group, name)) for name in groups.choices(group))
        return
    yield from ((word, "") for word in dict.fromkeys((*groups.NAMES, *help.WORDS)))
    yield from ((key.path, key.sentence) for key in _keys("help", []).values())


def _names(verb: str, current: str, chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Words before `=`: those of the verb, groups and keys; of nodes, at first only their names."""
    if current.startswith("-"):
        yield from OPTIONS.get(verb, {}).items()
        yield "--help", "list the words"
        return
    yield from ((f"{word.name}=", word.sentence) for word in help.WORDS[verb] if not word.name.startswith("-"))
    if verb != "eval":
        yield from ((f"{group}=", help.MEANINGS.get(group, "")) for group in groups.NAMES)
    keys = _keys(verb, chosen)
    node = current.rpartition(".")[0]
    yield from dict.fromkeys((f"{path.partition('.')[0]}.", "") for path in keys if "." in path and not node)
    yield from ((f"{path}=", key.sentence) for path, key in keys.items() if path.rpartition(".")[0] == node)


def _keys(verb: str, chosen: Sequence[str]) -> dict[str, KeyDoc]:
    """The keys of the chosen parts; of a run, whose parts aren't known here, those of every part."""
    keys = list(documented_keys(Config))
    if verb in ("sweep", "help"):
        keys += documented_keys(Sweep, "sweep.")
    every = verb in ("eval", "runs", "help") or any(word.startswith("run=") for word in chosen)
    choices = groups.chosen(list(chosen))
    for group, parts in registry.GROUPS.items():
        nodes = [keys_of(group, part) for part in parts] if every else [groups.keys(group, choices[group])]
        for node in filter(None, dict.fromkeys(nodes)):
            keys += filter(help.shown, documented_keys(node, f"{group}."))
    return {key.path: key for key in keys}


def _values(verb: str, name: str, value: str, keys: dict[str, KeyDoc]) -> Iterator[tuple[str, str]]:
    """`name=` with each value; of several, separated by commas, the last one is completed."""
    word = next((word for word in help.WORDS[verb] if word.name == name), None)
    start = max(value.rfind(","), value.rfind("[")) + 1
    head = f"{name}={value[:start]}"
    if name in ("run", "sweep") and word:
        outputs = Path(value).parent if "/" in value else Path("outputs")
        yield f"{name}=latest", "the newest"
        mark = "config.yaml" if name == "run" else "sweep.yaml"
        folders = {path.parent for pattern in ("*", "*/*", "*/*/*") for path in outputs.glob(f"{pattern}/{mark}")}
        yield from ((f"{name}={path}", "") for path in sorted(folders, key=lambda path: path.name, reverse=True))
    elif word and word.values:
        yield from ((f"{head}{choice}", "") for choice in word.values)
    elif name in groups.NAMES or (name == "space" and verb == "sweep"):
        yield from ((f"{head}{choice}", groups.sentence(name, choice)) for choice in groups.choices(name))
    elif verb == "runs" and name in ("sort", "show"):
        signs = ("", "-") if name == "sort" else ("",)
        yield from ((f"{head}{sign}{path}", keys[path].sentence) for path in keys for sign in signs)
    elif name in keys and keys[name].choices:
        yield from (
            (f"{head}{choice.rstrip(ascii_uppercase)}", "") for choice in keys[name].choices
        )  # as `window:RADIUS`
    elif name.rpartition(".")[2] in PATHS:
        folder, _, start_of_name = value.rpartition("/")
        for path in sorted(
            Path(f"{folder}/" if folder or value.startswith("/") else ".").expanduser().glob(f"{start_of_name}*")
        ):
            shown = f"{folder}/{path.name}" if "/" in value else path.name
            yield f"{name}={shown}{'/' if path.is_dir() else ''}", ""


def _read_plugin(name: str) -> None:
    """Registers the parts that a plugin's source text registers by decorators, with the keys that it declares there."""
    if name in plugins.loaded():
        return
    path: list[str] | None = [str(Path.cwd())]
    for part in name.split("."):
        spec = PathFinder.find_spec(part, path) or PathFinder.find_spec(part)
        path = list(spec.submodule_search_locations or ()) if spec else []
    if not spec or not spec.origin:
        return
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in classes.values():
        for call in (mark for mark in node.decorator_list if isinstance(mark, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "register" and call.args:
                kind = getattr(call.func.value, "attr", getattr(call.func.value, "id", ""))
                parts = getattr(registry, kind, None)
                if isinstance(parts, registry.Registry) and isinstance(call.args[0], ast.Constant):
                    keys = call.args[1] if len(call.args) > 1 else None
                    made = _keys_class(classes, keys.id) if isinstance(keys, ast.Name) else None
                    declared = type(node.name, (), {"__module__": name, "__doc__": ast.get_docstring(node)})
                    parts.register(str(call.args[0].value), made)(declared)


def _keys_class(classes: dict[str, ast.ClassDef], name: str) -> type:
    """The dataclass of a plugin's keys, as far as its text shows them: names, literal defaults, sentences and choices."""
    node = classes.get(name)
    if node is None:
        return getattr(attnlab.config, name, attnlab.config.DataConfig)
    bases = tuple(_keys_class(classes, base.id) for base in node.bases if isinstance(base, ast.Name))
    entries: list[tuple[str, type, object]] = []
    for line in node.body:
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(line.value, ast.Call)
        ):
            named = {argument.arg or "": _literal(argument.value) for argument in line.value.keywords}
            default, sentence = [*map(_literal, line.value.args), "", ""][:2]
            hint = bool if isinstance(default, bool) else str
            metadata = {"help": str(named.get("help", sentence)), "choices": named.get("choices", ())}
            entries.append((line.target.id, hint, field(default=None, metadata=metadata)))
    inherited = {entry.name for base in bases for entry in fields(base)}
    new = [entry for entry in entries if entry[0] not in inherited]
    return make_dataclass(name, new, bases=bases, namespace={"__doc__": ast.get_docstring(node) or name})


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ""


BASH = """\
# Completion of attnlab's words in bash: eval "$(attnlab completion bash)"
_attnlab() {
    local line="${COMP_LINE:0:COMP_POINT}" current="" candidate
    local -a words
    read -ra words <<< "$line"
    if [[ $line != *[[:space:]] ]]; then
        current="${words[${#words[@]}-1]}"
        unset "words[${#words[@]}-1]"
    fi
    local done=""  # bash replaces what follows the last of these characters alone
    [[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && done="${current%"${current##*=}"}"
    [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && done="${current%"${current##*:}"}"
    COMPREPLY=()
    while IFS=$'\\t' read -r candidate _; do
        COMPREPLY+=("${candidate#"$done"}")
    done < <("${words[0]}" __complete "$current" "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[./=] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _attnlab attnlab
"""
ZSH = """\
#compdef attnlab
# Completion of attnlab's words in zsh: eval "$(attnlab completion zsh)"
_attnlab() {
    local line
    local -a open whole open_shown whole_shown
    for line in "${(@f)$("$words[1]" __complete "$PREFIX" "${(@)words[2,CURRENT-1]}" 2>/dev/null)}"; do
        [[ -z $line ]] && continue
        if [[ ${line%%$'\\t'*} == *[./=] ]]; then
            open+=("${line%%$'\\t'*}"); open_shown+=("${line/$'\\t'/  -- }")
        else
            whole+=("${line%%$'\\t'*}"); whole_shown+=("${line/$'\\t'/  -- }")
        fi
    done
    (( $#open )) && compadd -Q -l -S '' -d open_shown -a open
    (( $#whole )) && compadd -Q -l -d whole_shown -a whole
    (( $#open + $#whole ))
}
compdef _attnlab attnlab
"""
FISH = """\
# Completion of attnlab's words in fish: attnlab completion fish | source
function __attnlab_complete
    set -l words (commandline -opc)
    $words[1] __complete (commandline -ct) $words[2..-1] 2>/dev/null
end
complete -c attnlab -f -a '(__attnlab_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
