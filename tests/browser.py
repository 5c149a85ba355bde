"""Pages in a real browser: Debian's Chromium, headless, driven by playwright."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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

    def _requested(self, url: str) -> None:
        if url != self.url and not url.startswith(("data:", "blob:")):
            self.troubles.append(f"asked for {url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()
