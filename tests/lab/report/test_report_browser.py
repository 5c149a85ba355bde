"""The pages in a real browser: cells of the confusion matrix show their examples, tables sort, nothing is loaded."""

from pathlib import Path

import numpy as np
import pytest
from browser import Opened, needs_browser
from markupsafe import Markup
from playwright.sync_api import Browser
from test_run_pages import EVIL, evil_lines, strangers_run

from attnlab.data.contract import Drawing
from attnlab.lab.pictures import svg
from attnlab.lab.report import page, several
from attnlab.lab.report.examples import uri, wav
from attnlab.lab.report.facts import gather
from attnlab.pages.page import packed
from attnlab.pages.page import page as html

pytestmark = needs_browser
LABELS = ["sunny", EVIL]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The page of a run, and that of two, of hostile texts."""
    folder = tmp_path_factory.mktemp("pages")
    lines = evil_lines(LABELS)
    runs = [strangers_run(folder, "one", LABELS, lines)]
    runs.append(strangers_run(folder, "two", LABELS, [{**line, "predicted": line["gold"]} for line in lines]))
    single, pair = folder / "single.html", folder / "pair.html"
    single.write_text(page.render(gather(runs[0])), encoding="utf-8")
    pair.write_text(several.render([(EVIL, runs[:1]), ("B", runs[1:])], None, False), encoding="utf-8")
    return single, pair


def within_window(opened: Opened) -> bool:
    return bool(opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_a_cell_shows_its_examples(browser: Browser, written: tuple[Path, Path], width: int, dark: bool) -> None:
    opened = Opened(browser, written[0], width, dark)
    cell = opened.page.locator('#matrix [data-cell="1"]')
    count = int(cell.inner_text())
    assert opened.page.locator("#chosen li").count() == 0
    assert cell.evaluate("e => getComputedStyle(e).backgroundColor") != "rgba(0, 0, 0, 0)", "shares are colours"
    cell.click()
    shown = opened.page.locator("#chosen .examples > li")
    assert shown.count() == min(12, count) == 10
    assert "predicted: sunny" in shown.first.inner_text() and EVIL in shown.first.inner_text()
    assert cell.get_attribute("aria-pressed") == "true"
    cell.press("ArrowLeft")
    opened.page.keyboard.press("Enter")
    assert opened.page.locator('#matrix [data-cell="0"]').get_attribute("aria-pressed") == "true"
    assert "predicted as <script>" in opened.page.locator("#chosen h3").inner_text()
    assert within_window(opened) and opened.troubles == []


def test_tables_sort(browser: Browser, written: tuple[Path, Path]) -> None:
    opened = Opened(browser, written[0], 1280, False)
    table = opened.page.locator('section[aria-labelledby="configuration"] table').first
    names = table.locator("tbody td:first-child").all_inner_texts()
    for order in (sorted(names), sorted(names, reverse=True)):
        table.locator("th button").first.click()
        found = table.locator("tbody td:first-child").all_inner_texts()
        assert found[0] == order[0] and found[-1] == order[-1]
    assert len(names) > 2 and opened.troubles == []


def test_two_runs_open(browser: Browser, written: tuple[Path, Path]) -> None:
    opened = Opened(browser, written[1], 390, True)
    assert "B is better than A" in opened.page.locator("main").inner_text()
    assert opened.page.locator(".examples > li").count() == 15
    assert within_window(opened) and opened.troubles == [] and opened.page.title() == "Runs side by side"


def test_media_reach_their_places(browser: Browser, tmp_path: Path) -> None:
    """A picture and a sound, as a page holds them, are drawn and can be played."""
    drawing = svg(Drawing(["C", "O"], np.array([[0, 1]])))
    media = [
        {"kind": "image", "uri": uri("image/svg+xml", drawing.encode())},
        {"kind": "audio", "uri": uri("audio/wav", wav(np.arange(800, dtype=np.int16), 8000))},
    ]
    one = {
        "key": "k",
        "before": "",
        "word": "",
        "after": "",
        "gold": "a",
        "predicted": "b",
        "probability": None,
        "note": "",
        "alternatives": [],
        "command": "c",
        "wrong_by": "",
    }
    shown = {"count": 2, "examples": 2, "first": "f", "shown": [{**one, "media": 0}, {**one, "media": 1}]}
    values = {
        "heading": "h",
        "about": [],
        "notes": [],
        "cards": [],
        "inputs": "",
        "contents": [],
        "sections": [page.Section("errors", "Errors", shown)],
        "examples": Markup(packed({"shown": [], "cells": {}, "media": media}, {})),
    }
    path = tmp_path / "page.html"
    path.write_text(html("report.html", "t", values, ["report.js"]), encoding="utf-8")
    opened = Opened(browser, path, 1280, False)
    opened.page.wait_for_selector("audio")
    opened.wait("document.querySelector('audio').duration > 0")
    assert opened.page.evaluate("document.querySelector('audio').duration") == pytest.approx(0.1)
    assert opened.page.evaluate("document.querySelector('.medium img').naturalWidth") > 0 and opened.troubles == []
