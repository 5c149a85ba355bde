"""`attnlab bench` measures what it says, and its page shows it without loading or trusting anything."""

import json
from pathlib import Path

import pytest

from attnlab.cli import main
from attnlab.config import AttentionEncoder
from attnlab.lab.bench import measure
from attnlab.lab.bench.page import page
from attnlab.lab.bench.sections import SECTIONS, words_of


def test_a_section_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["encoder.width=8", "encoder.depth=1", "encoder.heads=1", "data.limit=60", "trainer.threads=1"]
    words = ["sections=loop", "updates=2", f"out={tmp_path}/bench", f"data.cache={tmp_path}/cache", *small]
    assert main(["bench", *words]) == 0
    found = json.loads((tmp_path / "bench" / "bench.json").read_text(encoding="utf-8"))["sections"]["loop"]
    assert found["updates"] == 2 and found["step_ms"] > 0 and found["memory_mib"] > 50
    assert 0 < found["train_vectors_per_second"] <= found["loop_vectors_per_second"] * 1.01
    assert set(found["parts"]) == set(measure.PARTS) and found["parts"]["attention"] > 0
    assert "loop:" in capsys.readouterr().out and (tmp_path / "bench" / "bench.html").exists()


def test_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in (
        (["sections=taging"], "no such section; did you mean"),
        (["sections="], "`sections=`: no such section; choose one of"),
        (["updates=none"], "expected a number of updates"),
        (["shared=/nowhere"], "no such folder"),
    ):
        assert main(["bench", *words]) == 2
        assert told in capsys.readouterr().err


def test_multiplications_of_an_encoder() -> None:
    encoder = AttentionEncoder(width=4, depth=3, heads=2, feed_forward=2)
    each = 4 * 12 + 4 * 4 + 2 * 4 * 8  # queries, keys and values; the mixing matrix; two layers of 8
    assert measure.multiplications(encoder, [2, 3]) == 3 * (5 * each + 2 * (4 + 9) * 4)


def test_real_data_lie_where_one_says() -> None:
    words = words_of(SECTIONS["graphs"], "/some/where")
    assert "data.path=/some/where/tu/PROTEINS" in words and words_of(SECTIONS["graphs"], None) == [
        "task=graph",
        *words[1:3],
    ]


def test_the_page_escapes_and_loads_nothing() -> None:
    section = {
        "unit": "<i>words", "vectors_per_second": 10.0, "train_vectors_per_second": 9.0, "step_ms": 1.0,
        "memory_mib": 100.0, "share_of_peak": 0.5, "parts": dict.fromkeys(measure.PARTS, 1.0),
        "by_length": [{"length": 8, "vectors_per_second": 5.0}, {"length": 64, "vectors_per_second": 10.0}],
    }  # fmt: skip
    text = page({"machine": {"processor": "<script>"}, "data": "embedded", "sections": {"<b>": section}})
    assert "<script>" not in text and "&lt;script&gt;" in text and "<i>words" not in text and "<b>" not in text
    assert "http" not in text.replace("http-equiv", "") and text.count("<rect") == len(measure.PARTS)
