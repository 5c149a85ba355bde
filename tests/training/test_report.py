"""What a person sees at the end of a run."""

import pytest
from rich.console import Console

from attnlab.metrics import by_class
from attnlab.training.evaluate import Evaluation
from attnlab.training.report import Reporter, confusion_table, details
from attnlab.training.state import Validation


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


def test_a_validation_tells_what_stars_go_by(capsys) -> None:
    scores = {"loss": 0.25, "mae": 1.5}
    Reporter().validation(Validation(7, 1, 0.5, 9.0, best=True, done=False, monitor="mae", scores=scores))
    assert "validation mae 1.5000  loss 0.2500  9 vectors/s *" in capsys.readouterr().out
