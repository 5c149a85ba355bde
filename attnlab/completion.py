"""Completion of words in bash, zsh and fish: `attnlab completion SHELL` prints a script, which asks `attnlab __complete`.

An answer must not be waited for: it reads configuration files as text, and plugins without importing them.
"""

import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, fields, make_dataclass
from itertools import chain
from pathlib import Path
from string import ascii_uppercase

import attnlab.config
from attnlab import groups, help, plugins, registry
from attnlab.config import JOINT, Config, JointConfig, Sweep, documented_keys, keys_of
from attnlab.config.joint import is_own
from attnlab.config.keys import KeyDoc

PATHS = ("path", "folder", "cache", "outputs", "out", "shared")
"""Words and keys, by the last part of their name, whose values are files or folders."""


def answer(words: Sequence[str]) -> Iterator[str]:
    """The candidates for the first of the words, after the others, which stand before it on the line; each with a tab and
    its sentence where it has one. Mistakes are passed over here, and refused when the line is run."""
    current, *before = words or [""]
    with suppress(SyntaxError, ValueError, OSError):  # UserError is a ValueError
        for name, _ in plugins.named(before):
            _read_plugin(name)
    with suppress(OSError, ValueError):
        for word, sentence in _candidates(current, before):
            if word.startswith(current) and word.isprintable():
                yield f"{word}\t{sentence}" if sentence else word


def _candidates(current: str, before: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not before:
        yield from re.findall(r"^  (\w+) +(.+?)  ", help.OVERVIEW, re.M)
        yield from (("--help", ""), ("--version", ""))
        return
    verb, *chosen = before
    name, equals, value = current.partition("=")
    if verb == "train" and f"task={JOINT}" in chosen:
        yield from _of_joint(current, chosen)
    elif verb == "completion":
        yield from ((shell, "") for shell in SCRIPTS)
    elif verb == "help" and not equals:
        yield from ((word, "") for word in dict.fromkeys((*groups.NAMES, *help.WORDS)))
        yield from ((key.path, key.sentence) for key in _keys(verb, chosen).values())
    elif verb in ("predict", "inspect", "export"):
        yield from _of_run(verb, current, chosen)
    elif verb == "compare":
        yield from (
            (name, registry.CLAIMS.sentence(name)) for name in registry.CLAIMS if not current.startswith("-")
        )
        yield from _names(verb, "-", chosen)
    elif verb == "report" and not current.startswith("-") and not equals:
        yield from ((run.removeprefix("run="), what) for run, what in _runs("run", current))
        yield from _names(verb, current, chosen)
    elif verb in help.WORDS and equals:
        yield from _values(verb, name, value, _keys(verb, chosen))
    elif verb in help.WORDS:
        yield from _names(verb, current, chosen)


def _of_run(verb: str, current: str, chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A run first, then options, and files, which are inputs."""
    if current.startswith("-"):
        yield from _names(verb, current, chosen)
    elif not chosen or chosen[-1] == "--compare":
        yield from ((run.removeprefix("run="), what) for run, what in _runs("run", current))
    else:
        yield from _paths(current)


def _of_joint(current: str, chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Words of a joint run: those that all parts have in common, and those of one part, which are an ordinary run's."""
    given = re.findall(r"\w+", next((word[len("parts=") :] for word in chosen if word.startswith("parts=")), ""))
    if current.startswith("parts="):
        start = max(map(current.rfind, ",[=")) + 1
        tasks = (task for task in groups.choices("task") if task not in current[:start])
        yield from ((f"{current[:start]}{task}", groups.sentence("task", task)) for task in tasks)
    elif found := re.fullmatch(r"(parts\.(\w+)\.)(.*)", current):
        prefix, part, own = found.groups()
        words = [f"task={part}", *(word.removeprefix(prefix) for word in chosen if word.startswith(prefix))]
        for word, sentence in _candidates(own, ["train", *words]):
            if is_own(word.partition("=")[0]):
                yield f"{prefix}{word}", sentence
    elif current.startswith("parts."):
        yield from ((f"parts.{part}.", "") for part in given)
    else:
        yield "parts=", "the tasks that are learned together, as in parts=[pos,digits]"
        yield from ((f"parts.{part}.", "") for part in given)
        name, equals, value = current.partition("=")
        keys = _keys("train", []) | {key.path: key for key in documented_keys(JointConfig)}
        if equals:
            shared = _values("train", name, value, keys)
        else:
            shared = chain(
                ((f"{group}=", help.MEANINGS.get(group, "")) for group in groups.NAMES), _names_of(current, keys)
            )
        common = {entry.name for entry in fields(JointConfig)} - {"task", "parts"}
        for word, sentence in shared:
            path = word.partition("=")[0]
            if path.partition(".")[0] in common and (path in ("encoder.", "trainer.") or not is_own(path)):
                yield word, sentence


def _names(verb: str, current: str, chosen: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Words before `=`: those of the verb, groups and keys."""
    if current.startswith("-"):
        yield from ((word.name, word.sentence) for word in help.WORDS[verb])
        yield "--help", "list the words"
        return
    yield from ((f"{word.name}=", word.sentence) for word in help.WORDS[verb] if word.name[0] != "-")
    if verb in ("prune", "report"):
        return
    if verb == "runs" and not chosen:
        yield "compare", "which of two runs is better"
    if verb != "eval":
        yield from ((f"{group}=", help.MEANINGS.get(group, "")) for group in groups.NAMES)
    yield from _names_of(current, _keys(verb, chosen))


def _names_of(current: str, keys: Mapping[str, KeyDoc]) -> Iterator[tuple[str, str]]:
    """Keys before `=`; of nodes, at first only their names."""
    node = current.rpartition(".")[0]
    yield from dict.fromkeys((f"{path.partition('.')[0]}.", "") for path in keys if "." in path and not node)
    yield from ((f"{path}=", key.sentence) for path, key in keys.items() if path.rpartition(".")[0] == node)


def _keys(verb: str, chosen: Sequence[str]) -> dict[str, KeyDoc]:
    """The keys of the chosen parts; of a run, whose parts aren't known here, those of every part."""
    keys = list(documented_keys(Config))
    if verb in ("sweep", "help"):
        keys += documented_keys(Sweep, "sweep.")
    every = verb in ("eval", "runs", "help") or any(word.startswith("run=") for word in chosen)
    choices = groups.chosen(chosen)
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
    if name == "init" or (name in ("run", "sweep") and word):
        yield from _runs(name, value)
    elif word and word.values:
        yield from ((f"{head}{choice}", "") for choice in word.values)
    elif name in groups.NAMES or (name == "space" and verb == "sweep"):
        if name == "task" and verb == "train":
            yield f"task={JOINT}", "several tasks in one model"
        yield from ((f"{head}{choice}", groups.sentence(name, choice)) for choice in groups.choices(name))
    elif verb == "runs" and name in ("sort", "show", "group"):
        signs = ("", "-") if name == "sort" else ("",)
        yield from ((f"{head}{sign}{path}", keys[path].sentence) for path in keys for sign in signs)
    elif name in keys and keys[name].choices:
        # `window:RADIUS` is completed to `window:`.
        yield from ((f"{head}{choice.rstrip(ascii_uppercase)}", "") for choice in keys[name].choices)
    elif name.rpartition(".")[2] in PATHS:
        yield from ((f"{name}={path}", "") for path, _ in _paths(value))


def _runs(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Words that name a run, or a sweep: the newest first."""
    outputs = Path(value).parent if "/" in value else Path("outputs")
    yield f"{name}=latest", "the newest"
    marks = ("config.yaml", "sweep.yaml") if name != "sweep" else ("sweep.yaml",)
    found = (outputs.glob(f"{pattern}/{mark}") for pattern in ("*", "*/*", "*/*/*") for mark in marks)
    folders = {path.parent for paths in found for path in paths}
    yield from ((f"{name}={path}", "") for path in sorted(folders, key=lambda path: path.name, reverse=True))


def _paths(value: str) -> Iterator[tuple[str, str]]:
    """Files and folders that begin so."""
    folder = value[: value.rfind("/") + 1]
    beginning = re.sub(r"([*?[])", r"[\1]", value.removeprefix(folder))
    for path in sorted(Path(os.path.expanduser(folder)).glob(f"{beginning}*")):
        yield f"{folder}{path.name}{'/' if path.is_dir() else ''}", ""


def _read_plugin(name: str) -> None:
    """Registers the parts that a plugin's source text registers by decorators, with the keys that it declares there."""
    files = (
        Path(folder, name.replace(".", "/") + end) for folder in ("", *sys.path) for end in (".py", "/__init__.py")
    )
    source = next((file for file in files if file.is_file()), None)
    if source is None or name in plugins.loaded():
        return
    tree = ast.parse(source.read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in classes.values():
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(
                    ast.Attribute(ast.Name(kind) | ast.Attribute(attr=kind), "register"),
                    [ast.Constant(part), *more],
                ) if isinstance(parts := getattr(registry, kind, None), registry.Registry):
                    keys = _keys_class(classes, more[0].id) if more and isinstance(more[0], ast.Name) else None
                    made = type(node.name, (), {"__module__": name, "__doc__": ast.get_docstring(node)})
                    parts.register(str(part), keys)(made)


def _keys_class(classes: dict[str, ast.ClassDef], name: str) -> type:
    """The dataclass of a plugin's keys, as far as its text shows them: names, sentences and choices."""
    if name not in classes:
        return getattr(attnlab.config, name, attnlab.config.DataConfig)
    node, entries = classes[name], []
    for line in node.body:
        match line:
            case ast.AnnAssign(ast.Name(key), kind, ast.Call(_, arguments, keywords)):
                given = dict(enumerate(arguments)) | {word.arg: word.value for word in keywords}
                metadata = {
                    "help": _literal(given.get("help", given.get(1)), ""),
                    "choices": _literal(given.get("choices"), ()),
                }
                hint = bool if ast.unparse(kind) == "bool" else str
                entries.append((key, hint, field(default=None, metadata=metadata)))
    bases = tuple(_keys_class(classes, base.id) for base in node.bases if isinstance(base, ast.Name))
    return make_dataclass(name, entries, bases=bases, namespace={"__doc__": ast.get_docstring(node) or name})


def _literal(node: ast.expr | None, otherwise: object) -> object:
    """A value that is written out, otherwise another."""
    try:
        return ast.literal_eval(node) if node else otherwise
    except ValueError:
        return otherwise


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
