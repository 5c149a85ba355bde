"""One encoder for words, speech, pictures and graphs at once, beside one for each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean

from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Missing, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Exact, Larger, Smaller
from attnlab.model.encoders.attention import TRUNK
from attnlab.pages.charts import Axis, Curve, Points, lines, scatter
from attnlab.runs import score_of

OWN = {
    "pos": ["embedding=learned"],
    "keywords": [],
    "digits": ["data.limit=200"],
    "graph": ["head.readout=mean"],
}
"""Of each part, what it has for itself: words, speech, pictures of which there are few, and graphs."""
MANY, FEW = ("pos", "keywords", "graph"), "digits"
"""Parts with many examples, and the one with few."""
VALIDATIONS = 5


def lost(part: str, evidence: Evidence) -> list[float]:
    """By how much a run alone is ahead of the joint one."""
    together = evidence.score("joint", f"{part}/accuracy")
    return [alone - joint for alone, joint in zip(evidence.score(part), together, strict=True)]


def parameters(evidence: Evidence) -> list[tuple[float, float]]:
    """Of each seed: those of all separate models together, and those of the joint one. Raises Missing where a run doesn't say."""
    found = list[tuple[float, float]]()
    for seed in evidence.seeds:
        counts = {arm: evidence.results[arm, seed].get("parameters") for arm in ("joint", *OWN)}
        if None in counts.values():
            raise Missing("a run doesn't say how many parameters it has")
        found.append((sum(counts[part] or 0 for part in OWN), counts["joint"] or 0))
    return found


def unexplained(evidence: Evidence) -> list[float]:
    """Parameters that the joint model has fewer than all separate ones, less those of the encoders that it saves."""
    saved = [(len(OWN) - 1) * size for (size,) in evidence.found("trunk")]
    return [apart - joint - own for (apart, joint), own in zip(parameters(evidence), saved, strict=True)]


class Modalities(Claim):
    theory = (
        "An encoder gets vectors and gives vectors; that these stand for words, stretches of speech, patches of a picture or atoms, only the "
        "embedding and the head know, and positions and edges say who attends to whom. So one encoder can serve them all at once, with about "
        "the parameters of one, and it is claimed that this costs little where there are many examples and helps where there are few. Measured: "
        "one joint run on tags of words, spoken digits, pictures of digits (few of them) and molecules, of which every update has one batch each, "
        "beside a run for each with the same encoder, the same batches and as many updates. The joint run keeps the weights that are best for "
        "all parts together, a run alone those that are best for itself."
    )
    source = "Kaiser et al. 2017, sections 3.2 and 3.3; Jaegle et al. 2022; Kurin et al. 2022"
    statements = (
        Statement(
            "The joint model has the parameters of four without three of their encoders", "parameters that this doesn't explain",
            Exact(0.0), unexplained,
        ),
        Statement(
            "Which are less than half", "halvings of the parameters, four models to one", Larger(1.0),
            lambda evidence: [math.log2(apart / joint) for apart, joint in parameters(evidence)],
        ),
        *(
            Statement(
                f"It costs {part} little to share the encoder", f"accuracy of {part} alone − joint", Smaller(0.02), partial(lost, part)
            )
            for part in MANY
        ),
        Statement(
            f"And helps {FEW}, of which there are few", f"accuracy of {FEW} joint − alone", Larger(0.02),
            lambda evidence: [-value for value in lost(FEW, evidence)],
        ),
        Statement(
            "On the mean of all, little is lost", "mean accuracy of four alone − joint", Smaller(0.02),
            lambda evidence: [fmean(seed) for seed in zip(*(lost(part, evidence) for part in OWN), strict=True)],
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        updates, width = (1000, 64) if full else (150, 32)
        trunk = [
            f"trainer.updates={updates}", f"trainer.validate_every={updates // VALIDATIONS}", f"encoder.width={width}",
            "encoder.depth=4", "encoder.dropout=0",
        ]  # fmt: skip
        own = {part: [*words, "trainer.batch_vectors=300"] for part, words in OWN.items()}
        joint = [f"parts.{part}.{word}" for part, words in own.items() for word in words]
        together = ["task=joint", f"parts=[{','.join(OWN)}]", f"trainer.accumulate={len(OWN)}", *trunk, *joint]
        return {"joint": together} | {part: [f"task={part}", *trunk, *words] for part, words in own.items()}

    def measure(self, seed: int, full: bool) -> Measured:
        """trunk: parameters of what the parts share."""
        words = [word for word in self.arms(full)["pos"] if word.startswith("encoder")]
        encoder = fresh(words, seed).encoder
        return {"trunk": [float(sum(p.numel() for name in TRUNK for p in getattr(encoder, name).parameters()))]}

    def drawing(self) -> Markup:
        bonds = {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 5), (3, 6)}
        return layers([
            ("words, speech, patches", lambda one, other: True),
            ("a molecule: the same layers", lambda one, other: one == other or (min(one, other), max(one, other)) in bonds),
        ])  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        return [_scores(evidence), _learning(evidence)]


def _scores(evidence: Evidence) -> Figure:
    """Each part alone and joint, with all seeds between the ends of a line."""
    drawn = []
    for number, (name, shift) in enumerate((("alone", -0.1), ("joint", 0.1)), 1):
        rows = [
            evidence.score(part) if name == "alone" else evidence.score("joint", f"{part}/accuracy")
            for part in OWN
        ]
        across = [place + shift for place in range(1, len(OWN) + 1)]
        drawn.append(
            Points(name, across, list(map(fmean, rows)), list(map(min, rows)), list(map(max, rows)), colour=number)
        )
    ticks = [(float(place), part) for place, part in enumerate(OWN, 1)]
    chart = scatter(
        drawn, "accuracy of each part", Axis("part", low=0.5, high=len(OWN) + 0.5, ticks=ticks), Axis("accuracy"),
    )  # fmt: skip
    return Figure("Accuracy on test data: means and ends over seeds.", chart, [("alone", 1), ("joint", 2)])


def _learning(evidence: Evidence) -> Figure:
    """Accuracy on validation data as training goes on."""
    curves = list[Curve]()
    for number, part in enumerate(OWN, 1):
        for arm, name in ((part, "accuracy"), ("joint", f"{part}/accuracy")):
            of_seeds = [evidence.curves[arm, seed] for seed in evidence.seeds]
            updates = [line["update"] for line in of_seeds[0]]
            rows = [[score_of(line, name) for line in lines] for lines in of_seeds]
            curve = band(part if arm == part else f"{part}, joint", updates, rows, number)
            curves.append(
                replace(curve, dashed=arm == "joint", low=None, high=None)
            )  # eight bands hide each other
    chart = lines(curves, "accuracy against updates", Axis("updates"), Axis("accuracy", high=1))
    return Figure(
        "Accuracy on validation data, means over seeds; dashed: of the joint run.", chart, legend(curves[::2])
    )
