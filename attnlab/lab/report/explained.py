"""Five test examples, and what the model's answers to them are due to: by attention weights, and by the method that passes its
test best (`attnlab.explain`)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnlab.errors import UserError
from attnlab.explain.explain import explain
from attnlab.explain.explanation import METHODS, Explanation, Relevance
from attnlab.explain.question import default_question
from attnlab.lab.inspect.content import known_evidence, predicted
from attnlab.lab.inspect.drawn import DRAWERS, drawn
from attnlab.lab.report.answers import Answers
from attnlab.lab.report.facts import Facts
from attnlab.training.run import Run, load_run

RIGHT, WRONG = 2, 3
LONGEST, LONGEST_QUICK = 200, 60
"""Vectors of an example, at the most; at the end of training."""
QUICK = 25_000_000
"""Parameters times vectors of an example up to which it is explained at the end of training, in a fraction of a second."""
NAMED = 8
"""Vectors that are no words: so many are named, those that matter most."""


@dataclass(frozen=True)
class Scored:
    """One method's scores of an example. sentence: what the method is. vectors: (text, score from −1 to 1, whether it is known to
    decide the answer)."""

    sentence: str
    test: str
    vectors: Sequence[tuple[str, float, bool]]


@dataclass(frozen=True)
class Explained:
    """One example. number: of the answer among the scored ones. right: whether it is. about: whose answer is explained."""

    number: int
    right: bool
    about: str
    methods: Sequence[Scored]
    words: bool


def chosen(answers: Answers, sizes: Sequence[int], most: int) -> list[int]:
    """Numbers of scored answers: right ones with the lowest probability, and wrong ones with the highest, each of an example of
    2 to `most` vectors. sizes: vectors of each example."""
    fits = np.array([2 <= size <= most for size in sizes])[answers.example]
    limit = 0.25 if answers.kind == "sequence" else 0.0
    right = np.flatnonzero(fits & (answers.error <= limit))
    wrong = np.flatnonzero(fits & (answers.error > limit))
    sure = np.nan_to_num(answers.probability, nan=0.0)
    right, wrong = right[np.argsort(sure[right], kind="stable")], wrong[np.argsort(-sure[wrong], kind="stable")]
    found, used = list[int](), set[int]()
    for numbers, count in ((right, RIGHT), (wrong, WRONG)):
        before = len(found)
        for number in numbers.tolist():
            example = int(answers.example[number])
            if example not in used and len(found) - before < count:
                found.append(number)
                used.add(example)
    return found


def explain_some(facts: Facts, quick: bool) -> tuple[list[Explained], str]:
    """Two right answers and three wrong ones, and why there are none. quick: only what takes little time, at the end of training."""
    answers = facts.answers
    if (
        answers is None
        or len(facts.parts) != 1
        or facts.parts[0].split is None
        or answers.kind in ("vector_numbers",)
    ):
        return [], ""
    split = facts.parts[0].split
    parameters = facts.results.get("parameters", 0)
    most = min(LONGEST_QUICK, QUICK // max(1, parameters)) if quick else LONGEST
    sizes = (split.lengths if split.lengths.ndim == 1 else split.lengths[:, 0]).tolist()
    numbers = chosen(answers, sizes, most)
    if not numbers:
        return [], "at the end of training" if quick else ""
    try:
        run = load_run(facts.folder.path)
        return [_explained(facts, run, number) for number in numbers], ""
    except (UserError, OSError) as error:
        return [], f"because {error}"


def _explained(facts: Facts, run: Run, number: int) -> Explained:
    assert facts.answers is not None and facts.parts[0].split is not None
    answers, split = facts.answers, facts.parts[0].split
    i = int(answers.example[number])
    inputs = split.batch(np.array([i])).to(run.engine.device).inputs
    vector = int(answers.position[number]) if answers.kind == "vector_classes" else None
    question = default_question(run.model, inputs, vector)
    (prediction,) = predicted(run, split, i)
    evidence = known_evidence(run.model, split, i, question, prediction)
    found = explain(run.model, inputs, question, evidence)
    words = run.spec.modality in ("text", "pairs")
    labels = drawn(run, split, i, inputs).labels if run.spec.modality in DRAWERS else []
    if len(labels) != len(found.without):
        labels = [
            f"{facts.unit.removesuffix('s').replace('patche', 'patch')} {n}"
            for n in range(1, len(found.without) + 1)
        ]
    names = dict.fromkeys(name for name in (found.best, "attention") if name in found.relevances)
    return Explained(
        number, bool(answers.error[number] == 0), _about(answers, labels, question.vector),
        [_scored(found, found.relevances[name], labels, evidence or [], words) for name in names if name is not None], words,
    )  # fmt: skip


def _about(answers: Answers, labels: Sequence[str], vector: int | None) -> str:
    if vector is not None and vector < len(labels):
        return f"the answer about {labels[vector]}"
    return "its least certain token" if answers.kind == "sequence" else "its answer"


def _scored(
    found: Explanation, relevance: Relevance, labels: Sequence[str], evidence: Sequence[int], words: bool
) -> Scored:
    largest = float(np.abs(relevance.scores).max(initial=0)) or 1.0
    scores = (relevance.scores / largest).astype(float).round(3).tolist()
    vectors = [(label, score, n in evidence) for n, (label, score) in enumerate(zip(labels, scores, strict=True))]
    if not words:
        vectors = sorted(vectors, key=lambda one: -abs(one[1]))[:NAMED]
    random = found.relevances["random"].deletion_area
    test = f"area under its deletion curve {relevance.deletion_area:.3f}, in random order {random:.3f}; lower is better"
    return Scored(METHODS[relevance.method], test, vectors)
