"""A graph is a set of nodes, and its edges say which of them see each other."""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from statistics import fmean

from markupsafe import Markup

from attnlab.data.synthetic.molecules import ACTIVE, CONSTRUCTIONS, INACTIVE, Drawing
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.rules import Exact, Larger, Smaller
from attnlab.pages.charts import Axis, Points, scatter
from attnlab.training.run import Run

ALONE = "data.structure=null"
"""Nodes know which atom they are and nothing else."""
WALKS = "data.structure=random_walk:8"
"""They also know how probable it is that a random walk comes back to them after 1, 2, … 8 steps."""
ENCODER = {
    "no edges": [ALONE, "encoder.scope=full"],
    "edges": [ALONE, "encoder.scope=edges"],
    "edges, full": [ALONE, "encoder.scope=[edges,full]"],
    "no edges, structure": [WALKS, "encoder.scope=full"],
    "edges, structure": [WALKS, "encoder.scope=edges"],
    "GIN": [ALONE, "encoder=graph_conv", "encoder.convolution=gin"],
    "GATv2": [ALONE, "encoder=graph_conv", "encoder.convolution=gatv2"],
    "GCN": [ALONE, "encoder=graph_conv", "encoder.convolution=gcn"],
}
SAME_ATOMS = ("acid", "diazine", "ring")
"""Constructions whose two readings have the same atoms and as many bonds."""
TWINS = 50
"""Pairs of each that a trained model is asked about."""


def unlike(arm: str, evidence: Evidence) -> list[float]:
    """How far the answers about two molecules of the same atoms differ at most."""
    return [seed[0] for seed in evidence.found_of(arm, "difference")]


class Edges(Claim):
    theory = (
        "Attention over all nodes of a graph sees a bag of nodes: two molecules of the same atoms are the same to it, however these are "
        "bound. If each node attends to its neighbours alone, the edges come in, and as many layers see as many steps. Another way is to "
        "tell each node where it stands, by features that are computed from the edges. Softmax averages neighbours, and an average of equal "
        "vectors says nothing about how many they were; a sum does (GIN). Measured on molecules whose activity depends on their bonds; all "
        "encoders have four layers, equally many parameters and updates. Batches have 500 nodes, half of what the task would take, so that few "
        "epochs are updates enough to learn bonds at all; with other batches, statements about small differences may come out otherwise."
    )
    source = "Veličković et al. 2018; Brody et al. 2022; Xu et al. 2019; Dwivedi et al. 2022; Kipf & Welling 2017"
    statements = (
        Statement(
            "Without edges, molecules of the same atoms get the same answer", "largest difference of a probability", Exact(1e-5),
            partial(unlike, "no edges"),
        ),
        Statement(
            "With attention along edges, bonds are told", "accuracy of edges − no edges", Larger(0.2),
            lambda evidence: evidence.difference("edges", "no edges"),
        ),
        Statement(
            "Attention to all nodes in every second layer takes nothing away", "accuracy of edges − edges, full", Smaller(0.01),
            lambda evidence: evidence.difference("edges", "edges, full"),
        ),
        Statement(
            "Without edges, features of structure tell bonds, too", "accuracy of no edges with structure − without", Larger(0.2),
            lambda evidence: evidence.difference("no edges, structure", "no edges"),
        ),
        Statement(
            "With edges, structure adds what an average of neighbours cannot tell", "accuracy of edges with structure − without",
            Larger(0.02), lambda evidence: evidence.difference("edges, structure", "edges"),
        ),
        Statement(
            "A sum over neighbours (GIN) tells more than an average", "accuracy of GIN − edges", Larger(0.02),
            lambda evidence: evidence.difference("GIN", "edges"),
        ),
        Statement(
            "Attention along edges is no worse than GATv2, which is attention as well", "accuracy of GATv2 − edges", Smaller(0.02),
            lambda evidence: evidence.difference("GATv2", "edges"),
        ),
        Statement(
            "And better than GCN, whose weights follow from degrees alone", "accuracy of edges − GCN", Larger(0.02),
            lambda evidence: evidence.difference("edges", "GCN"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        molecules, epochs, parameters = (3000, 12, "60k") if full else (2000, 4, "30k")
        alike = [
            "task=graph", f"data.limit={molecules}", f"trainer.epochs={epochs}", f"encoder.parameters={parameters}",
            "encoder.depth=4", "encoder.dropout=0",
            "trainer.batch_vectors=500",
        ]  # fmt: skip
        return {arm: [*alike, *words] for arm, words in ENCODER.items()}

    def examine(self, arm: str, run: Run) -> Measured:
        """difference: the largest difference of the answers about two molecules of the same atoms. By the construction of such twins,
        the share of pairs of which both answers are right."""
        found, differences = Measured(), list[float]()
        for construction in SAME_ATOMS:
            pairs = [_twins(construction, case) for case in range(TWINS)]
            answers = run.predict([molecule for pair in pairs for molecule in pair])
            active, inactive = answers[::2], answers[1::2]
            right = [a.value == ACTIVE and b.value == INACTIVE for a, b in zip(active, inactive, strict=True)]
            found[construction] = [fmean(right)]
            probabilities = list[float]()
            for answer in answers:
                assert isinstance(answer.probabilities, Mapping), "one answer for a molecule"
                probabilities.append(answer.probabilities[ACTIVE])
            differences += [abs(a - b) for a, b in zip(probabilities[::2], probabilities[1::2], strict=True)]
        return found | {"difference": [max(differences)]}

    def drawing(self) -> Markup:
        bonds = {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5), (3, 6)}
        return layers([
            ("no edges: a bag of atoms", lambda one, other: True),
            ("edges: a ring with a tail", lambda one, other: one == other or (min(one, other), max(one, other)) in bonds),
        ])  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        places, drawn = range(1, len(SAME_ATOMS) + 1), []
        for number, arm in enumerate(ENCODER):
            rows = [[share for (share,) in evidence.found_of(arm, name)] for name in SAME_ATOMS]
            across = [place + 0.07 * (number - (len(ENCODER) - 1) / 2) for place in places]
            drawn.append(
                Points(arm, across, [fmean(row) for row in rows], list(map(min, rows)), list(map(max, rows)), colour=number + 1)
            )  # fmt: skip
        ticks = [(float(place), name) for place, name in zip(places, SAME_ATOMS, strict=True)]
        chart = scatter(
            drawn, "twins told apart", Axis("what the twins differ in", low=0.5, high=len(SAME_ATOMS) + 0.5, ticks=ticks),
            Axis("share of pairs", low=0, high=1),
        )  # fmt: skip
        caption = (
            "Pairs of molecules of the same atoms of which a model calls one active and the other inactive, rightly: an acid and its isomer, "
            "nitrogens beside each other or apart in a ring, rings of six and of five. Guessing gives 0.25."
        )
        return [Figure(caption, chart, [(arm, number) for number, arm in enumerate(ENCODER, 1)])]


def _twins(construction: str, seed: int) -> tuple[dict[str, object], dict[str, object]]:
    """An active molecule and an inactive one of the same atoms, as `attnlab predict` takes them."""
    random = Random(seed)
    build, tail = CONSTRUCTIONS[construction](random), random.randint(2, 5)
    found = []
    for active in (True, False):
        drawing = Drawing()
        drawing.atom("F", drawing.chain(tail, build(drawing, active))[-1])
        found.append({"nodes": drawing.atoms, "edges": [list(bond) for bond in drawing.bonds]})
    return found[0], found[1]
