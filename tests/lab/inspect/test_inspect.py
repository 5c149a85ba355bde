"""`attnlab inspect` as a user meets it: the command, the numbers that its page holds, and the page in a browser."""

import base64
import io
import json
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import Opened, needs_browser
from conftest import write_pairs, write_tables, write_treebank
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from attnlab import load_run
from attnlab.cli import main
from attnlab.explain.explanation import ATTENTION_METHODS, Explanation, Question, Relevance
from attnlab.lab.inspect.content import LONGEST_WHOLE, MOST_KEPT, alignment_score, verdict
from attnlab.lab.inspect.drawn_set import readable
from attnlab.model.attention.recorder import record

SMALL = (
    "encoder.width=16 encoder.depth=2 encoder.heads=2 trainer.batch_vectors=100 trainer.epochs=2 baselines=false "
    "defaults=plain optimizer.lr=0.02"
).split()
SENTENCE = "the book saw they plant the fish ."
HOSTILE = "</script><script>alert(1)</script> <img/src=x onerror=alert(1)> {{7*7}} the \u202ebook\u202c"


def trained(outputs: Path, *words: str) -> str:
    small = [word for word in SMALL if word.partition("=")[0] not in {w.partition("=")[0] for w in words}]
    if "encoder=recurrent" in words or "encoder=convolution" in words:
        small = [word for word in small if not word.startswith("encoder.heads")]
    assert main(["train", *small, *words, f"outputs={outputs}"]) == 0
    (run,) = outputs.glob("*/*")
    return str(run)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> str:
    treebank = write_treebank(tmp_path_factory.mktemp("treebank"))
    return trained(tmp_path_factory.mktemp("tagger"), "data=ud_ewt", f"data.path={treebank}")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    films = write_tables(tmp_path_factory.mktemp("films"))
    return ["task=sentiment", "data=csv", f"data.path={films}", "trainer.epochs=4", "encoder.depth=1"]


@pytest.fixture(scope="module")
def reader(films: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Tells good texts from bad ones, of up to 12 words."""
    return trained(
        tmp_path_factory.mktemp("reader"), *films, "encoder.position=learned", "encoder.max_position=12"
    )


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> str:
    words = ("task=translation", "data=parallel", f"data.path={write_pairs(tmp_path_factory.mktemp('pairs'))}")
    return trained(
        tmp_path_factory.mktemp("translator"), *words, "data.tokens=words", "head.heads=2", "head.depth=1",
        "trainer.epochs=8",
    )  # fmt: skip


def inspected(out: Path, *words: str) -> Path:
    """The page that a command writes."""
    assert main(["inspect", *words, "--out", str(out)]) == 0
    return out


def held(page: Path, name: str = "set-0-0") -> tuple[dict, dict[str, NDArray]]:
    """The facts and arrays of a page, read by nothing of ours."""
    (text,) = re.findall(rf'id="{name}">([^<]*)<', page.read_text(encoding="utf-8"))
    data = zlib.decompress(base64.b64decode(text), wbits=-15)
    size = int.from_bytes(data[:4], "little")
    header, at, arrays = json.loads(data[4 : 4 + size]), 4 + size + -size % 4, {}
    for key, kind, shape in header["arrays"]:
        arrays[key] = np.frombuffer(data, kind, int(np.prod(shape)), at).reshape(shape)
        at += arrays[key].nbytes + -arrays[key].nbytes % 4
    assert at == len(data)
    return header["facts"], arrays


def give(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


def recorded(run: str, text: str) -> list[NDArray]:
    loaded = load_run(run)
    with record(loaded.model) as weights:
        loaded.predict([text])
    return [tables[0].numpy() for tables in weights.values()]


# --- what the page holds ----------------------------------------------------------------------------


def test_weights_are_those_of_the_model_and_rows_sum_to_one(tagger: str, tmp_path: Path) -> None:
    facts, arrays = held(inspected(tmp_path / "page.html", tagger, SENTENCE, "--weights"))
    exact = recorded(tagger, SENTENCE)
    assert len(exact) == len(facts["layers"]) == 2
    stored = np.load(tmp_path / "page.weights.npz")
    for number, (table, layer) in enumerate(zip(exact, facts["layers"], strict=True)):
        packed = arrays[f"weights/{number}"].astype(np.float64)
        assert np.abs(packed.sum(-1) - 1).max() < 1e-3 and np.abs(packed - table).max() < 1e-3
        assert layer["error"] < 1e-5
        np.testing.assert_allclose(stored[f"0/0/{layer['name']}"], table, atol=1e-6)
    assert [answer["text"] for answer in facts["answers"]] == list(load_run(tagger).predict([SENTENCE])[0].value)
    # What is followed: a query's scores are q·k/√K with what positions add, and their softmax the weights.
    scores = np.log(np.maximum(exact[1], 1e-12)) + arrays["sums/1"][..., None].astype(np.float64)
    np.testing.assert_allclose(np.exp(scores).sum(-1), np.exp(arrays["sums/1"].astype(np.float64)), rtol=1e-2)


def test_of_long_rows_the_largest_weights_are_held_and_the_sum_of_the_rest(tagger: str, tmp_path: Path) -> None:
    text = " ".join(["the fish they saw"] * (LONGEST_WHOLE // 4 + 1))
    facts, arrays = held(inspected(tmp_path / "page.html", tagger, text))
    for number, table in enumerate(recorded(tagger, text)):
        index, value, rest = (arrays[f"{part}/{number}"] for part in ("index", "value", "rest"))
        assert index.shape == (2, table.shape[1], MOST_KEPT)
        assert np.abs(value.astype(np.float64).sum(-1) + rest - 1).max() < 1e-3
        np.testing.assert_allclose(np.take_along_axis(table, index.astype(np.int64), -1), value, atol=1e-3)
        assert np.sort(table, -1)[..., -MOST_KEPT:].sum() == pytest.approx(
            value.astype(np.float64).sum(), rel=1e-3
        )
    assert any("largest" in note for note in facts["notes"])


@pytest.fixture(scope="module")
def many_heads(tmp_path_factory: pytest.TempPathFactory) -> str:
    """4 layers of 8 heads."""
    treebank = write_treebank(tmp_path_factory.mktemp("treebank"))
    size = ("encoder.width=64", "encoder.depth=4", "encoder.heads=8", "trainer.epochs=1")
    return trained(tmp_path_factory.mktemp("many"), "data=ud_ewt", f"data.path={treebank}", *size)


def test_fifty_words_with_32_heads_take_less_than_half_a_megabyte(many_heads: str, tmp_path: Path) -> None:
    page = inspected(tmp_path / "page.html", many_heads, "the fish they saw book " * 10)
    facts, arrays = held(page)
    assert arrays["weights/3"].shape == (8, 50, 50) and len(facts["layers"]) == 4
    assert page.stat().st_size < 500_000


@pytest.mark.slow
@needs_browser
def test_two_thousand_words_take_less_than_five_megabytes(
    browser: Browser, many_heads: str, tmp_path: Path
) -> None:
    page = inspected(tmp_path / "page.html", many_heads, "the fish they saw book " * 400)
    assert page.stat().st_size < 5_000_000
    shown = opened(browser, page)
    shown.page.locator(".thumbnail").nth(5).click()
    shown.page.get_by_role("button", name="Matrix").click()
    assert shown.page.locator('[data-part="matrix"] image').count() == 1 and shown.troubles == []


def test_an_example_of_the_data_is_shown_with_its_right_answer(tagger: str, tmp_path: Path) -> None:
    line = json.loads((Path(tagger) / "predictions-test.jsonl").read_text().splitlines()[2])
    facts, _ = held(inspected(tmp_path / "page.html", tagger, "--example", line["key"]))
    assert [answer["right"] for answer in facts["answers"]] == line["gold"]
    assert [answer["text"] for answer in facts["answers"]] == line["predicted"]


def test_a_question_about_one_word_and_against_another_class(tagger: str, tmp_path: Path) -> None:
    words = (tagger, SENTENCE, "--vector", "2", "--why", "NOUN", "--not", "VERB")
    facts, arrays = held(inspected(tmp_path / "page.html", *words))
    assert (
        facts["question"]["vector"] == 1
        and "NOUN" in facts["question"]["text"]
        and "VERB" in facts["question"]["text"]
    )
    run = load_run(tagger)
    split = run.reader().read(list(run.reader().inputs([SENTENCE], ()))).split
    outputs = run.model.eval().outputs(split.batch(np.array([0])).inputs)[1].tolist()
    classes = run.model.head.classes
    assert facts["value"] == pytest.approx(
        outputs[classes.index("NOUN")] - outputs[classes.index("VERB")], abs=1e-4
    )
    methods = {method["name"]: number for number, method in enumerate(facts["methods"])}
    alone = arrays["scores"][methods["leave_one_out"]]
    np.testing.assert_allclose(alone[[0, 2]], facts["value"] - arrays["without"][[0, 2]], atol=1e-4)


def test_a_translation_is_the_one_that_the_beam_writes(translator: str, tmp_path: Path) -> None:
    facts, arrays = held(inspected(tmp_path / "page.html", translator, "red house"))
    answer = load_run(translator).predict(["red house"])[0]
    assert facts["answer"] == answer.value
    product = np.prod([step["probability"] for step in facts["written"]])
    assert product == pytest.approx(answer.probability, rel=1e-3)
    cross = next(number for number, layer in enumerate(facts["layers"]) if layer["kind"] == "cross")
    assert arrays[f"weights/{cross}"].shape == (2, len(facts["written"]), 2)
    assert facts["alignment"]["layer"] == cross


def test_alignment_is_certain_and_covers_the_source() -> None:
    spread = np.full((4, 4), 0.25, dtype=np.float32)
    on_one = np.eye(4, dtype=np.float32)[[0, 0, 0, 0]]
    assert (
        alignment_score(np.eye(4, dtype=np.float32)) == 1
        and alignment_score(np.eye(4, dtype=np.float32)[::-1]) == 1
    )
    assert alignment_score(spread) == pytest.approx(0.0625) and alignment_score(on_one) == 0.25


@pytest.mark.parametrize(
    ("areas", "told"),
    [
        ({"leave_one_out": 0.277, "norm": 0.281, "random": 0.286}, "None is clearly better than a random order"),
        ({"leave_one_out": 0.3, "random": 0.286}, "None is clearly better than a random order"),
        ({"leave_one_out": 0.1, "norm": 0.2, "random": 0.286}, "Leave one out explains this answer best: "),
        (
            {"leave_one_out": 0.1, "integrated_gradients": 0.1, "norm": 0.101, "random": 0.286},
            "Leave one out explains this answer best, and integrated gradients, equally: ",
        ),
        ({"norm": 0.1, "attention": 0.28, "random": 0.286}, "weights are not clearly better than a random order"),
    ],
)
def test_the_verdict_claims_no_more_than_was_measured(areas: dict[str, float], told: str) -> None:
    none = np.zeros(0, dtype=np.float32)
    found = {name: Relevance(name, none, False, none, none, area, 0.0, 0.0, 0.0) for name, area in areas.items()}
    least = min(areas, key=lambda name: areas[name])
    said = verdict(
        Explanation(Question(0), 0.0, 1.0, none, found, None if least == "random" else least, none, None)
    )
    assert told in said and said.count(". ") <= 1


def test_numbers_are_printed_as_json(reader: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", reader, "It is fine!", "It is so dull!", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["answer"] for line in lines] == [
        p.value for p in load_run(reader).predict(["It is fine!", "It is so dull!"])
    ]
    assert np.array(lines[0]["numbers"]["weights/0"]).sum(-1) == pytest.approx(1, abs=1e-3)


def test_the_answer_and_what_is_explained_have_their_own_probabilities(
    reader: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (answer,) = load_run(reader).predict(["It is zonk!"])
    other = next(name for name in ("good", "bad") if name != answer.value)
    p = answer.probability
    assert main(["inspect", reader, "It is zonk!", "--why", other, "--out", str(tmp_path / "page.html")]) == 0
    told = capsys.readouterr().out.splitlines()[0]
    assert told == (
        f"{answer.value} ({p:.3f})  It is zonk!  (unknown: zonk); explained: why {other} ({1 - p:.3f})"
    )
    assert main(["inspect", reader, "It is zonk!", "--why", other, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["answer"], found["explained"]) == (answer.value, other)
    assert found["probability"] == pytest.approx(p, abs=1e-5)
    assert found["explained_probability"] == pytest.approx(1 - p, abs=1e-5)


def test_numbers_in_json_count_from_1(tagger: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["inspect", tagger, SENTENCE, "--vector", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    facts, _ = held(inspected(tmp_path / "page.html", tagger, SENTENCE, "--vector", "2"))
    assert found["question"]["vector"] == 2 and facts["question"]["vector"] == 1
    for part in ("layer", "head"):
        assert found["chosen"][part] == facts["chosen"][part] + 1
    behind_last = torch.tensor(found["numbers"]["lens"][-1]).softmax(-1).amax(-1)
    (answer,) = load_run(tagger).predict([SENTENCE])
    np.testing.assert_allclose(behind_last, answer.probability, atol=1e-5)


def test_an_empty_line_does_not_stop_the_others(
    reader: str, tagger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, b"It is fine!\n\nIt is dull!\n")
    page = tmp_path / "page.html"
    assert main(["inspect", reader, "--out", str(page)]) == 1
    told = capsys.readouterr()
    assert told.err == "attnlab: stdin:2: the text is empty: give at least one word\n"
    assert held(page, "set-1-0")[0]["answer"] == load_run(reader).predict(["It is dull!"])[0].value
    assert main(["inspect", reader, "It is fine!", "--compare", tagger, "--out", str(page)]) == 2
    assert "it answers with a class of each vector" in capsys.readouterr().err


def test_only_pages_of_ours_are_overwritten(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", reader, "It is fine!"]) == 0
    first = Path("inspect.html").read_text()
    assert main(["inspect", reader, "It is dull!"]) == 0 and Path("inspect.html").read_text() != first
    told = capsys.readouterr().out
    assert "It is dull!" in told and "inspect.html" in told
    Path("inspect.html").write_text("<p>my notes</p>")
    assert main(["inspect", reader, "It is dull!"]) == 2
    assert Path("inspect.html").read_text() == "<p>my notes</p>" and "--out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["It is " + "so " * 20 + "fine!"], "outside the 12 learned positions"),
        (["sound.wav"], "this run reads a sentence"),
        (["fine", "--vecotr", "2"], "did you mean `--vector`?"),
        (["fine", "--vector", "0"], "counted from 1"),
        (["fine", "--vector", "1"], "one answer for the whole input"),
        (["fine", "--token", "1"], "writes no sequence"),
        (["fine", "--compare", "nowhere"], "no run folder"),
        (["fine", "--why", "excellent"], "excellent"),
        (["fine", "--why", "good", "--not", "good"], "compared with itself"),
        (["--example", "nowhere:7"], "no such key"),
        (["fine", "--example", "nowhere:7"], "choose one of them"),
        (["fine", "--out", "page.pdf"], ".html"),
        (["fine", "--out", "nowhere/page.html"], "no folder"),
        (["fine"] * 21, "20 inputs"),
        ([], "nothing to inspect"),
        ([""], "argument:1: the text is empty: give at least one word"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_sentence(
    reader: str, words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    give(monkeypatch, b"")
    (tmp_path / "sound.wav").write_bytes(b"RIFF")
    assert main(["inspect", reader, *words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and not (tmp_path / "inspect.html").exists()


# --- the page in a browser --------------------------------------------------------------------------


def opened(browser: Browser, page: Path, width: int = 1280, dark: bool = False) -> Opened:
    shown = Opened(browser, page, width, dark)
    shown.page.wait_for_selector("html[data-ready]")
    return shown


@needs_browser
def test_heads_thresholds_and_words_change_the_drawing(browser: Browser, tagger: str, tmp_path: Path) -> None:
    path = inspected(tmp_path / "page.html", tagger, SENTENCE)
    shown = opened(browser, path)
    page, (facts, arrays) = shown.page, held(path)
    page.locator(".thumbnail").nth(3).click()
    assert (
        page.locator('[data-part="layer"]').input_value(),
        page.locator('[data-part="head"]').input_value(),
    ) == ("1", "1")
    page.locator('[data-part="tags"] button').nth(4).click()
    other = "“plant” (5), which is chosen above, run inspect again with --vector 5."
    told = "another word, run inspect again with --vector N." if facts["question"]["vector"] == 4 else other
    assert f"To ask about {told}" in (page.locator('[data-part="question"]').text_content() or "")
    weights = arrays["weights/1"][1, 4].astype(np.float64)
    most, row = int(weights.argmax()), page.locator('[data-part="row"]')
    assert f"“{facts['drawn']['labels'][most]}” {weights[most]:.3f}" in (row.text_content() or "")
    lines = page.locator('[data-part="lines"] path')
    before = lines.count()
    page.locator('[data-part="threshold"]').fill("0.3")
    assert lines.count() == int((arrays["weights/1"][1] >= 0.3).sum()) < before
    page.locator('[data-part="lines"] [data-query="0"]').hover()
    assert (row.text_content() or "").startswith("“the” (1)")
    page.locator('[data-part="threshold"]').fill("0")  # above 0.3, neither head may have a weight to be drawn
    page.get_by_role("button", name="Matrix").click()
    picture = page.locator('[data-part="matrix"] image')
    first = picture.get_attribute("href")
    page.locator('[data-part="head"]').select_option("0")
    assert picture.get_attribute("href") != first
    page.locator('[data-part="matrix"] svg').press("ArrowDown")
    assert (row.text_content() or "").startswith("“they” (6)") or "(6)" in (row.text_content() or "")
    page.get_by_role("button", name="On the input").click()
    word = page.locator('[data-part="input"] .word').nth(2)
    ground = word.get_attribute("style")
    page.locator('[data-part="threshold"]').fill("1")
    assert word.get_attribute("style") != ground or arrays["weights/1"][0, 4, 2] < 0.01
    page.get_by_text("The weights as a table").click()
    page.locator(
        '[data-part="table"] tbody tr'
    ).first.wait_for()  # the browser tells of the opening a little later
    assert page.locator('[data-part="table"] tbody tr').count() == len(SENTENCE.split())
    page.locator('[data-method="random"]').click()
    assert "random" in (page.locator('[data-part="methods"] tr.chosen').text_content() or "")
    page.locator('[data-part="left-out"] .word').nth(0).click()
    assert "Without “the” (1)" in (page.locator('[data-part="left-out-told"]').text_content() or "")
    with page.expect_download() as saved:
        page.locator('[data-part="numbers"]').click()
    numbers = json.loads(Path(saved.value.path()).read_text())["numbers"]["weights/1"]
    assert numbers["shape"] == [2, 8, 8] and sum(numbers["values"][:8]) == pytest.approx(1, abs=1e-3)
    assert shown.troubles == []


@needs_browser
def test_a_translation_is_stepped_through(browser: Browser, translator: str, tmp_path: Path) -> None:
    shown = opened(browser, inspected(tmp_path / "page.html", translator, "red house", "--token", "1"))
    page = shown.page
    row, chosen = page.locator('[data-part="row"]'), page.locator('[data-part="written"] [aria-pressed="true"]')
    first, word = row.text_content(), chosen.text_content()
    assert page.locator('[data-part="previous"]').is_disabled() and f"“{word}” (1)" in (first or "")
    page.locator('[data-part="next"]').click()
    assert row.text_content() != first and "(2)" in (row.text_content() or "")
    page.locator('[data-part="written"] button').nth(1).press("ArrowLeft")
    assert row.text_content() == first
    page.locator('[data-part="next"]').click()
    page.keyboard.press("ArrowLeft")
    assert row.text_content() == first, "arrow keys go on from the button that was clicked"
    page.locator('[data-part="lines"] [data-query="1"]').click()
    page.keyboard.press("ArrowUp")
    drawn = page.locator('[data-part="lines"] [data-query].chosen')
    assert drawn.get_attribute("data-query") == "0", "and from the drawing"
    assert "1 of" in (page.locator('[data-part="of"]').text_content() or "")
    assert shown.troubles == []


@needs_browser
@pytest.mark.parametrize("method", ["attention", "rollout"])
@pytest.mark.parametrize(
    ("which", "text", "option", "names"),
    [("tagger", SENTENCE, "--vector", "tags"), ("translator", "red house old", "--token", "written")],
)
def test_scores_that_need_only_weights_follow_what_is_chosen(
    which: str, text: str, option: str, names: str, method: str, browser: Browser, tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """After a click on the second word, a page about the first shows what a page about the second does."""
    run = request.getfixturevalue(which)
    about_first, about_second = (
        opened(browser, inspected(tmp_path / f"{n}.html", run, text, option, str(n))).page for n in (1, 2)
    )
    for page in (about_first, about_second):
        page.locator(f'[data-method="{method}"]').click()

    def scores(page: Page) -> list[float]:
        words = page.locator('[data-part="scored"] .word').all()
        return [float((word.get_attribute("title") or "").split(": ")[1].split(",")[0]) for word in words]

    other = scores(about_first)
    about_first.locator(f'[data-part="{names}"] button').nth(1).click()
    np.testing.assert_allclose(scores(about_first), scores(about_second), atol=5e-3)
    note = about_first.locator('[data-part="scored-note"]').text_content() or ""
    assert "(2), which is chosen above" in note and "“" in note
    about_first.locator(f'[data-part="{names}"] button').nth(0).click()
    assert scores(about_first) == other != scores(about_second)
    assert "chosen above" not in (about_first.locator('[data-part="scored-note"]').text_content() or "")


@needs_browser
@pytest.mark.parametrize("encoder", ["recurrent", "convolution"])
def test_encoders_without_attention_have_no_empty_boxes(
    browser: Browser, films: list[str], encoder: str, tmp_path: Path
) -> None:
    run = trained(tmp_path / "outputs", *films, f"encoder={encoder}", "trainer.epochs=2")
    path = inspected(tmp_path / "page.html", run, "It is fine!", "It is dull!")
    shown = opened(browser, path, width=390, dark=True)
    page = shown.page
    for part in ("overview", "one-head", "follow"):
        assert page.locator(f'section[data-part="{part}"]').is_hidden()
    assert page.get_by_text("has no attention layers").is_visible()
    names = {method["name"] for method in held(path)[0]["methods"]}
    assert {"gradient_input", "leave_one_out", "random"} <= names and not names & set(ATTENTION_METHODS)
    page.locator("#input").select_option("1")
    page.get_by_text("“dull” (3)").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.troubles == []


FILLED = """() => {
  const parts = {
    answer: "p.answer, .tags button", classes: "[data-part=classes] tr", grid: ".thumbnail", row: "[data-part=row]", input: "[data-part=input] .set > *",
    statistics: "[data-part=statistics]", verdict: "[data-part=verdict]", methods: "[data-part=methods] tbody tr", method: "[data-part=method]",
    scored: "[data-part=scored] .set > *", deletion: "[data-part=deletion] polyline", insertion: "[data-part=insertion] polyline",
    leftOut: "[data-part=left-out] .set > *", told: "[data-part=left-out-told]", changes: "[data-part=changes] tr",
    followed: "[data-part=followed] > *",
  };
  const filled = (element) => element.textContent.trim() || element.querySelector("canvas, svg") || element.matches("canvas, svg, polyline");
  return Object.keys(parts).filter((name) => ![...document.querySelectorAll(parts[name])].some(filled));
}"""
"""The names of sections of a page that have nothing in them."""
OF_ALL_KINDS = {
    "keywords": ("data.limit=30",),
    "transcription": ("data.limit=30", "head.heads=2", "head.depth=1"),
    "digits": ("data.limit=100",),
    "graph": ("data.limit=60",),
}


@needs_browser
@pytest.mark.parametrize(
    "task",
    [pytest.param(name, marks=[pytest.mark.slow] if name == "transcription" else []) for name in OF_ALL_KINDS],
)
def test_every_section_is_filled_for_recordings_pictures_and_graphs(
    browser: Browser, task: str, tmp_path: Path
) -> None:
    run = trained(tmp_path / "outputs", f"task={task}", "trainer.epochs=1", *OF_ALL_KINDS[task])
    key = json.loads((Path(run) / "predictions-test.jsonl").read_text().splitlines()[0])["key"]
    shown = opened(browser, inspected(tmp_path / "page.html", run, "--example", key))
    assert shown.troubles == [] and shown.page.evaluate(FILLED) == []
    how = shown.page.locator('[data-part="left-out-how"]').text_content() or ""
    assert ("keep their numbers of the whole graph (random_walk)" in how) == (task == "graph")
    shown.page.locator(".thumbnail").last.click()
    shown.page.get_by_role("button", name="Matrix").click()
    shown.page.locator("[data-method]").last.click()
    assert shown.troubles == []


@needs_browser
def test_two_runs_stand_side_by_side_and_follow_each_other(browser: Browser, tagger: str, tmp_path: Path) -> None:
    shown = opened(browser, inspected(tmp_path / "page.html", tagger, SENTENCE, "--compare", tagger), width=390)
    left, right = (shown.page.locator(f'[data-column="{number}"]') for number in (0, 1))
    left.locator('[data-part="tags"] button').nth(5).click()
    for column in (left, right):
        assert "(6)" in (column.locator('[data-part="row"]').text_content() or "")
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.troubles == []


@needs_browser
def test_words_of_strangers_are_text(browser: Browser, tagger: str, tmp_path: Path) -> None:
    shown = opened(browser, inspected(tmp_path / "page.html", tagger, HOSTILE))
    labels = held(tmp_path / "page.html")[0]["drawn"]["labels"]
    for number, label in enumerate(labels):
        assert label in (shown.page.locator('[data-part="tags"] bdi').nth(number).text_content() or "")
    assert shown.page.locator("main img").count() == 0 and "{{7*7}}" in (
        shown.page.locator(".input").text_content() or ""
    )
    assert shown.troubles == []


@needs_browser
def test_a_long_sentence_is_drawn(browser: Browser, tagger: str, tmp_path: Path) -> None:
    text = " ".join(["the fish they saw"] * (LONGEST_WHOLE // 4 + 1))
    shown = opened(browser, inspected(tmp_path / "page.html", tagger, text))
    page = shown.page
    page.locator('[data-part="tags"] button').nth(200).click()
    told = page.locator('[data-part="row"]').text_content() or ""
    assert "(201)" in told and "lies on keys that this page does not hold" in told
    page.get_by_role("button", name="Matrix").click()
    assert page.locator('[data-part="matrix"] image').count() == 1 and shown.troubles == []


def test_looking_leaves_nothing_on_the_model(tagger: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    before = load_run(tagger).predict([SENTENCE])[0]
    inspected(tmp_path / "page.html", tagger, SENTENCE)
    assert load_run(tagger).predict([SENTENCE])[0] == before


@pytest.mark.parametrize(("token", "shown"), [("▁red", "red"), ("ed", "ed"), ("▁", "␣"), (" ", "␣"), ("", "␣")])
def test_white_space_among_tokens_can_be_seen(token: str, shown: str) -> None:
    assert readable(token) == shown
