"""What a person sees at the end of a run."""

import json
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from attnlab.cli import main
from attnlab.config import Trainer
from attnlab.metrics import Tally, by_class, labels
from attnlab.runs import ValidationLine
from attnlab.training.evaluate import Evaluation
from attnlab.training.monitor import selected, still_improving
from attnlab.training.report import Reporter, confusion_table, details, interval, show_classes
from attnlab.training.state import Progress, Validation


def test_a_class_that_is_only_answered_has_a_column() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(confusion_table({("a", "a"): 7, ("a", "c"): 5, ("b", "a"): 3}))
    rows = [[word for word in line.split() if word.isalnum()] for line in shown.get().splitlines()]
    assert ["a", "b", "c"] in rows and ["a", "7", "0", "5"] in rows and ["b", "3", "0", "0"] in rows


@pytest.mark.parametrize(("classes", "more"), [(20, ""), (21, "1 more class"), (1045, "1,025 more classes")])
def test_of_many_classes_the_most_frequent_are_shown(classes: int, more: str, capsys) -> None:
    right = {f"c{i}": i + 1 for i in range(classes)}
    confusion = {(name, name): times for name, times in right.items()}
    details(Reporter(), Evaluation([], {}, {}, confusion, by_class(confusion)), {})
    shown = capsys.readouterr().out
    table = shown[shown.index("Each class") : shown.index("Most confused")]
    rows = [line.replace("│", " ").split() for line in table.splitlines() if "│ c" in line]
    names = sorted(right, key=lambda name: -right[name])[:20]
    assert [row[0] for row in rows][: None if more else 0] == (names if more else [])
    assert {row[0]: row[-1] for row in rows} == {name: f"{right[name]:,}" for name in names}
    assert (f"The 20 most frequent classes; {more}\n" in table) == ("more" in table) == bool(more)


def test_spans_of_tags_are_scored_shown_and_kept(tmp_path: Path, capsys) -> None:
    """A word tells its tag; in the test split one span has a tag that begins it wrongly, which changes nothing."""
    tags = {"I": "O", "saw": "O", "Ada": "B-PER", "Lovelace": "I-PER", "in": "O", "Paris": "B-LOC", ".": "O"}
    sentences = [
        "I saw Ada Lovelace .",
        "Ada saw I in Paris .",
        "Ada in Paris",
        "I saw Paris .",
        "Ada Lovelace saw I",
    ]
    text = "\n\n".join(
        "\n".join(f"{word}\t{tags[word]}" for word in sentence.split()) for sentence in sentences * 8
    )
    (tmp_path / "data").mkdir()
    for split in ("train", "dev", "test"):
        (tmp_path / "data" / f"{split}.iob2").write_text(text.replace("B-LOC", "I-LOC", 8 * (split == "test")))
    words = ["task=pos", "data=tagged", f"data.path={tmp_path / 'data'}", f"folder={tmp_path / 'run'}"]
    words += ["encoder.width=16", "encoder.depth=1", "trainer.updates=40", "trainer.monitor=span_f1"]
    assert main(["train", *words]) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["train"]["monitor"] == "span_f1" and results["test"]["accuracy"] < 1.0
    perfect = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    counts = {
        name: dict.fromkeys(("support", "predicted", "correct"), n) for name, n in (("LOC", 24), ("PER", 32))
    }
    assert results["spans"] == {name: perfect | of for name, of in counts.items()}
    assert {name: results["test"][name] for name in labels.SPANS} == dict.fromkeys(labels.SPANS, 1.0)
    assert results["classes"]["I-LOC"]["support"] == 8
    assert set(labels.SPANS) <= set(results["baselines"]["most_frequent_tag"])
    trained = capsys.readouterr().out
    assert main(["eval", f"run={tmp_path / 'run'}"]) == 0
    for shown in (trained, capsys.readouterr().out):
        table = shown[shown.index("Each type of span") : shown.index("Confusion matrix")]
        rows = [line.replace("│", " ").split() for line in table.splitlines() if "│" in line]
        assert rows == [["LOC", *["1.0000"] * 3, "24"], ["PER", *["1.0000"] * 3, "32"]]
    assert (
        main(["train", *words[:3], f"outputs={tmp_path}", "head.metrics=[span_recall]", "trainer.updates=1"]) == 0
    )
    assert "validation span_recall " in capsys.readouterr().out


def test_spans_are_refused_where_classes_are_no_tags(tiny: list[str], capsys) -> None:
    assert main(["train", *tiny, "head.metrics=[accuracy,span_f1]"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "attnlab: `head.metrics`: span_f1 does not score this target: its classes are no tags of spans, such as B-PER, I-PER and O"
    ]


#    low      high
LIMITS = [
    (0.94312, 0.94918, "0.9431–0.9492"),
    (0.7, 0.861, "0.70–0.86"),
    (24.112, 27.84, "24.1–27.8"),
    (102.4, 167.9, "102–168"),
    (-0.1234, 0.2, "-0.12 to 0.20"),
    (1.0, 1.0, "1.0000–1.0000"),
]


@pytest.mark.parametrize(("low", "high", "shown"), LIMITS)
def test_an_interval_has_two_digits_of_its_width(low: float, high: float, shown: str) -> None:
    assert interval(low, high) == shown


def test_that_one_class_alone_is_right_is_no_table(capsys) -> None:
    show_classes(Reporter(), {"B-a": Tally(3, 3, 3)}, {"a": Tally(3, 3, 3)}, {})
    assert capsys.readouterr().out == ""


def test_a_validation_tells_what_stars_go_by(capsys) -> None:
    scores = {"loss": 0.25, "mae": 1.5}
    Reporter().validation(Validation(7, 1, 0.5, 9.0, best=True, done=False, monitor="mae", scores=scores))
    assert "validation mae 1.5000  loss 0.2500  9 vectors/s *" in capsys.readouterr().out


def line(update: int, accuracy: float | None, loss: float, best: bool = False) -> ValidationLine:
    scores = {"loss": loss} if accuracy is None else {"accuracy": accuracy, "loss": loss}
    return cast(
        ValidationLine,
        {"update": update, "epoch": update // 10, "best": best, "done": False, "monitor": "accuracy", **scores},
    )


def test_the_end_of_training_names_the_best_epoch_and_how_many_share_its_score() -> None:
    lines = [line(10, 0.5, 0.9, True), line(20, 0.75, 0.8, True), line(30, 0.75, 0.6), line(40, 0.5, 0.7)]
    progress = Progress(epoch=4, update=40, best_update=20, best_score=0.75, monitor="accuracy")
    kept = selected(progress, lines, Trainer())
    assert kept == (
        "best weights: epoch 2 of 4, validation accuracy 0.7500, the first of 2 validations with this score"
    )
    by_update = selected(progress, lines[:2], Trainer(validate_every=10))
    assert by_update == "best weights: update 20 of 40, validation accuracy 0.7500"
    progress.best_update, progress.best_score = 40, 0.8
    assert selected(progress, lines, Trainer(average_best=3)) == (
        "best weights: the mean of the 3 best validations, validation accuracy 0.8000"
    )
    progress.best_score = None
    assert selected(progress, lines, Trainer()) == ""


@pytest.mark.parametrize(
    ("lines", "improving"),
    [
        ([line(10, 0.5, 0.9, True)], True),
        ([line(10, 0.5, 0.9, True), line(20, 0.6, 0.95, True)], True),
        ([line(10, 0.5, 0.9, True), line(20, 0.5, 0.8)], True),  # the same answers, but surer of the right ones
        ([line(10, 0.5, 0.9, True), line(20, 0.5, 0.895)], False),
        ([line(10, 0.5, 0.9, True), line(20, 0.5, 0.6), line(30, 0.5, 0.8)], False),
        ([], False),
    ],
)
def test_a_run_was_cut_short_where_its_last_validation_improved(lines: list, improving: bool) -> None:
    assert still_improving(lines) == improving
