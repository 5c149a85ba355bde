"""The page of a comparison in a real browser."""

from pathlib import Path

import pytest
from browser import Open, needs_browser

from attnlab.lab.compare.outcome import Judged, Outcome, Trained
from attnlab.lab.compare.page import page, table
from attnlab.lab.compare.positions import Positions
from attnlab.lab.compare.rules import Larger
from attnlab.lab.compare.work import Comparison

pytestmark = needs_browser
EVIL = "<script>document.title = 'evil'</script>"


def outcome() -> Outcome:
    """Every statement of a claim with made-up values."""
    claim = Positions()
    decisions = [Larger(0.1).decide([0.2, 0.3, 0.25, 0.2, shift]) for shift in (0.22, 0.0, -0.2)]
    judged = [Judged(statement, decisions[n % 3]) for n, statement in enumerate(claim.statements)]
    arm = Trained(EVIL, 30_000, 32, 0.005, "accuracy", (0.9, 0.01), 12.0, "attnlab train data=copying")
    return Outcome(
        "positions",
        "Self-attention knows no order.",
        claim,
        5,
        judged,
        (),
        [arm],
        [EVIL],
        "attnlab compare positions",
    )


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_loads_nothing_and_shows_every_verdict(opened: Open, width: int, dark: bool) -> None:
    found = outcome()
    shown = opened(page(Comparison(Path("x"), False, 5), [found]), width, dark)
    rows = shown.page.locator("#verdicts tbody tr")
    assert rows.count() == len(found.judged) and "holds" in rows.first.inner_text()
    assert shown.page.locator(".statement svg").count() == len(found.judged)
    assert shown.page.title() == "The textbook, measured" and shown.troubles == []
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_prints(opened: Open) -> None:
    """On paper, of A4's width, nothing is cut off."""
    shown = opened(page(Comparison(Path("x"), False, 5), [outcome()]), 720)
    shown.page.emulate_media(media="print")
    assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert len(shown.page.pdf(format="A4")) > 10_000


def test_the_table_has_a_row_for_each_statement() -> None:
    lines = table([outcome()]).splitlines()
    assert len(lines) == 2 + len(Positions.statements) and all(line.count(" | ") == 4 for line in lines)
