"""The validation score that selects the best weights, and what it selected."""

from collections.abc import Sequence

from attnlab import metrics
from attnlab.config import Trainer
from attnlab.data.contract import Split
from attnlab.errors import UserError
from attnlab.model.interfaces import Head
from attnlab.runs import ValidationLine, score_of
from attnlab.training.evaluate import perfect
from attnlab.training.report import shown
from attnlab.training.state import Progress

NOTICEABLE = 0.01
"""The part of the validation loss by which a validation must lower it to say that training was still improving."""


def monitor_for(asked: str | None, head: Head, split: Split) -> tuple[str, str]:
    """Its name, and a sentence where it is not the usual one. asked: `trainer.monitor`.

    It is chosen by what a reader who is always right would score on the validation data, so that it is known before
    training and never missing later. Raises UserError where `asked` is no score, or one that says nothing of these data.
    """
    name = asked or head.monitor
    if name == "loss":
        return name, ""
    metric = name.partition("/")[0]
    ideal = perfect(head, split, [metric] if metric in head.metrics else [])
    if name in ideal.scores and metrics.direction(name):
        return name, ""
    reason = ideal.undefined.get(name)
    if asked is None:
        return "loss", f"the best weights are picked by loss; {name} says nothing of the validation data: {reason}"
    if reason is not None:
        raise UserError(f"`trainer.monitor={name}`: it says nothing of the validation data: {reason}; choose loss")
    able = [*perfect(head, split, head.metrics).scores, "loss"]
    choices = sorted(other for other in able if metrics.direction(other))
    raise UserError(f"`trainer.monitor={name}`: no score of this run; choose one of {', '.join(choices)}")


def selected(progress: Progress, lines: Sequence[ValidationLine], settings: Trainer) -> str:
    """Which weights a finished run keeps: "best weights: epoch 12 of 20, validation accuracy 0.9100". lines: of its metrics.jsonl.

    Of equal scores the first counts, and the sentence says how many there are: a score that many validations share selects
    little. Empty where the score was never defined.
    """
    name, score = progress.monitor, progress.best_score
    if score is None:
        return ""
    scores = [score_of(line, name) for line in lines]
    best = next((line for line in lines if line["update"] == progress.best_update), None)
    if best is None or (settings.average_best > 1 and score_of(best, name) != score):
        where, equal = f"the mean of the {settings.average_best} best validations", 1
    else:
        by_update = settings.validate_every or settings.updates
        done = f"update {best['update']:,} of {progress.update:,}"
        where = done if by_update else f"epoch {best['epoch']:,} of {progress.epoch:,}"
        equal = scores.count(score)
    more = f", the first of {equal} validations with this score" if equal > 1 else ""
    return f"best weights: {where}, validation {name} {shown(score)}{more}"


def still_improving(lines: Sequence[ValidationLine]) -> bool:
    """Whether training may have ended too early: its last validation was the best one, or had a loss that was lower by
    `NOTICEABLE` than at every one before. lines: of the run's metrics.jsonl."""
    if not lines:
        return False
    *before, last = (score_of(line, "loss") for line in lines)
    return bool(lines[-1].get("best")) or bool(before and last < (1 - NOTICEABLE) * min(before))
