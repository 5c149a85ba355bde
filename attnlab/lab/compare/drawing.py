"""Small drawings: which vector depends on which, words in a plane, and the values of a statement with their interval."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from attnlab.lab.compare.rules import Decision
from attnlab.pages.charts import Axis, Points, scatter

BETWEEN, HIGH, MARGIN = 26, 64, 14
"""Pixels from one vector to the next, from one layer to the next, and around."""
Sees = Callable[[int, int], bool]
"""Whether the vector at the first place depends directly on that at the second, in the layer below."""


def layers(pictures: Sequence[tuple[str, Sees]], vectors: int = 7, depth: int = 2) -> Markup:
    """For each name, `depth` layers of vectors with a line wherever one depends on another; what the last vector depends on, through
    all layers, is emphasised."""
    wide, high = (vectors - 1) * BETWEEN + 2 * MARGIN, depth * HIGH + 2 * MARGIN + 18
    return Markup('<div class="figures layers">{}</div>').format(
        Markup("").join(_picture(name, sees, vectors, depth, wide, high) for name, sees in pictures)
    )


def _picture(name: str, sees: Sees, vectors: int, depth: int, wide: int, high: int) -> Markup:
    parts, reached = [], {vectors - 1}
    for layer in range(depth, 0, -1):
        top, bottom = MARGIN + (depth - layer) * HIGH, MARGIN + (depth - layer + 1) * HIGH
        below: set[int] = set()
        for one in range(vectors):
            for other in range(vectors):
                if sees(one, other):
                    kind = "curve s1" if one in reached else "grid"
                    parts.append(
                        f'<line class="{kind}" x1="{_x(one)}" y1="{top}" x2="{_x(other)}" y2="{bottom}"/>'
                    )
                    below |= {other} if one in reached else set()
        parts += [_dot(one, top, one in reached) for one in range(vectors)]
        reached = below
    parts += [_dot(one, MARGIN + depth * HIGH, one in reached) for one in range(vectors)]
    parts.append(f'<text x="{wide / 2}" y="{high - 2}" text-anchor="middle">{Markup.escape(name)}</text>')
    drawn = Markup("".join(parts))  # numbers, and a name that was escaped
    label = f"{name}: which vectors the last one depends on through {depth} layers"
    return Markup(
        '<div class="chart"><svg viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg></div>'
    ).format(wide, high, wide, high, label, drawn)


def _x(place: int) -> int:
    return MARGIN + place * BETWEEN


def _dot(place: int, y: int, reached: bool) -> str:
    fill = "var(--series-1)" if reached else "var(--line)"
    return f'<circle cx="{_x(place)}" cy="{y}" r="4.5" fill="{fill}"/>'


Word = tuple[str, float, float, int]
"""What is written, where from 0 to 1 to the right and downwards, and the number of its colour."""


def plane(pictures: Sequence[tuple[str, Sequence[Word]]]) -> Markup:
    """For each name, words at their places in a plane."""
    return Markup('<div class="figures layers">{}</div>').format(
        Markup("").join(_plane(name, words) for name, words in pictures)
    )


def _plane(name: str, words: Sequence[Word]) -> Markup:
    parts, side = list[str](), 160
    for word, right, down, colour in words:
        x, y = MARGIN + right * side, MARGIN + down * (side - 30)
        parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4.5" fill="var(--series-{colour})"/>')
        parts.append(f'<text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">{Markup.escape(word)}</text>')
    wide, high = side + 2 * MARGIN, side + 2 * MARGIN + 18
    parts.append(f'<text x="{wide / 2}" y="{high - 2}" text-anchor="middle">{Markup.escape(name)}</text>')
    drawn = Markup("".join(parts))  # numbers, and words that were escaped
    return Markup(
        '<div class="chart"><svg viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">{}</svg></div>'
    ).format(wide, high, wide, high, f"{name}: words at their places", drawn)


def strip(quantity: str, decision: Decision) -> Markup:
    """Each seed as a dot, beside the mean with its interval."""
    assert decision.mean is not None
    seeds = [f"seed {number}: {value:.4g}" for number, value in enumerate(decision.values, 1)]
    across = list(range(1, len(decision.values) + 1))
    last = len(decision.values) + 1
    ticks = [*((float(number), str(number)) for number in across), (float(last), "mean")]
    return scatter(
        [
            Points("seeds", across, decision.values, colour=1, titles=seeds),
            Points(
                "mean", [last], [decision.mean], [decision.low], [decision.high], colour=2,
                titles=[f"mean {decision.mean:.4g}, {decision.low:.4g} to {decision.high:.4g}"],
            ),
        ],
        quantity, Axis("seed", low=0.5, high=last + 0.5, ticks=ticks), Axis(), width=340, height=200,
    )  # fmt: skip
