"""Whether words of generated sentences are tagged rightly, and how far away the word stands that decides their tag.

Each sentence has a twin with the other reading, which shares every word but the deciding ones, so that whoever doesn't see these
guesses.
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from attnlab.lab.compare.claim import Evidence, Figure, Measured, band, legend
from attnlab.pages.charts import Axis, lines
from attnlab.training.run import Run

GUESSING = 0.5
"""Accuracy where two readings are left, each as probable as the other."""
PLACES = range(6, 24, 2)
"""Distances to the deciding word that a page shows, each with the one before it, and the last with all beyond it; no word of
these sentences is decided less than 5 words away."""


def right_by_distance(run: Run) -> list[tuple[int, bool]]:
    """Of each word of the test split whose tag another word decides: words to the nearest one that does, and whether the run's
    answer is right."""
    data = run.data()
    split = data.splits["test"]
    answers = run.evaluate("test", data).predictions
    found = []
    for number, (right, answer) in enumerate(zip(split.gold(run.model.head.target), answers, strict=True)):
        marks = split.evidence(number)
        if marks is None:
            continue
        assert isinstance(right, list | tuple) and isinstance(answer.value, list | tuple), "a tag for each word"
        for place in np.flatnonzero(marks.any(1)).tolist():
            distance = int(np.abs(np.flatnonzero(marks[place]) - place).min())
            found.append((distance, answer.value[place] == right[place]))
    return found


def accuracies(run: Run, limits: Sequence[int]) -> Measured:
    """within N, beyond N: of each limit, accuracy on words whose nearest deciding word stands so far away; within those alone that
    some word is decided within. distances: accuracy at those of `PLACES`."""
    right, found = right_by_distance(run), Measured()
    for limit in limits:
        if limit >= PLACES[0]:
            found[f"within {limit}"] = [fmean(hit for distance, hit in right if distance <= limit)]
        found[f"beyond {limit}"] = [fmean(hit for distance, hit in right if distance > limit)]
    shown = [[hit for distance, hit in right if _shown_at(distance) == place] for place in PLACES]
    return found | {"distances": [fmean(hits) for hits in shown]}


def beyond(arm: str, limit: int, evidence: Evidence) -> list[float]:
    """Accuracy of an arm on words that are decided farther away, above guessing."""
    return [value - GUESSING for (value,) in evidence.found_of(arm, f"beyond {limit}")]


def within_less_beyond(arm: str, limit: int, evidence: Evidence) -> list[float]:
    """By how much words are told better that are decided within a limit than others."""
    near, far = evidence.found_of(arm, f"within {limit}"), evidence.found_of(arm, f"beyond {limit}")
    return [within - beyond for (within,), (beyond,) in zip(near, far, strict=True)]


def ahead(one: str, other: str, name: str, evidence: Evidence) -> list[float]:
    """By how much the first arm is better on the words of this name."""
    pairs = zip(evidence.found_of(one, name), evidence.found_of(other, name), strict=True)
    return [better - worse for (better,), (worse,) in pairs]


def against_distance(arms: Sequence[str], evidence: Evidence) -> Figure:
    """The chart of accuracy against distance."""
    curves = [band(arm, PLACES, evidence.found_of(arm, "distances"), number) for number, arm in enumerate(arms, 1)]
    ticks = [(float(n), f"{n - 1}+" if n == PLACES[-1] else f"{n - 1}, {n}") for n in PLACES]
    chart = lines(
        curves, "accuracy against distance", Axis("words to the deciding one", ticks=ticks),
        Axis("accuracy", low=0, high=1),
    )  # fmt: skip
    return Figure("Words that another word decides, by how far it stands away.", chart, legend(curves))


def _shown_at(distance: int) -> int:
    """The one of `PLACES` to which a distance belongs."""
    return min(distance + distance % 2, PLACES[-1])
