"""One-hot words know no likeness; learned vectors do, and characters say more of words that were seen once."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

import numpy as np
import torch
from markupsafe import Markup
from torch import Tensor

from attnlab.data.contract import Input, Split
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Measured, Statement, band, legend
from attnlab.lab.compare.drawing import plane
from attnlab.lab.compare.rules import Between, Exact, Larger
from attnlab.pages.charts import Axis, lines
from attnlab.training.run import Run

EMBEDDING = {"one-hot": "one_hot", "learned": "learned", "characters": "word_char"}
NEAREST = (1, 2, 5, 10, 20)
"""Numbers of neighbours that are looked at."""
JUDGED = 5
OFTEN = 5
"""Words that training saw so often have a vector that was learned from something; the others' neighbours aren't judged."""
TIMES = (1, 2, 4, 8, 16, 32)
"""How often training saw a word, up to the next of these."""
AXES = 200
"""Words of an exact one-hot code, and width of the matrix that turns it into vectors: 200 · 16."""
WIDTH = 16


def alike(arm: str, evidence: Evidence) -> list[float]:
    """Of the nearest words, how many more have the same parts of speech than of all words."""
    at = NEAREST.index(JUDGED)
    return [seed[at] for seed in evidence.found_of(arm, "alike")]


def ahead(one: str, other: str, evidence: Evidence) -> list[float]:
    """By how much the first arm is better on words that training saw once."""
    at = TIMES.index(1)
    pairs = zip(evidence.found_of(one, "seen"), evidence.found_of(other, "seen"), strict=True)
    return [better[at] - worse[at] for better, worse in pairs]


class Embedding(Claim):
    theory = (
        "One-hot words stand on an axis each, so that any two are equally far apart: nothing says that one is like another. Multiplied by a "
        "matrix, they are rows of a table, a vector for each word, that training moves: words that are used alike come to stand near each other, "
        "and what is learned of one should help the others. A vector that is made from the characters as well knows something even of words that "
        "training hardly saw, such as what an ending tells. Measured on parts of speech of generated sentences: how many of the 5 nearest "
        "words have the same tags in training, and accuracy on words that training saw once. The one-hot codes of the runs are fixed "
        "random vectors, which are nearly equally far apart; encoder and updates are the same for all."
    )
    source = "Bengio et al. 2003; Mikolov et al. 2013; Ma & Hovy 2016, section 2.1"
    statements = (
        Statement(
            "Any two one-hot words are equally far apart", "largest deviation of a distance from √2", Exact(1e-6),
            lambda evidence: [value for seed in evidence.found("distances") for value in seed],
        ),
        Statement(
            "A learned vector is a one-hot word times a matrix", "largest difference", Exact(1e-6),
            lambda evidence: [value for seed in evidence.found("rows") for value in seed],
        ),
        Statement(
            "Neighbours of a fixed code are no more alike than any words", "share of the 5 nearest with the same tags − of all words",
            Between(-0.05, 0.05), partial(alike, "one-hot"),
        ),
        Statement(
            "Those of a learned vector are", "share of the 5 nearest with the same tags − of all words", Larger(0.1),
            partial(alike, "learned"),
        ),
        Statement(
            "Learned vectors tell words that training saw once better than fixed codes", "accuracy on words seen once, learned − one-hot",
            Larger(0.02), partial(ahead, "learned", "one-hot"),
        ),
        Statement(
            "With characters these are told better still", "accuracy on words seen once, characters − learned", Larger(0.02),
            partial(ahead, "characters", "learned"),
        ),
        Statement(
            "On all words, learned vectors are better than fixed codes", "accuracy of learned − one-hot", Larger(0.01),
            lambda evidence: evidence.difference("learned", "one-hot"),
        ),
    )  # fmt: skip

    def arms(self, full: bool) -> Mapping[str, Sequence[str]]:
        sentences, epochs, width = (500, 40, 128) if full else (500, 10, 64)
        alike = [
            "task=pos", f"data.limit={sentences}", f"trainer.epochs={epochs}", f"encoder.width={width}", "encoder.dropout=0",
            "trainer.batch_vectors=500",
        ]  # fmt: skip
        return {arm: [*alike, f"embedding={name}"] for arm, name in EMBEDDING.items()}

    def measure(self, seed: int, full: bool) -> Measured:
        """Of exact one-hot words. distances: how far each pair's is from √2. rows: differences of one-hot times a random matrix and
        the rows of that matrix."""
        torch.manual_seed(seed)
        codes, matrix = torch.eye(AXES), torch.randn(AXES, WIDTH)
        apart = torch.pdist(codes.double()) - math.sqrt(2)
        return {
            "distances": [float(apart.abs().max())],
            "rows": [
                float((codes @ matrix - torch.nn.functional.embedding(torch.arange(AXES), matrix)).abs().max())
            ],
        }

    def examine(self, arm: str, run: Run) -> Measured:
        """alike: of each number of `NEAREST`, which share of the nearest words has the same tags, less that of all words. seen:
        accuracy on the test split's words by how often training saw them."""
        data, words, target = run.data(), run.spec.vocabularies["words"], run.model.head.target
        tags = _tags(data.splits["train"], target)
        often = [word for word, count in zip(words.words, words.counts, strict=True) if count >= OFTEN]
        vectors = _vectors(run, often)
        seen = dict(zip(words.words, words.counts, strict=True))
        test = data.splits["test"]
        hits: dict[int, list[bool]] = defaultdict(list)
        for number, answer in enumerate(run.evaluate("test", data).predictions):
            assert isinstance(answer.value, list | tuple), "a tag for each word"
            for word, right, own in zip(*_tagged(test, number, target), answer.value, strict=True):
                if seen.get(word, 0):
                    hits[max(least for least in TIMES if least <= seen[word])].append(own == right)
        return {
            "alike": shares_alike(vectors, [tags[word] for word in often], NEAREST),
            "seen": [fmean(hits[times]) for times in TIMES],
            "words": [float(len(hits[times])) for times in TIMES],
        }

    def drawing(self) -> Markup:
        return plane([
            ("one-hot: any two as far", [("sings", 0.5, 0.1, 1), ("sleeps", 0.1, 0.8, 1), ("king", 0.9, 0.8, 2)]),
            (
                "learned: likeness",
                [("sings", 0.15, 0.2, 1), ("sleeps", 0.25, 0.4, 1), ("king", 0.75, 0.8, 2), ("queen", 0.85, 0.6, 2)],
            ),
        ])  # fmt: skip

    def figures(self, evidence: Evidence) -> Sequence[Figure]:
        near, seen = [], []
        for number, arm in enumerate(EMBEDDING, 1):
            near.append(band(arm, NEAREST, evidence.found_of(arm, "alike"), number))
            seen.append(band(arm, TIMES, evidence.found_of(arm, "seen"), number))
        counts = evidence.found_of("one-hot", "words")[0]
        ticks = [(n, f"{n}+" if n == TIMES[-1] else str(n)) for n in TIMES]
        caption = (
            "Words of the test split by how often training saw them, up to the next number; so many are there: "
        )
        return [
            Figure(
                "How many more of the nearest words have the same tags than of all words, by cosine.",
                lines(
                    near, "likeness of neighbours", Axis("nearest words", log=True, ticks=[(n, str(n)) for n in NEAREST]),
                    Axis("share − that of all words"),
                ),
                legend(near),
            ),
            Figure(
                caption + ", ".join(f"{count:,.0f}" for count in counts) + ".",
                lines(seen, "accuracy by times seen", Axis("times seen in training", log=True, ticks=ticks), Axis("accuracy")),
                legend(seen),
            ),
        ]  # fmt: skip


def shares_alike(vectors: Tensor, classes: Sequence[object], nearest: Sequence[int]) -> list[float]:
    """(V, D) vectors of words and the class of each -> of each number of nearest words, by cosine, the share that has the class of
    the word whose neighbours they are, less what it would be if neighbours were any other words."""
    number = {kind: i for i, kind in enumerate(dict.fromkeys(classes))}
    own = torch.tensor([number[kind] for kind in classes])
    pairs = len(own) * (len(own) - 1)
    chance = sum(count * (count - 1) for count in Counter(classes).values()) / pairs
    directions = torch.nn.functional.normalize(vectors.double(), dim=1)
    cosines = (directions @ directions.T).fill_diagonal_(-math.inf)
    ranked = own[cosines.topk(max(nearest), dim=1).indices] == own[:, None]
    return [float(ranked[:, :count].double().mean()) - chance for count in nearest]


def _vectors(run: Run, words: Sequence[str]) -> Tensor:
    """(V, D) of these words, as the run's encoder gets them."""
    readings = run.reader().read([Input(word, [word], word) for word in words])
    assert not readings.errors, "training had these words"
    with torch.no_grad():
        return run.model.embedding(readings.split.batch(np.arange(len(words))).inputs).values


def _tagged(split: Split, number: int, target: str) -> tuple[Sequence[str], Sequence[str]]:
    """The words of a sentence, and their right tags."""
    words, tags = split.show(number)["words"], split.gold(target)[number]
    assert isinstance(words, list) and isinstance(tags, list | tuple), "a tag for each word"
    return words, [str(tag) for tag in tags]


def _tags(split: Split, target: str) -> dict[str, frozenset[str]]:
    """All tags of each word."""
    found: dict[str, set[str]] = defaultdict(set)
    for number in range(len(split)):
        for word, tag in zip(*_tagged(split, number, target), strict=True):
            found[word].add(tag)
    return {word: frozenset(tags) for word, tags in found.items()}
