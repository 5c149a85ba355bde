"""Charts as SVG within a page: curves, bars, histograms, points against each other, stacked bars.

Every function returns `Markup` that a template writes as it is; every text in it is escaped. `label` says what the chart shows
to those who don't see it; each mark has a `<title>` that appears where one points, and with scripts at the arrow keys, too. Colours
are variables of `style.css`, so that a chart follows the page from light to dark. Values that are None or not finite are left out.
"""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeGuard

from markupsafe import Markup

from attnlab.pages.page import visible

Value = float | None
SMALLEST, LARGEST = 1e-300, 1e300
"""What is larger is left out as what is infinite is; what is smaller is 0."""
Colour = int | str
"""The number of a series from 1, or any colour of CSS."""
SERIES = 8
"""Colours of series that `style.css` has; then they are used again."""
LETTER = 6.6
"""Mean width of a letter in units of a drawing; of East Asian ones twice as much."""
LONGEST = 30
"""Letters of a name that are drawn; all of them stand in its title."""


@dataclass(frozen=True)
class Axis:
    """label: what is measured, with its unit. log: whether on a logarithmic scale. low, high: the ends, where the values shall not
    say them. percent: fractions are written as percentages. ticks: (value, text) to be written instead of round numbers."""

    label: str = ""
    log: bool = False
    low: float | None = None
    high: float | None = None
    percent: bool = False
    ticks: Sequence[tuple[float, str]] | None = None


@dataclass(frozen=True)
class Curve:
    """One line. x, y: of its points. low, high: of an interval at each point, drawn as a band. titles: texts of the points, else
    their name and numbers. points: whether each is marked; None: where there are at most 40. key: what scripts know the curve by."""

    name: str
    x: Sequence[Value]
    y: Sequence[Value]
    low: Sequence[Value] | None = None
    high: Sequence[Value] | None = None
    colour: Colour | None = None
    dashed: bool = False
    points: bool | None = None
    titles: Sequence[str] | None = None
    key: str | None = None


@dataclass(frozen=True)
class Points:
    """Marks of one colour. low, high: of an interval of y at each. sizes: radii. titles, keys: one for each."""

    name: str
    x: Sequence[Value]
    y: Sequence[Value]
    low: Sequence[Value] | None = None
    high: Sequence[Value] | None = None
    sizes: Sequence[float] | None = None
    colour: Colour | None = None
    titles: Sequence[str] | None = None
    keys: Sequence[str] | None = None


@dataclass(frozen=True)
class Series:
    """A bar for each group; low, high: the ends of its interval."""

    name: str
    values: Sequence[Value]
    low: Sequence[Value] | None = None
    high: Sequence[Value] | None = None
    colour: Colour | None = None
    titles: Sequence[str] | None = None


def lines(
    curves: Sequence[Curve],
    label: str,
    x: Axis = Axis(),
    y: Axis = Axis(),
    width: int = 720,
    height: int = 300,
    diagonal: bool = False,
) -> Markup:
    """Curves over a common axis. diagonal: whether y = x is drawn, too."""
    drawn = [(curve, _drawable(curve.x, curve.y, x, y)) for curve in curves]
    across = [point[1] for _, points in drawn for point in points]
    up = [value for _, points in drawn for point in points for value in point[2:]]
    up += [
        value
        for curve, _ in drawn
        for end in (curve.low, curve.high)
        if end is not None
        for value in end
        if _known(value)
    ]
    if not across:
        return empty(label)
    frame = _Frame(x, y, across, up, width, height)
    parts = [*frame.axes(), *([frame.diagonal()] if diagonal else [])]
    bands, strokes, marks = [], [], []
    for number, (curve, points) in enumerate(drawn, 1):
        colour = _colour(curve.colour or number)
        if curve.low is not None and curve.high is not None:
            bands += [_band(frame, run, curve.low, curve.high, colour) for run in _runs(points)]
        key = f' data-key="{_text(curve.key)}"' if curve.key is not None else ""
        for run in _runs(points):
            path = "M" + "L".join(f"{frame.at_x(px):.1f} {frame.at_y(py):.1f}" for _, px, py in run)
            dashed = " dashed" if curve.dashed else ""
            strokes.append(
                f'<path class="curve{dashed}{colour.words}"{colour.style}{key} d="{path}">{_title(curve.name)}</path>'
            )
            if curve.points or (curve.points is None and len(points) <= 40) or len(run) == 1:
                for i, px, py in run:
                    title = curve.titles[i] if curve.titles else f"{curve.name}: {frame.said(px, py)}"
                    marks.append(_mark(frame.at_x(px), frame.at_y(py), 3, colour, title, key))
    return _drawing(width, height, label, [*parts, *bands, *strokes, *marks])


def scatter(
    groups: Sequence[Points],
    label: str,
    x: Axis = Axis(),
    y: Axis = Axis(),
    width: int = 440,
    height: int = 360,
    diagonal: bool = False,
) -> Markup:
    """Points against each other, with intervals of y where there are any. diagonal: whether y = x is drawn, as calibration needs."""
    drawn = [(group, _drawable(group.x, group.y, x, y)) for group in groups]
    across = [point[1] for _, points in drawn for point in points]
    up = [point[2] for _, points in drawn for point in points]
    up += [
        value
        for group, _ in drawn
        for end in (group.low, group.high)
        if end is not None
        for value in end
        if _known(value)
    ]
    if not across:
        return empty(label)
    frame = _Frame(x, y, across, up, width, height)
    parts = [*frame.axes(), *([frame.diagonal()] if diagonal else [])]
    for number, (group, points) in enumerate(drawn, 1):
        colour = _colour(group.colour or number)
        for i, px, py in points:
            here = frame.at_x(px)
            low, high = _interval(group.low, group.high, i)
            if low is not None and high is not None:
                parts.append(_whisker(here, frame.at_y(low), here, frame.at_y(high)))
            name = f"{group.name}: " if group.name else ""
            title = group.titles[i] if group.titles else f"{name}{frame.said(px, py)}"
            key = f' data-key="{_text(group.keys[i])}"' if group.keys else ""
            parts.append(_mark(here, frame.at_y(py), group.sizes[i] if group.sizes else 4, colour, title, key))
    return _drawing(width, height, label, parts)


def bars(
    groups: Sequence[str],
    series: Sequence[Series],
    label: str,
    value: Axis = Axis(),
    width: int = 720,
) -> Markup:
    """Bars from 0 to the right, one below the other; of several series, those of a group stand together. Intervals are whiskers."""
    thick = 16 if len(series) == 1 else 13
    each = thick * len(series) + (8 if len(series) == 1 else 12)
    left = 14 + max([_width(_shortened(name)) for name in groups], default=0)
    height = 12 + each * len(groups) + 24 + (18 if value.label else 0)
    columns = [column for one in series for column in (one.values, one.low, one.high) if column is not None]
    known = [amount for column in columns for amount in column if _known(amount)]
    if not known:
        return empty(label)
    scale = _Scale(value, [*([] if value.log else [0.0]), *known], left, width - 64)
    base = scale.at(scale.low if value.log else min(max(0.0, scale.low), scale.high))
    bottom = 8 + each * len(groups)
    parts = []
    for tick, text in scale.ticks:
        at = scale.at(tick)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="6" y2="{bottom}"/>')
        parts.append(_words(at, bottom + 16, text, "middle"))
    if value.label:
        parts.append(_words((left + width - 64) / 2, height - 4, value.label, "middle"))
    for row, name in enumerate(groups):
        top = 8 + row * each
        parts.append(_words(left - 8, top + thick * len(series) / 2 + 4, name, "end", "name"))
        for number, one in enumerate(series, 1):
            amount = one.values[row]
            if not _known(amount):
                continue
            colour, y = _colour(one.colour or number), top + (number - 1) * thick
            end = scale.at(amount)
            low, high = _interval(one.low, one.high, row)
            reach = f" ({scale.text(low)} to {scale.text(high)})" if low is not None and high is not None else ""
            who = f"{name}, {one.name}" if one.name and len(series) > 1 else name
            title = one.titles[row] if one.titles else f"{who}: {scale.text(amount)}{reach}"
            parts.append(
                f'<rect class="bar{colour.words}"{colour.style} x="{min(base, end):.1f}" y="{y}" width="{abs(end - base):.1f}" '
                f'height="{thick - 1}">{_title(title)}</rect>'
            )
            if low is not None and high is not None:
                middle = y + (thick - 1) / 2
                parts.append(_whisker(scale.at(low), middle, scale.at(high), middle))
            beyond = max([end, base, *([scale.at(high)] if high is not None else [])]) + 6
            parts.append(_words(beyond, y + thick / 2 + 3.5, scale.text(amount), "start"))
    parts.append(f'<line class="axis" x1="{base:.1f}" x2="{base:.1f}" y1="6" y2="{bottom}"/>')
    return _drawing(width, height, label, parts)


def histogram(
    values: Sequence[float],
    label: str,
    x: Axis = Axis(),
    bins: int = 24,
    width: int = 720,
    height: int = 240,
) -> Markup:
    """How many values lie in each of equal steps between round numbers; whole numbers are never divided."""
    known = [value for value in values if _known(value)]
    if not known:
        return empty(label)
    low, high = min(known), max(known)
    whole = all(float(value).is_integer() for value in known)
    largest = max(abs(low), abs(high))
    if high - low > max(1e-9 * largest, SMALLEST):
        step = _round_step((high - low) / bins)
    else:
        step = _round_step(largest) if largest > SMALLEST else 1.0
    if whole:
        step = max(1.0, math.ceil(step))
    first = math.floor(low / step)
    counts = [0] * (math.floor(high / step) - first + 1)
    for value in known:
        counts[min(len(counts) - 1, math.floor(value / step) - first)] += 1
    edges = [(first + i) * step for i in range(len(counts) + 1)]
    ends = [edge - 0.5 for edge in edges] if whole and step == 1 else edges
    frame = _Frame(
        Axis(x.label, low=ends[0], high=ends[-1], percent=x.percent, ticks=x.ticks),
        Axis("", low=0.0), ends, [0.0, float(max(counts))], width, height,
    )  # fmt: skip
    parts = frame.axes()
    for i, count in enumerate(counts):
        if count:
            left, right, top = frame.at_x(ends[i]), frame.at_x(ends[i + 1]), frame.at_y(count)
            between = frame.x.text(edges[i])
            if not (whole and step == 1):
                between += f" to {frame.x.text(edges[i + 1] - (1 if whole else 0))}"
            parts.append(
                f'<rect class="bar s1" x="{left:.1f}" y="{top:.1f}" width="{max(0.8, right - left - 1):.1f}" '
                f'height="{frame.bottom - top:.1f}">{_title(f"{between}: {count:,}")}</rect>'
            )
    return _drawing(width, height, label, parts)


def stacked(
    rows: Sequence[tuple[str, Sequence[float]]],
    parts: Sequence[tuple[str, Colour]],
    label: str,
    unit: str = "",
    width: int = 720,
) -> Markup:
    """Bars of equal length, each divided by the shares of its parts. rows: names, and an amount of each part in `unit`, which titles give."""
    left = 14 + max([_width(_shortened(name)) for name, _ in rows], default=0)
    drawn = []
    for row, (name, amounts) in enumerate(rows):
        total = sum(max(0.0, amount) for amount in amounts) or 1.0
        at, top = float(left), 4 + row * 30
        drawn.append(_words(left - 8, top + 15, name, "end", "name"))
        for (part, colour), amount in zip(parts, amounts, strict=True):
            long = max(0.0, amount) / total * (width - left)
            chosen, share = _colour(colour), max(0.0, amount) / total
            title = f"{name}, {part}: {amount:.4g}{unit and ' ' + unit} ({share:.0%})"
            drawn.append(
                f'<rect class="bar{chosen.words}"{chosen.style} x="{at:.1f}" y="{top}" width="{long:.1f}" height="22">'
                f"{_title(title)}</rect>"
            )
            at += long
    return _drawing(width, 8 + 30 * len(rows), label, drawn) if rows else empty(label)


def empty(label: str) -> Markup:
    """What stands where there is nothing to draw."""
    return Markup('<p class="empty">{}: there is nothing to draw.</p>').format(visible(label))


@dataclass(frozen=True)
class _Chosen:
    words: str
    style: str


def _colour(colour: Colour) -> _Chosen:
    if isinstance(colour, int):
        return _Chosen(f" s{(colour - 1) % SERIES + 1}", "")
    return _Chosen("", f' style="--c:{_text(colour)}"')


class _Scale:
    """Values to coordinates between `start` and `end`."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float, count: int = 5) -> None:
        known = [value for value in values if not axis.log or value > SMALLEST]
        low = axis.low if axis.low is not None else min(known, default=0.1)
        high = axis.high if axis.high is not None else max(known, default=1.0)
        largest = max(abs(low), abs(high))
        if high - low <= max(1e-9 * largest, SMALLEST):  # one value alone stands in the middle
            by = largest / 2 if largest > 2 * SMALLEST else 0.5
            low, high = (low / 2, high * 2) if axis.log else (low - by, high + by)
        self.log, self.percent, self.start, self.end = axis.log, axis.percent, start, end
        whole = high - low >= 2 and all(float(value).is_integer() for value in known)
        found = _log_ticks(low, high) if axis.log else _ticks(low, high, count, 1.0 if whole else 0.0)
        if axis.ticks is not None:
            found = [tick for tick, _ in axis.ticks]
        elif not axis.log:  # the axis ends at round numbers, unless its ends are given
            step = found[1] - found[0]
            low = low if axis.low is not None else min(low, math.floor(low / step + 1e-9) * step)
            high = high if axis.high is not None else max(high, math.ceil(high / step - 1e-9) * step)
            found = _ticks(low, high, count, step)
        self.low, self.high = low, high
        decimals = _decimals(found, axis.percent)
        self._decimals = decimals + 2
        texts = dict(axis.ticks or ())
        self.ticks = [
            (tick, texts[tick] if tick in texts else _number(tick, None if axis.log else decimals, axis.percent))
            for tick in found
            if low - 1e-9 * abs(low) <= tick <= high + 1e-9 * abs(high)
        ]

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            value, low, high = (math.log(number) for number in (value if value > SMALLEST else low, low, high))
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def text(self, value: float) -> str:
        """A value, more exactly than at the ticks."""
        if self.percent:
            return _number(value, 1, True)
        if float(value).is_integer() and abs(value) < 1e15:
            return f"{value:,.0f}"
        return f"{value:.4g}" if self.log else f"{value:,.{min(6, self._decimals)}f}"


class _Frame:
    """Two axes and the area between them."""

    def __init__(
        self, x: Axis, y: Axis, across: Sequence[float], up: Sequence[float], width: int, height: int
    ) -> None:
        self.top, self.bottom, self.right = (
            10 + (18 if y.label else 0),
            height - 22 - (18 if x.label else 0),
            width - 14,
        )
        self.y = _Scale(y, up, self.bottom, self.top)
        self.left = 12 + max((_width(text) for _, text in self.y.ticks), default=0)
        self.x = _Scale(x, across, self.left, self.right, max(2, (self.right - int(self.left)) // 70))
        end = max((self.x.at(tick) + _width(text) / 2 for tick, text in self.x.ticks), default=0)
        if end > width:  # a long number at the end of the axis
            self.right -= math.ceil(end - width)
            self.x = _Scale(x, across, self.left, self.right, max(2, (self.right - int(self.left)) // 70))
        self._labels, self._height = (x.label, y.label), height

    def at_x(self, value: float) -> float:
        return self.x.at(value)

    def at_y(self, value: float) -> float:
        return self.y.at(value)

    def said(self, x: float, y: float) -> str:
        """A point in words."""
        names = [f"{name} " if name else "" for name in self._labels]
        return f"{names[0]}{self.x.text(x)}, {names[1]}{self.y.text(y)}"

    def axes(self) -> list[str]:
        parts = []
        for tick, text in self.y.ticks:
            y = self.y.at(tick)
            parts.append(f'<line class="grid" x1="{self.left:.1f}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(_words(self.left - 6, y + 4, text, "end"))
        parts.append(
            f'<line class="axis" x1="{self.left:.1f}" x2="{self.right}" y1="{self.bottom}" y2="{self.bottom}"/>'
        )
        last = -math.inf
        for tick, text in self.x.ticks:
            x, half = self.x.at(tick), _width(text) / 2
            if x - half < last:  # no text over another
                continue
            last = x + half + 6
            parts.append(
                f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{self.bottom}" y2="{self.bottom + 4}"/>'
            )
            parts.append(_words(x, self.bottom + 17, text, "middle"))
        x_label, y_label = self._labels
        if x_label:
            parts.append(_words((self.left + self.right) / 2, self._height - 4, x_label, "middle"))
        if y_label:
            parts.append(_words(0, 12, y_label, "start"))
        return parts

    def diagonal(self) -> str:
        low, high = max(self.x.low, self.y.low), min(self.x.high, self.y.high)
        ends = (self.x.at(low), self.y.at(low), self.x.at(high), self.y.at(high))
        return '<line class="reference" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>'.format(*ends)


Run = list[tuple[int, float, float]]
"""Points one after the other: the number of each, x and y."""


def _drawable(x: Sequence[Value], y: Sequence[Value], across: Axis, up: Axis) -> Run:
    """The points that the axes can show."""
    pairs = enumerate(zip(x, y, strict=True))
    known = [(i, float(a), float(b)) for i, (a, b) in pairs if _known(a) and _known(b)]
    return [(i, a, b) for i, a, b in known if (a > SMALLEST or not across.log) and (b > SMALLEST or not up.log)]


def _runs(points: Run) -> list[Run]:
    """Divided where points between them are left out."""
    runs: list[Run] = []
    for point in points:
        if runs and runs[-1][-1][0] == point[0] - 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _known(value: Value) -> TypeGuard[float]:
    return value is not None and abs(value) <= LARGEST


def _interval(
    low: Sequence[Value] | None, high: Sequence[Value] | None, i: int
) -> tuple[float, float] | tuple[None, None]:
    a, b = (None if low is None else low[i]), (None if high is None else high[i])
    return (a, b) if _known(a) and _known(b) else (None, None)


def _band(frame: _Frame, run: Run, low: Sequence[Value], high: Sequence[Value], colour: _Chosen) -> str:
    inside = [(x, a, b) for i, x, _ in run for a, b in [(low[i], high[i])] if _known(a) and _known(b)]
    above = [f"{frame.at_x(x):.1f} {frame.at_y(b):.1f}" for x, _, b in inside]
    below = [f"{frame.at_x(x):.1f} {frame.at_y(a):.1f}" for x, a, _ in reversed(inside)]
    return f'<path class="band{colour.words}"{colour.style} d="M{"L".join(above + below)}Z"/>' if inside else ""


def _mark(x: float, y: float, radius: float, colour: _Chosen, title: str, key: str) -> str:
    return f'<circle class="point{colour.words}"{colour.style}{key} cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}">{_title(title)}</circle>'


def _whisker(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a stop at each end, across or upright."""
    dx, dy = (0, 4) if y1 == y2 else (4, 0)
    ends = "".join(f"M{x - dx:.1f} {y - dy:.1f}L{x + dx:.1f} {y + dy:.1f}" for x, y in ((x1, y1), (x2, y2)))
    return f'<path class="error" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}{ends}"/>'


def _words(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    short = _shortened(text)
    whole = _title(text) if short != text else ""
    kind = f' class="{kind}"' if kind else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_text(short)}{whole}</text>'


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _width(text: str) -> float:
    """Pixels. Capitals are wider than other letters, and those of East Asian scripts twice as wide."""
    return LETTER * sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else 1.4 if letter.isupper() else 1 for letter in text
    )


def _title(text: str) -> str:
    return f"<title>{_text(text)}</title>"


def _text(text: str | None) -> str:
    return str(Markup.escape(visible(text or "")))


def _drawing(width: int, height: float, label: str, parts: Iterable[str]) -> Markup:
    """Never enlarged; on a narrow page it shrinks to three quarters, then scrolls."""
    return Markup(
        f'<div class="chart"><svg viewBox="0 0 {width} {height:g}" width="{width}" '
        f'height="{height:g}" style="min-width:{width * 3 // 4}px" role="img" aria-label="{_text(label)}">{"".join(parts)}</svg></div>'
    )


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, … times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))


def _ticks(low: float, high: float, count: int, least: float = 0.0) -> list[float]:
    """About `count` round numbers between low and high, at least two; their distance is `least` or more."""
    step = max(least, _round_step((high - low) / max(1, count)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first < 1:
        return [low, high]
    return [i * step for i in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten, or where these are few also twice and five times as much."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if math.log10(high / low) >= 3 else (1, 2, 5)
    found = [f * 10.0**p for p in powers for f in factors if low * (1 - 1e-9) <= f * 10.0**p <= high * (1 + 1e-9)]
    every = max(1, math.ceil(len(found) / 8))
    return found[::every] if len(found) > 1 else [low, high]


def _decimals(ticks: Sequence[float], percent: bool) -> int:
    gaps = [b - a for a, b in pairwise(ticks) if b > a]
    smallest = (min(gaps) if gaps else abs(ticks[0]) if ticks and ticks[0] else 1.0) * (100 if percent else 1)
    return min(8, max(0, -math.floor(math.log10(smallest) + 1e-9)))


def _number(value: float, decimals: int | None, percent: bool) -> str:
    if percent:
        return f"{100 * value:,.{decimals or 0}f} %"
    if decimals is None:  # a tick of a logarithmic axis
        return f"{value:,.0f}" if 1 <= value < 1e6 and float(value).is_integer() else f"{value:.4g}"
    if value and (abs(value) >= 1e7 or abs(value) < 1e-4):
        return f"{value:.3g}"
    return f"{0.0 if value == 0 else value:,.{decimals}f}"
