"""What a person sees at the end of a run."""

from rich.console import Console

from attnlab.training.report import Reporter, confusion_table
from attnlab.training.state import Validation


def test_a_class_that_is_only_answered_has_a_column() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        console.print(confusion_table({("a", "a"): 7, ("a", "c"): 5, ("b", "a"): 3}))
    rows = [[word for word in line.split() if word.isalnum()] for line in shown.get().splitlines()]
    assert ["a", "b", "c"] in rows and ["a", "7", "0", "5"] in rows and ["b", "3", "0", "0"] in rows


def test_a_validation_tells_what_stars_go_by(capsys) -> None:
    scores = {"loss": 0.25, "mae": 1.5}
    Reporter().validation(Validation(7, 1, 0.5, 9.0, best=True, done=False, monitor="mae", scores=scores))
    assert "validation mae 1.5000  loss 0.2500  9 vectors/s *" in capsys.readouterr().out
