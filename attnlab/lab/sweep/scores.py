"""The scores that a run's files hold. Optuna maximises, so that scores of which less is better change their sign."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from attnlab.metrics import LOWER_IS_BETTER
from attnlab.runs import RunFolder


@dataclass(frozen=True)
class Validation:
    """One line of metrics.jsonl. scores: by name; monitor: the one that picks the best weights. done: the last one."""

    epoch: float
    monitor: str
    scores: Mapping[str, float]
    done: bool


@dataclass(frozen=True)
class Finished:
    """What results.json holds of the best weights: their validation score by `monitor`, and seconds of training."""

    monitor: str
    score: float
    seconds: float


def validations(run: RunFolder) -> list[Validation]:
    """So far."""
    return [Validation(line["epoch"], line["monitor"], line, line["done"]) for line in run.read_metrics()]


def finished(run: RunFolder) -> Finished | None:
    """None where the run hasn't come to its end."""
    results = run.read_results()
    if not results:
        return None
    train = results["train"]
    return Finished(train["monitor"], results["validation"][train["monitor"]], train["wall_seconds"])


def maximised(score: float, monitor: str) -> float:
    """A score so that higher is better, and back."""
    return -score if monitor in LOWER_IS_BETTER else score


def best_so_far(run: RunFolder) -> list[tuple[float, bool]]:
    """After each validation: the best score so far, so that higher is better, and whether it was the last."""
    scores: list[tuple[float, bool]] = []
    best = -math.inf
    for line in validations(run):
        value = maximised(float(line.scores[line.monitor]), line.monitor)
        best = best if math.isnan(value) else max(best, value)
        scores.append((best, line.done))
    return scores
