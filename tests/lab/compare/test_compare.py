"""`attnlab compare` from its words to its page: with a claim of a user's own, and with those of the program that need no training."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from attnlab.cli import main
from attnlab.compose import compose
from attnlab.data.synthetic import molecules
from attnlab.lab.compare import convolution, distance, edges
from attnlab.lab.compare.claim import Claim, Evidence
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.length import Length
from attnlab.lab.compare.positions import Positions
from attnlab.lab.compare.work import Comparison, claim_named
from attnlab.registry import CLAIMS, REGISTRIES

MINE = '''
from attnlab.lab.compare.claim import Claim, Figure, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.rules import Larger
from attnlab.pages.charts import lines
from attnlab.registry import CLAIMS


@CLAIMS.register("wider")
class Wider(Claim):
    """Wider encoders <recall> more."""

    theory = "A wider encoder has more <numbers>."
    source = "my own"
    statements = (
        Statement("Width <helps>", "accuracy, wide - narrow", Larger(0.1), lambda e: e.difference("wide", "narrow")),
    )

    def arms(self, full):
        alike = ["data=recall", "data.distances=[4]", "data.sequences=40", "trainer.epochs=2", "embedding=learned",
                 "encoder.depth=1", "encoder.heads=1", "trainer.batch_vectors=200"]
        return {"wide": [*alike, "encoder.width=8"], "narrow": [*alike, "encoder.width=2", "encoder.position=none"]}

    def of_seed(self, seed):
        return [f"seed={seed}", f"data.draw={seed}"]

    def examine(self, arm, run):
        return {"layers": [float(len(run.model.encoder.blocks))]}

    def measure(self, seed, full):
        return {"numbers": [1.0, float(seed)]}

    def drawing(self):
        return layers([("all <vectors>", lambda one, other: True)])

    def figures(self, evidence):
        curves = [band("numbers", [1, 2], evidence.found("numbers"), 1)]
        assert evidence.found_of("wide", "layers") == [[1.0]] * len(evidence.seeds)
        return [Figure("numbers", lines(curves, "numbers"), legend(curves))]
'''


@pytest.fixture
def registries_as_before() -> Iterator[None]:
    """What a test registers is forgotten after it."""
    before = [dict(registry._entries) for registry in REGISTRIES]
    yield
    for registry, entries in zip(REGISTRIES, before, strict=True):
        registry._entries = entries


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries_as_before: None) -> list[str]:
    """The words that compare a claim of the user's own, in a folder of its own."""
    module = f"claims_{tmp_path.name}"  # imported once in a process
    (tmp_path / f"{module}.py").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    return ["compare", f"plugins=[{module}]", "wider", "--seeds", "2"]


def times(folder: Path) -> dict[str, int]:
    """When each result was written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*.json") if path.parent != folder}


@pytest.mark.slow
def test_a_claim_of_ones_own_is_one_file_and_nothing_is_done_twice(
    mine: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("outputs/compare/quick")
    assert main(mine) == 0
    assert "6 of 6" in capsys.readouterr().out
    first, page = times(folder), (folder / "compare.html").read_text(encoding="utf-8")
    (row,) = json.loads((folder / "results.json").read_text())["claims"]["wider"]
    assert row["verdict"] == "not decided" and "5 seeds" in row["why"]
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("wider/*/seed-*/results.json"))]
    scores = {run["test"]["accuracy"] for run in runs}
    wide, narrow = runs[2:], runs[:2]
    expected = [one["test"]["accuracy"] - two["test"]["accuracy"] for one, two in zip(wide, narrow, strict=True)]
    assert len(scores) > 1 and row["values"] == pytest.approx(expected), "what the run folders say"
    assert "Width &lt;helps&gt;" in page and "<helps>" not in page and "attnlab train" in page
    assert main(mine) == 0
    assert times(folder) == first and "6 of 6 pieces of work were done before" in capsys.readouterr().out
    assert main([*mine[:-1], "3"]) == 0, "another seed is added to those that there are"
    assert first.items() <= times(folder).items() and len(times(folder)) > len(first)


def test_killed_it_goes_on_where_it_was(mine: list[str]) -> None:
    folder = Path("outputs/compare/quick")
    command = [sys.executable, "-m", "attnlab", *mine]
    begun = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert begun.stdout is not None
    lines = [begun.stdout.readline() for _ in range(2)]
    os.kill(begun.pid, signal.SIGKILL)
    begun.wait()
    done = {path: time for path, time in times(folder).items() if path.endswith("results.json")}
    assert "2 of 6" in lines[1] and not (folder / "compare.html").exists()
    assert main(mine) == 0
    assert done.items() <= times(folder).items() and (folder / "compare.html").exists()


def test_without_time_nothing_is_decided(mine: list[str]) -> None:
    assert main([*mine, "--budget", "0.01s"]) == 0
    (row,) = json.loads(Path("outputs/compare/quick/results.json").read_text())["claims"]["wider"]
    assert row["verdict"] == "not decided" and row["why"] == "2 of 2 seeds not finished"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["distnace"], "did you mean `distance`?"),
        (["--seeds", "none"], "write a number from 1"),
        (["--budget", "soon"], "90s, 10m or 1.5h"),
        (["--quick"], "no such option"),
    ],
)
def test_mistakes_get_a_sentence(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_convolution_is_attention() -> None:
    """At α = 40 to rounding, and not where softmax leaves something to other neighbours."""
    assert convolution._difference(1, 40.0, 1) <= 1e-5 and convolution._difference(2, 40.0, 1) <= 1e-5
    assert convolution._difference(1, 4.0, 1) > 1e-2


def test_order_matters_to_those_who_have_positions_alone() -> None:
    measured = Positions().measure(1, False)
    assert max(measured["none"]) <= 1e-6
    assert all(min(measured[kind]) > 1e-4 for kind in measured if kind != "none")
    permuted = Length().measure(1, False)
    assert max(permuted["attention"]) <= 1e-5 and min(permuted["an LSTM"]) > 1e-2


def test_what_two_layers_of_a_window_see() -> None:
    near, far = distance.PROBED.index(4), distance.PROBED.index(8)
    window, attention = (distance._reach(distance.ENCODER[arm], 1) for arm in ("window", "attention"))
    assert window[near] > 0 and window[far] == 0 and attention[-1] > 0


def test_attention_has_no_advantage_in_size() -> None:
    words = distance.Distance().arms(False)
    sizes = {arm: sum(p.numel() for p in fresh(words[arm], 1).encoder.parameters()) for arm in words}
    assert sizes["attention"] == min(sizes.values()) and max(sizes.values()) < 1.25 * sizes["attention"]


def test_the_example_in_the_docs_is_a_claim(registries_as_before: None) -> None:
    page = (Path(__file__).parents[3] / "docs" / "compare.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(code, "docs/compare.md", "exec"), {"__name__": "docs_example"})
    claim = claim_named("depth")
    assert CLAIMS.sentence("depth") and claim.theory and claim.source and "<svg" in claim.drawing()
    assert len({compose(claim_words).encoder.depth for claim_words in claim.arms(False).values()}) == 2


@pytest.mark.slow
def test_attention_that_sees_its_neighbours_alone_has_no_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim `distance`, made false on purpose, isn't found to hold."""

    class Narrow(distance.Distance):
        def arms(self, full: bool) -> dict[str, list[str]]:
            arms = {arm: list(words) for arm, words in super().arms(full).items() if arm in ("attention", "LSTM")}
            return arms | {"attention": [*arms["attention"], "encoder.scope=window:1"]}

    monkeypatch.setitem(CLAIMS._entries, "distance", type(CLAIMS._entries["distance"])(None, Narrow, __name__))
    comparison = Comparison(tmp_path, False, 5)
    for piece in comparison.work("distance"):
        if piece.arm is not None:
            piece.do()
    evidence = comparison.evidence("distance")
    assert evidence.seeds == [], "nothing was measured besides"
    runs = [piece for piece in comparison.work("distance") if piece.arm is not None]
    score = partial(_score, comparison=runs)
    claimed = next(s for s in Narrow.statements if s.theory.startswith("Attention learns to recall"))
    differences = [score("attention", seed) - score("LSTM", seed) for seed in range(1, 6)]
    assert claimed.rule.decide(differences).verdict != "holds"


@pytest.mark.slow
def test_edges_tell_nothing_of_labels_that_were_shuffled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that were dealt out anew have nothing to do with bonds: no statement about accuracy is found to hold that one side is
    better."""
    drawn = molecules.molecules

    def shuffled(count: int, seed: int) -> Iterator[molecules.Molecule]:
        found = list(drawn(count, seed))
        labels = [molecule.activity for molecule in found]
        Random(seed).shuffle(labels)
        return (replace(molecule, activity=label) for molecule, label in zip(found, labels, strict=True))

    monkeypatch.setattr(molecules, "molecules", shuffled)
    monkeypatch.setenv("ATTNLAB_CACHE", str(tmp_path / "cache"))  # the generator's file is the same
    monkeypatch.setattr(edges.Edges, "arms", _only(edges.Edges.arms, ("no edges", "edges")))
    monkeypatch.setattr(edges.Edges, "examine", Claim.examine)
    comparison = Comparison(tmp_path, False, 5)
    for piece in comparison.work("edges"):
        piece.do()
    claimed = next(s for s in edges.Edges.statements if s.theory.startswith("With attention along edges"))
    decision = claimed.rule.decide(claimed.values(comparison.evidence("edges")))
    assert len(decision.values) == 5 and decision.verdict != "holds"


def _only(arms: Callable[..., Mapping[str, Sequence[str]]], kept: Sequence[str]) -> Callable[..., object]:
    """Some arms of a claim."""
    return lambda claim, full: {arm: arms(claim, full)[arm] for arm in kept}


def test_twins_have_the_same_atoms_and_as_many_bonds() -> None:
    for construction in edges.SAME_ATOMS:
        one, other = edges._twins(construction, 3)
        assert sorted(one["nodes"]) == sorted(other["nodes"]) and one != other
        assert len(one["edges"]) == len(other["edges"])


def _score(arm: str, seed: int, comparison: list) -> float:
    (path,) = (piece.path for piece in comparison if (piece.arm, piece.seed) == (arm, seed))
    return json.loads((path / "results.json").read_text())["test"][f"accuracy/distance_{distance.FAR}"]


def test_evidence_is_paired_by_seed() -> None:
    results = {(arm, seed): {"test": {"accuracy": value}} for arm, seed, value in (("a", 1, 0.9), ("b", 1, 0.5))}
    evidence = Evidence([1], results, {}, {}, {}, False)
    assert evidence.difference("a", "b") == pytest.approx([0.4])
