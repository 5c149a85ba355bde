"""What a task is by its data, where their keys don't say it: told at the start, and refused where it isn't what was asked for."""

from collections.abc import Mapping, Sequence

from attnlab import compose
from attnlab.config import Config
from attnlab.errors import UserError
from attnlab.model.interfaces import Head
from attnlab.plural import plural
from attnlab.registry import HEADS
from attnlab.spec import DataSpec, Target

KINDS = {
    "class": "classification",
    "classes": "classification",
    "number": "regression",
    "vector_classes": "tagging",
    "vector_numbers": "tagging",
    "hidden_words": "masked",
    "hidden_numbers": "masked",
}
"""The task that a target of a kind is for; a sequence is translated or transcribed, by what it is made from."""
LEARNED = {
    "class": "a class or a number for each {set}",
    "vector_classes": "a tag or a number for each {vector}",
    "sequence": "to write an answer for each {set}",
    "hidden_words": "what stood at hidden places",
}
"""What a head learns, by the first kind of target that it can, in a user's words."""
UNITS = {
    "text": ("text", "word"),
    "pairs": ("text", "word"),
    "speech": ("recording", "frame"),
    "image": ("picture", "patch"),
    "graph": ("graph", "node"),
}
"""What sets and vectors are called."""
MANY = 20
"""Classes, all of them numbers, that look like answers which are numbers."""


def told(config: Config, spec: DataSpec, overrides: Sequence[str]) -> str:
    """What is learned where it follows from the data, in a line; "" where overrides name a task, and where several targets are
    possible."""
    learned = _learned(config, spec)
    if not compose.task_follows(overrides) or len(learned) != 1:
        return ""
    (name,) = learned
    task, target = _task_of(spec, name), spec.targets[name]
    own = "" if config.task == task or config.task in compose.choices("task") else f" ({task})"
    others = [f"`{other}` (task={_task_of(spec, other)})" for other in spec.targets if other != name]
    more = f"; the data also have {' and '.join(others)}" if others else _maybe_numbers(config, target)
    return f"task={config.task}{own}: `{_column(config, name)}` {_described(spec, name)}{more}"


def refuse_other(config: Config, spec: DataSpec) -> None:
    """Raises UserError where the data are for another kind of task than `config.task` names, or than its head can learn."""
    learned = _learned(config, spec)
    names = learned or list(spec.targets)
    tasks = [_task_of(spec, name) for name in names]
    if names and not learned and config.head.target is None:
        _refuse_head(config, spec, names[0])
    if names and config.task in KINDS.values() and config.task not in tasks:
        numbers = (
            ", or add data.target_kind=number"
            if config.task == "regression" and tasks[0] == "classification"
            else ""
        )
        described = _described(spec, names[0])
        raise UserError(
            f"`task={config.task}`: `{_column(config, names[0])}` {described}; write task={tasks[0]}{numbers}"
        )


def _refuse_head(config: Config, spec: DataSpec, name: str) -> None:
    """Raises UserError for data of which the head can learn nothing, such as the target of this name."""
    task, head, (one_set, vector) = (
        _task_of(spec, name),
        config.head.name,
        UNITS.get(spec.modality, ("set", "vector")),
    )
    kinds = HEADS.get(head, Head).kinds
    learned = LEARNED.get(kinds[0], " or ".join(kinds)).format(set=one_set, vector=vector)
    if config.task in compose.choices("task") and config.task != task:
        who, right = f"task={config.task}", f"write task={task}, or task=NAME with a name of your own"
    else:  # the task is the data's, or a name of the user's own: another head was named
        who, right = f"head={head}", "leave out `head=`"
    each = f", one for each {one_set}" if spec.targets[name].kind in ("class", "number") else ""
    raise UserError(
        f"`{who}` learns {learned}, but `{_column(config, name)}` {_described(spec, name)}{each}; {right}"
    )


def _column(config: Config, name: str) -> str:
    """What the user calls a target: the column of a table that holds it."""
    column = getattr(config.data, "label", None)
    return column if name == "label" and isinstance(column, str) else name


def _learned(config: Config, spec: DataSpec) -> list[str]:
    """The targets that the head can learn, or the one of them that is chosen."""
    kinds = HEADS.get(config.head.name, Head).kinds
    able = [name for name, target in spec.targets.items() if target.kind in kinds]
    return [config.head.target] if config.head.target in able else able


def _task_of(spec: DataSpec, name: str) -> str:
    sequence = "transcription" if spec.modality == "speech" else "translation"
    return KINDS.get(spec.targets[name].kind, sequence)


def _described(spec: DataSpec, name: str) -> str:
    """What answers are, as in `has 5 classes`."""
    target, (_, vector) = spec.targets[name], UNITS.get(spec.modality, ("set", "vector"))
    count = len(target.classes)
    described: Mapping[str, str] = {
        "class": f"has {plural(count, 'class')}",
        "classes": f"has {plural(count, 'question')}, each answered by yes or no",
        "vector_classes": f"has {plural(count, 'class')}, one for each {vector}",
        "number": "is a number",
        "vector_numbers": f"is a number for each {vector}",
        "sequence": "is a text",
        "hidden_words": "are the words at hidden places",
        "hidden_numbers": "are the vectors at hidden places",
    }
    return described[target.kind]


def _maybe_numbers(config: Config, target: Target) -> str:
    if target.kind != "class" or not hasattr(config.data, "target_kind") or len(target.classes) < MANY:
        return ""
    try:
        list(map(float, target.classes))
    except ValueError:
        return ""
    return "; they are numbers, which task=regression learns as such"
