"""A sweep in pictures, as one page."""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from html import escape

from optuna.distributions import CategoricalDistribution

from attnlab.lab import html
from attnlab.lab.run_groups import with_deviation
from attnlab.lab.sweep.outcome import Best, Outcome, SweepResults
from attnlab.lab.sweep.space import Parameter, Space, Value
from attnlab.metrics import direction
from attnlab.plural import plural

PLOT = html.Plot(height=300, top=34)
COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 200, 37))
"""From the worst to the best score, readable for the colour-blind (viridis, Smith & van der Walt 2015)."""

Axis = tuple[Callable[[Value], float], list[tuple[str, float]]]
"""The height at which a value stands, and labels with their heights."""


def page(name: str, results: SweepResults, outcomes: Sequence[Outcome], space: Space) -> str:
    """The HTML text. results: what results.json holds; outcomes: of every trial, best first."""
    monitor, task = results["monitor"], results["task"]
    colours = _colours(outcomes)
    states = [outcome.state for outcome in outcomes]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    body = [
        f"<h1>{escape(task)}: {len(outcomes)} trials</h1>",
        f"<p>{escape(name)} · {escape(results['sampler'])} search · {counts} · {plural(results['epochs'], 'epoch')} in all</p>",
        _best(results["best"], monitor),
        "<h2>What each trial tried, and what came of it</h2>",
        f"<p>A line for each trial; the last axis is {escape(monitor)} on validation data, for those that "
        "finished; the others are grey. Point at one to follow it.</p>",
        coordinates(outcomes, space.parameters, monitor, colours),
        "<h2>How they learned</h2>",
        f"<p>{escape(monitor)} on validation data over epochs, of each trial's first seed. Dashed: given up.</p>",
        curves(outcomes, monitor, colours),
    ]
    if results["importance"]:
        body += [
            "<h2>What mattered</h2>",
            "<p>Importance of each key: the fraction of the scores' variance that it explains (fANOVA).</p>",
            importance(results["importance"]),
        ]
    body += ["<h2>All trials, best first</h2>", trials(outcomes, space, monitor, colours)]
    return html.document(f"{task}: sweep {name}", body, _STYLE, _SCRIPT)


def coordinates(
    outcomes: Sequence[Outcome], parameters: Sequence[Parameter], monitor: str, colours: dict[int, str]
) -> str:
    """Parallel coordinates: an axis for each key, the score last. Only trials that finished reach the last axis: the
    score of one given up early compares with nothing."""
    tried = [outcome for outcome in outcomes if len(outcome.values) == len(parameters)]
    scores = [outcome.score for outcome in outcomes if outcome.state == "finished" and outcome.score is not None]
    axes = [_axis(parameter, [outcome.values[parameter.name] for outcome in tried]) for parameter in parameters]
    axes.append(_linear(scores, up=direction(monitor) >= 0))
    names = [*(parameter.name for parameter in parameters), monitor]
    positions = [PLOT.across(i / max(1, len(axes) - 1)) for i in range(len(axes))]
    parts = []
    for outcome in reversed(tried):  # the best on top
        values = [outcome.values[parameter.name] for parameter in parameters]
        values += [outcome.score] if outcome.state == "finished" and outcome.score is not None else []
        points = [(x, height(value)) for x, (height, _), value in zip(positions, axes, values, strict=False)]
        parts.append(_line(points, outcome, colours, monitor))
    for x, name, (_, labels) in zip(positions, names, axes, strict=True):
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{PLOT.top}" y2="{PLOT.bottom}"/>')
        parts.append(f'<text class="name" x="{x:.1f}" y="16" text-anchor="middle">{escape(name)}</text>')
        for label, y in labels:
            parts.append(f'<text class="halo" x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(label)}</text>')
    return PLOT.drawing(parts)


def curves(outcomes: Sequence[Outcome], monitor: str, colours: dict[int, str]) -> str:
    """Scores over epochs."""
    drawn = [outcome for outcome in outcomes if outcome.curve]
    points = [point for outcome in drawn for point in outcome.curve]
    if not points:
        return ""
    height, labels = _linear([score for _, score in points])
    first, last = min(epoch for epoch, _ in points), max(epoch for epoch, _ in points)

    def across(epoch: float) -> float:
        return PLOT.across((epoch - first) / max(1e-9, last - first))

    parts = [PLOT.grid_line(y, label) for label, y in labels]
    for epoch in sorted({first, *(round(first + (last - first) * i / 4) for i in (1, 2, 3)), last}):
        parts.append(PLOT.label_below(across(epoch), f"{epoch:g}"))
    for outcome in reversed(drawn):
        line = [(across(epoch), height(score)) for epoch, score in outcome.curve]
        parts.append(_line(line, outcome, colours, monitor))
        if len(line) == 1:
            parts.append(
                f'<circle class="trial t{outcome.number}" cx="{line[0][0]:.1f}" cy="{line[0][1]:.1f}" r="3" '
                f'fill="{colours[outcome.number]}"/>'
            )
    return PLOT.drawing(parts)


def importance(fractions: Mapping[str, float]) -> str:
    """A bar for each key."""
    rows = (
        f'<tr><td>{escape(name)}</td><td class="bar"><i style="width:{100 * fraction:.1f}%"></i></td>'
        f"{html.numbers([f'{100 * fraction:.0f} %'])}</tr>"
        for name, fraction in fractions.items()
    )
    return f'<table class="bars">{"".join(rows)}</table>'


def trials(outcomes: Sequence[Outcome], space: Space, monitor: str, colours: dict[int, str]) -> str:
    """The table of all trials."""
    names = [parameter.name for parameter in space.parameters]
    rows = []
    for outcome in outcomes:
        cells = [str(outcome.values.get(name, "")) for name in names]
        cells += [
            with_deviation(outcome.score, outcome.deviation),
            f"{outcome.epochs:g}",
            f"{outcome.seconds:.0f}",
        ]
        mark = f'<i style="background:{colours[outcome.number]}"></i>'
        rows.append(
            f'<tr class="trial t{outcome.number}" data-trial="{outcome.number}"><td class="number">{mark}{outcome.number}</td>'
            f"{html.numbers(cells)}<td>{escape(outcome.state_with_error)}</td></tr>"
        )
    return html.table(["trial", *names, monitor, "epochs", "seconds", "state"], rows)


def _best(best: Best, monitor: str) -> str:
    test = best["test"].get("mean", {}).get(monitor)
    deviation = best["test"].get("deviation", {}).get(monitor)
    tested = f"; on test data, scored once, <b>{with_deviation(test, deviation)}</b>" if test is not None else ""
    values = escape(" ".join(f"{name}={shlex.quote(str(value))}" for name, value in best["values"].items()))
    commands = "".join(f"<pre>{escape(command)}</pre>" for command in best["command"])
    return (
        f"<p>Best: trial {best['number']}, <b>{values}</b>: {escape(monitor)} "
        f"<b>{with_deviation(best['score'], best['deviation'])}</b>{tested}. Train it again with:</p>{commands}"
    )


def _axis(parameter: Parameter, values: Sequence[Value]) -> Axis:
    if not isinstance(parameter.distribution, CategoricalDistribution):
        return _linear(values, log=parameter.distribution.log)
    choices = parameter.distribution.choices
    between = (PLOT.bottom - PLOT.top) / max(1, len(choices) - 1)
    heights: dict[Value, float] = {str(value): PLOT.bottom - i * between for i, value in enumerate(choices)}
    return heights.__getitem__, [(str(value), height) for value, height in heights.items()]


def _linear(values: Sequence[Value], log: bool = False, up: bool = True) -> Axis:
    """Numbers from bottom to top, or from top to bottom, with five labels."""

    def scaled(value: Value) -> float:
        return math.log(float(value)) if log else float(value)

    low, high = min(map(scaled, values)), max(map(scaled, values))
    bottom, top = (PLOT.bottom, PLOT.top) if up else (PLOT.top, PLOT.bottom)

    def height(value: Value) -> float:
        return bottom + (scaled(value) - low) / ((high - low) or 1.0) * (top - bottom)

    stops = sorted({low + (high - low) * i / 4 for i in range(5)})
    labelled = [math.exp(stop) for stop in stops] if log else stops
    return height, [(f"{value:.2g}" if log else f"{value:.3g}", height(value)) for value in labelled]


def _colours(outcomes: Sequence[Outcome]) -> dict[int, str]:
    """By trial, its colour: from the worst to the best of the finished ones, by rank; grey for the others."""
    finished = [outcome for outcome in reversed(outcomes) if outcome.state == "finished"]
    colours = {outcome.number: html.GREY for outcome in outcomes}
    for rank, outcome in enumerate(finished):
        position = (rank / max(1, len(finished) - 1)) * (len(COLOURS) - 1)
        a, b = COLOURS[int(position)], COLOURS[min(int(position) + 1, len(COLOURS) - 1)]
        mixed = (round(x + (y - x) * (position % 1)) for x, y in zip(a, b, strict=True))
        colours[outcome.number] = "#{:02x}{:02x}{:02x}".format(*mixed)
    return colours


def _line(points: Sequence[tuple[float, float]], outcome: Outcome, colours: dict[int, str], monitor: str) -> str:
    values = ", ".join(f"{name}={value}" for name, value in outcome.values.items())
    score = f"{monitor} {with_deviation(outcome.score, outcome.deviation)}"
    dashes = "" if outcome.state == "finished" else ' stroke-dasharray="5 4"'
    return (
        f'<polyline class="trial t{outcome.number}" data-trial="{outcome.number}" '
        f'points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" stroke="{colours[outcome.number]}"{dashes}>'
        f"<title>{escape(f'trial {outcome.number}: {values}: {score} ({outcome.state})')}</title></polyline>"
    )


_STYLE = """\
p b { color: var(--ink) }
pre { background: color-mix(in srgb, var(--line) 40%, transparent); padding: .7em 1em; white-space: pre-wrap; overflow-wrap: anywhere }
svg { min-width: 640px } svg .axis { stroke: var(--soft) } polyline { stroke-linejoin: round; opacity: .85 }
svg .halo { paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round }
td i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .5em }
.bars { width: 100%; max-width: 640px } td.bar { width: 60% } td.bar i { display: block; border-radius: 2px; background: #3b528b; height: 1em }
.follow .trial { opacity: .12 } .follow .trial.here { opacity: 1 } .follow polyline.here { stroke-width: 4 }
"""
_SCRIPT = """\
for (const mark of document.querySelectorAll("[data-trial]")) {
  mark.addEventListener("mouseenter", () => {
    document.body.classList.add("follow");
    for (const shape of document.querySelectorAll(".t" + mark.dataset.trial)) shape.classList.add("here");
  });
  mark.addEventListener("mouseleave", () => {
    document.body.classList.remove("follow");
    for (const shape of document.querySelectorAll(".here")) shape.classList.remove("here");
  });
}
"""
