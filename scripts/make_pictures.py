"""The pictures of docs/: trains a small run of each kind for a minute and takes screenshots of its pages.

    .venv/bin/python scripts/make_pictures.py docs/pictures

Needs Debian's chromium and the package playwright (in the extra `dev`).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

SENTENCE = "the tired workers who the old teacher often sees rarely answer"
RUNS = {
    "words": (["task=pos", "trainer.epochs=4"], [SENTENCE]),
    "translation": (["task=translation", "trainer.epochs=3"], ["--example", "FIRST"]),
    "sound": (["task=keywords", "trainer.epochs=4"], ["--example", "FIRST"]),
    "picture": (["task=digits", "trainer.epochs=6"], ["--example", "FIRST"]),
    "graph": (["task=graph", "trainer.epochs=4"], ["--example", "FIRST"]),
}
"""Of each page of `inspect`: the words of `attnlab train`, and what is inspected; FIRST: the first test example."""
VIEWS = {"1280-light": (1280, "light"), "390-dark": (390, "dark")}
HEIGHT = 1500
"""Pixels of a page that are kept."""


def attnlab(*words: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "attnlab", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def first_key(run: Path) -> str:
    """The key of the first test example."""
    with (run / "predictions-test.jsonl").open(encoding="utf-8") as lines:
        return str(json.loads(next(lines))["key"])


def pages(folder: Path) -> dict[str, Path]:
    """Every kind of page, by name."""
    made = {}
    for name, (words, asked) in RUNS.items():
        run = folder / name
        attnlab("train", *words, f"folder={run}", folder=folder)
        asked = [first_key(run) if word == "FIRST" else word for word in asked]
        made[f"inspect-{name}"] = folder / f"{name}.html"
        attnlab("inspect", str(run), *asked, "--out", str(made[f"inspect-{name}"]), folder=folder)
    made["report"] = folder / "words" / "report.html"
    made["heads"] = folder / "heads.html"
    attnlab(
        "inspect",
        str(folder / "words"),
        "--split",
        "test",
        "--examples",
        "40",
        "--out",
        str(made["heads"]),
        folder=folder,
    )
    return made


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        made = pages(Path(temporary))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for name, path in made.items():
            for view, (width, theme) in VIEWS.items():
                context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=theme)
                page = context.new_page()
                page.goto(path.as_uri())
                page.wait_for_timeout(2000)
                page.screenshot(path=out / f"{name}-{view}.png")
                context.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
