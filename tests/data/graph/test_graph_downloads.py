"""Sets of graphs by name: from stand-ins for the addresses, by files of the same form as the real ones."""

import gzip
import re
import zipfile
from pathlib import Path

import pytest
import torch
from graphs import graph_data, load, write_tu
from torch_geometric.data import Data
from torch_geometric.datasets import MoleculeNet, TUDataset

from attnlab.errors import UserError


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return f"data.cache={tmp_path / 'cache'}"


def refusal(*words: str) -> str:
    with pytest.raises(UserError) as refused:
        load(*words)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_tu_set_is_downloaded_once_and_read_as_one_from_a_folder(
    tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tu(tmp_path / "TOY")
    with zipfile.ZipFile(tmp_path / "TOY.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"../TOY/{path.name}")  # a name that would lead out of the cache
    monkeypatch.setattr(TUDataset, "url", tmp_path.as_uri())
    downloaded = load("data=tu", "data.download=TOY", cache)
    (tmp_path / "TOY.zip").unlink()
    (manifest,) = (tmp_path / "cache").glob("TOY.zip-*/sizes.json")
    manifest.unlink()  # as of what was fetched before there were manifests
    again = load("data=tu", "data.download=TOY", cache)
    local = load("data=tu", "data.name=TOY", f"data.path={folder}", cache)
    for name, split in downloaded.splits.items():
        assert split.keys == again.splits[name].keys == local.splits[name].keys
        assert torch.equal(split[0].inputs.values, local.splits[name][0].inputs.values)
    assert downloaded.fingerprint == local.fingerprint
    kept = [p.name for p in tmp_path.rglob("*") if p.suffix in (".txt", ".pt", ".pkl") and p.parent != folder]
    assert sorted(kept) == sorted(p.name for p in folder.iterdir()), "the text files, and nothing processed"


def test_without_a_network_one_sentence_says_what_to_do(
    tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TUDataset, "url", tmp_path.as_uri())
    message = refusal("data=tu", "data.download=ENZYMES", cache)
    assert "`data.download=ENZYMES`" in message and "give `data.name=ENZYMES data.path=FOLDER`" in message
    (tmp_path / "ENZYMES.zip").write_text("no archive")
    assert "not a zip file" in refusal("data=tu", "data.download=ENZYMES", cache)
    monkeypatch.setattr("attnlab.data.graph.molecule_net.find_spec", lambda name: object())
    monkeypatch.setattr(MoleculeNet, "url", tmp_path.as_uri() + "/{}")
    message = refusal("data=molecule_net", "data.download=ESOL", cache)
    assert "delaney-processed.csv" in message and "give `data.name=ESOL data.path=FILE`" in message
    assert not list((tmp_path / "cache").glob("*/"))


@pytest.mark.parametrize(("words", "expected"), [
    (["data=molecule_net", "data.download=ESIL"], "no such set; did you mean `ESOL`"),
    (["data=molecule_net", "data.name=ESOL"], "or have it downloaded with `data.download=…`"),
    (["data=tu", "data.name=TOY"], "or have it downloaded with `data.download=…`"),
    (["data=tu", "data.download=TOY", "data.name=TOI"], "two names; give one"),
    (["data=tu", "data.download=../TOY"], "write the name of a set, such as ENZYMES"),
    (["data=graph_jsonl", "data.download=TOY"], "only sets of data=tu and data=molecule_net"),
])  # fmt: skip
def test_what_cannot_be_downloaded_is_refused(
    words: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.setattr("attnlab.data.graph.molecule_net.find_spec", lambda name: object())
    assert expected in refusal(*words, cache)


def test_without_rdkit_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnlab.data.graph.molecule_net.find_spec", lambda name: None)
    assert "pip install rdkit" in refusal("data=molecule_net", "data.download=ESOL")


def chain(smiles: str) -> Data:
    """What `from_smiles` gives, for chains of C and O with single bonds; an empty graph for anything else."""
    known = {"C": 6, "O": 8}
    atoms = [known[letter] for letter in smiles] if set(smiles) <= set(known) else []
    pairs = [(i, i + 1) for i in range(len(atoms) - 1)]
    x = torch.tensor([[element, 0, 4, 5, 3, 0, 4, 0, 0] for element in atoms]).view(-1, 9)
    edges = torch.tensor([p for a, b in pairs for p in ((a, b), (b, a))]).view(-1, 2).t()
    return Data(x=x, edge_index=edges, edge_attr=torch.tensor([[1, 0, 1]] * edges.shape[1]).view(-1, 3))


@pytest.fixture
def chains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnlab.data.graph.molecule_net.find_spec", lambda name: object())
    monkeypatch.setattr("torch_geometric.utils.from_smiles", chain)
    monkeypatch.setattr("attnlab.data.graph.molecule_net.canonical", str)


def test_a_table_of_molecules_is_read_by_its_columns(tmp_path: Path, chains: None, cache: str) -> None:
    rows = [
        "id,predicted,measured,smiles",
        '"a, b",0,-1.5,CO',
        "c,0,2,C",
        "d,0,3,C(C",
        "e,0,,CC",
        *["f,0,1,CCO"] * 20,
    ]
    path = tmp_path / "delaney-processed.csv"
    path.write_text("\r\n".join(rows) + "\r\n", encoding="utf-8")
    words = [
        "data=molecule_net",
        "data.name=ESOL",
        f"data.path={tmp_path}",
        cache,
        "data.validation=0",
        "data.test=0",
    ]
    data = load(*words)
    train = data.splits["train"]
    assert train.gold("label")[:3] == [-1.5, 2.0, 1.0] and train.lengths[:3].tolist() == [2, 1, 3]
    assert (
        "2 bad graphs were left out" in data.warnings[0] and f"{path}:4: `C(C` is no molecule" in data.warnings[0]
    )
    assert data.spec.vocabularies["nodes"].words[1:] == ("6", "8") or data.spec.vocabularies["nodes"].words[
        1:
    ] == ("8", "6")
    assert data.spec.vocabularies["edges"].words[1:] == ("SINGLE",)
    assert f"{path}:4: `C(C` is no molecule" in refusal(*words, "data.skip_bad=false")


def test_questions_without_an_answer_are_not_scored(
    tmp_path: Path, chains: None, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = ",".join([*(f"assay {i}" for i in range(12)), "mol_id", "smiles"])
    table = "\n".join([head, *(f"{i % 2}.0,,{'0,' * 10}m{i},{'C' * (i % 5 + 1)}" for i in range(30))]) + "\n"
    with gzip.open(tmp_path / "tox21.csv.gz", "wt") as file:
        file.write(table)
    monkeypatch.setattr(MoleculeNet, "url", tmp_path.as_uri() + "/{}")
    train = load("data=molecule_net", "data.download=Tox21", cache).splits["train"]
    assert train.data.spec.targets["label"].kind == "classes"
    assert {tuple(answer[:3]) for answer in train.gold("label")} == {(0, -1, 0), (1, -1, 0)}


def test_real_molecules_are_read_by_rdkit(tmp_path: Path, cache: str) -> None:
    pytest.importorskip("rdkit")
    path = tmp_path / "SAMPL.csv"
    path.write_text(
        "iupac,smiles,expt,calc\n" + "\n".join(f"m{i},c1ccccc1{'C' * i}O,{i},0" for i in range(12)) + "\n"
    )
    split = load("data=molecule_net", "data.name=FreeSolv", f"data.path={path}", cache).splits["train"]
    assert split.data.spec.edge_features == 2 + 7 and split.data.spec.targets["label"].kind == "number"


def test_a_name_is_enough_and_a_folder_goes_first(tmp_path: Path) -> None:
    node = graph_data("data=tu", "data.download=TOY", f"data.path={write_tu(tmp_path)}")
    assert node.name == "TOY" and load("data=tu", "data.download=TOY", f"data.path={tmp_path}").splits


def table_of(tmp_path: Path, answers: list[str], smiles: tuple[str, ...] = ("C", "CO", "CCO", "O")) -> list[str]:
    """The words for a table like BBBP's, with these answers."""
    rows = [f"{i},m{i},{answer},{smiles[i % len(smiles)]}" for i, answer in enumerate(answers)]
    path = tmp_path / "BBBP.csv"
    path.write_text("\n".join(["num,name,p_np,smiles", *rows]) + "\n", encoding="utf-8")
    return ["data=molecule_net", "data.name=BBBP", f"data.path={path}", "data.validation=0", "data.test=0"]


@pytest.mark.parametrize("answer", ["-1", "2", "0.9", "true", "inf", "yes", "1e-9"])
def test_an_answer_that_is_neither_yes_nor_no_is_refused_by_its_line(
    tmp_path: Path, chains: None, cache: str, answer: str
) -> None:
    words = [*table_of(tmp_path, ["1", "0", answer, "1"]), cache]
    message = refusal(*words, "data.skip_bad=false")
    assert f"{tmp_path / 'BBBP.csv'}:4: `{answer}` is no " in message
    data = load(*words, "data.skip_bad=true")
    assert list(data.splits["train"].gold("label")) == [[1], [0], [1]]
    assert "1 bad graph was left out" in data.warnings[0]
    earlier = answer not in ("true", "inf", "yes")  # which were always refused
    assert data.graphs.changed == ["refused"] * earlier, (
        "no run goes on that was stopped with this one among its graphs"
    )


def test_answers_may_be_written_as_decimals_and_are_unknown_where_nothing_stands(
    tmp_path: Path, chains: None, cache: str
) -> None:
    data = load(*table_of(tmp_path, ["1.0", "0.0", " 1 ", "", " ", "nan", "1"]), cache, "data.skip_bad=false")
    assert [list(answer) for answer in data.splits["train"].gold("label")] == [
        [1],
        [0],
        [1],
        [-1],
        [-1],
        [-1],
        [1],
    ]


def test_a_molecule_with_two_answers_is_told(tmp_path: Path, chains: None, cache: str) -> None:
    words = table_of(tmp_path, ["1", "0", "0", "1", "", "1"], ("C", "CO", "C", "O", "C", "CO"))
    (warning,) = load(*words, cache).warnings
    expected = f"another answer: 2, the first at {tmp_path / 'BBBP.csv'}:4"
    assert expected in warning


@pytest.mark.parametrize(("table", "expected"), [
    ("", ":1: 0 columns, fewer than"),
    ("smiles\nCO\n", ":1: 1 columns, fewer than"),
    ("0,m0,1,CO\n1,m1,0,C\n", ":1: `CO` is a molecule; the first line must name the columns"),
    ("smiles,p_np\nCO,1\n", ":1: SMILES stand in column 1, where the table of BBBP has them in column 2"),
])  # fmt: skip
def test_a_table_of_other_columns_is_refused(
    tmp_path: Path, chains: None, cache: str, table: str, expected: str
) -> None:
    words = table_of(tmp_path, [])
    (tmp_path / "BBBP.csv").write_text(table)
    assert expected in refusal(*words, cache)


def test_the_names_of_columns_may_stand_below_empty_lines(tmp_path: Path, chains: None, cache: str) -> None:
    words = table_of(tmp_path, ["1", "0"])
    path = tmp_path / "BBBP.csv"
    path.write_text("\n\n" + path.read_text())
    assert load(*words, cache, "data.skip_bad=false").splits["train"].keys == ["BBBP.csv:4", "BBBP.csv:5"]


def test_rdkit_reads_salts_and_says_nothing_of_what_it_cannot_read(
    tmp_path: Path, cache: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rdkit")
    smiles = ("OCC", "C(C", "[Na+].[Cl-]", "CCO", "C[N](C)(C)(C)C", "[H][H]", "c1ccccc")
    words = table_of(tmp_path, ["1", "0", "1", "0", "1", "0", "1"], smiles)
    data = load(*words, cache, "data.skip_bad=true")
    bad, told, otherwise = data.warnings
    assert "written in another way" in otherwise and "BBBP.csv:5" in otherwise
    assert "3 bad graphs were left out" in bad and "BBBP.csv:3: `C(C` is no molecule" in bad
    assert "another answer: 1" in told and "BBBP.csv:5" in told, "OCC and CCO are one molecule"
    shown = [data.splits["train"].show(i) for i in range(4)]
    assert shown[1] == {"nodes": 2, "edges": 0} and shown[0]["edges"] == 4
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("answer", "smiles", "expected"), [
    ("1", "CCO CCN", "`CCO CCN` holds more than one molecule: `CCN` stands behind a space"),
    ("1", "CCO ethanol", "`ethanol` stands behind a space"),
    ("1", "CC\u200bO", "no molecule that RDKit can read|U\\+200B"),
    ("0_1", "CCO", "`0_1` is not a number; write it with the digits 0 to 9 alone"),
    ("\u0661", "CCO", "is not a number; write it with the digits 0 to 9 alone"),
])  # fmt: skip
def test_a_cell_of_which_a_part_would_be_lost_is_refused(
    tmp_path: Path, cache: str, answer: str, smiles: str, expected: str
) -> None:
    pytest.importorskip("rdkit")
    told = refusal(*table_of(tmp_path, [answer, "0"], (smiles, "C")), cache, "data.skip_bad=false")
    assert "BBBP.csv:2: " in told and re.search(expected, told)


def test_extensions_that_rdkit_reads_may_stand_behind_a_space(tmp_path: Path, cache: str) -> None:
    pytest.importorskip("rdkit")
    words = table_of(tmp_path, ["1", "0"], ("CCO |$_AV:a;b;c$|", " CCN "))
    split = load(*words, cache, "data.skip_bad=false").splits["train"]
    assert [split.show(i) for i in range(2)] == [{"nodes": 3, "edges": 4}] * 2


def test_answers_that_differ_from_a_later_row_than_the_first_are_told(
    tmp_path: Path, chains: None, cache: str
) -> None:
    (warning,) = load(*table_of(tmp_path, ["", "0", "1"], ("C", "C", "C")), cache).warnings
    assert f"another answer: 1, the first at {tmp_path / 'BBBP.csv'}:4" in warning


def test_one_molecule_written_in_two_ways_and_isotopes_are_told(tmp_path: Path, cache: str) -> None:
    pytest.importorskip("rdkit")
    words = table_of(tmp_path, ["1"] * 5, ("CO", "[CH3:1][OH:2]", "OC", "CO", "[13CH4]"))
    otherwise, isotopes = load(*words, cache, "data.skip_bad=false").warnings
    assert "written in another way" in otherwise and f": 2, the first at {tmp_path / 'BBBP.csv'}:3" in otherwise
    assert "isotopes" in isotopes and "BBBP.csv:6" in isotopes


def test_answers_of_another_column_than_the_published_one_are_told_or_refused(
    tmp_path: Path, chains: None, cache: str
) -> None:
    words = ("data=molecule_net", f"data.path={tmp_path / 'table.csv'}", "data.validation=0", "data.test=0", cache)
    table = "id,measured log(solubility:mol/L),ESOL predicted,SMILES\nx,-3,-2.5,CO\ny,-1,-0.5,C\n"
    (tmp_path / "table.csv").write_text(table)
    data = load(*words, "data.name=ESOL")
    assert list(data.splits["train"].gold("label")) == [-2.5, -0.5]
    assert "the answers are those of the column `ESOL predicted`, where the published table" in data.warnings[0]
    (tmp_path / "table.csv").write_text("iupac,smiles,calc,expt\nx,CO,-3,-2.5\ny,C,-1,-0.5\n")
    told = refusal(*words, "data.name=FreeSolv")
    assert "table.csv:1: `expt` stands in column 4, where the table of FreeSolv has it in column 3" in told
