"""Where graphs come from."""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.graph.jsonl import Jsonl
from attnlab.data.graph.molecule_net import MoleculeNet
from attnlab.data.graph.source import GraphRow, GraphSource
from attnlab.data.graph.tu import Tu
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.data.synthetic import molecules
from attnlab.errors import UserError


class Molecules:
    """`data=molecules`: generated molecules; the data are as fixed as those of a file."""

    notice = (
        "These molecules are generated (data=molecules). For real ones: "
        "attnlab train task=graph data=tu data.name=MUTAG data.path=FOLDER, with the text files of a TU set in FOLDER."
    )
    kind = "class"
    ceiling: float | None = 1.0

    def __init__(self, config: GraphData) -> None:
        self.files = {"molecules": Path(molecules.__file__)}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        for seed, (split, size) in enumerate(molecules.SIZES.items(), 1):
            for i, m in enumerate(molecules.molecules(size, seed)):
                bonds = [(a, b, bond) for one, other, bond in m.bonds for a, b in ((one, other), (other, one))]
                edges, kinds = [(a, b) for a, b, _ in bonds], [bond for _, _, bond in bonds]
                yield GraphRow(
                    len(m.atoms), edges, m.activity, f"molecules-{split}-{i}", list(m.atoms), edge_labels=kinds, split=split
                )  # fmt: skip


class Karate:
    """`data=karate`: who talks to whom in a karate club that broke in two, and whom each member followed (Zachary
    1977). One graph, seen three times: each split scores other nodes."""

    notice = ""
    kind = "vector_classes"
    ceiling: float | None = None
    FOLLOWED_INSTRUCTOR = frozenset([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21])
    """Zachary's table 3. The labels that PyG carries are communities found by an algorithm, no observation."""

    def __init__(self, config: GraphData) -> None:
        self.config, self.files = config, {"karate": Path(__file__)}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        from torch_geometric.datasets import KarateClub

        club = KarateClub()[0]
        edges = [(a, b) for a, b in club.edge_index.t().tolist()]
        nodes = int(club.num_nodes)
        sides = ["instructor" if node in self.FOLLOWED_INSTRUCTOR else "officer" for node in range(nodes)]
        for split, scored in self._views(sides).items():
            labels = [side if node in scored else NOT_SCORED for node, side in enumerate(sides)]
            # Which node it is, is the only thing known of it.
            yield GraphRow(nodes, edges, labels, f"karate-{split}", [str(n) for n in range(nodes)], split=split)

    def _views(self, sides: list[str]) -> dict[str, set[int]]:
        """The nodes that each split scores: `data.labelled` of each side are learned, of the others a share validates."""
        random = Random(self.config.split_seed)
        found: dict[str, set[int]] = {"train": set(), "validation": set(), "test": set()}
        for side in sorted(set(sides)):
            members = [node for node, own in enumerate(sides) if own == side]
            random.shuffle(members)
            others = len(members) - self.config.labelled
            if others < 2:
                raise UserError(
                    f"`data.labelled={self.config.labelled}`: the {side}'s side has only {len(members)} members, of "
                    "whom two are left to validate and test"
                )
            validating = self.config.labelled + max(1, round(self.config.validation * others))
            found["train"] |= set(members[: self.config.labelled])
            found["validation"] |= set(members[self.config.labelled : validating])
            found["test"] |= set(members[validating:])
        return found


GRAPH_SOURCES: dict[str, Callable[[GraphData], GraphSource]] = {
    "molecules": Molecules,
    "karate": Karate,
    "tu": Tu,
    "molecule_net": MoleculeNet,
    "jsonl": Jsonl,
}
