"""Three made-up tables of texts with numbers, to try `task=regression` with: generated, the same on every call.

    python scripts/make_numbers.py FOLDER
    attnlab train task=regression data=csv data.path=FOLDER/offers.csv

`offers.csv`: 400 short offers with a price: that of the thing, times factors of its condition and size, within ± 10 %. Few
different texts, and prices that lie a hundred times apart.
`scores.csv`: 1,000 texts of 8 to 25 words with a score: the sum of its words' worths, and twice the worth of a word behind
`very`, its opposite behind `not`; most words are worth nothing. Noise has a standard deviation of 0.5.
`marks.csv`: 4,000 texts of 15 to 40 words with a mark: ten times the share of words of the good vocabulary among those of both
vocabularies. Noise has a standard deviation of 0.5.
Noise is about 0.5 % (offers), 1 % (scores) and 2.5 % (marks) of the numbers' variance: a perfect reader has an r2 of 0.995,
0.99 and 0.975.
"""

import csv
import sys
from itertools import product
from pathlib import Path
from random import Random

THINGS = {
    "lamp": 30, "desk": 200, "chair": 80, "phone": 400, "router": 60, "cable": 8, "screen": 250, "oven": 500, "kettle": 25,
    "bag": 45, "bike": 320, "sofa": 600, "book": 12, "clock": 35, "mirror": 70,
}  # fmt: skip
CONDITIONS = {"new": 1.0, "nearly new": 0.85, "used": 0.6, "old": 0.4, "broken": 0.2}
SIZES = {"small": 0.8, "large": 1.3, "black": 1.0, "white": 1.0, "wooden": 1.1}
ENDINGS = ("from private seller", "to be collected", "with box", "sent by post")

Row = tuple[str, float]


def words() -> list[str]:
    """Made-up words, none twice."""
    syllables = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
    made = [a + b + c for a, b, c in product(syllables, syllables, ("", "n", "s"))]
    Random(0).shuffle(made)
    return made


def offers() -> list[Row]:
    random, rows = Random(1), list[Row]()
    for _ in range(400):
        thing, condition, size = random.choice([*THINGS]), random.choice([*CONDITIONS]), random.choice([*SIZES])
        price = THINGS[thing] * CONDITIONS[condition] * SIZES[size] * random.uniform(0.9, 1.1)
        rows.append((f"{condition} {size} {thing} {random.choice(ENDINGS)}", round(price, 2)))
    return rows


def scores() -> list[Row]:
    random, vocabulary = Random(2), words()[:500]
    worth = {word: random.choice([-2, -1, 1, 2]) for word in vocabulary[::5]}
    valued, rows = [*worth], list[Row]()
    for _ in range(1000):
        text, score = random.choices(vocabulary, k=random.randint(8, 25)), 0.0
        for place, word in enumerate(text):
            if random.random() < 0.15:
                word = random.choice(valued)
                sign, factor = random.choice([("not", -1), ("very", 2)])
                text[place] = f"{sign} {word}"
                score += factor * worth[word]
            else:
                score += worth.get(word, 0)
        rows.append((" ".join(text), round(score + random.gauss(0, 0.5), 2)))
    return rows


def marks() -> list[Row]:
    random, vocabulary, rows = Random(3), words(), list[Row]()
    good, bad, common = vocabulary[:200], vocabulary[200:400], vocabulary[400:1400]
    for _ in range(4000):
        share, text, counts = random.random(), list[str](), [0, 0]
        for _ in range(random.randint(15, 40)):
            if random.random() < 0.5:
                text.append(random.choice(common))
            else:
                is_good = random.random() < share
                text.append(random.choice(good if is_good else bad))
                counts[is_good] += 1
        mark = 10 * counts[1] / max(1, sum(counts)) + random.gauss(0, 0.5)
        rows.append((" ".join(text), round(mark, 2)))
    return rows


def main(folder: Path) -> None:
    """Write the three tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("offers", offers()), ("scores", scores()), ("marks", marks())):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1])) if len(sys.argv) == 2 else sys.exit("usage: python scripts/make_numbers.py FOLDER")
