"""Generated molecules: a reader of structure is always right, a bag of atoms or of degrees is not."""

from collections import Counter

import numpy as np
import pytest
from graphs import load
from sklearn.linear_model import LogisticRegression

from attnlab.data.synthetic.molecules import ACTIVE, CONSTRUCTIONS, Molecule, molecules

MOLECULES = list(molecules(2000, seed=9))


def neighbours(molecule: Molecule) -> list[list[tuple[int, str]]]:
    bonds: list[list[tuple[int, str]]] = [[] for _ in molecule.atoms]
    for a, b, kind in molecule.bonds:
        bonds[a].append((b, kind))
        bonds[b].append((a, kind))
    return bonds


def ring_of_six_carbons(molecule: Molecule) -> bool:
    around = [[b for b, _ in bonds if molecule.atoms[b] == "C"] for bonds in neighbours(molecule)]

    def closes(path: list[int]) -> bool:
        if len(path) == 6:
            return path[0] in around[path[-1]]
        return any(closes([*path, n]) for n in around[path[-1]] if n not in path)

    return any(closes([i]) for i, atom in enumerate(molecule.atoms) if atom == "C")


def read(molecule: Molecule) -> bool:
    """The documented rule, read off the graph."""
    atoms, around = molecule.atoms, neighbours(molecule)
    acid = any(sorted(k for b, k in bonds if atoms[b] == "O") == ["double", "single"] for bonds in around)
    diazine = any(atoms[a] == atoms[b] == "N" for a, b, _ in molecule.bonds)
    return acid or diazine or "S" in atoms or ring_of_six_carbons(molecule)


def test_a_perfect_reader_is_always_right() -> None:
    assert all(read(molecule) == (molecule.activity == ACTIVE) for molecule in MOLECULES)
    assert {molecule.construction for molecule in MOLECULES} == set(CONSTRUCTIONS)


def test_twins_have_the_same_atoms_bonds_and_degrees() -> None:
    """What active and inactive ones of a construction are made of is drawn from the same distribution."""
    for name in ("acid", "diazine", "ring"):
        for of in (
            lambda m: len(m.atoms) - m.atoms.count("C"),
            lambda m: len(m.bonds) - len(m.atoms),
            lambda m: Counter(len(bonds) for bonds in neighbours(m))[3],
        ):
            means = [
                np.mean([of(m) for m in MOLECULES if m.construction == name and (m.activity == ACTIVE) == a])
                for a in (0, 1)
            ]
            assert abs(means[0] - means[1]) < 0.25, name
    assert all(len(bonds) <= 4 for molecule in MOLECULES for bonds in neighbours(molecule))


def test_atoms_in_a_bag_and_counts_of_degrees_fail() -> None:
    data = load("data=molecules", "data.limit=1500")
    train, test = data.splits["train"], data.splits["test"]
    for most, of in ((0.65, "bags"), (0.80, "degree_counts")):
        model = LogisticRegression(max_iter=2000).fit(getattr(train, of)(), train.gold("label"))
        assert model.score(getattr(test, of)(), test.gold("label")) <= most
    assert test.ceiling() == 1.0


@pytest.mark.parametrize("seed", [1, 2])
def test_molecules_are_a_function_of_the_seed(seed: int) -> None:
    assert list(molecules(5, seed)) == list(molecules(5, seed)) != list(molecules(5, seed + 1))
