"""The page of one run: what its facts become as tables, charts and examples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from attnlab import metrics
from attnlab.lab.report import facts as gathering
from attnlab.lab.report.answers import Answers, Indices, Numbers
from attnlab.lab.report.examples import Gallery, Shown, facts_of, of_cells, worst
from attnlab.lab.report.explained import explain_some
from attnlab.lab.report.facts import ClassRow, Facts
from attnlab.lab.report.measures import (
    Calibration,
    Confusion,
    Group,
    by_share,
    by_size,
    calibration,
    confusion,
    group_mean,
)
from attnlab.pages import charts
from attnlab.pages.charts import Axis
from attnlab.pages.page import Json, packed, page
from attnlab.plural import plural
from attnlab.training.report import interval, shown

MOST_CLASSES = 30
"""Classes that a table or a chart has, at the most: those with most right answers."""
MOST_WITH_EVIDENCE = 20_000
"""Examples up to which it is asked which words decide."""
DRAWN = 1500
"""Points of a scatter plot; of more answers, so many are drawn evenly."""
CEILING = "ceiling"
"""What stands among the baselines, but is the score of a perfect reader."""
_CLASSES = ("class", "vector_classes")
_NUMBERS = ("number", "vector_numbers")


@dataclass
class Section:
    """A part of the page. block: the macro of report.html that writes it; values: what it is given."""

    id: str
    name: str
    values: dict[str, object] = field(default_factory=dict)


def render(facts: Facts, with_inputs: bool = False, quick: bool = False) -> str:
    """The text of report.html. with_inputs: whether pictures and sounds of the user's own test data are shown. quick: only
    examples that take little time are explained, as at the end of training."""
    answers = facts.answers
    included = with_inputs or facts.generated
    gallery = None if answers is None else Gallery(facts, included)
    sections = [
        Section("scores", "Scores", _scores(facts)),
        Section("configuration", "Configuration", _configuration(facts)),
        Section("data", "Data", _data(facts)),
    ]
    if facts.curves:
        sections.append(Section("learning", "Learning curves", _learning(facts)))
    examples: dict[str, Json] = {"shown": [], "cells": {}, "media": []}
    if answers is not None and gallery is not None and len(answers.error):
        wrong = [gallery.show(int(number), sound=True) for number in worst(answers)]
        if answers.kind in _CLASSES:
            matrix = confusion(answers.gold.astype(np.int64), answers.predicted.astype(np.int64), answers.labels)
            cells, listed = _cell_examples(answers, matrix, gallery)
            examples |= {"shown": [facts_of(one) for one in listed], "cells": cells}
            sections.append(Section("confusion", "Confusion matrix", {"matrix": _matrix(matrix)}))
        if facts.classes:
            sections.append(
                Section("classes", f"Each {facts.class_noun}", _classes(facts.classes, facts.class_noun))
            )
        if facts.spans:
            sections.append(Section("spans", "Each type of span", _classes(facts.spans, "type of span")))
        if answers.kind in _NUMBERS:
            sections.append(Section("numbers", "Predicted and right numbers", _numbers(answers)))
        if (found := _calibration(answers)) is not None:
            sections.append(Section("calibration", "Calibration", _calibrated(found, answers.kind)))
        if groups := list(_groups(facts, answers)):
            sections.append(Section("groups", "Scores of groups", {"groups": groups}))
        sections.append(Section("errors", "Worst errors", _errors(facts, answers, wrong)))
        if (explained := _explained(facts, gallery, quick)) is not None:
            sections.append(Section("explained", "What answers are due to", explained))
        examples["media"] = [{"kind": medium.kind, "uri": medium.uri} for medium in gallery.media]
    if parts := gathering.time_by_parts(facts.results):
        sections.append(Section("time", "Time", _time(facts, parts)))
    sections.append(Section("commands", "Commands", {"commands": _commands(facts)}))
    values = {
        "heading": f"{facts.config.task}: {_data_name(facts)}",
        "about": list(_about(facts)),
        "notes": [*gathering.state_sentence(facts), *facts.troubles],
        "cards": list(_cards(facts)),
        "sections": sections,
        "contents": [(section.id, section.name) for section in sections],
        "inputs": _inputs(facts, gallery),
        "examples": Markup(packed(examples, {})),
    }
    return page("report.html", f"Report: {facts.config.task}, {facts.folder.path.name}", values, ["report.js"])


def _data_name(facts: Facts) -> str:
    place = facts.config.data.path
    return f"{facts.config.data.name} {Path(place).name}" if place else facts.config.data.name


def _about(facts: Facts) -> Iterator[str]:
    yield f"run {facts.folder.path}"
    yield f"{facts.config.encoder.name} encoder"
    if parameters := facts.results.get("parameters"):
        yield f"{parameters:,} parameters"


def _cards(facts: Facts) -> Iterator[tuple[str, str, str]]:
    """Large numbers at the top."""
    for row in [row for row in facts.scores if row.test is not None and row.name != "loss"][:2]:
        assert row.test is not None
        below = f"95 % interval {interval(*row.interval)}" if row.interval else ""
        if row.deviation is not None:
            below = f"± {shown(row.deviation)} over folds"
        yield f"test {row.name}", shown(row.test), below
    main = next((row for row in facts.scores if row.name != "loss" and row.baselines.keys() - {CEILING}), None)
    if main is not None:
        simple = {name: score for name, score in main.baselines.items() if name != CEILING}
        ahead = max(simple, key=lambda name: metrics.direction(main.name) * simple[name])
        yield "best baseline", shown(simple[ahead]), f"{main.name} of {ahead.replace('_', ' ')}"
    if facts.answers is not None:
        number, scored = len(facts.answers), len(facts.answers.error)
        yield "test examples", f"{number:,}", f"{scored:,} scored answers" if scored != number else ""
    train = facts.results.get("train", {})
    if "wall_seconds" in train:
        yield "training", f"{train['wall_seconds']:,.0f} s", plural(train.get("epochs", 0), "epoch")


# --- sections -------------------------------------------------------------------------------------


def _scores(facts: Facts) -> dict[str, object]:
    """The table of scores, and the score that counts beside its baselines; of a cross-validation a dot for each fold."""
    names = list(dict.fromkeys(name for row in facts.scores for name in row.baselines))
    whole = bool(facts.folds)
    heads = [
        "score",
        "test",
        *(["± over folds"] if whole else ["95 % interval"]),
        "validation",
        *(n.replace("_", " ") for n in names),
    ]
    rows = []
    for row in facts.scores:
        spread = "" if row.deviation is None else shown(row.deviation)
        between = spread if whole else "" if row.interval is None else interval(*row.interval)
        test = _cell(row.test) if row.test is not None else ("–" if row.why else "")
        rows.append(
            [row.name, test, between, _cell(row.validation), *(_cell(row.baselines.get(n)) for n in names)]
        )
    why = dict.fromkeys(f"– {row.name}: {row.why}" for row in facts.scores if row.why)
    main = next(
        (row for row in facts.scores if row.test is not None and row.baselines and row.name != "loss"), None
    )
    bars = None
    if main is not None and main.test is not None:
        limits = [main.interval, *(None for _ in main.baselines)]
        bars = charts.bars(
            ["this run", *(name.replace("_", " ") for name in main.baselines)],
            [charts.Series(
                main.name, [main.test, *main.baselines.values()],
                [i and i[0] for i in limits], [i and i[1] for i in limits],
            )],
            f"Test {main.name} of this run and of simple baselines", Axis(f"test {main.name}"),
        )  # fmt: skip
    return {
        "heads": heads, "rows": rows, "why": list(why), "bars": bars, "folds": _folds(facts), "protocol": facts.protocol,
        "monitor": facts.monitor, "better": gathering.better_word(facts.monitor) if facts.monitor else "",
        "has_intervals": any(row.interval for row in facts.scores),
    }  # fmt: skip


def _cell(value: float | None) -> dict[str, object] | str:
    return "" if value is None else {"text": shown(value), "sort": value}


def _folds(facts: Facts) -> dict[str, object] | None:
    """Each fold's test scores as dots, with their mean and standard deviation."""
    if not facts.folds:
        return None
    rows = [row for row in facts.scores if row.test is not None and row.name != "loss" and "/" not in row.name]
    found, x, y, titles = [], list[float](), list[float](), list[str]()
    for place, row in enumerate(rows):
        scored = [(name, scores[row.name]) for name, scores in facts.folds.items() if row.name in scores]
        for number, (name, score) in enumerate(scored):
            x.append(place + 0.3 * ((number + 0.5) / len(scored) - 0.5))
            y.append(score)
            titles.append(f"fold {name}: {row.name} {shown(score)}")
    means = [row.test for row in rows]
    low = [None if r.test is None or r.deviation is None else r.test - r.deviation for r in rows]
    high = [None if r.test is None or r.deviation is None else r.test + r.deviation for r in rows]
    chart = charts.scatter(
        [
            charts.Points("fold", x, y, titles=titles),
            charts.Points(
                "mean", [i + 0.28 for i in range(len(rows))], means, low, high,
                titles=[f"mean of {r.name}: {shown(r.test or 0)} ± {shown(r.deviation or 0)}" for r in rows],
            ),
        ],
        "Test scores of each fold, with their mean and standard deviation",
        Axis(low=-0.5, high=len(rows) - 0.4, ticks=[(i, row.name) for i, row in enumerate(rows)]),
        Axis("test score"), width=max(320, 130 * len(rows)),
    )  # fmt: skip
    names = [row.name for row in rows]
    for name, scores in facts.folds.items():
        found.append([name, *(_cell(scores.get(score)) for score in names)])
    return {"chart": chart, "heads": ["fold", *names], "rows": found}


def _configuration(facts: Facts) -> dict[str, object]:
    differing = [setting for setting in facts.settings if setting.by]
    environment = {
        name.replace("gpu", "GPU"): value for name, value in facts.environment.items() if value is not None
    }
    return {
        "differing": [[s.key, s.value, s.default, s.by] for s in differing],
        "every": [[s.key, s.value] for s in sorted(facts.settings, key=lambda s: s.key)],
        "environment": list(environment.items()),
    }


def _data(facts: Facts) -> dict[str, object]:
    """Splits, lengths and classes."""
    known = any(split.vectors is not None for split in facts.splits)
    heads = ["split", "examples", *([facts.unit, "shortest", "median", "longest"] if known else [])]
    rows = []
    for split in facts.splits:
        figures = [split.vectors, split.shortest, split.median, split.longest] if known else []
        rows.append([split.name, f"{split.examples:,}", *("" if f is None else f"{f:,}" for f in figures)])
    lengths = next((split for split in facts.splits if split.lengths is not None), None)
    chart = None
    if lengths is not None and lengths.lengths is not None and lengths.shortest != lengths.longest:
        label = f"{facts.unit} of an example"
        chart = charts.histogram(
            lengths.lengths.tolist(), f"Lengths of the {lengths.name} examples", Axis(label), width=460, height=220
        )
    counts = facts.labels.get("train", {})
    names = sorted(counts, key=lambda name: (-counts[name], name))[:20]
    labels = charts.bars(
        names, [charts.Series("training", [counts[name] for name in names])], "How often each class occurs in training",
        Axis("times in training"), width=460,
    ) if names else None  # fmt: skip
    return {
        "heads": heads, "rows": rows, "lengths": chart, "labels": labels, "more": len(counts) - len(names),
        "lengths_of": lengths.name if lengths else "", "warnings": facts.results.get("warnings", []), "unit": facts.unit,
    }  # fmt: skip


def _learning(facts: Facts) -> dict[str, object]:
    """Losses in one chart, the scores of validation data in another; the best update is marked."""
    by_name = {curve.name: curve for curve in facts.curves}
    losses = [by_name[name] for name in ("train_loss", "loss") if name in by_name]
    scores = [c for c in facts.curves if c.name not in ("train_loss", "loss") and "/" not in c.name]
    scores.sort(key=lambda curve: curve.name != facts.monitor)
    bounded = [curve for curve in scores if all(-1 <= v <= 1 for v in curve.values if v == v)]
    drawn = [losses, bounded, *([curve] for curve in scores if curve not in bounded)]
    names = {"train_loss": "training loss", "loss": "validation loss"}
    figures = []
    for curves in filter(None, drawn):
        best = _best_mark(facts, curves)
        axis = (
            "loss"
            if curves is losses
            else "validation score"
            if len(curves) > 1
            else f"validation {curves[0].name}"
        )
        lines = [
            charts.Curve(names.get(c.name, c.name), c.updates, c.values, colour=n) for n, c in enumerate(curves, 1)
        ]
        chart = charts.lines(
            [*lines, *best], f"{axis} after each update", Axis("updates", low=0), Axis(axis), width=520
        )
        legend = [(line.name, number) for number, line in enumerate(lines, 1)] + [
            (b.name, "var(--ink)") for b in best
        ]
        figures.append({"chart": chart, "legend": legend})
    table = [
        [f"{update:,}", *("" if (v := curve.values[i]) != v else shown(v) for curve in facts.curves)]
        for i, update in enumerate(facts.curves[0].updates)
    ]
    every = max(1, -(-len(table) // 200))
    return {
        "figures": figures, "rows": table[::every], "one": len(table) == 1,
        "heads": ["update", *(names.get(curve.name, curve.name) for curve in facts.curves)],
    }  # fmt: skip


def _best_mark(facts: Facts, curves: Sequence[gathering.Curve]) -> list[charts.Curve]:
    chosen = next((curve for curve in curves if curve.name == facts.monitor), None)
    if chosen is None or facts.best is None or facts.best not in chosen.updates:
        return []
    value = chosen.values[list(chosen.updates).index(facts.best)]
    title = f"best {chosen.name}: {shown(value)} at update {facts.best:,}"
    return [charts.Curve("best", [facts.best], [value], colour="var(--ink)", titles=[title], points=True)]


def _cell_examples(answers: Answers, matrix: Confusion, gallery: Gallery) -> tuple[dict[str, Json], list[Shown]]:
    """By cell, the numbers of the examples that are shown when it is chosen."""
    cells: dict[str, list[Json]] = {}
    listed = list[Shown]()
    chosen = of_cells(answers, matrix.cells, len(matrix.names))
    # Pictures of mistakes before those of right answers: there may not be room for all.
    chosen = chosen[np.argsort(answers.error[chosen] == 0, kind="stable")]
    for number in chosen.tolist():
        cells.setdefault(str(matrix.cells[number]), []).append(len(listed))
        listed.append(gallery.show(number))
    return dict(cells), listed


def _matrix(matrix: Confusion) -> dict[str, object]:
    """Rows of cells: the count, and which share of the row it is."""
    rows = []
    for i, name in enumerate(matrix.names):
        total = int(matrix.counts[i].sum())
        cells = []
        for j, other in enumerate(matrix.names):
            count = int(matrix.counts[i, j])
            share = count / total if total else 0.0
            said = f"{count:,} of {total:,} that are {name} were predicted as {other}"
            cells.append({
                "count": count, "share": share, "shade": round(100 * share**0.5, 1), "number": i * len(matrix.names) + j,
                "right": i == j, "said": said,
            })  # fmt: skip
        rows.append({"name": name, "total": total, "cells": cells})
    return {"names": matrix.names, "rows": rows, "rest": matrix.rest, "mistaken_rest": matrix.mistaken_rest}


def _classes(of_each: Sequence[ClassRow], noun: str) -> dict[str, object]:
    """noun: what each row is."""
    chosen = sorted(of_each, key=lambda row: (-row.support, row.name))[:MOST_CLASSES]
    rows = [
        [
            row.name,
            *(_cell(v) for v in (row.precision, row.recall, row.f1)),
            {"text": f"{row.support:,}", "sort": row.support},
        ]
        for row in chosen
    ]
    return {
        "heads": [noun, "precision", "recall", "F1", "right answers"], "rows": rows, "more": len(of_each) - len(chosen),
    }  # fmt: skip


def _numbers(answers: Answers) -> dict[str, object]:
    """Predicted against right numbers, and how large the differences are."""
    order = np.linspace(0, len(answers.gold) - 1, min(DRAWN, len(answers.gold))).astype(np.int64)
    titles = [
        f"{answers.key(int(answers.example[n]))}: right {answers.gold[n]:.6g}, predicted {answers.predicted[n]:.6g}"
        for n in order
    ]
    chart = charts.scatter(
        [charts.Points("", answers.gold[order].tolist(), answers.predicted[order].tolist(), titles=titles, sizes=[2.5] * len(order))],
        "Predicted against right numbers", Axis("right"), Axis("predicted"), diagonal=True,
    )  # fmt: skip
    residuals = (answers.predicted - answers.gold).tolist()
    histogram = charts.histogram(residuals, "Predicted less right numbers", Axis("predicted − right"), width=440)
    return {"scatter": chart, "residuals": histogram, "drawn": len(order), "count": len(answers.gold),
            "mean": f"{np.mean(residuals):+.4g}", "median": f"{np.median(answers.error):.4g}"}  # fmt: skip


def _calibration(answers: Answers) -> Calibration | None:
    if answers.kind == "classes":
        return calibration(answers.probability, answers.gold == 1)
    if answers.kind in _CLASSES:
        return calibration(answers.probability, answers.error == 0)
    return None


def _calibrated(found: Calibration, kind: str) -> dict[str, object]:
    bins = found.bins
    event = "the answer yes is right" if kind == "classes" else "the predicted class is right"
    share = "share of answers that are yes" if kind == "classes" else "share of right answers"
    titles = [
        f"{b.low:.1f} to {b.high:.1f}: {b.count:,} answers, mean probability {b.probability:.3f}, {b.right:.3f} right"
        for b in bins
    ]
    sizes = [3 + 6 * (b.count / max(b.count for b in bins)) ** 0.5 for b in bins]
    curve = charts.scatter(
        [charts.Points("", [b.probability for b in bins], [b.right for b in bins], [b.right_low for b in bins],
                       [b.right_high for b in bins], sizes, titles=titles)],
        f"Reliability: {share} by predicted probability", Axis("mean predicted probability", low=0, high=1),
        Axis(share, low=0, high=1), diagonal=True,
    )  # fmt: skip
    counts = charts.bars(
        [f"{b.low:.1f}–{b.high:.1f}" for b in bins], [charts.Series("answers", [b.count for b in bins])],
        "Answers with each probability", Axis("answers"), width=440,
    )  # fmt: skip
    rows = [
        [
            f"{b.low:.1f}–{b.high:.1f}",
            f"{b.count:,}",
            f"{b.probability:.4f}",
            f"{b.right:.4f}",
            interval(b.right_low, b.right_high),
        ]
        for b in bins
    ]
    bias = found.mean - found.right
    verdict = "too sure of its answers" if bias > 0 else "less sure of its answers than it might be"
    if kind == "classes":
        verdict = "says yes with too high a probability" if bias > 0 else "says yes with too low a probability"
    return {
        "curve": curve, "counts": counts, "rows": rows, "event": event, "share": share,
        "ece": f"{found.ece:.4f}", "brier": f"{found.brier:.4f}", "count": found.count,
        "sentence": f"The mean probability is {found.mean:.3f}, and {found.right:.3f} "
        f"{'of the answers are yes' if kind == 'classes' else 'of the answers are right'}: on the whole the model {verdict}"
        f" (by {abs(bias):.3f}).",
    }  # fmt: skip


def _groups(facts: Facts, answers: Answers) -> Iterator[dict[str, object]]:
    """Scores of examples with something in common, each as bars with intervals."""
    values, measure, upward = _value(answers)
    if (sizes := _sizes(facts, answers)) is not None and sizes.min() != sizes.max():
        unit = facts.unit if facts.parts and facts.parts[0].split is not None else "words"
        yield _grouped(
            f"By length, in {unit}", by_size(sizes[answers.example], values, answers.example), measure, upward
        )
    shares = answers.unknown_share()
    if shares is not None and (shares > 0).any():
        yield _grouped(
            "By the share of words that training never saw",
            by_share(shares, values, answers.example),
            measure,
            upward,
        )
    known, distances = _distances(facts, answers)
    if len(known) > 1:
        groups = by_size(distances, values[known], answers.example[known])
        yield _grouped("By how many words away the deciding word is", groups, measure, upward)
    marked = list(_marked(facts, answers, values))
    if marked:
        yield _grouped("Marked words", marked, measure, upward)


def _value(answers: Answers) -> tuple[Numbers, str, bool]:
    """(D,) what is averaged over groups, its name, and whether higher is better."""
    if answers.kind in (*_CLASSES, "classes"):
        return 1 - np.minimum(answers.error, 1), "accuracy", True
    return answers.error, "word error rate" if answers.kind == "sequence" else "mean absolute error", False


def _grouped(name: str, groups: Sequence[Group], measure: str, upward: bool) -> dict[str, object]:
    chart = charts.bars(
        [group.name for group in groups],
        [charts.Series(measure, [g.mean for g in groups], [g.low for g in groups], [g.high for g in groups],
                       titles=[f"{g.name}: {measure} {shown(g.mean)}, {g.count:,} answers of {g.examples:,} examples" for g in groups])],
        f"{measure}. {name}", Axis(measure, high=1.0 if upward else None),
    )  # fmt: skip
    rows = [
        [
            g.name,
            f"{g.examples:,}",
            f"{g.count:,}",
            _cell(g.mean),
            "" if g.low is None or g.high is None else interval(g.low, g.high),
        ]
        for g in groups
    ]
    return {
        "name": name,
        "chart": chart,
        "rows": rows,
        "heads": ["group", "examples", "answers", measure, "95 % interval"],
    }


def _sizes(facts: Facts, answers: Answers) -> Indices | None:
    """(n,): vectors of each example where the data were read again, else its words."""
    splits = [part.split for part in facts.parts]
    if splits and all(split is not None for split in splits):
        sizes = np.zeros(len(answers), dtype=np.int64)
        for number, split in enumerate(splits):
            assert split is not None
            sizes[answers.run == number] = gathering.lengths_of(split)
        return sizes
    return answers.word_counts()


def _marked(facts: Facts, answers: Answers, values: Numbers) -> Iterator[Group]:
    """Of tags of words: those that the data mark, and the others."""
    splits = [part.split for part in facts.parts]
    if answers.kind != "vector_classes" or not splits or any(split is None for split in splits):
        return
    marks: dict[str, list[NDArray[np.bool_]]] = {}
    for split in splits:
        assert split is not None
        for name, of_examples in split.slices().items():
            marks.setdefault(name, []).extend(of_examples)
    for name, of_each in marks.items():
        starts = np.cumsum([0, *(len(m) for m in of_each)])[:-1]
        flat = np.concatenate(of_each).astype(bool)
        inside = flat[starts[answers.example] + answers.position]
        for title, chosen in ((name, inside), (f"not {name}", ~inside)):
            if chosen.any():
                yield group_mean(title, values[chosen], answers.example[chosen])


def _distances(facts: Facts, answers: Answers) -> tuple[Indices, Indices]:
    """Numbers of the answers about words whose deciding words the data know, and how far away the nearest of these is."""
    split = facts.parts[0].split if len(facts.parts) == 1 else None
    none = np.zeros(0, dtype=np.int64)
    if answers.kind != "vector_classes" or split is None or len(split) > MOST_WITH_EVIDENCE:
        return none, none
    starts = np.searchsorted(answers.example, np.arange(len(split) + 1))
    numbers, distances = list[int](), list[int]()
    for i in range(len(split)):
        marks = split.evidence(i)
        if marks is None or marks.ndim != 2:
            continue
        for number in range(int(starts[i]), int(starts[i + 1])):
            position = int(answers.position[number])
            deciding = np.flatnonzero(marks[position])
            if len(deciding):
                numbers.append(number)
                distances.append(int(np.abs(deciding - position).min()))
    return np.array(numbers, dtype=np.int64), np.array(distances, dtype=np.int64)


def _errors(facts: Facts, answers: Answers, wrong: Sequence[Shown]) -> dict[str, object]:
    measure = {"sequence": "word error rate", "number": "difference", "vector_numbers": "difference"}.get(
        answers.kind, ""
    )
    count = len(np.unique(answers.example[answers.error > 0]))
    first = {
        "sequence": "texts with the highest word error rate first",
        "number": "the largest differences first", "vector_numbers": "the largest differences first",
        "classes": "the surest wrong answers first",
    }.get(answers.kind, "wrong answers with the highest probability first")  # fmt: skip
    return {
        "shown": [{**vars(one), "wrong_by": shown(one.error) if measure else ""} for one in wrong], "measure": measure,
        "first": first, "count": count, "examples": len(answers), "pictures": any(one.media >= 0 for one in wrong),
    }  # fmt: skip


def _explained(facts: Facts, gallery: Gallery, quick: bool) -> dict[str, object] | None:
    """Five answers, each with the vectors that it is due to."""
    found, why = explain_some(facts, quick)
    if not found and not why:
        return None
    return {
        "shown": [(gallery.show(one.number, sound=True), one) for one in found], "why": why,
        "again": f"attnlab report {gathering.path_word(facts.folder.path)}",
    }  # fmt: skip


def _time(facts: Facts, parts: Sequence[tuple[str, float]]) -> dict[str, object]:
    train = facts.results.get("train", {})
    named = [(name, number) for number, (name, _) in enumerate(parts, 1)]
    seconds = [value for _, value in parts]
    return {
        "chart": charts.stacked([("training", seconds)], named, "What the time of training was spent on", "s"),
        "legend": [(f"{name} {value:,.1f} s", number) for number, (name, value) in enumerate(parts, 1)],
        "speed": f"{train.get('vectors_per_second', 0):,.0f}",
        "unit": facts.unit,
    }


def _commands(facts: Facts) -> list[tuple[str, str]]:
    found = [("Train such a run again", facts.started_with), ("Score it again", facts.scored_with)]
    found.append(("Write this page again", f"attnlab report {gathering.path_word(facts.folder.path)}"))
    return found


def _inputs(facts: Facts, gallery: Gallery | None) -> str:
    """Which inputs of the test data the page holds."""
    again = f"`attnlab report {gathering.path_word(facts.folder.path)} --with-inputs`"
    return "" if gallery is None else inputs_sentence(facts, gallery, again)


def inputs_sentence(facts: Facts, gallery: Gallery, including: str) -> str:
    """Which inputs of the test data a page holds. including: what makes it hold pictures, as the subject of `includes some`."""
    if facts.words and facts.generated:
        return "The data are generated by the program; this page holds examples of them."
    if facts.words:
        return "This page holds texts of the test data. Share it only with those who may read them."
    if not gallery.included:
        return f"This page holds no pictures or recordings of the test data, only keys and answers; {including} includes some."
    of = "generated examples" if facts.generated else "the test data, as --with-inputs asked"
    left = f"; {gallery.left_out:,} more had no place" if gallery.left_out else ""
    return f"This page holds {len(gallery.media):,} pictures, drawings or recordings of {of}{left}."
