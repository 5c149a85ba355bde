"""Metrics of texts. BLEU, chrF, WER and CER are of all texts together, not means over texts; BLEU and chrF are 0 to 100,
the others fractions of 1. Runs of white space count as one space."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attnlab.metrics.base import GIVEN_AWAY, NOTHING_SCORED, Comparison, Metric, OfCounts, Undefined
from attnlab.registry import METRICS

if TYPE_CHECKING:  # imported when texts are scored: it takes a while
    import numpy as np
    from numpy.typing import NDArray
    from sacrebleu.metrics import BLEU, CHRF, TER
    from sacrebleu.metrics.bleu import BLEUScore


class _OfTexts(Metric):
    """A metric of texts, undefined where there are none, none with a word, or one alone again and again; `defined` gives it otherwise."""

    kinds = ("sequence",)

    def value(self, comparison: Comparison) -> float | Undefined | None:
        right, predicted = _texts(comparison)
        if not right:
            return NOTHING_SCORED
        if not any(right):
            return Undefined("no right text has a word")
        if len(right) > 1 and len({*right, *predicted}) == 1:
            return Undefined(f"all {len(right):,} right texts are the same{GIVEN_AWAY}")
        return self.defined(comparison)

    def defined(self, comparison: Comparison) -> float | Undefined | None:
        """The score where there are words."""
        return self.score(*_texts(comparison))


@METRICS.register("bleu")
class Bleu(_OfTexts):
    """sacreBLEU with tokens 13a, cased: the one to report (Papineni et al. 2002; Post 2018)."""

    def defined(self, comparison: Comparison) -> float:
        return _bleu_of(comparison).score

    def of_counts(self, comparison: Comparison) -> OfCounts:
        return _of_sacrebleu("bleu", _bleu(), comparison)


@METRICS.register("bleu_lower")
class BleuLower(_OfTexts):
    """The same in lower case, which stands beside the lower-cased, tokenised BLEU of many papers."""

    def score(self, right: Sequence[str], predicted: Sequence[str]) -> float:
        return _bleu(lower=True).corpus_score(predicted, [right]).score

    def of_counts(self, comparison: Comparison) -> OfCounts:
        return _of_sacrebleu("bleu_lower", _bleu(lower=True), comparison)


@METRICS.register("chrf")
class Chrf(_OfTexts):
    """chrF2: agreement of n-grams of characters (Popović 2015)."""

    def score(self, right: Sequence[str], predicted: Sequence[str]) -> float:
        from sacrebleu.metrics import CHRF

        return CHRF().corpus_score(predicted, [right]).score

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from sacrebleu.metrics import CHRF

        return _of_sacrebleu("chrf", CHRF(), comparison)


@METRICS.register("ter")
class Ter(_OfTexts):
    """Translation edit rate, in percent: edits and moves of phrases for each word (Snover et al. 2006)."""

    higher_is_better = False

    def score(self, right: Sequence[str], predicted: Sequence[str]) -> float:
        from sacrebleu.metrics import TER

        return TER().corpus_score(predicted, [right]).score

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from sacrebleu.metrics import TER

        return _of_sacrebleu("ter", TER(), comparison)


@METRICS.register("exact_match")
class ExactMatch(_OfTexts):
    """The fraction of texts without a difference."""

    def score(self, right: Sequence[str], predicted: Sequence[str]) -> float:
        return sum(map(str.__eq__, predicted, right)) / len(right)

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_means

        right, predicted = _texts(comparison)
        return of_means([*map(str.__eq__, predicted, right)], [1] * len(right))


@METRICS.register("wer")
class WordErrorRate(_OfTexts):
    """Words that would have to be inserted, deleted or replaced, for each word of the right text."""

    higher_is_better = False

    def defined(self, comparison: Comparison) -> float:
        edits, lengths = self._edits(comparison)
        return sum(edits) / max(1, sum(lengths))

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_means

        return of_means(*self._edits(comparison))

    def pieces(self, text: str) -> Sequence[str]:
        """What is inserted, deleted or replaced."""
        return text.split()

    def _edits(self, comparison: Comparison) -> tuple[list[int], list[int]]:
        """Of each text, how many, and how many pieces the right one has."""

        def counted() -> tuple[list[int], list[int]]:
            right, predicted = ([self.pieces(text) for text in texts] for texts in _texts(comparison))
            return edit_distances(predicted, right), [len(text) for text in right]

        return comparison.once(type(self).__name__, counted)


@METRICS.register("cer")
class CharacterErrorRate(WordErrorRate):
    """Characters that would have to be inserted, deleted or replaced, for each character of the right text."""

    def pieces(self, text: str) -> Sequence[str]:
        return text


@METRICS.register("length_ratio")
class LengthRatio(_OfTexts):
    """Predicted tokens for each right one, as sacreBLEU counts them."""

    higher_is_better = None

    def defined(self, comparison: Comparison) -> float:
        bleu = _bleu_of(comparison)
        return bleu.sys_len / bleu.ref_len

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_means

        predicted, right, *_ = zip(*_statistics("bleu", _bleu(), comparison), strict=True)
        return of_means(predicted, right)


@METRICS.register("cut")
class Cut(_OfTexts):
    """The fraction of predictions that reached the longest allowed length before they ended."""

    higher_is_better = False

    def defined(self, comparison: Comparison) -> float:
        predictions = comparison.predictions
        return sum(not prediction.complete for prediction in predictions) / len(predictions)

    def of_counts(self, comparison: Comparison) -> OfCounts:
        from attnlab.metrics.resamples import of_means

        predictions = comparison.predictions
        return of_means([not prediction.complete for prediction in predictions], [1] * len(predictions))


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


def _bleu(lower: bool = False) -> "BLEU":
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize="13a", lowercase=lower)


def _bleu_of(comparison: Comparison) -> "BLEUScore":
    """Cased BLEU with the numbers that it was computed from."""
    right, predicted = _texts(comparison)
    return comparison.once("bleu", lambda: _bleu().corpus_score(predicted, [right]))


def _texts(comparison: Comparison) -> tuple[list[str], list[str]]:
    """Right and predicted texts with single spaces."""

    def one_spaced(texts: Iterable[str]) -> list[str]:
        return [" ".join(unicodedata.normalize("NFC", text).split()) for text in texts]

    predicted = [prediction.value for prediction in comparison.predictions]
    return comparison.once("texts", lambda: (one_spaced(comparison.gold), one_spaced(predicted)))


def _statistics(name: str, metric: "BLEU | CHRF | TER", comparison: Comparison) -> list[list[float]]:
    """(B, K) of each text what sacreBLEU adds up over texts. It offers this to its own significance tests alone."""
    right, predicted = _texts(comparison)
    return comparison.once(f"statistics of {name}", lambda: metric._extract_corpus_statistics(predicted, [right]))


def _of_sacrebleu(name: str, metric: "BLEU | CHRF | TER", comparison: Comparison) -> OfCounts:
    """Its score as a function of how often each text counts; undefined where no right text has a word."""
    import numpy as np

    from attnlab.metrics.resamples import of_sums

    has_words = [bool(text) for text in _texts(comparison)[0]]
    per_text = np.column_stack([np.array(_statistics(name, metric, comparison), dtype=np.float64), has_words])

    def score(sums: "NDArray[np.float64]") -> "NDArray[np.float64]":
        return np.array(
            [metric._compute_score_from_stats(row).score if words else np.nan for *row, words in sums.tolist()]
        )

    return of_sums(per_text, score)


def edit_distances(texts: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> list[int]:
    """Of each pair, how many insertions, deletions and replacements make one the other (Levenshtein 1966)."""
    import numpy as np

    numbers: dict[str, int] = {}
    distances = np.zeros(len(texts), dtype=np.int64)
    order = sorted(range(len(texts)), key=lambda i: (len(others[i]), len(texts[i])))
    for start in range(0, len(order), 256):  # pairs of similar length are padded and computed together
        group = order[start : start + 256]
        a, b = (
            [[numbers.setdefault(x, len(numbers)) for x in side[i]] for i in group] for side in (texts, others)
        )
        distances[group] = _edit_distances(a, b)
    return distances.tolist()


def _edit_distances(a: list[list[int]], b: list[list[int]]) -> "NDArray[np.int64]":
    """Row after row of the table for all pairs at once; `row[:, j]` is the distance to the first j symbols of b."""
    import numpy as np

    width = max(map(len, b), default=0)
    symbols = np.array([other + [-1] * (width - len(other)) for other in b], dtype=np.int64).reshape(len(b), width)
    steps = np.arange(width + 1)
    row = np.repeat(steps[None], len(b), axis=0)
    for i in range(max(map(len, a), default=0)):
        symbol = np.array([text[i] if i < len(text) else -2 for text in a])
        after = np.empty_like(row)
        after[:, 0] = i + 1
        after[:, 1:] = np.minimum(row[:, 1:] + 1, row[:, :-1] + (symbols != symbol[:, None]))
        after = np.minimum.accumulate(after - steps, axis=1) + steps  # insertions, from left to right
        row = np.where((symbol == -2)[:, None], row, after)
    return row[np.arange(len(b)), [len(other) for other in b]]
