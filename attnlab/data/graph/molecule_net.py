"""Molecules of MoleculeNet (Wu et al. 2018): tables of SMILES, which RDKit reads, and what was measured of them."""

import csv
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.tables import read_table, usable
from attnlab.data.graph.source import GraphRow, GraphSource, by_content, given_or_downloaded
from attnlab.errors import UserError, suggestion
from attnlab.local_files import is_regular
from attnlab.text_files import text_lines

if TYPE_CHECKING:
    from torch_geometric.data import Data

MEASURED = ("esol", "freesolv", "lipo")
"""Sets whose answer is a number; those of the others are yes, no or unknown."""
NUMBERS = ("degree", "formal_charge", "num_hs", "num_radical_electrons", "is_aromatic", "is_in_ring")
"""Of an atom, besides its element, what PyTorch Geometric gives as a number."""
NAMES = ("chirality", "hybridization")
"""And what it gives as one of several names."""


class MoleculeNet(GraphSource):
    """`data=molecule_net`: the sets that PyTorch Geometric knows by name, from its addresses or from `data.path`; raises
    UserError for another one, or without RDKit. An atom's name is its element, a bond's its type; all else are numbers."""

    needs = "{name}'s table of SMILES, or its folder"
    identity = "held out by content"  # earlier versions went by the row's number

    def __init__(self, config: GraphData) -> None:
        from torch_geometric.datasets import MoleculeNet as Known

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
        from torch_geometric.utils import from_smiles

        header = next(csv.reader(text_lines(self.path)), [])
        columns = list(range(1, len(header) + 1))
        wanted = columns[self.answers] if isinstance(self.answers, slice) else [columns[self.answers]]
        for line, (smiles, *cells) in read_table(self.path, [columns[self.smiles], *wanted], bad):
            if line == 1:
                continue
            try:
                answers = [_number(cell) for cell in cells]
                molecule = from_smiles(smiles)
                if not molecule.num_nodes:
                    raise ValueError(f"`{smiles[:40]}` is no molecule that RDKit can read")
                if self.kind == "number" and math.isnan(answers[0]):
                    raise ValueError("nothing was measured")
            except ValueError as error:
                bad.found(f"{self.path}:{line}: {error}")
                continue
            classes = [-1 if math.isnan(answer) else int(answer) for answer in answers]
            yield _row(molecule, answers[0] if self.kind == "number" else classes, f"{self.path.name}:{line}")


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
    try:
        number = float(cell) if cell.strip() else math.nan
    except ValueError:
        number = math.inf
    if not math.isnan(number) and not usable(number):
        raise ValueError(f"`{cell[:40]}` is no finite number in single precision")
    return number


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
