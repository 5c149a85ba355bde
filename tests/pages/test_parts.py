"""Buttons, keys and colours of pages do what they say, and pages are whole without them."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from browser import needs_browser
from torchvision.io import ImageReadMode, decode_image

from attnlab.pages.charts import Curve, Series, bars, lines

pytestmark = needs_browser
THEMES = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def test_a_click_on_a_head_sorts_and_the_next_one_turns_the_order(write, opened) -> None:
    texts = ["1,200 words", "3", "", "−5", "0.5 ± 0.1", "12 %", "1e-3"]
    rows = [[f"row {i}", text, {"text": text, "sort": i}] for i, text in enumerate(texts)]
    page = opened(write("{{ parts.table(['name', 'n', 'key'], rows, [1]) }}", {"rows": rows})).page
    column = "[...document.querySelectorAll('td:nth-child(2)')].map((cell) => cell.textContent)"
    page.locator("th button").nth(1).click()
    assert page.evaluate(column) == ["−5", "1e-3", "0.5 ± 0.1", "3", "12 %", "1,200 words", ""]
    assert page.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")  # the button has the focus
    assert page.evaluate(column) == ["1,200 words", "12 %", "3", "0.5 ± 0.1", "1e-3", "−5", ""]
    page.locator("th button").nth(2).click()
    assert page.evaluate(column) == texts and page.locator("th").nth(1).get_attribute("aria-sort") is None
    page.locator("th button").nth(0).click()
    page.locator("th button").nth(0).click()
    assert page.evaluate(column) == texts[::-1], "names by their letters"


@THEMES
def test_a_figure_is_saved_as_it_is_shown(dark: bool, write, opened, tmp_path) -> None:
    chart = lines(
        [
            Curve(
                "a <b>",
                [1, 2, 3],
                [1, 5, 2],
                low=[0, 4, 1],
                high=[2, 6, 3],
                colour="color-mix(in oklab, red, blue)",
            )
        ],
        "chart",
    )
    one = opened(
        write("{% call parts.figure('seen', 'my curves') %}{{ chart }}{% endcall %}", {"chart": chart}), dark=dark
    )
    saved = {}
    for kind in ("svg", "png"):
        with one.page.expect_download() as download:
            one.page.click(f"[data-save={kind}]")
        assert download.value.suggested_filename == f"my curves.{kind}"
        download.value.save_as(tmp_path / kind)
        saved[kind] = (tmp_path / kind).read_bytes()
    text = saved["svg"].decode()
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and not any(
        word in text for word in ("var(", "oklab", "class=")
    )
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert "a <b>: 2, 5" in titles, titles
    pixels = decode_image(torch.frombuffer(bytearray(saved["png"]), dtype=torch.uint8), ImageReadMode.RGB).numpy()
    assert pixels.shape == (3, 600, 1440)
    ground = one.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert pixels[:, 0, 0].tolist() == ground and len(np.unique(pixels.reshape(3, -1), axis=1).T) > 50
    assert one.troubles == []


def test_a_canvas_is_saved_as_png_alone(write, opened) -> None:
    one = opened(
        write("{% call parts.figure('m', 'm') %}<canvas id='m' width='3' height='2'></canvas>{% endcall %}", {})
    )
    assert not one.page.locator("[data-save=svg]").is_visible()
    with one.page.expect_download() as download:
        one.page.click("[data-save=png]")
    assert io.BytesIO(download.value.path().read_bytes()).read(8) == b"\x89PNG\r\n\x1a\n"


def test_a_command_is_copied_without_its_button(write, opened) -> None:
    tab = opened(write("{{ parts.command('attnlab train task=pos') }}", {}))
    page = tab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click(".copy")
    tab.wait("document.querySelector('.copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == "attnlab train task=pos"


def test_arrow_keys_go_from_mark_to_mark(write, opened) -> None:
    page = opened(
        write("{{ chart }}", {"chart": bars(["x", "y"], [Series("", [1, 3], [0, 2], [2, 4])], "F1")})
    ).page
    page.keyboard.press("Tab")
    said = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "Home"):
        page.keyboard.press(key)
        said.append(page.inner_text("[role=status]"))
    assert said == ["x: 1 (0 to 2)", "y: 3 (2 to 4)", "y: 3 (2 to 4)", "x: 1 (0 to 2)"]
    page.keyboard.press("Escape")
    assert not page.locator("[role=status]").is_visible()
    page.hover(".bar >> nth=1")
    assert page.inner_text("[role=status]") == "y: 3 (2 to 4)"


MATRIX = """() => {
  const values = Float32Array.from({ length: 12 }, (_, i) => i / 11), heard = [];
  const shown = matrix(document.getElementById("m"), { rows: 3, columns: 4, values, label: "weights",
    tell: (row, column, value) => `${row}, ${column}: ${value.toFixed(2)}`,
    onCell: (row, column) => heard.push([row, column]), onPick: (row, column) => heard.push(["pick", row, column]) });
  Object.assign(window, { shown, heard });
}"""
PIXELS = """() => {
  const canvas = document.getElementById("m"), cell = canvas.width / 4, found = [];
  const copy = make("canvas", { width: canvas.width, height: canvas.height }), context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0);
  for (let row = 0; row < 3; row++) for (let column = 0; column < 4; column++)
    found.push(`rgb(${[...context.getImageData((column + 0.5) * cell, (row + 0.5) * cell, 1, 1).data].slice(0, 3).join(", ")})`);
  return [canvas.width % 4, found, Array.from({ length: 12 }, (_, i) => weightColour(Math.round(i / 11 * 1024) / 1024))];
}"""


@THEMES
def test_a_matrix_shows_absolute_values_and_is_reached_by_pointer_and_keys(dark: bool, write, opened) -> None:
    one = opened(write("<div style='width:400px'><canvas id='m'></canvas></div>", {}), dark=dark)
    page = one.page
    page.evaluate(MATRIX)
    for theme in (dark, not dark):
        page.emulate_media(color_scheme="dark" if theme else "light")
        page.wait_for_timeout(50)
        rest, found, expected = page.evaluate(PIXELS)
        assert rest == 0 and found == expected and len(set(found)) == 12
    box = page.locator("#m").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    assert page.inner_text("[role=status]") == "1, 2: 0.55"
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    page.mouse.move(box["x"] + box["width"] + 200, box["y"])
    page.focus("#m")
    for key in ("ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight", "Enter", "End"):
        page.keyboard.press(key)
    expected = [[1, 2], ["pick", 1, 2], [None, None], [0, 0], [1, 0], [1, 1], ["pick", 1, 1], [1, 3]]
    assert page.evaluate("heard") == expected
    page.evaluate("shown.draw(new Float32Array(12).fill(0.25))")
    assert page.evaluate(PIXELS)[1][0] == page.evaluate("weightColour(0.25)"), (
        "never stretched to the largest value"
    )
    assert one.troubles == []


SIMULATED = {
    "red-blind": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "green-blind": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "blue-blind": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""Of linear red, green and blue (Machado et al. 2009, complete)."""
VARIABLES = "(names) => names.map((name) => hex(name))"


def linear(colours: list[list[int]]) -> np.ndarray:
    part = np.array(colours) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def luminance(colours: list[list[int]]) -> np.ndarray:
    return linear(colours) @ [0.2126, 0.7152, 0.0722]


def contrast(a: float, b: float) -> float:
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


@THEMES
def test_texts_and_curves_can_be_read_and_colours_told_apart(dark: bool, write, opened) -> None:
    page = opened(write("", {}), dark=dark).page
    ground, ink, soft, *series = page.evaluate(
        VARIABLES, ["--ground", "--ink", "--soft", *(f"--series-{i}" for i in range(1, 9))]
    )
    on_ground = [contrast(*luminance([colour, ground])) for colour in (ink, soft, *series)]
    assert min(on_ground[:2]) >= 4.5 and min(on_ground[2:]) >= 3, on_ground
    weights = page.evaluate(
        "Array.from({ length: 101 }, (_, i) => weightColour(i / 100).match(/\\d+/g).map(Number))"
    )
    steps = np.diff(luminance(weights))
    assert (steps > 0).all() if dark else (steps < 0).all(), "a larger weight is always further from the ground"
    assert contrast(*luminance([weights[0], weights[5]])) > 1.1 and weights[0] == ground, "small ones can be seen"
    for kind, matrix in SIMULATED.items():
        against, favour = (np.clip(linear([c]) @ np.array(matrix).T, 0, 1) ** (1 / 2.4) for c in page.evaluate(
            "[-0.5, 0.5].map((x) => signedColour(x).match(/\\d+/g).map(Number))"))  # fmt: skip
        assert np.abs(against - favour).max() > 0.15, kind
    assert (
        page.evaluate("signedColour(0)") == page.evaluate("weightColour(0)") == page.evaluate("weightColour(NaN)")
    )


def test_without_scripts_everything_is_there_but_the_buttons(write, browser, tmp_path) -> None:
    chart = lines([Curve("a", [1, 2], [1, 2])], "chart")
    body = "{{ parts.table(['a'], [['cell']]) }}{% call parts.figure('seen') %}{{ chart }}{% endcall %}{{ parts.command('attnlab') }}"
    (tmp_path / "page.html").write_text(write(body, {"chart": chart}))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("td").inner_text() == "cell" and page.locator(".point").count() == 2
    assert page.locator("button:visible").count() == 0 and page.locator("title").count() > 2
    context.close()
