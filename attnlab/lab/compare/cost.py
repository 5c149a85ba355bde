"""How time and memory of a step grow with the length of a set."""

import math
from collections.abc import Sequence
from functools import partial

from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fit import exponent
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Between, Larger
from attnlab.lab.compare.step import memory, seconds
from attnlab.pages.charts import Axis, lines

LENGTHS = (256, 512, 1024, 2048, 4096)
LONGEST = 3
"""The exponent is that over the last so many lengths: where sets are short, other costs hide it."""
REPEATS = 3
HELD = (512, 1024, 2048)
"""Lengths at which memory is counted: of a whole table, 4,096 would need gigabytes."""
ENCODER = {
    "attention": ["encoder.position=none"],
    "window of 16": ["encoder.position=none", "encoder.scope=window:16"],
    "convolution": ["encoder=convolution", "encoder.radius=1"],
    "LSTM": ["encoder=recurrent"],
}

KEEPS = "attention with alibi"
"""What it adds to each score stands between scores and softmax, so that here the table is kept as papers write it."""
HOLDING = {
    "attention": ENCODER["attention"],
    "window of 16": ENCODER["window of 16"],
    "convolution": ENCODER["convolution"],
    KEEPS: ["encoder.position=alibi"],
}


def growth(arm: str, evidence: Evidence) -> list[float]:
    """The exponent with which time grows with length, of each repetition."""
    return [exponent(LENGTHS[-LONGEST:], seconds[-LONGEST:]) for seconds in evidence.found(arm)]


def memory_growth(arm: str, evidence: Evidence) -> list[float]:
    """The exponent with which memory grows with length; the same for all seeds, unless the program is another one."""
    return [exponent(HELD, numbers) for numbers in evidence.found(f"bytes, {arm}")]


def ratio(slower: str, quicker: str, length: int, evidence: Evidence) -> list[float]:
    """By how many doublings one takes longer than the other."""
    at = LENGTHS.index(length)
    pairs = zip(evidence.found(slower), evidence.found(quicker), strict=True)
    return [math.log2(one[at] / other[at]) for one, other in pairs]


class Cost(Claim):
    theory = (
        "A layer of attention compares each of L vectors with all others, L² · d multiplications, beside matrices for each vector, L · d²; "
        "a recurrent layer does L · d² in L steps that wait for each other; a convolution and a window of fixed size grow with L alone. So "
        "attention is the cheaper one for short sets, because nothing waits, and the dearer one for long sets. Its table of L² scores must "
        "also be kept for the way back, unless it is computed again in blocks: then memory grows as L, while time still grows as L². Measured: "
        "a step, forward and backward, of one layer of width 32 on one set, the processor's time in one thread, which other work beside it "
        "hardly changes; each repetition is the quickest of three. Memory is the most that a step holds at one time, as this program computes it: "
        "by blocks, but with alibi, which adds to scores, with their table."
    )
    source = "Vaswani et al. 2017, table 1; Rabe & Staats 2021; Dao et al. 2022"
    timed = True
    statements = (
        Statement(
            "Attention's time grows as L²", "exponent of L from 1,024 to 4,096", Between(1.6, 2.2), partial(growth, "attention")
        ),
        *(
            Statement(
                f"That of {name} grows as L", "exponent of L from 1,024 to 4,096", Between(0.7, 1.3), partial(growth, arm)
            )
            for name, arm in (("a window of 16", "window of 16"), ("a convolution", "convolution"), ("an LSTM", "LSTM"))
        ),
        Statement(
            "On short sets an LSTM is slower than attention", "doublings of time at 256 vectors, LSTM to attention", Larger(0.5),
            partial(ratio, "LSTM", "attention", 256),
        ),
        Statement(
            "On long sets attention is slower than a window", "doublings of time at 4,096 vectors, attention to window", Larger(1.0),
            partial(ratio, "attention", "window of 16", 4096),
        ),
        Statement(
            "Memory of attention that keeps its table of scores grows as L²", "exponent of L from 512 to 2,048", Between(1.7, 2.1),
            partial(memory_growth, KEEPS),
        ),
        *(
            Statement(
                f"Memory of {name} grows as L", "exponent of L from 512 to 2,048", Between(0.8, 1.2), partial(memory_growth, arm)
            )
            for name, arm in (
                ("attention that computes it again, in blocks,", "attention"), ("a window of 16", "window of 16"),
                ("a convolution", "convolution"),
            )
        ),
    )  # fmt: skip

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each encoder: the processor's seconds of a step at each length; and bytes, ARM: the most that it holds."""
        alike, found = ["encoder.width=32", "encoder.depth=1"], Measured()
        for arm, words in ENCODER.items():
            encoder = fresh([*alike, *words], seed)
            found[arm] = [seconds(encoder, length, REPEATS) for length in LENGTHS]
        for arm, words in HOLDING.items():
            encoder = fresh([*alike, *words], seed)
            found[f"bytes, {arm}"] = [memory(encoder, length) for length in HELD]
        return found

    def drawing(self) -> Markup:
        return layers([
            ("attention: L² pairs", lambda one, other: True),
            ("window: L · 3 pairs", lambda one, other: abs(one - other) <= 1),
        ], depth=1)  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        times = [band(arm, LENGTHS, evidence.found(arm), number) for number, arm in enumerate(ENCODER, 1)]
        held = [
            band(arm, HELD, evidence.found(f"bytes, {arm}"), number)
            for number, arm in enumerate([*ENCODER, KEEPS], 1)
            if arm in HOLDING
        ]
        found = []
        for curves, lengths, what in (
            (times, LENGTHS, "seconds of a step"),
            (held, HELD, "bytes that a step holds"),
        ):
            across = Axis("L, vectors of a set", log=True, ticks=[(n, f"{n:,}") for n in lengths])
            chart = lines(curves, f"{what} against length", across, Axis(what, log=True))
            caption = f"{what[0].upper()}{what[1:]}, forward and backward, on one set."
            found.append(Figure(caption, chart, legend(curves)))
        return found
