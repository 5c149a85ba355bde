"""docs/extend.md as it stands: every example is a plugin that another folder uses by its command."""

import json
import re
import shlex
from pathlib import Path

import pytest
from conftest import tiny_sentences, write_tables, write_treebank

from attnlab import load_run, plugins
from attnlab.cli import main
from attnlab.registry import REGISTRIES

PAGE = Path(__file__).parents[1] / "docs" / "extend.md"
EXAMPLES = {
    title.lower(): code
    for title, code in re.findall(
        r"^## (?:An? )?([^\n]+)\n.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.M | re.S
    )
}
KINDS = {
    "data source", "loader", "embedding", "encoder", "score", "position", "scope", "head", "metric", "optimizer",
    "schedule", "baseline",
}  # fmt: skip
SMALL = [
    "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "trainer.epochs=1", "trainer.batch_vectors=200", "folder=run",
]  # fmt: skip


def test_every_kind_of_part_has_an_example_of_under_forty_lines() -> None:
    assert set(EXAMPLES) == KINDS
    own = {title: len([line for line in code.splitlines() if line.strip()]) for title, code in EXAMPLES.items()}
    assert {title: lines for title, lines in own.items() if lines >= 40} == {}


@pytest.fixture
def registries_as_before():
    """What a test registers is forgotten after it."""
    before = [dict(registry._entries) for registry in REGISTRIES]
    yield
    for registry, entries in zip(REGISTRIES, before, strict=True):
        registry._entries = entries


@pytest.mark.parametrize("title", sorted(KINDS))
def test_an_example_runs_as_it_stands(
    title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries_as_before: None
) -> None:
    module = "my_" + title.replace(" ", "_")
    (tmp_path / f"{module}.py").write_text(EXAMPLES[title], encoding="utf-8")
    (tmp_path / "attnlab.yaml").write_text(f"plugins: [{module}]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(EXAMPLES[title].splitlines()[0].removeprefix("# attnlab "))
    words += [word for word in SMALL if "heads" not in word or title not in ("encoder", "loader")]
    if title == "data source":
        lines = [" ".join(f"{word}/{tag}" for word, tag in sentence) for sentence in tiny_sentences(60, 0)]
        (tmp_path / "slashed.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif "task=pos" in words:
        words += ["data=ud_ewt", f"data.path={write_treebank(tmp_path / 'treebank')}"]
    elif title == "head":
        words += ["data=csv", f"data.path={write_tables(tmp_path / 'tables')}"]
    assert main(words) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert module in plugins.loaded()
    if title == "metric":
        assert set(results["test"]) == {"accuracy", "worst_recall", "loss"} | {
            n for n in results["test"] if "/" in n
        }
        assert results["train"]["monitor"] == "worst_recall"
    if title == "baseline":
        assert 0 < results["baselines"]["tag_of_position"]["accuracy"] < 1
    assert load_run("run").evaluate("test").scores == results["test"]
