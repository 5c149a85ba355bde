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
