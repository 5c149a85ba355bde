"""The figures of `attnlab bench` as one page that needs nothing else, not even the network.

Every word that stands in it is escaped, and its own content policy forbids it to load or send anything.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from attnlab.lab.bench.measure import PARTS

WIDTH, HEIGHT, SIDE, TOP = 920, 280, 70, 20
COLOURS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#9aa0a6")
"""Of the parts of a step, readable for the colour-blind (viridis, Smith & van der Walt 2015)."""


def page(results: dict[str, Any]) -> str:
    """The HTML text; results: what bench.json holds."""
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    body = [
        "<h1>How fast attnlab trains here</h1>",
        f"<p>{escape(machine)} · {escape(results['data'])} data</p>",
        _table(results["sections"]),
        "<h2>What a training step goes to</h2>",
        "<p>Milliseconds; rest: norms, residuals, gradients of embedding and head.</p>",
        *(_bar(name, found["parts"]) for name, found in results["sections"].items()),
        _legend(),
        *(_written(name, found) for name, found in results["sections"].items() if "sentences_per_second" in found),
    ]
    for name, found in results["sections"].items():
        if found.get("by_length"):
            body += [
                f"<h2>{escape(name)}: {escape(found['unit'])} per second against length</h2>",
                "<p>The encoder alone, forward and backward, on sets of one length.</p>",
                _curve(found["by_length"]),
            ]
    return _HTML.replace("BODY", "\n".join(body))


def _written(name: str, found: dict[str, Any]) -> str:
    """How fast sequences are written."""
    speeds = ", ".join(f"{how} {speed:,.0f}" for how, speed in found["sentences_per_second"].items())
    return (
        f"<h2>{escape(name)}: sentences written per second</h2><p>{escape(speeds)}; as long as the right ones.</p>"
    )


def _table(sections: dict[str, Any]) -> str:
    heads = (
        "section", "a second, in a step", "in all of train", "step, ms", "share of peak", "of torch.mm's", "memory, MiB"
    )  # fmt: skip
    rows = []
    for name, found in sections.items():
        shares = (f"{found[of]:.2f}" if of in found else "" for of in ("share_of_peak", "share_of_torch"))
        cells = (
            f"{found['vectors_per_second']:,.0f} {found['unit']}", f"{found['train_vectors_per_second']:,.0f}",
            f"{found['step_ms']:.1f}", *shares, f"{found['memory_mib']:,.0f}",
        )  # fmt: skip
        rows.append(
            f"<tr><td>{escape(name)}</td>{''.join(f'<td class=number>{escape(c)}</td>' for c in cells)}</tr>"
        )
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _bar(name: str, parts: dict[str, float]) -> str:
    """One step as a bar of its parts."""
    whole = sum(max(0.0, parts[part]) for part in PARTS) or 1.0
    pieces, x = [], 0.0
    for part, colour in zip(PARTS, COLOURS, strict=True):
        wide = max(0.0, parts[part]) / whole * (WIDTH - 120)
        pieces.append(
            f'<rect x="{120 + x:.1f}" y="4" width="{wide:.1f}" height="20" fill="{colour}">'
            f"<title>{escape(part)}: {parts[part]:.2f} ms</title></rect>"
        )
        x += wide
    label = f'<text class="name" x="0" y="19">{escape(name)}</text>'
    return f'<svg viewBox="0 0 {WIDTH} 28" role="img">{label}{"".join(pieces)}</svg>'


def _legend() -> str:
    marks = (
        f'<i style="background:{colour}"></i>{escape(part)}' for part, colour in zip(PARTS, COLOURS, strict=True)
    )
    return f'<p class="legend">{" ".join(marks)}</p>'


def _curve(points: Sequence[dict[str, float]]) -> str:
    """Speed over length, lengths on a logarithmic scale."""
    lengths, speeds = [p["length"] for p in points], [p["vectors_per_second"] for p in points]
    low, high, most = math.log(min(lengths)), math.log(max(lengths)), max(speeds)

    def place(length: float, speed: float) -> tuple[float, float]:
        x = SIDE + (math.log(length) - low) / ((high - low) or 1.0) * (WIDTH - 2 * SIDE)
        return x, HEIGHT - 20 - speed / most * (HEIGHT - 20 - TOP)

    parts = []
    for i in range(5):
        y = place(lengths[0], most * i / 4)[1]
        parts.append(f'<line class="grid" x1="{SIDE}" x2="{WIDTH - SIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{SIDE - 8}" y="{y + 4:.1f}" text-anchor="end">{most * i / 4:,.0f}</text>')
    drawn = [place(length, speed) for length, speed in zip(lengths, speeds, strict=True)]
    for (x, y), length, speed in zip(drawn, lengths, speeds, strict=True):
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 2}" text-anchor="middle">{length:g}</text>')
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{length:g}: {speed:,.0f} a second</title></circle>'
        )
    parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)}"/>')
    return f'<div class="wide"><svg viewBox="0 0 {WIDTH} {HEIGHT + 4}" role="img">{"".join(parts)}</svg></div>'


_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>attnlab bench</title>
<style>
:root { color-scheme: light dark; --ink: #202124; --soft: #5f6368; --line: #dadce0; --ground: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa0a6; --line: #3c4043; --ground: #17181a } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 960px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } p { color: var(--soft) }
.wide { overflow-x: auto } svg { width: 100%; font-size: 12px; display: block }
svg text { fill: var(--soft) } svg .name { fill: var(--ink); font-weight: 600 } svg .grid { stroke: var(--line) }
polyline { fill: none; stroke: #277f8e; stroke-width: 2 } circle { fill: #277f8e }
table { border-collapse: collapse; font-size: 14px } th, td { padding: .25em .8em; border-bottom: 1px solid var(--line); text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin: 0 .4em 0 1em }
</style></head><body>
BODY
</body></html>
"""
