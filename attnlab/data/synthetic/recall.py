"""Associative recall: words that pair a key with a value, and questions that ask for the value of a key.

    w7 a3 w20 w1 c5 w9 w9 a w2 c

`a3` says that key a has value 3; some places later `a` asks for it, and its right tag is 3. Keys of one sequence differ, so that
a perfect reader is always right; nothing but the one pair tells the answer. How far it is away, its *distance*, is drawn for each
question. (The task: Arora et al. 2023, "Zoology", section 3, there with keys and values as words of their own.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

KEYS = "abcdefgh"
VALUES = "12345678"
FILLERS = tuple(f"w{number}" for number in range(1, 33))
"""Words that mean nothing."""
SLACK = 8
"""Most fillers besides what the longest distance of a sequence takes."""


@dataclass(frozen=True)
class Recall:
    """Words; of each the value that it asks for, or ""; and the distance to the pair that says so, or 0."""

    words: tuple[str, ...]
    answers: tuple[str, ...]
    distances: tuple[int, ...]


def sequences(count: int, seed: int, distances: Sequence[int], pairs: int) -> Iterator[Recall]:
    """Yield `count` sequences, the same ones for the same arguments. distances: from which that of each question is drawn;
    pairs: how many a sequence has, at most: those that find no free place are left out, but for the first."""
    random = Random(seed)
    for _ in range(count):
        yield _sequence(random, distances, pairs)


def _sequence(random: Random, distances: Sequence[int], pairs: int) -> Recall:
    longest = random.choice(distances)
    length = longest + 2 * pairs + random.randint(0, SLACK)
    words = random.choices(FILLERS, k=length)
    answers, asked = [""] * length, [0] * length
    free = set(range(length))
    fitting = [distance for distance in distances if distance <= longest]
    for number, key in enumerate(random.sample(KEYS, pairs)):
        distance = longest if number == 0 else random.choice(fitting)
        starts = [place for place in sorted(free) if place + distance in free]
        if not starts:
            continue
        place, value = random.choice(starts), random.choice(VALUES)
        question = place + distance
        words[place], words[question] = key + value, key
        answers[question], asked[question] = value, distance
        free -= {place, question}
    return Recall(tuple(words), tuple(answers), tuple(asked))
