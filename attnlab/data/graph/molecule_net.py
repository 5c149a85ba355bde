"""Molecules of MoleculeNet (Wu et al. 2018): tables of SMILES, which RDKit reads, and what was measured of them."""

import math
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.tables import read_table, table_rows, usable
from attnlab.data.graph.source import GraphRow, GraphSource, Refused, by_content, given_or_downloaded
from attnlab.errors import UserError, suggestion
from attnlab.local_files import is_regular

if TYPE_CHECKING:
    from torch_geometric.data import Data

MEASURED = ("esol", "freesolv", "lipo")
"""Sets whose answer is a number; those of the others are yes, no or unknown."""
NUMBERS = ("degree", "formal_charge", "num_hs", "num_radical_electrons", "is_aromatic", "is_in_ring")
"""Of an atom, besides its element, what PyTorch Geometric gives as a number."""
ANSWERS = {
    "esol": "measured log solubility in mols per litre", "freesolv": "expt", "lipo": "exp",
    "hiv": "HIV_active", "bace": "Class", "bbbp": "p_np",
}  # fmt: skip
"""What the published tables call their answer, where there is a single one. Other tables of the same molecules hold what
was computed in the place of what was measured."""
NAMES = ("chirality", "hybridization")
"""And what it gives as one of several names."""
ISOTOPE = re.compile(r"\[[0-9]")


class MoleculeNet(GraphSource):
    """`data=molecule_net`: the sets that PyTorch Geometric knows by name, from its addresses or from `data.path`; raises
    UserError for another one, or without RDKit. An atom's name is its element, a bond's its type; all else are numbers."""

    needs = "{name}'s table of SMILES, or its folder"
    identity = "held out by content"  # earlier versions went by the row's number

    def __init__(self, config: GraphData) -> None:
        from torch_geometric.datasets import MoleculeNet as Known

        super().__init__(config)
        name = config.name.lower()
        if name not in Known.names:
            names = [shown for shown, *_ in Known.names.values()]
            raise UserError(f"`data.name={config.name}`: no such set; {suggestion(config.name, names)}")
        if find_spec("rdkit") is None:
            remedy = "install it with `pip install rdkit`"
            raise UserError(f"data=molecule_net: RDKit, which reads SMILES, is missing; {remedy}")
        _, remote, local, self.smiles, self.answers = Known.names[name]
        self.kind = "number" if name in MEASURED else "classes"
        self.path = _file(config, Known.url.format(remote), f"{local}.csv")
        self.files = {"table": self.path}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        header, columns = self._columns(bad)
        known = _Known()
        for line, (smiles, *cells) in read_table(self.path, columns, bad):
            location = f"{self.path}:{line}"
            if line == header:
                continue
            try:
                answers = [self._answer(cell) for cell in cells]
                molecule = _molecule(smiles)
                if self.kind == "number" and math.isnan(answers[0]):
                    raise ValueError("nothing was measured")
            except ValueError as error:
                self.changed |= {"refused"} if isinstance(error, Refused) else set()
                bad.found(f"{location}: {error}")
                continue
            for rule in known.rules(smiles, answers):
                bad.note(rule, location)
            classes = [-1 if math.isnan(answer) else int(answer) for answer in answers]
            yield _row(molecule, answers[0] if self.kind == "number" else classes, f"{self.path.name}:{line}")

    def _columns(self, bad: BadRows) -> tuple[int, list[int]]:
        """The line of the columns' names, and the numbers of those that are read: of SMILES and of the answers. Raises
        UserError where the table has fewer columns, or no such line."""
        line, names = next(table_rows(self.path, BadRows(skip=False)), (1, []))
        location, numbers = f"{self.path}:{line}", range(1, len(names) + 1)
        chosen = slice(self.answers, self.answers + 1 or None) if isinstance(self.answers, int) else self.answers
        answers, expected = list(numbers[chosen]), chosen.stop - chosen.start if chosen.stop else 1
        if len(answers) < expected or not -len(names) <= self.smiles < len(names):
            raise UserError(f"{location}: {len(names)} columns, fewer than the table of {self.config.name} has")
        smiles = numbers[self.smiles]
        called = [name.strip().lower() for name in names]
        if "smiles" in called and called[smiles - 1] != "smiles":
            right = f"where the table of {self.config.name} has them in column {smiles}"
            raise UserError(f"{location}: SMILES stand in column {called.index('smiles') + 1}, {right}")
        if _is_molecule(names[smiles - 1]):
            raise UserError(
                f"{location}: `{names[smiles - 1][:40]}` is a molecule; the first line must name the columns"
            )
        self._check_answer(names, answers[0], location, bad)
        return line, [smiles, *answers]

    def _check_answer(self, names: list[str], column: int, location: str, bad: BadRows) -> None:
        """Raises UserError where the answer of the published table stands in another column; tells of another name."""
        expected = ANSWERS.get(self.config.name.lower())
        called = [name.strip().lower() for name in names]
        if expected is None or called[column - 1] == expected.lower():
            return
        if expected.lower() in called:
            right = f"where the table of {self.config.name} has it in column {column}"
            raise UserError(
                f"{location}: `{expected}` stands in column {called.index(expected.lower()) + 1}, {right}"
            )
        bad.note(
            f"the answers are those of the column `{names[column - 1].strip()[:60]}`, where the published table of "
            f"{self.config.name} has `{expected}`",
            location,
        )

    def _answer(self, cell: str) -> float:
        """An answer; NaN where it is unknown. Raises ValueError for what is none."""
        number = _number(cell)
        if self.kind == "classes" and number not in (0, 1) and not math.isnan(number):
            raise Refused(
                f"`{cell[:40]}` is no answer; there are 1 (yes), 0 (no), and nothing where it is unknown"
            )
        return number


def _is_molecule(text: str) -> bool:
    try:
        _molecule(text)
    except ValueError:
        return False
    return True


def _molecule(smiles: str) -> "Data":
    """The graph of a molecule with at least one atom. Raises ValueError where there is none."""
    from torch_geometric.utils import from_smiles

    try:
        molecule = from_smiles(smiles)
    except ValueError:  # of a list of charges, numbers of neighbours, … in which one is missing
        raise ValueError(f"`{smiles[:40]}` has an atom or bond that PyTorch Geometric has no number for") from None
    if not molecule.num_nodes:
        raise ValueError(f"`{smiles[:40]}` is no molecule that RDKit can read")
    if problem := _beyond(smiles.strip()):
        raise Refused(f"`{smiles[:40]}` {problem}")
    return molecule


def _beyond(smiles: str) -> str:
    """What is wrong with a SMILES of which RDKit would read the beginning only; empty where it reads all of it."""
    if other := next((character for character in smiles if not " " <= character <= "~"), ""):
        return f"holds the character U+{ord(other):04X}, which no SMILES has"
    _, space, rest = smiles.partition(" ")
    if space and not (rest.startswith("|") and rest.endswith("|")):
        return f"holds more than one molecule: `{rest[:40]}` stands behind a space (parts of one are joined by a full stop)"
    return ""


def element(name: str) -> str:
    """The symbol of an atom, which these data name by its atomic number; the name itself without RDKit."""
    if find_spec("rdkit") is None or not name.isdecimal() or not 0 < int(name) < 119:
        return name
    from rdkit.Chem import GetPeriodicTable

    return GetPeriodicTable().GetElementSymbol(int(name))


def canonical(smiles: str) -> str:
    """The same for all ways to write a molecule, whatever numbers its atoms are given."""
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    for atom in molecule.GetAtoms():
        atom.SetAtomMapNum(0)
    return str(Chem.MolToSmiles(molecule))


class _Known:
    """The molecules of a table, as far as it was read."""

    def __init__(self) -> None:
        self._answers: dict[str, list[float]] = {}
        self._written: dict[str, str] = {}

    def rules(self, smiles: str, answers: list[float]) -> Iterator[str]:
        """What is to be told of one more row."""
        name, smiles = canonical(smiles), smiles.strip()
        before = self._answers.setdefault(name, answers)
        known = [(a, b) for a, b in zip(before, answers, strict=True) if not math.isnan(a) and not math.isnan(b)]
        if any(a != b for a, b in known):
            yield "molecules that stood in the table before, with another answer"
        if ISOTOPE.search(smiles):
            yield "molecules with isotopes, such as [2H] or [13C], which are read as atoms like any others of their element"
        if self._written.setdefault(name, smiles) != smiles:
            yield "molecules that stood in the table before, written in another way, which may be trained on and tested"
        self._answers[name] = [b if math.isnan(a) else a for a, b in zip(before, answers, strict=True)]


def _file(config: GraphData, url: str, name: str) -> Path:
    """The table: downloaded, or below `data.path`, plain or packed."""
    by_hand = f"download {Path(url).name} by the links of moleculenet.org/datasets-1"
    remedy = f"{by_hand}, and give `data.name={config.name} data.path=FILE`"
    folder = given_or_downloaded(config, f"{name} or its folder", lambda: url, remedy)
    for path in [folder] if is_regular(folder) else [folder / name, folder / f"{name}.gz"]:
        if is_regular(path):
            return path
    raise UserError(f"{folder}: no {name} in it (`data.name={config.name}`)")


def _number(cell: str) -> float:
    """What was measured; NaN where nothing was. Raises ValueError for what is no number."""
    if not cell.strip() or cell.strip().casefold() in ("nan", "-nan", "+nan"):
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        number = math.inf
    if math.isfinite(number) and ("_" in cell or not cell.strip().isascii()):  # Python reads 1_0 as 10
        raise Refused(f"`{cell[:40]}` is not a number; write it with the digits 0 to 9 alone")
    if not usable(number):
        raise ValueError(f"`{cell[:40]}` is no finite number in single precision")
    return number


def molecule_of(smiles: str, key: str) -> GraphRow:
    """The graph of a molecule without its answer. Raises UserError where RDKit is missing, ValueError where it cannot read
    the text."""
    if find_spec("rdkit") is None:
        raise UserError("RDKit, which reads SMILES, is missing; install it with `pip install rdkit`")
    return _row(_molecule(smiles), math.nan, key)


def _row(molecule: "Data", target: float | list[int], key: str) -> GraphRow:
    """The graph that `from_smiles` made: x (L, 9) and edge_attr (E, 3) are indices into its lists of values."""
    from torch_geometric.utils.smiles import e_map, x_map

    of_atom, of_bond = {name: i for i, name in enumerate(x_map)}, {name: i for i, name in enumerate(e_map)}
    atoms, bonds = molecule.x.tolist(), molecule.edge_attr.tolist()
    return by_content(GraphRow(
        nodes=len(atoms),
        edges=[(a, b) for a, b in molecule.edge_index.t().tolist()],
        target=target,
        key=key,
        labels=[str(x_map["atomic_num"][atom[of_atom["atomic_num"]]]) for atom in atoms],
        attributes=[
            [float(x_map[name][atom[of_atom[name]]]) for name in NUMBERS]
            + [float(atom[of_atom[name]] == i) for name in NAMES for i in range(len(x_map[name]))]
            for atom in atoms
        ],
        edge_labels=[e_map["bond_type"][bond[of_bond["bond_type"]]] for bond in bonds],
        edge_attributes=[
            [float(bond[of_bond["is_conjugated"]])]
            + [float(bond[of_bond["stereo"]] == i) for i in range(len(e_map["stereo"]))]
            for bond in bonds
        ],
    ))  # fmt: skip
