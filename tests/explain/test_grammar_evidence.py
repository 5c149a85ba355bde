"""On sentences whose deciding words are known, some method ranks them first."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from attnlab.cli import main
from attnlab.data.contract import Input
from attnlab.data.synthetic import grammar
from attnlab.explain.explain import explain
from attnlab.explain.explanation import METHODS
from attnlab.explain.question import default_question
from attnlab.runs import run_folders
from attnlab.sets import VectorSets
from attnlab.training.run import load_run


def twins(count: int, seed: int) -> Iterator[tuple[grammar.Words, grammar.Words, int, str, str, list[int]]]:
    """Words of a sentence and of its twin, a distant word, its tag in both, and the words that differ: they decide."""
    random = Random(seed)
    drawn = random.choices(list(grammar.CONSTRUCTIONS), list(grammar.CONSTRUCTIONS.values()), k=count)
    for construction in drawn:
        draw, reading = random.getrandbits(64), random.random() < 0.5
        words, tags = grammar.split(construction(Random(draw), reading))
        others, other_tags = grammar.split(construction(Random(draw), not reading))
        distant = grammar.far_from_deciding(words, tags, others, other_tags)
        if any(distant):
            asked = max(i for i, far in enumerate(distant) if far)
            yield words, others, asked, tags[asked], other_tags[asked], deciding(words, others)


def deciding(words: grammar.Words, others: grammar.Words) -> list[int]:
    """Where two sentences differ; of those of different length, between what they begin and what they end with alike."""
    if len(words) == len(others):
        return [i for i, pair in enumerate(zip(words, others, strict=True)) if pair[0] != pair[1]]
    shorter = min(len(words), len(others))
    start = next((i for i in range(shorter) if words[i] != others[i]), shorter)
    end = next((i for i in range(shorter - start) if words[-1 - i] != others[-1 - i]), shorter - start)
    return list(range(start, len(words) - end))


def test_deciding_words_are_those_that_differ() -> None:
    assert deciding(tuple("abcde"), tuple("axcdy")) == [1, 4]
    assert deciding(tuple("abcde"), tuple("abxyde")) == [2]
    assert deciding(tuple("abxyde"), tuple("abcde")) == [2, 3]


@pytest.mark.slow
def test_deciding_words_are_ranked_first(tmp_path: Path) -> None:
    arguments = [
        "train", "task=pos", "trainer.epochs=6", "data.limit=3000", "encoder.width=64", "baselines=false",
        f"outputs={tmp_path}",
    ]  # fmt: skip
    assert main(arguments) == 0
    run = load_run(next(iter(run_folders(tmp_path))))
    model = run.model.eval()

    def of(words: grammar.Words) -> VectorSets:
        return run.reader().read([Input("1", list(words), "")]).split.batch(np.arange(1), 0).inputs

    found, chance = {name: list[float]() for name in METHODS}, list[float]()
    for words, others, asked, tag, other_tag, evidence in twins(100, seed=99):
        given = of(words)
        answers = [model.predict(one)[0].value[asked] for one in (given, of(others))]
        if answers != [tag, other_tag] or not evidence:
            continue  # only where the model tells the two readings apart does its answer depend on the deciding words
        told = explain(model, given, default_question(model, given, asked), evidence)
        for name, one in told.relevances.items():
            found[name].append(one.found)
        chance.append(len(evidence) / (len(words) - 1))
    precision = {name: float(np.mean(values)) for name, values in found.items()}
    assert len(chance) >= 30 and min(map(len, found.values())) == len(chance)
    assert precision["random"] == pytest.approx(np.mean(chance)) and precision["random"] < 0.1
    assert max(precision.values()) >= 0.8, precision
    assert precision["leave_one_out"] > precision["attention"] + 0.2, precision
