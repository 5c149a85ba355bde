"""Small molecules whose activity depends on how their atoms are bound, not on which atoms they have.

A *construction* draws a skeleton and all that hangs on it first and looks at the reading last: the active molecule
and its inactive twin then have the same atoms, the same bonds, and as many atoms with as many neighbours. Only the
``plain`` ones, which differ by one atom, tell a bag of atoms something.

A molecule is active if and only if it has one of these, so a perfect reader is always right and the ceiling is 1:

=============  ==================================================  ==============================================
construction   *active*                                            *inactive*
=============  ==================================================  ==============================================
``acid``       one carbon bears =O and -O (a carboxylic acid)      two carbons share them (a hydroxyketone)
``diazine``    two nitrogens are neighbours in a ring of six       they stand apart in it
``ring``       a ring of six carbons with a tail                   a ring of five with a longer tail
``plain``      a sulphur                                           an oxygen instead
=============  ==================================================  ==============================================

Chains of carbon, halogens and rings of five or seven carbons hang on any molecule and mean nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

SIZES = {"train": 3000, "validation": 500, "test": 1000}
"""Default number of molecules in each split; the caller gives each split its own seed."""

ACTIVE, INACTIVE = "active", "inactive"
SINGLE, DOUBLE, AROMATIC = "single", "double", "aromatic"


@dataclass(frozen=True)
class Molecule:
    """Atoms by their symbols; bonds as (atom, atom, kind), each once."""

    atoms: tuple[str, ...]
    bonds: tuple[tuple[int, int, str], ...]
    activity: str  # ACTIVE or INACTIVE
    construction: str  # its name, for those who look inside


@dataclass
class Drawing:
    """A molecule while it is put together."""

    atoms: list[str] = field(default_factory=list)
    bonds: list[tuple[int, int, str]] = field(default_factory=list)

    def atom(self, symbol: str, to: int | None = None, bond: str = SINGLE) -> int:
        """Add an atom, bound to another; returns its number."""
        self.atoms.append(symbol)
        if to is not None:
            self.bonds.append((to, len(self.atoms) - 1, bond))
        return len(self.atoms) - 1

    def chain(self, length: int, to: int | None = None) -> list[int]:
        """Add carbons in a row."""
        found: list[int] = []
        for _ in range(length):
            found.append(self.atom("C", found[-1] if found else to))
        return found

    def ring(self, symbols: str, to: int | None = None, bond: str = SINGLE) -> list[int]:
        """Add a ring, whose first atom is bound to another."""
        found = [self.atom(symbols[0], to)]
        for symbol in symbols[1:]:
            found.append(self.atom(symbol, found[-1], bond))
        self.bonds.append((found[-1], found[0], bond))
        return found


def molecules(count: int, seed: int) -> Iterator[Molecule]:
    """A pure function of its arguments."""
    random = Random(seed)
    for _ in range(count):
        yield molecule(random)


def molecule(random: Random) -> Molecule:
    """One molecule; its reading is drawn last."""
    construction = random.choices(list(CONSTRUCTIONS), weights=[3, 3, 2, 2])[0]
    build = CONSTRUCTIONS[construction](random)
    handle = random.randint(2, 5)
    # Each hangs on an atom of its own, so that no atom has more than four neighbours.
    hung = [
        (place, *_decoration(random)) for place in random.sample(range(handle), random.randint(1, min(3, handle)))
    ]
    active = random.random() < 0.5
    drawing = Drawing()
    bearer = build(drawing, active)
    carbons = drawing.chain(handle, bearer)
    for place, kind, size in hung:
        _hang(drawing, carbons[place], kind, size)
    order = random.sample(range(len(drawing.atoms)), len(drawing.atoms))
    place_of = {atom: place for place, atom in enumerate(order)}
    ends = [(place_of[a], place_of[b], kind) for a, b, kind in drawing.bonds]
    bonds = tuple(sorted((min(a, b), max(a, b), kind) for a, b, kind in ends))
    atoms = tuple(drawing.atoms[atom] for atom in order)
    return Molecule(atoms, bonds, ACTIVE if active else INACTIVE, construction)


# A construction draws what the two readings share and returns what puts one of them into a drawing; that returns the
# atom on which all the rest hangs.


Build = Callable[[Drawing, bool], int]


def _acid(random: Random) -> Build:
    length = random.randint(3, 6)
    carbonyl = random.randint(1, length - 2)

    def build(drawing: Drawing, active: bool) -> int:
        carbons = drawing.chain(length)
        drawing.atom("O", carbons[-1] if active else carbons[carbonyl], DOUBLE)
        drawing.atom("O", carbons[-1])
        return carbons[0]

    return build


def _diazine(random: Random) -> Build:
    apart = random.choice([2, 3])

    def build(drawing: Drawing, active: bool) -> int:
        symbols = list("NCCCCC")
        symbols[1 if active else apart] = "N"
        return drawing.ring("".join(symbols), bond=AROMATIC)[4]

    return build


def _ring(random: Random) -> Build:
    tail = random.randint(1, 3)

    def build(drawing: Drawing, active: bool) -> int:
        first = drawing.ring("CCCCCC" if active else "CCCCC")[0]
        return drawing.chain(tail if active else tail + 1, first)[-1]

    return build


def _plain(random: Random) -> Build:
    length = random.randint(2, 6)

    def build(drawing: Drawing, active: bool) -> int:
        carbons = drawing.chain(length)
        drawing.atom("S" if active else "O", carbons[-1])
        return carbons[0]

    return build


CONSTRUCTIONS: dict[str, Callable[[Random], Build]] = {
    "acid": _acid,
    "diazine": _diazine,
    "ring": _ring,
    "plain": _plain,
}


def _decoration(random: Random) -> tuple[str, int]:
    """(kind, size) of something without meaning."""
    kind = random.choice(["F", "Cl", "chain", "ring"])
    return kind, random.choice([5, 7]) if kind == "ring" else random.randint(1, 4)


def _hang(drawing: Drawing, carbon: int, kind: str, size: int) -> None:
    if kind == "chain":
        drawing.chain(size, carbon)
    elif kind == "ring":
        drawing.ring("C" * size, carbon)
    else:
        drawing.atom(kind, carbon)
