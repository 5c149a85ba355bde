"""What Python packs the browser unpacks to the bit, and whatever texts a page is given, it shows them and runs nothing."""

import re

import numpy as np
import pytest
from browser import needs_browser
from markupsafe import Markup

from attnlab.pages.charts import Axis, Curve, Series, bars, lines
from attnlab.pages.page import packed, visible

pytestmark = needs_browser
HOSTILE = [
    "</script><script>ran = 1</script>", "<img src=x onerror='ran = 1'>", "\"'><svg onload=\"ran = 1\">", "{{ 7 * 7 }}",
    "javascript:ran=1", "<!--", "]]>", "\u202eleft", "שלום עולם", "\x1b[31mred\x07", "a\x00b", "half \udc80", "長い", "&lt;b&gt;",
]  # fmt: skip
FLOATS = np.array([0.0, -0.0, 1e-45, -1e-40, np.inf, -np.inf, np.nan, 3.4e38, 0.1], np.float32)
ARRAYS = {
    "halves": np.arange(65536, dtype=np.uint16).view(np.float16).reshape(256, 256),  # every one that there is
    "bytes": np.arange(255, -1, -1).astype(np.uint8)[:251],  # so that what follows begins behind a gap
    "floats": FLOATS,
    "empty": np.zeros((0, 3), np.float32),
    "wholes": np.array([[-(2**31), 2**31 - 1], [0, -1]], np.int32),
    "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
}
BITS = """async () => {
  const { facts, arrays } = await unpack("packed");
  const bits = ({ shape, values }) => ({ shape, kind: values.constructor.name, bits: values instanceof Float32Array
    ? Array.from(new Uint32Array(values.buffer, values.byteOffset, values.length)) : Array.from(values) });
  return { facts: JSON.stringify(facts), arrays: Object.fromEntries(Object.entries(arrays).map(([n, a]) => [n, bits(a)])) };
}"""


def test_arrays_of_every_type_arrive_to_the_bit(write, opened) -> None:
    data = "{{ parts.data_script('packed', packed) }}"
    page = opened(write("", {"packed": packed({"no": [None, True, 0.1]}, ARRAYS)}, data))
    found = page.page.evaluate(BITS)
    assert found["facts"] == '{"no":[null,true,0.1]}' and list(found["arrays"]) == list(ARRAYS)
    for name, array in ARRAYS.items():
        expected = array.astype(np.float32) if array.dtype.kind == "f" else array
        got = found["arrays"][name]
        assert got["shape"] == list(array.shape), name
        assert (
            got["kind"]
            == {"float32": "Float32Array", "uint8": "Uint8Array", "int32": "Int32Array"}[str(expected.dtype)]
        )
        flat = expected.ravel()
        if array.dtype.kind == "f":
            bits, known = np.array(got["bits"], np.uint32), ~np.isnan(flat)
            assert np.array_equal(bits[known], flat.view(np.uint32)[known]), name
            assert np.isnan(bits.view(np.float32)[~known]).all()
        else:
            assert got["bits"] == flat.tolist(), name
    assert page.troubles == []


EVERYWHERE = """
{{ parts.header(heading, texts) }}{{ parts.contents([(heading, heading)]) }}{{ parts.cards([(heading, heading, heading)]) }}
{{ parts.notes(texts, "warning") }}{{ parts.facts([(heading, heading)]) }}{{ parts.legend([(heading, heading)]) }}
{{ parts.table([heading, "n"], rows, [1], heading) }}{{ parts.command(heading) }}
{{ parts.bars([{"name": heading, "value": 1, "text": heading, "low": 0.5, "high": 0.9, "colour": heading}]) }}
{% call parts.figure(heading, heading) %}{{ chart }}{% endcall %}<div id="unpacked"></div>"""


@pytest.mark.parametrize("heading", HOSTILE)
def test_hostile_texts_are_shown_and_run_nothing(heading: str, write, opened) -> None:
    axis = Axis(heading)
    values = {
        "heading": heading, "texts": HOSTILE, "rows": [[text, {"text": text, "sort": text}] for text in HOSTILE],
        "chart": lines([Curve(heading, [1, 2], [1, 2], titles=[heading] * 2, key=heading, colour=heading)], heading, axis, axis)
        + bars([heading], [Series(heading, [1], titles=[heading])], heading, axis),
        "packed": packed({heading: HOSTILE}, {}),
    }  # fmt: skip
    one = opened(write(EVERYWHERE, values, "{{ parts.data_script('packed', packed) }}"), dark=True)
    page, shown = one.page, visible(heading)
    assert page.evaluate("typeof ran") == "undefined"
    assert (
        page.evaluate("document.scripts.length") == 2 and page.locator("img, svg svg, iframe, object").count() == 0
    )
    assert page.evaluate("document.querySelector('h1').textContent") == shown
    assert page.title() == re.sub(r"\s+", " ", shown)
    cells = page.evaluate("[...document.querySelectorAll('.sortable td:first-child')].map((c) => c.textContent)")
    assert cells == list(map(visible, HOSTILE))
    assert page.evaluate("document.querySelector('.chart svg').getAttribute('aria-label')") == shown
    assert page.evaluate("document.querySelector('.point').dataset.tip") == shown
    assert one.troubles == []


def test_packed_facts_keep_every_text(write, opened) -> None:
    one = opened(write("", {"packed": packed(HOSTILE, {})}, "{{ parts.data_script('packed', packed) }}"))
    codes = "(text) => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i))"
    found = one.page.evaluate(f"unpack('packed').then(({{ facts }}) => facts.map({codes}))")
    assert found == [list(np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)) for text in HOSTILE]


def test_no_script_runs_but_the_pages_own_even_if_a_text_was_not_escaped(write, opened) -> None:
    body = "<b id='here'></b><script>ran = 1</script><img src=x onerror='ran = 1'><p onclick='ran = 1' id='p'>press</p>{{ b }}"
    one = opened(write(body, {"b": Markup("<script>ran = 1</script>")}))
    one.page.click("#p")
    assert one.page.evaluate("typeof ran") == "undefined"
    assert one.page.evaluate("typeof unpack") == "function"
    assert any("Content Security Policy" in trouble for trouble in one.troubles), "the browser says so"


def test_signs_stand_for_what_cannot_be_shown() -> None:
    assert visible("\x1b[2J\ta\nb\x7f\x9b\udcff長") == "\u241b[2J\ta\nb\ufffd\ufffd\ufffd長"
