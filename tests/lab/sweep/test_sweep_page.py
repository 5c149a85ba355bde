"""The page shows every trial, escapes every word, and needs nothing but itself."""

import re
from html.parser import HTMLParser

from attnlab.lab.sweep.outcome import Outcome
from attnlab.lab.sweep.page import page
from attnlab.lab.sweep.space import read

EVIL = "<script>alert(1)</script>\"'&"


def outcome(number: int, state: str, score: float | None, error: str | None = None) -> Outcome:
    values = {"optimizer.lr": 10.0**-number, "encoder.depth": "2"}
    curve = [(1, 0.1), (2, score)] if score is not None else []
    return Outcome(number, values, state, score, None, {"1": score or 0.0}, 2, 1.0, error, curve)


def written(outcomes: list[Outcome]) -> str:
    best = outcomes[0].plain() | {"test": {"mean": {"accuracy": 0.7}}, "command": [f"attnlab train {EVIL}"]}
    importance = {"optimizer.lr": 1.0, EVIL: 0.0}
    results = {"task": EVIL, "monitor": "accuracy", "sampler": "tpe"}
    results |= {"best": best, "importance": importance, "epochs": 6}
    space = read(["optimizer.lr=tag(log,interval(1e-4,1e-1))", "encoder.depth=2,4"])
    return page(EVIL, results, outcomes, space)


def test_everything_is_shown_and_escaped() -> None:
    text = written([outcome(1, "finished", 0.8), outcome(2, "pruned", 0.3), outcome(3, "failed", None, EVIL)])
    assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text
    for number in (1, 2, 3):
        assert f'<tr class="trial t{number}"' in text
    assert not re.search(r"https?://|src=|@import", text), "the page loads nothing"


def test_tags_are_balanced_even_for_one_trial() -> None:
    open_tags: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                open_tags.append(tag)

        def handle_startendtag(self, tag: str, attrs: object) -> None:
            pass

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Balance().feed(written([outcome(1, "finished", 0.8)]))
    assert open_tags == []
