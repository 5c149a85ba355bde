"""Two made-up tables of texts and labels, to try `data=csv` with: generated, the same on every call, nothing is downloaded.

    python scripts/make_tables.py FOLDER
    attnlab train task=sentiment data=csv data.path=FOLDER/twenty.csv

`twenty.csv`: 4,000 texts of twenty classes. Each class has words of its own, which stand among common ones. Three texts in
ten have as many words of a second class and end in `not <word of the second> but <word of the first>`: only their order says
which class is meant, so that a bag of words is right in half of them. Three labels in a hundred are of any class, so that a
perfect reader is right in 97 of 100.
`one.csv`: 1,000 texts with the same label, as somebody's first export may be.
"""

import csv
import sys
from itertools import product
from pathlib import Path
from random import Random

ROWS, CLASSES, ONE_CLASS_ROWS = 4000, 20, 1000
OWN_WORDS, COMMON_WORDS = 25, 600  # words of each class, and of all
SHORTEST, LONGEST = 15, 40  # words of a text
OWN, TWO_CLASSES, WRONG = 0.15, 0.3, 0.03  # fractions: of a text's words, of texts, of labels

Row = tuple[str, str]


def vocabulary() -> tuple[list[str], list[list[str]]]:
    """Common words, frequent ones first, and the words of each class; none twice."""
    syllables = [a + b for a, b in product("bdfgklmnprstvz", "aeiou")]
    words = [a + b + c for a, b, c in product(syllables, syllables, ("", "n", "s"))]
    Random(0).shuffle(words)
    own = [words[i * OWN_WORDS : (i + 1) * OWN_WORDS] for i in range(CLASSES)]
    return words[CLASSES * OWN_WORDS :][:COMMON_WORDS], own


def twenty() -> list[Row]:
    """(text, label) of twenty classes, all equally frequent but for the wrong labels."""
    random, (common, own) = Random(1), vocabulary()
    weights = [1 / (10 + rank) for rank in range(COMMON_WORDS)]
    rows = []
    for i in range(ROWS):
        meant, second = i % CLASSES, (i % CLASSES + random.randrange(1, CLASSES)) % CLASSES
        words = random.choices(common, weights, k=random.randint(SHORTEST, LONGEST))
        topics = [meant, second] if random.random() < TWO_CLASSES else [meant]
        for position in range(len(words)):
            if random.random() < OWN:
                # Of two classes, a word of each, so that their numbers say nothing.
                words[position] = " ".join(
                    random.choice(own[topic]) for topic in random.sample(topics, len(topics))
                )
        if len(topics) == 2:
            words += ["not", random.choice(own[second]), "but", random.choice(own[meant])]
        else:
            words.append(random.choice(own[meant]))
        label = random.randrange(CLASSES) if random.random() < WRONG else meant
        rows.append((" ".join(words), f"class{label:02}"))
    random.shuffle(rows)
    return rows


def one() -> list[Row]:
    """(text, label) with one label alone."""
    random, (common, _) = Random(2), vocabulary()
    return [
        (" ".join(random.choices(common, k=random.randint(SHORTEST, LONGEST))), "new")
        for _ in range(ONE_CLASS_ROWS)
    ]


def main(folder: Path) -> None:
    """Write both tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (("twenty", twenty()), ("one", one())):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([("text", "label"), *rows])


if __name__ == "__main__":
    main(Path(sys.argv[1])) if len(sys.argv) == 2 else sys.exit("usage: python scripts/make_tables.py FOLDER")
