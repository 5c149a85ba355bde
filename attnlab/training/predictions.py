"""What a run answers about each example of a split, as files: a line of JSON for each, and a table beside them."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

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
YES = 1
_JSON = json.JSONEncoder(ensure_ascii=False)


def write_predictions(path: Path, split: Split, head: Head, evaluation: Evaluation) -> None:
    """predictions-<name>.jsonl, a line for each example of the split, and the same as .csv beside it: a row for each
    example or, where vectors have answers each, for each vector. path: of the first.

    Raises UserError where the disk refuses one of them.
    """
    answers = Answers(split, head, evaluation.predictions)
    write_pieces(path, answers.lines())
    write_pieces(path.with_suffix(".csv"), answers.rows())


class Answers:
    """The answers of a head about a split, as text piece by piece, so that those of many examples need little memory.

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
        """What the user wants beside example i, by names that no other field has."""
        return {f"{name}_" if name in self._taken else name: cell for name, cell in self.split.kept(i).items()}

    def _right(self, i: int) -> Gold | None:
        return None if self.gold is None else self.gold[i]

    # --- lines of JSON --------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """A line for each example."""
        for i in range(len(self.predictions)):
            yield json_line(self.line(i))

    def line(self, i: int) -> dict[str, object]:
        """What a line says of example i."""
        prediction, right = self.predictions[i], self._right(i)
        line = {"key": self.split.name(i), **self._kept(i), **self.split.show(i)}
        line |= {"gold": right} if self.with_gold else {}
        line |= {"predicted": prediction.value, "probability": prediction.probability}
        if self.kind.name == "classes":
            known = {} if right is None else {"gold_labels": self._labels(right)}
            line |= known | {"predicted_labels": self._labels(prediction.value)}
        if (probabilities := most_probable(prediction, self.top)) is not None:
            line["probabilities"] = _rounded(probabilities)
        if prediction.alternatives:
            line["alternatives"] = prediction.alternatives
        if not prediction.complete:
            line["complete"] = False
        if (unknown := self.split.unknown(i)) is not None:
            line["unknown_words"] = unknown
        return line

    def _labels(self, answers: Answer | Gold) -> list[str]:
        """The names of the questions that are answered by yes."""
        assert not isinstance(answers, str | float), "an answer for each question"
        return [name for name, answer in zip(self.classes, answers, strict=True) if answer == YES]

    # --- rows of a table ------------------------------------------------------------------------

    def rows(self) -> Iterator[str]:
        """The line of names, and the rows of each example."""
        if not self.predictions:
            return
        stream = io.StringIO()
        writer, names = csv.writer(stream, lineterminator="\n"), list[str]()
        for i in range(len(self.predictions)):
            for row in self.table_rows(i):
                if not names:
                    names = list(row)
                    writer.writerow(names)
                writer.writerow([cell(row[name]) for name in names])
            yield stream.getvalue()
            stream.seek(0)
            stream.truncate()

    def table_rows(self, i: int) -> Iterator[dict[str, object]]:
        """The rows of example i: one or, where vectors have answers each, one for each of them."""
        return self._vectors(i) if self.kind.per_vector else iter([self._row(i)])

    def _row(self, i: int) -> dict[str, object]:
        """Of an example with one answer, or of several questions."""
        prediction, right = self.predictions[i], self._right(i)
        row = {"key": self.split.name(i), **self._kept(i), **self.split.show(i)}
        if self.kind.name == "classes":
            row |= {"gold": None if right is None else "; ".join(self._labels(right))} if self.with_gold else {}
            row["predicted"] = "; ".join(self._labels(prediction.value))
        else:
            row |= {"gold": right} if self.with_gold else {}
            row |= {"predicted": prediction.value}
            row |= {} if prediction.probability is None else {"probability": _short(prediction.probability)}
        if isinstance(probabilities := prediction.probabilities, Mapping):
            if self.kind.name == "class" and self.top is not None:
                row |= _others(dict(list(probabilities.items())[: self.top]), prediction.value)
            elif self.kind.name == "classes" or len(self.classes) <= MOST_COLUMNS:
                row |= {f"p({name})": _short(probabilities.get(name)) for name in self.classes}
            else:
                row |= _others(probabilities, prediction.value)
        if self.kind.name == "sequence":
            row["complete"] = prediction.complete
        if (unknown := self.split.unknown(i)) is not None:
            row["unknown_words"] = unknown
        return row

    def _vectors(self, i: int) -> Iterator[dict[str, object]]:
        """Of an example in which each vector has an answer."""
        prediction, right, shown = self.predictions[i], self._right(i), self.split.show(i)
        named = {"key": self.split.name(i), **self._kept(i)}
        words = shown.get("words")
        probabilities = most_probable(prediction, self.top)
        for position, value in enumerate(_listed(prediction.value)):
            row: dict[str, object] = {**named, "position": position}
            row |= {"word": words[position]} if isinstance(words, list) else {}
            row |= {"gold": None if right is None else _listed(right)[position]} if self.with_gold else {}
            row["predicted"] = value
            if prediction.probability is not None:
                row["probability"] = _short(_listed(prediction.probability)[position])
            if probabilities is not None and not isinstance(probabilities, Mapping):
                row |= _others(probabilities[position], value)
            yield row


def json_line(record: Mapping[str, object]) -> str:
    """One line of a .jsonl file."""
    return _JSON.encode(record) + "\n"


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


def _others(probabilities: Mapping[str, float], answer: object) -> dict[str, object]:
    """The most probable classes besides the answer, with their probabilities."""
    others = [(name, probability) for name, probability in probabilities.items() if name != answer]
    row: dict[str, object] = {}
    for number, (name, probability) in enumerate(others[: len(probabilities) - 1], 2):
        row |= {f"predicted_{number}": name, f"probability_{number}": _short(probability)}
    return row


def _short(probability: object) -> str:
    return f"{probability:.6g}" if isinstance(probability, float) else ""


def _rounded(probabilities: Mapping[str, float] | Sequence[Mapping[str, float]]) -> object:
    """To six digits behind the point, which keeps files of many words small."""
    if isinstance(probabilities, Mapping):
        return {name: round(probability, 6) for name, probability in probabilities.items()}
    return [_rounded(each) for each in probabilities]


def _listed(values: Iterable[object] | float) -> Sequence[object]:
    """An answer for each vector."""
    assert isinstance(values, Sequence) and not isinstance(values, str)
    return values


def cell(value: object) -> str:
    """A value as a cell: lists are joined by spaces, what is missing is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
