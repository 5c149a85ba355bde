"""The page shows every trial, escapes every word, and needs nothing but itself."""

import re
from html.parser import HTMLParser

import pytest

from attnlab.lab.run_groups import BEST
from attnlab.lab.sweep.outcome import Outcome, table, tied
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
    assert (
        "<b><bdi>optimizer.lr=0.1 encoder.depth=2</bdi></b>: accuracy <b>0.8000</b>" in text
        and "<b>0.7000</b>" in text
    )
    for number in (1, 2, 3):
        assert (
            f'<tr data-key="{number}"' in text
            and f'<polyline class="curve{" dashed" * (number > 1)}" data-key="{number}"' in text
        )
    loads = text.replace('"http://www.w3.org/2000/svg"', "")  # only the name of the language of drawings
    assert not re.search(r"https?://|src=|@import", loads), "the page loads nothing"


def test_trials_that_share_the_best_score_are_all_marked() -> None:
    outcomes = [outcome(1, "finished", 0.8), outcome(3, "finished", 0.8), outcome(2, "pruned", 0.8)]
    assert tied(outcomes, 1) == [1, 3] and tied(outcomes, 9) == []
    scores = list(table(outcomes, "accuracy", ["encoder.depth"], 1, {}).columns[3].cells)
    assert [str(score).endswith(BEST) for score in scores] == [True, True, False]


def test_the_best_stands_highest_and_only_finished_trials_reach_the_score() -> None:
    text = written([outcome(1, "finished", 0.8), outcome(4, "finished", 0.6), outcome(2, "pruned", 0.3)])
    lines = dict(re.findall(r'<polyline[^>]* data-key="(\d)" points="([^"]+)"', text))
    ends = {
        number: [tuple(map(float, point.split(","))) for point in line.split()] for number, line in lines.items()
    }
    assert [len(ends[number]) for number in "142"] == [3, 3, 2]
    assert ends["1"][-1][1] == 34 and ends["4"][-1][1] == 280, "the best at the top of the last axis"
    assert ends["1"][0][1] < ends["2"][0][1] < ends["4"][0][1], "larger rates are higher"
    assert ends["2"][0][1] == pytest.approx(34 + (280 - 34) / 3, abs=0.1), (
        "10^-2 is a third of the way from 10^-1 to 10^-4"
    )


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
