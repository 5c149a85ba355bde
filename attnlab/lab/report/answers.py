"""What runs answered about their test examples, read from predictions-test.jsonl as columns, so that 100,000 lines take seconds.

Letters: n examples · D scored answers, each of an example or of one of its vectors or questions.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json
from numpy.typing import NDArray

from attnlab.disk import parse_json, read_bytes
from attnlab.errors import Damaged
from attnlab.metrics import NOT_SCORED
from attnlab.metrics.text import edit_distances
from attnlab.schema import checked
from attnlab.spec import Target

Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]

_STRINGS = pa.list_(pa.string())
_FLOATS = pa.list_(pa.float64())
ANSWERS = {
    "class": (pa.string(), pa.float64()),
    "vector_classes": (_STRINGS, _FLOATS),
    "classes": (_FLOATS, _FLOATS),
    "number": (pa.float64(), pa.float64()),
    "vector_numbers": (_FLOATS, _FLOATS),
    "sequence": (pa.string(), pa.float64()),
}
"""By kind of target: how an answer is stored, and its probability."""
_SHOWN = {
    "words": _STRINGS,
    "source": pa.string(),
    "said": pa.string(),
    "recording": pa.string(),
    "unknown_words": pa.float64(),
    "complete": pa.bool_(),
}
"""What else is read of a line, where it is there."""


class Rest(TypedDict):
    """What a line says besides, which is read for the few examples that are shown. alternatives: other answers, each with its
    probability, the best first."""

    alternatives: NotRequired[list[list[object]]]


@dataclass(frozen=True, eq=False)
class Answers:
    """The test examples of one run, or of the folds of a cross-validation end to end.

    kind: of the target. labels: names of the classes, or of the questions. columns: (n) key and what else is shown.
    example, position: (D,) of which example an answer is, and which of its vectors or questions. gold, predicted: (D,) numbers of
    labels; answers themselves where these are numbers, or yes (1) or no (0); of texts the number of the example. probability: (D,)
    of the predicted answer, of questions that of yes; NaN where there is none. error: (D,) how wrong an answer is: 0 or 1; the absolute
    difference of numbers; the word error rate of texts. run: (n,) of which of several runs an example is. lines: each as it
    stands in its file.
    """

    kind: str
    labels: Sequence[str]
    columns: pa.Table
    example: Indices
    position: Indices
    gold: Numbers
    predicted: Numbers
    probability: Numbers
    error: Numbers
    run: Indices
    lines: Sequence[bytes]

    def __len__(self) -> int:
        return self.columns.num_rows

    def keys(self) -> list[str]:
        """(n,)"""
        return list(self.columns.column("key").to_pylist())

    def key(self, i: int) -> str:
        return str(self.columns.column("key")[i])

    def words(self, i: int) -> list[str]:
        """The words of example i; empty where it has none."""
        value = self.columns.column("words")[i].as_py()
        return [] if value is None else [str(word) for word in value]

    def text(self, column: str, i: int) -> str:
        """A text of example i; "" where it has none."""
        value = self.columns.column(column)[i].as_py()
        return "" if value is None else str(value)

    def unknown_share(self) -> Numbers | None:
        """(n,) shares of words that training never saw; None where examples have no words."""
        column = self.columns.column("unknown_words")
        return None if column.null_count else column.to_numpy().astype(np.float64)

    def word_counts(self) -> Indices | None:
        """(n,) words of each example; None where examples are no words."""
        column = self.columns.column("words")
        return None if column.null_count else pc.list_value_length(column).to_numpy().astype(np.int64)

    def alternatives(self, i: int) -> list[tuple[str, float | None]]:
        """Other answers to example i with their probabilities, the best first. Raises Damaged where its line holds none."""
        where = f"the line of {self.key(i)}"
        line = checked(Rest, parse_json(self.lines[i].decode(), where), where)
        found = []
        for answer in line.get("alternatives", []):
            if len(answer) != 2 or not (answer[1] is None or isinstance(answer[1], int | float)):
                raise Damaged(f"{where}: `alternatives`: no answer with its probability")
            found.append((str(answer[0]), answer[1]))
        return found


def read_answers(paths: Sequence[Path], target: Target) -> Answers:
    """The predictions of these files end to end. target: what they are answers of. Raises Damaged where a file holds anything
    else."""
    tables, lines = zip(*(_read(path, target.kind) for path in paths), strict=True)
    sizes = [table.num_rows for table in tables]
    columns = pa.concat_tables(tables).combine_chunks()
    run = np.repeat(np.arange(len(paths)), sizes)
    gold, predicted, probability = (columns.column(name) for name in ("gold", "predicted", "probability"))
    per_vector = target.kind in ("vector_classes", "vector_numbers", "classes")
    if per_vector:
        lengths = pc.list_value_length(gold).to_numpy()
        if (lengths != pc.list_value_length(predicted).to_numpy()).any():
            raise Damaged(f"{paths[0]}: an example has more labels than predictions, or fewer")
        if target.kind == "classes" and (lengths != len(target.classes)).any():
            raise Damaged(f"{paths[0]}: an example has no answer to each question")
        example = np.repeat(np.arange(len(columns)), lengths)
        position = np.arange(len(example)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        gold, predicted = (pc.list_flatten(column) for column in (gold, predicted))
    else:
        example, position = np.arange(len(columns)), np.zeros(len(columns), dtype=np.int64)
    chances = _probabilities(probability, per_vector, len(example))
    labels: list[str] = list(target.classes) if target.kind == "classes" else []
    if target.kind in ("class", "vector_classes"):
        labels, right, answered = _numbered(gold, predicted, target.classes)
        scored = np.array([label != NOT_SCORED for label in labels])[right] if labels else right == right
        error = (right != answered).astype(np.float64)
    elif target.kind == "sequence":
        right = answered = example
        scored = np.ones(len(example), dtype=bool)
        error = _word_error_rates(gold.to_pylist(), predicted.to_pylist())
    else:
        right, answered = gold.to_numpy(), predicted.to_numpy()
        scored = right >= 0 if target.kind == "classes" else ~np.isnan(right)
        error = np.abs(right - answered)
    kept = np.flatnonzero(scored)
    return Answers(
        target.kind, labels, columns, example[kept], position[kept], right[kept].astype(np.float64),
        answered[kept].astype(np.float64), chances[kept], error[kept], run, [line for part in lines for line in part],
    )  # fmt: skip


def _read(path: Path, kind: str) -> tuple[pa.Table, list[bytes]]:
    """What is read of every line, and the lines. Raises Damaged where a line holds anything else."""
    data = read_bytes(path)
    lines = data.split(b"\n")[:-1]
    answer, probability = ANSWERS[kind]
    fields = {"key": pa.string(), "gold": answer, "predicted": answer, "probability": probability, **_SHOWN}
    schema = pa.schema(list(fields.items()))
    options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    reading = arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1)
    try:
        table = arrow_json.read_json(io.BytesIO(data), reading, options)
        table.validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "no JSON"
        raise Damaged(f"{path}: {reason}") from error
    if table.num_rows != len(lines) or not lines:
        raise Damaged(f"{path}: {'an empty line' if lines else 'no predictions'}")
    for name in ("key", "gold", "predicted"):
        column = table.column(name)
        flat = pc.list_flatten(column) if pa.types.is_list(column.type) else column
        if column.null_count or flat.null_count:
            raise Damaged(f"{path}: `{name}` is missing in a line")
    return table, lines


def _probabilities(column: pa.ChunkedArray, per_vector: bool, number: int) -> Numbers:
    """(D,): NaN where there is none."""
    if column.null_count:
        return np.full(number, np.nan)
    values = pc.list_flatten(column) if per_vector else column
    found: Numbers = pc.cast(values, pa.float64()).to_numpy().astype(np.float64)
    return found if len(found) == number else np.full(number, np.nan)


def _numbered(
    gold: pa.ChunkedArray, predicted: pa.ChunkedArray, classes: Sequence[str]
) -> tuple[list[str], Indices, Indices]:
    """The names of all labels, those of the classes first, and the number of each right and each predicted one."""
    both = pa.concat_arrays([pa.array(list(classes), pa.string()), *_chunks(gold), *_chunks(predicted)])
    encoded = both.dictionary_encode()
    numbers = encoded.indices.to_numpy().astype(np.int64)[len(classes) :]
    return [str(name) for name in encoded.dictionary.to_pylist()], numbers[: len(gold)], numbers[len(gold) :]


def _chunks(column: pa.ChunkedArray | pa.Array) -> list[pa.Array]:
    return list(column.chunks) if isinstance(column, pa.ChunkedArray) else [column]


def _word_error_rates(gold: Sequence[str], predicted: Sequence[str]) -> Numbers:
    """(n,): words to be changed for each word of the right text; of an empty one, those that were added."""
    right, answered = ([text.split() for text in texts] for texts in (gold, predicted))
    distances = np.array(edit_distances(right, answered), dtype=np.float64)
    return distances / np.maximum([len(words) for words in right], 1)


def shown_line(answers: Answers, i: int) -> str:
    """The line of example i as JSON that is easily read."""
    return json.dumps(json.loads(answers.lines[i]), ensure_ascii=False)
