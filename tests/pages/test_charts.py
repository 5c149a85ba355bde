"""Marks of a chart stand at their values, as its own axes say; every text is text."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlab.pages.charts import Axis, Curve, Points, Series, bars, histogram, lines, scatter, stacked

EVIL = "</svg><script>ran=1</script>\"'&{{ 7 * 7 }}"
NUMBERS = st.lists(st.integers(-9999, 9999), min_size=2, max_size=30, unique=True)


def drawn(markup: str) -> Element:
    return ElementTree.fromstring(markup)


def of_class(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if name in element.get("class", "").split()]


def numbers(path: str) -> list[list[tuple[float, float]]]:
    """The points of each stroke of a path."""
    pairs = [re.findall(r"(-?[\d.]+) (-?[\d.]+)", stroke) for stroke in path.split("M")[1:]]
    return [[(float(x), float(y)) for x, y in stroke] for stroke in pairs]


def read(text: str) -> float:
    return float(text.replace(",", "").removesuffix(" %")) / (100 if text.endswith("%") else 1)


def ticks(root: Element, anchor: str) -> tuple[list[float], list[float]]:
    """Places and numbers written at an axis: "middle" below, "end" to the left."""
    texts = [
        e for e in root.iter("text") if e.get("text-anchor") == anchor and re.fullmatch(r"[-\d.,e+]+( %)?", e.text)
    ]
    return [float(e.get("x" if anchor == "middle" else "y")) for e in texts], [read(e.text) for e in texts]


def value_at(root: Element, anchor: str, place: float, log: bool = False) -> float:
    """What the axis says of a place, by a line through its first and its last number."""
    places, values = ticks(root, anchor)
    places = [p - 4 for p in places] if anchor == "end" else places  # the middle of the letters
    ends = np.log(values) if log else values
    slope = (ends[-1] - ends[0]) / (places[-1] - places[0])
    found = ends[0] + (place - places[0]) * slope
    return float(np.exp(found) if log else found)


@given(NUMBERS, st.integers(-4, 4))
def test_a_curve_goes_through_its_points(values: list[int], power: int) -> None:
    y = [value * 10.0**power for value in values]
    root = drawn(lines([Curve("loss", range(len(y)), y)], "loss"))
    (curve,) = of_class(root, "curve")
    (points,) = numbers(curve.get("d"))
    span = max(y) - min(y)
    found = [value_at(root, "end", py) for _, py in points]
    assert found == pytest.approx(y, abs=span / 100)
    assert [value_at(root, "middle", px) for px, _ in points] == pytest.approx(
        list(range(len(y))), abs=len(y) / 100
    )
    assert all(0 <= px <= 720 and 0 <= py <= 300 for px, py in points)


@given(
    st.lists(st.floats(1e-3, 1e6), min_size=2, max_size=20, unique=True).filter(lambda v: max(v) > 1.2 * min(v))
)
def test_a_logarithmic_axis(values: list[float]) -> None:
    root = drawn(lines([Curve("speed", values, values)], "speed", Axis(log=True), Axis(log=True)))
    (points,) = numbers(of_class(root, "curve")[0].get("d"))
    span = np.log(max(values) / min(values))
    for (px, py), value in zip(points, values, strict=True):
        assert np.log(value_at(root, "middle", px, log=True) / value) == pytest.approx(0, abs=span / 50)
        assert np.log(value_at(root, "end", py, log=True) / value) == pytest.approx(0, abs=span / 50)


def test_what_is_not_known_is_a_gap_and_a_single_value_stands_in_the_middle() -> None:
    root = drawn(lines([Curve("a", [1, 2, 3, 4, 5], [1.0, 2.0, None, float("nan"), 3.0])], "a"))
    assert [len(numbers(curve.get("d"))[0]) for curve in of_class(root, "curve")] == [2, 1]
    assert len(of_class(root, "point")) == 3
    (point,) = of_class(drawn(lines([Curve("a", [1], [0.7])], "a", width=700, height=300)), "point")
    assert 250 < float(point.get("cx")) < 450 and 100 < float(point.get("cy")) < 200
    for nothing in (
        lines([], "a <b>"),
        lines([Curve("a", [1], [None])], "a <b>"),
        bars([], [], "a <b>"),
        histogram([], "a <b>"),
    ):
        assert nothing == '<p class="empty">a &lt;b&gt;: there is nothing to draw.</p>'


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    root = drawn(lines([Curve("a", [0, 1, 10, 100], [1, 2, -3, 4])], "a", Axis(log=True), Axis(log=True)))
    assert [e.find("title").text for e in of_class(root, "point")] == ["a: 1, 2", "a: 100, 4"]


@given(st.lists(st.floats(), min_size=1, max_size=9), st.booleans(), st.booleans())
def test_any_numbers_make_a_drawing(values: list[float], log: bool, percent: bool) -> None:
    axis = Axis(log=log, percent=percent)
    charts = [
        lines([Curve("a", values, values, values, values)], "a", axis, axis),
        scatter([Points("a", values, values, values, values)], "a", axis, axis, diagonal=True),
        bars([str(i) for i in range(len(values))], [Series("a", values, values, values)], "a", axis),
        histogram([value for value in values if abs(value) < 1e9], "a"),
    ]
    for chart in charts:
        drawn(chart)
        places = [float(n) for n in re.findall(r' (?:[xyr][12]?|c[xy]|width|height)="([^"]+)"', chart)]
        places += [
            n
            for path in re.findall(r' d="([^"]+)"', chart)
            for stroke in numbers(path)
            for pair in stroke
            for n in pair
        ]
        assert np.isfinite(places).all() and (np.abs(places) < 10_000).all()


def test_a_band_lies_between_its_ends() -> None:
    root = drawn(lines([Curve("a", [0, 1, 2], [1, 2, 3], low=[0.5, None, 2.5], high=[2, 4, 5])], "a"))
    (corners,) = numbers(of_class(root, "band")[0].get("d"))
    found = [(value_at(root, "middle", x), value_at(root, "end", y)) for x, y in corners]
    assert np.array(found) == pytest.approx(np.array([(0, 2), (2, 5), (2, 2.5), (0, 0.5)]), abs=0.05)


@given(st.lists(st.integers(-50, 100), min_size=1, max_size=6).filter(any))
def test_bars_reach_from_zero_to_their_values(values: list[int]) -> None:
    names = [f"class {i}" for i in range(len(values))]
    root = drawn(bars(names, [Series("F1", values, [v - 3 for v in values], [v + 5 for v in values])], "F1"))
    for bar, error, value in zip(of_class(root, "bar"), of_class(root, "error"), values, strict=True):
        ends = [float(bar.get("x")), float(bar.get("x")) + float(bar.get("width"))]
        near = (max([5, *values]) - min([-3, *values])) / 100
        assert [value_at(root, "middle", end) for end in ends] == pytest.approx(sorted([0, value]), abs=near)
        strokes = numbers(error.get("d"))[0]
        assert [value_at(root, "middle", x) for x, _ in strokes] == pytest.approx([value - 3, value + 5], abs=near)
        assert bar.find("title").text.endswith(f"{value} ({value - 3} to {value + 5})")


@given(
    st.lists(st.integers(-40, 400), min_size=1, max_size=60) | st.lists(st.floats(-5, 5), min_size=1, max_size=60)
)
def test_each_value_is_in_one_bar_of_a_histogram(values: list[float]) -> None:
    found = of_class(drawn(histogram(values, "lengths")), "bar")
    counts = [int(bar.find("title").text.split(": ")[1]) for bar in found]
    assert sum(counts) == len(values) and len(found) <= 26
    heights = [float(bar.get("height")) for bar in found]
    assert np.array(heights) / max(heights) == pytest.approx(np.array(counts) / max(counts), abs=0.01)
    bottoms = {round(float(bar.get("y")) + float(bar.get("height")), 1) for bar in found}
    assert max(bottoms) - min(bottoms) < 0.2


def test_a_histogram_counts_by_its_titles() -> None:
    titles = [bar.find("title").text for bar in of_class(drawn(histogram([1, 1, 2, 5], "n")), "bar")]
    assert titles == ["1: 2", "2: 1", "5: 1"]
    titles = [bar.find("title").text for bar in of_class(drawn(histogram([0, 49, 50, 99], "n", bins=2)), "bar")]
    assert titles == ["0 to 49: 2", "50 to 99: 2"]


def test_points_their_intervals_and_the_diagonal() -> None:
    share = Axis("said", low=0, high=1, percent=True)
    group = Points("", [0.1, 0.5, 0.9], [0.2, 0.5, 0.7], [0.1, 0.4, 0.6], [0.3, 0.6, 0.8], titles=["a", "b", "c"])
    root = drawn(scatter([group], "calibration", share, share, diagonal=True))
    points = [
        (value_at(root, "middle", float(p.get("cx"))), value_at(root, "end", float(p.get("cy"))))
        for p in of_class(root, "point")
    ]
    assert np.array(points) == pytest.approx(np.array([(0.1, 0.2), (0.5, 0.5), (0.9, 0.7)]), abs=0.01)
    (line,) = of_class(root, "reference")
    for end in "12":
        x, y = (float(line.get(f"{axis}{end}")) for axis in "xy")
        assert value_at(root, "middle", x) == pytest.approx(value_at(root, "end", y), abs=0.01)


def test_parts_of_a_bar_have_their_shares() -> None:
    root = drawn(
        stacked([("a", [1.0, 3.0]), ("b", [5.0, 0.0])], [("data", 1), ("attention", "#123456")], "time", "ms")
    )
    widths = [float(bar.get("width")) for bar in of_class(root, "bar")]
    assert widths[0] / widths[1] == pytest.approx(1 / 3, rel=0.01) and widths[3] == 0
    assert widths[0] + widths[1] == pytest.approx(widths[2], abs=0.2)
    assert of_class(root, "bar")[1].find("title").text == "a, attention: 3 ms (75%)"


def charts_of(text: str) -> Sequence[str]:
    axis = Axis(text)
    return [
        lines([Curve(text, [1, 2], [1, 2], titles=[text, text], key=text)], text, axis, axis),
        scatter([Points(text, [1, 2], [1, 2], titles=[text, text], keys=[text, text])], text, axis, axis),
        bars([text], [Series(text, [1])], text, axis),
        histogram([1, 2], text, axis),
        stacked([(text, [1])], [(text, text)], text, text),
    ]


@pytest.mark.parametrize("text", [EVIL, "\x1b[31mred", "\u202eabc", "שלום", "half \udc80", "長" * 40])
def test_texts_of_others_are_only_text(text: str) -> None:
    for chart in charts_of(text):
        root = drawn(chart)
        shown = text.replace("\x1b", "\u241b").replace("\udc80", "\ufffd")
        assert root.find("svg").get("aria-label") == shown
        assert {e.tag for e in root.iter()} <= {"div", "svg", "line", "text", "path", "circle", "rect", "title"}
        chart.encode("utf-8")
