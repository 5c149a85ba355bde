"""Molecules as SMILES: answered, named by their atoms, and drawn as chemists draw them."""

from pathlib import Path

import numpy as np
import pytest

from attnlab import load_run
from attnlab.cli import main
from attnlab.data.contract import Input
from attnlab.lab.inspect.drawn import drawn

pytest.importorskip("rdkit")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that has learned from atoms of carbon, nitrogen and oxygen."""
    folder = tmp_path_factory.mktemp("molecules")
    smiles = ["C" * n + end for n in range(1, 9) for end in ("", "O", "N", "c1ccccc1")]
    rows = [f"m{i},{text},{-text.count('O')}.{i},0" for i, text in enumerate(smiles)]
    (folder / "SAMPL.csv").write_text("\n".join(["iupac,smiles,expt,calc", *rows]) + "\n")
    words = ["encoder.width=8", "encoder.heads=2", "encoder.depth=1", "trainer.epochs=1", "baselines=false"]
    data = ["data=molecule_net", "data.name=FreeSolv", f"data.path={folder / 'SAMPL.csv'}"]
    assert main(["train", *data, *words, f"folder={folder / 'run'}"]) == 0
    return str(folder / "run")


def test_smiles_stand_beside_their_answers(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["predict", run, "CCO", "[Na+].[Cl-]", "C1CC"]) == 1
    alcohol, salt, broken = capsys.readouterr().out.splitlines()
    assert alcohol.endswith("  CCO") and salt.endswith("  [Na+].[Cl-]  (unknown: Na, Cl)")
    assert broken == "error  argument:3: `C1CC` is no molecule that RDKit can read"


def test_rings_are_regular_and_atoms_have_their_symbols(run: str) -> None:
    loaded = load_run(run)
    split = loaded.reader().read([Input("phenol", "c1ccccc1O", "")]).split
    shown = drawn(loaded, split, 0, split[0].inputs)
    assert shown.facts["names"] == ["C"] * 6 + ["O"] and shown.labels[6] == "O #7"
    places = shown.arrays["places"].astype(np.float64)
    ring = places[:6]
    np.testing.assert_allclose(np.linalg.norm(ring - ring.mean(axis=0), axis=1), 1, atol=1e-3)
    a, b = shown.arrays["edges"]
    np.testing.assert_allclose(np.linalg.norm(places[a] - places[b], axis=1), 1, atol=1e-3)


def test_a_page_names_the_molecule(run: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["inspect", run, "c1ccccc1O", "--out", str(page)]) == 0
    assert '<p class="input" dir="auto">c1ccccc1O</p>' in page.read_text(encoding="utf-8")
