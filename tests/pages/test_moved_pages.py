"""The pages of a sweep and of the bench, opened as their readers do."""

import json
from pathlib import Path

import pytest
from browser import VIEWS, needs_browser

from attnlab.lab.bench.page import page as bench_page
from attnlab.lab.bench.sections import PARTS, Measurement
from attnlab.lab.sweep.outcome import Outcome
from attnlab.lab.sweep.page import page as sweep_page
from attnlab.lab.sweep.space import read

pytestmark = needs_browser
LONG = "a_name_that_is_longer_than_a_small_screen_is_wide_" * 3


def sweep() -> str:
    outcomes = [
        Outcome(
            number, {"optimizer.lr": 10.0**-number, "encoder.scope": "full", "encoder.depth": str(number % 4 + 1)}, state,
            score, None, {"1": score or 0.0}, 3, 61.2, LONG if state == "failed" else None,
            [(epoch, (score or 0.0) - 0.1 / epoch) for epoch in (1, 2, 3)] if score else [],
        )
        for number, state, score in ((2, "finished", 0.91), (1, "finished", 0.85), (3, "pruned", 0.4), (4, "failed", None))
    ]  # fmt: skip
    best = outcomes[0].plain() | {
        "test": {"mean": {"accuracy": 0.9}},
        "command": [f"attnlab train data.path={LONG}"],
    }
    results = {"task": "pos", "monitor": "accuracy", "sampler": "tpe", "best": best, "epochs": 12}
    results["importance"] = {"optimizer.lr": 0.8, "encoder.depth": 0.2, "encoder.scope": 0.0}
    space = read(
        ["optimizer.lr=tag(log,interval(1e-5,1e-1))", "encoder.scope=full,edges", "encoder.depth=1,2,3,4"]
    )
    return sweep_page(f"20260101-{LONG}", results, outcomes, space)


def bench() -> str:
    section = Measurement(
        unit="words", words=[], threads=1, updates=1, vectors_per_update=1.0, step_ms=8.0, vectors_per_second=20_000.0,
        loop_vectors_per_second=9.5, train_vectors_per_second=9.0, data_wait=0.0, peak_gflops=2.0, torch_gflops=1.0,
        parts={part: float(i) for i, part in enumerate(PARTS)}, memory_mib=100.0, share_of_peak=0.5,
        by_length=[{"length": 2.0**i, "vectors_per_second": 5000.0 * i} for i in range(3, 10)],
        sentences_per_second={"greedy": 1.0},
    )  # fmt: skip
    return bench_page({"processor": LONG, "threads": 2}, "embedded", {"tagging": section, "translation": section})


PAGES = {"sweep": sweep, "bench": bench}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_it_opens_without_trouble_and_can_be_used_and_read(name: str, width: int, dark: bool, opened) -> None:
    one = opened(PAGES[name](), width, dark)
    assert one.page.locator(".chart svg").count() >= 2 and one.page.locator("table").count() >= 1
    one.press_everything()
    assert one.flaws() == []
    one.point_at_charts()
    assert one.troubles == []


def test_a_trial_is_followed_through_all_pictures_by_pointer_and_keyboard(opened) -> None:
    page = opened(sweep()).page
    here = "[...document.querySelectorAll('.here')].map((mark) => [mark.tagName.toLowerCase(), mark.dataset.key])"
    page.hover("tr[data-key='1']")
    assert page.evaluate(here) == [["polyline", "1"], ["path", "1"], ["tr", "1"]]
    page.hover("h1")
    assert page.evaluate(here) == [] and page.evaluate("document.body.className") == ""
    page.focus("tr[data-key='4']")
    assert page.evaluate(here) == [["polyline", "4"], ["tr", "4"]], "it failed before it learned anything"
    best, worst = (
        page.evaluate(f"getComputedStyle(document.querySelector('polyline[data-key=\"{n}\"]')).stroke")
        for n in "21"
    )
    assert best != worst


def test_the_parts_of_a_step_say_their_milliseconds(opened) -> None:
    page = opened(bench()).page
    tips = page.evaluate(
        "[...document.querySelector('.chart svg').querySelectorAll('.bar')].map((bar) => bar.dataset.tip)"
    )
    assert tips[3] == f"tagging, {PARTS[3]}: 3 ms ({3 / sum(range(8)):.0%})" and len(tips) == 2 * len(PARTS)
    swatches = page.evaluate(
        "[...document.querySelectorAll('.legend .swatch')].map((s) => getComputedStyle(s).backgroundColor)"
    )
    bars = page.evaluate("[...document.querySelectorAll('.chart .bar')].map((bar) => getComputedStyle(bar).fill)")
    assert bars[: len(PARTS)] == swatches and len(set(swatches)) == len(PARTS)


def test_the_measurements_that_the_repository_keeps_make_a_page(opened) -> None:
    kept = json.loads(
        (Path(__file__).parents[2] / "docs" / "performance" / "bench.json").read_text(encoding="utf-8")
    )
    sections = {name: Measurement(**values) for name, values in kept["sections"].items()}
    one = opened(bench_page(kept["machine"], kept["data"], sections))
    assert one.troubles == [] and one.page.locator("tbody tr").count() == len(sections)
