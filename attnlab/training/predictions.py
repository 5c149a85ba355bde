"""What a run answers about each example of a split, as files: a line of JSON for each, and a table beside them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import isfinite
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from attnlab.data.contract import Gold, Split
from attnlab.disk import write_pieces
from attnlab.model.interfaces import Head
from attnlab.sets import Answer, Prediction
from attnlab.targets import kind_named
from attnlab.training.evaluate import Evaluation

FIELDS = frozenset(
    "key gold predicted probability probabilities gold_labels predicted_labels alternatives complete unknown_words "
    "position word".split()
)
"""Names that a line may have whatever the data are, in either file."""
MOST_COLUMNS = 10
"""Classes that have a column each in the table; of more, the most probable ones are named in each row."""
DIGITS = 6
"""Behind the point of a probability in the table, and of those of classes; that of a text, which may be tiny, is written in full."""
STRETCH = 1 << 16
"""Rows whose text is made together, column by column: as Python's own strings they would take longer than the model."""
YES = 1
_encode = json.JSONEncoder(ensure_ascii=False).encode


def write_predictions(path: Path, split: Split, head: Head, evaluation: Evaluation) -> bool:
    """predictions-<name>.jsonl, a line for each example of the split, and the same as .csv beside it: a row for each
    example or, where vectors have answers each, for each vector. path: of the first. Returns whether there are any: nobody reads
    hidden vectors of numbers.

    Raises UserError where the disk refuses one of them.
    """
    if not kind_named(head.kind).told:
        return False
    answers = Answers(split, head, evaluation.predictions)
    write_pieces(path, answers.lines())
    write_pieces(path.with_suffix(".csv"), answers.rows())
    return True


@dataclass(frozen=True)
class Likely:
    """The most probable classes of R rows, the best first, or all questions in their order. ids: (R, k) numbers of classes;
    probabilities: (R, k)."""

    ids: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def first(self, most: int | None) -> "Likely":
        """Those of the `most` most probable ones; None: all."""
        if most is None:
            return self
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :most]
        return self._taken(order)

    def besides(self, answers: NDArray[np.int64]) -> "Likely":
        """Without the class that is the answer, (R,), or the least probable one where that is none of them."""
        if (self.ids[:, 0] == answers).all():  # nearly always
            return Likely(self.ids[:, 1:], self.probabilities[:, 1:])
        order = np.argsort(self.ids == answers[:, None], axis=1, kind="stable")[:, :-1]
        return self._taken(order)

    def _taken(self, order: NDArray[np.int64]) -> "Likely":
        return Likely(np.take_along_axis(self.ids, order, 1), np.take_along_axis(self.probabilities, order, 1))


class Answers:
    """The answers of a head about a split, as text some examples at a time, so that those of many need little memory.

    with_gold: whether right answers have their place, even where none is known. top: how many of the most probable classes
    are told; None: as many as are kept.
    """

    def __init__(
        self, split: Split, head: Head, predictions: Sequence[Prediction], with_gold: bool = True,
        top: int | None = None,
    ) -> None:  # fmt: skip
        self.split, self.predictions, self.with_gold, self.top = split, predictions, with_gold, top
        self.kind, self.classes = kind_named(head.kind), head.classes
        self.gold = split.gold(head.target) if split.answered else None
        self._taken = FIELDS | (split.show(0).keys() if len(split) else set())

    def _kept(self, i: int) -> dict[str, str]:
        """What the user wants beside example i."""
        return self.beside(self.split.kept(i))

    def beside(self, kept: Mapping[str, str]) -> dict[str, str]:
        """What the user wants beside an example, answered or not, by names that no other field has."""
        return {f"{name}_" if name in self._taken else name: cell for name, cell in kept.items()}

    def _right(self, i: int) -> Gold | None:
        return None if self.gold is None else self.gold[i]

    def _stretches(self) -> Iterator[range]:
        """Numbers of examples whose text is made together."""
        start = rows = 0
        for i, prediction in enumerate(self.predictions):
            rows += len(_listed(prediction.value)) if self.kind.per_vector else 1
            if rows >= STRETCH:
                yield range(start, i + 1)
                start, rows = i + 1, 0
        if start < len(self.predictions):
            yield range(start, len(self.predictions))

    def _likely(self, some: range) -> Likely | None:
        """Of the vectors of these examples, or of themselves; None where answers are no classes."""
        found = [ranked for i in some if (ranked := self.predictions[i].ranked) is not None]
        if not found:
            return None
        ids, probabilities = zip(*(each.ranked.best(each.first, each.end) for each in found), strict=True)
        return Likely(np.concatenate(ids), np.concatenate(probabilities).astype(np.float64))

    # --- lines of JSON --------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """A line for each example."""
        texts = _Texts()
        for some in self._stretches():
            likely = self._likely(some)
            probabilities = None if likely is None else self._objects(likely.first(self.top), some)
            of_vectors = self._probabilities_of_vectors(some)
            for number, i in enumerate(some):
                prediction = self.predictions[i]
                probability = _encode(self._shortened(prediction)) if of_vectors is None else of_vectors[number]
                parts = [
                    *(f"{texts[name]}: {texts.of(value)}" for name, value in self._known(i).items()),
                    f'"probability": {probability}',
                    *([] if probabilities is None else [f'"probabilities": {probabilities[number]}']),
                    *(f"{texts[name]}: {texts.of(value)}" for name, value in self._remarks(i).items()),
                ]
                yield f"{{{', '.join(parts)}}}\n"

    def _shortened(self, prediction: Prediction) -> float | Sequence[float | None] | None:
        """The probability of an answer; with `DIGITS` behind the point where all classes are written so."""
        whole = prediction.probability
        if prediction.ranked is None or whole is None:
            return whole
        return (
            round(whole, DIGITS)
            if isinstance(whole, float)
            else [p if p is None else round(p, DIGITS) for p in whole]
        )

    def _known(self, i: int) -> dict[str, object]:
        """What a line says of example i and its answer."""
        prediction, right = self.predictions[i], self._right(i)
        line = {"key": self.split.name(i), **self._kept(i), **self.split.show(i)}
        line |= {"gold": right} if self.with_gold else {}
        line["predicted"] = prediction.value
        if self.kind.name == "classes":
            line |= {} if right is None else {"gold_labels": self._labels(right)}
            line["predicted_labels"] = self._labels(prediction.value)
        return line

    def _remarks(self, i: int) -> dict[str, object]:
        """What a line says of example i besides."""
        prediction, line = self.predictions[i], dict[str, object]()
        if prediction.alternatives:
            line["alternatives"] = prediction.alternatives
        if not prediction.complete:
            line["complete"] = False
        if (unknown := self.split.unknown(i)) is not None:
            line["unknown_words"] = unknown
        return line

    def _objects(self, likely: Likely, some: range) -> list[str]:
        """Of each example the text of its probabilities by name or, where vectors have answers each, of a list of such."""
        names, parts, before = [_encode(name) for name in self.classes], list[pa.StringArray](), "{"
        for ids, probabilities in zip(likely.ids.T, likely.probabilities.T, strict=True):
            named = pa.array([f"{before}{name}: " for name in names])
            parts += [named.take(pa.array(ids)), *_halves(probabilities)]
            before = ", "
        objects = pc.binary_join_element_wise(*parts, "}", "")
        return self._per_example(objects, some) if self.kind.per_vector else objects.to_pylist()

    def _probabilities_of_vectors(self, some: range) -> list[str] | None:
        """Of each example, the text of the list of its vectors' probabilities; None where there are no such lists."""
        lists = [self.predictions[i].probability for i in some]
        if not self.kind.per_vector or not all(isinstance(each, list) and None not in each for each in lists):
            return None
        flat = np.fromiter(chain.from_iterable(map(_listed, lists)), dtype=np.float64)
        return self._per_example(_rounded(flat), some)

    def _per_example(self, of_vectors: pa.StringArray, some: range) -> list[str]:
        """Texts of all vectors of these examples -> of each example, a list of them."""
        lists = pa.ListArray.from_arrays(pa.array(self._starts(some), pa.int32()), of_vectors)
        return pc.binary_join_element_wise("[", pc.binary_join(lists, ", "), "]", "").to_pylist()

    def _starts(self, some: range) -> NDArray[np.int64]:
        """(examples + 1,): where the vectors of each begin."""
        return np.cumsum([0, *(len(_listed(self.predictions[i].value)) for i in some)])

    def _labels(self, answers: Answer | Gold) -> list[str]:
        """The names of the questions that are answered by yes."""
        assert not isinstance(answers, str | float), "an answer for each question"
        return [name for name, answer in zip(self.classes, answers, strict=True) if answer == YES]

    # --- rows of a table ------------------------------------------------------------------------

    def rows(self) -> Iterator[str]:
        """The line of names, and the rows of each example."""
        for number, (names, texts) in enumerate(self.tables()):
            yield from [csv_line(names)] if number == 0 else []
            yield from texts

    def tables(self, with_errors: bool = False) -> Iterator[tuple[list[str], list[str]]]:
        """Of some examples at a time: the names of the columns, always the same, and of each example the text of its rows:
        one or, where vectors have answers each, one for each of them. with_errors: whether a last column is for what is wrong
        with an example, which is empty."""
        for some in self._stretches():
            columns = self._vector_columns(some) if self.kind.per_vector else self._columns(some)
            lines = pc.binary_join_element_wise(*columns.values(), ",")
            ended = pc.binary_join_element_wise(lines, ",\n" if with_errors else "\n", "")
            names = [*columns, *(["error"] if with_errors else [])]
            if self.kind.per_vector:
                lists = pa.ListArray.from_arrays(pa.array(self._starts(some), pa.int32()), ended)
                yield names, pc.binary_join(lists, "").to_pylist()
            else:
                yield names, ended.to_pylist()

    def _columns(self, some: range) -> dict[str, pa.StringArray]:
        """Of examples with one answer each, or of several questions."""
        predictions = [self.predictions[i] for i in some]
        columns = self._named(some, self.split.show)
        questions = self.kind.name == "classes"
        if self.with_gold:
            right = [self._right(i) for i in some]
            columns["gold"] = _cells(
                ("" if each is None else "; ".join(self._labels(each)) for each in right) if questions else right
            )
        values = [each.value for each in predictions]
        columns["predicted"] = _cells(("; ".join(self._labels(each)) for each in values) if questions else values)
        if not questions and predictions[0].probability is not None:
            columns["probability"] = _rounded(np.array([each.probability for each in predictions]))
        if (likely := self._likely(some)) is not None:
            if self.kind.name == "class" and (self.top is not None or len(self.classes) > MOST_COLUMNS):
                columns |= self._others(likely.first(self.top), _distinct(values))
            else:
                by_class = np.take_along_axis(likely.probabilities, np.argsort(likely.ids, axis=1), 1)
                of_each = zip(self.classes, by_class.T, strict=True)
                columns |= {f"p({name})": _rounded(numbers) for name, numbers in of_each}
        if self.kind.name == "sequence":
            columns["complete"] = _cells(each.complete for each in predictions)
        if self.split.unknown(some[0]) is not None:
            columns["unknown_words"] = _cells(self.split.unknown(i) for i in some)
        return columns

    def _vector_columns(self, some: range) -> dict[str, pa.StringArray]:
        """Of the vectors of these examples."""
        predictions, starts = [self.predictions[i] for i in some], self._starts(some)
        counts = np.diff(starts)
        example = pa.array(np.repeat(np.arange(len(some)), counts))
        columns = {name: column.take(example) for name, column in self._named(some, lambda i: {}).items()}
        position = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
        columns["position"] = pa.array(position).cast(pa.string())
        words = [self.split.show(i).get("words") for i in some]
        if all(isinstance(each, list) for each in words):
            columns["word"] = _repeated(_distinct(list(chain.from_iterable(map(_listed, words)))))
        if self.with_gold:
            unknown = [[None] * int(count) for count in counts]
            right = [self._right(i) for i in some]
            lists = [no if each is None else _listed(each) for each, no in zip(right, unknown, strict=True)]
            columns["gold"] = _cells(chain.from_iterable(lists))
        answers = _distinct(list(chain.from_iterable(_listed(each.value) for each in predictions)))
        columns["predicted"] = _repeated(answers)
        if predictions[0].probability is not None:
            listed = chain.from_iterable(_listed(each.probability) for each in predictions)
            numbers = np.array([np.nan if each is None else each for each in listed], dtype=np.float64)
            columns["probability"] = pc.if_else(pa.array(np.isnan(numbers)), "", _rounded(np.nan_to_num(numbers)))
        if (likely := self._likely(some)) is not None:
            columns |= self._others(likely.first(self.top), answers)
        return columns

    def _named(self, some: range, show: Callable[[int], Mapping[str, object]]) -> dict[str, pa.StringArray]:
        """What names each of these examples, and shows it."""
        rows = [{"key": self.split.name(i), **self._kept(i), **show(i)} for i in some]
        return {name: _cells(row[name] for row in rows) for name in rows[0]}

    def _others(self, likely: Likely, answers: pa.DictionaryArray) -> dict[str, pa.StringArray]:
        """The most probable classes besides the answers, with their probabilities."""
        numbers, names = {name: i for i, name in enumerate(self.classes)}, _quoted(pa.array(self.classes))
        of_distinct = np.array([numbers[answer] for answer in answers.dictionary.to_pylist()], dtype=np.int64)
        others = likely.besides(of_distinct[answers.indices.to_numpy()])
        columns: dict[str, pa.StringArray] = {}
        for number, (ids, probabilities) in enumerate(zip(others.ids.T, others.probabilities.T, strict=True), 2):
            columns[f"predicted_{number}"] = names.take(pa.array(ids))
            columns[f"probability_{number}"] = _rounded(probabilities)
        return columns


class _Texts(dict[str, str]):
    """Names and words as JSON, each encoded once: they are few, and occur again and again."""

    def __missing__(self, word: str) -> str:
        text = self[word] = _encode(word)
        return text

    def of(self, value: object) -> str:
        """Any value as JSON."""
        if type(value) is list and value and type(value[0]) is str:
            return f"[{', '.join(map(self.__getitem__, value))}]"
        return float.__repr__(value) if type(value) is float and isfinite(value) else _encode(value)


def _decimals(numbers: NDArray[np.float64]) -> pa.StringArray:
    """(R,) -> the shortest text of each number that is read as the same."""
    text = pa.array(np.ascontiguousarray(numbers, dtype=np.float64)).cast(pa.string())
    for number, written in ((0.0, "0.0"), (1.0, "1.0")):
        text = pc.if_else(pa.array(numbers == number), written, text)
    return pc.if_else(pa.array(np.isnan(numbers)), "NaN", text)


def _rounded(probabilities: NDArray[np.float64]) -> pa.StringArray:
    """(R,) -> `_decimals` of each, rounded to `DIGITS`."""
    return pc.binary_join_element_wise(*_halves(probabilities), "")


def _halves(probabilities: NDArray[np.float64]) -> tuple[pa.StringArray, pa.StringArray]:
    """As `_rounded`, the digits before the fourth one and those behind: two tables of 1,000 are quicker than writing numbers."""
    if np.isnan(probabilities).any():
        return _decimals(probabilities.round(DIGITS)), pa.array([""] * len(probabilities))
    heads, tails = _tables()
    first, last = np.divmod(np.rint(probabilities * 10**DIGITS).astype(np.int32), 1000)
    return heads.take(pa.array(first + 1001 * (last == 0))), tails.take(pa.array(last + 1000 * (first > 0)))


@cache
def _tables() -> tuple[pa.StringArray, pa.StringArray]:
    """The first halves of numbers that have a second one, and of those that don't; the second halves of numbers below 0.001,
    and of others."""
    thousandths = _decimals(np.arange(1001) / 1e3).to_pylist()
    heads = ["", *(f"0.{i:03d}" for i in range(1, 1001)), "", *thousandths[1:]]
    below = _decimals(np.arange(1000) / 1e6).to_pylist()
    return pa.array(heads), pa.array([*below, *(f"{i:03d}".rstrip("0") for i in range(1000))])


def _cells(values: Iterable[object]) -> pa.StringArray:
    """Values as the cells of a column, quoted where they must be."""
    return _quoted(pa.array([value if type(value) is str else cell(value) for value in values], pa.string()))


def _distinct(values: Sequence[object]) -> pa.DictionaryArray:
    """The texts of values of which many are the same."""
    texts = [value if type(value) is str else cell(value) for value in values]
    return pa.array(texts, pa.string()).dictionary_encode()


def _repeated(texts: pa.DictionaryArray) -> pa.StringArray:
    """As `_cells`."""
    return _quoted(texts.dictionary).take(texts.indices)


def _quoted(cells: pa.StringArray) -> pa.StringArray:
    """Cells of a .csv: in quotes where they hold a comma, a quote or the end of a line."""
    special = pc.match_substring_regex(cells, '[",\r\n]')
    if not pc.any(special).as_py():
        return cells
    doubled = pc.replace_substring(cells, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


def csv_line(cells: Iterable[object]) -> str:
    """One line of a .csv file."""
    return ",".join(_cells(cells).to_pylist()) + "\n"


def json_line(record: Mapping[str, object]) -> str:
    """One line of a .jsonl file."""
    return _encode(record) + "\n"


def most_probable(
    prediction: Prediction, top: int | None
) -> Mapping[str, float] | Sequence[Mapping[str, float]] | None:
    """The probabilities of a prediction; of the `top` most probable classes, or questions, where a number is given."""
    probabilities = prediction.probabilities
    if top is None or probabilities is None:
        return probabilities
    if isinstance(probabilities, Mapping):
        return _first(probabilities, top)
    return [_first(each, top) for each in probabilities]


def _first(probabilities: Mapping[str, float], top: int) -> dict[str, float]:
    return dict(sorted(probabilities.items(), key=lambda item: -item[1])[:top])


def _listed(values: object) -> Sequence[object]:
    """An answer for each vector."""
    assert isinstance(values, list | tuple), "of vectors"
    return values


def cell(value: object) -> str:
    """A value as a cell: lists are joined by spaces, what is missing is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
