"""Answers that are texts: translated word by word, or always the same."""

import re
from collections import Counter
from typing import cast

import numpy as np

from attnlab.data.contract import Split
from attnlab.registry import BASELINES
from attnlab.sets import Prediction
from attnlab.training.baselines.base import Baseline, NothingToSay, Problem

_WORD_OR_MARK = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")


@BASELINES.register("word_by_word")
class WordByWord(Baseline):
    """Each word translated by the one it goes with most often, in the source's order."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "sequence" and problem.shows("source")

    def scores(self, problem: Problem) -> dict[str, float]:
        sources, targets = _sources(problem.train), cast(list[str], problem.learned)
        if not any(map(words, sources)) or not any(map(words, targets)):
            raise NothingToSay("one side of the training pairs has no words of letters or digits")
        dictionary = word_pairs(sources, targets)
        translations = [word_by_word(text, dictionary) for text in _sources(problem.scored)]
        return problem.measure([Prediction(text, None) for text in translations])


@BASELINES.register("most_frequent")
class MostFrequentText(Baseline):
    """Always the most frequent text of the training data."""

    def fits(self, problem: Problem) -> bool:
        return problem.kind == "sequence" and not problem.shows("source")

    def scores(self, problem: Problem) -> dict[str, float]:
        (text, _), *_ = Counter(problem.learned).most_common(1)
        return problem.measure([Prediction(text, None)] * len(problem.scored))


def _sources(split: Split) -> list[str]:
    return [str(split.show(i)["source"]) for i in range(len(split))]


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

    translation = _WORD_OR_MARK.sub(translated, text)
    return translation[:1].upper() + translation[1:]


def words(text: str) -> list[str]:
    """Without marks; the first one in lower case, like any word that isn't always written with a capital."""
    spelled = [piece for piece in _WORD_OR_MARK.findall(text) if piece[0].isalnum()]
    return [spelled[0].lower(), *spelled[1:]] if spelled else []
