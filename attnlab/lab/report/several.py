"""The page of several runs: curves in one picture, what differs in their settings, their scores with the intervals of the
differences from the first, and the examples about which they disagree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from attnlab.errors import UserError
from attnlab.lab.compare_runs import Compared, Side, compared, tested
from attnlab.lab.report import facts as gathering
from attnlab.lab.report.examples import Gallery, Shown
from attnlab.lab.report.facts import Facts
from attnlab.lab.report.measures import McNemar, mcnemar
from attnlab.lab.report.page import inputs_sentence
from attnlab.lab.run_groups import differences
from attnlab.lab.run_groups import shown as mean_shown
from attnlab.lab.run_rows import Row, read_row, written
from attnlab.pages import charts
from attnlab.pages.charts import Axis
from attnlab.pages.page import packed, page
from attnlab.plural import plural
from attnlab.runs import RunFolder
from attnlab.training.report import shown

DISAGREEMENTS = 15
"""Examples that one side gets right and the other doesn't, of each kind."""


@dataclass(frozen=True)
class Named:
    """The runs that one word of the user names; each is known as a letter."""

    letter: str
    word: str
    folders: Sequence[RunFolder]
    rows: Sequence[Row]

    @property
    def title(self) -> str:
        return f"{self.letter} {self.word}"


def letters(number: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    return (letters(number // 26 - 1) if number >= 26 else "") + chr(65 + number % 26)


def render(sides: Sequence[tuple[str, Sequence[RunFolder]]], margin: float | None, with_inputs: bool) -> str:
    """The text of a page. sides: each word of the user with the runs that it names. Raises UserError where a run is damaged."""
    named = [
        Named(letters(i), word, folders, [read_row(f.path, str(f.path.parent)) for f in folders])
        for i, (word, folders) in enumerate(sides)
    ]
    pairs, why = _compared(named, margin)
    differing = differences([row for side in named for row in side.rows])
    rows = [[key, *(_values(side.rows, key) for side in named)] for key in differing]
    values: dict[str, object] = {
        "heading": f"{plural(sum(len(side.folders) for side in named), 'run')} side by side",
        "about": [],
        "notes": why,
        "sides": [_described(side) for side in named],
        "differing": {"heads": ["key", *(side.letter for side in named)], "rows": rows},
        "curves": list(_curves(named)),
        "comparisons": [_difference(letter, pair) for letter, pair in pairs],
        "scores": _scores(named, pairs),
        "disagreements": None,
        "mcnemar": None,
        "inputs": "",
        "command": f"attnlab runs compare {' '.join(side.word for side in named[:2])}",
    }
    examples = packed({"media": []}, {})
    if pairs and len(named[0].folders) == 1 and len(named) > 1 and len(named[1].folders) == 1:
        found, test, media, inputs = _disagreements(named[0], named[1], pairs[0][1], with_inputs)
        values |= {"disagreements": found, "mcnemar": test, "inputs": inputs}
        examples = packed({"media": media}, {})
    values["examples"] = Markup(examples)
    return page("report-several.html", "Runs side by side", values, ["report.js"])


def _compared(named: Sequence[Named], margin: float | None) -> tuple[list[tuple[str, Compared]], list[str]]:
    """The first side compared with each other one, by its letter; and why some were not."""
    pairs, why, sides = list[tuple[str, Compared]](), list[str](), dict[str, Side]()
    for side in named:
        try:
            sides[side.letter] = Side(side.word, [tested(folder) for folder in side.folders])
        except UserError as error:
            why.append(f"{side.letter}: {error}.")
    first = sides.get(named[0].letter)
    for side in named[1:]:
        if first is None or side.letter not in sides:
            continue
        try:
            pairs.append((side.letter, compared(first, sides[side.letter], margin)))
        except UserError as error:
            why.append(f"{named[0].letter} and {side.letter}: {error}.")
    return pairs, why


def _described(side: Named) -> dict[str, object]:
    seeds = sorted({written(row.get("seed")) for row in side.rows}, key=lambda seed: (len(seed), seed))
    inside = differences(side.rows)
    return {
        "letter": side.letter, "word": side.word, "runs": plural(len(side.folders), "run"),
        "seeds": f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}", "folders": [str(f.path) for f in side.folders],
        "warning": f"the runs that are averaged differ in {', '.join(inside)}" if inside else "",
    }  # fmt: skip


def _values(rows: Sequence[Row], key: str) -> str:
    return " / ".join(dict.fromkeys(written(row.get(key)) for row in rows))


def _curves(named: Sequence[Named]) -> Iterator[dict[str, object]]:
    """The losses and the scores of validation data that all sides have; runs of one side in one colour."""
    every = {side.letter: [gathering.curves_of(folder) for folder in side.folders] for side in named}
    common = [{curve.name for curve in curves} for of_side in every.values() for curves in of_side if curves]
    names = [name for name in ("train_loss", "loss") if all(name in of for of in common)] if common else []
    monitors = dict.fromkeys(str(row.get("measure")) for side in named for row in side.rows)
    others = [name for name in monitors if name not in names and common and all(name in of for of in common)]
    for name in [*names, *others]:
        lines = [
            charts.Curve(side.title, curve.updates, curve.values, colour=number)
            for number, side in enumerate(named, 1)
            for curves in every[side.letter]
            for curve in curves
            if curve.name == name
        ]
        title = {"train_loss": "training loss", "loss": "validation loss"}.get(name, f"validation {name}")
        yield {
            "name": name, "chart": charts.lines(lines, f"{title} of each run", Axis("updates", low=0), Axis(title), width=520),
            "legend": [(side.title, number) for number, side in enumerate(named, 1)],
        }  # fmt: skip


def _scores(named: Sequence[Named], pairs: Sequence[tuple[str, Compared]]) -> dict[str, object]:
    """Test scores of each side that could be compared: the mean, of several runs with the standard deviation."""
    if not pairs:
        rows = [
            [side.letter, side.word, str(row.get("measure")), _number(row.get("score")), _number(row.get("test"))]
            for side in named
            for row in side.rows
        ]
        return {"heads": ["", "run", "measure", "validation", "test"], "rows": rows}
    sides = {named[0].letter: pairs[0][1].sides[0]} | {letter: pair.sides[1] for letter, pair in pairs}
    names = [name for name in pairs[0][1].found if all(name in pair.found for _, pair in pairs)]
    return {
        "heads": ["test score", *sides],
        "rows": [[name, *(mean_shown(side.scores(name)) for side in sides.values())] for name in names],
    }


def _number(value: object) -> str:
    return shown(value) if isinstance(value, int | float) else ""


def _difference(letter: str, pair: Compared) -> dict[str, object]:
    """The verdict of the first side against another, and the differences as intervals."""
    several = any(len(side.runs) > 1 for side in pair.sides)
    which = 1 if several else 0
    names = sorted(pair.found, key=lambda name: name != pair.measure)
    rows = [
        [name, f"{pair.found[name][which].difference:+.4f}",
         f"{pair.found[name][0].low:+.4f} to {pair.found[name][0].high:+.4f}",
         *([f"{pair.found[name][1].low:+.4f} to {pair.found[name][1].high:+.4f}"] if several else [])]
        for name in names
    ]  # fmt: skip
    return {
        "letter": letter, "sentence": pair.sentence(("A", letter)), "verdict": pair.verdict, "notes": list(pair.notes(("A", letter))), "rows": rows,
        "heads": ["test score", f"A − {letter}", *(["95 % over examples", "95 % over examples and seeds"] if several else ["95 % interval"])],
    }  # fmt: skip


def _disagreements(
    first: Named, second: Named, pair: Compared, with_inputs: bool
) -> tuple[list[dict[str, object]], McNemar | None, list[dict[str, str]], str]:
    """Of two single runs: examples that one answers right and the other doesn't, McNemar's test where answers are classes,
    pictures, and which inputs the page holds."""
    of_first, of_second = (gathering.gather(side.folders[0]) for side in (first, second))
    answers, other = of_first.answers, of_second.answers
    assert answers is not None and other is not None
    # Both have the same examples, but perhaps in another order.
    order = _same_order(of_first, of_second)
    if order is None:
        return [], None, [], ""
    error = other.error[order]
    right, other_right = answers.error == 0, error == 0
    test = mcnemar(right, other_right) if answers.kind == "class" else None
    included = with_inputs or of_first.generated
    gallery = Gallery(of_first, included)
    found = []
    for better, worse, chosen in (
        (first, second, np.flatnonzero((answers.error < error) & right)),
        (second, first, np.flatnonzero((error < answers.error) & other_right)),
    ):
        sure = np.where(better is first, other.probability[order], answers.probability)[chosen]
        ranked = chosen[np.argsort(-np.nan_to_num(sure), kind="stable")]
        _, firsts = np.unique(answers.example[ranked], return_index=True)
        listed = ranked[np.sort(firsts)][:DISAGREEMENTS]
        shown_ones = [_one(gallery, of_second, int(n), int(order[n]), better is first) for n in listed]
        found.append({
            "better": better.letter, "worse": worse.letter, "count": len(chosen), "shown": shown_ones,
        })  # fmt: skip
    media = [{"kind": medium.kind, "uri": medium.uri} for medium in gallery.media]
    return found, test, media, inputs_sentence(of_first, gallery, "`--with-inputs`")


def _one(gallery: Gallery, other: Facts, number: int, others: int, first_right: bool) -> dict[str, object]:
    """An example with the wrong answer of the side that is wrong."""
    one: Shown = gallery.show(number, sound=True)
    if first_right:
        wrong = Gallery(other, False).show(others)
        predicted, probability = wrong.predicted, wrong.probability
    else:
        predicted, probability = one.predicted, one.probability
    return {**vars(one), "predicted": predicted, "probability": probability, "wrong_by": ""}


def _same_order(first: Facts, second: Facts) -> NDArray[np.int64] | None:
    """(D,) for each answer of the first run the number of the same one of the second; None where they have others."""
    a, b = first.answers, second.answers
    assert a is not None and b is not None
    seen: dict[tuple[str, int], int] = {}
    counts: dict[str, int] = {}
    for i, key in enumerate(b.keys()):
        seen[key, counts.setdefault(key, 0)] = i
        counts[key] += 1
    counts, places = {}, []
    for key in a.keys():  # noqa: SIM118  # not a dictionary
        places.append(seen.get((key, counts.setdefault(key, 0)), -1))
        counts[key] += 1
    at = {(int(e), int(p)): n for n, (e, p) in enumerate(zip(b.example, b.position, strict=True))}
    found = [at.get((places[int(e)], int(p)), -1) for e, p in zip(a.example, a.position, strict=True)]
    return None if -1 in found else np.array(found, dtype=np.int64)
