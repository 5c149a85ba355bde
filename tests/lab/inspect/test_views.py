"""Sound, pictures and graphs as pages draw them: the facts that Python hands over, and the drawings in a browser."""

# `browser` is a fixture
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import Opened, needs_browser
from playwright.sync_api import Browser

from attnlab.compose import compose
from attnlab.data import open_data
from attnlab.data.contract import Data, Input
from attnlab.errors import UserError
from attnlab.lab.inspect.drawn import Drawn, drawn
from attnlab.lab.inspect.drawn_graph import MOST_NODES, laid_out
from attnlab.lab.inspect.drawn_picture import MOST_PIXELS
from attnlab.lab.inspect.drawn_sound import MOST_BYTES
from attnlab.lab.inspect.reach import Reach, reaches
from attnlab.model import build
from attnlab.pages.page import packed, page
from attnlab.runs import RunFolder
from attnlab.sets import VectorSets
from attnlab.training.engine import Engine
from attnlab.training.run import Run

# --- what Python hands over -------------------------------------------------------------------------


def run_of(*words: str) -> tuple[Run, Data]:
    """An untrained model on generated data, as a run."""
    config = compose([*words, "trainer.threads=1"])
    data = open_data(config.data, config.seed)
    build.resolve(config, data.spec)
    model = build.build(config, data.spec).eval()
    return Run(RunFolder(Path("run")), config, data.spec, model, Engine(config.trainer), None), data


def given(run: Run, value: object) -> tuple[Drawn, VectorSets]:
    """What a user gives, drawn."""
    reader = run.reader()
    readings = reader.read([Input("given", value, "")])
    assert not readings.errors, readings.errors
    inputs = readings.split[0].inputs
    return drawn(run, readings.split, 0, inputs), inputs


@pytest.fixture(scope="module")
def heard() -> tuple[Run, Data]:
    return run_of("task=keywords", "data.limit=12", "encoder.width=8", "encoder.depth=1")


def test_seconds_of_frames_follow_from_hop_window_and_stack(heard: tuple[Run, Data]) -> None:
    run, _ = heard
    run.config.data.stack = 3
    samples = np.zeros(8000 + 100, dtype=np.int16)
    samples[4000:4400] = 9000  # from 0.5 s to 0.55 s
    shown, inputs = given(run, (samples, 8000))
    # 10 ms from frame to frame, each 25 ms long: 99 frames; three of them in a vector, every 30 ms.
    assert len(shown.labels) == len(inputs.values) == 33 and shown.facts["seconds"] == pytest.approx(8100 / 8000)
    assert shown.facts["step"] == pytest.approx(0.03) and shown.labels[:3] == ["0.00 s", "0.03 s", "0.06 s"]
    begin, end = shown.arrays["begin"], shown.arrays["end"]
    np.testing.assert_allclose(begin, np.arange(33) * 0.03, atol=1e-6)
    np.testing.assert_allclose(end[:-1], np.arange(32) * 0.03 + 0.045, atol=1e-6)
    levels = shown.arrays["levels"]
    assert levels.shape == (40, 99) and levels.dtype == np.uint8
    # What is heard is drawn where it is heard: frames whose 25 ms touch 0.5 to 0.55 s.
    loud = np.flatnonzero(levels.astype(float).mean(axis=0) > levels.mean())
    assert loud.min() == 48 and loud.max() in (54, 55)
    heard_samples = np.frombuffer(shown.arrays["samples"].tobytes(), dtype="<i2")
    assert (
        shown.facts["bits"] == 16
        and (heard_samples == samples).all()
        and shown.facts["heard"] == shown.facts["seconds"]
    )


def test_what_a_stride_leaves_is_labelled_by_its_own_seconds() -> None:
    run, data = run_of("task=transcription", "data.limit=12", "encoder.width=8", "encoder.heads=2", "head.heads=2")
    split = data.splits["test"]
    inputs, config = split[0].inputs, run.config
    with torch.no_grad():
        left = run.model.embedding(inputs)
    shown = drawn(run, split, 0, inputs)
    stride, stack = config.embedding.stride, config.data.stack
    assert stride > 1 and len(shown.labels) == len(left.values)
    assert left.coords is not None
    starts = left.coords[:, 0].numpy() * stack * 0.01
    assert shown.labels == [f"{start:.2f} s" for start in starts]
    # A vector is made of what the convolution reads, which lies around its start.
    half = config.embedding.window // 2
    np.testing.assert_allclose(shown.arrays["begin"], np.maximum(starts - half * stack * 0.01, 0), atol=1e-6)


def test_recordings_of_the_run_itself_are_heard_as_they_were_prepared(heard: tuple[Run, Data]) -> None:
    run, data = heard
    split = data.splits["test"]
    shown = drawn(run, split, 1, split[1].inputs)
    samples = np.frombuffer(shown.arrays["samples"].tobytes(), dtype="<i2")
    again, _ = given(run, (samples, 8000))
    assert again.labels == shown.labels
    difference = again.arrays["levels"].astype(int) - shown.arrays["levels"].astype(int)
    assert np.abs(difference).max() <= 1, "the sound that is carried gives the spectrogram that is drawn"


def test_long_recordings_carry_a_part_of_their_sound(heard: tuple[Run, Data]) -> None:
    shown, _ = given(heard[0], (np.full(60 * 8000, 700, dtype=np.int16), 8000))
    assert shown.facts["bits"] == 8 and shown.facts["heard"] == MOST_BYTES / 8000 < 60
    assert len(shown.arrays["samples"]) == MOST_BYTES and shown.arrays["samples"].max() == 255


def test_patches_cover_the_picture() -> None:
    run, data = run_of("task=digits", "encoder.width=16", "data.patch=3", "data.stride=2")
    split = data.splits["test"]
    shown = drawn(run, split, 0, split[0].inputs)
    assert (shown.arrays["pixels"] == split.picture(0)).all()
    rows, columns = shown.facts["rows"], shown.facts["columns"]
    assert rows * columns == len(shown.labels) == len(split[0].inputs.values)
    covered = np.zeros((8, 8), dtype=bool)
    for i in range(rows * columns):
        row, column = divmod(i, columns)
        covered[2 * row : 2 * row + 3, 2 * column : 2 * column + 3] = True
    assert covered.all() and 2 * (rows - 1) < 8 and shown.labels[columns] == "row 2, column 1"
    # A picture of another size, whose patches are told by its own coordinates.
    wide, inputs = given(run, np.arange(5 * 2000, dtype=np.uint32).reshape(5, 2000).astype(np.uint8))
    assert (wide.facts["rows"], wide.facts["columns"]) == (2, 1000) and len(wide.labels) == len(inputs.values)
    assert wide.arrays["pixels"].shape[1] <= MOST_PIXELS and wide.facts["width"] == 2000


def test_edges_are_those_of_the_graph() -> None:
    run, data = run_of("task=graph", "encoder.width=8", "encoder.heads=2", "data.limit=40")
    split = data.splits["test"]
    example = split[0].inputs
    shown = drawn(run, split, 0, example)
    picture = split.picture(0)
    assert (picture.edges == shown.arrays["edges"].T).all() and shown.facts["names"] == list(picture.names)
    assert len(set(shown.labels)) == len(shown.labels) > len(set(picture.names)), "nodes of one name stay apart"
    places = shown.arrays["places"]
    assert len(np.unique(places.round(2), axis=0)) == len(places) and places.min() >= 0
    again = drawn(run, split, 0, example).arrays["places"]
    assert (again == places).all(), "always the same"


@pytest.mark.parametrize("nodes", [6, 80])
def test_layouts_put_neighbours_nearer_and_parts_side_by_side(nodes: int) -> None:
    ring = np.array([(i, (i + 1) % nodes) for i in range(nodes)])
    two = np.concatenate([ring, ring + nodes]).T
    places = laid_out(2 * nodes, two)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert distance[two[0], two[1]].max() < distance[:nodes, :nodes].mean()
    boxes = [(places[part].min(axis=0), places[part].max(axis=0)) for part in (slice(nodes), slice(nodes, None))]
    (low_a, high_a), (low_b, high_b) = boxes
    assert ((high_a < low_b) | (high_b < low_a)).any(), "the boxes of both rings lie apart"


def test_a_graph_that_no_page_could_draw_is_refused() -> None:
    run, data = run_of("task=graph", "encoder.width=8", "encoder.heads=2", "data.limit=40")
    split = data.splits["test"]
    many = VectorSets.of(torch.zeros(MOST_NODES + 1, run.spec.features or 0))
    with pytest.raises(UserError, match="1,001 nodes, where a page can draw 1,000; give it a part"):
        drawn(run, split, 0, many)


@pytest.mark.parametrize(
    "words",
    [
        ("task=keywords", "encoder.scope=[window:2,window:1]", "encoder.depth=3"),
        ("task=keywords", "encoder.scope=window:4", "embedding=strided_convolution", "embedding.window=1"),
        ("task=keywords", "encoder.scope=causal"),
        ("task=keywords", "encoder=convolution", "encoder.depth=2"),
        ("task=keywords", "encoder=fully_connected", "encoder.radius=1", "encoder.depth=2"),
        ("task=keywords", "encoder=recurrent"),
        ("task=digits", "data.patch=1", "encoder=convolution", "encoder.depth=2"),
        ("task=digits", "data.patch=1", "encoder.scope=window:1", "encoder.depth=2"),
        ("task=graph", "encoder=graph_conv", "encoder.depth=2"),
        ("task=graph", "encoder.scope=edges", "encoder.depth=2"),
    ],
    ids=" ".join,
)
def test_reach_is_where_gradients_are(words: tuple[str, ...]) -> None:
    """Oracle: a vector after the encoder has a slope with respect to exactly those before it that are within reach."""
    small = ["encoder.width=16", "encoder.dropout=0", "data.limit=12"]
    run, data = run_of(*words, *small)
    inputs = max((data.splits["test"][i].inputs for i in range(3)), key=lambda sets: len(sets.values))
    with torch.no_grad():
        sets = run.model.embedding(inputs)
    values = sets.values.clone().requires_grad_()
    count = len(values)
    query = count // 2
    encoded = run.model.encoder(replace(sets, values=values)).values[query]
    # Sums of normalised numbers are 0 whatever goes in: a random direction is asked for.
    (slopes,) = torch.autograd.grad(encoded @ torch.randn(encoded.shape), values)
    depends = (slopes.abs().sum(dim=1) > 0).numpy()
    last = reaches(run.config, run.spec)[-1]
    np.testing.assert_array_equal(depends, reached(last, sets, query))


def reached(reach: Reach, sets: VectorSets, query: int) -> np.ndarray:
    if sets.coords is None:
        assert sets.edges is not None
        found = {query}
        for _ in range(reach.before or 0):
            found |= {a for a, b in sets.edges.T.tolist() if b in found}
        return np.isin(np.arange(len(sets.values)), list(found))
    order = sets.coords.numpy()
    order = order / max(1.0, float(np.diff(np.unique(order[:, 0])).min(initial=np.inf)))
    difference = order - order[query]
    low = -np.inf if reach.before is None else -reach.before
    high = np.inf if reach.after is None else reach.after
    return ((difference >= low) & (difference <= high)).all(axis=1)


# --- in a browser -----------------------------------------------------------------------------------

SOUND = Drawn(
    "sound",
    [f"{0.03 * i:.2f} s" for i in range(20)],
    {
        "seconds": 0.615,
        "step": 0.03,
        "features": "log-mel bands",
        "reach": [[2, 2], [4, 4]],
        "rate": 8000,
        "bits": 16,
        "heard": 0.615,
    },
    {
        "levels": np.full((10, 60), 128, dtype=np.uint8),
        "begin": (np.arange(20) * 0.03).astype(np.float32),
        "end": (np.arange(20) * 0.03 + 0.05).astype(np.float32),
        "samples": np.frombuffer((np.sin(np.arange(4920) / 8) * 9000).astype("<i2").tobytes(), dtype=np.uint8),
    },
)
PICTURE = Drawn(
    "picture",
    [f"row {i // 4 + 1}, column {i % 4 + 1}" for i in range(12)],
    {"height": 11, "width": 16, "patch": 4, "stride": 4, "rows": 3, "columns": 4, "reach": [[1, 1], [2, 2]]},
    {"pixels": np.full((11, 16, 1), 90, dtype=np.uint8)},
)
RING = np.array([(i, (i + 1) % 6) for i in range(6)])
EDGES = np.concatenate([RING, RING[:, ::-1], [(0, 6), (6, 0)]]).T
GRAPH = Drawn(
    "graph",
    [f"C #{i}" for i in range(6)] + ["<b>O</b> #6"],
    {"names": ["C"] * 6 + ["<b>O</b>"], "unknown": [6], "reach": [[1, 1]]},
    {"places": laid_out(7, EDGES).astype(np.float32), "edges": EDGES.astype(np.int32)},
)
OPEN = """async () => {
  const { facts, arrays } = await unpack("set");
  window.chosen = [];
  window.view = VIEWS[facts.kind](document.getElementById("host"), { ...facts, arrays }, (i) => chosen.push(i));
}"""
SHOW = """([scores, shown, weights]) => {
  const weight = weights ? (i, j) => weights[i][j] : null;
  view.show(Float32Array.from(scores), { query: null, signed: false, threshold: 0, ...shown, weight });
}"""
GREYS = """(places) => { const canvas = document.querySelector("#host canvas"), read = make("canvas", { width: canvas.width, height: canvas.height });
  const drawing = read.getContext("2d", { willReadFrequently: true });
  drawing.drawImage(canvas, 0, 0);
  return places.map(([x, y]) => [...drawing.getImageData(Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data].slice(0, 3)); }"""


def written(shown: Drawn, path: Path) -> Path:
    """A page with nothing but one drawing."""
    text = page("base.html", "Drawn", {}, ("view.js", "views.js"))
    data = packed({"kind": shown.kind, "labels": shown.labels, **shown.facts}, shown.arrays)
    element = f'<div id="host"></div><script type="application/octet-stream;base64" id="set">{data}</script>'
    path.write_text(text.replace("<main>", f"<main>{element}"), encoding="utf-8")
    return path


def opened(browser: Browser, shown: Drawn, folder: Path, width: int = 1280, dark: bool = False) -> Opened:
    tab = Opened(browser, written(shown, folder / f"{shown.kind}.html"), width, dark)
    tab.page.evaluate(OPEN)
    return tab


def show(tab: Opened, scores: list[float], weights: list[list[float]] | None = None, **shown: object) -> None:
    tab.page.evaluate(SHOW, [scores, shown, weights])


@needs_browser
@pytest.mark.parametrize("width, dark", [(1280, False), (390, True)])
def test_the_strongest_patch_has_the_strongest_colour(
    browser: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    tab = opened(browser, PICTURE, tmp_path, width, dark)
    middles = [[(i % 4 * 4 + 2.5) / 16, (i // 4 * 4 + 1.5) / 11] for i in range(12)]
    weak, strong = 0.02, 0.7
    show(tab, [strong if i == 6 else weak for i in range(12)], query=1)
    drawn_weights = np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1)
    show(tab, [0.0] * 12, query=1)
    bare = np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1)
    changes = np.abs(drawn_weights - bare)
    assert (
        changes.argmax() == 6
        and np.delete(changes, 6).max() < changes[6] / 3
        and np.delete(changes, [1, 6]).min() > 0
    )
    show(tab, [0.04 if i == 6 else 0.01 for i in range(12)], query=1)
    small = np.abs(np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1) - bare)
    tab.page.get_by_label("strongest colour at the largest weight").check()
    stretched = np.abs(np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1) - bare)
    assert small[6] < changes[6] < stretched[6] and "0.040" in tab.page.inner_text("#host .scale"), (
        "said where it ends"
    )
    tab.page.get_by_label("strongest colour at the largest weight").uncheck()
    show(tab, [strong if i == 6 else weak for i in range(12)], query=1, threshold=0.1)
    hidden = np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1)
    assert (np.delete(hidden, 6) == np.delete(bare, 6)).all() and hidden[6] == drawn_weights[6]
    # The nearer field of a corner is 2 × 2 patches, of the patch in question 2 × 3.
    assert "2 × 3 patches after layer 1, 3 × 4 patches after layer 2" in tab.page.inner_text("#host")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.troubles == []


@needs_browser
def test_patches_are_chosen_by_pointer_and_keys(browser: Browser, tmp_path: Path) -> None:
    tab = opened(browser, PICTURE, tmp_path)
    show(tab, [0.01 * i for i in range(12)], query=0)
    canvas = tab.page.locator("#host canvas").first
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] * 10 / 16, "y": box["height"] * 6 / 11})
    assert tab.page.evaluate("chosen") == [6]
    assert tab.page.locator(".tip").inner_text() == "row 2, column 3: 0.060"
    show(tab, [0.01 * i for i in range(12)], query=6)
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "Home", "End"):
        canvas.press(key)
    assert tab.page.evaluate("chosen") == [6, 7, 10, 2, 0, 11]
    assert canvas.get_attribute("aria-valuetext") == "row 2, column 3: 0.060"
    assert tab.troubles == []


@needs_browser
@pytest.mark.parametrize("width, dark", [(1280, False), (390, True)])
def test_frames_carry_their_scores_along_time(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    tab = opened(browser, SOUND, tmp_path, width, dark)
    middles = [[(i + 0.5) * 0.03 / 0.615, 0.4] for i in range(20)]
    show(tab, [0.6 if i == 12 else 0.02 for i in range(20)], query=3)
    shown = np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1)
    show(tab, [0.0] * 20, query=3)
    bare = np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1)
    assert np.abs(shown - bare).argmax() == 12
    show(tab, [0.6 if i == 12 else 0.02 for i in range(20)], query=3, threshold=0.1)
    hidden = np.array(tab.page.evaluate(GREYS, middles)).sum(axis=1)
    assert np.flatnonzero(hidden != bare).tolist() == [12]
    text = tab.page.inner_text("#host")
    # From the begin of the frame two (four) before to the end of the one two (four) after; no sound is before 0.
    assert "0.09 s depends on 0.03–0.20 s after layer 1, 0.00–0.26 s after layer 2." in text
    assert "0.09 s looks most at 0.36 s (0.600); at itself: 0.020." in text
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.troubles == []


@needs_browser
def test_frames_are_chosen_and_the_cursor_follows_the_sound(browser: Browser, tmp_path: Path) -> None:
    tab = opened(browser, SOUND, tmp_path)
    show(tab, [0.05] * 20, query=None)
    canvas = tab.page.locator("#host canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] * 0.37 / 0.615, "y": 60})
    canvas.press("ArrowRight")
    canvas.press("PageDown")
    canvas.press("Home")
    assert tab.page.evaluate("chosen") == [12, 13, 19, 0]
    tab.wait("document.querySelector('audio').readyState > 0")
    assert tab.page.evaluate("document.querySelector('audio').duration") == pytest.approx(0.615, abs=1e-3)
    tab.page.evaluate("document.querySelector('audio').currentTime = 0.3")
    tab.wait("document.querySelector('.cursor').style.transform !== ''")
    tab.wait("!document.querySelector('audio').seeking")
    moved = tab.page.locator(".cursor").bounding_box()
    assert moved is not None and moved["x"] - box["x"] == pytest.approx(box["width"] * 0.3 / 0.615, abs=2)
    assert tab.troubles == []


@needs_browser
@pytest.mark.parametrize("width, dark", [(1280, False), (390, True)])
def test_edges_are_weighted_in_both_directions(browser: Browser, tmp_path: Path, width: int, dark: bool) -> None:
    tab = opened(browser, GRAPH, tmp_path, width, dark)
    weights = np.zeros((7, 7))
    weights[0, 1], weights[1, 0], weights[0, 0], weights[0, 3], weights[0, 6] = 0.5, 0.1, 0.2, 0.15, 0.15
    show(tab, weights[0].tolist(), weights.tolist(), query=0, threshold=0.05)
    arcs = tab.page.evaluate(
        "[...document.querySelectorAll('.arcs path:not(.absent)')].map((arc) => [arc.getAttribute('class') ?? '', Number(arc.getAttribute('stroke-width'))])"
    )
    # 0 looks at 1 and 6 along edges, 1 at 0 less; and 0 at 3, without an edge between them.
    assert sorted(width for kind, width in arcs if "own" in kind) == [1.45, 1.45, 3.2]
    assert [width for kind, width in arcs if "own" not in kind] == [1.2]
    assert [kind for kind, _ in arcs].count("unlinked own") == 1
    rings = tab.page.evaluate(
        "[...document.querySelectorAll('.self')].map((ring) => ring.classList.contains('absent') ? 0 : Number(ring.getAttribute('stroke-width')))"
    )
    assert rings == [1.5, 0, 0, 0, 0, 0, 0]
    fills = tab.page.evaluate("[...document.querySelectorAll('.disc')].map((disc) => getComputedStyle(disc).fill)")
    assert fills[1] == tab.page.evaluate("weightColour(0.5)") != fills[2] == tab.page.evaluate("weightColour(0)")
    beyond = tab.page.evaluate(
        "[...document.querySelectorAll('.node')].map((node) => node.classList.contains('beyond'))"
    )
    assert beyond == [False, False, True, True, True, False, False], "one layer: neighbours alone"
    show(tab, weights[0].tolist(), weights.tolist(), query=0, threshold=0.4)
    assert tab.page.locator(".arcs path:not(.absent)").count() == 1
    show(tab, [-0.5, 0, 0, 0, 0, 0, 1], None, query=None, signed=True)
    assert tab.page.locator(".arcs path:not(.absent)").count() == 0
    assert tab.page.evaluate("getComputedStyle(document.querySelector('.disc')).fill === signedColour(-0.5)")
    assert tab.page.locator("b").count() == 0, "names are text"
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.troubles == []


@needs_browser
def test_nodes_are_chosen_by_pointer_and_keys(browser: Browser, tmp_path: Path) -> None:
    tab = opened(browser, GRAPH, tmp_path)
    show(tab, [0.1] * 7, None, query=0)
    tab.page.locator("[data-node='3']").click()
    assert tab.page.evaluate("chosen") == [3]
    tab.page.keyboard.press("Home")
    tab.page.keyboard.press("End")
    assert tab.page.evaluate("chosen") == [3, 0, 6]
    x, y = GRAPH.arrays["places"].astype(float).T
    leftmost = int(x.argmin())
    tab.page.locator(f"[data-node='{leftmost}']").focus()
    tab.page.keyboard.press("ArrowLeft")
    assert tab.page.evaluate("chosen.length") == 3, "there is nothing on that side"
    tab.page.keyboard.press("ArrowRight")
    to = tab.page.evaluate("chosen.at(-1)")
    assert x[to] > x[leftmost] and abs(y[to] - y[leftmost]) <= 3 * (x[to] - x[leftmost])
    assert "never seen in training" in (tab.page.locator("[data-node='6']").get_attribute("aria-label") or "")
    assert tab.troubles == []


def large(kind: str) -> Drawn:
    """A minute of sound, 1,000 patches, 500 nodes."""
    random = np.random.default_rng(0)
    if kind == "sound":
        facts = {
            "seconds": 60.0,
            "step": 0.03,
            "features": "log-mel bands",
            "reach": [[8, 8]],
            "rate": 8000,
            "bits": 8,
            "heard": 40.0,
        }
        begin = (np.arange(2000) * 0.03).astype(np.float32)
        arrays = {"levels": random.integers(0, 256, (40, 6000), dtype=np.uint8), "begin": begin, "end": begin + np.float32(0.045),
                  "samples": random.integers(0, 256, MOST_BYTES, dtype=np.uint8)}  # fmt: skip
        return Drawn(kind, [f"{0.03 * i:.2f} s" for i in range(2000)], facts, arrays)
    if kind == "picture":
        facts = {
            "height": 400,
            "width": 640,
            "patch": 16,
            "stride": 16,
            "rows": 25,
            "columns": 40,
            "reach": [[1, 1], [2, 2]],
        }
        pixels = random.integers(0, 256, (400, 640, 3), dtype=np.uint8)
        return Drawn(
            kind, [f"row {i // 40 + 1}, column {i % 40 + 1}" for i in range(1000)], facts, {"pixels": pixels}
        )
    pairs = np.unique(np.sort(random.integers(0, 500, (1000, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    edges = np.concatenate([pairs, pairs[:, ::-1]]).T
    arrays = {"places": random.random((500, 2), dtype=np.float32) * 30, "edges": edges.astype(np.int32)}
    return Drawn(kind, [f"#{i}" for i in range(500)], {"names": [], "unknown": [], "reach": [[2, 2]]}, arrays)


TIMED = """([count]) => { const weight = (i, j) => ((i * 31 + j * 17) % 97) / 97, times = [];
  for (let turn = 0; turn < 5; turn++) { const start = performance.now();
    view.show(Float32Array.from({ length: count }, (_, j) => weight(turn, j)), { query: turn, signed: false, threshold: 0, weight });
    document.body.getBoundingClientRect(); times.push(performance.now() - start); }
  return times.sort((a, b) => a - b)[2]; }"""


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sound", "picture", "graph"])
def test_large_sets_stay_small_and_quick(browser: Browser, tmp_path: Path, kind: str) -> None:
    shown = large(kind)
    tab = opened(browser, shown, tmp_path)
    size = (tmp_path / f"{kind}.html").stat().st_size
    milliseconds = tab.page.evaluate(TIMED, [len(shown.labels)])
    print(json.dumps({"kind": kind, "bytes": size, "milliseconds to show": round(milliseconds, 1)}))
    assert size < 5_000_000 and milliseconds < 1000
    assert tab.troubles == []
