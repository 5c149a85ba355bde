"""Answers that are texts: translated word by word, or always the same."""

import re
from collections import Counter
from typing import Any

import numpy as np

from attnlab import metrics
from attnlab.config import Config
from attnlab.sets import Prediction
from attnlab.training.baselines.simple import Scores
from attnlab.training.engine import Engine

SHOWN = ("bleu", "chrf", "exact_match", "wer", "cer")
_PIECE = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")


def translation(config: Config, data: Any, engine: Engine) -> Scores:
    """Each word by the one it goes with most often, in the source's order; the ceiling."""
    train, test, target = data.splits["train"], data.splits["test"], config.head.target
    sources = [train.show(i)["source"] for i in range(len(train))]
    dictionary = word_pairs(sources, train.gold(target))
    answers = [word_by_word(test.show(i)["source"], dictionary) for i in range(len(test))]
    found = {"word_by_word": _scores(test.gold(target), answers)}
    if test.ceiling() == 1.0:
        found["ceiling"] = _scores(test.gold(target), test.gold(target))
    return found


def transcription(config: Config, data: Any, engine: Engine) -> Scores:
    """Always the most frequent text of the training data."""
    target, test = config.head.target, data.splits["test"]
    (same, _), *_ = Counter(data.splits["train"].gold(target)).most_common(1)
    found = {"most_frequent": _scores(test.gold(target), [same] * len(test))}
    if test.ceiling() == 1.0:
        found["ceiling"] = _scores(test.gold(target), test.gold(target))
    return found


def word_pairs(sources: list[str], targets: list[str]) -> dict[str, str]:
    """For each source word the target word with the highest Dice coefficient (Dice 1945) over sentences: twice the
    sentences with both, divided by those with one and those with the other. Marks don't translate words."""
    from sklearn.feature_extraction.text import CountVectorizer

    ours, theirs = (CountVectorizer(analyzer=words, binary=True) for _ in range(2))
    in_source, in_target = ours.fit_transform(sources), theirs.fit_transform(targets)  # sentences by words
    both = (in_source.T @ in_target).tocoo()
    times = [np.asarray(side.sum(axis=0)).ravel() for side in (in_source, in_target)]
    dice = 2 * both.data / (times[0][both.row] + times[1][both.col])
    best_last = np.lexsort((both.col, dice, both.row))
    our_words, their_words = ours.get_feature_names_out(), theirs.get_feature_names_out()
    return {our_words[both.row[i]]: their_words[both.col[i]] for i in best_last}


def word_by_word(text: str, dictionary: dict[str, str]) -> str:
    """Unknown words and marks stay as they are; marks keep their spaces, the text its capital."""

    def translated(piece: re.Match[str]) -> str:
        return dictionary.get(piece[0]) or dictionary.get(piece[0].lower(), piece[0])

    said = _PIECE.sub(translated, text)
    return said[:1].upper() + said[1:]


def words(text: str) -> list[str]:
    """Without marks; the first one in lower case, like any word that isn't always written with a capital."""
    found = [piece for piece in _PIECE.findall(text) if piece[0].isalnum()]
    return [found[0].lower(), *found[1:]] if found else []


def _scores(gold: list[str], answers: list[str]) -> dict[str, float]:
    scores = metrics.sequence(gold, [Prediction(answer, None) for answer in answers], {}).scores
    return {name: scores[name] for name in SHOWN}
