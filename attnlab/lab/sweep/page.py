"""What a sweep's page shows."""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from optuna.distributions import CategoricalDistribution

from attnlab.lab.run_groups import with_deviation
from attnlab.lab.sweep.outcome import Best, Outcome, SweepResults, tied
from attnlab.lab.sweep.space import Parameter, Space, Value
from attnlab.metrics import direction
from attnlab.pages.charts import Axis, Curve, lines
from attnlab.pages.page import page as rendered
from attnlab.plural import plural

TOP, BOTTOM, SIDE, BETWEEN = 34, 280, 80, 150
"""Of the parallel coordinates: where axes begin and end, their distance from the edges, and from one to the next at least."""

Scale = tuple[Callable[[Value], float], list[tuple[str, float]]]
"""The height at which a value stands, and labels with their heights."""


def page(name: str, results: SweepResults, outcomes: Sequence[Outcome], space: Space) -> str:
    """The HTML text. results: what results.json holds; outcomes: of every trial, best first."""
    monitor, task = results["monitor"], results["task"]
    colours = _colours(outcomes)
    states = [outcome.state for outcome in outcomes]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    importance = _importance(results["importance"])
    sections = [("tried", "Values"), ("curves", "Curves"), ("trials", "All trials")]
    values = {
        "task": task,
        "facts": [name, f"{results['sampler']} search", counts, f"{plural(results['epochs'], 'epoch')} in all"],
        "sections": sections[:2] + ([("importance", "Importance")] if importance else []) + sections[2:],
        "monitor": monitor,
        "best": _best(results["best"], monitor, len(tied(outcomes, results["best"]["number"]))),
        "coordinates": _coordinates(outcomes, space.parameters, monitor, colours),
        "curves": _curves(outcomes, monitor, colours),
        "importance": importance,
        "heads": [
            "trial",
            *(parameter.name for parameter in space.parameters),
            monitor,
            "epochs",
            "seconds",
            "state",
        ],
        "trials": [_row(outcome, space.parameters, colours) for outcome in outcomes],
    }
    return rendered("sweep.html", f"{task}: sweep {name}", values, ["sweep.js"])


def _best(best: Best, monitor: str, equal: int) -> dict[str, object]:
    """equal: how many trials have its score."""
    test = best["test"].get("mean", {}).get(monitor)
    deviation = best["test"].get("deviation", {}).get(monitor)
    return {
        "number": best["number"],
        "equal": equal,
        "words": " ".join(f"{name}={shlex.quote(str(value))}" for name, value in best["values"].items()),
        "score": with_deviation(best["score"], best["deviation"]),
        "test": with_deviation(test, deviation) if test is not None else "",
        "commands": best["command"],
    }


@dataclass(frozen=True)
class _Coordinates:
    """Parallel coordinates as they are drawn: an axis for each key, the score last."""

    width: int
    lines: list[dict[str, object]]
    axes: list[dict[str, object]]
    height: int = BOTTOM + 12
    top: int = TOP
    bottom: int = BOTTOM


def _coordinates(
    outcomes: Sequence[Outcome], parameters: Sequence[Parameter], monitor: str, colours: dict[int, str]
) -> _Coordinates:
    """Only trials that finished reach the last axis: the score of one given up early compares with nothing."""
    tried = [outcome for outcome in outcomes if len(outcome.values) == len(parameters)]
    scores = [outcome.score for outcome in outcomes if outcome.state == "finished" and outcome.score is not None]
    scales = [_scale(parameter, [outcome.values[parameter.name] for outcome in tried]) for parameter in parameters]
    scales.append(_linear(scores, up=direction(monitor) >= 0))
    names = [*(parameter.name for parameter in parameters), monitor]
    width = max(880, 2 * SIDE + BETWEEN * len(parameters))
    places = [round(SIDE + i / max(1, len(parameters)) * (width - 2 * SIDE), 1) for i in range(len(scales))]
    drawn: list[dict[str, object]] = []
    for outcome in reversed(tried):  # the best on top
        values = [outcome.values[parameter.name] for parameter in parameters]
        values += [outcome.score] if outcome.state == "finished" and outcome.score is not None else []
        points = " ".join(
            f"{x},{at(value):.1f}" for x, (at, _), value in zip(places, scales, values, strict=False)
        )
        drawn.append({
            "number": outcome.number, "points": points, "title": _title(outcome, monitor), "colour": colours[outcome.number],
            "dashed": outcome.state != "finished",
        })  # fmt: skip
    axes = [
        {"x": x, "name": name, "labels": [(label, round(y, 1)) for label, y in labels]}
        for x, name, (_, labels) in zip(places, names, scales, strict=True)
    ]
    return _Coordinates(width, drawn, axes)


def _curves(outcomes: Sequence[Outcome], monitor: str, colours: dict[int, str]) -> Markup:
    """Scores over epochs."""
    curves = [
        Curve(
            _title(outcome, monitor), [epoch for epoch, _ in outcome.curve], [score for _, score in outcome.curve],
            colour=colours[outcome.number], dashed=outcome.state != "finished", points=False, key=str(outcome.number),
        )
        for outcome in reversed(outcomes) if outcome.curve
    ]  # fmt: skip
    return lines(curves, f"{monitor} over epochs, a curve for each trial", Axis("epoch"), Axis(monitor), 880)


def _importance(fractions: Mapping[str, float]) -> list[dict[str, object]]:
    return [{"name": name, "value": part, "text": f"{100 * part:.0f} %"} for name, part in fractions.items()]


def _row(outcome: Outcome, parameters: Sequence[Parameter], colours: dict[int, str]) -> dict[str, object]:
    """Of the table of all trials."""
    cells = [str(outcome.values.get(parameter.name, "")) for parameter in parameters]
    cells += [with_deviation(outcome.score, outcome.deviation), f"{outcome.epochs:g}", f"{outcome.seconds:.0f}"]
    state, number = outcome.state_with_error, outcome.number
    return {"number": number, "colour": colours[number], "cells": cells, "state": state}


def _title(outcome: Outcome, monitor: str) -> str:
    values = ", ".join(f"{name}={value}" for name, value in outcome.values.items())
    score = f"{monitor} {with_deviation(outcome.score, outcome.deviation)}"
    return f"trial {outcome.number}: {values}: {score} ({outcome.state})"


def _scale(parameter: Parameter, values: Sequence[Value]) -> Scale:
    if not isinstance(parameter.distribution, CategoricalDistribution):
        return _linear(values, log=parameter.distribution.log)
    choices = parameter.distribution.choices
    between = (BOTTOM - TOP) / max(1, len(choices) - 1)
    heights: dict[Value, float] = {str(value): BOTTOM - i * between for i, value in enumerate(choices)}
    return heights.__getitem__, [(str(value), height) for value, height in heights.items()]


def _linear(values: Sequence[Value], log: bool = False, up: bool = True) -> Scale:
    """Numbers from bottom to top, or from top to bottom, with five labels."""

    def scaled(value: Value) -> float:
        return math.log(float(value)) if log else float(value)

    low, high = min(map(scaled, values)), max(map(scaled, values))
    bottom, top = (BOTTOM, TOP) if up else (TOP, BOTTOM)

    def height(value: Value) -> float:
        return bottom + (scaled(value) - low) / ((high - low) or 1.0) * (top - bottom)

    stops = sorted({low + (high - low) * i / 4 for i in range(5)})
    labelled = [math.exp(stop) for stop in stops] if log else stops
    return height, [(f"{value:.2g}" if log else f"{value:.3g}", height(value)) for value in labelled]


def _colours(outcomes: Sequence[Outcome]) -> dict[int, str]:
    """By trial, its colour: from the worst to the best of the finished ones, by rank; grey for the others."""
    finished = [outcome for outcome in reversed(outcomes) if outcome.state == "finished"]
    colours = {outcome.number: "var(--faint)" for outcome in outcomes}
    for rank, outcome in enumerate(finished):
        share = (
            200 * rank / (len(finished) - 1) if len(finished) > 1 else 200
        )  # two parts, which meet in the middle
        ends = "var(--worst), var(--middle)" if share < 100 else "var(--middle), var(--best)"
        colours[outcome.number] = f"color-mix(in oklab, {ends} {share % 100 if share < 200 else 100:.0f}%)"
    return colours
