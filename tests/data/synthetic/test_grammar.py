"""What the generated sentences promise: ambiguous words, far-away answers, and one reading for each sentence."""

from collections import Counter, defaultdict
from random import Random

import pytest

from attnlab.data.synthetic.grammar import CONSTRUCTIONS, FAR, SIZES, far_from_deciding, plain, sentences, split

TWO_READINGS = [construction for construction in CONSTRUCTIONS if construction is not plain]


@pytest.fixture(scope="module")
def train():
    return list(sentences(SIZES["train"], seed=1))


@pytest.fixture(scope="module")
def test():
    return list(sentences(SIZES["test"], seed=2))


@pytest.fixture(scope="module")
def tags_of(train):
    """How often each word form of the training split bears each tag."""
    counts = defaultdict(Counter)
    for sentence in train:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            counts[word][tag] += 1
    return counts


def tokens(split_sentences):
    return [pair for sentence in split_sentences for pair in zip(sentence.words, sentence.tags, strict=True)]


def test_the_seed_decides_the_sentences():
    assert list(sentences(50, seed=3)) == list(sentences(50, seed=3))
    assert list(sentences(50, seed=3)) != list(sentences(50, seed=4))


def test_splits_hardly_share_sentences(train, test):
    known = {sentence.words for sentence in train}
    assert sum(sentence.words in known for sentence in test) < 0.01 * len(test)


def test_thousands_of_forms_and_few_unseen(tags_of, test):
    assert 2000 <= len(tags_of) <= 4000
    unseen = sum(word not in tags_of for word, _ in tokens(test))
    assert 0 < unseen < 0.01 * len(tokens(test))


def test_a_quarter_of_the_tokens_are_ambiguous_forms(tags_of, test):
    ambiguous = sum(len(tags_of[word]) > 1 for word, _ in tokens(test) if word in tags_of)
    assert ambiguous >= 0.25 * len(tokens(test))


def test_the_most_frequent_tag_is_not_enough(tags_of, test):
    best = {word: counts.most_common(1)[0][0] for word, counts in tags_of.items()}
    right = sum(best.get(word, "NOUN") == tag for word, tag in tokens(test))
    assert 0.75 < right / len(tokens(test)) <= 0.88


def test_every_word_has_its_tag_ceiling_and_distance(test):
    universal = set("ADJ ADP ADV AUX CCONJ DET NOUN NUM PART PRON PROPN PUNCT SCONJ VERB".split())
    assert {tag for _, tag in tokens(test)} == universal
    for sentence in test:
        assert len(sentence.words) == len(sentence.tags) == len(sentence.ceiling) == len(sentence.distant)
        assert all(0 <= probability <= 1 for probability in sentence.ceiling)


def test_no_sentence_has_two_taggings():
    """The ceiling is 1: a constant of the generator that is true only while this holds."""
    tagging = {}
    for sentence in sentences(4000, seed=5):
        assert tagging.setdefault(sentence.words, sentence.tags) == sentence.tags
        assert set(sentence.ceiling) == {1.0}
    for construction in TWO_READINGS:
        for draw in range(100):
            assert split(construction(Random(draw), True))[0] != split(construction(Random(draw), False))[0]


def test_some_words_are_distant(test):
    assert sum(sum(sentence.distant) for sentence in test) >= 0.02 * len(tokens(test))


@pytest.mark.parametrize("construction", TWO_READINGS)
def test_distant_words_change_with_what_stands_far_away(construction):
    """Two sentences that differ only more than ten positions away from a distant word tag it differently."""
    found = 0
    for draw in range(200):
        (words, tags), (other_words, other_tags) = (
            split(construction(Random(draw), one)) for one in (True, False)
        )
        differing = [
            i for i in range(max(len(words), len(other_words))) if words[i : i + 1] != other_words[i : i + 1]
        ]
        for position, distant in enumerate(far_from_deciding(words, tags, other_words, other_tags)):
            if distant:
                found += 1
                assert tags[position] != other_tags[position]
                assert all(abs(position - far) > FAR for far in differing)
    assert found >= 10


def test_both_readings_of_distant_words_are_equally_frequent():
    far = Counter()
    for sentence in sentences(4000, seed=6):
        far[sentence.tags[sentence.distant.index(True)] if any(sentence.distant) else None] += 1
    assert 0.45 < far["NOUN"] / (far["NOUN"] + far["VERB"]) < 0.55
