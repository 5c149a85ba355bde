"""Every page of `attnlab inspect` and `attnlab report` for every modality and encoder: opened, used, and seen to change."""

# `browser` is a fixture
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import VIEWS, Opened, needs_browser
from conftest import write_pairs, write_tables, write_treebank
from playwright.sync_api import Browser

from attnlab.cli import main

pytestmark = needs_browser
TINY = "encoder.width=16 encoder.depth=2 trainer.epochs=2 baselines=false defaults=plain trainer.threads=1".split()
DECODER = ("head.heads=2", "head.depth=1", "head.beam=2")
FILES = {
    "pos": ("ud_ewt", write_treebank),
    "sentiment": ("csv", write_tables),
    "translation": ("parallel", write_pairs),
}
"""Of tasks whose generated test data are large: a few examples of our own."""
TASKS = {
    "pos": (),
    "sentiment": (),
    "translation": ("data.tokens=words", "trainer.epochs=8", *DECODER),
    "transcription": ("data.limit=40", *DECODER),
    "keywords": ("data.limit=30",),
    "voice_activity": ("data.limit=8",),
    "digits": ("data.limit=60",),
    "graph": ("data.limit=60",),
}
ENCODERS = dict.fromkeys(TASKS, ("attention", "recurrent", "convolution", "fully_connected")) | {
    "digits": ("attention", "recurrent", "convolution"),
    "graph": ("attention", "graph_conv"),
}
QUICK = (
    ("pos", "recurrent"),
    ("translation", "convolution"),
    ("keywords", "attention"),
    ("digits", "convolution"),
    ("graph", "graph_conv"),
)
"""Every modality, and between them every part of a page; the others are for `make test-all`."""


def case(task: str, encoder: str) -> object:
    return pytest.param((task, encoder), marks=[] if (task, encoder) in QUICK else [pytest.mark.slow])


@dataclass(frozen=True)
class Made:
    """The pages about a run, and about its longest test example."""

    encoder: str
    one: Path
    others: list[Path]
    reports: list[Path]


@pytest.fixture(
    scope="module", params=[case(task, encoder) for task in TASKS for encoder in ENCODERS[task]], ids="-".join
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    task, encoder = request.param
    folder = tmp_path_factory.mktemp(task)
    run, again = folder / "run", folder / "again"
    chosen = (
        [f"encoder={encoder}"] if (task, encoder) != ("graph", "attention") else []
    )  # its task has attention along edges
    heads = ["encoder.heads=2"] if encoder == "attention" else []
    data, write = FILES.get(task, ("", None))
    own = [f"data={data}", f"data.path={write(tmp_path_factory.mktemp('data'))}"] if write else []
    words = [word for word in TINY if word.partition("=")[0] not in {own.partition("=")[0] for own in TASKS[task]}]
    assert main(["train", f"task={task}", *own, *chosen, *heads, *words, *TASKS[task], f"folder={run}"]) == 0
    shutil.copytree(run, again)
    lines = map(json.loads, (run / "predictions-test.jsonl").read_text(encoding="utf-8").splitlines())
    key = max(lines, key=lambda line: len(line.get("words", line.get("source", "").split())))[
        "key"
    ]  # one word has one weight, 1
    example = ["inspect", str(run), "--example", key]
    commands = {
        "one": example,
        "compared": [*example, "--compare", str(again)],
        "split": ["inspect", str(run), "--split", "test", "--examples", "2"],
        "report": ["report", str(run), "--with-inputs"],
        "several": ["report", str(run), str(again)],
    }
    for name, words in commands.items():
        assert not main([*words, "--out", str(folder / f"{name}.html")])
    one, *others = (folder / f"{name}.html" for name in commands)
    return Made(encoder, one, others[:2], others[2:])


LOOK = """(parts) => parts.split(" ").map((name) => document.querySelector(`[data-part="${name}"]`)).filter((part) => part.offsetParent)
  .map((part) => part.innerHTML + [...part.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL())).join()"""
"""What parts of a page show now."""


def changed(opened: Opened, parts: str, act: Callable[[], object]) -> None:
    """Do something, and see that these parts of the page show something else."""
    before = opened.page.evaluate(LOOK, parts)
    act()
    assert opened.page.evaluate(LOOK, parts) != before, f"{parts} are as before"


def test_the_page_of_an_example_changes_with_what_is_chosen(browser: Browser, made: Made) -> None:
    opened = Opened(browser, made.one, 1280, False)
    page = opened.page
    page.wait_for_selector("html[data-ready]")
    heads, threshold = page.locator(".thumbnail"), page.locator('[data-part="threshold"]')
    assert heads.count() >= 4 or made.encoder != "attention"
    if heads.count():
        drawing = "lines matrix on-input"
        heads.last.click()  # of a decoder without the input, where there is one
        changed(opened, drawing, heads.first.click)
        page.get_by_role("button", name="Lines").click()
        ends = page.locator('[data-part="lines"] [data-query]')
        if ends.count() > 1:  # of long sets, no lines are drawn
            ends.first.hover()
            changed(opened, "row", ends.last.hover)
        page.get_by_role("button", name="Matrix").click()
        assert page.locator('[data-part="matrix"] image').count() == 1
        changed(opened, drawing, page.get_by_role("button", name="On the input").click)
        threshold.fill("0")
        changed(opened, drawing, lambda: threshold.fill("1"))
    methods = page.locator("[data-method]")
    changed(opened, "method deletion", methods.last.click)
    changed(opened, "method deletion", methods.first.click)
    vectors = page.locator('[data-part="left-out"] :is(.word, [data-node])')
    if vectors.count():
        vectors.first.click()
        changed(opened, "left-out-told", vectors.last.click)
    else:  # patches and moments
        canvas = page.locator('[data-part="left-out"] canvas').first
        canvas.press("Home")
        changed(opened, "left-out-told", lambda: canvas.press("End"))
    tokens = page.locator('[data-part="written"] button')
    if tokens.count() > 1:
        tokens.first.click()
        changed(opened, "of classes", page.locator('[data-part="next"]').click)
    assert opened.troubles == []


def test_the_other_pages_open_on_a_telephone(browser: Browser, made: Made) -> None:
    for path in made.others:
        opened = Opened(browser, path, 390, True)
        opened.page.wait_for_load_state()
        assert opened.page.locator("main h2").count(), path
        assert opened.flaws() == [] and opened.troubles == [], path


def test_reports_are_used_on_every_screen(browser: Browser, made: Made) -> None:
    """Of one run and of two: all that can be opened and pressed is."""
    one, several = made.reports
    grounds = set()
    for path, width, dark in [*((one, *view) for view in VIEWS), (several, 1280, False), (several, 390, True)]:
        opened = Opened(browser, path, width, dark)
        opened.press_everything()
        assert opened.flaws() == [], path
        if (width, dark) == (1280, False):
            opened.point_at_charts()
        assert opened.troubles == [], path
        grounds.add(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        opened.page.context.close()
    assert len(grounds) == 2
