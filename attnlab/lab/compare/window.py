"""Attention that sees its neighbours alone: cheap where sets are long, as good where what matters is near, lost where it isn't."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from statistics import fmean

import numpy as np
from markupsafe import Markup

from attnlab.data.contract import Split
from attnlab.data.prep.batching import Indices
from attnlab.lab.compare.by_distance import accuracies, against_distance, ahead, beyond
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import layers
from attnlab.lab.compare.fit import exponent
from attnlab.lab.compare.fresh import fresh
from attnlab.lab.compare.rules import Between, Larger, Smaller
from attnlab.lab.compare.step import memory, seconds
from attnlab.pages.charts import Axis, lines
from attnlab.sets import Batch, Layout
from attnlab.training.evaluate import predict
from attnlab.training.run import Run

DEPTH = 2
SOUND = {"window of 2": "window:2", "window of 8": "window:8", "all": "full"}
"""Of frames of 30 ms: what one layer sees to each side."""
JOINED = (1, 4, 16)
"""How many recordings of 3 to 5 words are told as one; training sees them one by one."""
WORDS = {"window of 4": "window:4", "window of 8": "window:8", "all": "full"}
REACH = {"window of 4": 4 * DEPTH, "window of 8": 8 * DEPTH}
"""The farthest word that all layers see."""
TIMED = {"window of 4": "window:4", "window of 16": "window:16", "window of 64": "window:64", "all": "full"}
LENGTHS = (512, 1024, 2048, 4096)
REPEATS = 2


def sound(arm: str) -> str:
    return f"sound, {arm}"


def grammar(arm: str) -> str:
    return f"grammar, {arm}"


def loss_of_sound(joined: int, evidence: Evidence) -> list[float]:
    """By how much attention to all frames is ahead of a window of 8, on so many recordings told as one."""
    at = JOINED.index(joined)
    pairs = zip(
        evidence.found_of(sound("all"), "joined"), evidence.found_of(sound("window of 8"), "joined"), strict=True
    )
    return [whole[at] - window[at] for whole, window in pairs]


def growth(what: str, arm: str, evidence: Evidence) -> list[float]:
    """The exponent with which time or memory of a step grows with length."""
    return [exponent(LENGTHS, seed) for seed in evidence.found(f"{what}, {arm}")]


def doublings(what: str, evidence: Evidence) -> list[float]:
    """By how many doublings a step on the longest set costs more if all see all than with a window of 16."""
    pairs = zip(evidence.found(f"{what}, all"), evidence.found(f"{what}, window of 16"), strict=True)
    return [math.log2(whole[-1] / window[-1]) for whole, window in pairs]


class Window(Claim):
    theory = (
        "What a vector needs to know is often near. If it attends to its r neighbours on each side alone, there are L · (2r + 1) pairs "
        "instead of L², so that long sound becomes affordable; and a window knows nothing of how long a set is, so that it should be as good "
        "on longer ones. What lies outside is lost: two layers see twice as far, and no farther. Measured on sound, where a layer tells of "
        "each frame of 30 ms whether somebody speaks, on recordings of 3 to 5 words as in training and on 16 of them told as one; on generated "
        "sentences in which one word decides how a later one is read, and whoever doesn't see it guesses; and by time and memory of a training "
        "step of one layer of width 32."
    )
    source = "Povey et al. 2018; Beltagy et al. 2020, section 3.1; Child et al. 2019"
    timed = True
    statements = (
        Statement(
            "On sound, a window of 8 frames is as good as attention to all", "accuracy of all − window of 8, one recording",
            Smaller(0.01), partial(loss_of_sound, JOINED[0]),
        ),
        Statement(
            "On sound that is 16 times as long, too", "accuracy of all − window of 8, 16 recordings told as one", Smaller(0.01),
            partial(loss_of_sound, JOINED[-1]),
        ),
        Statement(
            "Which a window tells as well as single recordings", "accuracy of window of 8, one recording − 16 told as one",
            Smaller(0.01),
            lambda evidence: [seed[0] - seed[-1] for seed in evidence.found_of(sound("window of 8"), "joined")],
        ),
        *(
            Statement(
                f"With two layers and a {arm} words, what is decided beyond {reach} is guessed",
                f"accuracy beyond {reach} words − 1/2, {arm}", Smaller(0.05), partial(beyond, grammar(arm), reach),
            )
            for arm, reach in REACH.items()
        ),
        Statement(
            "Attention to all words tells it", "accuracy beyond 16 words, all − window of 8", Larger(0.2),
            partial(ahead, grammar("all"), grammar("window of 8"), "beyond 16"),
        ),
        Statement(
            "On 4,096 frames, two minutes, attention to all takes more than twice the time",
            "doublings of a step's time, all to window of 16", Larger(1.0), partial(doublings, "seconds"),
        ),
        Statement(
            "And more than twice the memory", "doublings of a step's memory, all to window of 16", Larger(1.0),
            partial(doublings, "bytes"),
        ),
        Statement(
            "A window's memory grows as L", "exponent of L from 512 to 4,096, window of 16", Between(0.7, 1.3),
            partial(growth, "bytes", "window of 16"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        alike = ["encoder=attention", f"encoder.depth={DEPTH}", "encoder.dropout=0", "trainer.batch_vectors=1000"]
        recordings, epochs, width = (700, 6, 64) if full else (300, 2, 32)
        of_sound = [
            *alike, "task=voice_activity", f"data.limit={recordings}", f"trainer.epochs={epochs}", f"encoder.width={width}",
        ]  # fmt: skip
        sentences, epochs, width = (5000, 12, 64) if full else (2000, 4, 40)
        of_words = [
            *alike, "task=pos", f"data.limit={sentences}", f"trainer.epochs={epochs}", f"encoder.width={width}", "embedding=learned",
        ]  # fmt: skip
        return {
            **{sound(arm): [*of_sound, f"encoder.scope={scope}"] for arm, scope in SOUND.items()},
            **{grammar(arm): [*of_words, f"encoder.scope={scope}"] for arm, scope in WORDS.items()},
        }

    def measure(self, seed: int, full: bool) -> Measured:
        """Of each scope: the processor's seconds of a step at each length, and the most bytes that it holds."""
        found = Measured()
        for arm, scope in TIMED.items():
            encoder = fresh(["encoder.width=32", "encoder.depth=1", f"encoder.scope={scope}"], seed)
            found[f"seconds, {arm}"] = [seconds(encoder, length, REPEATS) for length in LENGTHS]
            found[f"bytes, {arm}"] = [memory(encoder, length) for length in LENGTHS]
        return found

    def examine(self, arm: str, run: Run) -> Measured:
        """Of words: as of `by_distance.accuracies`. Of sound, joined: accuracy on each number of `JOINED` of recordings that are told
        as one."""
        if arm in map(grammar, WORDS):
            return accuracies(run, list(REACH.values()))
        split = run.data().splits["test"]
        return {"joined": [_accuracy(run, Joined(split, count)) for count in JOINED]}

    def drawing(self) -> Markup:
        return layers([
            ("window of 1: two layers see 2", lambda one, other: abs(one - other) <= 1),
            ("window of 2: they see 4", lambda one, other: abs(one - other) <= 2),
            ("all", lambda one, other: True),
        ])  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        figures = [_against_length(evidence), against_distance([grammar(arm) for arm in WORDS], evidence)]
        across = Axis("L, vectors of a set", log=True, ticks=[(n, f"{n:,}") for n in LENGTHS])
        for what, axis in (("seconds", "seconds of a step"), ("bytes", "bytes that a step holds")):
            curves = [
                band(arm, LENGTHS, evidence.found(f"{what}, {arm}"), number) for number, arm in enumerate(TIMED, 1)
            ]
            chart = lines(curves, f"{axis} against length", across, Axis(axis, log=True))
            caption = f"The {axis}, forward and backward, of one layer on one set."
            figures.append(Figure(caption[0].upper() + caption[1:], chart, legend(curves)))
        return figures


class Joined:
    """The recordings of a split, so many in a row as one; what is left at the end is one, too."""

    def __init__(self, split: Split, count: int) -> None:
        self.split = split
        self.members = np.array_split(np.arange(len(split)), range(count, len(split), count))
        self.lengths = np.array([split.lengths[members].sum() for members in self.members])

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of joined recordings -> their frames, (N, F), each counted from the beginning of the whole."""
        members = self.split.batch(np.concatenate([self.members[i] for i in indices]))
        layout = Layout.of(self.lengths[indices].tolist())
        inputs = replace(members.inputs, layout=layout, coords=layout.position[:, None].float())
        return Batch(inputs, {}, tuple(str(i) for i in indices))

    def gold(self, target: str) -> list[list[object]]:
        """The right answer for each frame."""
        right = self.split.gold(target)
        return [list(chain.from_iterable(right[i] for i in members)) for members in self.members]


def _accuracy(run: Run, joined: Joined) -> float:
    """Of all frames."""
    hits = list[bool]()
    answers = predict(run.model, joined, run.engine, run.config.trainer.batch_vectors)
    for right, answer in zip(joined.gold(run.model.head.target), answers, strict=True):
        assert isinstance(answer.value, list | tuple), "an answer for each frame"
        hits += [own == wanted for own, wanted in zip(answer.value, right, strict=True)]
    return fmean(hits)


def _against_length(evidence: Evidence) -> Figure:
    """The chart of sound."""
    arms = [sound(arm) for arm in SOUND]
    curves = [band(arm, JOINED, evidence.found_of(arm, "joined"), number) for number, arm in enumerate(arms, 1)]
    across = Axis("recordings told as one", log=True, ticks=[(n, str(n)) for n in JOINED])
    chart = lines(curves, "accuracy against length of sound", across, Axis("accuracy"))
    return Figure(
        "Frames told rightly, where recordings of about 100 frames each are told as one.", chart, legend(curves)
    )
