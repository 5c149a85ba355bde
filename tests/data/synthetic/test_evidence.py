"""Known evidence equals what differs between twins, and what the dictionary says."""

from collections.abc import Iterator
from itertools import islice
from random import Random

import numpy as np
import pytest

from attnlab.compose import compose
from attnlab.data import open_data
from attnlab.data.pairs.loader import words_of
from attnlab.data.synthetic import evidence, grammar, reviews
from attnlab.data.synthetic.bilingual import sentences


def twins(seed: int, count: int) -> Iterator[tuple[grammar.Words, grammar.Words, grammar.Words, grammar.Words]]:
    """Words and tags of sentences and of their twins, drawn as `grammar.sentences` draws them."""
    random = Random(seed)
    for construction in random.choices(list(grammar.CONSTRUCTIONS), list(grammar.CONSTRUCTIONS.values()), k=5000)[
        :count
    ]:
        draw, reading = random.getrandbits(64), random.random() < 0.5
        yield (
            *grammar.split(construction(Random(draw), reading)),
            *grammar.split(construction(Random(draw), not reading)),
        )


def test_the_evidence_of_grammar_is_where_twins_differ() -> None:
    known = 0
    for number, (words, tags, twin, twin_tags) in enumerate(twins(seed=1, count=400)):
        marks = evidence.of_sentence("train", number, seed=1)
        if marks is None:
            assert (
                words == twin
                or len(words) != len(twin)
                or all(
                    tag == other or word != its
                    for word, its, tag, other in zip(words, twin, tags, twin_tags, strict=True)
                )
            )
            continue
        known += 1
        deciding, depending = marks.any(0), marks.any(1)
        assert (marks == depending[:, None] & deciding).all()
        if len(words) == len(twin):
            assert deciding.tolist() == [word != other for word, other in zip(words, twin, strict=True)]
            assert depending.tolist() == [
                tag != other and word == its
                for word, its, tag, other in zip(words, twin, tags, twin_tags, strict=True)
            ]
        # Without the deciding words, both readings are the same words.
        assert set(np.array(words)[~deciding]) <= set(twin)
    assert known > 200


def test_distant_words_have_evidence_that_is_far_away() -> None:
    for number, sentence in enumerate(islice(grammar.sentences(grammar.SIZES["test"], 3), 300)):
        marks = evidence.of_sentence("test", number, 3)
        for word in np.flatnonzero(sentence.distant):
            assert marks is not None and marks[word].any()
            assert abs(np.flatnonzero(marks[word]) - word).min() > grammar.FAR


def test_the_evidence_of_reviews_turns_one_into_its_twin() -> None:
    for number, review in enumerate(islice(reviews.reviews(reviews.SIZES["test"], 3), 200)):
        marks = evidence.of_review("test", number, 3)
        assert marks.shape == (len(review.words),) and marks.any()


def test_links_join_translations_and_nothing_that_stands_twice() -> None:
    marks = evidence.links(
        "She bought my flower and the old lamp".split(), "Sie hat meine Blume und die alte Lampe gekauft".split()
    )
    assert [tuple(pair) for pair in np.argwhere(marks).tolist()] == [(3, 3), (6, 6), (7, 7), (8, 1)]
    assert not evidence.links(["lamp", "lamp"], ["Lampe", "die"]).any()
    found = [
        evidence.links(english.rstrip(".").split(), german.rstrip(".").split())
        for english, german in islice(sentences.pairs(), 300)
    ]
    assert all((links.sum(0) <= 1).all() and (links.sum(1) <= 1).all() for links in found)
    assert np.mean([links.sum() for links in found]) > 2.5


@pytest.mark.parametrize(
    ("tokens", "words", "numbers"),
    [
        (["▁the", "▁la", "mp", ",", "▁o", "ld", "."], ["the", "lamp", ",", "old", "."], [0, 1, 1, 2, 3, 3, 4]),
        (list("a b,c d"), ["a", "b", ",", "c", "d"], [0, 1, 1, 2, 3, 4, 4]),
    ],
)
def test_tokens_are_put_together_to_words(tokens: list[str], words: list[str], numbers: list[int]) -> None:
    assert words_of(tokens) == (words, numbers)


def test_links_of_tokens_are_those_of_their_words() -> None:
    data = open_data(compose(["task=translation", "data.tokens=bpe", "data.subwords=300"]).data, seed=1)
    split, source, target = data.splits["test"], data.spec.codecs["source"], data.spec.codecs["target"]
    for i in range(20):
        marks, batch = split.evidence(i), split.batch(np.array([i]))
        answers = batch.targets["translation"]
        assert marks is not None and marks.shape == (len(answers.values), len(batch.inputs.values))
        english, of_source = words_of([source.tokens[id_] for id_ in batch.inputs.values])
        german, of_target = words_of([target.tokens[id_] for id_ in answers.values[:-1]])
        assert "".join(english) == str(split.show(i)["source"]).replace(" ", "")
        for row, column in np.argwhere(evidence.links(english, german)):
            tokens = np.ix_(np.array(of_target) == row, np.array(of_source) == column)
            assert marks[:-1][tokens].all()
        assert not marks[-1].any()
