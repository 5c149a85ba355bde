"""`attnlab bench` measures what it says, and its page shows it without loading or trusting anything."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from attnlab import compose
from attnlab.cli import main
from attnlab.config import AttentionEncoder
from attnlab.lab.bench import measure
from attnlab.lab.bench.page import page
from attnlab.lab.bench.parts import step_parts
from attnlab.lab.bench.sections import PARTS, SECTIONS, Measurement, words_of
from attnlab.model import build as models
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.parts import Parts
from attnlab.training.run import load_data

SMALL = ["encoder.width=8", "encoder.depth=1", "encoder.heads=1", "data.limit=60", "trainer.threads=1"]


@pytest.mark.slow
def test_a_section_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sections=loop", "updates=2", f"out={tmp_path}/bench", f"data.cache={tmp_path}/cache", *SMALL]
    assert main(["bench", *words]) == 0
    loop = json.loads((tmp_path / "bench" / "bench.json").read_text(encoding="utf-8"))["sections"]["loop"]
    assert loop["updates"] == 2 and loop["step_ms"] > 0 and loop["memory_mib"] > 50
    assert loop["train_vectors_per_second"] > 0 and loop["loop_vectors_per_second"] > 0
    assert set(loop["parts"]) == set(PARTS) and loop["parts"]["attention"] > 0
    assert "loop:" in capsys.readouterr().out and (tmp_path / "bench" / "bench.html").exists()


def test_speed_of_the_loop_and_of_all_of_train(monkeypatch: pytest.MonkeyPatch) -> None:
    train = {"vectors_per_second": 100.0, "seconds": 3.0, "wall_seconds": 4.0, "data_wait": 0.25}
    monkeypatch.setattr(measure, "start", lambda *_, quiet: SimpleNamespace(results={"train": train}))
    epoch = measure.one_epoch(["task=pos"], per_vector=2.0)  # 300 vectors, 600 of what is counted
    expected = {"loop_vectors_per_second": 200.0, "train_vectors_per_second": 150.0, "data_wait": 0.25}
    assert epoch == expected


@pytest.mark.parametrize("task", ["pos", "translation"])
def test_a_model_is_the_same_after_its_parts_were_timed(task: str) -> None:
    config = compose.compose([f"task={task}", *SMALL, "encoder.dropout=0", "trainer.batch_vectors=100"])
    data = load_data(config)
    models.resolve(config, data.spec)
    torch.manual_seed(1)
    model = models.build(config, data.spec)
    training = Training(config, model, Parts.alone(config, data), Engine(config.trainer))
    before = [(set(vars(module)), len(module._forward_hooks)) for module in model.modules()]
    parts = step_parts(training, [group[0] for group in training.mixture.groups(0)[:2]])
    assert all(parts[part] > 0 for part in PARTS if part != "rest")
    assert before == [(set(vars(module)), len(module._forward_hooks)) for module in model.modules()]


def test_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        (["sections=taging"], "no such section; did you mean"),
        (["sections="], "`sections=`: no such section; choose one of"),
        (["updates=none"], "expected a number of updates"),
        (["shared=/nowhere"], "no such folder"),
    ):
        assert main(["bench", *words]) == 2
        assert sentence in capsys.readouterr().err


def test_multiplications_of_an_encoder() -> None:
    encoder = AttentionEncoder(width=4, depth=3, heads=2, feed_forward=2)
    per_vector = 4 * 12 + 4 * 4 + 2 * 4 * 8  # queries, keys and values; the output projection; two layers of 8
    assert measure.multiplications(encoder, [2, 3]) == 3 * (5 * per_vector + 2 * (4 + 9) * 4)


def test_real_data_lie_where_one_says() -> None:
    words = words_of(SECTIONS["graphs"], "/some/where")
    assert "data.path=/some/where/tu/PROTEINS" in words
    assert words_of(SECTIONS["graphs"], None) == ["task=graph", *words[1:3]]


def test_the_page_escapes_and_loads_nothing() -> None:
    section = Measurement(
        unit="<i>words", words=[], threads=1, updates=1, vectors_per_update=1.0, step_ms=1.0, vectors_per_second=10.0,
        loop_vectors_per_second=9.5, train_vectors_per_second=9.0, data_wait=0.0, peak_gflops=2.0, torch_gflops=1.0,
        parts=dict.fromkeys(PARTS, 1.0), memory_mib=100.0, share_of_peak=0.5,
        by_length=[{"length": 8, "vectors_per_second": 5.0}, {"length": 64, "vectors_per_second": 10.0}], sentences_per_second={"<u>": 1.0},
    )  # fmt: skip
    text = page({"processor": "<script>alert"}, "embedded", {"<b>": section})
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text
    assert not any(tag in text for tag in ("<i>words", "<b>", "<u>"))
    assert "http" not in text.replace("http-equiv", "").replace('"http://www.w3.org/2000/svg"', "")
    assert text.count("<rect") == len(PARTS)
