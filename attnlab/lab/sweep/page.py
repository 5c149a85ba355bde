"""A sweep in pictures: one page that needs nothing else, not even the network, and may be mailed.

Every word that stands in it is escaped, and its own content policy forbids it to load or send anything.
"""

import math
import shlex
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from attnlab.lab.sweep.outcome import Outcome, shown
from attnlab.lab.sweep.space import Parameter, Space
from attnlab.metrics import LOWER_IS_BETTER

WIDTH, HEIGHT, TOP, SIDE = 920, 300, 34, 70
COLOURS = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 200, 37))
"""From the worst to the best score, readable for the colour-blind (viridis, Smith & van der Walt 2015)."""

Scale = Callable[[Any], float]


def page(name: str, results: dict[str, Any], found: Sequence[Outcome], space: Space) -> str:
    """The HTML text. results: what results.json holds; found: every trial, best first."""
    monitor, best = results["monitor"], results["best"]
    colour = _colours(found, monitor)
    sections = [
        f"<h1>{escape(results['task'])}: {len(found)} trials</h1>",
        f"<p>{escape(name)} · {escape(results['sampler'])} search · {_counted(found)} · {results['epochs']:g} epochs in all</p>",
        _best(best, monitor),
        "<h2>What each trial tried, and what came of it</h2>",
        f"<p>A line for each trial; the last axis is {escape(monitor)} on validation data, for those that "
        "finished; the others are grey. Point at one to follow it.</p>",
        coordinates(found, space.parameters, monitor, colour),
        "<h2>How they learned</h2>",
        f"<p>{escape(monitor)} on validation data over epochs, of each trial's first seed. Dashed: given up.</p>",
        curves(found, monitor, colour),
    ]
    if results["importance"]:
        sections += [
            "<h2>What mattered</h2>",
            "<p>The share of the differences between scores that each key explains (fANOVA).</p>",
            importance(results["importance"]),
        ]
    sections += ["<h2>All trials, best first</h2>", trials(found, space, monitor, colour)]
    return _HTML.replace("TITLE", escape(f"{results['task']}: sweep {name}")).replace("BODY", "\n".join(sections))


def coordinates(
    found: Sequence[Outcome], parameters: Sequence[Parameter], monitor: str, colour: dict[int, str]
) -> str:
    """Parallel coordinates: an axis for each key, the score last.

    Only trials that finished reach the last axis: the score of one given up early compares with nothing.
    """
    tried = [outcome for outcome in found if len(outcome.values) == len(parameters)]
    scores = [outcome.score for outcome in found if outcome.state == "finished"]
    axes = [_axis(parameter, tried) for parameter in parameters]
    axes.append(_linear(scores, up=monitor not in LOWER_IS_BETTER))
    names = [*(parameter.name for parameter in parameters), monitor]
    step = (WIDTH - 2 * SIDE) / max(1, len(axes) - 1)
    parts = []
    for outcome in reversed(tried):  # the best on top
        values = [outcome.values[parameter.name] for parameter in parameters]
        values += [outcome.score] if outcome.state == "finished" else []
        points = " ".join(
            f"{SIDE + i * step:.1f},{scale(value):.1f}"
            for i, ((scale, _), value) in enumerate(zip(axes, values, strict=False))
        )
        parts.append(_line(points, outcome, colour, monitor))
    for i, (name, (_, ticks)) in enumerate(zip(names, axes, strict=True)):
        x = SIDE + i * step
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - 20}"/>')
        parts.append(f'<text class="name" x="{x:.1f}" y="16" text-anchor="middle">{escape(name)}</text>')
        for label, y in ticks:
            parts.append(f'<text class="halo" x="{x + 6:.1f}" y="{y + 4:.1f}">{escape(label)}</text>')
    return _svg(parts)


def curves(found: Sequence[Outcome], monitor: str, colour: dict[int, str]) -> str:
    """Scores over epochs."""
    drawn = [outcome for outcome in found if outcome.curve]
    points = [point for outcome in drawn for point in outcome.curve]
    if not points:
        return ""
    scale, ticks = _linear([score for _, score in points])
    last = max(epoch for epoch, _ in points)
    first = min(epoch for epoch, _ in points)

    def across(epoch: float) -> float:
        return SIDE + (epoch - first) / max(1e-9, last - first) * (WIDTH - 2 * SIDE)

    parts = []
    for label, y in ticks:
        parts.append(f'<line class="grid" x1="{SIDE}" x2="{WIDTH - SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{SIDE - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for epoch in sorted({first, *(round(first + (last - first) * i / 4) for i in (1, 2, 3)), last}):
        parts.append(f'<text x="{across(epoch):.1f}" y="{HEIGHT - 2}" text-anchor="middle">{epoch:g}</text>')
    for outcome in reversed(drawn):
        line = " ".join(f"{across(epoch):.1f},{scale(score):.1f}" for epoch, score in outcome.curve)
        parts.append(_line(line, outcome, colour, monitor))
        if len(outcome.curve) == 1:
            epoch, score = outcome.curve[0]
            parts.append(
                f'<circle class="trial t{outcome.number}" cx="{across(epoch):.1f}" cy="{scale(score):.1f}" r="3" '
                f'fill="{colour[outcome.number]}"/>'
            )
    return _svg(parts)


def importance(shares: dict[str, float]) -> str:
    """A bar for each key."""
    rows = (
        f'<tr><td>{escape(name)}</td><td class="bar"><i style="width:{100 * share:.1f}%"></i></td>'
        f'<td class="number">{100 * share:.0f} %</td></tr>'
        for name, share in shares.items()
    )
    return f'<table class="bars">{"".join(rows)}</table>'


def trials(found: Sequence[Outcome], space: Space, monitor: str, colour: dict[int, str]) -> str:
    """The table of all trials."""
    names = [parameter.name for parameter in space.parameters]
    heads = ["trial", *names, monitor, "epochs", "seconds", "state"]
    rows = []
    for outcome in found:
        numbers = [str(outcome.values.get(name, "")) for name in names]
        numbers += [shown(outcome.score, outcome.deviation), f"{outcome.epochs:g}", f"{outcome.seconds:.0f}"]
        cells = "".join(f'<td class="number">{escape(cell)}</td>' for cell in numbers)
        state = f"{outcome.state}: {outcome.error}" if outcome.error else outcome.state
        mark = f'<i style="background:{colour[outcome.number]}"></i>'
        rows.append(
            f'<tr class="trial t{outcome.number}" data-trial="{outcome.number}"><td class="number">{mark}{outcome.number}</td>'
            f"{cells}<td>{escape(state)}</td></tr>"
        )
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _best(best: dict[str, Any], monitor: str) -> str:
    test = best["test"].get("mean", {}).get(monitor)
    spread = best["test"].get("deviation", {}).get(monitor)
    scored = f"; on test data, scored once, <b>{shown(test, spread)}</b>" if test is not None else ""
    values = escape(" ".join(f"{name}={shlex.quote(str(value))}" for name, value in best["values"].items()))
    commands = "".join(f"<pre>{escape(command)}</pre>" for command in best["command"])
    return (
        f"<p>Best: trial {best['number']}, <b>{values}</b>: {escape(monitor)} "
        f"<b>{shown(best['score'], best['deviation'])}</b>{scored}. Train it again with:</p>{commands}"
    )


def _counted(found: Sequence[Outcome]) -> str:
    states = [outcome.state for outcome in found]
    return ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))


def _axis(parameter: Parameter, found: Sequence[Outcome]) -> tuple[Scale, list[tuple[str, float]]]:
    """Where each value of a key stands, and labels for its axis."""
    if parameter.listed is None:
        return _linear([outcome.values[parameter.name] for outcome in found], log=parameter.log)
    listed = list(parameter.listed)
    between = (HEIGHT - 20 - TOP) / max(1, len(listed) - 1)
    places = {value: HEIGHT - 20 - i * between for i, value in enumerate(listed)}
    return places.__getitem__, list(places.items())


def _linear(values: Sequence[Any], log: bool = False, up: bool = True) -> tuple[Scale, list[tuple[str, float]]]:
    """A scale over numbers from bottom to top, and five labels."""
    turn = math.log if log else float
    low, high = min(map(turn, values)), max(map(turn, values))
    bottom, top = (HEIGHT - 20, TOP) if up else (TOP, HEIGHT - 20)

    def scale(value: Any) -> float:
        return bottom + (turn(value) - low) / ((high - low) or 1.0) * (top - bottom)

    stops = sorted({low + (high - low) * i / 4 for i in range(5)})
    return scale, [(f"{math.exp(s):.2g}" if log else f"{s:.3g}", scale(math.exp(s) if log else s)) for s in stops]


def _colours(found: Sequence[Outcome], monitor: str) -> dict[int, str]:
    """By trial, its colour: from the worst to the best of the finished ones, by rank; grey for the others."""
    finished = [outcome for outcome in reversed(found) if outcome.state == "finished"]
    colours = {outcome.number: "#9aa0a6" for outcome in found}
    for i, outcome in enumerate(finished):
        place = (i / max(1, len(finished) - 1)) * (len(COLOURS) - 1)
        a, b = COLOURS[int(place)], COLOURS[min(int(place) + 1, len(COLOURS) - 1)]
        mixed = (round(x + (y - x) * (place % 1)) for x, y in zip(a, b, strict=True))
        colours[outcome.number] = "#{:02x}{:02x}{:02x}".format(*mixed)
    return colours


def _line(points: str, outcome: Outcome, colour: dict[int, str], monitor: str) -> str:
    values = ", ".join(f"{name}={value}" for name, value in outcome.values.items())
    told = (
        f"trial {outcome.number}: {values}: {monitor} {shown(outcome.score, outcome.deviation)} ({outcome.state})"
    )
    dashed = "" if outcome.state == "finished" else ' stroke-dasharray="5 4"'
    return (
        f'<polyline class="trial t{outcome.number}" data-trial="{outcome.number}" points="{points}" '
        f'stroke="{colour[outcome.number]}"{dashed}><title>{escape(told)}</title></polyline>'
    )


def _svg(parts: Sequence[str]) -> str:
    return f'<div class="wide"><svg viewBox="0 0 {WIDTH} {HEIGHT + 4}" role="img">{"".join(parts)}</svg></div>'


_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>TITLE</title>
<style>
:root { color-scheme: light dark; --ink: #202124; --soft: #5f6368; --line: #dadce0; --ground: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa0a6; --line: #3c4043; --ground: #17181a } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 960px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } p { color: var(--soft) } p b { color: var(--ink) }
pre { background: color-mix(in srgb, var(--line) 40%, transparent); padding: .7em 1em; white-space: pre-wrap; overflow-wrap: anywhere }
.wide { overflow-x: auto } svg { width: 100%; min-width: 640px; font-size: 12px }
svg text { fill: var(--soft) } svg .name { fill: var(--ink); font-weight: 600 }
svg .halo { paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round }
svg .axis { stroke: var(--soft) } svg .grid { stroke: var(--line) }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; opacity: .85 }
table { border-collapse: collapse; font-size: 14px } th, td { padding: .25em .8em; border-bottom: 1px solid var(--line); text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .5em }
.bars { width: 100%; max-width: 640px } td.bar { width: 60% } td.bar i { display: block; border-radius: 2px; background: #3b528b; height: 1em }
.follow .trial { opacity: .12 } .follow .trial.here { opacity: 1 } .follow polyline.here { stroke-width: 4 }
</style></head><body>
BODY
<script>
for (const mark of document.querySelectorAll("[data-trial]")) {
  mark.addEventListener("mouseenter", () => {
    document.body.classList.add("follow");
    for (const one of document.querySelectorAll(".t" + mark.dataset.trial)) one.classList.add("here");
  });
  mark.addEventListener("mouseleave", () => {
    document.body.classList.remove("follow");
    for (const one of document.querySelectorAll(".here")) one.classList.remove("here");
  });
}
</script>
</body></html>
"""
