"""The figures of `attnlab bench` as one page."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from attnlab.lab.bench.sections import PARTS, Measurement
from attnlab.pages.charts import Axis, Colour, Curve, lines, stacked
from attnlab.pages.page import page as rendered

COLOURS: dict[str, Colour] = dict(zip(PARTS, (5, 8, 6, 1, 3, 4, 2, "var(--faint)"), strict=True))
"""Of the parts of a step: numbers of series, grey for the rest."""
HEADS = (
    "section",
    "a second, in a step",
    "in all of train",
    "step, ms",
    "share of peak",
    "of torch.mm's",
    "memory, MiB",
)


def page(machine: Mapping[str, str | int], data: str, sections: Mapping[str, Measurement]) -> str:
    """The HTML text. machine: what the figures depend on; data: "real" or "embedded"; sections: by name."""
    steps = [(name, [section.parts[part] for part in PARTS]) for name, section in sections.items()]
    values = {
        "facts": [*(f"{name} {value}" for name, value in machine.items()), f"{data} data"],
        "heads": HEADS,
        "rows": [_row(name, section) for name, section in sections.items()],
        "legend": list(COLOURS.items()),
        "steps": stacked(steps, list(COLOURS.items()), "Shares of the parts of a training step", "ms"),
        "decoding": [
            (name, ", ".join(f"{how}: {speed:,.0f}" for how, speed in section.sentences_per_second.items()))
            for name, section in sections.items()
            if section.sentences_per_second
        ],
        "by_length": [
            (name, _curve(section.unit, section.by_length))
            for name, section in sections.items()
            if section.by_length
        ],
    }
    return rendered("bench.html", "attnlab bench", values)


def _row(name: str, section: Measurement) -> list[str]:
    fractions = (section.share_of_peak, section.share_of_torch)
    return [
        name, f"{section.vectors_per_second:,.0f} {section.unit}", f"{section.train_vectors_per_second:,.0f}",
        f"{section.step_ms:.1f}", *("" if value is None else f"{value:.2f}" for value in fractions),
        f"{section.memory_mib:,.0f}",
    ]  # fmt: skip


def _curve(unit: str, speeds: Sequence[Mapping[str, float]]) -> Markup:
    """Speed over length, lengths on a logarithmic scale."""
    lengths, speed = ([one[name] for one in speeds] for name in ("length", "vectors_per_second"))
    titles = [f"{length:g}: {each:,.0f} a second" for length, each in zip(lengths, speed, strict=True)]
    ticks = [(length, f"{length:g}") for length in lengths]
    curve = Curve(unit, lengths, speed, points=True, titles=titles)
    x = Axis("length", log=True, ticks=ticks)
    return lines([curve], f"{unit} per second against length", x, Axis(f"{unit} per second", low=0), 480, 280)
