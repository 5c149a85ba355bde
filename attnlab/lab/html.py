"""Pages that need nothing else, not even the network, and may be mailed.

Every word that stands in one is escaped, and its own content policy forbids it to load or send anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

GREY = "#9aa0a6"


def document(title: str, body: Iterable[str], style: str = "", script: str = "") -> str:
    """The text of a page. body: its elements, in HTML; style, script: of this page alone."""
    policy = "default-src 'none'; style-src 'unsafe-inline'" + ("; script-src 'unsafe-inline'" if script else "")
    elements = [*body, f"<script>\n{script}</script>"] if script else body
    return _HTML.format(policy=policy, title=escape(title), style=_STYLE + style, body="\n".join(elements))


def table(heads: Sequence[str], rows: Iterable[str]) -> str:
    """rows: elements `<tr>`."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def numbers(texts: Iterable[str]) -> str:
    """Cells of a row, each with a number."""
    return "".join(f'<td class="number">{escape(text)}</td>' for text in texts)


@dataclass(frozen=True)
class Plot:
    """A drawing with an area for curves, `side` from its left and right edge; all in its own units, y downwards."""

    height: int
    top: int
    width: int = 920
    side: int = 70

    @property
    def bottom(self) -> int:
        return self.height - 20

    def across(self, fraction: float) -> float:
        """x at a fraction of the area's width."""
        return self.side + fraction * (self.width - 2 * self.side)

    def grid_line(self, y: float, label: str) -> str:
        return (
            f'<line class="grid" x1="{self.side}" x2="{self.width - self.side}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{self.side - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(label)}</text>'
        )

    def label_below(self, x: float, label: str) -> str:
        return f'<text x="{x:.1f}" y="{self.height - 2}" text-anchor="middle">{escape(label)}</text>'

    def drawing(self, parts: Iterable[str]) -> str:
        size = f"0 0 {self.width} {self.height + 4}"
        return f'<div class="wide"><svg viewBox="{size}" role="img">{"".join(parts)}</svg></div>'


_STYLE = """\
:root { color-scheme: light dark; --ink: #202124; --soft: #5f6368; --line: #dadce0; --ground: #fff }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #9aa0a6; --line: #3c4043; --ground: #17181a } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 960px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } p { color: var(--soft) }
.wide { overflow-x: auto } svg { width: 100%; font-size: 12px }
svg text { fill: var(--soft) } svg .name { fill: var(--ink); font-weight: 600 } svg .grid { stroke: var(--line) }
polyline { fill: none; stroke-width: 2 }
table { border-collapse: collapse; font-size: 14px } th, td { padding: .25em .8em; border-bottom: 1px solid var(--line); text-align: left }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
"""
_HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
{style}</style></head><body>
{body}
</body></html>
"""
