"""The page of `attnlab inspect RUN --split NAME`, and the same numbers as JSON and as a table."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from markupsafe import Markup

from attnlab.explain.explanation import METHODS
from attnlab.explain.heads import STATISTICS, Change
from attnlab.explain.over_examples import BASELINES, MEASURES, Estimate, Trust
from attnlab.lab.inspect.heads import NO_MATTER, Head, Inspected
from attnlab.pages import charts
from attnlab.pages.page import packed, page
from attnlab.plural import plural

COSTS: dict[Change, tuple[str, str]] = {
    "uniform": (
        "cost of uniform weights",
        "What the score loses when the head's weights are uniform over its scope: near 0, where it looks doesn't matter.",
    ),
    "zero": (
        "cost of no head",
        "What the score loses when the head's output is zero: near 0, the head is not needed.",
    ),
}
COST_SOURCES: dict[Change, str] = {"uniform": "Wiegreffe & Pinter 2019", "zero": "Michel et al. 2019"}
LAYERS = {"encoder": "encoder", "decoder": "decoder", "cross": "cross-attention"}
"""As rows are called."""


@dataclass(frozen=True)
class Cell:
    """One head in a map. share: of the scale, from −1 to 1, of its colour; told: the number with its interval."""

    text: str
    share: float
    told: str


@dataclass(frozen=True, eq=False)
class Map:
    """All heads by one statistic. heads: numbers of the columns; rows: name of the layer, its cells, and what uniform weights would give.
    high: the end of the scale."""

    title: str
    reading: str
    source: str
    heads: Sequence[int]
    rows: Sequence[tuple[str, Sequence[Cell | None], str]]
    high: str
    signed: bool


def written(found: Inspected) -> str:
    """The page."""
    names = _statistics(found)
    values = {
        "found": found,
        "facts": _facts(found),
        "use": use_sentence(found),
        "evidence": evidence_sentence(found),
        "maps": [_map(found, name) for name in names] + [_cost_map(found, change) for change in _changes(found)],
        "columns": ["layer", "head", "scope", *(_title(name, found.unit) for name in names), *_cost_titles(found)],
        "rows": [_row(found, head) for head in found.heads],
        "charts": [(MEASURES[name], _chart(found.trust, name)) for name in MEASURES if _known(found.trust, name)],
        "correlation": _correlation(found.trust),
        "methods": {name: METHODS[name] for name in METHODS if name in found.trust.estimates},
        "data": packed({"csv": as_csv(found), "name": f"heads-{found.run}-{found.split}.csv"}, {}),
    }
    title = f"{found.run}: heads over the {found.split} split"
    return page("heads.html", title, values, ["heads.js"])


def sentences(found: Inspected) -> list[str]:
    """What the page says first, for a terminal."""
    told = [use_sentence(found), evidence_sentence(found), found.trust.sentence]
    return [sentence for sentence in told if sentence] + list(found.notes)


def use_sentence(found: Inspected) -> str:
    """How many heads' patterns, and how many heads, answers do without. The rule: one whose change costs less than `NO_MATTER` of
    the score; for scores in units of the answer, that share of it."""
    use, heads = found.use, [head for head in found.heads if head.cost]
    if use is None or not heads:
        return ""
    idle = [head for head in heads if "uniform" in head.cost and not use.matters(head.cost["uniform"])]
    spare = [head for head in heads if "zero" in head.cost and not use.matters(head.cost["zero"])]
    limit = f"{NO_MATTER:.1%} of the {use.score}" if use.absolute else f"{NO_MATTER} in {use.score}"
    if not idle:
        few = f"the pattern of each matters (uniform weights would cost at least {limit})"
    else:
        whose = "none matters" if len(idle) == len(heads) else f"{len(idle)} does not matter"
        few = f"the pattern of {whose} (uniform weights would cost less than {limit})"
    left = (
        f"{len(spare)} could be left out for less than that, each alone"
        if spare
        else "none could be left out for less than that"
    )
    return f"Of {plural(len(heads), 'head')}, {few}, and {left}; the whole model has {use.score} {use.value:.4f}."


def evidence_sentence(found: Inspected) -> str:
    """What the head that was chosen on validation data finds of the known evidence, beside chance and position."""
    known = found.evidence
    if known is None or known.chosen is None or known.hits is None or known.chance is None:
        return ""
    position = (
        "" if known.by_position is None else f"; by position alone ({known.rule}): {_said(known.by_position)}"
    )
    return (
        f"Where it is known which vectors decide the answer, head {known.chosen}, chosen on validation data, has its largest weight on "
        f"one of them for {_said(known.hits)} of the queries; a vector at random: {_said(known.chance)}{position}."
    )


def as_json(found: Inspected) -> dict[str, object]:
    """All numbers of the page, and its sentences."""
    return {
        "run": found.run, "split": found.split, "examples": found.total, "looked_at": found.looked_at, "distance_unit": found.unit,
        "heads": [asdict(head) for head in found.heads],
        "score": None if found.use is None else asdict(found.use),
        "evidence": None if found.evidence is None else asdict(found.evidence),
        "explained": found.trust.examples,
        "methods": {
            name: {measure: asdict(estimate) for measure, estimate in measures.items()}
            for name, measures in found.trust.estimates.items()
        },
        "better_than_random": dict(found.trust.better), "best": list(found.trust.best),
        "sentences": sentences(found),
    }  # fmt: skip


def as_csv(found: Inspected) -> str:
    """A row for each head, with three columns for each number: itself and the ends of its interval."""
    names, changes = _statistics(found), _changes(found)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    columns = [*names, *(f"cost_{change}" for change in changes)]
    writer.writerow(
        [
            "layer",
            "kind",
            "number",
            "scope",
            "head",
            *(f"{c}{end}" for c in columns for end in ("", "_low", "_high")),
        ]
    )
    for head in found.heads:
        estimates = [
            *(head.statistics.get(name) for name in names),
            *(head.cost.get(change) for change in changes),
        ]
        numbers = [n for e in estimates for n in (("", "", "") if e is None else (e.value, e.low, e.high))]
        writer.writerow([head.layer, head.kind, head.layer_number, head.scope, head.number, *numbers])
    return table.getvalue()


def _facts(found: Inspected) -> list[str]:
    seen = f"{found.total:,} examples"
    if found.looked_at < found.total:
        seen += f", of which {found.looked_at:,} were looked at"
    use = found.use
    told = [f"task {found.task}", f"data {found.data}", f"{found.split} split: {seen}"]
    if use is not None and use.examples < found.total:
        told.append(f"costs of heads: {use.examples:,} examples")
    return [*told, f"explained: {found.trust.examples:,} examples"]


def _statistics(found: Inspected) -> list[str]:
    return [name for name in STATISTICS if any(name in head.statistics for head in found.heads)]


def _changes(found: Inspected) -> list[Change]:
    return [change for change in COSTS if any(change in head.cost for head in found.heads)]


def _title(name: str, unit: str) -> str:
    title = STATISTICS[name].title
    return f"{title} ({unit})" if name == "distance" else title


def _cost_titles(found: Inspected) -> list[str]:
    matters = ["pattern matters"] if "uniform" in _changes(found) and found.use is not None else []
    return [COSTS[change][0] for change in _changes(found)] + matters


def _row(found: Inspected, head: Head) -> list[object]:
    """Cells of the table, as `parts.table` takes them."""
    names, changes = _statistics(found), _changes(found)
    estimates = [*(head.statistics.get(name) for name in names), *(head.cost.get(change) for change in changes)]
    cells: list[object] = [
        _layer_name(head),
        head.number,
        head.scope,
        *(_cell_of_table(estimate) for estimate in estimates),
    ]
    if "uniform" in changes and found.use is not None:
        cost = head.cost.get("uniform")
        cells.append("" if cost is None else "yes" if found.use.matters(cost) else "no")
    return cells


def _cell_of_table(estimate: Estimate | None) -> Mapping[str, object] | str:
    if estimate is None:
        return ""
    around = "" if estimate.low is None or estimate.high is None else f" ±{(estimate.high - estimate.low) / 2:.3f}"
    return {"text": f"{_number(estimate.value)}{around}", "sort": f"{estimate.value:.9g}"}


def _layer_name(head: Head) -> str:
    return f"{LAYERS[head.kind]} {head.layer_number}"


def _map(found: Inspected, name: str) -> Map:
    """Shares are on a scale from 0 to 1; distances, which have no end, to the largest."""
    statistic = STATISTICS[name]
    estimates = {(head.layer, head.number): head.statistics.get(name) for head in found.heads}
    high = 1.0
    if name == "distance":
        high = max([e.value for e in estimates.values() if e is not None], default=1.0) or 1.0
    return _drawn(found, estimates, _title(name, found.unit), statistic.reading, statistic.source, high, name)


def _cost_map(found: Inspected, change: Change) -> Map:
    assert found.use is not None
    estimates = {(head.layer, head.number): head.cost.get(change) for head in found.heads}
    high = max([abs(e.value) for e in estimates.values() if e is not None], default=0.0) or 1.0
    title, reading = COSTS[change]
    return _drawn(found, estimates, f"{title} ({found.use.score})", reading, COST_SOURCES[change], high, "")


def _drawn(
    found: Inspected, estimates: Mapping[tuple[str, int], Estimate | None], title: str, reading: str, source: str, high: float, name: str
) -> Map:  # fmt: skip
    """name: of the statistic, whose value of uniform weights stands behind each row; "" for none."""
    layers = dict.fromkeys(head.layer for head in found.heads)
    rows = list[tuple[str, Sequence[Cell | None], str]]()
    widest = max(head.number for head in found.heads)
    for layer in layers:
        heads = [head for head in found.heads if head.layer == layer]
        cells: list[Cell | None] = []
        for number in range(1, widest + 1):
            estimate = estimates.get((layer, number))
            told = "" if estimate is None else f"{_layer_name(heads[0])}, head {number}: {_said(estimate)}"
            cells.append(None if estimate is None else Cell(_number(estimate.value), estimate.value / high, told))
        if any(cell is not None for cell in cells):
            uniform = heads[0].uniform.get(name)
            rows.append((_layer_name(heads[0]), cells, "" if uniform is None else _number(uniform)))
    signed = any(cell is not None and cell.share < 0 for _, cells, _ in rows for cell in cells)
    return Map(title, reading, source, list(range(1, widest + 1)), rows, _number(high), signed)


def _chart(trust: Trust, measure: str) -> Markup:
    methods = [name for name in METHODS if measure in trust.estimates.get(name, {})]
    sign = -1 if MEASURES[measure].higher else 1
    methods.sort(key=lambda name: (name in BASELINES, sign * trust.estimates[name][measure].value))
    estimates = [trust.estimates[name][measure] for name in methods]
    series = charts.Series(
        "", [e.value for e in estimates], [e.low for e in estimates], [e.high for e in estimates],
        titles=[f"{METHODS[name].partition(':')[0]}: {_said(e)}" for name, e in zip(methods, estimates, strict=True)],
    )  # fmt: skip
    names = [METHODS[name].partition(":")[0] for name in methods]
    return charts.bars(names, [series], f"{MEASURES[measure].title} of each method, the best first", width=520)


def _known(trust: Trust, measure: str) -> bool:
    return any(measure in estimates for estimates in trust.estimates.values())


def _correlation(trust: Trust) -> str:
    if trust.rank_correlation is None:
        return ""
    return (
        f"Attention weights and the size of gradient × input order vectors alike with Kendall's τ = {_said(trust.rank_correlation)} "
        "(Jain & Wallace 2019). This is no test: methods that agree may be wrong together, and this page ranks none by it."
    )


def _said(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return _number(estimate.value)
    return f"{_number(estimate.value)} [{_number(estimate.low)}, {_number(estimate.high)}]"


def _number(value: float) -> str:
    """With three decimals below 10, and without a sign before 0."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.{3 if abs(value) < 10 else 1}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")
