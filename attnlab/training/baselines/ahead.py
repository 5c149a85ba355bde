"""Whether a simple answer is better than a run, said at the end of it."""

import math
from collections.abc import Mapping

from attnlab import metrics
from attnlab.config import Config, MaskedHead, Seq2seqHead
from attnlab.plural import plural
from attnlab.runs import Scores
from attnlab.training.report import shown


def ahead(
    own: Scores, simple: Mapping[str, Scores], monitor: str, config: Config, still_improving: bool, examples: int
) -> str:
    """A sentence where the best baseline has a better validation score than the run, with what may help; else empty. Answers that
    were searched for are scored as they are given, other than while training, which is said.

    own: the run's scores, usual ones first. simple: those of each baseline; the ceiling, which nobody has to reach, isn't
    compared. The score is the first that both have: `monitor`, then as they stand in `own`. still_improving: whether
    training may have ended too early; then only more of it is suggested. examples: how many were validated on; 0: unknown. A difference that so few may have by chance is reported as such,
    without advice, see `_by_chance`.
    """
    others = {name: scores for name, scores in simple.items() if name != "ceiling"}
    for score in dict.fromkeys((monitor, *own)):
        having = [name for name, scores in others.items() if score in scores]
        if score not in own or not having or not metrics.direction(score):
            continue
        best = max(having, key=lambda name: metrics.direction(score) * others[name][score])
        simple_one, beside = shown(others[best][score]), shown(own[score])
        told_apart = metrics.better(others[best][score], own[score], score) and simple_one != beside
        if not told_apart:
            return ""
        ahead_by = f"{best.replace('_', ' ')} is ahead on validation ({score} {simple_one} against {beside}{_decoded(config)})"
        if metrics.direction(score) > 0 and _by_chance(others[best][score], own[score], examples):
            return f"{ahead_by}, a difference that may be chance on {plural(examples, 'example')}"
        if still_improving:
            more = config.trainer
            longer = f"trainer.updates={2 * more.updates}" if more.updates else f"trainer.epochs={2 * more.epochs}"
            return f"{ahead_by}, but training ended while validation was still improving: train longer, such as {longer}"
        if best in ("interpolation", "copied_neighbour") and isinstance(config.head, MaskedHead):
            return f"{ahead_by}: hidden vectors follow from those beside them, so the spans may be too short; try a longer head.span="
        size = "encoder.parameters=" if config.encoder.parameters is not None else "encoder.width=, encoder.depth="
        options = ["more examples", f"a smaller model ({size})", "more dropout (encoder.dropout=)"]
        options += ["members=4"] if config.members == 1 else []
        return f"{ahead_by}: {', '.join(options[:-1])} or {options[-1]} may help"
    return ""


def _decoded(config: Config) -> str:
    """How the run's answers were found, where that isn't as during training, greedily; else ""."""
    head = config.head
    if not isinstance(head, Seq2seqHead) or (head.temperature is None and head.beam == 1):
        return ""
    return (
        f" by beam search, head.beam={head.beam}"
        if head.temperature is None
        else f" by sampling, head.temperature={head.temperature:g}"
    )


def _by_chance(one: float, other: float, examples: int) -> bool:
    """Whether two shares, such as accuracies, differ by less than two examples, or by less than the standard error of a rate of so many,
    sqrt(p (1 − p) / n); of words or questions, of which each example has several, that is on the safe side. Nothing is known
    of scores on other scales."""
    if not examples or not (0 <= one <= 1 and 0 <= other <= 1):
        return False
    error = math.sqrt(max(one * (1 - one), other * (1 - other)) / examples)
    return abs(one - other) < max(2 / examples - 1e-9, error)
