"""Scores over plain lists of words and numbers: what was right, what was answered."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


class Answer(Protocol):
    """What a head answers: see `sets.Prediction`."""

    @property
    def value(self) -> Any: ...
    @property
    def probability(self) -> Any: ...
    @property
    def complete(self) -> bool: ...


Slices = Mapping[str, Sequence[Sequence[bool]]]
"""By name, a mark for each vector of each set."""
Classes = Sequence[str]
"""Those that the model knows; empty where nobody says."""
Pairs = Mapping[tuple[str, str], int]
"""How often each (right class, answer) occurred."""

LOWER_IS_BETTER = frozenset({"loss", "mae", "wer", "cer", "cut"})
WITHOUT_BETTER = frozenset({"length_ratio"})
"""Best somewhere in between, so that they can't tell which of two models is the better one."""


@dataclass(frozen=True)
class Measured:
    """scores: by name, fractions of 1 where they can be; without those for which nothing is there to be scored.
    pairs: where answers are classes."""

    scores: dict[str, float]
    pairs: Pairs = field(default_factory=dict)


def vector_classes(
    gold: Sequence[Sequence[str]], answers: Sequence[Answer], slices: Slices, classes: Classes = ()
) -> Measured:
    """Accuracy over all scored vectors, macro F1 over classes, and `accuracy/<slice>` on marked vectors.

    A gold label "" is not scored.
    """
    values = [answer.value for answer in answers]
    pairs = _count(pair for gs, ps in zip(gold, values, strict=True) for pair in zip(gs, ps, strict=True))
    scores = _class_scores(pairs)
    for name, marks in slices.items():
        marked = _count(
            (g, p)
            for gs, ps, ms in zip(gold, values, marks, strict=True)
            for g, p, m in zip(gs, ps, ms, strict=True)
            if m
        )
        if marked:
            scores[f"accuracy/{name}"] = accuracy(marked)
    return Measured(scores, pairs)


def one_class(gold: Sequence[str], answers: Sequence[Answer], slices: Slices, classes: Classes = ()) -> Measured:
    """Accuracy and macro F1; where there are two classes, known, right or answered, also the area under the ROC curve."""
    pairs = _count(zip(gold, (answer.value for answer in answers), strict=True))
    scores = _class_scores(pairs)
    # Of more than two, a probability says nothing of the others: 1 − p is none of theirs.
    every = {*classes, *(g for g in gold if g), *(answer.value for answer in answers)}
    if len(every) == 2:
        first = min(every)
        chances = [a.probability if a.value == first else 1 - a.probability for a in answers]
        area = roc_auc([int(g == first) if g else -1 for g in gold], chances)
        scores |= {} if area is None else {"roc_auc": area}
    return Measured(scores, pairs)


def several_yes_no(
    gold: Sequence[Sequence[int]], answers: Sequence[Answer], slices: Slices, classes: Classes = ()
) -> Measured:
    """Accuracy over all known questions, and the mean area under the ROC curve; −1 is unknown."""
    known = [
        (g, v)
        for gs, answer in zip(gold, answers, strict=True)
        for g, v in zip(gs, answer.value, strict=True)
        if g >= 0
    ]
    areas = [
        roc_auc(truth, chances)
        for truth, chances in zip(
            zip(*gold, strict=True), zip(*(a.probability for a in answers), strict=True), strict=True
        )
    ]
    found = [area for area in areas if area is not None]
    scores = {"accuracy": sum(g == v for g, v in known) / len(known)} if known else {}
    return Measured(scores | ({"roc_auc": sum(found) / len(found)} if found else {}))


def number(gold: Sequence[float], answers: Sequence[Answer], slices: Slices, classes: Classes = ()) -> Measured:
    """Mean absolute error in the numbers' own unit; NaN is not scored."""
    return Measured(_mean_error((g, a.value) for g, a in zip(gold, answers, strict=True)))


def vector_numbers(
    gold: Sequence[Sequence[float]], answers: Sequence[Answer], slices: Slices, classes: Classes = ()
) -> Measured:
    """Mean absolute error over all scored vectors."""
    pairs = (pair for gs, a in zip(gold, answers, strict=True) for pair in zip(gs, a.value, strict=True))
    return Measured(_mean_error(pairs))


def sequence(gold: Sequence[str], answers: Sequence[Answer], slices: Slices, classes: Classes = ()) -> Measured:
    """Of texts. BLEU and chrF are 0 to 100, the others are fractions of 1; BLEU, chrF, WER and CER are of all texts
    together, not means over texts.

    `bleu`: sacreBLEU with tokens 13a, cased (Papineni et al. 2002; Post 2018), the one to report; `bleu_lower`: the same
    in lower case, which stands beside the lower-cased, tokenised BLEU of many papers; `chrf`: chrF2 (Popović 2015);
    `exact_match`: texts without a difference; `wer` and `cer`: words, and characters, that would have to be inserted,
    deleted or replaced, for each one of the right text; `length_ratio`: tokens answered for each right one; `cut`: answers
    that did not end by themselves. Runs of white space count as one space.
    """
    from sacrebleu.metrics import CHRF

    said = [_one_spaced(answer.value) for answer in answers]
    right = [_one_spaced(text) for text in gold]
    cased = _bleu().corpus_score(said, [right])
    return Measured(
        {
            "bleu": cased.score,
            "bleu_lower": _bleu(lower=True).corpus_score(said, [right]).score,
            "chrf": CHRF().corpus_score(said, [right]).score,
            "exact_match": sum(map(str.__eq__, said, right)) / max(1, len(right)),
            "wer": error_rate([text.split() for text in said], [text.split() for text in right]),
            "cer": error_rate(said, right),
            "length_ratio": cased.sys_len / max(1, cased.ref_len),
            "cut": sum(not answer.complete for answer in answers) / max(1, len(right)),
        }
    )


QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def length_quantiles(texts: Sequence[str]) -> list[int]:
    """How many words the shortest text has, the longest, and those in between at `QUANTILES`."""
    lengths = sorted(len(text.split()) for text in texts)
    return [lengths[round(q * (len(lengths) - 1))] for q in QUANTILES] if lengths else []


def bleu_signature(lower: bool = False) -> str:
    """How `bleu`, or `bleu_lower`, is computed: what sacreBLEU asks papers to print beside it."""
    metric = _bleu(lower)
    metric.corpus_score([""], [[""]])  # it is known once something has been scored
    return str(metric.get_signature())


def _bleu(lower: bool = False) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize="13a", lowercase=lower)


def _one_spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def error_rate(said: Sequence[Sequence[str]], right: Sequence[Sequence[str]]) -> float:
    """Edits for each right word or character, over all texts; texts are given in words or characters."""
    return sum(edits(said, right)) / max(1, sum(map(len, right)))


def edits(these: Sequence[Sequence[str]], those: Sequence[Sequence[str]]) -> list[int]:
    """Of each pair, how many insertions, deletions and replacements make one the other (Levenshtein 1966)."""
    numbers: dict[str, int] = {}
    found = np.zeros(len(these), dtype=np.int64)
    order = sorted(range(len(these)), key=lambda i: (len(those[i]), len(these[i])))
    for start in range(0, len(order), 256):  # pairs of similar length are filled up and computed together
        group = order[start : start + 256]
        a, b = ([[numbers.setdefault(x, len(numbers)) for x in side[i]] for i in group] for side in (these, those))
        found[group] = _edits(a, b)
    return found.tolist()


def _edits(a: list[list[int]], b: list[list[int]]) -> Any:
    """A row of the table for all pairs at once; `row[:, j]` is about the first j symbols of b."""
    wide = max(map(len, b), default=0)
    symbols = np.array([other + [-1] * (wide - len(other)) for other in b], dtype=np.int64).reshape(len(b), wide)
    places = np.arange(wide + 1)
    row = np.repeat(places[None], len(b), axis=0)
    for i in range(max(map(len, a), default=0)):
        now = np.array([one[i] if i < len(one) else -2 for one in a])
        after = np.empty_like(row)
        after[:, 0] = i + 1
        after[:, 1:] = np.minimum(row[:, 1:] + 1, row[:, :-1] + (symbols != now[:, None]))
        after = np.minimum.accumulate(after - places, axis=1) + places  # insertions, from left to right
        row = np.where((now == -2)[:, None], row, after)
    return row[np.arange(len(b)), [len(other) for other in b]]


MEASURES: dict[str, Callable[[Any, Any, Slices, Classes], Measured]] = {
    "vector_classes": vector_classes,
    "vector_numbers": vector_numbers,
    "class": one_class,
    "classes": several_yes_no,
    "number": number,
    "sequence": sequence,
}
"""How answers to each kind of target are measured: (right answers, answers, marked vectors, known classes)."""

MONITORS = {
    "vector_classes": "accuracy",
    "vector_numbers": "mae",
    "class": "accuracy",
    "classes": "roc_auc",
    "number": "mae",
    "sequence": "bleu",
}
"""The validation score that picks the best weights unless `trainer.monitor` names another."""


def accuracy(pairs: Pairs) -> float:
    return sum(n for (g, p), n in pairs.items() if g == p) / sum(pairs.values())


def macro_f1(pairs: Pairs) -> float:
    """The mean over the right classes of the harmonic mean of precision and recall."""
    right, answered, both = Counter[str](), Counter[str](), Counter[str]()
    for (g, p), n in pairs.items():
        right[g] += n
        answered[p] += n
        both[g] += n * (g == p)
    return sum(2 * both[c] / (right[c] + answered[c]) for c in right) / len(right)


def roc_auc(truth: Sequence[int], chances: Sequence[float]) -> float | None:
    """How often a yes has a higher chance than a no; unknowns (−1) are left out. None without both."""
    from sklearn.metrics import roc_auc_score

    known = [(t, c) for t, c in zip(truth, chances, strict=True) if t >= 0]
    if len({t for t, _ in known}) < 2:
        return None
    return float(roc_auc_score([t for t, _ in known], [c for _, c in known]))


def confusions(pairs: Pairs, most: int = 8) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: (right class, answer, how often)."""
    wrong = [(g, p, n) for (g, p), n in pairs.items() if g != p]
    return sorted(wrong, key=lambda item: (-item[2], item))[:most]


def better(score: float, best: float | None, name: str) -> bool:
    """Whether a validation score beats the best so far; what is no number never does."""
    if best is None:
        return score == score
    return score < best if name in LOWER_IS_BETTER else score > best


def _count(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    return Counter(pair for pair in pairs if pair[0])


def _class_scores(pairs: Pairs) -> dict[str, float]:
    return {"accuracy": accuracy(pairs), "macro_f1": macro_f1(pairs)} if pairs else {}


def _mean_error(pairs: Iterable[tuple[float, float]]) -> dict[str, float]:
    errors = [abs(g - p) for g, p in pairs if g == g]  # NaN is the number that differs from itself
    return {"mae": sum(errors) / len(errors)} if errors else {}
