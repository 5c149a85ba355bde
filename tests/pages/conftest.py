"""Pages made of a few lines of a template, opened in the browser."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from browser import Opened, browser  # noqa: F401
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import Browser

from attnlab.pages import page as pages

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
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:  # noqa: F811
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
