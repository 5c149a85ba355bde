"""The pictures of docs/: trains a small run of each kind for a minute, sweeps and compares a little, and takes screenshots of the pages.

    .venv/bin/python scripts/make_pictures.py docs/pictures

Needs Debian's chromium and the package playwright (in the extra `dev`).
"""

import io
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from attnlab.lab.bench.page import page as bench_page
from attnlab.lab.bench.sections import Measurement

SENTENCE = "the tired workers who the old teacher often sees rarely answer"
RUNS = {
    "words": (["task=pos", "trainer.epochs=4"], [SENTENCE]),
    "translation": (["task=translation", "data.limit=4000", "trainer.epochs=5"], ["--example", "FIRST"]),
    "sound": (["task=keywords", "trainer.epochs=4"], ["--example", "FIRST"]),
    "picture": (["task=digits", "trainer.epochs=6"], ["--example", "FIRST"]),
    "graph": (["task=graph", "trainer.epochs=4"], ["--example", "FIRST"]),
}
"""Of each page of `inspect`: the words of `attnlab train`, and what is inspected; FIRST: the first test example."""
SWEEP = ["task=pos", "data.limit=300", "trainer.epochs=3", "encoder.depth=1,2", "encoder.scope=full,window:4",
         "optimizer.lr=0.001,0.01"]  # fmt: skip
BENCH = Path(__file__).parents[1] / "docs" / "performance" / "bench.json"
"""Measurements that were kept."""
VIEWS = {
    "1280-light": (1280, "light"), "1280-dark": (1280, "dark"), "390-light": (390, "light"), "390-dark": (390, "dark"),
}  # fmt: skip
WIDE = ("1280-light",)
KEPT = {"inspect-words": tuple(VIEWS), "inspect-two-runs": WIDE, "report-matrix": WIDE, "report-two-runs": WIDE}
"""Of each page, which views; of all others the first and the last."""
HEIGHT = 1500
"""Pixels of a page that are kept."""
STEP = 8
"""Each channel of a colour is rounded to so many of 256 steps, which nobody sees, and which makes files smaller."""


@dataclass(frozen=True)
class Shown:
    """A page. pressed: what is clicked before the picture is taken; top: the element with which it begins."""

    page: Path
    pressed: str = ""
    top: str = "html"


def attnlab(*words: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "attnlab", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def first_key(run: Path) -> str:
    """The key of the first test example."""
    with (run / "predictions-test.jsonl").open(encoding="utf-8") as lines:
        return str(json.loads(next(lines))["key"])


def pages(folder: Path) -> dict[str, Shown]:
    """Every kind of page, by name."""
    made = {}
    for name, (words, asked) in RUNS.items():
        attnlab("train", *words, f"folder={folder / name}", folder=folder)
        asked = [first_key(folder / name) if word == "FIRST" else word for word in asked]
        made[f"inspect-{name}"] = Shown(folder / f"{name}.html")
        attnlab("inspect", name, *asked, "--out", f"{name}.html", folder=folder)
    attnlab("train", *RUNS["words"][0], "encoder=recurrent", "folder=lstm", folder=folder)
    attnlab("inspect", "words", SENTENCE, "--compare", "lstm", "--out", "two.html", folder=folder)
    made["inspect-two-runs"] = Shown(folder / "two.html")
    attnlab("inspect", "words", "--split", "test", "--examples", "40", "--out", "heads.html", folder=folder)
    made["heads"] = Shown(folder / "heads.html")
    made["report"] = Shown(folder / "words" / "report.html")
    mistakes = "#matrix button:enabled[data-share^='0.0']"
    attnlab("report", "picture", "--with-inputs", "--out", "matrix.html", folder=folder)
    made["report-matrix"] = Shown(folder / "matrix.html", mistakes, "#confusion")
    attnlab("report", "words", "lstm", "--out", "runs.html", folder=folder)
    made["report-two-runs"] = Shown(folder / "runs.html")
    attnlab("sweep", *SWEEP, "outputs=sweeps", folder=folder)
    made["sweep"] = Shown(next(folder.glob("sweeps/*/*/sweep.yaml")).with_name("report.html"))
    attnlab("compare", "score", "--out", "compared", folder=folder)
    made["compare"] = Shown(folder / "compared" / "compare.html")
    kept = json.loads(BENCH.read_text(encoding="utf-8"))
    sections = {name: Measurement(**values) for name, values in kept["sections"].items()}
    made["bench"] = Shown(folder / "bench.html")
    made["bench"].page.write_text(bench_page(kept["machine"], kept["data"], sections), encoding="utf-8")
    return made


def picture(browser: Browser, shown: Shown, width: int, theme: str) -> bytes:
    """A screenshot as PNG."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=theme)
    page = context.new_page()
    page.goto(shown.page.as_uri())
    page.wait_for_timeout(2000)
    if shown.pressed:
        page.locator(shown.pressed).first.click()
        page.mouse.move(0, 0)
    top = page.locator(shown.top).first.evaluate("element => element.getBoundingClientRect().top + scrollY")
    clip = {"x": 0, "y": top, "width": width, "height": HEIGHT}
    taken = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip))).convert("RGB")
    context.close()
    made = io.BytesIO()
    rounded = taken.point([min(255, round(value / STEP) * STEP) for value in range(256)] * 3)
    rounded.save(made, "PNG", optimize=True)
    return made.getvalue()


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        made = pages(Path(temporary))
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for name, shown in made.items():
            for view in KEPT.get(name, ("1280-light", "390-dark")):
                (out / f"{name}-{view}.png").write_bytes(picture(browser, shown, *VIEWS[view]))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
