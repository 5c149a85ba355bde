"""One head has one set of weights for each vector; several relations at once need several heads."""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from markupsafe import Markup

from attnlab.explain.heads import head_changed
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.rules import Larger, Smaller
from attnlab.model.attention.recorder import attention_layers
from attnlab.pages.charts import Axis, lines
from attnlab.training.run import Run

SHIFTS = {1: (2,), 2: (2, 5), 4: (1, 2, 4, 7)}
"""By how many relations a task needs at once: how many places before a word those words stand that its tag copies."""
HEADS = (1, 2, 4, 8, 16)
IDLE = 0.002
"""A head is not needed if the model without it loses less accuracy than this."""


def arm_of(relations: int, heads: int) -> str:
    return f"{relations} relations, {heads} heads" if relations > 1 else f"1 relation, {heads} heads"


def gain(relations: int, many: int, few: int, evidence: Evidence) -> list[float]:
    """By how much accuracy is higher with many heads than with few."""
    return evidence.difference(arm_of(relations, many), arm_of(relations, few))


def least(relations: int, heads: int, evidence: Evidence) -> list[float]:
    """What the head loses that is needed the least, where one at a time gives nothing."""
    return [min(seed) for seed in evidence.found_of(arm_of(relations, heads), "lost")]


def idle(relations: int, heads: int, evidence: Evidence) -> list[float]:
    """Share of heads that are not needed, one at a time."""
    return [fmean(loss < IDLE for loss in seed) for seed in evidence.found_of(arm_of(relations, heads), "lost")]


class Heads(Claim):
    theory = (
        "A head has one set of weights for each vector, which sum to 1: what it takes from several places is their weighted average, and only "
        "the weights, such as 2/3 and 1/3, can say which came from where. With several heads, each attends to a place of its own, and W^O "
        "puts what they found side by side. So tasks should need as many heads as they have relations at once. More heads should gain nothing, since at equal width each is narrower; and most of them could "
        "then be removed one by one. Measured on copying: the tag of a word is the word 2 before it; those 2 and 5 before it; those 1, 2, 4 "
        "and 7 before it. One layer of width 64, with relative positions; only the number of heads differs."
    )
    source = "Vaswani et al. 2017, section 3.2.2 and table 3; Michel et al. 2019; Voita et al. 2019"
    rate = 0.02
    statements = (
        Statement(
            "For one relation, one head is enough", "accuracy of 4 heads − 1, one relation", Smaller(0.02), partial(gain, 1, 4, 1)
        ),
        Statement(
            "For two relations, two heads are better than one", "accuracy of 2 heads − 1, two relations", Larger(0.05),
            partial(gain, 2, 2, 1),
        ),
        Statement(
            "For four relations, four heads are better than two", "accuracy of 4 heads − 2, four relations", Larger(0.05),
            partial(gain, 4, 4, 2),
        ),
        Statement(
            "More heads than relations gain nothing", "accuracy of 16 heads − 4, four relations", Smaller(0.02), partial(gain, 4, 16, 4)
        ),
        Statement(
            "Of four heads for four relations, each is needed", "accuracy lost without the head that is needed the least",
            Larger(0.1), partial(least, 4, 4),
        ),
        Statement(
            "Of 16 heads for one relation, most are not needed", f"share of heads without which less than {IDLE} is lost − 1/2",
            Larger(0.05), lambda evidence: [share - 0.5 for share in idle(1, 16, evidence)],
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        sequences, epochs = (6000, 12) if full else (2000, 4)
        alike = [
            "data=copying", "data.symbols=3", "data.lengths=[8,16]", f"data.sequences={sequences}", f"trainer.epochs={epochs}",
            "trainer.batch_vectors=500", "embedding=learned", "encoder.width=64", "encoder.depth=1", "encoder.position=relative",
            "encoder.dropout=0",
        ]  # fmt: skip
        return {
            arm_of(relations, heads): [
                *alike,
                f"data.shifts=[{','.join(map(str, shifts))}]",
                f"encoder.heads={heads}",
            ]
            for relations, shifts in SHIFTS.items()
            for heads in HEADS
        }

    def of_seed(self, seed: int) -> Sequence[str]:
        return [f"seed={seed}", f"data.draw={seed}"]

    def examine(self, arm: str, run: Run) -> Measured:
        """lost: of each head, how much accuracy on validation data the model loses if this head gives zeros."""
        data = run.data()
        whole = run.evaluate("validation", data).scores["accuracy"]
        lost = []
        ((name, layer),) = attention_layers(run.model).items()
        for head in range(layer.heads):
            with head_changed(run.model, name, head, "zero"):
                lost.append(whole - run.evaluate("validation", data).scores["accuracy"])
        return {"lost": lost}

    def drawing(self) -> Markup:
        return layers([
            ("one head: 2 before", lambda one, other: one - other == 2),
            ("another: 5 before", lambda one, other: one - other == 5),
            ("both, side by side", lambda one, other: one - other in SHIFTS[2]),
        ], depth=1)  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        accuracy, shares = [], []
        for number, relations in enumerate(SHIFTS, 1):
            rows = [evidence.score(arm_of(relations, heads)) for heads in HEADS]
            name = f"{relations} relations" if relations > 1 else "1 relation"
            accuracy.append(band(name, HEADS, list(zip(*rows, strict=True)), number))
            rows = [idle(relations, heads, evidence) for heads in HEADS]
            shares.append(band(name, HEADS, list(zip(*rows, strict=True)), number))
        across = Axis("heads, at equal width", log=True, ticks=[(n, str(n)) for n in HEADS])
        return [
            Figure(
                "Accuracy against the number of heads.",
                lines(accuracy, "accuracy against heads", across, Axis("accuracy", low=0, high=1)), legend(accuracy),
            ),
            Figure(
                f"The share of heads that can be removed, one at a time, for less than {IDLE} of accuracy.",
                lines(shares, "heads not needed", across, Axis("share of heads", low=0, high=1)), legend(shares),
            ),
        ]  # fmt: skip
