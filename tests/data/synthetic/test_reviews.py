"""What the generated reviews promise: one verdict for each, and nothing for a bag of words to go by."""

from collections import Counter
from random import Random

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from attnlab.data.synthetic.reviews import BLAME, CONSTRUCTIONS, GOOD, PRAISE, SIZES, plain, reviews

TWO_READINGS = [construction for construction in CONSTRUCTIONS if construction is not plain]


@pytest.fixture(scope="module")
def train():
    return list(reviews(SIZES["train"], seed=1))


@pytest.fixture(scope="module")
def test():
    return list(reviews(SIZES["test"], seed=3))


def test_the_seed_decides_the_reviews():
    assert list(reviews(50, seed=3)) == list(reviews(50, seed=3))
    assert list(reviews(50, seed=3)) != list(reviews(50, seed=4))


def test_classes_are_balanced_in_every_construction(train):
    assert 0.48 < sum(review.sentiment == GOOD for review in train) / len(train) < 0.52
    for construction in CONSTRUCTIONS:
        own = [review.sentiment for review in train if review.construction == construction.__name__]
        assert 0.4 < own.count(GOOD) / len(own) < 0.6


def test_splits_hardly_share_reviews(train, test):
    known = {review.words for review in train}
    assert sum(review.words in known for review in test) < 0.05 * len(test)


@pytest.mark.parametrize("construction", TWO_READINGS)
def test_both_readings_are_the_same_words_in_another_order(construction):
    for draw in range(200):
        good, bad = (construction(Random(draw), reading).split() for reading in (True, False))
        assert good != bad and Counter(good) == Counter(bad)


def test_no_review_has_two_verdicts():
    """The ceiling is 1: a constant of the generator that is true only while this holds."""
    verdict = {}
    for review in reviews(10000, seed=5):
        assert verdict.setdefault(review.words, review.sentiment) == review.sentiment
        assert review.ceiling == 1.0
    for construction in TWO_READINGS:
        readings = [{construction(Random(draw), good) for draw in range(2000)} for good in (True, False)]
        assert not readings[0] & readings[1]


@pytest.mark.parametrize("model", [MultinomialNB(), LogisticRegression(max_iter=1000)], ids=["bayes", "logistic"])
def test_a_bag_of_words_is_not_enough(model, train, test):
    bags = CountVectorizer(analyzer=lambda words: words)
    model.fit(bags.fit_transform(r.words for r in train), [r.sentiment for r in train])
    score = model.score(bags.transform(r.words for r in test), [r.sentiment for r in test])
    assert 0.55 < score <= 0.80


def test_praise_and_blame_are_told_apart_by_plain_reviews(train):
    assert not set(PRAISE) & set(BLAME)
    seen = {word for review in train if review.construction == "plain" for word in review.words}
    assert seen >= {*PRAISE, *BLAME}
