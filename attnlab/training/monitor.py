"""The validation score that picks the best weights."""

from attnlab import metrics
from attnlab.data.contract import Split
from attnlab.errors import UserError
from attnlab.model.interfaces import Head
from attnlab.training.evaluate import perfect


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
