"""Pages in a real browser: Debian's Chromium, headless, driven by playwright."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Browser, Page, sync_playwright

from attnlab.pages import page as pages

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
VIEWS = [(1280, False), (1280, True), (390, False), (390, True)]
"""A desk and a telephone, light and dark: the widths in pixels, and whether it is dark."""
FLAWS = """() => {
  const found = [], wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) found.push(`the page is ${wide} pixels wide, the window ${innerWidth}`);
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((part) => (part <= 10 ? part / 3295 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour.startsWith("rgb") && (parts(colour)[3] ?? 1) > 0.9) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(" ").trim();
    if (!own || ["SCRIPT", "STYLE", "OPTION"].includes(element.tagName) || element.disabled || !element.checkVisibility({ visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2) continue; // for screen readers alone
    const style = getComputedStyle(element), within = element.ownerSVGElement;
    const colour = within ? style.fill : style.color;
    if (!colour.startsWith("rgb") || within?.classList.contains("graph")) continue; // names of nodes stand on their discs
    const two = [light(colour), light(ground(within ? within.parentElement : element))].sort();
    const ratio = (two[1] + 0.05) / (two[0] + 0.05);
    if (ratio < 4.5) found.push(`the contrast of “${own.slice(0, 40)}” is ${ratio.toFixed(1)}`);
  }
  for (const svg of document.querySelectorAll("main svg")) {
    const texts = [...svg.querySelectorAll("text:not([transform])")].filter((text) => text.textContent.trim() && text.checkVisibility());
    const boxes = texts.map((text) => text.getBoundingClientRect()), around = svg.parentElement.getBoundingClientRect();
    boxes.forEach((one, i) => {
      if (one.left < around.left - 2 - svg.parentElement.scrollLeft || one.top < around.top - 2) found.push(`“${texts[i].textContent}” is cut`);
      boxes.forEach((other, j) => {
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (j > i && across > 2 && down > 4) found.push(`“${texts[i].textContent}” and “${texts[j].textContent}” overlap`);
      });
    });
  }
  return [...new Set(found)];
}"""
"""What can't be read: a page that is wider than its window; texts whose contrast is below 4.5 (WCAG 2.2, 1.4.3); names within
drawings that lie on each other, or beyond an edge to which nobody can scroll."""
PRESS = """() => {
  const idle = [];
  for (const details of document.querySelectorAll("details")) if (!details.open) details.querySelector("summary").click();
  const buttons = [...document.querySelectorAll("main button:not([data-save], .copy, [aria-pressed=true])")];
  for (const button of buttons) {
    if (button.disabled || !button.offsetParent) continue;
    const before = document.body.innerHTML;
    button.click();
    if (document.body.innerHTML === before) idle.push(button.outerHTML);
  }
  for (const details of document.querySelectorAll("details")) details.open = true;
  return idle;
}"""
"""Opens all that can be opened, and presses every button that isn't pressed; gives those that changed nothing."""


class Opened:
    """A page from disk. troubles: errors on its console, and whatever it tried to load besides itself."""

    def __init__(self, browser: Browser, path: Path, width: int, dark: bool) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        self.page: Page = context.new_page()
        self.troubles: list[str] = []
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.troubles.append(m.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url))
        self.url = path.resolve().as_uri()
        self.page.goto(self.url)

    def flaws(self) -> list[str]:
        """What can't be read, a sentence each."""
        found: list[str] = self.page.evaluate(FLAWS)
        return found

    def press_everything(self) -> None:
        """Open and press all there is: each button changes something."""
        assert self.page.evaluate(PRESS) == []

    def point_at_charts(self) -> None:
        """Each chart tells the numbers of a mark at the keyboard, and shows which it is."""
        for chart in self.page.locator(".chart svg:has([data-tip])").all():
            before = chart.inner_html()
            chart.press("End")
            assert self.page.locator(".tip").inner_text().strip() and chart.inner_html() != before
            self.page.keyboard.press("Escape")

    def wait(self, condition: str) -> None:
        """Until an expression of JavaScript is true; asked from here: a page's own policy forbids it to evaluate text,
        which playwright's `wait_for_function` makes it do."""
        deadline = time.monotonic() + 30
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"still not true after 30 seconds: {condition}"
            time.sleep(0.02)

    def _requested(self, url: str) -> None:
        if url != self.url and not url.startswith(("data:", "blob:")):
            self.troubles.append(f"asked for {url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


Open = Callable[..., Opened]
BASE = '{% extends "base.html" %}{% import "parts.html" as parts %}'


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The text of a page with a body, of parts of a template, and its data."""

    def made(body: str, values: dict[str, object], data: str = "", scripts: Sequence[str] = ()) -> str:
        text = f"{BASE}{{% block body %}}{body}{{% endblock %}}{{% block data %}}{data}{{% endblock %}}"
        loader = ChoiceLoader([pages._templates.loader, DictLoader({"made.html": text})])
        monkeypatch.setattr(pages._templates, "loader", loader)
        monkeypatch.setattr(pages._templates, "cache", None)
        return pages.page("made.html", str(values.get("heading", "made")), values, scripts)

    return made


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the text of a page; at the end, all of them are closed."""
    all_of_them: list[Opened] = []

    def shown(text: str, width: int = 1280, dark: bool = False) -> Opened:
        path = tmp_path / f"{len(all_of_them)}.html"
        path.write_text(text, encoding="utf-8")
        all_of_them.append(Opened(browser, path, width, dark))
        return all_of_them[-1]

    yield shown
    for one in all_of_them:
        one.page.context.close()
