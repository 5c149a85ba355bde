"""What decides the answers of generated sentences, reviews and translations: known evidence, with which explanations of a
model's answers can be compared.

Sentences and reviews have a twin with the other reading, drawn from the same numbers: what differs between the two decides.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from random import Random
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from attnlab.data.synthetic import grammar, reviews
from attnlab.data.synthetic.bilingual import dictionary
from attnlab.data.synthetic.bilingual.dictionary import Noun, Verb
from attnlab.data.synthetic.grammar import Words

Marks = NDArray[np.bool_]


def of_sentence(split: str, number: int, seed: int) -> Marks | None:
    """(L, L) of a sentence of `grammar`: rows, the words whose tag depends on the reading, though the word itself does not;
    columns, those in which the twin differs. None where there is only one reading.

    Where a reading has words that the other lacks, the word behind the gap decides.
    """
    construction, draw, reading = _drawn_sentences(grammar.SIZES[split], seed)[number]
    build = {each.__name__: each for each in grammar.CONSTRUCTIONS}[construction]
    words, tags = grammar.split(build(Random(draw), reading))
    twin, twin_tags = grammar.split(build(Random(draw), not reading))
    deciding = differing(words, twin)
    shift = len(twin) - len(words)
    behind = int(np.flatnonzero(deciding)[-1]) if deciding.any() else 0
    other = [
        twin_tags[i + (shift if i > behind else 0)] if not mark else tags[i] for i, mark in enumerate(deciding)
    ]
    depending = np.array([own != its for own, its in zip(tags, other, strict=True)], dtype=np.bool_)
    return depending[:, None] & deciding if depending.any() else None


def of_review(split: str, number: int, seed: int) -> Marks:
    """(L,) of a review: the words in which its twin, with the other sentiment, differs."""
    construction, draw, good = _drawn_reviews(reviews.SIZES[split], seed)[number]
    build = {each.__name__: each for each in reviews.CONSTRUCTIONS}[construction]
    words, twin = (tuple(build(Random(draw), reading).split()) for reading in (good, not good))
    return differing(words, twin)


def differing(words: Words, twin: Words) -> Marks:
    """(L,) the words that stand elsewhere, or not at all, in the twin. Of twins as long as the words, each is compared with the
    one in its place; else all count that are neither in the beginning nor in the end that both share, and at least the
    one behind the beginning."""
    if len(words) == len(twin):
        return np.array([own != other for own, other in zip(words, twin, strict=True)], dtype=np.bool_)
    shortest, first, last = min(len(words), len(twin)), 0, 0
    while first < shortest and words[first] == twin[first]:
        first += 1
    while last < shortest - first and words[-1 - last] == twin[-1 - last]:
        last += 1
    marks = np.zeros(len(words), dtype=np.bool_)
    marks[first : max(len(words) - last, first + 1)] = True
    return marks


def links(english: Sequence[str], german: Sequence[str]) -> Marks:
    """(German words, English words): which noun, name, verb, adjective or adverb translates which, as far as the dictionary of
    `bilingual` says so and each of the two occurs once; rows of all other words have none."""
    table, marks = _translations(), np.zeros((len(german), len(english)), dtype=np.bool_)
    said = [word.lower() for word in english]
    for column, word in enumerate(said):
        rows = [row for row, other in enumerate(german) if other.lower() in table.get(word, ())]
        if len(rows) == 1 and said.count(word) == 1:
            marks[rows[0], column] = True
    marks[marks.sum(1) > 1] = False  # a German word of two English ones says of neither
    return marks


@cache
def _drawn_sentences(count: int, seed: int) -> list[tuple[str, int, bool]]:
    """Construction, draw and reading of each, from the numbers that `grammar.sentences` draws."""
    return _drawn(
        [each.__name__ for each in grammar.CONSTRUCTIONS], list(grammar.CONSTRUCTIONS.values()), count, seed
    )


@cache
def _drawn_reviews(count: int, seed: int) -> list[tuple[str, int, bool]]:
    """Construction, draw and sentiment of each, from the numbers that `reviews.reviews` draws."""
    return _drawn(
        [each.__name__ for each in reviews.CONSTRUCTIONS], list(reviews.CONSTRUCTIONS.values()), count, seed
    )


def _drawn(names: Sequence[str], shares: Sequence[int], count: int, seed: int) -> list[tuple[str, int, bool]]:
    random = Random(seed)
    chosen = random.choices(names, shares, k=count)
    return [(name, random.getrandbits(64), random.random() < 0.5) for name in chosen]


@cache
def _translations() -> dict[str, frozenset[str]]:
    """The German forms of each English one, in small letters."""
    table: dict[str, set[str]] = {name.lower(): {name.lower()} for name in dictionary.NAMES}

    def add(english: str, *german: str) -> None:
        table.setdefault(english.lower(), set()).update(word.lower() for word in german)

    for noun in _all(Noun):
        for many, word in ((False, noun.singular[0]), (True, noun.plurals[0])):
            add(word, *(noun.german(case, many) for case in ("nom", "acc", "dat")))
    for verb in _all(Verb):
        bare, past = verb.english.split()[0], verb.past
        finite = [verb.first, verb.third, verb.infinitive]
        ends = [verb.prefix + form for form in finite] + [f"{verb.prefix}zu{verb.infinitive}", verb.participle]
        for form in (bare, dictionary.english_third(verb).split()[0], past):
            add(form, *finite, *ends)
    for adjective in (*dictionary.OF_PERSONS, *dictionary.OF_THINGS, *dictionary.OF_PLACES):
        english, german = adjective.pair
        add(english, german, *(adjective.stem + ending for ending in ("e", "en", "er", "es", "em")))
    pairs = (
        *dictionary.COMPARED,
        *dictionary.FREQUENCIES,
        *(pair for kind in dictionary.TIMES.values() for pair in kind),
    )
    for english, german in pairs:
        if " " not in english + german:
            add(english, german)
    return {english: frozenset(german) for english, german in table.items()}


Kind = TypeVar("Kind")


def _all(kind: type[Kind]) -> Iterator[Kind]:
    """All entries of the dictionary that are of one kind, but for *be* and *have*, which also help other verbs."""
    lists = (value for value in vars(dictionary).values() if isinstance(value, tuple))
    for entry in (entry for values in lists for entry in values):
        if isinstance(entry, kind):
            yield entry
