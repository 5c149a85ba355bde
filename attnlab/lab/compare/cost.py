"""How the time of a step grows with the length of a set."""

import math
import time
from collections.abc import Sequence
from functools import partial

import torch
from markupsafe import Markup

from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fit import exponent
from attnlab.lab.compare.fresh import Fresh, fresh
from attnlab.lab.compare.rules import Between, Larger
from attnlab.pages.charts import Axis, lines

LENGTHS = (256, 512, 1024, 2048, 4096)
LONGEST = 3
"""The exponent is that over the last so many lengths: where sets are short, other costs hide it."""
REPEATS = 3
ENCODER = {
    "attention": ["encoder.position=none"],
    "window of 16": ["encoder.position=none", "encoder.scope=window:16"],
    "convolution": ["encoder=convolution", "encoder.radius=1"],
    "LSTM": ["encoder=recurrent"],
}


def growth(arm: str, evidence: Evidence) -> list[float]:
    """The exponent with which time grows with length, of each repetition."""
    return [exponent(LENGTHS[-LONGEST:], seconds[-LONGEST:]) for seconds in evidence.found(arm)]


def ratio(slower: str, quicker: str, length: int, evidence: Evidence) -> list[float]:
    """By how many doublings one takes longer than the other."""
    at = LENGTHS.index(length)
    pairs = zip(evidence.found(slower), evidence.found(quicker), strict=True)
    return [math.log2(one[at] / other[at]) for one, other in pairs]


class Cost(Claim):
    theory = (
        "A layer of attention compares each of L vectors with all others, L² · d multiplications, beside matrices for each vector, L · d²; "
        "a recurrent layer does L · d² in L steps that wait for each other; a convolution and a window of fixed size grow with L alone. So "
        "attention is the cheaper one for short sets, because nothing waits, and the dearer one for long sets. Measured: a step, forward and "
        "backward, of one layer of width 32 on one set, the processor's time in one thread, which other work beside it hardly changes; each repetition is the quickest of three."
    )
    source = "Vaswani et al. 2017, table 1"
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
    )  # fmt: skip

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each encoder: the processor's seconds of a step at each length, the quickest of several."""
        alike = ["encoder.width=32", "encoder.depth=1"]
        return {arm: _seconds(fresh([*alike, *words], seed)) for arm, words in ENCODER.items()}

    def drawing(self) -> Markup:
        return layers([
            ("attention: L² pairs", lambda one, other: True),
            ("window: L · 3 pairs", lambda one, other: abs(one - other) <= 1),
        ], depth=1)  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        curves = [band(arm, LENGTHS, evidence.found(arm), number) for number, arm in enumerate(ENCODER, 1)]
        across = Axis("L, vectors of a set", log=True, ticks=[(n, f"{n:,}") for n in LENGTHS])
        chart = lines(curves, "time of a step against length", across, Axis("seconds of a step", log=True))
        return [Figure("Time of a step, forward and backward, on one set.", chart, legend(curves))]


def _seconds(encoder: Fresh) -> list[float]:
    quickest = []
    for length in LENGTHS:
        times = []
        for _ in range(REPEATS):
            vectors = torch.randn(length, encoder.width)
            began = time.process_time()
            encoder(vectors).sum().backward()
            times.append(time.process_time() - began)
        quickest.append(min(times))
    return quickest
