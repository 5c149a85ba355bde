"""`attnlab export`: the program gives what the model gives, for sets of any size, also where attnlab isn't installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_treebank

from attnlab import load_run
from attnlab.cli import main
from attnlab.config import Config
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.model.one_set import OneSet
from attnlab.registry import EMBEDDINGS, ENCODERS, HEADS
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary
from attnlab.training.export import _arguments, _dimensions, _of_length

DOCS = Path(__file__).parents[2] / "docs" / "export.md"
SMALL = (
    "encoder.width=16 encoder.depth=1 encoder.heads=2 trainer.batch_vectors=100 trainer.epochs=1 baselines=false "
    "defaults=plain"
).split()
WORDS = Vocabulary.from_counts({"saw": 3, "was": 2, "tea": 1})
LABELS = Target("class", ("a", "b", "c"), (1, 1, 1))


def described(coords: int, edges: int | None = None) -> DataSpec:
    """Words in a row, patches on a grid, or nodes of a graph."""
    targets = {"answer": LABELS}
    if coords == 1:
        targets = {"answer": Target("vector_classes", ("a", "b", "c"), (1, 1, 1))}
        return DataSpec("text", 1, None, targets, {"words": WORDS})
    return DataSpec("image" if coords else "graph", coords, 4, targets, {}, edge_features=edges)


ROW, GRID, GRAPH, BONDS = described(1), described(2), described(0, 0), described(0, 2)
ATTENTION = {"width": 16, "heads": 2, "depth": 2}
CASES = {
    **{f"encoder.position={word}": ("attention", {"position": word}, ROW) for word in ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")},
    **{f"encoder.score={word}": ("attention", {"score": word}, ROW) for word in ("scaled_dot", "dot", "bilinear", "cosine", "additive")},
    **{f"encoder.scope={word}": ("attention", {"scope": word}, ROW) for word in ("full", "window:2", "causal")},
    "encoder.scope=window:1, pictures": ("attention", {"scope": "window:1"}, GRID),
    "encoder.scope=edges": ("attention", {"scope": "edges", "position": "none"}, GRAPH),
    "encoder.scope=edges, edges with values": ("attention", {"scope": "edges", "position": "none"}, BONDS),
    "encoder=convolution": ("convolution", {}, ROW),
    "encoder=convolution, pictures": ("convolution", {}, GRID),
    "encoder=fully_connected": ("fully_connected", {}, ROW),
    "encoder=recurrent": ("recurrent", {}, ROW),
    "encoder=recurrent encoder.cell=gru": ("recurrent", {"cell": "gru"}, ROW),
    **{f"head.readout={word}": ("attention", {"readout": word}, GRID) for word in ("mean", "max", "sum", "attention")},
    "members=3": ("attention", {"members": 3}, ROW),
    "embedding=word_char": ("attention", {"embedding": "word_char"}, ROW),
    "embedding=strided_convolution": ("attention", {"embedding": "strided_convolution"}, GRID),
    "head.crf=true": ("attention", {"crf": True}, ROW),
    "encoder=graph_conv": ("graph_conv", {}, GRAPH),
}  # fmt: skip
REFUSED = {
    "encoder=recurrent": "torch.export fixes the length",
    "encoder=recurrent encoder.cell=gru": "torch.export fixes the length",
    "embedding=word_char": "looks into the characters of words",
    "head.crf=true": "the best sequence of tags",
    "encoder=graph_conv": "its encoder GraphConv isn't exported",
}


def built(encoder: str, given: dict, spec: DataSpec) -> models.Model:
    """With random weights, none of which is 0."""
    of_head = {name: value for name, value in given.items() if name in ("readout", "crf")}
    of_encoder = {n: v for n, v in given.items() if n not in (*of_head, "members", "embedding")}
    sizes = ATTENTION if encoder == "attention" else {"width": 16, "depth": 2}
    head = "tagging" if spec is ROW else "classification"
    config = Config(
        task="test",
        members=given.get("members", 1),
        embedding=EMBEDDINGS.keys(given.get("embedding", "learned" if spec is ROW else "linear"))(),
        encoder=ENCODERS.keys(encoder)(**sizes, **of_encoder),
        head=HEADS.keys(head)(**of_head),
    )
    if encoder == "attention" and "position" not in given:
        config.encoder.position = "relative" if given.get("score") == "additive" else "auto"
    if given.get("embedding") == "word_char":
        spec = DataSpec("text", 1, None, spec.targets, {"words": WORDS, "characters": WORDS})
    torch.manual_seed(3)
    model = models.build(config, spec).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight += torch.randn_like(weight) * 0.1
    return model


def set_of(spec: DataSpec, length: int) -> VectorSets:
    rows = torch.arange(length)
    if spec is ROW:
        return VectorSets.of(rows * 7 % 4, coords=rows[:, None].float())
    values = torch.randn(length, 4, generator=torch.Generator().manual_seed(length))
    if spec is GRID:
        return VectorSets.of(values, coords=torch.stack([rows // 3, rows % 3], 1).float())
    edges = torch.stack([torch.cat([rows[:-1], rows[1:]]), torch.cat([rows[1:], rows[:-1]])])
    edge_values = torch.randn(edges.shape[1], 2) if spec is BONDS else None
    return VectorSets.of(values, edges=edges, edge_values=edge_values)


@pytest.mark.parametrize("case", sorted(set(CASES) - set(REFUSED) - {"embedding=strided_convolution"}))
def test_the_model_for_one_set_is_the_model(case: str) -> None:
    encoder, given, spec = CASES[case]
    model = built(encoder, given, spec)
    alone = OneSet(model)
    for length in (1, 2, 3, 7, 64):
        sets = set_of(spec, length)
        with torch.no_grad():
            assert torch.allclose(alone(**_arguments(sets)), model.mean_outputs(sets), atol=2e-5, rtol=1e-5), (
                length
            )


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_what_cannot_be_exported_is_refused_with_the_reason(case: str) -> None:
    encoder, given, spec = CASES[case]
    with pytest.raises(UserError, match=REFUSED[case]):
        OneSet(built(encoder, given, spec))


def exports(case: str) -> tuple[str, str]:
    """Whether a program, and an ONNX model, of this case give what the model gives: `yes`, or why not."""
    from attnlab.training.export import _onnx, _run_onnx

    encoder, given, spec = CASES[case]
    try:
        model = built(encoder, given, spec)
        alone = OneSet(model).eval().requires_grad_(False)
    except UserError:
        return "refused", "refused"
    example = _arguments(set_of(spec, 7))
    free = {name: _dimensions(name) for name in example}
    followed = torch.export.export(alone, (), example, dynamic_shapes=free, strict=False)
    program = followed.module()

    def equal(run) -> bool:
        for length in (1, 2, 3, 64):
            sets = set_of(spec, length)
            with torch.no_grad():
                if not torch.allclose(run(_arguments(sets)), model.mean_outputs(sets), atol=2e-5, rtol=1e-5):
                    return False
        return True

    assert equal(lambda arguments: program(**arguments))
    try:
        onnx = _onnx(followed, list(example))
        return "yes", "yes" if equal(lambda arguments: _run_onnx(onnx, arguments)) else "no"
    except Exception:
        return "yes", "no"


@pytest.mark.slow
def test_the_table_of_the_docs_is_what_exports() -> None:
    pytest.importorskip("onnxruntime")
    rows = [f"| `{case}` | {' | '.join(exports(case))} |" for case in CASES]
    assert "\n".join(rows) in DOCS.read_text(encoding="utf-8"), "\n".join(rows)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run, and the folder to which it was exported."""
    folder = tmp_path_factory.mktemp("tagger")
    words = (
        "data=ud_ewt",
        f"data.path={write_treebank(folder)}",
        "embedding=learned",
        f"outputs={folder / 'outputs'}",
    )
    assert main(["train", *SMALL, *words]) == 0
    (run,) = (folder / "outputs").glob("*/*")
    assert main(["export", str(run), "--out", str(folder / "exported")]) == 0
    return run, folder / "exported"


def test_the_script_answers_as_the_run_where_attnlab_is_missing(
    exported: tuple[Path, Path], tmp_path: Path
) -> None:
    run, folder = exported
    (tmp_path / "attnlab.py").write_text("raise ImportError('attnlab is not here')\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(folder / "run_exported.py")]

    def run_script(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, text], capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300
        )

    empty = run_script("")
    assert (empty.returncode, empty.stderr) == (1, "the text is empty: give at least one word\n")
    told = run_script("they zonk the book.")
    assert told.returncode == 0 and told.stderr == "", "nor are there warnings"
    (expected,) = load_run(run).predict(["they zonk the book ."])
    rows = [line.split("\t") for line in told.stdout.splitlines()]
    assert [row[0] for row in rows] == ["they", "zonk", "the", "book", "."]
    assert [row[1].split()[0] for row in rows] == list(expected.value)
    assert [float(row[1].split()[1]) for row in rows] == pytest.approx(expected.probability, abs=2e-6)


def test_the_largest_difference_is_told_and_a_wrong_program_is_not_written(
    exported: tuple[Path, Path], tmp_path: Path, monkeypatch, capsys
) -> None:
    run = exported[0]
    monkeypatch.setattr("attnlab.training.export._difference", lambda run, sets, outputs: 0.5)
    assert main(["export", str(run), "--out", str(tmp_path / "new")]) == 2
    assert "differs from the model by 0.5; nothing was written" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_sets_of_any_length_are_made_of_one() -> None:
    example = set_of(BONDS, 4)
    longer = _of_length(example, 10)
    assert (
        longer.edges is not None and longer.edges.max() == 9 and len(longer.edge_values) == longer.edges.shape[1]
    )
    assert torch.equal(longer.values[4:8], example.values)
    grid = _of_length(set_of(GRID, 6), 15)
    assert len(np.unique(grid.coords.numpy(), axis=0)) == 15, "no two vectors stand at the same place"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no run is named; write `attnlab export RUN`"),
        (["RUN", "--onx"], "did you mean `--onnx`?"),
        (["RUN", "--out"], "give it a folder"),
        (["RUN", "RUN"], "2 runs are named"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], told: str, exported: tuple[Path, Path], capsys) -> None:
    assert main(["export", *(str(exported[0]) if word == "RUN" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1


def test_a_run_that_cannot_be_exported_is_refused_with_the_reason(tmp_path: Path, capsys) -> None:
    words = (
        "data=ud_ewt",
        f"data.path={write_treebank(tmp_path)}",
        "embedding=word_char",
        f"outputs={tmp_path / 'outputs'}",
    )
    assert main(["train", *SMALL, *words]) == 0
    assert main(["export", *map(str, (tmp_path / "outputs").glob("*/*"))]) == 2
    assert "cannot be exported: its embedding looks into the characters of words" in capsys.readouterr().err


def test_the_spec_says_what_a_program_needs(exported: tuple[Path, Path]) -> None:
    spec, run = json.loads((exported[1] / "spec.json").read_text()), load_run(exported[0])
    assert spec["words"] == list(run.spec.vocabularies["words"].words) and spec["words"][0] == "<unk>"
    assert spec["classes"] == list(run.model.head.classes) and spec["inputs"] == ["values", "coords"]
