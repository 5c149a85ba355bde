"""`attnlab inspect RUN --split test`: its numbers, its page in a browser, and what it refuses."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from browser import Opened, browser, needs_browser  # noqa: F401  # a fixture
from playwright.sync_api import Browser

from attnlab.cli import main
from attnlab.lab.inspect import heads_page
from attnlab.lab.inspect.heads import Inspected, inspect_split, position_rule
from attnlab.training.predictions import json_line
from attnlab.training.run import load_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("heads")


def trained(folder: Path, *words: str) -> str:
    """The folder of a run of some seconds."""
    common = [f"outputs={folder}", "encoder.width=16", "trainer.epochs=1", "baselines=false"]
    assert main(["train", *common, *words]) == 0
    return str(max(folder.glob("*/*/config.yaml"), key=lambda path: path.stat().st_mtime).parent)


@pytest.fixture(scope="module")
def run(folder: Path) -> str:
    return trained(folder, "task=pos", "encoder.heads=2", "encoder.depth=2", "data.limit=300")


@pytest.fixture(scope="module")
def found(run: str) -> Inspected:
    return inspect_split(load_run(run), "validation", 6)


def test_the_numbers_of_a_run_on_grammar(found: Inspected) -> None:
    numbers = json.loads(json_line(heads_page.as_json(found)))
    assert [(head["layer_number"], head["number"]) for head in numbers["heads"]] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
    for head in numbers["heads"]:
        for name, estimate in head["statistics"].items():
            assert estimate["low"] <= estimate["value"] <= estimate["high"], name
        assert set(head["cost"]) == {"uniform", "zero"} and head["uniform"]["entropy"] == pytest.approx(1)
    assert numbers["evidence"]["chance"]["value"] < 0.2 < numbers["evidence"]["by_position"]["value"]
    assert numbers["explained"] == 6 and set(numbers["best"]) <= set(numbers["methods"]) - {"random", "position"}
    assert all({"deletion", "insertion", "raised"} <= set(measures) for measures in numbers["methods"].values())
    assert any("Of 4 heads" in sentence for sentence in numbers["sentences"])


@needs_browser
def test_the_page_shows_heads_sorts_and_loads_nothing(found: Inspected, folder: Path, browser: Browser) -> None:  # noqa: F811
    written = folder / "heads.html"
    written.write_text(heads_page.written(found), encoding="utf-8")
    opened = Opened(browser, written, 1280, dark=False)
    page = opened.page
    cells = page.locator(".map", has_text="evidence found").locator("td.above")
    assert cells.count() == 4 and all(0 <= float(text) <= 1 for text in cells.all_inner_texts())
    colours = cells.evaluate_all("cells => cells.map((cell) => getComputedStyle(cell).backgroundColor)")
    by_value = sorted(zip(map(float, cells.all_inner_texts()), colours, strict=True))
    assert by_value[0][1] != by_value[-1][1]
    cells.first.hover()
    assert "encoder 1, head 1" in page.locator(".tip").inner_text()

    column = [text.split()[0] for text in page.locator("#heads thead th").all_inner_texts()].index("entropy")
    entropies = page.locator(f"#heads tbody td:nth-child({column + 1})")
    for descending in (False, True):
        page.locator("#heads thead th").nth(column).locator("button").click()
        shown = [float(text.split()[0]) for text in entropies.all_inner_texts()]
        assert shown == sorted(shown, reverse=descending) and len(shown) == 4

    with page.expect_download() as download:
        page.get_by_role("button", name="Save CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    assert len(rows) == 4 and float(rows[0]["entropy_low"]) <= float(rows[0]["entropy"])
    assert page.locator(".chart svg").count() == len(found.trust.estimates["leave_one_out"])
    assert opened.troubles == []
    narrow = Opened(browser, written, 390, dark=True)
    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 390 and narrow.troubles == []


def test_an_encoder_without_attention_has_only_methods(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convolution = trained(folder, "task=pos", "encoder=convolution", "data.limit=100")
    capsys.readouterr()
    page = folder / "none.html"
    assert main(["inspect", convolution, "--split", "test", "--examples", "4", "--out", str(page)]) == 0
    assert "encoder=convolution has no attention layers" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    assert main(["inspect", convolution, "--split", "test", "--examples", "4", "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["heads"] == [] and numbers["explained"] == 4 and "leave_one_out" in numbers["methods"]
    assert 'id="methods"' in text and 'id="heads"' not in text and "Attention rollout" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--split", "tset"], "--split tset`: the data have train, validation, test"),
        (["--split", "test", "--examples", "1"], "--examples 1`: give at least 2"),
        (["--split", "test", "--why", "NOUN"], "`--why`: it is about single inputs"),
        (["--examples", "20", "some text"], "`--examples`: it is about a whole split"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(
    run: str, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", run, *words]) == 2
    assert told in capsys.readouterr().err


def test_the_position_rule_is_where_evidence_stands_most_often() -> None:
    back = [np.eye(5, k=-2, dtype=np.bool_), np.eye(9, k=-2, dtype=np.bool_)]
    rule = position_rule(back)
    assert rule.what == "always 2 before"
    np.testing.assert_array_equal(rule.apply(4, 4), [-1, -1, 0, 1])
    last = [np.arange(n) == n - 1 for n in (3, 8, 4)]
    assert position_rule(last).what == "always number 1 from the end"
    np.testing.assert_array_equal(position_rule(last).apply(1, 6), [5])
