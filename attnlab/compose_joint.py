"""The words of `attnlab train task=joint parts=[pos,digits] …`: what parts have in common, and what each is by itself.

A part is an ordinary run. `parts.pos.data.limit=100` is the word `data.limit=100` of the one that is called `pos`; words without
such a beginning are of all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from attnlab import compose, plugins
from attnlab.command_words import as_written, parse_single
from attnlab.config import JOINT, AttentionEncoder, Config, JointConfig, JointTrainer, PartKeys, Trainer, check
from attnlab.config.joint import OWN, OWN_KEYS
from attnlab.errors import UserError, suggestion


@dataclass(frozen=True)
class Composed:
    """A joint run that begins. words: of each part, as of an ordinary run."""

    config: JointConfig
    words: dict[str, list[str]]


def wanted(words: Sequence[str]) -> bool:
    """Whether words ask for a joint run."""
    return f"task={JOINT}" in words


def compose_joint(overrides: Sequence[str]) -> Composed:
    """What the words of a joint run come to. Raises UserError for words that it refuses."""
    parsed = parse_single(plugins.load(overrides), compose.listed)
    names = _names(next((o.value() for o in parsed if o.key_or_group == "parts"), None))
    words: dict[str, list[str]] = {name: [] for name in names}
    weights: dict[str, float] = {}
    shared, of_all = [], []
    for override in parsed:
        path, line = override.key_or_group, override.input_line or ""
        name, key = re.fullmatch(r"(?:parts\.(\w+)\.)?(.*)", path).groups()  # type: ignore[union-attr]
        if path in ("parts", "task"):
            continue
        if path.startswith("parts."):
            if name not in words:
                raise UserError(f"`{line}`: no such part; {suggestion(name or path, names)}")
            _refuse_shared(key, line)
            if key == "weight":
                weights[name] = _weight(override.value(), line)
            else:
                words[name].append(line.removeprefix(f"parts.{name}."))
        elif path == "defaults":
            of_all.append(line)
        else:
            _refuse_own(path, line, names[0])
            shared.append(override)
    config = compose.to_object(compose.composed(shared, JointTrainer))
    assert isinstance(config, Config) and isinstance(config.trainer, JointTrainer)
    trunk = config.encoder
    if not isinstance(trunk, AttentionEncoder):
        raise UserError(f"`encoder={trunk.name}`: parts share the blocks of attention; write encoder=attention")
    joint = JointConfig(
        parts={name: PartKeys(weights.get(name, 1.0)) for name in sorted(names)}, encoder=trunk, optimizer=config.optimizer,
        schedule=config.schedule, logger=config.logger, trainer=config.trainer, seed=config.seed, outputs=config.outputs,
        folder=config.folder, baselines=config.baselines, score_test=config.score_test,
    )  # fmt: skip
    check(joint)
    joint.plugins = plugins.used(joint)
    for name, own in words.items():
        task = [] if any(word.startswith("task=") for word in own) else [f"task={name}"]
        words[name] = [*task, *of_all, *own]
        config_of_part(name, words[name], joint)  # refused now
    return Composed(joint, dict(sorted(words.items())))


def config_of_part(name: str, words: Sequence[str], joint: JointConfig) -> Config:
    """The configuration of a part, by its own words. Raises UserError where they aren't accepted."""
    try:
        return in_common(compose.compose(words), joint)
    except UserError as error:
        raise UserError(f"part `{name}`: {error}") from error


def in_common(config: Config, joint: JointConfig) -> Config:
    """A part's configuration with all that the parts share. Raises UserError where its own keys don't go with that."""
    own = config.encoder
    if not isinstance(own, AttentionEncoder):
        raise UserError(
            f"`encoder={own.name}`: parts share the blocks of attention; choose a task that is learned with it"
        )
    if getattr(config.data, "folds", None) is not None or getattr(config.data, "fold", None) is not None:
        raise UserError("`data.folds`: a joint run is no cross-validation; leave it out")
    encoder = replace(
        joint.encoder, position=own.position, max_position=own.max_position, scope=own.scope, kernel=own.kernel
    )
    values = {entry.name: getattr(joint.trainer, entry.name) for entry in fields(Trainer)}
    trainer = replace(
        Trainer(**values), batch_vectors=config.trainer.batch_vectors, monitor=config.trainer.monitor
    )
    shared = replace(
        config, encoder=encoder, trainer=trainer, optimizer=joint.optimizer, schedule=joint.schedule, logger=joint.logger,
        members=1, seed=joint.seed, outputs=joint.outputs, baselines=joint.baselines, score_test=joint.score_test,
    )  # fmt: skip
    check(shared)
    return shared


def _names(value: object) -> list[str]:
    """Of the parts. Raises UserError where they are none."""
    if value is None:
        raise UserError("`task=joint`: say which tasks are learned together, as in parts=[pos,digits]")
    names = [as_written(name) for name in (value if isinstance(value, list) else [value])]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"`parts`: `{name}` stands there twice; give the second a name of its own, as in parts=[{name},{name}2] "
                f"parts.{name}2.task={name}"
            )
    if not names:
        raise UserError("`parts=[]`: name one task at least, as in parts=[pos,digits]")
    return names


def _weight(value: object, line: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"`{line}`: write a number above 0")
    return float(value)


def _refuse_shared(key: str, line: str) -> None:
    """Raises UserError where a word of a part sets what all share."""
    group = key.partition(".")[0]
    if key == "encoder":
        return  # of which only position, scope and kernel are kept
    if key in ("members", "experiment"):
        raise UserError(f"`{line}`: a part is one model for one task; leave it out")
    if key in ("init", "init_embedding"):
        raise UserError(f"`{line}`: a joint run begins with random weights; leave it out")
    if group not in OWN and key not in OWN_KEYS:
        right = line.split(".", 2)[2]
        raise UserError(f"`{line}`: a part has no such key of its own; what all parts share is set by `{right}`")


def _refuse_own(path: str, line: str, example: str) -> None:
    """Raises UserError where a word for all sets what each part has for itself. example: one of them."""
    if path == "members" or path == "experiment":
        raise UserError(f"`{line}`: a joint run has none; leave it out")
    if path in ("init", "init_embedding"):
        raise UserError(f"`{line}`: a joint run begins with random weights; leave it out")
    if path == "encoder.parameters":
        raise UserError(f"`{line}`: parts have embeddings of different size; write encoder.width=")
    if path.partition(".")[0] in OWN or path in OWN_KEYS:
        raise UserError(f"`{line}`: each part has its own; write `parts.{example}.{line}`")
