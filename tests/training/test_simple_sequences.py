"""Simple answers to tasks whose answers are texts, and what they say about generated data."""

from itertools import islice

import pytest

from attnlab import metrics
from attnlab.data.synthetic.bilingual.sentences import SIZES, pairs
from attnlab.sets import Prediction
from attnlab.training.baselines.sequences import word_by_word, word_pairs


def test_a_word_is_translated_by_what_it_stands_beside_most_exclusively() -> None:
    sources = ["The dog sleeps.", "The cat sleeps.", "The dog eats.", "A cat eats."]
    targets = ["Der Hund schläft.", "Der Kater schläft.", "Der Hund frisst.", "Ein Kater frisst."]
    found = word_pairs(sources, targets)
    assert found == {
        "the": "der", "dog": "Hund", "cat": "Kater", "sleeps": "schläft", "eats": "frisst", "a": "ein"
    }  # fmt: skip
    assert word_by_word("The cat, a dog and Anna!", found) == "Der Kater, ein Hund and Anna!"


def test_generated_translations_are_not_found_word_by_word() -> None:
    """Order and agreement have to be learned: at most 15 BLEU without them."""
    drawn = list(islice(pairs(), sum(SIZES.values())))
    train, test = drawn[: SIZES["train"]], drawn[-SIZES["test"] :]
    dictionary = word_pairs(*map(list, zip(*train, strict=True)))
    answers = [Prediction(word_by_word(source, dictionary), None) for source, _ in test]
    comparison = metrics.Comparison("sequence", [target for _, target in test], answers)
    scores = metrics.measure(["bleu", "exact_match", "length_ratio"], comparison).scores
    assert 5 < scores["bleu"] <= 15 and scores["exact_match"] < 0.02
    assert scores["length_ratio"] == pytest.approx(1, abs=0.1)
