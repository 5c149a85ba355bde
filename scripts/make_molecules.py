"""Two made-up sets of graphs, to try `data=graph_jsonl` with: generated, the same on every call, nothing is downloaded.

    python scripts/make_molecules.py FOLDER
    attnlab train task=graph data=graph_jsonl data.path=FOLDER/presence

Each graph looks like a molecule of 12 to 45 atoms, with rings and chains. What the label says lies in the neighbourhoods of two
steps around each atom (the colours of two rounds of Weisfeiler & Lehman 1968): in `presence`, whether any of 14 rare ones
occurs; in `count`, whether a weighted sum over the 150 most frequent ones, divided by the square root of the atoms, is above the
median. Five labels in a hundred are turned over, so that a perfect reader is right in 95 of 100.
"""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from random import Random

SIZES = {"train": 3200, "validation": 1000, "test": 1000}
ATOMS, FREQUENCIES = ("C", "N", "O", "S", "Cl", "F"), (70, 11, 12, 3, 2, 2)
BONDS = {"Cl": 1, "F": 1, "O": 2, "S": 2}  # at the most; others have four
SMALLEST, LARGEST, TRIES = 12, 45, 400
RING, WRONG = 0.35, 0.05  # fractions: of additions, of labels
FREQUENT, DANGEROUS = 150, 14  # neighbourhoods

Graph = tuple[list[str], list[tuple[int, int]]]


def molecule(random: Random) -> Graph:
    """Atoms by their symbols, and bonds as pairs of atoms."""
    atoms, bonds = list[str](), list[tuple[int, int]]()

    def add(to: int | None) -> int:
        atoms.append(random.choices(ATOMS, FREQUENCIES)[0])
        if to is not None:
            bonds.append((to, len(atoms) - 1))
        return len(atoms) - 1

    def add_ring(to: int | None) -> None:
        size = random.choice([5, 6, 6, 6])
        first = last = add(to)
        for _ in range(size - 1):
            last = add(last)
        bonds.append((last, first))

    size = random.randint(SMALLEST, LARGEST)
    add_ring(None)
    for _ in range(TRIES):
        if len(atoms) >= size:
            break
        to = random.randrange(len(atoms))
        if sum(to in bond for bond in bonds) >= BONDS.get(atoms[to], 4):
            continue
        if random.random() < RING:
            add_ring(to)
        else:
            for _ in range(random.randint(1, 3)):
                to = add(to)
    return atoms, bonds


def neighbourhoods(graph: Graph) -> list[str]:
    """Of each atom, a name for all that lies within two steps of it."""
    atoms, bonds = graph
    neighbours: list[list[int]] = [[] for _ in atoms]
    for first, second in bonds:
        neighbours[first].append(second)
        neighbours[second].append(first)
    names = atoms
    for _ in range(2):
        described = (
            f"{name}|{','.join(sorted(names[j] for j in near))}"
            for name, near in zip(names, neighbours, strict=True)
        )
        names = [hashlib.md5(text.encode()).hexdigest()[:8] for text in described]
    return names


def labels(kind: str, named: list[list[str]]) -> list[bool]:
    """Of each graph, whether it is active; named: its neighbourhoods."""
    occurring = Counter(name for names in named for name in sorted(set(names)))
    if kind == "presence":
        rare = [name for name, count in occurring.most_common() if 0.03 < count / len(named) < 0.08]
        Random(5).shuffle(rare)
        dangerous = set(rare[:DANGEROUS])
        return [not dangerous.isdisjoint(names) for names in named]
    weights = {name: Random(name + "c").gauss(0, 1) for name, _ in occurring.most_common(FREQUENT)}
    sums = [sum(weights.get(name, 0) for name in names) / len(names) ** 0.5 for names in named]
    median = sorted(sums)[len(sums) // 2]
    return [value > median for value in sums]


def main(folder: Path) -> None:
    for kind in ("count", "presence"):
        random = Random(1)
        graphs = [molecule(random) for _ in range(sum(SIZES.values()))]
        active = labels(kind, [neighbourhoods(graph) for graph in graphs])
        lines = [
            {"nodes": atoms, "edges": bonds, "label": "yes" if label != (random.random() < WRONG) else "no"}
            for (atoms, bonds), label in zip(graphs, active, strict=True)
        ]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for split, size in SIZES.items():
            part, lines = lines[:size], lines[size:]
            text = "".join(json.dumps(line) + "\n" for line in part)
            (folder / kind / f"{split}.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
