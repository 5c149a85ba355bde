"""What may change of a run from one day to the next, and what must not."""

import json
import re
from dataclasses import asdict, fields

from attnlab import compose
from attnlab.config import Config, DataConfig
from attnlab.errors import UserError
from attnlab.runs import RunFolder, flat
from attnlab.spec import DataSpec

LEARNED = ("task", "seed", "members", "init", "init_embedding", "embedding", "encoder", "head")
"""Parts of a configuration that say what the weights are weights of, but for FREE."""
FREE = re.compile(
    r"embedding\.path|encoder\.kernel|.*dropout|head\.(constraints|label_smoothing|beam|length_penalty|n_best|temperature|.*_length)"
)
"""Keys of a model that may change while it is trained."""
TRAINING = re.compile(rf"(optimizer|schedule|trainer)\..*|{FREE.pattern}")
"""Keys that say how, and for how long, a model is trained, and how it searches for answers."""

PLACE = ("loader", "source", "name", "path", "hub", "config", "revision", "download")
"""Keys of data that say which they are, and where."""
DIVISION = ("validation", "test", "limit", "split_seed", "folds", "fold")
"""Keys of data that say which of them are in a split."""


def refuse_another_model(folder: RunFolder, config: Config) -> None:
    """Raises UserError where a run would go on with another model than it began with."""
    began, now = flat(asdict(compose.load_saved(folder.config))), flat(asdict(config))
    for name in sorted(began.keys() | now.keys()):
        if name.split(".")[0] in LEARNED and not FREE.fullmatch(name) and began.get(name) != now.get(name):
            raise UserError(
                f"`{_word(name, now.get(name))}`: {folder.path} has been trained with {_word(name, began.get(name))}; "
                "to change that, train a new run"
            )


def check_tokenizer(folder: RunFolder, config: Config, spec: DataSpec) -> None:
    """Raises UserError where text would be tokenised otherwise than a run has learned to."""
    saved = compose.load_saved(folder.config).data if spec.codecs else config.data
    for name in ("tokens", "subwords", "joint_vocabulary"):
        if getattr(config.data, name, None) != getattr(saved, name, None):
            raise UserError(
                f"`data.{name}`: {folder.path} has learned how text is split; to change that, train a new run"
            )


def settings_for(fold: RunFolder, config: Config) -> list[str]:
    """Overrides that give a fold's run those settings of training that the cross-validation has by now."""
    now, before = flat(asdict(config)), flat(asdict(compose.load_saved(fold.config)))
    return [
        f"{name}={json.dumps(value)}"
        for name, value in now.items()
        if TRAINING.fullmatch(name) and name in before and value != before[name]
    ]


def other_data(saved: DataConfig, now: DataConfig) -> bool:
    """Whether data were given to be scored: they are elsewhere than a run's, and no key says how they are to be divided."""

    def differ(names: tuple[str, ...]) -> bool:
        return any(getattr(saved, name, None) != getattr(now, name, None) for name in names)

    return differ(PLACE) and not differ(DIVISION)


def answers_alike(saved: Config, now: Config) -> bool:
    """Whether two configurations give the same answers: not where, or how soon, they are computed."""
    parts = ("embedding", "encoder", "head")
    alike = all(getattr(saved, part) == getattr(now, part) for part in parts)
    same_data = all(
        getattr(saved.data, entry.name, None) == getattr(now.data, entry.name)
        for entry in fields(now.data)
        if not entry.metadata.get("beside")
    )
    return alike and same_data and saved.trainer.precision == now.trainer.precision


def changed_settings(saved: Config, now: Config) -> list[str]:
    """The settings that may change a run's answers, where they are others than it was trained with, and what they were."""
    before, after = flat(asdict(saved)), flat(asdict(now))
    beside = {f"data.{entry.name}" for entry in fields(now.data) if entry.metadata.get("beside")}
    return [
        f"{_word(name, value)} (it was {_value(before.get(name))})"
        for name, value in after.items()
        if re.fullmatch(r"(data|embedding|encoder|head)\..*|trainer\.precision", name)
        and name not in beside
        and value != before.get(name)
    ]


def _word(name: str, value: object) -> str:
    """As one would type it."""
    return f"{name}={_value(value)}"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
