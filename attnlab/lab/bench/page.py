"""The figures of `attnlab bench` as one page."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from attnlab.lab import html
from attnlab.lab.bench.sections import PARTS, Measurement

PLOT = html.Plot(height=280, top=20)
NAMES = 120
"""Width of the names before the bars."""
COLOURS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", html.GREY)
"""Of the parts of a step, readable for the colour-blind (viridis, Smith & van der Walt 2015)."""


def page(machine: Mapping[str, str | int], data: str, sections: Mapping[str, Measurement]) -> str:
    """The HTML text. machine: what the figures depend on; data: "real" or "embedded"; sections: by name."""
    computer = ", ".join(f"{name} {value}" for name, value in machine.items())
    legend = (
        f'<i style="background:{colour}"></i>{escape(part)}' for part, colour in zip(PARTS, COLOURS, strict=True)
    )
    body = [
        "<h1>How fast attnlab trains here</h1>",
        f"<p>{escape(computer)} · {escape(data)} data</p>",
        _table(sections),
        "<h2>What a training step goes to</h2>",
        "<p>Milliseconds; rest: norms, residuals, gradients of embedding and head.</p>",
        *(_bar(name, section.parts) for name, section in sections.items()),
        f'<p class="legend">{" ".join(legend)}</p>',
    ]
    for name, section in sections.items():
        if speeds := section.sentences_per_second:
            listed = ", ".join(f"{how} {speed:,.0f}" for how, speed in speeds.items())
            body.append(f"<h2>{escape(name)}: sentences written per second</h2>")
            body.append(f"<p>{escape(listed)}; as long as the right ones.</p>")
    for name, section in sections.items():
        if section.by_length:
            body.append(f"<h2>{escape(name)}: {escape(section.unit)} per second against length</h2>")
            body.append("<p>The encoder alone, forward and backward, on sets of one length.</p>")
            body.append(_curve(section.by_length))
    return html.document("attnlab bench", body, _STYLE)


def _table(sections: Mapping[str, Measurement]) -> str:
    heads = (
        "section", "a second, in a step", "in all of train", "step, ms", "share of peak", "of torch.mm's", "memory, MiB"
    )  # fmt: skip
    rows = []
    for name, section in sections.items():
        fractions = (section.share_of_peak, section.share_of_torch)
        cells = (
            f"{section.vectors_per_second:,.0f} {section.unit}", f"{section.train_vectors_per_second:,.0f}",
            f"{section.step_ms:.1f}", *("" if value is None else f"{value:.2f}" for value in fractions),
            f"{section.memory_mib:,.0f}",
        )  # fmt: skip
        rows.append(f"<tr><td>{escape(name)}</td>{html.numbers(cells)}</tr>")
    return html.table(heads, rows)


def _bar(name: str, parts: Mapping[str, float]) -> str:
    """One step as a bar of its parts."""
    total = sum(max(0.0, parts[part]) for part in PARTS) or 1.0
    pieces, x = [], 0.0
    for part, colour in zip(PARTS, COLOURS, strict=True):
        width = max(0.0, parts[part]) / total * (PLOT.width - NAMES)
        pieces.append(
            f'<rect x="{NAMES + x:.1f}" y="4" width="{width:.1f}" height="20" fill="{colour}">'
            f"<title>{escape(part)}: {parts[part]:.2f} ms</title></rect>"
        )
        x += width
    label = f'<text class="name" x="0" y="19">{escape(name)}</text>'
    return f'<svg viewBox="0 0 {PLOT.width} 28" role="img">{label}{"".join(pieces)}</svg>'


def _curve(speeds: Sequence[Mapping[str, float]]) -> str:
    """Speed over length, lengths on a logarithmic scale."""
    logs = [math.log(speed["length"]) for speed in speeds]
    low, high = min(logs), max(logs)
    fastest = max(speed["vectors_per_second"] for speed in speeds)

    def height(speed: float) -> float:
        return PLOT.bottom - speed / fastest * (PLOT.bottom - PLOT.top)

    parts = [PLOT.grid_line(height(fastest * i / 4), f"{fastest * i / 4:,.0f}") for i in range(5)]
    points = []
    for log, speed in zip(logs, speeds, strict=True):
        x, y = PLOT.across((log - low) / ((high - low) or 1.0)), height(speed["vectors_per_second"])
        points.append(f"{x:.1f},{y:.1f}")
        title = f"<title>{speed['length']:g}: {speed['vectors_per_second']:,.0f} a second</title>"
        parts.append(PLOT.label_below(x, f"{speed['length']:g}"))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4">{title}</circle>')
    parts.append(f'<polyline points="{" ".join(points)}"/>')
    return PLOT.drawing(parts)


_STYLE = """\
svg { display: block } polyline { stroke: #277f8e } circle { fill: #277f8e }
.legend i { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin: 0 .4em 0 1em }
"""
