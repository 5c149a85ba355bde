"""Graphs that come with the program."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import ClassVar

from attnlab.config import GraphData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.graph.source import GraphRow, GraphSource
from attnlab.data.prep.answers import NOT_SCORED
from attnlab.data.synthetic import molecules
from attnlab.errors import UserError


class Molecules(GraphSource):
    """`data=molecules`: generated molecules; the data are as fixed as those of a file."""

    notice = (
        "These molecules are generated (data=molecules). For real ones: "
        "attnlab train task=graph data=tu data.name=MUTAG data.path=FOLDER, with the text files of a TU set in FOLDER."
    )
    ceiling = 1.0

    def __init__(self, config: GraphData) -> None:
        self.files = {"molecules": Path(molecules.__file__)}

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        for seed, (split, size) in enumerate(molecules.SIZES.items(), 1):
            for i, m in enumerate(molecules.molecules(size, seed)):
                bonds = [bond for a, b, kind in m.bonds for bond in ((a, b, kind), (b, a, kind))]
                edges, kinds = [(a, b) for a, b, _ in bonds], [kind for _, _, kind in bonds]
                yield GraphRow(
                    len(m.atoms), edges, m.activity, f"molecules-{split}-{i}", list(m.atoms), edge_labels=kinds, split=split
                )  # fmt: skip


class Karate(GraphSource):
    """`data=karate`: who talks to whom in a karate club that broke in two, and whom each member followed (Zachary
    1977). One graph, seen three times: each split scores other nodes."""

    kind = "vector_classes"
    settings = ("split_seed", "validation")
    rules: ClassVar = {
        # Of the file that `rows` and `_views` once stood in. Change it when they give other graphs or labels.
        "karate": bytes.fromhex(
            "bdb98acbae0b63a6ba07da57b967f477747b53e154a6ee59b27f9603a751c433"
            "8025bbd0a752a1169afaa93215bc3c06ebaeaf947648b1969e991419d5a3f94a"
        )
    }
    FOLLOWED_INSTRUCTOR = frozenset([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21])
    """Zachary's table 3. The labels that PyG carries are communities computed by an algorithm, not observations."""

    def rows(self, bad: BadRows) -> Iterator[GraphRow]:
        from torch_geometric.datasets import KarateClub

        club = KarateClub()[0]
        edges = [(a, b) for a, b in club.edge_index.t().tolist()]
        nodes = int(club.num_nodes)
        sides = ["instructor" if node in self.FOLLOWED_INSTRUCTOR else "officer" for node in range(nodes)]
        for split, scored in self._scored(sides).items():
            labels = [side if node in scored else NOT_SCORED for node, side in enumerate(sides)]
            # A node's number is all that is known of it.
            yield GraphRow(nodes, edges, labels, f"karate-{split}", [str(n) for n in range(nodes)], split=split)

    def _scored(self, sides: list[str]) -> dict[str, set[int]]:
        """The nodes that each split scores: `data.labelled` of each side train, a fraction of the others validates.

        Raises UserError where fewer than two of a side would be left.
        """
        random, labelled = Random(self.config.split_seed), self.config.labelled
        scored: dict[str, set[int]] = {"train": set(), "validation": set(), "test": set()}
        for side in sorted(set(sides)):
            members = [node for node, other in enumerate(sides) if other == side]
            random.shuffle(members)
            others = len(members) - labelled
            if others < 2:
                raise UserError(
                    f"`data.labelled={labelled}`: the {side}'s side has only {len(members)} members, of whom two are left "
                    "to validate and test"
                )
            first_tested = labelled + max(1, round(self.config.validation * others))
            scored["train"] |= set(members[:labelled])
            scored["validation"] |= set(members[labelled:first_tested])
            scored["test"] |= set(members[first_tested:])
        return scored
