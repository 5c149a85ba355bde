"""Files of predictions: columns whatever the kind of answer, and names that cannot be confused."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from attnlab.data.contract import Split
from attnlab.sets import Prediction, Ranked, RankedRows
from attnlab.training.predictions import Answers, _decimals, _rounded


class Shown(Split):
    """Examples of which nothing but what is written is known."""

    def __init__(self, gold: list, kept: dict[str, str] | None = None) -> None:
        self.lengths, self.keys = np.ones(len(gold), dtype=np.int64), [f"f.csv:{i}" for i in range(len(gold))]
        self._gold, self._kept = gold, kept or {}

    def gold(self, target: str) -> list:
        return self._gold

    def show(self, i: int) -> dict[str, object]:
        return {"words": ["so", '"so,"']}

    def kept(self, i: int) -> dict[str, str]:
        return self._kept


def written(kind: str, classes: tuple[str, ...], split: Split, *predictions: Prediction) -> tuple[list, list]:
    """(the lines of JSON, the rows of the table)"""
    answers = Answers(split, SimpleNamespace(kind=kind, classes=classes, target="x"), predictions)
    rows = list(csv.DictReader("".join(answers.rows()).splitlines(keepends=True), strict=True))
    return [json.loads(line) for line in answers.lines()], rows


def test_of_many_classes_the_most_probable_are_named() -> None:
    classes = tuple(f"c{i}" for i in range(12))
    logits = torch.arange(12.0)[None]
    prediction = Prediction("c11", 0.9, ranked=RankedRows(Ranked(classes, logits, 10), 0, 1))
    lines, rows = written("class", classes, Shown(["c3"]), prediction)
    assert list(lines[0]["probabilities"]) == [f"c{i}" for i in range(11, 1, -1)]
    assert rows[0]["predicted"] == "c11" and rows[0]["predicted_2"] == "c10" and rows[0]["predicted_10"] == "c2"
    assert float(rows[0]["probability_2"]) == pytest.approx(logits.softmax(-1)[0, 10].item(), abs=1e-5)
    assert "predicted_11" not in rows[0]


@pytest.mark.parametrize("many", [3, Ranked.KEPT + 6])
def test_the_most_probable_are_the_same_whenever_they_are_asked_for(many: int) -> None:
    logits, classes = (
        torch.randn(5, many, generator=torch.Generator().manual_seed(1)),
        tuple(map(str, range(many))),
    )
    found = Ranked(classes, logits, 2).named(1, 4)
    for row, probabilities in zip(found, logits[1:4].softmax(-1), strict=True):
        assert [(int(name), p) for name, p in row.items()] == sorted(
            enumerate(probabilities.tolist()), key=lambda x: -x[1]
        )[:2]
    asked = Ranked(classes, logits, None).named(0, 5)
    assert [list(row.values()) for row in asked] == logits.sigmoid().tolist()


def test_a_column_of_the_user_never_takes_the_place_of_an_answer() -> None:
    split = Shown(["a", "b"], {"gold": "1", "words": "2", "when": "3"})
    lines, rows = written("class", ("a", "b"), split, Prediction("b", 0.75), Prediction("b", 0.5))
    assert lines[0] == {
        "key": "f.csv:0", "gold_": "1", "words_": "2", "when": "3", "words": ["so", '"so,"'], "gold": "a",
        "predicted": "b", "probability": 0.75,
    }  # fmt: skip
    assert rows[1] == {
        "key": "f.csv:1", "gold_": "1", "words_": "2", "when": "3", "words": 'so "so,"', "gold": "b",
        "predicted": "b", "probability": "0.5",
    }  # fmt: skip


def test_numbers_have_no_probability_and_unknown_ones_an_empty_cell() -> None:
    _, rows = written("number", (), Shown([1.5, float("nan")]), Prediction(2.25, None), Prediction(-1.0, None))
    assert [(row["gold"], row["predicted"]) for row in rows] == [("1.5", "2.25"), ("", "-1.0")]
    assert list(rows[0]) == ["key", "words", "gold", "predicted"]


def test_texts_say_whether_they_are_complete() -> None:
    cut = Prediction("ein Hund", 0.5, (("der Hund", 0.25),), complete=False)
    lines, rows = written("sequence", (), Shown(["ein Hund schläft"]), cut)
    assert lines[0]["complete"] is False and lines[0]["alternatives"] == [["der Hund", 0.25]]
    assert rows[0]["predicted"] == "ein Hund" and rows[0]["complete"] == "false"


def test_probabilities_of_vectors_stay_with_their_vectors() -> None:
    classes, probabilities = ("a", "b"), torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.25, 0.75]])
    ranked = Ranked(classes, probabilities.log(), 3, per_vector=True)
    assert ranked.named(2, 3) == [{"b": pytest.approx(0.75), "a": pytest.approx(0.25)}]
    prediction = Prediction(["a", "b"], [0.9, 0.75], ranked=RankedRows(ranked, 1, 3))
    lines, rows = written("vector_classes", classes, Shown([["a", "b"]]), prediction)
    assert [list(each) for each in lines[0]["probabilities"]] == [["a", "b"], ["b", "a"]]
    assert [(row["position"], row["word"], row["predicted"], row["predicted_2"]) for row in rows] == [
        ("0", "so", "a", "b"), ("1", '"so,"', "b", "a"),
    ]  # fmt: skip


def test_answers_to_questions_are_named_in_each_row() -> None:
    classes, logits = ("funny", "sad"), torch.tensor([[3.0, -2.0], [1.0, 2.0]])
    ranked = Ranked(classes, logits, None)
    given = [
        Prediction(a, logits[i].sigmoid().tolist(), ranked=RankedRows(ranked, i, i + 1))
        for i, a in enumerate([[1, 0], [1, 1]])
    ]
    lines, rows = written("classes", classes, Shown([[1, -1], [0, 1]]), *given)
    assert [(row["gold"], row["predicted"]) for row in rows] == [("funny", "funny"), ("sad", "funny; sad")]
    assert [float(row["p(sad)"]) for row in rows] == pytest.approx(logits[:, 1].sigmoid().tolist(), abs=1e-6)
    assert lines[1]["gold_labels"] == ["sad"] and lines[1]["predicted_labels"] == ["funny", "sad"]
    assert list(lines[0]["probabilities"]) == ["funny", "sad"]


def test_the_text_of_a_table_is_read_back_as_it_was() -> None:
    class Awkward(Shown):
        def show(self, i: int) -> dict[str, object]:
            return {"text": ['a "quoted", cell', "two\nlines", "a\rreturn", "", "plain"][i]}

    _, rows = written("class", ("a",), Awkward(["a"] * 5), *[Prediction("a", 1.0)] * 5)
    assert [row["text"] for row in rows] == ['a "quoted", cell', "two\nlines", "a\rreturn", "", "plain"]


def test_probabilities_are_written_as_the_shortest_text_of_six_digits() -> None:
    random = np.random.default_rng(0)
    numbers = np.concatenate([
        np.arange(1001) / 1e6, np.arange(1001) / 1e3, random.integers(0, 10**6, 2000) / 1e6, random.random(2000) ** 9,
        1 - random.random(500) ** 9, [2.5e-6, 0.9999995, 0.99999949, np.nextafter(0, 1), 1 + 1e-7],
    ])  # fmt: skip
    assert list(map(float, _rounded(numbers).to_pylist())) == numbers.round(6).tolist()
    assert _rounded(numbers).to_pylist() == _decimals(numbers.round(6)).to_pylist()
    assert _rounded(np.array([np.nan, 0.25])).to_pylist() == ["NaN", "0.25"]


def test_a_line_is_what_the_json_encoder_makes_of_it() -> None:
    class Strange(Shown):
        def show(self, i: int) -> dict[str, object]:
            return {
                "words": ['"', "\u2028", "\ud800", "é", "\\", "\x00"],
                "empty": [],
                "number": 1,
                "share": float("nan"),
            }

    answers = Answers(
        Strange([None]), SimpleNamespace(kind="vector_classes", classes=('"a"',), target="x"),
        [Prediction(['"a"'] * 6, [0.5] * 6)], with_gold=False,
    )  # fmt: skip
    (line,) = answers.lines()
    record = {"key": "f.csv:0", **Strange([None]).show(0), "predicted": ['"a"'] * 6, "probability": [0.5] * 6}
    assert line == json.dumps(record, ensure_ascii=False) + "\n"
