"""The page of a comparison as a reader uses it, on every screen."""

from dataclasses import replace
from pathlib import Path

import pytest
from browser import VIEWS, Open, needs_browser
from test_compare_browser import outcome

from attnlab.lab.compare.claim import Figure, band, legend
from attnlab.lab.compare.page import page
from attnlab.lab.compare.work import Comparison
from attnlab.pages.charts import lines

pytestmark = needs_browser


def text() -> str:
    """A page with every part: statements, figures, and what was trained."""
    length = [float(2**i) for i in range(3, 9)]
    curves = [
        band(f"arm {colour}", length, [[1 / (x + seed) ** colour for x in length] for seed in range(3)], colour)
        for colour in (1, 2, 3)
    ]
    figure = Figure("Accuracy against length", lines(curves, "accuracy against length"), legend(curves))
    return page(Comparison(Path("x"), False, 5), [replace(outcome(), figures=[figure])])


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_it_can_be_used_and_read(width: int, dark: bool, opened: Open) -> None:
    one = opened(text(), width, dark)
    one.press_everything()
    assert one.flaws() == []
    one.point_at_charts()
    assert one.troubles == []
    assert one.page.locator("details pre").first.is_visible()


def test_a_seed_that_is_pointed_at_tells_its_value(opened: Open) -> None:
    one = opened(text())
    dots = one.page.locator(".statement").first.locator(".point")
    dots.first.hover()
    assert one.page.locator(".tip").inner_text().startswith("seed 1: ")
    dots.last.hover()
    assert one.page.locator(".tip").inner_text().startswith("mean ")
    one.page.hover("h1")
    assert not one.page.locator(".tip").is_visible() and one.troubles == []
